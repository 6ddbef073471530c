"""What is needed of the store before anybody asks for a page: `service.values` has all of it, and loads much more."""

from __future__ import annotations

from tonearm.store.db.sqlite_writer import DataFault, StoreUnavailable
from tonearm.store.secrets.tokens import TokenKind, fingerprint

__all__ = ["DataFault", "StoreUnavailable", "TokenKind", "fingerprint"]
