"""How a call is signed: https://www.last.fm/api/authspec#_8-signing-calls."""

from __future__ import annotations

import re
from hashlib import md5
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSIGNED = frozenset({"format", "callback", "api_sig"})


def signature(params: Mapping[str, str], secret: str) -> str:
    """The signature of these decoded parameters, sorted by the bytes of their names: 32 lower-case hex digits. The
    order of code points is the order of UTF-8 bytes.
    """
    names = sorted([name for name in params if name not in UNSIGNED])
    text = "".join([name + params[name] for name in names]) + secret
    # "surrogatepass": any text gets a signature, which then doesn't match.
    return md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


_DAMAGED = re.compile("[\x00-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")
_LIKE_ONE = re.compile("[0-9a-fA-F]{32}")


def is_damaged(params: Mapping[str, str]) -> bool:
    """Whether a value contains a control character or wasn't UTF-8: Last.fm answers error 13, whatever the
    signature.
    """
    return any(_DAMAGED.search(value) for name, value in params.items() if name not in UNSIGNED)


def is_like_a_signature(text: str) -> bool:
    """Whether it could be one: 32 hex digits."""
    return _LIKE_ONE.fullmatch(text) is not None


def is_signed(params: Mapping[str, str], secret: str) -> bool:
    """Whether `api_sig` is there and right; upper-case digits pass, as they do at Last.fm."""
    return params.get("api_sig", "").lower() == signature(params, secret)
