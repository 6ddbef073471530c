"""Every play on your Last.fm profile: nothing lost, nothing doubled, and you can see why."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from tonearm.version import __version__

if TYPE_CHECKING:
    from tonearm.app import open
    from tonearm.core.play import Track

_PUBLIC = {
    "Track": "tonearm.core.play",
    "open": "tonearm.app",
}

__all__ = ["Track", "__version__", "open"]  # noqa: PLE0604, RUF100


def __getattr__(name: str) -> object:
    """Public names are imported when they are first used: a client alone needs no database."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tonearm' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
