# SPDX-License-Identifier: BSD-3-Clause
"""Print a figure beside its bound, and hold it to the bound."""

from typing import Any


class Figures:
    """Prints ``figure | measured | bound`` and fails where the bound is missed."""

    def _show(self, figure: str, measured: Any, bound: str, held: bool) -> None:
        shown = f"{measured:.3g}" if isinstance(measured, float) else measured
        print(f"{figure} | {shown} | {bound}{'' if held else ' | MISSED'}")
        assert held, f"{figure}: {shown}, bound {bound}"

    def at_most(self, figure: str, measured: float, bound: float) -> None:
        self._show(figure, measured, f"<= {bound}", measured <= bound)

    def at_least(self, figure: str, measured: float, bound: float) -> None:
        self._show(figure, measured, f">= {bound}", measured >= bound)

    def equal(self, figure: str, measured: Any, expected: Any) -> None:
        self._show(figure, measured, f"{expected}", measured == expected)
