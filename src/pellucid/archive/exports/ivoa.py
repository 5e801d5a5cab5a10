# SPDX-License-Identifier: BSD-3-Clause
"""Lineage as the tables of the IVOA Provenance Data Model: VOTable or CSV.

One table for each class of the model (IVOA Recommendation ProvenanceDM 1.0, 11 April 2020, figure 1),
with its attributes as columns: products are entities, runs of steps activities, packages agents; a step
with its code is the description of an activity, its parameters those of the activity.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pellucid.archive.exports.history import History, began, generated
from pellucid.archive.lineage import JSON, canonical_json
from pellucid.archive.product import Product

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TABLES", "Column", "provdm_csv", "provdm_rows", "provdm_votable"]


class Column(NamedTuple):
    """A column: its name, the attribute of the model it holds, what it means."""

    name: str
    utype: str
    description: str


def _columns(table: str, **descriptions: str) -> tuple[Column, ...]:
    return tuple(Column(n, f"voprov:{table}.{n}", text) for n, text in descriptions.items())


TABLES: "dict[str, tuple[Column, ...]]" = {
    "entity": _columns(
        "Entity",
        id="Identity of the product",
        name="File name",
        type="Product type",
        location="Content address: sha256 of the bytes",
        generatedAtTime="When it was registered, UTC",
        comment="Format, size in bytes, flags",
    ),
    "activity": _columns(
        "Activity",
        id="Identity of the run: that of the product it made",
        name="Step and version",
        startTime="When the step began, UTC; empty where it was not noted",
        stopTime="When the product was registered, UTC",
        comment="How exactly it repeats itself",
        description_id="Description of the activity",
    ),
    "agent": _columns("Agent", id="Identity of the agent", name="Package and version", type="Kind of agent"),
    "used": _columns("Used", activity_id="The run", entity_id="The product it used", role="Its role"),
    "wasGeneratedBy": _columns(
        "WasGeneratedBy", entity_id="The product", activity_id="The run that made it", role="Its role"
    ),
    "wasAssociatedWith": _columns(
        "WasAssociatedWith", activity_id="The run", agent_id="The package", role="What part it had"
    ),
    "ActivityDescription": _columns(
        "ActivityDescription",
        id="Identity of the description",
        name="Step",
        version="Version of the algorithm",
        type="Kind of activity",
        subtype="Fingerprint of the code",
    ),
    "Parameter": _columns(
        "Parameter",
        activity_id="The run",
        name="Name, with dots where it is in a group",
        valueType="Kind of value",
        value="Value, as JSON where it is no text",
    ),
}
"""Columns of each table."""


def provdm_rows(history: History) -> dict[str, list[tuple[str, ...]]]:
    """Return the rows of all tables, all values as text; what is not known is empty."""
    derived = history.derived
    return {
        "entity": [_entity(product) for product in history.products],
        "activity": [
            (
                p.id,
                f"{p.step} {p.step_version}",
                start.isoformat() if (start := began(p)) else "",
                generated(p).isoformat(),
                p.determinism or "",
                _description(p),
            )
            for p in derived
        ],
        "agent": [(f"{n}-{v}", f"{n} {v}", "SoftwareAgent") for n, v in history.software],
        "used": [(p.id, i.product, i.role) for p in derived for i in p.inputs],
        "wasGeneratedBy": [(p.id, p.id, "output") for p in derived],
        "wasAssociatedWith": [
            (p.id, f"{n}-{v}", "operator" if n == "pellucid" else "library")
            for p in derived
            for n, v in sorted(p.software.items())
        ],
        "ActivityDescription": sorted(
            {
                (_description(p), p.step or "", p.step_version or "", "Calibration", p.code or "")
                for p in derived
            }
        ),
        "Parameter": [row for p in derived for row in _parameters(p.id, p.parameters)],
    }


def provdm_csv(history: History, folder: Path) -> list[Path]:
    """Write each table as ``NAME.csv`` into a folder that exists; return the files."""
    files = []
    for name, rows in provdm_rows(history).items():
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.name for column in TABLES[name]])
        writer.writerows(rows)
        files.append(folder / f"{name}.csv")
        files[-1].write_text(text.getvalue())
    return files


def provdm_votable(history: History) -> str:
    """Return all tables as one VOTable 1.4 document."""
    from astropy.io.votable import tree, writeto

    document = tree.VOTableFile(version="1.4")
    resource = tree.Resource(name="provenance", utype="voprov:Provenance")
    document.resources.append(resource)
    for name, rows in provdm_rows(history).items():
        resource.tables.append(_table(document, name, rows))
    buffer = io.BytesIO()
    writeto(document, buffer)
    return buffer.getvalue().decode()


def _table(document: "object", name: str, rows: Sequence[tuple[str, ...]]) -> "object":
    from astropy.io.votable import tree

    table = tree.TableElement(document, name=name, ID=name)
    for column in TABLES[name]:
        field = tree.Field(
            document,
            name=column.name,
            datatype="char",
            arraysize="*",
            utype=column.utype,
        )
        field.description = column.description
        table.fields.append(field)
    table.create_arrays(len(rows))
    for number, row in enumerate(rows):
        table.array[number] = row
    return table


def _entity(product: Product) -> tuple[str, ...]:
    about = ", ".join([product.format, f"{product.size} bytes", *product.flags])
    return (
        product.id,
        product.name,
        product.product_type,
        f"sha256:{product.sha256}",
        generated(product).isoformat(),
        about,
    )


def _description(product: Product) -> str:
    return f"{product.step}-{product.step_version}-{(product.code or '')[:16]}"


def _parameters(activity: str, values: "Mapping[str, JSON]", group: str = "") -> Iterator[tuple[str, ...]]:
    from collections.abc import Mapping

    for name, value in sorted(values.items()):
        if isinstance(value, Mapping):
            yield from _parameters(activity, value, f"{group}{name}.")
        else:
            text = value if isinstance(value, str) else canonical_json(value)
            yield activity, f"{group}{name}", type(value).__name__, text
