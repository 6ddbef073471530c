"""Form bodies and query strings, as players write them."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_to_bytes, urlencode

if TYPE_CHECKING:
    from python_multipart.multipart import Field, File

LARGEST_FORM = 1_000_000
"""Bytes; 50 plays with the longest names fit in several times."""

_LONGEST_KNOWN_NAME = 40


def parse_form(body: bytes | str) -> dict[str, str]:
    """The fields by name, the last of each; empty values are kept apart from missing ones.

    Fields are split only at `&`, because players don't escape `;` and `/`. A `&` or a line break at the end of the body
    (liblastfm, Audioscrobbler 1.1, VLC) is not a field. Bytes that aren't UTF-8 are read as `decoded` says.
    """
    text = decoded(body) if isinstance(body, bytes) else body
    found: dict[str, str] = {}
    for part in text.rstrip("\r\n").split("&"):
        if part:
            name, _, value = part.partition("=")
            found[_name(name) if len(name) < _LONGEST_KNOWN_NAME else _decoded(name)] = _decoded(value)
    return found


def is_multipart(content_type: str) -> bool:
    """Whether each field of a form is a part of its body."""
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


def parse_multipart(body: bytes, content_type: str) -> list[tuple[bytes, bytes]] | None:
    """The parts of such a body with their names; None if it can't be read, or has no end."""
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import FormParser, parse_options_header

    parts, ends = list[tuple[bytes, bytes]](), list[bool]()

    def keep_field(field: Field) -> None:
        parts.append((field.field_name or b"", field.value or b""))

    def keep_file(file: File) -> None:
        file.file_object.seek(0)
        parts.append((file.field_name or b"", file.file_object.read()))

    boundary = parse_options_header(content_type)[1].get(b"boundary") or None
    in_memory = {"MAX_MEMORY_FILE_SIZE": len(body)}
    try:
        FormParser(
            "multipart/form-data", keep_field, keep_file, lambda: ends.append(True), boundary, config=in_memory
        ).write(body)
    except FormParserError:
        return None
    return parts if ends else None


def urlencoded(body: bytes, content_type: str) -> bytes | None:
    """The body of a form as `parse_form` reads it, also if each field is a part; None if it can't be read."""
    if not is_multipart(content_type):
        return body
    parts = parse_multipart(body, content_type)
    return None if parts is None else urlencode(parts).encode()


def all_of(body: bytes | str, name: str) -> list[str]:
    """All values of a field that may be repeated, in the order sent."""
    parts = (body if isinstance(body, bytes) else body.encode()).rstrip(b"\r\n").split(b"&")
    return [parse_form(part)[name] for part in parts if part.partition(b"=")[0] == name.encode()]


def indexed(form: Mapping[str, str], names: frozenset[str]) -> dict[int, dict[str, str]]:
    """The fields `name[index]` of these names, by index in ascending order; those without an index belong to index 0.

    Indices may start anywhere and have gaps: after an outage VLC sends its third waiting play alone, as `a[2]`.
    """
    found: dict[int, dict[str, str]] = {}
    for key, value in form.items():
        if len(key) >= _LONGEST_KNOWN_NAME:
            continue
        name, index = _split(key)
        if index is None or name not in names:
            continue
        if index < 0:
            found.setdefault(0, {}).setdefault(name, value)
        else:
            found.setdefault(index, {})[name] = value
    return dict(sorted(found.items()))


def _decoded(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    return decoded(unquote_to_bytes(text)) if text.isascii() else unquote(text)


def decoded(sent: bytes) -> str:
    """The text in UTF-8, as every protocol asks. What can't be UTF-8 is read as Latin-1 (as Windows has it), which old
    programs send: with U+FFFD in its place, a letter would be lost for ever.
    """
    return sent.decode("utf-8", "latin-1 as windows has it")


def json_text(sent: bytes) -> str:
    """The text of a JSON document: in UTF-16 or UTF-32, as Windows may write it, or as above."""
    encoding = json.detect_encoding(sent)
    return (decoded(sent) if "8" in encoding else sent.decode(encoding, "replace")).removeprefix("\ufeff")


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("latin-1 as windows has it", _as_latin_1)


@lru_cache(4096)
def _split(key: str) -> tuple[str, int | None]:
    """Name and index of a field; -1 if it has none, None if it has a bad one."""
    name, bracket, rest = key.partition("[")
    if not bracket:
        return name, -1
    digits = rest[:-1]
    good = rest[-1:] == "]" and digits.isascii() and digits.isdigit() and len(digits) < 7
    return name, int(digits) if good else None


@lru_cache(4096)
def _name(text: str) -> str:
    """The name, cached: fifty plays have the same field names as the fifty before."""
    return _decoded(text)
