# SPDX-License-Identifier: BSD-3-Clause
"""A store in a bucket of S3, or of what speaks its language: created once, read through a cache.

A file is hashed on its way to the local disk, then sent under its hash with the condition that there is no
such object yet. Steps want files, so what is read comes to a local folder, whole and checked, and stays
there for the next one; verification always reads the bucket itself.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from hashlib import sha256 as sha256_of
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from pellucid.archive.files import hash_file, storage_errors
from pellucid.archive.store import Blob, Store, check_name, damaged_object, is_object_name, missing_object
from pellucid.errors import ConfigurationError, CorruptedInput, IntermittentError, MissingInput
from pellucid.extras import extra_module

if TYPE_CHECKING:
    from obstore.store import S3Store

__all__ = ["BucketStore"]

ONE_REQUEST = 64 << 20
"""Larger objects (bytes) are sent in parts, which cannot carry the condition; the last makes them whole."""

PART = 16 << 20
"""Size of a part, in bytes."""

CACHE_BYTES = 50 << 30
"""What the local cache may hold, in bytes, before what was not used for an hour goes."""

RETRY_SECONDS = 20
"""For how long a request that failed is repeated."""

FRESH_SECONDS = 1800.0
"""An object that was there for longer is sent again by who wants it there: garbage is told by its age."""

_OPTIONS = ("endpoint", "region")
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


class BucketStore(Store):
    """A bucket of immutable objects.

    Credentials come from the environment (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, …) alone, and
    so do the address and region of the service where the URL does not name them (``AWS_ENDPOINT_URL``,
    ``AWS_REGION``).

    Parameters
    ----------
    url : str
        ``s3://bucket/prefix``, with ``?endpoint=https://host:port&region=name`` where needed.
    work : Path
        Local folder for files under construction, made where missing.
    cache : Path
        Local folder for objects that were read; it may be emptied at any time.
    cache_bytes : int
        What that folder may hold.

    Raises
    ------
    ConfigurationError
        The URL is ill-formed (``store-url``), there are no credentials (``no-credentials``), the bucket
        or the permission is missing (``store-access``), or the package ``obstore`` is (``package-missing``).
    """

    def __init__(self, url: str, work: Path, cache: Path, cache_bytes: int = CACHE_BYTES) -> None:
        self._url = url
        self._cache = cache
        self._cache_bytes = cache_bytes
        self._prefix, self._bucket = _opened(url)
        self._api = extra_module("obstore", "s3", "A store in a bucket")
        self._errors = extra_module("obstore.exceptions", "s3", "A store in a bucket")
        super().__init__(work)

    @property
    def url(self) -> str:
        """The bucket and the prefix, and where the service is."""
        return self._url

    def place(self, sha256: str) -> str:
        """Return the URL of an object, whether it is there or not."""
        return f"s3://{urlsplit(self._url).netloc}/{self._key(sha256)}"

    def path(self, sha256: str) -> Path:
        """Return a local copy of an object, for reading; errors as `Store.path`."""
        copy = self._cached(sha256)
        with suppress(FileNotFoundError):
            os.utime(copy)  # it is in use
            return copy
        with self.staging() as folder:
            fetched = folder / "object"
            digest = sha256_of()
            with storage_errors(fetched), fetched.open("xb") as file:
                for block in self._blocks(sha256):
                    digest.update(block)
                    file.write(block)
            if digest.hexdigest() != sha256:
                raise damaged_object(
                    sha256, self.place(sha256), Blob(digest.hexdigest(), fetched.stat().st_size)
                )
            return self._keep(fetched, sha256)

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
        """Return some bytes of an object, from ``start`` to before ``stop``; errors as `path`."""
        with self._told(sha256):
            size = self._api.head(self._bucket, self._key(sha256))["size"]
            stop = size if stop is None else min(stop, size)
            if start >= stop:
                return b""
            return bytes(self._api.get_range(self._bucket, self._key(sha256), start=start, end=stop))

    def has(self, sha256: str, size: int | None = None) -> bool:
        """Return whether an object is there, and has the size (bytes) it should have."""
        try:
            with self._told(sha256):
                there = self._api.head(self._bucket, self._key(sha256))["size"]
        except MissingInput:
            return False
        return size is None or bool(there == size)

    def measure(self, sha256: str) -> Blob:
        """Read an object again from the bucket; errors as `Store.measure`."""
        digest, size = sha256_of(), 0
        for block in self._blocks(sha256):
            digest.update(block)
            size += len(block)
        copy = self._cached(sha256)
        if copy.exists() and hash_file(copy)[0] != sha256:
            copy.unlink()  # it is fetched again when it is needed
        if size == 0:
            got = "an empty object (0 bytes)"
            raise CorruptedInput(f"This is not an object with data: {got}.", got=got, code="empty")
        return Blob(digest.hexdigest(), size)

    def objects(self) -> Iterator[Blob]:
        """Yield all objects by their names, with the sizes they have."""
        for key, size in self._listed():
            folder, _, name = key.partition("/")
            if is_object_name(folder, name):
                yield Blob(folder + name, size)

    def strays(self) -> Iterator[str]:
        """Yield the URLs of what is no object."""
        for key, _ in self._listed():
            folder, _, name = key.partition("/")
            if not is_object_name(folder, name):
                yield f"s3://{urlsplit(self._url).netloc}/{self._prefix}{key}"

    def age(self, sha256: str) -> float:
        """Return for how long an object has been there, in s, by both clocks; 0 if it is not."""
        try:
            with self._told(sha256):
                modified = self._api.head(self._bucket, self._key(sha256))["last_modified"]
        except MissingInput:
            return 0.0
        return time.time() - float(modified.timestamp())

    def remove(self, sha256: str) -> None:
        """Remove an object; nothing happens where there is none."""
        with self._told(sha256):
            self._api.delete(self._bucket, self._key(sha256))
        self._cached(sha256).unlink(missing_ok=True)

    def _settle(self, finished: Path, blob: Blob) -> None:
        key = self._key(blob.sha256)
        with self._told(blob.sha256):
            if blob.size <= ONE_REQUEST:
                try:
                    self._api.put(self._bucket, key, finished, mode="create")
                except self._errors.AlreadyExistsError:
                    self._mend(finished, blob)
            elif self.has(blob.sha256, blob.size):
                self._mend(finished, blob)
            else:
                self._api.put(self._bucket, key, finished, mode="overwrite", chunk_size=PART)
        self._keep(finished, blob.sha256)

    def _mend(self, finished: Path, blob: Blob) -> None:
        """Put bytes in the place of an object that is there but damaged or old; one that is neither stays.

        What an old one is needed for may not be registered yet, and only the young are spared as garbage.
        """
        try:
            is_well = self.age(blob.sha256) < FRESH_SECONDS and self.measure(blob.sha256) == blob
        except (CorruptedInput, MissingInput):
            is_well = False
        if not is_well:
            self._api.put(self._bucket, self._key(blob.sha256), finished, mode="overwrite", chunk_size=PART)

    def _key(self, sha256: str) -> str:
        check_name(sha256)
        return f"{self._prefix}{sha256[:2]}/{sha256[2:]}"

    def _blocks(self, sha256: str) -> Iterator[bytes]:
        with self._told(sha256):
            yield from map(bytes, self._api.get(self._bucket, self._key(sha256)).stream())

    def _listed(self) -> Iterator[tuple[str, int]]:
        """Yield key (without the prefix) and size of all that is below the prefix, in order."""
        with self._told(""):
            for batch in self._api.list(self._bucket, prefix=self._prefix or None):
                for found in batch:
                    yield found["path"].removeprefix(self._prefix), found["size"]

    def _cached(self, sha256: str) -> Path:
        check_name(sha256)
        return self._cache / sha256[:2] / sha256[2:]

    def _keep(self, finished: Path, sha256: str) -> Path:
        """Move a whole file into the cache, and what was not used for an hour out if it grows too large."""
        place = self._cached(sha256)
        with storage_errors(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            os.chmod(finished, 0o444)
            os.utime(finished)
            os.replace(finished, place)
        held = sorted((p.stat().st_mtime, p.stat().st_size, p) for p in self._cache.glob("??/*"))
        excess = sum(size for _, size, _ in held) - self._cache_bytes
        for used, size, path in held:
            if excess <= 0 or used > time.time() - 3600:
                break
            path.unlink(missing_ok=True)
            excess -= size
        return place

    @contextmanager
    def _told(self, sha256: str) -> Iterator[None]:
        """Turn what the service says into errors that tell how to mend it."""
        where = self.place(sha256) if sha256 else self._url
        try:
            yield
        except (FileNotFoundError, self._errors.NotFoundError) as error:
            if "NoSuchBucket" in str(error):
                raise _no_access(self._url, "there is no such bucket") from error
            raise missing_object(sha256, where) from error
        except (self._errors.PermissionDeniedError, self._errors.UnauthenticatedError) as error:
            raise _no_access(self._url, "the credentials do not permit it") from error
        except self._errors.BaseError as error:
            if "NoSuchBucket" in str(error):
                raise _no_access(self._url, "there is no such bucket") from error
            raise IntermittentError(
                "The store is out of reach.",
                where=where,
                got=str(error).strip().splitlines()[0][:200],
                mend="check the address of the service and the network, then repeat",
                code="store-unreachable",
            ) from error


def _opened(url: str) -> "tuple[str, S3Store]":
    """Return the prefix in the bucket, with a slash at its end where there is one, and the bucket."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if parts.scheme != "s3" or not parts.netloc or set(options) - set(_OPTIONS) or "@" in parts.netloc:
        raise ConfigurationError(
            "This is not the URL of a bucket.",
            expected="s3://bucket/prefix, with ?endpoint=https://host:port&region=name where needed",
            got=url if "@" not in parts.netloc else "a URL with credentials, which belong in the environment",
            code="store-url",
        )
    if not any(os.environ.get(name) for name in _CREDENTIALS):
        raise ConfigurationError(
            "There are no credentials for the store.",
            where=url,
            expected=f"the environment to hold {_CREDENTIALS[0]} and AWS_SECRET_ACCESS_KEY",
            mend="set them as your storage service gave them to you",
            code="no-credentials",
        )
    settings: dict[str, Any] = {"checksum_algorithm": "SHA256", "region": "us-east-1", **options}
    if "region" not in options and (region := os.environ.get("AWS_REGION")):
        settings["region"] = region
    endpoint = options.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL", "")
    prefix = parts.path.strip("/")
    return f"{prefix}/" if prefix else "", extra_module("obstore.store", "s3", "A store in a bucket").S3Store(
        parts.netloc,
        **settings,
        client_options={"allow_http": endpoint.startswith("http://")},
        retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
    )


def _no_access(url: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        "The store cannot be used.",
        where=url,
        got=got,
        mend="check the name of the bucket, and the credentials in the environment",
        code="store-access",
    )
