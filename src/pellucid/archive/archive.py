# SPDX-License-Identifier: BSD-3-Clause
"""An archive: a store of bytes and the index over it, used as one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pellucid.archive.catalogue import Catalogue
from pellucid.archive.files import Progress, copy_hashed
from pellucid.archive.ingest import FileKind, sniff
from pellucid.archive.lineage import JSON, raw_key
from pellucid.archive.output import check_output, new_file
from pellucid.archive.product import Product, Rights, check_product_type
from pellucid.archive.store import Store
from pellucid.errors import ConfigurationError, CorruptedInput, MissingInput

__all__ = ["Archive"]

_NOBODY = "0" * 64


class Archive:
    """Products with their bytes.

    Parameters
    ----------
    store : Store
        Where the bytes are.
    catalogue : Catalogue
        The index; its methods for finding, certifying and looking up are here too.
    cache : Path, optional
        Folder for what only saves time.
    """

    def __init__(self, store: Store, catalogue: Catalogue, cache: Path | None = None) -> None:
        self.store = store
        self.cache = cache
        self.catalogue = catalogue
        self.get = catalogue.get
        self.find = catalogue.find
        self.product_types = catalogue.product_types
        self.certify = catalogue.certify
        self.decertify = catalogue.decertify
        self.lookup = catalogue.lookup
        self.explain = catalogue.explain
        self.claims = catalogue.claims
        self.judge = catalogue.judge
        self.verdicts = catalogue.verdicts
        self.seal = catalogue.seal
        self.seals = catalogue.seals
        self.tag = catalogue.tag
        self.untag = catalogue.untag
        self.tagged = catalogue.tags.tagged
        self.tags = catalogue.tags.tags

    def ingest(
        self,
        path: str | Path,
        product_type: str | None = None,
        *,
        obs_id: int | None = None,
        telescopes: Sequence[int] = (),
        device: str | None = None,
        category: str | None = None,
        collection: str = "raw",
        time_start: int | None = None,
        time_stop: int | None = None,
        flags: Sequence[str] = (),
        summary: Mapping[str, JSON] | None = None,
        night: int | None = None,
        quality: str | None = None,
        rights: Rights | None = None,
        release_date: int | None = None,
        format: str | None = None,
        progress: Progress | None = None,
    ) -> tuple[Product, bool]:
        """Take a file in as a raw product.

        Parameters
        ----------
        path : str or Path
            The file; it is copied, never moved.
        product_type : str, optional
            Where the file itself does not tell it.
        obs_id, telescopes, device, category, collection, time_start, time_stop, flags, summary, night, \
        quality, rights, release_date
            As in `Product`.
        format : str, optional
            Where the first bytes do not tell it, as of a file that arrived damaged.
        progress : callable, optional
            Called with (bytes done, bytes in all, "B").

        Returns
        -------
        tuple of Product and bool
            The product, and whether it is new. The same bytes again, under whatever name, are the
            product that is there already.

        Raises
        ------
        MissingInput
            No such file, or no permission.
        CorruptedInput
            A directory, an empty file, an unknown format, or a file that changed while it was read.
        ConfigurationError
            The type is ill-formed, cannot be told from the file and is not given
            (``product-type-needed``), or is not the one these bytes are registered with
            (``type-conflict``).
        """
        path = Path(path)
        if product_type is not None:
            check_product_type(product_type)
        kind = sniff(path) if format is None else FileKind(format, None)
        chosen = product_type or kind.product_type
        if chosen is None:
            raise _type_needed(path, kind.format)
        template = Product(
            id=_NOBODY,
            product_type=chosen,
            kind="raw",
            sha256=_NOBODY,
            size=0,
            format=kind.format,
            name=path.name,
            obs_id=obs_id,
            telescopes=tuple(sorted(set(telescopes))),
            device=device,
            category=category,
            collection=collection,
            time_start=time_start,
            time_stop=time_stop,
            flags=tuple(flags),
            summary=dict(summary or {}),
            night=night,
            quality=quality,
            rights=rights,
            release_date=release_date,
        )  # what cannot be is refused before its bytes are taken in
        blob = self.store.put_file(path, progress=progress)
        product, is_new = self.catalogue.register(
            replace(template, id=raw_key(blob.sha256), sha256=blob.sha256, size=blob.size)
        )
        if product_type is not None and product.product_type != product_type:
            raise _type_conflict(path, product, product_type)
        return product, is_new

    def path(self, product: Product) -> Path:
        """Return where a product's bytes lie, for reading; `MissingInput` where they are gone."""
        try:
            return self.store.path(product.sha256)
        except MissingInput as error:
            mend = "ingest the original file again" if product.kind == "raw" else "run its step again"
            raise MissingInput(
                f"The bytes of product {product.short_id} ({product.name}) are gone from the store.",
                where=error.where,
                expected=f"{product.size} bytes with sha256 {product.sha256}",
                mend=mend,
                code=error.code,
            ) from error

    def has_bytes(self, product: Product) -> bool:
        """Return whether a product's bytes are there, in full length (they are not read)."""
        return self.store.has(product.sha256, product.size)

    def export(self, product: Product, path: str | Path, *, overwrite: bool = False) -> Path:
        """Copy a product's bytes to a file, which appears whole or not at all.

        Parameters
        ----------
        product : Product
            What to copy.
        path : str or Path
            The file to make; its folder must exist.
        overwrite : bool
            Whether to replace a file that is there.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        OutputExists
            The file is there and may not be overwritten.
        UsageError
            Its folder is missing (``no-such-folder``), or it is a folder (``directory``).
        CorruptedInput
            The bytes in the store are damaged (``damaged-object``).
        IntermittentError
            The disk is full or read-only.
        """
        path = Path(path)
        check_output(path, overwrite=overwrite)
        source = self.path(product)
        with new_file(path, overwrite=overwrite) as descriptor:
            got, size = copy_hashed(source, descriptor)
            if got != product.sha256:
                raise CorruptedInput(
                    f"The object of product {product.short_id} in the store is damaged.",
                    where=str(source),
                    expected=f"sha256 {product.sha256}",
                    got=f"sha256 {got}, {size} bytes",
                    mend="ingest the original file again, or replay the product",
                    code="damaged-object",
                )
        return path


def _type_needed(path: Path, format: str) -> ConfigurationError:
    return ConfigurationError(
        f"What this {format} file holds cannot be told from its first bytes.",
        where=str(path),
        expected="a product type, e.g. DL1/Event/Subarray/Observation",
        mend="name it: product_type=... (--type ...)",
        code="product-type-needed",
    )


def _type_conflict(path: Path, product: Product, product_type: str) -> ConfigurationError:
    return ConfigurationError(
        "The archive has these bytes already, as another type of product.",
        where=str(path),
        expected=f"{product.product_type}, product {product.short_id}",
        got=product_type,
        mend="leave the type out, or correct it",
        code="type-conflict",
    )
