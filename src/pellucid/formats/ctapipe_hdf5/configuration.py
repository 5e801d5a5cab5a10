# SPDX-License-Identifier: BSD-3-Clause
"""Tables of a run as a whole: observation and scheduling block, simulation, atmosphere, thrown showers."""

import numpy as np

from pellucid.formats.ctapipe_hdf5.columns import Column, layout
from pellucid.formats.ctapipe_hdf5.schema import POINTING, Schema, tel_table
from pellucid.formats.ctapipe_hdf5.tables import TableFile
from pellucid.instrument.run import AtmosphereProfile, RunInfo, ShowerDistribution, SimulationRun

__all__ = ["write_atmosphere", "write_blocks", "write_distribution", "write_pointing", "write_simulation"]

_SCHEDULING = "/configuration/observation/scheduling_block"
_OBSERVATION = "/configuration/observation/observation_block"
_SIMULATION = "/configuration/simulation/run"
_ATMOSPHERE = "/simulation/service/atmosphere_density_profile"
_DISTRIBUTION = "/simulation/service/shower_distribution"

# codes of the format's enumerations
_SB_OBSERVATION, _MODE_UNKNOWN, _POINTING_UNKNOWN, _POINTING_DRIFT = 0, -1, -1, 1
_STATE_UNKNOWN, _STATE_SUCCEEDED, _FRAME_ALTAZ = -1, 1, 0

_MJD_OF_STAMP_0 = 40587.0
_NAN = float("nan")

# column, type, unit in the file, attribute of SimulationRun, its unit over that of the file, description
_RAD = np.pi / 180.0
_RUN: tuple[tuple[str, str, str, str, float, str], ...] = (
    ("run_number", "<i4", "", "run_number", 1, "run of the shower simulation"),
    ("corsika_version", "<i8", "", "corsika_version", 1, "version of CORSIKA, thousandfold"),
    ("simtel_version", "<i8", "", "simtel_version", 1, "version of sim_telarray"),
    ("energy_range_min", "<f4", "TeV", "energy_range_min", 1, "lowest energy"),
    ("energy_range_max", "<f4", "TeV", "energy_range_max", 1, "highest energy"),
    ("prod_site_B_total", "<f8", "uT", "prod_site_b_total", 1, "magnetic field"),
    ("prod_site_B_declination", "<f8", "rad", "prod_site_b_declination", _RAD, "declination of the field"),
    ("prod_site_B_inclination", "<f8", "rad", "prod_site_b_inclination", _RAD, "inclination of the field"),
    ("prod_site_alt", "<f8", "m", "prod_site_alt", 1, "height of the site"),
    ("spectral_index", "<f8", "", "spectral_index", 1, "differential index of the thrown spectrum"),
    ("shower_prog_start", "<i8", "", "shower_prog_start", 1, "start of CORSIKA, Unix time in s"),
    ("shower_prog_id", "<i8", "", "shower_prog_id", 1, "1 is CORSIKA"),
    ("detector_prog_start", "<i8", "", "detector_prog_start", 1, "start of sim_telarray, Unix time in s"),
    ("detector_prog_id", "<i8", "", "detector_prog_id", 1, "1 is sim_telarray"),
    ("n_showers", "<i8", "", "n_showers", 1, "showers thrown"),
    ("shower_reuse", "<i8", "", "shower_reuse", 1, "how often each shower was used"),
    ("max_alt", "<f4", "rad", "max_alt", _RAD, "highest altitude"),
    ("min_alt", "<f4", "rad", "min_alt", _RAD, "lowest altitude"),
    ("max_az", "<f4", "rad", "max_az", _RAD, "highest azimuth"),
    ("min_az", "<f4", "rad", "min_az", _RAD, "lowest azimuth"),
    ("diffuse", "<i8", "", "diffuse", 1, "whether directions are diffuse"),
    ("max_viewcone_radius", "<f4", "deg", "max_viewcone_radius", 1, "outer radius of the directions"),
    ("min_viewcone_radius", "<f4", "deg", "min_viewcone_radius", 1, "inner radius of the directions"),
    ("max_scatter_range", "<f4", "m", "max_scatter_range", 1, "outer radius of the cores"),
    ("min_scatter_range", "<f4", "m", "min_scatter_range", 1, "inner radius of the cores"),
    ("core_pos_mode", "<i8", "", "core_pos_mode", 1, "0 fixed, 1 circular, 2 rectangular area of cores"),
    ("atmosphere", "<i8", "", "atmosphere", 1, "number of the atmosphere"),
    ("corsika_iact_options", "<i8", "", "corsika_iact_options", 1, "options CORSIKA was built with"),
    ("corsika_low_E_model", "<i8", "", "corsika_low_e_model", 1, "interaction model at low energy"),
    ("corsika_high_E_model", "<i8", "", "corsika_high_e_model", 1, "interaction model at high energy"),
    ("corsika_bunchsize", "<f8", "", "corsika_bunchsize", 1, "photons per bunch"),
    ("corsika_wlen_min", "<f8", "nm", "corsika_wlen_min", 1, "shortest wavelength"),
    ("corsika_wlen_max", "<f8", "nm", "corsika_wlen_max", 1, "longest wavelength"),
    ("corsika_low_E_detail", "<i8", "", "corsika_low_e_detail", 1, "detail of the low-energy model"),
    ("corsika_high_E_detail", "<i8", "", "corsika_high_e_detail", 1, "detail of the high-energy model"),
)


def write_blocks(file: TableFile, run: RunInfo) -> None:
    """Write the scheduling and the observation block."""
    producer = run.producer.encode()
    text = f"|S{max(1, len(producer))}"
    drift = _POINTING_DRIFT if run.is_simulation else _POINTING_UNKNOWN
    _row(
        file,
        _SCHEDULING,
        [
            (Column("sb_id", "<u8", "number of the scheduling block"), run.sb_id),
            (
                Column("sb_type", "<i8", "kind of the block", transform="enum:SchedulingBlockType"),
                _SB_OBSERVATION,
            ),
            (Column("producer_id", text, "who numbered the block", transform="string"), producer),
            (
                Column("observing_mode", "<i8", "pattern on the sky", transform="enum:ObservingMode"),
                _MODE_UNKNOWN,
            ),
            (Column("pointing_mode", "<i8", "what the drives do", transform="enum:PointingMode"), drift),
        ],
    )
    start = 0.0 if run.start is None else _MJD_OF_STAMP_0 + (run.start[0] + run.start[1] / 4e9) / 86400.0
    state = _STATE_SUCCEEDED if run.is_simulation else _STATE_UNKNOWN
    _row(
        file,
        _OBSERVATION,
        [
            (Column("obs_id", "<u8", "number of the observation"), run.obs_id),
            (Column("sb_id", "<u8", "number of its scheduling block"), run.sb_id),
            (Column("producer_id", text, "who numbered the observation", transform="string"), producer),
            (Column("state", "<i8", "how it ended", transform="enum:ObservationBlockState"), state),
            (Column("subarray_pointing_lat", "<f4", "altitude of the array", "deg"), run.pointing_alt),
            (Column("subarray_pointing_lon", "<f4", "azimuth of the array", "deg"), run.pointing_az),
            (
                Column(
                    "subarray_pointing_frame", "<i8", "frame of the two", transform="enum:CoordinateFrameType"
                ),
                _FRAME_ALTAZ,
            ),
            (Column("scheduled_duration", "<f8", "planned duration", "min"), _NAN),
            (Column("scheduled_start_time", "<f8", "planned start, 0 if not known", transform="mjd"), start),
            (Column("actual_start_time", "<f8", "start, 0 if not known", transform="mjd"), start),
            (Column("actual_duration", "<f8", "duration", "min"), _NAN),
        ],
    )


def write_simulation(file: TableFile, run: RunInfo, simulation: SimulationRun) -> None:
    """Write how the showers were simulated."""
    cells: list[tuple[Column, object]] = [(Column("obs_id", "<i4", "number of the observation"), run.obs_id)]
    for name, kind, unit, attribute, factor, note in _RUN:
        value = getattr(simulation, attribute)
        cells.append((Column(name, kind, note, unit), value if factor == 1 else value * factor))
    _row(file, _SIMULATION, cells)


def write_atmosphere(file: TableFile, profile: AtmosphereProfile) -> None:
    """Write the density of the air that a simulation used."""
    columns = [
        Column("height", "<f8", "height above sea level", "km"),
        Column("density", "<f8", "density of the air", "g.cm**-3"),
        Column("column_density", "<f8", "mass above the height", "g.cm**-2"),
    ]
    rows = np.zeros(profile.height.size, layout(columns))
    for column in columns:
        rows[column.name] = getattr(profile, column.name)
    file.static_table(
        _ATMOSPHERE,
        columns,
        rows,
        {
            "TAB_TYPE": "ctapipe.atmosphere.TableAtmosphereDensityProfile",
            "TAB_VER": 1,
            "atmosphere_name": profile.name,
            "atmosphere_id": profile.identifier,
            # the two heights are in cm in this format
            "observation_level": profile.observation_level * 100.0,
            "atmosphere_height": profile.top * 100.0,
        },
    )


def write_distribution(file: TableFile, obs_id: int, distribution: ShowerDistribution) -> None:
    """Write the histogram of the thrown showers."""
    energy, distance = distribution.bins_energy, distribution.bins_core_dist
    _row(
        file,
        _DISTRIBUTION,
        [
            (Column("obs_id", "<i4", "number of the observation"), obs_id),
            (Column("hist_id", "<i8", "number of the histogram"), distribution.hist_id),
            (Column("n_entries", "<i8", "number of entries"), distribution.n_entries),
            (Column("bins_energy", "<f8", "edges in energy", "TeV", shape=energy.shape), energy),
            (Column("bins_core_dist", "<f8", "edges in core distance", "m", shape=distance.shape), distance),
            (
                Column("histogram", "<f4", "number of showers", shape=distribution.histogram.shape),
                distribution.histogram,
            ),
        ],
    )


def write_pointing(
    file: TableFile, schema: Schema, obs_id: int, tel_id: int, azimuth: float, altitude: float
) -> None:
    """Write where a telescope that stood still looked; angles in deg."""
    values = (obs_id, tel_id, np.deg2rad(azimuth), np.deg2rad(altitude))
    _row(file, tel_table(POINTING, tel_id), list(zip(schema.pointing(), values, strict=True)))


def _row(file: TableFile, path: str, cells: list[tuple[Column, object]]) -> None:
    columns = [column for column, _ in cells]
    rows = np.zeros(1, layout(columns))
    for column, value in cells:
        rows[column.name] = value
    file.static_table(path, columns, rows)
