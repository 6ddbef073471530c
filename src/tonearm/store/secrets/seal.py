"""Encrypts what must not be readable in the database, such as session keys, with a given secret or the one in the key
file.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from pathlib import Path
from typing import TYPE_CHECKING

from tonearm.core.account import SESSION_LOST
from tonearm.store.db.sqlite_writer import StoreUnavailable

if TYPE_CHECKING:  # imported when first needed: it costs 25 ms
    from cryptography.fernet import MultiFernet


PROOF = 32
"""Characters of a proof."""


class SealBroken(Exception):
    """A text can't be decrypted: it is damaged, or was encrypted with another secret."""


@dataclass(frozen=True, slots=True)
class SessionCipher:
    """Encrypts with the first secret and decrypts with any, so that a secret can be changed while the old one is still
    accepted.
    """

    secrets: tuple[str, ...] = field(repr=False)
    _made: list[MultiFernet] = field(default_factory=list, init=False, repr=False, compare=False)

    def close(self, plain: str) -> str:
        """The encrypted text."""
        return self._fernet().encrypt(plain.encode()).decode()

    def open(self, sealed: str) -> str:
        """The plain text; raises SealBroken."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet().decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SealBroken(f"{SESSION_LOST}: sign in again") from None

    def opens(self, sealed: str) -> bool:
        """Whether it can be decrypted."""
        try:
            self.open(sealed)
        except SealBroken:
            return False
        return True

    def proof(self, text: str) -> str:
        """A signature of a text that only a holder of the secret can make: 32 hex digits."""
        return _proof(self.secrets[0], text)

    def proves(self, text: str, proof: str) -> bool:
        """Whether the proof was made for the text with one of the secrets."""
        return any(compare_digest(_proof(secret, text).encode(), proof.encode()) for secret in self.secrets)

    def _fernet(self) -> MultiFernet:
        if self._made:
            return self._made[0]
        from cryptography.fernet import Fernet, MultiFernet

        keys = (urlsafe_b64encode(sha256(secret.encode()).digest()) for secret in self.secrets)
        self._made.append(MultiFernet([Fernet(key) for key in keys]))
        return self._made[0]


def _proof(secret: str, text: str) -> str:
    return hmac_digest(secret.encode(), text.encode(), "sha256").hex()[:PROOF]


def seal_beside(database: Path) -> SessionCipher:
    """The cipher with the key file beside a SQLite file; if missing, the file is created, readable only by its owner.
    Raises StoreUnavailable if it can be neither read nor created.
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
    """The path of a SQLite file's key file. A link to the file may have its own; else it is the one of its target."""
    beside = database.with_name(database.name + ".key")
    return beside if beside.exists() or not database.is_symlink() else key_file(database.resolve())


def _new_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    secret = os.urandom(32).hex()
    part = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)  # fails if another process was first; then its secret counts
    except FileExistsError:
        secret = path.read_text().strip()
    finally:
        part.unlink()
    return secret
