"""Encrypts what must not be readable in the database: session keys, with a given key or the one in the key file."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from dataclasses import field
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm.core.account import SESSION_LOST
from tonearm.deferred_dataclass import dataclass
from tonearm.store.db.sqlite_writer import StoreUnavailable

if TYPE_CHECKING:  # imported when first needed: it costs 25 ms
    from cryptography.fernet import MultiFernet


PROOF = 32
"""Characters of a proof."""


class SealBroken(Exception):
    """A sealed session cannot be opened: it is damaged, or was sealed with another secret."""


@dataclass(frozen=True, slots=True)
class SessionCipher:
    """Seals with the first secret, opens with any: so a secret can be changed while the old one is kept."""

    secrets: tuple[str, ...] = field(repr=False)

    def close(self, plain: str) -> str:
        """The sealed text."""
        return self._fernet().encrypt(plain.encode()).decode()

    def open(self, sealed: str) -> str:
        """The plain text; raises SealBroken."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet().decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SealBroken(f"{SESSION_LOST}: sign in again") from None

    def opens(self, sealed: str) -> bool:
        """Whether it can be opened."""
        try:
            self.open(sealed)
        except SealBroken:
            return False
        return True

    def proof(self, text: str) -> str:
        """What only a holder of the secret can write under a text: 32 hex digits."""
        return _proof(self.secrets[0], text)

    def proves(self, text: str, proof: str) -> bool:
        """Whether that was written under the text, with any of the secrets."""
        return any(compare_digest(_proof(secret, text).encode(), proof.encode()) for secret in self.secrets)

    def _fernet(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        keys = (urlsafe_b64encode(sha256(secret.encode()).digest()) for secret in self.secrets)
        return MultiFernet([Fernet(key) for key in keys])


def _proof(secret: str, text: str) -> str:
    return hmac_digest(secret.encode(), text.encode(), "sha256").hex()[:PROOF]


def seal_beside(database: Path) -> SessionCipher:
    """The seal whose secret lies beside a SQLite file; made, readable by its owner only, when missing.

    Raises StoreUnavailable if it can be neither read nor made.
    """
    path = key_file(database)
    try:
        try:
            secret = path.read_text(errors="replace").strip()
        except FileNotFoundError:
            secret = _new_secret(path)
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from None
    if not secret:
        raise StoreUnavailable(f"{path}: the key file is empty: put the key back, or remove the file and sign in again")
    return SessionCipher((secret,))


def key_file(database: Path) -> Path:
    """Where the secret of a SQLite file lies."""
    return database.with_name(database.name + ".key")


def _new_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    secret = os.urandom(32).hex()
    part = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)  # fails where another process was first, whose secret counts then
    except FileExistsError:
        secret = path.read_text().strip()
    finally:
        part.unlink()
    return secret
