# SPDX-License-Identifier: BSD-3-Clause
"""What a sim_telarray file says about its run: how the showers were simulated, in which air."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.instrument.run import AtmosphereProfile, RunInfo, ShowerDistribution, SimulationRun
from pellucid.times import from_unix_utc

__all__ = ["run_info", "shower_distribution"]

_SHOWERS_OVER_DISTANCE_AND_ENERGY = 6
_CM_PER_M = 100.0


def run_info(
    header: Mapping[str, Any], simulation: Mapping[str, Any], atmosphere: Mapping[str, Any] | None
) -> RunInfo:
    """Describe the run.

    Parameters
    ----------
    header, simulation : mapping
        Blocks 2000 and 2001.
    atmosphere : mapping or None
        Block 1216.
    """
    azimuth, altitude = (float(angle) for angle in header["direction"])
    started = from_unix_utc(int(header["time"]), 0)[0]
    # in the other modes the direction is right ascension and declination
    fixed = int(header["tracking_mode"]) == 0
    return RunInfo(
        obs_id=int(header["run"]),
        sb_id=int(header["run"]),
        producer="simulation",
        pointing_alt=_degrees(altitude) if fixed else np.nan,
        pointing_az=float(np.rad2deg(azimuth)) if fixed else np.nan,
        start=(int(started[0]), int(started[1])),
        simulation=_simulation(int(header["run"]), simulation),
        atmosphere=_atmosphere(atmosphere) if atmosphere else None,
    )


def shower_distribution(histograms: list[dict[str, Any]] | None) -> ShowerDistribution | None:
    """Return the histogram of thrown showers (number 6 of block 100), None where there is none."""
    for histogram in histograms or []:
        if histogram["id"] == _SHOWERS_OVER_DISTANCE_AND_ENERGY:
            x = np.linspace(histogram["lower_x"], histogram["upper_x"], histogram["n_bins_x"] + 1)
            y = np.linspace(histogram["lower_y"], histogram["upper_y"], histogram["n_bins_y"] + 1)
            return ShowerDistribution(
                hist_id=int(histogram["id"]),
                n_entries=int(histogram["entries"]),
                bins_energy=10.0**y,
                bins_core_dist=x,
                histogram=np.asarray(histogram["data"], np.float32),
            )
    return None


def _simulation(run: int, block: Mapping[str, Any]) -> SimulationRun:
    if not block:
        return SimulationRun(run_number=run)
    energy, viewcone, core = block["E_range"], block["viewcone"], block["core_range"]
    altitude, azimuth = block["alt_range"], np.rad2deg(block["az_range"])
    return SimulationRun(
        run_number=run,
        corsika_version=int(block["shower_prog_vers"]),
        simtel_version=int(block["detector_prog_vers"]),
        energy_range_min=float(energy[0]),
        energy_range_max=float(energy[1]),
        spectral_index=float(block["spectral_index"]),
        n_showers=int(block["n_showers"]),
        shower_reuse=int(block["n_use"]),
        min_alt=_degrees(altitude[0]),
        max_alt=_degrees(altitude[1]),
        min_az=float(azimuth[0]),
        max_az=float(azimuth[1]),
        min_viewcone_radius=float(viewcone[0]),
        max_viewcone_radius=float(viewcone[1]),
        min_scatter_range=float(core[0]),
        max_scatter_range=float(core[1]),
        diffuse=int(block["diffuse"]),
        core_pos_mode=int(block["core_pos_mode"]),
        atmosphere=int(block["atmosphere"]),
        prod_site_alt=float(block["obsheight"]),
        prod_site_b_total=float(block["B_total"]),
        prod_site_b_declination=float(np.rad2deg(block["B_declination"])),
        prod_site_b_inclination=float(np.rad2deg(block["B_inclination"])),
        corsika_wlen_min=float(block["corsika_wlen_min"]),
        corsika_wlen_max=float(block["corsika_wlen_max"]),
        corsika_bunchsize=float(block["corsika_bunchsize"]),
        shower_prog_start=int(block["shower_prog_start"]),
        shower_prog_id=int(block["shower_prog_id"]),
        detector_prog_start=int(block["detector_prog_start"]),
        detector_prog_id=int(block["detector_prog_id"]),
        corsika_iact_options=int(block["corsika_iact_options"]),
        corsika_low_e_model=int(block["corsika_low_E_model"]),
        corsika_high_e_model=int(block["corsika_high_E_model"]),
        corsika_low_e_detail=int(block["corsika_low_E_detail"]),
        corsika_high_e_detail=int(block["corsika_high_E_detail"]),
    )


def _degrees(altitude: float) -> float:
    """Return an altitude in deg; float32 rounds the zenith beyond itself."""
    return float(np.clip(np.rad2deg(float(altitude)), -90.0, 90.0))


def _atmosphere(block: Mapping[str, Any]) -> AtmosphereProfile | None:
    if "altitude_km" not in block:
        return None
    return AtmosphereProfile(
        name=block["name"].decode("utf-8", "replace"),
        identifier=int(block["id"]),
        observation_level=float(block["obslevel"]) / _CM_PER_M,
        top=float(block["htoa"]) / _CM_PER_M,
        height=np.asarray(block["altitude_km"], np.float64),
        density=np.asarray(block["rho"], np.float64),
        column_density=np.asarray(block["thickness"], np.float64),
    )
