# SPDX-License-Identifier: BSD-3-Clause
"""What a step wrote, looked at before it is a product: there, of its format, as agreed where that was."""

from pathlib import Path

from pellucid.errors import CorruptedInput, PellucidError

__all__ = ["check_written"]

_CALLED = {"fits-image": "fits"}
"""Formats of deliveries whose first bytes tell another name."""


def check_written(path: Path, *, step: str, format: str, product_type: str) -> None:
    """Refuse what no product can be made of.

    Where an interface, of Pellucid or of an installed package, declares the product type in this format, the
    file is held against it as a delivery would be: columns, shapes, units, ranges, and where NaN may be.

    Parameters
    ----------
    path : Path
        What the step wrote.
    step : str
        Its name.
    format, product_type : str
        As it declares them.

    Raises
    ------
    PellucidError
        There is nothing (``no-output``), it is of another format, or not as its interface says
        (``wrong-output``).
    """
    if not path.is_file() or path.stat().st_size == 0:
        raise PellucidError(
            f"The step '{step}' ended without its output.",
            expected="its function to write the file it is given",
            mend="report this to the author of the step",
            code="no-output",
        )
    got = _format(path, format)
    if got != format:
        raise _wrong(step, f"a file of format {format}", f"one of format {got}")
    if not _is_declared(product_type, format):
        return
    from pellucid.interfaces.gate import judge

    report = judge(path, format, product_type)
    if report is not None and not report.ok:
        found = "; ".join(dict.fromkeys(f"{f.code}: {f.what}" for f in report.findings))
        raise _wrong(step, f"{product_type} as interface {report.interface} {report.version} says", found)


def _is_declared(product_type: str, format: str) -> bool:
    from pellucid.interfaces.vocabulary import FORMATS

    if format not in FORMATS:
        return False  # the catalogue takes longer to read than most outputs
    from pellucid.interfaces.registry import covering

    return bool(covering(product_type, format))


def _format(path: Path, format: str) -> str:
    """Return the format that the first bytes tell, where those of the declared one would."""
    from pellucid.archive.ingest import RECOGNISED, sniff
    from pellucid.formats.cover import outside_formats

    called = _CALLED.get(format, format)
    if called not in RECOGNISED and called not in outside_formats():
        return format
    try:
        got = sniff(path).format
    except CorruptedInput:
        return "nobody knows which"
    return format if got == called else got


def _wrong(step: str, expected: str, got: str) -> PellucidError:
    return PellucidError(
        f"The step '{step}' wrote what its product must not be.",
        where=f"step {step}",
        expected=expected,
        got=got,
        mend="report this to the author of the step",
        code="wrong-output",
    )
