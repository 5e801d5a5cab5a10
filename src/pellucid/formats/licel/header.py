# SPDX-License-Identifier: BSD-3-Clause
"""The ASCII header of a Licel file: lines of text to values and back.

Three lines tell file, site and shots, one line each data set; all end with CR LF, an empty one ends
the header. Versions differ in what follows the zenith angle and in the digits of numbers; some
computers write decimal commas. Source: the Licel manuals, and files of several sites.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from pellucid.errors import CorruptedInput

__all__ = ["LicelDataset", "LicelHeader", "Mode", "format_header", "parse_header"]

_STAMP = r"(\d\d/\d\d/\d{4}) +(\d\d:\d\d:\d\d)"
_SITE_LINE = re.compile(rf"^ ?(.*?) *{_STAMP} +{_STAMP} +(.*?) *$")
_QUOTED = re.compile(r'"([^"]*)"')
_TIME = "%d/%m/%Y %H:%M:%S"
_WIDTH = 78
_UPWARD = -90.0
"""Zenith angle in the files of one maker, who counts it from the horizon: the telescope looks up."""


class Mode(IntEnum):
    """What a data set holds."""

    ANALOG = 0
    PHOTON = 1
    ANALOG_SQUARED = 2
    PHOTON_SQUARED = 3
    OTHER = 4


@dataclass(frozen=True)
class LicelDataset:
    """One data set of a file, as its header line describes it.

    Attributes
    ----------
    active : bool
        Whether its numbers are in the file.
    mode : int
        See `Mode`.
    laser : int
        Which laser.
    n_bins : int
        Number of range bins.
    laser_polarisation : int
        0 none, 1 vertical, 2 horizontal, ...; old files always say 1.
    high_voltage : int
        Of the photomultiplier, V.
    bin_width : float
        In m.
    wavelength : int
        In nm.
    polarisation : str
        Of the receiver: o none, p parallel, s perpendicular, r, l circular.
    bin_shift : int
        Whole bins by which the controller has shifted the data.
    bin_shift_decimals : int
        Decimals of it.
    adc_bits : int
        Of the analog converter; 0 for photon counting.
    shots : int
        Laser shots summed.
    scale : float
        Analog: input range, V. Photon counting: discriminator level.
    device : str
        Device and its number, e.g. BT0 (analog), BC0 (photon counting).
    """

    active: bool
    mode: int
    laser: int
    n_bins: int
    laser_polarisation: int
    high_voltage: int
    bin_width: float
    wavelength: int
    polarisation: str
    bin_shift: int
    bin_shift_decimals: int
    adc_bits: int
    shots: int
    scale: float
    device: str


@dataclass(frozen=True)
class LicelHeader:
    """What the header of a file says.

    Attributes
    ----------
    name : str
        Of the file, as its first line gives it; says no reliable time.
    site : str
        May hold blanks.
    start, stop : datetime
        By the clock of the computer; the file names no time zone.
    altitude : float
        Of the site, m.
    longitude, latitude : float
        Of the site, deg; as written, signs included.
    pointing : tuple of float
        As written: zenith angle, deg, then azimuth, deg, ground temperature, deg C, and ground
        pressure, hPa, as far as the file has them.
    pointing_decimals : tuple of int
        Digits after the point of each of them, which differ between versions.
    custom : str or None
        Quoted text of version 2.
    lasers : tuple of (int, int)
        Shots and repetition rate (Hz) of each laser.
    rest : tuple of str
        What follows the number of data sets on the third line, in version 2.
    datasets : tuple of LicelDataset
        In file order, inactive ones included.
    """

    name: str
    site: str
    start: datetime
    stop: datetime
    altitude: float
    longitude: float
    latitude: float
    pointing: tuple[float, ...]
    pointing_decimals: tuple[int, ...]
    custom: str | None
    lasers: tuple[tuple[int, int], ...]
    rest: tuple[str, ...]
    datasets: tuple[LicelDataset, ...]

    @property
    def zenith(self) -> float:
        """Zenith angle in deg; angles of -45 and below are counted from the horizon, -90 is up."""
        written = self.pointing[0]
        return written - _UPWARD if written <= _UPWARD / 2 else written

    @property
    def azimuth(self) -> float | None:
        """Azimuth in deg, None where the file has none."""
        return self.pointing[1] if len(self.pointing) > 1 else None

    @property
    def ground(self) -> tuple[float, float] | None:
        """Temperature in deg C and pressure in hPa at the ground, None where the file has none."""
        return (self.pointing[2], self.pointing[3]) if len(self.pointing) > 3 else None

    @property
    def active(self) -> tuple[LicelDataset, ...]:
        """Data sets whose numbers are in the file."""
        return tuple(d for d in self.datasets if d.active)


def parse_header(data: bytes, where: str) -> tuple[LicelHeader, int]:
    """Return the header at the start of ``data``, and where the first data set begins.

    Raises
    ------
    CorruptedInput
        It ends too early (``licel-short-header``), or a line is not what it must be
        (``licel-bad-line``).
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise CorruptedInput(
            "The header of this Licel file does not end.",
            where=where,
            expected="lines of text, the last one empty, each ended by CR LF",
            got=f"no empty line in {len(data)} bytes",
            mend="transfer the file again, in binary mode",
            code="licel-short-header",
        )
    lines = data[:end].decode("latin-1").split("\r\n")
    if len(lines) < 3:
        raise _bad_line(where, len(lines), "three lines before the data sets", f"{len(lines)} lines")
    lasers, count, rest = _shots_line(lines[2], where)
    if len(lines) != 3 + count:
        raise _bad_line(where, 3, f"{count} lines of data sets", f"{len(lines) - 3} lines")
    datasets = tuple(_dataset(line, where, i) for i, line in enumerate(lines[3:], 4))
    site = _site_line(lines[1], where)
    return LicelHeader(lines[0].strip(), *site, lasers, rest, datasets), end + 4


def _site_line(
    line: str, where: str
) -> tuple[str, datetime, datetime, float, float, float, tuple[float, ...], tuple[int, ...], str | None]:
    match = _SITE_LINE.match(line)
    if match is None:
        raise _bad_line(where, 2, "a site, two times dd/mm/yyyy HH:MM:SS and a position", line)
    site, day, clock, last_day, last_clock, tail = match.groups()
    quoted = _QUOTED.search(tail)
    words = _QUOTED.sub("", tail).replace(",", ".").split()
    try:
        start, stop = _moment(day, clock), _moment(last_day, last_clock)
        altitude, longitude, latitude, *pointing = (float(word) for word in words)
    except ValueError as error:
        raise _bad_line(where, 2, "dates, height, longitude and latitude", line) from error
    if not 1 <= len(pointing) <= 4:
        raise _bad_line(where, 2, "one to four numbers after the latitude", line)
    decimals = tuple(len(word.partition(".")[2]) for word in words[3:])
    custom = quoted.group(1) if quoted else None
    return site, start, stop, altitude, longitude, latitude, tuple(pointing), decimals, custom


def _moment(day: str, clock: str) -> datetime:
    """dd/mm/yyyy and HH:MM:SS; strptime would look up the locale for every file."""
    date, month, year = day.split("/")
    hour, minute, second = clock.split(":")
    return datetime(int(year), int(month), int(date), int(hour), int(minute), int(second))


def _shots_line(line: str, where: str) -> tuple[tuple[tuple[int, int], ...], int, tuple[str, ...]]:
    words = line.split()
    try:
        numbers = [int(word) for word in words[:5]]
        return ((numbers[0], numbers[1]), (numbers[2], numbers[3])), numbers[4], tuple(words[5:])
    except (ValueError, IndexError) as error:
        raise _bad_line(where, 3, "shots and rate of two lasers, number of data sets", line) from error


def _dataset(line: str, where: str, number: int) -> LicelDataset:
    words = line.split()
    try:
        if len(words) != 16:
            raise ValueError
        wavelength, _, polarisation = words[7].partition(".")
        found = LicelDataset(
            active=bool(int(words[0])),
            mode=int(words[1]),
            laser=int(words[2]),
            n_bins=int(words[3]),
            laser_polarisation=int(words[4]),
            high_voltage=int(words[5]),
            bin_width=float(words[6].replace(",", ".")),
            wavelength=int(wavelength),
            polarisation=polarisation,
            bin_shift=int(words[10]),
            bin_shift_decimals=int(words[11]),
            adc_bits=int(words[12]),
            shots=int(words[13]),
            scale=float(words[14].replace(",", ".")),
            device=words[15],
        )
    except ValueError as error:
        raise _bad_line(where, number, "16 words that describe a data set", line) from error
    if found.n_bins < 1 or not 0.0 < found.bin_width < 1e4:
        raise _bad_line(where, number, "bins, and their width above 0 m", line)
    return found


def _bad_line(where: str, number: int, expected: str, got: str) -> CorruptedInput:
    return CorruptedInput(
        "A header line of this Licel file cannot be understood.",
        where=f"{where}, line {number}",
        expected=expected,
        got=got.strip()[:120] or "nothing",
        mend="check the acquisition program's version; if the file is whole, report this line",
        code="licel-bad-line",
    )


def format_header(header: LicelHeader) -> bytes:
    """Return the header as bytes, in the widths that acquisition programs write."""
    h = header
    pointing = [
        f"{v:0{2 if d == 0 else 4}.{d}f}" for v, d in zip(h.pointing, h.pointing_decimals, strict=True)
    ]
    place = [f"{h.altitude:04.0f}", _decimal(h.longitude, 6), _decimal(h.latitude, 6)]
    words = [h.site, h.start.strftime(_TIME), h.stop.strftime(_TIME), *place, *pointing]
    if h.custom is not None:
        words.append(f'"{h.custom}"')
    shots = [f"{n:07d} {rate:04d}" for n, rate in h.lasers]
    lines = [h.name, " ".join(words), " ".join([*shots, f"{len(h.datasets):02d}", *h.rest])]
    lines += [_dataset_line(d) for d in h.datasets]
    return b"".join(f" {line}".ljust(_WIDTH).encode("latin-1") + b"\r\n" for line in lines) + b"\r\n"


def _decimal(value: float, width: int) -> str:
    return f"{value:0{width}.1f}" if round(value, 1) == value else f"{value:0{width}.{_needed(value)}f}"


def _needed(value: float) -> int:
    return len(f"{value:.10f}".rstrip("0").partition(".")[2])


def _dataset_line(d: LicelDataset) -> str:
    digits = 3 if d.adc_bits else 4
    return (
        f"{d.active:d} {d.mode} {d.laser} {d.n_bins:05d} {d.laser_polarisation} {d.high_voltage:04d} "
        f"{d.bin_width:.2f} {d.wavelength:05d}.{d.polarisation} 0 0 {d.bin_shift:02d} "
        f"{d.bin_shift_decimals:03d} {d.adc_bits:02d} {d.shots:06d} {d.scale:.{digits}f} {d.device}"
    )
