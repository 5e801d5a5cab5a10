# SPDX-License-Identifier: BSD-3-Clause
"""``python -m pellucid.cli``: the command where no script is on the path."""

from pellucid.cli import main

main()
