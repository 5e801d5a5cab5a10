# SPDX-License-Identifier: BSD-3-Clause
"""What one can choose in the making of images and parameters."""

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Cleaning", "Extractor", "ProcessOptions"]


@dataclass(frozen=True)
class Extractor:
    """How charge and time are taken from a waveform.

    Attributes
    ----------
    kind : {"neighbor-peak", "local-peak", "fixed-window"}
        Where the window is put: at the peak of the neighbours' sum, of the pixel, or always the same.
    width, shift : int
        Length of the window and its start before the peak, in samples.
    peak : int
        Sample of the peak for "fixed-window".
    local_weight : int
        How often the pixel itself counts for "neighbor-peak".
    correction : bool
        Whether to correct for the part of the pulse outside the window.
    """

    kind: Literal["neighbor-peak", "local-peak", "fixed-window"] = "neighbor-peak"
    width: int = 7
    shift: int = 3
    peak: int = 0
    local_weight: int = 0
    correction: bool = True


@dataclass(frozen=True)
class Cleaning:
    """Tailcuts cleaning, thresholds in photo-electrons.

    Attributes
    ----------
    picture, boundary : float
        Thresholds, in p.e.
    min_picture_neighbors : int
        Picture neighbours that a picture pixel needs.
    keep_isolated : bool
        Whether picture pixels stay without neighbours.
    """

    picture: float = 10.0
    boundary: float = 5.0
    min_picture_neighbors: int = 2
    keep_isolated: bool = False


@dataclass(frozen=True)
class ProcessOptions:
    """Options of the way from waveforms to parameters.

    Attributes
    ----------
    extractor : Extractor
        Charge extraction.
    cleaning : Cleaning
        Image cleaning.
    gain_threshold : float
        High-gain sample above which a pixel's low gain is used, in ADC counts.
    gain_selection : {"showers", "all"}
        Whether calibration events keep all their gain channels, or are selected like showers.
    focal_length : {"effective", "nominal"}
        Focal length that turns positions in the camera into angles.
    fill_rings : int
        Rings of a hole of unusable pixels that are filled, from its edge inwards, by means weighted with
        1 / distance. With 0 a pixel gets the plain mean of its usable neighbours, 0 without any.
    """

    extractor: Extractor = field(default_factory=Extractor)
    cleaning: Cleaning = field(default_factory=Cleaning)
    gain_threshold: float = 4000.0
    gain_selection: Literal["showers", "all"] = "showers"
    focal_length: Literal["effective", "nominal"] = "effective"
    fill_rings: int = 0
