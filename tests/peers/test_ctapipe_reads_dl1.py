# SPDX-License-Identifier: BSD-3-Clause
"""ctapipe 0.32 opens our DL1 files: its loader, its event source and its merger, without a warning."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ctapipe.io", reason="ctapipe is not installed")


import tables

from pellucid.events import EventType
from pellucid.formats import ctapipe_hdf5 as dl1
from support import dl1run

ARRAY = dl1run.make_array()
REAL = "camera/simtel/gamma_prod6_tel_event_header_v4.simtel.zst"


def write(path: Path, obs_id: int = 4, n_events: int = 120, *, simulation=True, **options) -> Path:
    run = dl1run.make_run(simulation, obs_id)
    chunk, images = dl1run.make_events(
        ARRAY, n_events, obs_id=obs_id, seed=obs_id, simulation=simulation, **options
    )
    with dl1.DL1Writer(path, ARRAY, run, provenance=dl1run.LINEAGE) as writer:
        writer.write(chunk, images)
        writer.close(shower_distribution=dl1run.make_distribution() if simulation else None)
    return path


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # of the libraries below, none about the file
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=PendingDeprecationWarning)
        yield


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("dl1") / "simulated.dl1.h5")


def test_table_loader_gives_what_was_written(simulated):
    from ctapipe.io import TableLoader

    ours = dl1.read_images(simulated, 1)
    with TableLoader(simulated) as loader:
        table = loader.read_telescope_events(
            [1], dl1_images=True, dl1_parameters=True, true_images=True, true_parameters=True,
            simulated=True, instrument=True, observation_info=True, pointing=True,
        )  # fmt: skip
        array = loader.read_subarray_events()
        runs = loader.read_simulation_configuration()
        thrown = loader.read_shower_distribution()
    np.testing.assert_array_equal(table["event_id"], ours["event_id"])
    for name in ("image", "peak_time", "image_mask", "is_valid", "selected_gain_channel"):
        np.testing.assert_array_equal(table[name], ours[name])
    np.testing.assert_array_equal(
        table["hillas_length"].quantity.to_value("deg"), dl1.read_parameters(simulated, 1)["hillas_length"]
    )
    assert str(table["true_energy"].unit) == "TeV"
    assert table["telescope_pointing_altitude"].quantity.to_value("deg") == pytest.approx(70.0)
    triggers = dl1.read_table(simulated, "/dl1/event/subarray/trigger")
    seconds = (array["time"] - array["time"][0]).to_value("s")
    exact = (triggers["time"].astype(np.int64) - triggers["time"][0].astype(np.int64)) @ [1.0, 2.5e-10]
    np.testing.assert_allclose(seconds, exact, atol=1e-9)
    assert runs["energy_range_max"].quantity.to_value("TeV")[0] == 50.0
    assert np.rad2deg(runs["min_alt"].quantity.value[0]) == pytest.approx(70.0)
    assert thrown["n_entries"][0] == 15


def test_event_source_walks_all_showers_in_step(simulated):
    from ctapipe.containers import EventType as Theirs
    from ctapipe.io import HDF5EventSource

    images = {t: iter(dl1.read_images(simulated, t)) for t in ARRAY.tel_ids}
    truth = {t: iter(dl1.read_table(simulated, f"/simulation/event/telescope/images/tel_{t:03d}"))
             for t in ARRAY.tel_ids}  # fmt: skip
    n_events = 0
    assert HDF5EventSource.is_compatible(simulated)
    with HDF5EventSource(simulated) as source:
        assert source.is_simulation
        assert source.atmosphere_density_profile is not None
        assert len(source.simulated_shower_distributions) == 1
        for event in source:
            n_events += 1
            assert event.trigger.event_type is Theirs.SUBARRAY
            assert event.simulation.shower.energy.to_value("TeV") > 0
            assert event.monitoring.pointing.array_altitude.to_value("deg") == pytest.approx(70.0)
            for tel_id, camera in event.dl1.tel.items():
                row = next(images[tel_id])
                assert row["event_id"] == event.index.event_id
                np.testing.assert_array_equal(camera.image, row["image"])
                np.testing.assert_array_equal(
                    event.simulation.tel[tel_id].true_image, next(truth[tel_id])[-1]
                )
                assert event.monitoring.tel[tel_id].pointing.altitude.to_value("deg") == pytest.approx(70.0)
    triggers = dl1.read_table(simulated, "/dl1/event/subarray/trigger")
    assert n_events == np.count_nonzero(triggers["tels_with_trigger"].any(axis=1))


def test_array_is_the_same_in_ctapipe(simulated):
    from ctapipe.instrument import SubarrayDescription

    theirs = SubarrayDescription.from_hdf(simulated)
    assert theirs.name == ARRAY.name
    place = theirs.reference_location.to_geodetic()
    assert place.lon.deg == pytest.approx(ARRAY.reference.longitude)
    assert place.lat.deg == pytest.approx(ARRAY.reference.latitude)
    assert place.height.to_value("m") == pytest.approx(ARRAY.reference.height)
    for tel_id, ours in ARRAY.telescopes.items():
        tel = theirs.tel[tel_id]
        np.testing.assert_allclose(theirs.positions[tel_id].to_value("m"), ours.position, rtol=1e-6)
        np.testing.assert_array_equal(tel.camera.geometry.pix_x.to_value("m"), ours.geometry.pix_x)
        assert tel.camera.geometry.pix_rotation.deg == ours.geometry.pix_rotation
        np.testing.assert_array_equal(tel.camera.geometry.neighbor_matrix_sparse.indices,
                                      ours.geometry.neighbors[1])  # fmt: skip
        np.testing.assert_array_equal(tel.camera.readout.reference_pulse_shape, ours.readout.reference_pulse)
        assert tel.optics.effective_focal_length.to_value("m") == ours.optics.effective_focal_length
        assert tel.optics.equivalent_focal_length.to_value("m") == ours.optics.nominal_focal_length
        assert tel.optics.reflector_shape.name == ours.optics.reflector_shape
        assert str(tel) == ours.name


@pytest.mark.parametrize("simulation", [True, False])
def test_merge_of_two_observations(tmp_path, simulation):
    from ctapipe.io import HDF5Merger, TableLoader

    one = write(tmp_path / "1.h5", 1, simulation=simulation)
    two = write(tmp_path / "2.h5", 2, simulation=simulation)
    with HDF5Merger(tmp_path / "merged.h5") as merger:
        merger(one)
        merger(two)
    with TableLoader(tmp_path / "merged.h5") as loader:
        table = loader.read_telescope_events([2], dl1_images=True)
    expected = np.concatenate([dl1.read_images(p, 2) for p in (one, two)])
    np.testing.assert_array_equal(table["obs_id"], expected["obs_id"])
    np.testing.assert_array_equal(table["image"], expected["image"])


@pytest.mark.parametrize("options", [{"calibration": 1.0}, {"n_events": 0}, {"unread": 1.0}])
@pytest.mark.parametrize("simulation", [True, False])
def test_files_with_nothing_for_ctapipe_open_too(tmp_path, options, simulation):
    from ctapipe.io import HDF5EventSource

    path = write(tmp_path / "a.h5", simulation=simulation, **options)
    with HDF5EventSource(path) as source:
        n = sum(1 for _ in source)
    assert (n > 0) == (options.get("unread") == 1.0)


def test_observed_run(tmp_path):
    from ctapipe.io import HDF5EventSource, TableLoader

    path = write(tmp_path / "a.h5", 2**40, simulation=False)
    with HDF5EventSource(path) as source:
        assert not source.is_simulation
        assert {event.index.obs_id for event in source} == {2**40}
    with TableLoader(path) as loader:
        assert len(loader.read_telescope_events([1], dl1_images=True, observation_info=True)) > 0


def test_reference_metadata_is_understood(simulated):
    from ctapipe.io.metadata import read_reference_metadata

    meta = read_reference_metadata(simulated)
    assert meta.product.data_model_version == "v7.6.0"
    assert meta.activity.start_time.utc.isot.startswith("2022-10-27T10:49:20")
    assert meta.instrument.id_ == ARRAY.name


@pytest.fixture(scope="module")
def reference(data_dir, tmp_path_factory) -> Path:
    """A file that ctapipe itself made."""
    folder = tmp_path_factory.mktemp("reference")
    tool = Path(sys.executable).with_name("ctapipe-process")
    subprocess.run(
        [tool, "-i", data_dir / REAL, "-o", folder / "ref.h5", "--write-images", "--write-parameters",
         "--quiet", f"--provenance-log={folder / 'log'}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "ref.h5"


@pytest.fixture(scope="module")
def ours(data_dir, tmp_path_factory) -> Path:
    """The same events through our own chain."""
    from pellucid.events.options import ProcessOptions
    from pellucid.events.process import Processor
    from pellucid.formats.simtel import SimtelSource

    path = tmp_path_factory.mktemp("ours") / "ours.h5"
    with SimtelSource(data_dir / REAL) as source:
        process = Processor(source.subarray, ProcessOptions())
        with dl1.DL1Writer(path, source.subarray, source.run, provenance={}) as writer:
            for chunk in source.chunks():
                writer.write(chunk, process(chunk))
            writer.close(shower_distribution=source.shower_distribution)
    return path


# what ctapipe has and we do not: how its cuts on images went, and attributes that name its own version
NOT_OURS = {"/dl1/service/image_statistics"}
NOT_COMPARED = ("_DESC", "_MAXLEN")
# float32 sums in ctapipe; ours are summed and kept in float64, which also has a NaN where an int has none
WIDER = ("intensity", "peak_time", "leakage_intensity")


def test_layout_is_that_of_a_file_made_by_ctapipe(reference, ours):
    with tables.open_file(str(reference)) as theirs, tables.open_file(str(ours)) as mine:
        found = [node._v_pathname for node in theirs.walk_nodes("/", "Table")]
        assert [p for p in found if p not in mine] == sorted(NOT_OURS)
        assert len(found) > 50
        for path in found:
            if path not in NOT_OURS:
                _compare(theirs.get_node(path), mine.get_node(path))


def _compare(theirs, mine):
    path = theirs._v_pathname
    for name in theirs.colnames:
        assert name in mine.colnames, f"{path}: no column {name}"
        expected, got = theirs.dtype[name], mine.dtype[name]
        assert got.shape == expected.shape, f"{path}/{name}"
        if expected.base.kind == "S":
            continue
        if any(name.removeprefix("true_").startswith(word) for word in WIDER):
            assert got.base in (expected.base, np.float64), f"{path}/{name}"
        else:
            assert got.base == expected.base, f"{path}/{name}"
        assert _attributes(mine, name) == _attributes(theirs, name), f"{path}/{name}"
    for key in ("TAB_TYPE", "TAB_VER", "CAM_ID", "PIX_TYPE", "GRID", "NCHAN", "NSAMPLES", "SUBARRAY"):
        if key in theirs._v_attrs:
            assert mine._v_attrs[key] == theirs._v_attrs[key], f"{path}: {key}"


def _attributes(table, name):
    """Attributes of a column; the names of fields only where tables are read through containers."""
    prefix = f"CTAFIELD_{table.colnames.index(name)}_"
    attrs = table._v_attrs
    found = {key.removeprefix(prefix): attrs[key] for key in attrs._f_list() if key.startswith(prefix)}
    if table._v_pathname.startswith(("/configuration/instrument", "/simulation/service/atmosphere")):
        found.pop("NAME", None)
    if name == "tel_description":
        found.pop("TRANSFORM", None)
    return {k: v for k, v in found.items() if f"_{k}" not in NOT_COMPARED}


def test_real_events_are_those_of_ctapipe(reference, ours):
    from ctapipe.io import TableLoader

    options = {"dl1_images": True, "true_images": True, "true_parameters": True, "observation_info": True}
    with TableLoader(reference) as theirs, TableLoader(ours) as mine:
        for tel_id in dl1.tel_ids(reference):
            a, b = (loader.read_telescope_events([tel_id], **options) for loader in (theirs, mine))
            assert len(a) == len(b) > 0
            for name in a.colnames:
                if name.startswith(("time", "actual_start", "scheduled_start")) and hasattr(a[name], "mjd"):
                    np.testing.assert_allclose((b[name] - a[name]).to_value("s"), 0, atol=1e-9)
                elif a[name].dtype.kind in "iub" or name in (
                    "image",
                    "peak_time",
                    "image_mask",
                    "true_image",
                ):
                    np.testing.assert_array_equal(a[name], b[name], err_msg=name)
                elif a[name].dtype.kind == "f" and not name.startswith(("timing", "peak_time")):
                    tolerance = 5e-5 if name.endswith(("skewness", "kurtosis")) else 1e-6
                    np.testing.assert_allclose(b[name], a[name], rtol=tolerance, err_msg=name)
        for read in (
            "read_simulation_configuration",
            "read_observation_information",
            "read_shower_distribution",
        ):
            a, b = getattr(theirs, read)(), getattr(mine, read)()
            for name in a.colnames:
                if getattr(a[name], "dtype", np.dtype("S1")).kind in "iufb":
                    np.testing.assert_allclose(b[name], a[name], rtol=1e-6, err_msg=name)
        a, b = theirs.subarray, mine.subarray
        assert set(a.tel) == set(b.tel)
        for tel_id in a.tel:
            np.testing.assert_allclose(
                a.tel[tel_id].camera.geometry.pix_x.value,
                b.tel[tel_id].camera.geometry.pix_x.value,
                atol=1e-12,
            )
        assert a.reference_location.to_geodetic().height.to_value("m") == pytest.approx(
            b.reference_location.to_geodetic().height.to_value("m")
        )


def test_event_types_have_the_codes_of_ctapipe():
    from ctapipe.containers import EventType as Theirs

    for kind in EventType:
        assert Theirs[kind.name].value == kind.value
