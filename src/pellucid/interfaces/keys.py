# SPDX-License-Identifier: BSD-3-Clause
"""Keys with which parties sign: Ed25519 (RFC 8032), by the library cryptography."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.archive.files import storage_errors
from pellucid.errors import ConfigurationError, MissingInput, OutputExists

__all__ = ["Key", "new_key", "read_key", "verify"]


@dataclass(frozen=True)
class Key:
    """A private key; `public` is its public half in hexadecimal digits."""

    private: Any
    public: str

    def sign(self, message: bytes) -> str:
        """Return the signature of a message in hexadecimal digits."""
        signature: bytes = self.private.sign(message)
        return signature.hex()


def new_key(path: Path) -> Key:
    """Make a key and write it into a new file (PEM, PKCS 8) that only its owner can read.

    Raises
    ------
    OutputExists
        There is a file of this name.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise OutputExists(
                "A file is in the place of the key.", where=str(path), mend="name another with -o"
            ) from None
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
    return _key(private)


def read_key(path: Path) -> Key:
    """Read a private key.

    Raises
    ------
    MissingInput
        There is no such file (``no-key``).
    ConfigurationError
        It is no unencrypted Ed25519 key in PEM (``bad-key``).
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        private = serialization.load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        raise MissingInput(
            "There is no such key.",
            where=str(path),
            mend="make one: pellucid interfaces keygen PARTY",
            code="no-key",
        ) from None
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigurationError(
            "The file holds no key that Pellucid can use.",
            where=str(path),
            expected="a private Ed25519 key in PEM, not encrypted",
            mend="make one: pellucid interfaces keygen PARTY",
            code="bad-key",
        )
    return _key(private)


def verify(public: str, message: bytes, signature: str) -> bool:
    """Return whether a signature is that of a message by a key; both in hexadecimal digits."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _key(private: Any) -> Key:
    return Key(private, private.public_key().public_bytes_raw().hex())
