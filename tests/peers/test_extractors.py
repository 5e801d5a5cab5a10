# SPDX-License-Identifier: BSD-3-Clause
"""Images and times of every extractor, side by side with ctapipe: equal to the bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.events import Extractor
from support import ours, reference

FILES = ["history_meta_75.simtel.zst", "n_hv_disabled.simtel.gz", "calib_true_pe.simtel.zst"]
CASES: list[tuple[str, dict[str, Any], Extractor]] = [
    ("LocalPeakWindowSum", {}, Extractor(kind="local-peak")),
    ("LocalPeakWindowSum", {"window_width": 5, "window_shift": 2}, Extractor("local-peak", 5, 2)),
    ("FixedWindowSum", {"peak_index": 12}, Extractor("fixed-window", 7, 0, peak=12)),
    ("FixedWindowSum", {"peak_index": 1, "window_shift": 4}, Extractor("fixed-window", 7, 4, peak=1)),
    ("NeighborPeakWindowSum", {"local_weight": 3}, Extractor(local_weight=3)),
    (
        "NeighborPeakWindowSum",
        {"apply_integration_correction": False, "window_width": 9},
        Extractor(width=9, correction=False),
    ),
]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("theirs", "options", "extractor"), CASES)
def test_extractors_are_equal(
    data_dir: Path, name: str, theirs: str, options: dict[str, Any], extractor: Extractor
) -> None:
    path = data_dir / "camera" / "simtel" / name
    found = ours.events(path, extractor)
    for one in reference.events(path, theirs, **options):
        mine = found.pop((one.event_id, one.tel_id))
        n = len(one.image)
        assert np.array_equal(mine.image[:n].view(np.uint32), one.image.view(np.uint32))
        assert np.array_equal(mine.peak_time[:n].view(np.uint32), one.peak_time.view(np.uint32))
    assert not found
