# SPDX-License-Identifier: BSD-3-Clause
"""What one observation, real or simulated, has in common: identity, pointing, truth about the simulation."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["AtmosphereProfile", "RunInfo", "ShowerDistribution", "SimulationRun"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SimulationRun:
    """How the showers of a run were simulated; -1 or NaN where the input does not say.

    Attributes
    ----------
    run_number : int
        Run of the shower simulation.
    corsika_version, simtel_version : int
        Versions as the programs write them (thousandfold, or seconds of the source's date).
    energy_range_min, energy_range_max : float
        In TeV.
    spectral_index : float
        Differential index the showers were drawn from, e.g. -2.
    n_showers, shower_reuse : int
        Showers thrown, and how often each was used.
    min_alt, max_alt, min_az, max_az : float
        Directions, in deg.
    min_viewcone_radius, max_viewcone_radius : float
        In deg.
    min_scatter_range, max_scatter_range : float
        Of the core, in m.
    diffuse, core_pos_mode, atmosphere : int
        Flag of a diffuse source, mode of the core positions (0 fixed, 1 circular, 2 rectangular area),
        number of the atmosphere.
    prod_site_alt : float
        Height of the site, in m.
    prod_site_b_total : float
        Magnetic field, in uT.
    prod_site_b_declination, prod_site_b_inclination : float
        Of the magnetic field, in deg.
    corsika_wlen_min, corsika_wlen_max : float
        Wavelengths of the simulated light, in nm.
    corsika_bunchsize : float
        Photons per bunch.
    shower_prog_start, shower_prog_id, detector_prog_start, detector_prog_id : int
        Start (Unix time, in s) and identifier of the two programs.
    corsika_iact_options, corsika_low_e_model, corsika_high_e_model : int
        Options and interaction models, as coded by the program.
    corsika_low_e_detail, corsika_high_e_detail : int
        Details of the interaction models, as coded by the program.
    """

    run_number: int = -1
    corsika_version: int = -1
    simtel_version: int = -1
    energy_range_min: float = np.nan
    energy_range_max: float = np.nan
    spectral_index: float = np.nan
    n_showers: int = -1
    shower_reuse: int = -1
    min_alt: float = np.nan
    max_alt: float = np.nan
    min_az: float = np.nan
    max_az: float = np.nan
    min_viewcone_radius: float = np.nan
    max_viewcone_radius: float = np.nan
    min_scatter_range: float = np.nan
    max_scatter_range: float = np.nan
    diffuse: int = -1
    core_pos_mode: int = -1
    atmosphere: int = -1
    prod_site_alt: float = np.nan
    prod_site_b_total: float = np.nan
    prod_site_b_declination: float = np.nan
    prod_site_b_inclination: float = np.nan
    corsika_wlen_min: float = np.nan
    corsika_wlen_max: float = np.nan
    corsika_bunchsize: float = np.nan
    shower_prog_start: int = -1
    shower_prog_id: int = -1
    detector_prog_start: int = -1
    detector_prog_id: int = -1
    corsika_iact_options: int = -1
    corsika_low_e_model: int = -1
    corsika_high_e_model: int = -1
    corsika_low_e_detail: int = -1
    corsika_high_e_detail: int = -1


@dataclass(frozen=True, eq=False)
class AtmosphereProfile:
    """Density of the air that a simulation used.

    Attributes
    ----------
    name : str
        Name of the profile, e.g. of the file it came from.
    identifier : int
        Number of the profile; -1 where it has none.
    observation_level, top : float
        Heights of the site and of the upper end, in m.
    height : ndarray of float64, shape (n,)
        Heights above sea level, ascending, in km.
    density : ndarray of float64, shape (n,)
        In g/cm3.
    column_density : ndarray of float64, shape (n,)
        Mass above each height, in g/cm2.
    """

    name: str
    identifier: int
    observation_level: float
    top: float
    height: F8 = field(repr=False)
    density: F8 = field(repr=False)
    column_density: F8 = field(repr=False)


@dataclass(frozen=True, eq=False)
class ShowerDistribution:
    """Histogram of all thrown showers, those that triggered nothing included.

    Attributes
    ----------
    hist_id, n_entries : int
        Number of the histogram and of its entries.
    bins_energy : ndarray of float64, shape (n_energy + 1,)
        Edges, in TeV.
    bins_core_dist : ndarray of float64, shape (n_distance + 1,)
        Edges of the core distance, in m.
    histogram : ndarray of float32, shape (n_energy, n_distance)
        Number of showers.
    """

    hist_id: int
    n_entries: int
    bins_energy: F8 = field(repr=False)
    bins_core_dist: F8 = field(repr=False)
    histogram: npt.NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, eq=False)
class RunInfo:
    """One observation.

    Attributes
    ----------
    obs_id, sb_id : int
        Observation and scheduling block.
    producer : str
        Who numbered them: the site, or ``simulation``.
    pointing_alt, pointing_az : float
        Nominal pointing of the array, in deg; NaN where the input does not say.
    start : tuple of int, or None
        Start: s and quarter ns since 1970-01-01T00:00:00 TAI.
    simulation : SimulationRun or None
        How it was simulated; None for a real observation.
    atmosphere : AtmosphereProfile or None
        Air that the simulation used.
    """

    obs_id: int
    sb_id: int
    producer: str
    pointing_alt: float = np.nan
    pointing_az: float = np.nan
    start: tuple[int, int] | None = None
    simulation: SimulationRun | None = None
    atmosphere: AtmosphereProfile | None = None

    @property
    def is_simulation(self) -> bool:
        """Whether the observation was simulated."""
        return self.simulation is not None
