"""How a call is signed: https://www.last.fm/api/authspec#_8-signing-calls."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSIGNED = frozenset({"format", "callback", "api_sig"})


def signature(params: Mapping[str, str], secret: str) -> str:
    """The 32 lower-case hex digits that belong to these decoded parameters, in byte order of their names.

    The order of code points is the order of UTF-8 bytes.
    """
    names = sorted([name for name in params if name not in UNSIGNED])
    text = "".join([name + params[name] for name in names]) + secret
    # "surrogatepass": whatever a caller hands in gets a signature, and then it does not match.
    return md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def is_signed(params: Mapping[str, str], secret: str) -> bool:
    """Whether `api_sig` is there and right; upper-case digits pass, as they do at Last.fm."""
    return params.get("api_sig", "").lower() == signature(params, secret)
