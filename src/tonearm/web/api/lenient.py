"""Optional fields of a reported play: read as they are meant, or left out and named. A play is not lost for them.

Players send "7" or 3.0 for a track number, and numbers for album names. What cannot be read becomes `Unreadable`,
which a model keeps in the field's place: `readable` and `left_out` undo that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from tonearm.core.cleaning import clean

T = TypeVar("T")
_LONGEST_QUOTE = 40

_TRACK_NUMBER = re.compile(r"(\d{1,7})(?:\.0+)?(?:\s*/\s*\d*)?").fullmatch  # "7", "07", "7.0" and "7/12"
_SECONDS = re.compile(r"\d{1,8}(?:\.\d+)?").fullmatch
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE).fullmatch
_SWITCHES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class UnreadableField:
    """In place of a value: what was sent, as JSON, and shortened."""

    def __init__(self, sent: Any) -> None:
        match sent:
            case str():
                quoted = json.dumps(clean(sent[:_LONGEST_QUOTE]), ensure_ascii=False)
                self.sent = quoted if len(sent) <= _LONGEST_QUOTE else f"{quoted[:-1]}…"
            case bool():
                self.sent = "true" if sent else "false"
            case int() if abs(sent) >= 10**_LONGEST_QUOTE:  # Python itself refuses to write very long numbers
                self.sent = "(a very long number)"
            case int() | float():
                self.sent = str(sent)
            case list():
                self.sent = "[…]"
            case _:
                self.sent = "{…}"


def readable(value: T, instead: T) -> T:
    """The value, or `instead` if it could not be read."""
    return instead if isinstance(value, UnreadableField) else value


def left_out(fields: Iterable[tuple[str, Any]]) -> str:
    """Which fields could not be read, in words; "" if all could."""
    named = [f"{name} {value.sent}" for name, value in fields if isinstance(value, UnreadableField)]
    return f"ignored because unreadable: {', '.join(named)}" if named else ""


def _number(sent: Any, strict: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(sent, str) and (found := _TRACK_NUMBER(sent.strip())):
        return _tried(int(found[1]), sent, strict)
    if isinstance(sent, float) and sent.is_integer():
        return _tried(int(sent), sent, strict)
    return _tried(_none_for_blank(sent), sent, strict)


def _seconds(sent: Any, strict: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(sent, str) and _SECONDS(text := sent.strip()):
        return _tried(float(text), sent, strict)
    return _tried(_none_for_blank(sent), sent, strict)


def _text(sent: Any, strict: ValidatorFunctionWrapHandler) -> Any:
    number = isinstance(sent, int) and not isinstance(sent, bool) and abs(sent) < 10**15
    return _tried(str(sent) if number else sent, sent, strict)  # an album may be called 1989


def _mbid(sent: Any, strict: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(sent, str) and (text := clean(sent)) and not _UUID(text):
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
