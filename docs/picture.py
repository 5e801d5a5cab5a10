# SPDX-License-Identifier: BSD-3-Clause
"""Draw the picture of the README: simulated light, what the camera recorded of it, and what calibration saw.

Usage: python docs/picture.py docs/images/first_light.png
"""

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from pellucid.events import ArrayEvents, CameraBatch, CameraImages, CameraKind, Coefficients, EventChunk
from pellucid.events import TelescopeTriggers as Triggers
from pellucid.events.options import ProcessOptions
from pellucid.events.process import Processor
from pellucid.instrument import CameraGeometry
from pellucid.simulate.run import RunSimulator, SimulationConfig

TEL_ID = 1
COLOURS = mpl.colormaps["cividis"].with_extremes(bad="0.92")


def calibrated(run: RunSimulator, event_id: int) -> tuple[CameraImages, npt.NDArray[np.int32]]:
    """Return the image of one event of the first telescope, and the light behind it, shape (n_pixels,)."""
    event = next(e for e in run.events if e.event_id == event_id)
    camera = run.camera(TEL_ID)
    recorded = run.record(camera, event)
    response, geometry = camera.response, camera.telescope.geometry
    factor = np.divide(1.0, response.gain, out=np.zeros_like(response.gain), where=response.gain > 0)
    known = Coefficients(
        tel_id=TEL_ID,
        pedestal=response.pedestal.astype(np.float32),
        factor=factor.astype(np.float32),
        time_shift=np.broadcast_to(response.time_offset, response.gain.shape).astype(np.float32),
        unusable=np.broadcast_to(response.dead, response.gain.shape).copy(),
    )
    n_channels, _, n_samples = recorded.adc.shape
    batch = CameraBatch(
        kind=CameraKind(geometry, n_channels, n_samples),
        event_row=np.zeros(1, np.int64),
        tel_id=np.array([TEL_ID], np.int16),
        adc=recorded.adc[None],
        coefficients=np.zeros(1, np.int64),
        azimuth=np.zeros(1),
        altitude=np.zeros(1),
    )
    ids, kinds, times = np.array([event_id]), np.array([event.event_type], np.uint8), event.time[None]
    triggers = Triggers(np.zeros(1, np.int64), batch.tel_id, times, kinds, np.array([-1], np.int32))
    chunk = EventChunk(1, ArrayEvents(ids, kinds, times), triggers, [batch], [known])
    return Processor(run.subarray, ProcessOptions())(chunk)[0], recorded.true_image


def draw(
    axes: Axes, geometry: CameraGeometry, values: npt.NDArray[np.float64], title: str, unit: str
) -> None:
    """Draw one value per pixel; NaN stays empty."""
    angle = np.deg2rad(np.arange(6) * 60.0 + geometry.pix_rotation + 30.0)
    corner = geometry.pixel_width[:, None] / np.sqrt(3.0)
    x = geometry.pix_x[:, None] + corner * np.cos(angle)
    y = geometry.pix_y[:, None] + corner * np.sin(angle)
    pixels = PolyCollection(np.stack([x, y], axis=-1), array=np.ma.masked_invalid(values), cmap=COLOURS)
    pixels.set_edgecolor("face")
    axes.add_collection(pixels)
    edge = 1.05 * np.hypot(geometry.pix_x, geometry.pix_y).max()
    axes.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal", title=title)
    axes.set_axis_off()
    axes.figure.colorbar(pixels, ax=axes, label=unit, shrink=0.8)


def main(path: Path) -> None:
    """Draw a shower and a muon, three views each, and save the figure."""
    run = RunSimulator(SimulationConfig(seed=4, camera="lst", telescopes=1, pedestals=0, flashes=0))
    seen = [e for e in run.events if TEL_ID in e.tel_ids]
    # an ordinary shower, in the middle of those seen, and any muon
    showers = sorted((e for e in seen if e.shower), key=lambda e: calibrated(run, e.event_id)[1].sum())
    shown = {"shower": showers[len(showers) // 2], "muon": next(e for e in seen if e.muon)}
    figure = Figure(figsize=(11.0, 6.4), layout="constrained")
    for row, (name, event) in zip(figure.subplots(2, 3), shown.items(), strict=True):
        images, truth = calibrated(run, event.event_id)
        geometry = images.batch.kind.geometry
        time = np.where(images.image_mask[0], images.peak_time[0, 0], np.nan)
        draw(row[0], geometry, truth.astype(np.float64), f"{name}: light simulated", "p.e.")
        draw(row[1], geometry, images.image[0, 0], f"{name}: image calibrated", "p.e.")
        draw(row[2], geometry, time, f"{name}: times of the cleaned pixels", "ns")
    figure.savefig(path, dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
