# SPDX-License-Identifier: BSD-3-Clause
"""Made-up inputs that benchmarks share with the tests."""

import sys
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

dl1run = import_module("support.dl1run")
postgres = import_module("support.postgres")
