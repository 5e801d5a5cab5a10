# SPDX-License-Identifier: BSD-3-Clause
"""One Licel file: its header, its numbers as they are, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput, MissingInput, PellucidError
from pellucid.formats.licel.header import LicelDataset, LicelHeader, Mode, format_header, parse_header
from pellucid.times import from_unix_utc, to_tai_ns

__all__ = ["LicelFile", "problems", "read_licel", "write_licel"]

_LIGHT = 3.0e8
"""Speed of light in m/s as the makers' own export rounds it."""

_NEAR = 1000.0
"""Metres within which an analog channel may saturate: the nearest air is bright."""


@dataclass(frozen=True, eq=False)
class LicelFile:
    """A file as it was recorded.

    Attributes
    ----------
    header : LicelHeader
        What its text says.
    raw : tuple of ndarray of int32, each of shape (n_bins,)
        Numbers of the active data sets: sums over shots, in ADC counts (analog) or counts.
    time_zone : tzinfo
        Of the computer's clock.
    """

    header: LicelHeader
    raw: tuple[npt.NDArray[np.int32], ...]
    time_zone: tzinfo = UTC

    @property
    def start(self) -> int:
        """Start of the recording, ns TAI since 1970."""
        return _tai(self.header.start, self.time_zone)

    @property
    def stop(self) -> int:
        """End of the recording, ns TAI since 1970."""
        return _tai(self.header.stop, self.time_zone)

    def index(self, wavelength: int, photon: bool, device: str = "") -> int:
        """Return which active data set is the first with a wavelength (nm), analog or photon counting.

        Of several with one wavelength, as of a near and a far telescope, a device such as ``BC4`` names one.

        Raises
        ------
        MissingInput
            There is none (``licel-no-channel``).
        """
        mode = Mode.PHOTON if photon else Mode.ANALOG
        for i, d in enumerate(self.header.active):
            if d.wavelength == wavelength and d.mode == mode and device in ("", d.device):
                return i
        have = ", ".join(f"{d.wavelength} nm {d.device}" for d in self.header.active) or "none"
        raise MissingInput(
            "The file lacks a channel.",
            where=self.header.name,
            expected=f"{wavelength} nm, {'photon counting' if photon else 'analog'}"
            + f", {device}" * bool(device),
            got=have,
            mend="name a channel that this LIDAR has",
            code="licel-no-channel",
        )

    def saturated(self, index: int) -> npt.NDArray[np.bool_]:
        """Return the mask, shape (n_bins,), of the bins where an analog data set is at its full range."""
        return _saturated(self.header.active[index], self.raw[index])

    def physical(self, index: int, *, full_scale_less_one: bool = False) -> npt.NDArray[np.float64]:
        """Return one data set in physical units.

        Analog: V = raw range / (2^bits shots), in mV. Photon counting: raw / shots times
        c / (2 bin width), in MHz, for any bin width.

        Parameters
        ----------
        index : int
            Which active data set.
        full_scale_less_one : bool
            Divide by 2^bits - 1 as some programs do; the makers' own export divides by 2^bits.

        Returns
        -------
        ndarray of float64, shape (n_bins,)
            In mV or MHz.
        """
        d = self.header.active[index]
        scaled: npt.NDArray[np.float64] = self.raw[index] * scale(d, full_scale_less_one) / d.shots
        return scaled


def _saturated(d: LicelDataset, raw: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    saturated: npt.NDArray[np.bool_] = raw >= (2**d.adc_bits - 1) * d.shots
    return saturated


def scale(dataset: LicelDataset, full_scale_less_one: bool = False) -> float:
    """Return the mV (analog) or MHz (photon counting) of one count in one shot."""
    if dataset.mode == Mode.PHOTON:
        return _LIGHT / 2.0 / dataset.bin_width * 1e-6
    if dataset.mode == Mode.ANALOG:
        return dataset.scale * 1000.0 / float((1 << dataset.adc_bits) - int(full_scale_less_one))
    raise CorruptedInput(
        "This data set has no scale to physical units.",
        where=dataset.device,
        expected="mode 0 (analog) or 1 (photon counting)",
        got=f"mode {dataset.mode}",
        mend="choose another channel",
        code="licel-no-scale",
    )


def read_licel(path: Path, time_zone: tzinfo = UTC, *, check: bool = True) -> LicelFile:
    """Read a Licel file, all versions.

    Parameters
    ----------
    path : Path
        The file.
    time_zone : tzinfo
        Of the clock that wrote the times; files do not tell it.
    check : bool
        Raise the first of `problems`; without it only the structure is held.

    Raises
    ------
    MissingInput
        There is no such file.
    CorruptedInput
        See `pellucid.formats.licel.header.parse_header` and `problems`; a length other than the header
        announces (``licel-length``), a data set not ended by CR LF (``licel-no-crlf``).
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise MissingInput(
            "There is no such file.", where=str(path), mend="check the spelling of the path", code="no-file"
        ) from None
    header, offset = parse_header(data, str(path))
    file = LicelFile(header, _blocks(data, header, offset, str(path)), time_zone)
    if check:
        for problem in problems(file, str(path)):
            raise problem
    return file


def _blocks(data: bytes, header: LicelHeader, offset: int, where: str) -> tuple[npt.NDArray[np.int32], ...]:
    active = header.active
    layout = np.dtype(
        [part for i, d in enumerate(active) for part in ((f"raw{i}", "<i4", (d.n_bins,)), (f"end{i}", "<u2"))]
    )
    if len(data) != offset + layout.itemsize:
        raise CorruptedInput(
            "The length of this Licel file is not what its header announces.",
            where=where,
            expected=f"{offset + layout.itemsize} bytes",
            got=f"{len(data)} bytes",
            mend="transfer the file again, in binary mode; wait until the recording has ended",
            code="licel-length",
        )
    if not active:
        return ()
    record = np.frombuffer(data, layout, 1, offset)[0]
    for i, d in enumerate(active):
        if record[f"end{i}"] != 0x0A0D:
            raise CorruptedInput(
                "A data set of this Licel file is not ended by CR LF.",
                where=f"{where}, data set {i + 1} ({d.wavelength} nm {d.device})",
                expected="bytes 0d 0a",
                got=int(record[f"end{i}"]).to_bytes(2, "little").hex(" "),
                mend="transfer the file again, in binary mode",
                code="licel-no-crlf",
            )
    return tuple(record[f"raw{i}"] for i in range(len(active)))


def problems(file: LicelFile, where: str = "") -> Iterator[PellucidError]:
    """Yield what is wrong with the content of a file, each as the error that a check would raise.

    Codes: ``licel-time-order`` (stop not after start), ``licel-zenith`` (no angle of a sky),
    ``licel-no-shots``, ``licel-shot-count`` (shots far from rate times duration), ``licel-negative``,
    ``licel-ceiling`` (more photons than the counter can hold), ``licel-saturated`` (analog at its full
    range beyond 1 km; nearer it is usual, and those bins are told by `LicelFile.saturated`).
    """
    h, where = file.header, where or file.header.name
    seconds = (h.stop - h.start).total_seconds()
    if seconds <= 0:
        yield _problem(
            "time-order",
            "The recording stops before it starts.",
            where,
            "start < stop",
            f"{h.start}, {h.stop}",
        )
    if not -90.0 <= h.zenith <= 100.0:
        yield _problem("zenith", "The zenith angle is none.", where, "-90 to 100 deg", f"{h.pointing[0]}")
    for d, raw in zip(h.active, file.raw, strict=True):
        channel = f"{where}, {d.wavelength} nm {d.device}"
        if d.shots == 0:
            yield _problem("no-shots", "A channel has no laser shots.", channel, "shots > 0", "0")
            continue
        rates = [rate for shots, rate in h.lasers if shots == d.shots and rate > 0]
        if seconds > 0 and rates and not 0.5 < d.shots / (min(rates) * seconds) < 2.0:
            expected = f"about {min(rates) * seconds:.0f}"
            yield _problem("shot-count", "Shots and duration disagree.", channel, expected, str(d.shots))
        yield from _bad_numbers(d, raw, channel)


def _bad_numbers(d: LicelDataset, raw: npt.NDArray[np.int32], channel: str) -> Iterator[CorruptedInput]:
    if raw.min() < 0:
        yield _problem("negative", "A channel has negative numbers.", channel, ">= 0", str(raw.min()))
    if d.mode == Mode.ANALOG and d.adc_bits:
        beyond = raw[int(_NEAR / d.bin_width) :]
        if beyond.size and beyond.max() >= (2**d.adc_bits - 1) * d.shots:
            far = _saturated(d, beyond)
            got = f"{far.sum()} bins beyond {_NEAR:.0f} m at the full range"
            yield _problem("saturated", "An analog channel is saturated.", channel, f"< {d.scale} V", got)
    # the fastest counters take one pulse in a nanosecond
    if d.mode == Mode.PHOTON and raw.max() > (most := d.shots * 2e9 * d.bin_width / _LIGHT):
        yield _problem(
            "ceiling", "A counter tells more photons than it can.", channel, f"<= {most:.0f}", str(raw.max())
        )


def _problem(code: str, what: str, where: str, expected: str, got: str) -> CorruptedInput:
    return CorruptedInput(
        what,
        where=where,
        expected=expected,
        got=got,
        mend="leave this file out of the night, and check the instrument",
        code=f"licel-{code}",
    )


def write_licel(path: Path, file: LicelFile) -> None:
    """Write a file; one that was read in the current layout is written back byte by byte."""
    blocks = (raw.astype("<i4").tobytes() + b"\r\n" for raw in file.raw)
    path.write_bytes(format_header(file.header) + b"".join(blocks))


def _tai(clock: datetime, zone: tzinfo) -> int:
    seconds = int(clock.replace(tzinfo=zone).timestamp())
    return int(to_tai_ns(from_unix_utc([seconds], [0]))[0])
