# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid export ctao``: a product's metadata in CTAO's data-products model."""

from pathlib import Path

import click

from pellucid.cli.exports.selection import output, overwrite
from pellucid.cli.session import Session, verb
from pellucid.errors import UsageError

__all__ = ["command"]


@verb("ctao")
@click.argument("product_id", metavar="ID")
@output
@click.option("--fits", "as_fits", is_flag=True, help="Write a FITS header instead of JSON.")
@click.option("--contact", metavar="NAME", help="Whom to ask about it; with the next two.")
@click.option("--organization", metavar="NAME", help="Organization of the contact.")
@click.option("--email", metavar="ADDRESS", help="E-mail address of the contact.")
@overwrite
def command(
    session: Session,
    product_id: str,
    output: Path,
    as_fits: bool,
    contact: str | None,
    organization: str | None,
    email: str | None,
    overwrite: bool,
) -> None:
    """Write what is known of a product as CTAO metadata.

    They are checked by CTAO's data model, and hold all that the archive knows: 'pellucid ingest FILE
    --metadata' makes the same product of them in another archive.
    """
    from pellucid.archive.output import check_output, new_file

    check_output(output, overwrite=overwrite)
    with session.workspace() as workspace:
        import json

        from pellucid.formats.ctao_metadata import Contact
        from pellucid.interfaces.ctao import checked, ctao_metadata, header_of

        product = workspace.archive.get(product_id)
        asked = None
        if contact or organization or email:
            if not (contact and organization and email):
                raise UsageError(
                    "A contact has three parts.", expected="--contact, --organization and --email"
                )
            asked = Contact(contact, organization, email)
        document = checked(ctao_metadata(product, asked))
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        content = header_of(document) if as_fits else text.encode()
        with (
            new_file(output, overwrite=overwrite) as descriptor,
            open(descriptor, "wb", closefd=False) as file,
        ):
            file.write(content)
    session.show(
        {"file": str(output), "product": product.id, "metadata": document}, f"{output}: {product.short_id}"
    )
