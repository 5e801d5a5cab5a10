# SPDX-License-Identifier: BSD-3-Clause
"""CPU time and size of DL1 files against ctapipe's writer: images of a camera of 1855 pixels.

Images are noise of seven samples in units of a pixel's own gain, which compresses as little as real
night-sky background does. ctapipe writes rows of containers with its own `HDF5TableWriter` and filters.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tables

from made_up import dl1run
from pellucid.events import CameraImages, EventChunk
from pellucid.formats.ctapipe_hdf5 import DL1Writer, read_images, schema
from pellucid.instrument import Subarray

RINGS = 25  # 1951 pixels, cut to the 1855 of a large camera
N_PIXELS = 1855


def camera_run(n_events: int) -> tuple[Subarray, EventChunk, list[CameraImages]]:
    """Make an observed run of two telescopes with realistic noise in the images."""
    whole = dl1run.hexagons(RINGS)
    order = np.argsort(np.hypot(whole.pix_x, whole.pix_y), kind="stable")[:N_PIXELS]
    geometry = type(whole)(
        "Camera", whole.pix_x[order], whole.pix_y[order], whole.pix_area[order], whole.pix_shape
    )
    array = dl1run.make_array(geometry=geometry).select([1, 2])
    chunk, images = dl1run.make_events(array, n_events, simulation=False, calibration=0.0, unread=0.0)
    rng = np.random.default_rng(2)
    gain = rng.normal(0.0105, 0.0005, N_PIXELS)
    for made in images:
        shape = made.image.shape
        offset = rng.normal(0, 1, shape[-1])
        made.image[...] = (rng.normal(0, 10.6, shape).round() - offset) * gain
        made.gain_channel[...] = 0
        made.image_mask[...] = rng.random(made.image_mask.shape) < 0.01
        made.peak_time[...] = rng.integers(3, 36, shape) + rng.normal(0, 0.7, shape)
    return array, chunk, images


def cpu(action: Callable[[Path], None], repeats: int) -> tuple[float, int]:
    """Return the least CPU seconds of an action that writes a file, and the size of the file."""
    best, size = np.inf, 0
    with tempfile.TemporaryDirectory() as folder:
        for i in range(repeats):
            path = Path(folder) / f"{i}.h5"
            start = time.process_time()
            action(path)
            best = min(best, time.process_time() - start)
            size = path.stat().st_size
    return best, size


def write_ours(array: Subarray, parts: list[tuple[EventChunk, list[CameraImages]]]) -> Callable[[Path], None]:
    def action(path: Path) -> None:
        run = dl1run.make_run(simulation=False)
        with DL1Writer(path, array, run, provenance=dl1run.LINEAGE) as writer:
            for chunk, images in parts:
                writer.write(chunk, images)

    return action


def write_theirs(rows: dict[int, np.ndarray], parameters: bool) -> Callable[[Path], None]:
    from ctapipe.containers import DL1CameraContainer, ImageParametersContainer, TelEventIndexContainer
    from ctapipe.io import HDF5TableWriter

    filters = tables.Filters(complevel=5, complib="blosc:zstd", fletcher32=True)

    def action(path: Path) -> None:
        with HDF5TableWriter(str(path), mode="w", filters=filters) as writer:
            writer.exclude("/dl1/event/telescope/images/.*", "parameters")
            writer.add_prefix = True
            for tel_id, table in rows.items():
                for row in table:
                    index = TelEventIndexContainer(
                        obs_id=np.int32(4), event_id=np.int64(row["event_id"]), tel_id=np.int16(tel_id)
                    )
                    camera = DL1CameraContainer(
                        image=row["image"], peak_time=row["peak_time"], image_mask=row["image_mask"],
                        is_valid=True, prefix="",
                    )  # fmt: skip
                    writer.write(f"dl1/event/telescope/images/tel_{tel_id:03d}", [index, camera])
                    if parameters:
                        values = ImageParametersContainer().values()
                        writer.write(f"dl1/event/telescope/parameters/tel_{tel_id:03d}", [index, *values])

    return action


def image_bytes(path: Path) -> int:
    """Return the bytes that the chunks of the image tables take."""
    total = 0
    with tables.open_file(str(path)) as file:
        for table in file.iter_nodes(schema.IMAGES):
            total += sum(table.chunk_info((i,)).size for i in range(0, table.nrows, table.chunkshape[0]))
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer events, one repeat")
    quick = parser.parse_args().quick
    n_events, repeats = (150, 1) if quick else (1000, 3)
    array, chunk, images = camera_run(n_events)
    n = chunk.triggers.tel_id.size
    parts = dl1run.cut(chunk, images, list(range(60, n_events, 60)))
    n_short = parts[0][0].triggers.tel_id.size
    seconds, size = cpu(write_ours(array, parts), repeats)
    short, _ = cpu(write_ours(array, parts[:1]), repeats)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        write_ours(array, parts)(path)
        rows = {t: read_images(path, t) for t in array.tel_ids}
        ours_bytes = image_bytes(path)
        try:
            import ctapipe

            version = ctapipe.__version__
            theirs = path.with_name("b.h5")
            few = {t: table[: n_short // len(rows)] for t, table in rows.items()}
            theirs_us = 1e6 * (
                (
                    cpu(write_theirs(rows, parameters=True), repeats)[0]
                    - cpu(write_theirs(few, parameters=True), repeats)[0]
                )
                / (n - sum(map(len, few.values())))
            )
            write_theirs(rows, parameters=False)(theirs)
            theirs_bytes = image_bytes(theirs)
        except ImportError:
            version, theirs_us, theirs_bytes = None, np.nan, np.nan
    # without what a run costs whatever its length: making tables, closing the file
    ours_us = (seconds - short) / (n - n_short) * 1e6
    peer = "ctapipe" if version else None
    figures = [
        figure("CPU per telescope event, images and parameters", ours_us, "us", 60.0, peer, version,
               theirs_us / ours_us if version else None),
        figure("bytes per image, peak time and mask", ours_bytes / n, "B", 0.85 * theirs_bytes / n,
               peer, version,
               ours_bytes / theirs_bytes if version else None),
        figure("size of the file per telescope event", size / n, "B", None, None, None, None),
        figure("CPU of a file of 60 array events", short, "s", None, None, None, None),
    ]  # fmt: skip
    print(json.dumps(figures, indent=1))


def figure(
    name: str, value: float, unit: str, bound: float | None, peer: str | None, version: str | None,
    ratio: float | None,
) -> dict[str, str | float | None]:  # fmt: skip
    return {
        "figure": name,
        "value": round(value, 4),
        "unit": unit,
        "bound": bound,
        "peer": peer,
        "peer_version": version,
        "ratio": None if ratio is None else round(ratio, 3),
    }


if __name__ == "__main__":
    main()
