"""Optional fields of a reported play: read leniently, or left out and named. They never cost the play.

Players send "7" or 3.0 for a track number, and numbers for album names. A value that can't be read becomes an
`UnreadableField` in the model; `readable` and `left_out` resolve these.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from tonearm.core.cleaning import clean
from tonearm.core.play import MBID
from tonearm.ingest import fields

T = TypeVar("T")

_SWITCHES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class UnreadableField:
    """Replaces a value that could not be read: what was sent, as JSON, shortened."""

    def __init__(self, sent: Any) -> None:
        self.sent = fields.quoted(sent)


def readable(value: T, instead: T) -> T:
    """The value, or `instead` if it could not be read."""
    return instead if isinstance(value, UnreadableField) else value


def left_out(given: Iterable[tuple[str, Any]]) -> str:
    """Which fields could not be read, in words; "" if all could."""
    return fields.explained([f"{name} {value.sent}" for name, value in given if isinstance(value, UnreadableField)])


def _number(sent: Any, strict: ValidatorFunctionWrapHandler) -> Any:
    found = fields.whole_number(sent)
    return _tried(_none_for_blank(sent) if found is None else found, sent, strict)


def _seconds(sent: Any, strict: ValidatorFunctionWrapHandler) -> Any:
    found = fields.seconds(sent)
    return _tried(_none_for_blank(sent) if found is None else found, sent, strict)


def _text(sent: Any, strict: ValidatorFunctionWrapHandler) -> Any:
    return _tried(fields.text(sent) or sent, sent, strict)


def _mbid(sent: Any, strict: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(sent, str) and (text := clean(sent)) and not MBID.fullmatch(text):
        return UnreadableField(sent)
    return _tried(sent, sent, strict)


def _switch(sent: Any, strict: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(sent, str | int | float):
        return _SWITCHES.get(str(sent).strip().lower(), UnreadableField(sent))
    return _tried(True if sent is None else sent, sent, strict)


def _none_for_blank(sent: Any) -> Any:
    return None if isinstance(sent, str) and not clean(sent) else sent


def _tried(value: Any, sent: Any, strict: ValidatorFunctionWrapHandler) -> Any:
    try:
        return strict(value)
    except ValidationError:
        return UnreadableField(sent)


LENIENT_NUMBER = WrapValidator(_number)
LENIENT_SECONDS = WrapValidator(_seconds)
LENIENT_TEXT = WrapValidator(_text)
LENIENT_MBID = WrapValidator(_mbid)
LENIENT_SWITCH = WrapValidator(_switch)
