# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid ingest``: take files into the archive."""

from pathlib import Path
from typing import Any

import click

from pellucid.cli.session import Session, verb
from pellucid.errors import CorruptedInput, UsageError

__all__ = ["command"]


@verb("ingest")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--type", "product_type", metavar="TYPE", help="Product type, where a file does not tell it.")
@click.option("--obs", "obs_id", type=int, metavar="ID", help="Observation the files belong to.")
@click.option("--tel", type=int, multiple=True, metavar="ID", help="Telescope they cover; repeatable.")
@click.option("--device", metavar="NAME", help="Device that delivered them, e.g. raman-1.")
@click.option("--category", type=click.Choice(["A", "B", "C"]), help="On-line, next day, final.")
@click.option("--quality", metavar="WORD", help="How good they are, e.g. good.")
@click.option("--rights", metavar="WORD", help="PUBLIC, SECURE or PROPRIETARY.")
@click.option("--release", metavar="UTC", help="When they become public.")
@click.option(
    "--metadata",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CTAO metadata of the one file: JSON, or a FITS header.",
)
def command(
    session: Session,
    files: tuple[Path, ...],
    product_type: str | None,
    metadata: Path | None,
    tel: tuple[int, ...],
    release: str | None,
    **said: Any,
) -> int:
    """Take files into the archive, as they are.

    A file that is there already, under whatever name, stays what it is; other bytes under the name of an
    earlier file are a product beside it, and you are told. Each is checked against the
    interface that covers it; one that is not as agreed goes into quarantine, and the exit code is 104.
    With --metadata, a file is what CTAO metadata say of it; those of 'pellucid export ctao' make it the
    product that it was there, with its lineage. What options say counts more than the file and its metadata.
    """
    if metadata is not None and len(files) > 1:
        raise UsageError("Metadata are those of one file.", expected="one file", got=f"{len(files)} files")
    products: list[dict[str, Any]] = []
    with session.workspace(create=True) as workspace:
        from pellucid.interfaces.ctao import read_metadata
        from pellucid.pipeline.intake import take_in

        given = _given(tel, release, said)
        document = read_metadata(metadata) if metadata is not None else None
        for file in files:
            with session.progress(f"ingest {file.name}") as progress:
                product, is_new = take_in(
                    workspace.archive, file, product_type, given=given, metadata=document, progress=progress
                )
            named = workspace.archive.find(name=product.name, limit=4) if is_new else []
            others = [p.id for p in named if p.id != product.id]
            products.append({"file": str(file), "new": is_new, "same_name": others, **product.as_dict()})
    session.show({"products": products}, "\n".join(map(_line, products)))
    return CorruptedInput.exit_code if any(_failed(p) for p in products) else 0


def _given(tel: tuple[int, ...], release: str | None, said: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that options name."""
    from pellucid.archive.moments import parse_moment

    given = {name: value for name, value in said.items() if value is not None}
    if tel:
        given["telescopes"] = tuple(sorted(set(tel)))
    if release is not None:
        given["release_date"] = parse_moment(release)
    return given


def _failed(product: dict[str, Any]) -> bool:
    return bool(product["summary"].get("check") == "failed")


def _line(product: dict[str, Any]) -> str:
    new = "new" if product["new"] else "already there"
    said = product["summary"]
    check = said.get("check", "not checked")
    if "interface" in said:
        check += f" {said['interface']} {said['interface_version']}"
    lines = [f"{product['id'][:12]}  {new}  {product['product_type']}  {product['file']}  ({check})"]
    if product["same_name"]:
        others = ", ".join(id[:12] for id in product["same_name"])
        lines.append(f"  other bytes under the name of an earlier file: {others}")
    if _failed(product):
        lines += [f"  in quarantine: {f['code']}, {f['where']}: {f['what']}" for f in said["findings"]]
    return "\n".join(lines)
