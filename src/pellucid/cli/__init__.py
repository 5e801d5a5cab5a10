# SPDX-License-Identifier: BSD-3-Clause
"""The command line: one command, one small file per verb, nothing heavy imported at start-up."""

import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command ``pellucid`` with the arguments of this process, and exit."""
    from pellucid.cli.run import run

    sys.exit(run(sys.argv[1:]))
