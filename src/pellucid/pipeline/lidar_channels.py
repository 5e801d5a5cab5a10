# SPDX-License-Identifier: BSD-3-Clause
"""From a LIDAR's raw files to the signals of its channels, as the parameters of its steps say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics
from pellucid.pipeline.step import Parameters

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pellucid.atmosphere.lidar.dead_time import DeadTimeFit
    from pellucid.atmosphere.lidar.instrument import Instrument
    from pellucid.atmosphere.lidar.options import Channel
    from pellucid.atmosphere.lidar.scan import HorizontalShot
    from pellucid.atmosphere.lidar.signal import Signal
    from pellucid.atmosphere.molecular import Air, MolecularOptics
    from pellucid.formats.licel import LicelFile

__all__ = [
    "LEVEL",
    "Recorded",
    "busy",
    "channel_pair",
    "channel_signal",
    "clock_zone",
    "counted",
    "horizontal_shot",
    "level_files",
    "optics_at",
    "recorded",
    "twin_fit",
    "wavelength_pairs",
]


LEVEL = 85.0
"""Zenith angle in deg from which a shot is horizontal."""

_BUSY = 0.3
"""Counted rate times dead time."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """A counter and its analog twin, as recorded in n files.

    Attributes
    ----------
    wavelength : int
        In nm.
    name : str
        Of the first file.
    raw : ndarray of int32, shape (n, n_bins)
        Counts, summed over shots.
    analog : ndarray of float64, shape (n, n_bins), or None
        Mean signals in mV; None without a twin.
    shots : ndarray of int64, shape (n,)
        Number of shots.
    bin_width : float
        In m.
    """

    wavelength: int
    name: str
    raw: "npt.NDArray[np.int32]"
    analog: "npt.NDArray[np.float64] | None"
    shots: "npt.NDArray[np.int64]"
    bin_width: float

    @property
    def rates(self) -> "npt.NDArray[np.float64]":
        """Counted rates in MHz, shape (n, n_bins)."""
        rates: npt.NDArray[np.float64] = self.raw / self.shots[:, None] * 150.0 / self.bin_width
        return rates


def recorded(
    files: "Sequence[LicelFile]",
    wavelength: int,
    parameters: Parameters,
    *,
    twin: bool = True,
    device: str = "",
) -> Recorded:
    """Return a counter of a wavelength (nm), with its analog twin or without.

    The first with this wavelength, or that of a named device.

    Raises
    ------
    MissingInput
        There is no such channel (``licel-no-channel``).
    CorruptedInput
        The files look in different directions (``lidar-directions``).
    """
    import numpy as np

    zenith = np.array([f.header.zenith for f in files])
    if np.ptp(zenith) > float(parameters["steady"]):
        raise CorruptedInput(
            "The files of one profile look in different directions.",
            where=f"{files[0].header.name} to {files[-1].header.name}",
            expected=f"one zenith angle within {parameters['steady']} deg",
            got=f"{zenith.min():.1f} to {zenith.max():.1f} deg",
            mend="sum files of one direction; a scan has a step of its own: lidar-scan",
            code="lidar-directions",
        )
    photon = files[0].index(wavelength, photon=True, device=device)
    beside = files[0].index(wavelength, photon=False) if twin else None
    return Recorded(
        wavelength=wavelength,
        name=files[0].header.name,
        raw=np.stack([f.raw[photon] for f in files]),
        analog=None if beside is None else np.stack([f.physical(beside) for f in files]),
        shots=np.array([f.header.active[photon].shots for f in files], np.int64),
        bin_width=files[0].header.active[photon].bin_width,
    )


def counted(channel: Recorded, dead_time: float, parameters: Parameters) -> "Signal":
    """Return the counts of a channel, corrected for a dead time in us."""
    from pellucid.atmosphere.lidar.signal import photon_signal

    low, high = parameters["background"]
    return photon_signal(
        channel.raw,
        channel.shots,
        channel.bin_width,
        (float(low), float(high)),
        dead_time=dead_time,
        paralysable=bool(parameters["paralysable"]),
        zero_bin=float(parameters["zero_bin"]),
    )


def twin_fit(channel: Recorded, parameters: Parameters) -> "DeadTimeFit":
    """Return the dead time of a counter, and what ties it to its analog twin, from both together.

    Raises
    ------
    InsufficientStatistics
        They do not tell it (``no-dead-time``).
    """
    from pellucid.atmosphere.lidar.dead_time import fit_dead_time

    assert channel.analog is not None
    try:
        return fit_dead_time(
            channel.analog,
            channel.rates,
            channel.shots,
            channel.bin_width,
            paralysable=bool(parameters["paralysable"]),
        )
    except InsufficientStatistics as error:
        raise InsufficientStatistics(
            error.what,
            where=f"{channel.wavelength} nm of {channel.name}",
            expected=error.expected,
            got=error.got,
            mend="configure the dead time: parameter dead_time, in ns",
            code=error.code,
        ) from error


def channel_signal(
    files: "Sequence[LicelFile]",
    wavelength: int,
    parameters: Parameters,
    instrument: "Instrument | None" = None,
) -> "Signal":
    """Return the counts of a channel, dead time corrected and glued to its analog twin if it has one.

    Parameters
    ----------
    files : sequence of LicelFile
        With one set of channels, of one direction; n of them.
    wavelength : int
        In nm.
    parameters : mapping
        Those of the steps of LIDARs; a ``dead_time`` below 0 means that it is the instrument's, or else found
        by comparing the twins.
    instrument : Instrument, optional
        What the night's data told about it.

    Returns
    -------
    Signal
        n profiles.

    Raises
    ------
    MissingInput, CorruptedInput, InsufficientStatistics
        See `recorded` and `twin_fit`.
    ConfigurationError
        The likelihood of both channels is asked for with a dead time of the other kind (``joint-gluing``).
    """
    configured = float(parameters["dead_time"])
    channel = recorded(files, wavelength, parameters, twin=configured < 0.0)
    if channel.analog is None:
        return counted(channel, configured * 1e-3, parameters)
    known = None if instrument is None else instrument.twins.get(wavelength)
    fit = twin_fit(channel, parameters) if known is None else known
    return _glued(counted(channel, fit.tau, parameters), channel, channel.analog, fit, parameters)


def busy(files: "Sequence[LicelFile]", wavelength: int, parameters: Parameters) -> bool:
    """Return whether a counter without analog twin is dead for over 0.3 of the time somewhere.

    That is where its counted rate times the dead time exceeds 0.3 between ``start`` and ``stop``: there a
    correction rests on the model of the dead time.
    """
    import numpy as np

    dead_time = float(parameters["dead_time"]) * 1e-3
    if dead_time <= 0.0:
        return False
    channel = recorded(files, wavelength, parameters, twin=False)
    edges = np.array([float(parameters["start"]), float(parameters["stop"])]) / channel.bin_width
    first, last = (int(edge + float(parameters["zero_bin"])) for edge in edges)
    used = channel.rates[:, max(first, 0) : last]
    return bool(used.size and used.max() * dead_time > _BUSY)


def _glued(
    signal: "Signal", channel: Recorded, analog: Any, fit: "DeadTimeFit", parameters: Parameters
) -> "Signal":
    import numpy as np

    from pellucid.atmosphere.lidar.gluing import glued
    from pellucid.atmosphere.lidar.joint_gluing import fit_jointly, glued_jointly

    far = signal.range >= float(parameters["background"][0])
    noise = float(np.mean(analog[:, far].std(axis=1) * np.sqrt(channel.shots)))
    if not parameters["joint"]:
        low, high = parameters["gluing"]
        return glued(signal, analog, fit, noise, rates=(float(low), float(high)))
    if parameters["paralysable"]:
        raise ConfigurationError(
            "Gluing by likelihood knows non-paralysable counters only.",
            where="joint, paralysable",
            expected="one of both",
            got="both true",
            mend="glue by regression: joint = false",
            code="joint-gluing",
        )
    joint = fit_jointly(analog, channel.rates, channel.shots, channel.bin_width, fit, noise)
    return glued_jointly(signal, channel.raw.astype(np.float64), analog, joint, noise)


def optics_at(
    files: "Sequence[LicelFile]",
    distance: Any,
    wavelength: int,
    parameters: Parameters,
    air: "Air | None" = None,
    *,
    elastic: bool = True,
) -> "MolecularOptics":
    """Return the molecules at ranges in m, shape (n_bins,), along the line of sight of some files.

    The standard atmosphere where no ``air`` (over height above sea level) is given; ozone absorbs with them.
    """
    import numpy as np

    from pellucid.atmosphere.molecular import molecular_optics, standard_air
    from pellucid.atmosphere.ozone import ozone_extinction

    header = files[0].header
    # air is told over rising heights, along horizontal shots too
    slope = max(float(np.cos(np.deg2rad(header.zenith))), 1e-6)
    height = distance * slope + header.altitude
    return molecular_optics(
        standard_air(height) if air is None else air.at(height),
        wavelength,
        co2=float(parameters["co2"]),
        cabannes=bool(parameters["cabannes"]) and elastic,
        absorption=ozone_extinction(height, wavelength, float(parameters["ozone"])),
    )


def channel_pair(
    files: "Sequence[LicelFile]",
    wavelength: int,
    raman: int,
    parameters: Parameters,
    air: "Air | None" = None,
    instrument: "Instrument | None" = None,
) -> "tuple[Channel, Channel | None]":
    """Return an elastic channel and its Raman channel (None where ``raman`` is 0), in nm, with their air."""
    from pellucid.atmosphere.lidar.options import Channel
    from pellucid.atmosphere.lidar.overlap import corrected

    end = max(float(parameters["stop"]), float(parameters["reference"][1]))
    overlap = None if instrument is None else instrument.overlap.get(wavelength)

    def channel(nm: int) -> Channel:
        signal = channel_signal(files, nm, parameters, instrument).merged()
        signal = signal.until(end)
        if overlap is not None:
            signal = corrected(signal, overlap.at(signal.range))
        return Channel(signal, optics_at(files, signal.range, nm, parameters, air, elastic=nm == wavelength))

    return channel(wavelength), channel(raman) if raman else None


def level_files(files: "Sequence[LicelFile]") -> "tuple[list[LicelFile], list[LicelFile]]":
    """Return files that look into the sky, and those of horizontal shots."""
    level = [f for f in files if f.header.zenith >= LEVEL]
    return [f for f in files if f.header.zenith < LEVEL], level


def horizontal_shot(
    files: "Sequence[LicelFile]",
    wavelength: int,
    parameters: Parameters,
    instrument: "Instrument | None" = None,
    air: "Air | None" = None,
) -> "tuple[Signal, HorizontalShot, float]":
    """Return the sum of horizontal shots at a wavelength (nm), their line, the molecules' extinction (1/m).

    The line is fitted over the ranges ``straight``; the signal ends with them.
    """
    from pellucid.atmosphere.lidar.scan import horizontal_extinction

    low, high = (float(x) for x in parameters["straight"])
    signal = channel_signal(files, wavelength, parameters, instrument).merged().until(high)
    molecular = float(optics_at(files, signal.range, wavelength, parameters, air).extinction[0])
    return signal, horizontal_extinction(signal, molecular, low, high), molecular


def clock_zone(parameters: Parameters) -> Any:
    """Return the time zone of the LIDAR's clock.

    Raises
    ------
    ConfigurationError
        There is none of this name (``unknown-time-zone``).
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    name = str(parameters["time_zone"])
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError) as error:
        raise ConfigurationError(
            "There is no such time zone.",
            where="time_zone",
            expected="a name such as UTC or Atlantic/Canary",
            got=repr(name),
            mend="name the zone of the clock of the LIDAR's computer",
            code="unknown-time-zone",
        ) from error


def wavelength_pairs(given: Any) -> list[tuple[int, int]]:
    """Return pairs of elastic and Raman wavelength in nm, sorted.

    Raises
    ------
    ConfigurationError
        They are none (``bad-wavelengths``).
    """
    try:
        pairs = [(int(elastic), int(raman)) for elastic, raman in given]
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            "These are no pairs of wavelengths.",
            where="wavelengths",
            expected="elastic and Raman wavelength in nm, as in [[355, 387], [532, 0]]",
            got=repr(given),
            code="bad-wavelengths",
        ) from error
    return sorted(pairs)
