"""A body as JSON, JSONP or XML.

A body has the structure of its JSON: `@attr` holds a container's attributes, and a member `#text` makes its neighbours
attributes, too. `"#text": None` is a text that JSON leaves out and XML shows as empty: Last.fm does that for an album
that was not named. Each method decides whether one child is a list; XML shows both alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias
from xml.sax.saxutils import escape

Value: TypeAlias = "str | int | float | Sequence[Value] | Mapping[str, Value] | None"
Body: TypeAlias = Mapping[str, Value]

JSON_TYPE: Final = "application/json"
JSONP_TYPE: Final = "text/javascript; charset=UTF-8"
XML_TYPE: Final = "text/xml; charset=UTF-8"
_CALLBACK: Final = re.compile(r"[\w$.\[\]]+")


def one_or_many(values: Sequence[Value]) -> Value:
    """A child that occurs once is the child itself, not a list of one."""
    return values[0] if len(values) == 1 else values


def render(body: Body, params: Mapping[str, str], *, old: bool = False) -> tuple[str, bytes]:
    """Content type and bytes of an answer, in the requested format."""
    if params.get("format", "").lower() == "json":
        return _script(to_json(body), params)
    bare = params.get("raw", "").lower() == "true"
    return XML_TYPE, to_xml(body, old=old, bare=bare)


def render_error(code: int, text: str, params: Mapping[str, str], *, old: bool = False) -> tuple[str, bytes]:
    """The same for a rejection; the old backend puts the number first and adds empty `links`."""
    if params.get("format", "").lower() == "json":
        shape: Body = {"error": code, "message": text, "links": []} if old else {"message": text, "error": code}
        return _script(to_json(shape), params)
    return XML_TYPE, to_xml({"error": {"code": code, "#text": text}}, status="failed", old=old)


def to_json(body: Body) -> bytes:
    return json.dumps(_without_silence(body), ensure_ascii=False, separators=(",", ":")).encode()


def to_xml(body: Body, *, status: str = "ok", old: bool = False, bare: bool = False) -> bytes:
    """The new backend indents by two, the old one does not."""
    lines: list[str] = ['<?xml version="1.0" encoding="UTF-8" ?>' if old else '<?xml version="1.0" encoding="UTF-8"?>']
    wrapped: Body = body if bare else {"lfm": {"@attr": {"status": status}, **body}}
    for name, value in wrapped.items():
        _write(lines, name, value, 0, 0 if old else 2)
    return ("\n".join(lines) + "\n").encode()


def _script(text: bytes, params: Mapping[str, str]) -> tuple[str, bytes]:
    callback = params.get("callback", "")
    if _CALLBACK.fullmatch(callback):
        return JSONP_TYPE, b"%s(%s);" % (callback.encode(), text)
    return JSON_TYPE, text


def _without_silence(value: Value) -> Value:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {name: _without_silence(child) for name, child in value.items() if child is not None or name != "#text"}
    return [_without_silence(child) for child in value] if isinstance(value, list | tuple) else value


def _write(lines: list[str], name: str, value: Value, depth: int, indent: int) -> None:
    margin = " " * (depth * indent)
    if isinstance(value, Sequence) and not isinstance(value, str):
        for child in value:
            _write(lines, name, child, depth, indent)
    elif not isinstance(value, Mapping):
        lines.append(f"{margin}<{name}>{_text(value)}</{name}>")
    elif "#text" in value:
        own = {key: child for key, child in value.items() if key not in ("#text", "@attr")}
        attributes = _attributes(own) + _attributes(value.get("@attr"))
        lines.append(f"{margin}<{name}{attributes}>{_text(value['#text'])}</{name}>")
    else:
        _write_container(lines, name, value, depth, indent)


def _write_container(lines: list[str], name: str, value: Body, depth: int, indent: int) -> None:
    margin = " " * (depth * indent)
    attributes = _attributes(value.get("@attr"))
    inner: list[str] = []
    for key, child in value.items():
        if key != "@attr":
            _write(inner, key, child, depth + 1, indent)
    if inner:
        lines += [f"{margin}<{name}{attributes}>", *inner, f"{margin}</{name}>"]
    elif depth == 0:
        lines.append(f"<{name}{attributes}></{name}>")
    else:
        lines.append(f"{margin}<{name}{attributes} />")


def _attributes(value: Value) -> str:
    if not isinstance(value, Mapping):
        return ""
    return "".join([f' {name}="{_text(child)}"' for name, child in value.items()])


def _text(value: Value) -> str:
    return "" if value is None else escape(str(value), {'"': "&quot;"})
