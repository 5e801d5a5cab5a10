# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of the transmission of the air: a LIDAR's profile to tables, and to what a shower's light keeps."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.archive.lineage import JSON
from pellucid.errors import ConfigurationError, InsufficientStatistics
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.step import Files, Parameters, Provenance, Step, Summary
from pellucid.pipeline.steps.atmosphere import known_air

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pellucid.atmosphere.molecular import Air

    type F8 = npt.NDArray[np.float64]

__all__ = ["STEPS", "make_shower_transmission", "make_transmission"]


@dataclass(frozen=True, eq=False)
class _Column:
    """The air above the site at a time: heights (m), aerosol depth, its covariance, at a wavelength (nm)."""

    height: "F8"
    aerosol: "F8"
    covariance: "F8"
    wavelength: int
    altitude: float
    flags: list[str]
    air: "Air | None"
    time: dict[str, object]

    def molecular(self, colour: float, parameters: Parameters) -> "tuple[F8, F8]":
        """Vertical depth of molecules and ozone at a wavelength (nm), and how errors move it, (2, m)."""
        import numpy as np

        from pellucid.atmosphere.molecular import vertical_depth
        from pellucid.atmosphere.ozone import ozone_depth

        scattered = vertical_depth(
            self.height, colour, self.altitude, air=self.air, co2=float(parameters["co2"])
        )
        absorbed = ozone_depth(self.height, colour, self.altitude, float(parameters["ozone"]))
        errors = np.stack(
            [scattered * float(parameters["air_error"]), absorbed * float(parameters["ozone_error"])]
        )
        return scattered + absorbed, errors


def _column(inputs: Files, parameters: Parameters) -> _Column:
    import numpy as np

    from pellucid.atmosphere.transmission import aerosol_column
    from pellucid.formats.lidar_profile import read_lidar_profile, read_optical_depth

    found, (slant, altitude) = read_optical_depth(inputs["profile"])
    if not found:
        raise InsufficientStatistics(
            "The profile has no optical depth to make a transmission of.",
            expected="a Raman channel with enough light, or clean air above the aerosol and below clouds",
            got="neither at any wavelength",
            mend="sum more files, or take the profile of another time",
            code="no-optical-depth",
        )
    nm, depth = min(found.items())
    attributes = read_lidar_profile(inputs["profile"]).attributes
    wavelength = attributes[f"nm{nm}"]
    known = isinstance(wavelength, dict) and (wavelength["has_raman"] or wavelength["constrained"])
    cosine = float(np.cos(np.deg2rad(slant)))
    top = min(float(parameters["top"]), depth.trusted * cosine)
    height = np.arange(float(parameters["step"]), top, float(parameters["step"]))
    if height.size < 2:
        raise ConfigurationError(
            "The table of transmission has no heights.",
            expected=f"steps that fit twice below {top:.0f} m",
            got=f"{parameters['step']} m",
            code="no-heights",
        )
    aerosol, covariance = aerosol_column(
        height,
        depth.range * cosine,
        depth.value * cosine,
        depth.covariance * cosine**2,
        start=depth.start * cosine,
        below=(depth.below * cosine, depth.below_error * cosine),
    )
    flags = [] if known else ["assumed-lidar-ratio"]
    time = {k: attributes[k] for k in ("time_start", "time_stop")}
    return _Column(height, aerosol, covariance, nm, altitude, flags, known_air(inputs), time)


def make_transmission(inputs: Files, output: Path, parameters: Parameters, provenance: Provenance) -> Summary:
    """Make a table of the transmission of the air from a LIDAR's profile.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``profile``: one with optical depths, by Raman light or, with its error, an assumed lidar ratio;
        ``air``, at level C: a profile of the air.

    Raises
    ------
    InsufficientStatistics
        The profile has no optical depth (``no-optical-depth``).
    ConfigurationError
        No two heights of the table lie in what is known (``no-heights``).
    """
    import numpy as np

    from pellucid.atmosphere.lidar.bootstrap import low_rank
    from pellucid.atmosphere.transmission import transmission
    from pellucid.formats.transmission import write_transmission

    c = _column(inputs, parameters)
    shape = (len(parameters["zenith"]), len(parameters["colours"]), c.height.size)
    value, error, diagonal = (np.empty(shape) for _ in range(3))
    factors = np.empty((*shape, min(8, c.height.size)))
    for j, colour in enumerate(parameters["colours"]):
        molecular, molecular_error = c.molecular(float(colour), parameters)
        for i, zenith in enumerate(parameters["zenith"]):
            t = transmission(
                c.height,
                molecular,
                c.aerosol,
                c.covariance,
                molecular_error=molecular_error,
                zenith=float(zenith),
                altitude=c.altitude,
                colour=(float(colour), float(c.wavelength)),
                angstrom=float(parameters["angstrom"]),
                angstrom_error=float(parameters["angstrom_error"]),
            )
            value[i, j], error[i, j] = t.value, t.error
            factors[i, j], diagonal[i, j] = low_rank(t.covariance, factors.shape[-1])
    axes = {
        "height": c.height,
        "wavelength": np.asarray(parameters["colours"], np.float64),
        "zenith": np.asarray(parameters["zenith"], np.float64),
    }
    values = {"transmission": value, "error": error, "factors": factors, "diagonal": diagonal}
    attributes = {"lidar_wavelength": c.wavelength, "altitude": c.altitude, "flags": c.flags, **c.time}
    write_transmission(output, {**axes, **values}, attributes, provenance)
    return {"top": float(c.height[-1]), "aerosol_depth": float(c.aerosol[-1]), "flags": [*c.flags]}


def make_shower_transmission(
    inputs: Files, output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Make the part of a shower's light that reaches the camera, over that in the simulations' air.

    Parameters
    ----------
    inputs : mapping of str to Path
        As of `make_transmission`.

    Raises
    ------
    InsufficientStatistics
        The profile has no optical depth (``no-optical-depth``), or the LIDAR does not see up to where most of
        the light is emitted (``beyond-trust``).
    ConfigurationError
        See `make_transmission`; the emission or the response is no table (``bad-shower``).
    """
    import numpy as np

    from pellucid.atmosphere.transmission import shower_transmission
    from pellucid.formats.transmission import write_shower_transmission
    from pellucid.pipeline.number_tables import number_columns

    c = _column(inputs, parameters)
    nodes, emitted = number_columns(
        parameters["emission"], "emission", 2, "[[0, 0.1], [7000, 1], [18000, 0]]", "bad-shower", 2
    )
    colours, response = number_columns(
        parameters["response"], "response", 2, "[[300, 0.5], [400, 1], [500, 0.4]]", "bad-shower", 2
    )
    emission = np.interp(c.height, nodes, emitted, left=0.0, right=0.0)
    step = c.height[1] - c.height[0]
    seen = float(emission.sum()) * step
    grid = np.arange(0.5 * step, nodes[-1] + step, step)
    lost = 1.0 - seen / (float(np.interp(grid, nodes, emitted, left=0.0, right=0.0).sum()) * step)
    if lost > float(parameters["unseen"]):
        raise InsufficientStatistics(
            "The LIDAR does not see up to where the shower shines.",
            where=f"{c.height[-1]:.0f} m above the site",
            expected=f"all but {float(parameters['unseen']):.0%} of the light emitted below",
            got=f"{lost:.0%} emitted above",
            mend="sum more files, or allow more light above: parameter unseen",
            code="beyond-trust",
        )
    found = [c.molecular(float(nm), parameters) for nm in colours]
    molecular = np.array([depth for depth, _ in found])
    errors = np.stack([e for _, e in found], axis=1)
    depth, scale = (float(parameters[n]) for n in ("reference_depth", "reference_scale"))
    simulated = replace(c, air=None)
    reference = (
        np.array([simulated.molecular(float(nm), parameters)[0] for nm in colours]),
        depth * (1.0 - np.exp(-c.height / scale)),
    )
    angles = np.asarray(parameters["zenith"], np.float64)
    light = [
        shower_transmission(
            c.height,
            molecular,
            c.aerosol,
            c.covariance,
            emission,
            colours,
            response,
            lidar=float(c.wavelength),
            reference=reference,
            molecular_error=errors,
            zenith=float(zenith),
            altitude=c.altitude,
            angstrom=float(parameters["angstrom"]),
            angstrom_error=float(parameters["angstrom_error"]),
        )
        for zenith in angles
    ]
    value, error = np.array([(t.value, t.error) for t in light]).T
    told = {"lidar_wavelength": c.wavelength, "altitude": c.altitude, "unseen": lost, "flags": c.flags}
    arrays = {"zenith": angles, "transmission": value, "error": error}
    write_shower_transmission(output, arrays, {**told, **c.time}, provenance)
    return {"transmission": float(value[0]), "transmission_error": float(error[0]), "flags": [*c.flags]}


_AIR: dict[str, JSON] = {
    "co2": 400.0,
    "ozone": 300.0,
    "ozone_error": 0.15,
    "air_error": 0.02,
    "angstrom": 1.0,
    "angstrom_error": 0.3,
}

_ANGLES: list[JSON] = [0.0, 20.0, 40.0, 52.0, 60.0, 75.0]

# bialkali tubes behind glass, under light of 1 / wavelength^2
_RESPONSE: list[JSON] = [
    [290.0, 0.1], [310.0, 0.75], [330.0, 1.0], [350.0, 0.98], [370.0, 0.92], [400.0, 0.8], [430.0, 0.66],
    [460.0, 0.5], [500.0, 0.31], [550.0, 0.14], [600.0, 0.05], [650.0, 0.02],
]  # fmt: skip

# a gamma ray of 1 TeV: heights above a site at 2200 m
_EMISSION: list[JSON] = [
    [0.0, 0.01], [1500.0, 0.06], [3000.0, 0.25], [4500.0, 0.62], [6000.0, 0.95], [7000.0, 1.0],
    [8500.0, 0.83], [10000.0, 0.5], [12000.0, 0.18], [15000.0, 0.02], [18000.0, 0.0],
]  # fmt: skip


def _inputs(profile: str, level: str) -> dict[str, Input]:
    inputs = {"profile": Input(f"DL2/Monitoring/Subarray/{profile}")}
    if level == "C":
        inputs["air"] = Input("DL0/Monitoring/Array/AirProfile", window="12 h")
    return inputs


def _transmission(suffix: str, profile: str, level: str, *, alternative: bool = False) -> Step:
    return Step(
        name=f"lidar-transmission{suffix}",
        version="3",
        function="pellucid.pipeline.steps.transmission:make_transmission",
        inputs=_inputs(profile, level),
        output="DL2/Monitoring/Subarray/Transmission",
        suffix=".transmission.h5",
        parameters={
            **_AIR,
            "air_error": 0.01 if level == "C" else 0.02,
            "step": 500.0,
            "top": 15000.0,
            "zenith": _ANGLES,
            "colours": [300.0, 355.0, 400.0, 450.0, 532.0, 600.0],
        },
        levels=(level,),
        alternative=alternative,
        cost=0.1,
        determinism="tolerance",  # eigenvectors: each kind of processor rounds them in its own way
        tolerance={"/*": (1e-6, 1e-12)},
    )


def _shower(suffix: str, profile: str, level: str) -> Step:
    return Step(
        name=f"lidar-shower-transmission{suffix}",
        version="1",
        function="pellucid.pipeline.steps.transmission:make_shower_transmission",
        inputs=_inputs(profile, level),
        output="DL2/Monitoring/Subarray/ShowerTransmission",
        suffix=".shower-transmission.h5",
        parameters={
            **_AIR,
            "air_error": 0.01 if level == "C" else 0.02,
            "step": 250.0,
            "top": 18000.0,
            "zenith": _ANGLES,
            "emission": _EMISSION,
            "response": _RESPONSE,
            "reference_depth": 0.03,
            "reference_scale": 1200.0,
            "unseen": 0.1,
        },
        levels=(level,),
        cost=0.1,
    )


STEPS = (
    _transmission("-online", "LidarElastic", "A"),
    _transmission("", "LidarRaman", "B"),
    _transmission("-elastic", "LidarElastic", "B", alternative=True),
    _transmission("-final", "LidarFinal", "C"),
    _shower("", "LidarRaman", "B"),
    _shower("-final", "LidarFinal", "C"),
)
"""``lidar-transmission``: T(height, wavelength, zenith) in steps of ``step`` m above the site, for
``colours`` in nm and ``zenith`` in deg, with its covariance between heights; ``-online`` and ``-elastic``
from elastic light, with the error of the assumed lidar ratio, ``-final`` from the profile of level C and
the air of that night. ``ozone`` is in Dobson units; ``ozone_error`` and ``air_error`` are relative, of its
column and of the air's density.

``lidar-shower-transmission``: the light of a shower that reaches the camera, over that of the simulations'
air, which has the standard molecules and aerosol of ``reference_depth``, thinning by e in
``reference_scale`` m. ``emission`` pairs heights above the site (m) with photons, ``response`` wavelengths
(nm) with what the camera makes of the Cherenkov light there; as given, a gamma ray of 1 TeV and a bialkali
tube. Above what the LIDAR sees, no more than ``unseen`` of the light may be emitted.
"""
