# SPDX-License-Identifier: BSD-3-Clause
"""Which types of products there are: those of CTAO's data model, and ours beside them where it lacks one.

The last word of a product type is CTAO's, or one of `OWN`. An own type stands for a wider one of CTAO's, of
which it is one kind: `to_ctao` gives that one and the kind, `from_ctao` the way back.
"""

from collections.abc import Mapping

from pellucid.archive.product import check_product_type
from pellucid.errors import ConfigurationError, nearest

__all__ = ["CTAO", "OWN", "check_defined", "from_ctao", "to_ctao"]

CTAO = (
    "AirShower",
    "AirShowerSim",
    "AllSkyCamera",
    "BackgroundIRFComponent",
    "Calibration",
    "CalibrationSim",
    "Ceilometer",
    "ContemporaryAtmosphere",
    "FRAM",
    "GridIRF",
    "HDUIndex",
    "LSTDRS4BaselineCalibration",
    "LSTDRS4SamplingCalibration",
    "LSTDRS4TimelapseCalibration",
    "Lidar",
    "LongTermSchedule",
    "MidTermSchedule",
    "MuonCandidate",
    "NectarCamCalibration",
    "Observation",
    "ObservationCatalog",
    "ObservationSim",
    "Pointing",
    "RecoModel",
    "TailoredIRF",
    "TelescopeTriggers",
    "Trigger",
    "Weather",
)
"""Spelled out because importing the data model takes a second; a test compares."""

OWN: Mapping[str, tuple[str, str]] = {
    "Pedestal": ("Calibration", "events without light, from which pedestals and their noise are computed"),
    "FlatField": ("Calibration", "events of a uniform light flash"),
    "SinglePhotoElectron": (
        "Calibration",
        "events of a flash so dim that most pixels see one photo-electron",
    ),
    "SinglePhotoElectronGain": ("Calibration", "gain of every pixel from spectra of single photo-electrons"),
    "TimeCalibration": ("Calibration", "delay of every pixel against the mean of the camera"),
    "CameraCalibration": ("Calibration", "pedestals, gains and flat-field coefficients of a camera"),
    "CameraCalibrationSeries": ("Calibration", "coefficients of a camera in the course of a run"),
    "FilterScan": ("Calibration", "what fluctuates in flashes beside their light, from several brightnesses"),
    "TimeWalk": ("Calibration", "how times of pulses depend on charge, or on high voltage"),
    "CameraSlowControl": ("Calibration", "readings of a camera's high voltages and temperatures"),
    "Drs4Calibration": ("Calibration", "offsets, spikes and delays of the capacitors of a DRS4 camera"),
    "Drive": ("Pointing", "what the drive of a telescope was asked for and what its encoders read"),
    "StarOffset": ("Pointing", "where stars were found against where the telescope was sent"),
    "PointingModel": ("Pointing", "how the mount bends: coefficients with their covariance"),
    "Throughput": ("Calibration", "optical throughput and width of the mirror's image from muon rings"),
    "TriggerRates": ("Trigger", "numbers of stereo events per pair of telescopes, and the live time"),
    "CherenkovTransparency": (
        "ContemporaryAtmosphere",
        "Cherenkov transparency coefficient: the air from an array's own rates",
    ),
    "RateReference": ("Trigger", "rates of pairs of telescopes on clear nights"),
    "ShowerImages": ("AirShower", "what telescopes saw of the same reconstructed showers"),
    "LightYield": ("Calibration", "light of a telescope from the spectrum of its images"),
    "Intercalibration": ("Calibration", "relative light of telescopes from showers that they share"),
    "JointThroughput": ("Calibration", "light of every telescope in time, from all that tells it"),
    "TimeOffsets": ("Calibration", "offsets of the telescopes' clocks from arrival times of showers"),
    "LidarElastic": ("Lidar", "profiles of the air from elastic light"),
    "LidarRaman": ("Lidar", "profiles of the air from elastic and Raman light"),
    "LidarFinal": ("Lidar", "profiles of the air with the night's own molecules and drawn errors"),
    "LidarNight": ("Lidar", "a LIDAR's night: quick look, profiles over time, layers"),
    "LidarScan": ("Lidar", "a LIDAR's recordings at several zenith angles, and the depths that they tell"),
    "LidarInstrument": ("Calibration", "dead times of a LIDAR's counters, their analog twins, its overlap"),
    "Transmission": (
        "ContemporaryAtmosphere",
        "light that reaches the ground, by height, wavelength, zenith",
    ),
    "ShowerTransmission": ("ContemporaryAtmosphere", "a shower's light over that in the simulations' air"),
    "AirProfile": ("ContemporaryAtmosphere", "pressure and temperature of a radiosonde or a weather model"),
    "Arcade": ("Lidar", "recordings of the ARCADE Raman LIDAR"),
    "ArcadeRaman": ("Lidar", "profiles of the air from the ARCADE Raman LIDAR"),
    "StarCatalogue": ("Observation", "positions, motions and magnitudes of bright stars"),
    "Description": ("Observation", "telescopes and cameras of a subarray"),
}
"""Own types: the type of CTAO's of which each is a kind, and what it is."""


def check_defined(product_type: str, extra: Mapping[str, str] | None = None, *, where: str = "") -> None:
    """Refuse a product type that nobody defines.

    Parameters
    ----------
    product_type : str
        ``level/division/association/type``.
    extra : mapping of str to str, optional
        Types that an interface file declares itself, each with what it is.
    where : str
        For the error.

    Raises
    ------
    ConfigurationError
        It is ill-formed (``product-type``), or neither CTAO, Pellucid nor the interface knows its last
        word (``undefined-product-type``).
    """
    try:
        check_product_type(product_type)
    except ConfigurationError as error:
        error.where, error.got = where, error.got or product_type
        error.mend = error.mend or "correct the product type"
        raise
    word = product_type.rpartition("/")[2]
    known = [*CTAO, *OWN, *(extra or {})]
    if word not in known:
        raise ConfigurationError(
            f"Nobody defines the product type '{product_type}'.",
            where=where,
            expected="a last word of CTAO's data model, of Pellucid's own, or of [product_types] in the file",
            got=word,
            mend=nearest(word, known),
            code="undefined-product-type",
        )


def to_ctao(product_type: str) -> tuple[str, str]:
    """Return the product type in CTAO's vocabulary, and which kind of it is meant (empty: all of it)."""
    head, _, word = product_type.rpartition("/")
    return (f"{head}/{OWN[word][0]}", word) if word in OWN else (product_type, "")


def from_ctao(product_type: str, kind: str) -> str:
    """Return our product type of CTAO's and the kind that is meant: the way back of `to_ctao`."""
    return f"{product_type.rpartition('/')[0]}/{kind}" if kind else product_type
