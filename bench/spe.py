# SPDX-License-Identifier: BSD-3-Clause
"""CPU time to fit single photo-electrons, beside calibpipe's fit of the same model to the same charges.

Charges are simulated with the shape of Caroff et al. 2019. The peer fits a few pixels, since it takes many
seconds for each; Pellucid fits those and a whole camera.
"""

import argparse
import json
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from peers import peer_python, peer_version

N_PIXELS = 1855
N_EVENTS = 20_000
GAIN, NOISE = 58.0, 13.0
SCATTER = (0.03, 0.02, 0.02)
"""Of p, R and n among the tubes."""

PEER = """
import json, sys, time
import numpy as np
from hist import Hist
from hist.axis import Regular, Integer
from calibpipe.telescope.camera.spe_algorithm import MPEModel, SPEalgorithm
from calibpipe.telescope.camera.spe_model import SPEShape

charges = np.load(sys.argv[1])
low, high = np.floor(charges.min()), np.ceil(charges.max())
histogram = Hist(
    Regular(int(high - low), low, high), Integer(0, 1), Integer(0, charges.shape[1])
)
for pixel in range(charges.shape[1]):
    histogram.view()[:, 0, pixel] = np.histogram(charges[:, pixel], histogram.axes[0].edges)[0]
# what the peer's spectrum of several photo-electrons says that one has, against the shape it is made of
tails = {}
for mu in (30.0, 58.0, 100.0, 250.0):
    shape = SPEShape(0.42, 0.5, mu, 0.813)
    x = np.arange(-12.0 * mu, 40.0 * mu, 0.25)
    bins = MPEModel(shape, 0.0, 0.22 * mu, 1.0).pdf(x)
    tails[mu] = float((x * bins).sum() / bins.sum()) / shape.gain() - 1.0
algorithm = SPEalgorithm()
start = time.process_time()
results = algorithm(histogram)
seconds = time.process_time() - start
print(json.dumps({"seconds": seconds, "tails": tails, "fits": [
    {"pixel": px, "valid": bool(r["fit_status"]["is_valid"]), "values": list(map(float, r["values"]))}
    for (_, px), r in results.items()
]}))
"""


def charges(n_pixels: int, seed: int) -> tuple[Any, Any]:
    """Return simulated charges of shape (N_EVENTS, n_pixels) and the gains behind them."""
    from pellucid.simulate.photoelectrons import photomultiplier_charges

    random = np.random.default_rng(seed)
    gain = random.normal(GAIN, 0.05 * GAIN, n_pixels)
    zero = np.zeros(n_pixels)
    theta = random.normal([0.42, 0.5, 0.813], SCATTER, (n_pixels, 3))
    return photomultiplier_charges(random, N_EVENTS, zero + 1.0, gain, zero, zero + NOISE, theta), gain


def ours(values: Any, known: bool = False) -> tuple[float, Any]:
    """Return our CPU seconds and the fit; by default nothing is known beforehand, as for the peer."""
    from pellucid.camera.spe.fit import fit_spectra
    from pellucid.camera.spe.photomultiplier import Photomultiplier

    p, r, n = Photomultiplier().parameters
    shape = Photomultiplier((replace(p, error=SCATTER[0]), r, replace(n, error=SCATTER[2])))
    start = time.process_time()
    fit = fit_spectra(values, shape if known else None)
    return time.process_time() - start, fit


def peer(values: Any) -> dict[str, Any]:
    """Return the peer's CPU seconds, its fits, and how far its model's mean is off, by charge."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "charges.npy"
        np.save(path, values)
        done = subprocess.run(
            [peer_python("calibpipe"), "-c", PEER, path], check=True, capture_output=True, text=True
        )
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return document


def own_tail(gain: float) -> float:
    """Return how far the mean of our spectrum is off that of its photo-electrons, relative."""
    from pellucid.camera.spe.model import Parameters, predict
    from pellucid.camera.spe.photomultiplier import Photomultiplier

    n_bins, pedestal, width = 4096, 400.0, 0.22 * gain / 10.0
    theta = np.array([[0.42, 0.5, 0.813]])
    one = np.ones(1)
    shape, scaled = Photomultiplier(), gain / width * one
    # a stray millionth of the charges may be anywhere; that is not the model's mean
    bins = predict(shape, Parameters(pedestal * one, 10.0 * one, one, scaled, theta), n_bins)[0]
    bins = bins - 1e-6 / n_bins
    mean = float((np.arange(n_bins) * bins).sum() / bins.sum()) - pedestal
    return mean / float(shape.moments(scaled, theta)[0][0]) - 1.0


def figures(quick: bool) -> list[dict[str, Any]]:
    """Measure; the quick form fits fewer pixels."""
    n_peer = 1 if quick else 3
    n_camera = 200 if quick else N_PIXELS
    values, gain = charges(n_camera, seed=1)
    ours(values[:, :8])  # what is loaded once is not counted
    own_few = ours(values[:, :n_peer])[0] / n_peer
    own_seconds, fit = ours(values)
    theirs = peer(values[:, :n_peer])
    peer_seconds, fits = theirs["seconds"], theirs["fits"]
    per_pixel = peer_seconds / max(1, len(fits))
    version = peer_version("calibpipe", "ctao-calibpipe")
    known = ours(values, known=True)[1]
    camera = own_seconds * N_PIXELS / n_camera
    good = fit.status == 0
    shared = {"peer": "calibpipe", "peer_version": version}
    pull = (known.gain - gain) / known.gain_error
    return [
        {"figure": "SPE fit of one pixel of a camera: CPU", "value": own_seconds / n_camera, "unit": "s",
         "bound": per_pixel / 100, **shared, "ratio": per_pixel * n_camera / own_seconds},
        {"figure": f"SPE fit of {n_peer} pixels: CPU a pixel", "value": own_few, "unit": "s",
         "bound": None, **shared, "ratio": per_pixel / own_few},
        {"figure": f"SPE fit of {N_PIXELS} pixels: CPU", "value": camera, "unit": "s",
         "bound": 60.0, **shared, "ratio": None},
        {"figure": "mean deviation of gains, scatter of p and n among tubes known", "unit": "%",
         "value": 100.0 * float(np.mean(known.gain / gain - 1.0)),
         "bound": None, **shared, "ratio": None},
        {"figure": "mean deviation of gains without a flag, nothing known", "unit": "%",
         "value": 100.0 * float(np.mean(fit.gain[good] / gain[good] - 1.0)),
         "bound": None, **shared, "ratio": None},
        {"figure": "gain pull width, scatter of p and n among tubes known", "value": float(pull.std()),
         "unit": "", "bound": [0.9, 1.1], **shared, "ratio": None},
        {"figure": "gain pull mean", "value": float(pull.mean()), "unit": "", "bound": None, **shared,
         "ratio": None},
        *({"figure": f"mean of the spectrum above its photo-electrons', {float(mu):.0f} counts each: peer",
           "value": 100.0 * off, "unit": "%", "bound": None, **shared, "ratio": None}
          for mu, off in theirs["tails"].items()),
        {"figure": "mean of the spectrum above its photo-electrons', ours", "value": 100.0 * own_tail(58.0),
         "unit": "%", "bound": 0.01, **shared, "ratio": None},
        {"figure": "fits without a flag", "value": float(good.mean()), "unit": "",
         "bound": None, **shared, "ratio": None},
        {"figure": "the peer's valid fits", "value": float(np.mean([f["valid"] for f in fits])), "unit": "",
         "bound": None, **shared, "ratio": None},
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer pixels")
    print(json.dumps(figures(parser.parse_args().quick), indent=1))


if __name__ == "__main__":
    main()
