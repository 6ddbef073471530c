"""From the bytes of an answer to its tree. It may be JSON or XML, which Last.fm sends now and then whatever was
requested.

Both come out in the shapes of the JSON, which is made from the XML: https://www.last.fm/api/rest
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def parse(body: bytes) -> dict[str, object] | None:
    """The members of an answer, or None if the bytes are not an answer: HTML, nothing, or a truncated one."""
    body = body.removeprefix(BOM_UTF8).strip()
    try:
        found = _from_xml(body.decode()) if body.startswith(b"<") else json.loads(body)
    except (ValueError, SyntaxError, RecursionError):  # XML's ParseError is a SyntaxError
        return None
    if not isinstance(found, dict):
        return None
    # GNU FM answers {"lfm": {"status": "ok"}} to a love: its XML wrapper, kept.
    inner = found.get("lfm")
    return inner if isinstance(inner, dict) else found


def _from_xml(body: str) -> object:
    if "<!DOCTYPE" in body:  # no answer has one; HTML does, and so do bombs made of entities
        return None
    from xml.etree.ElementTree import fromstring

    if "<opensearch:" in body:  # searches use a prefix that they don't declare
        body = body.replace("<lfm ", '<lfm xmlns:opensearch="opensearch" ', 1)
    root = fromstring(body)  # noqa: S314  # what makes it unsafe needs a document type
    return {**root.attrib, **_members(root)} if root.tag == "lfm" else None


def _members(element: Element) -> dict[str, object]:
    children: dict[str, list[object]] = {}
    for child in element:
        children.setdefault(child.tag.replace("{opensearch}", "opensearch:"), []).append(_value(child))
    return {tag: values[0] if len(values) == 1 else values for tag, values in children.items()}


def _value(element: Element) -> object:
    if len(element):
        members = _members(element)
        return {**members, "@attr": dict(element.attrib)} if element.attrib else members
    text = element.text or ""
    return {**element.attrib, "#text": text} if element.attrib else text
