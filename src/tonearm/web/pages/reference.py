"""The content of the reference page, from an OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Schema = Mapping[str, Any]

_TITLES = {
    "lastfm": "Last.fm",
    "events": "Events",
    "metadata": "Metadata",
    "operation": "Monitoring",
}
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body: `kind` is its type with its bounds."""

    name: str
    kind: str
    where: str
    required: bool


@dataclass(frozen=True, slots=True)
class StatusNote:
    """An answer: its status, what it means, and its fields."""

    status: str
    meaning: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class DocumentedCall:
    """One method on one path."""

    method: str
    path: str
    summary: str
    details: str
    fields: tuple[Field, ...]
    answers: tuple[StatusNote, ...]

    @property
    def anchor(self) -> str:
        """What a link to it ends in."""
        return f"{self.method.lower()}{self.path.replace('/', '-').replace('{', '').replace('}', '')}"


@dataclass(frozen=True, slots=True)
class Group:
    """Endpoints that belong together."""

    name: str
    endpoints: tuple[DocumentedCall, ...]


def reference(description: Schema) -> list[Group]:
    """The endpoints of a description, grouped by their first tag, in its order."""
    groups: dict[str, list[DocumentedCall]] = {}
    for path, methods in description.get("paths", {}).items():
        for method in _METHODS:
            if operation := methods.get(method):
                tag = next(iter(operation.get("tags", ())), "Others")
                groups.setdefault(tag, []).append(_endpoint(method, path, operation, description))
    return [Group(_TITLES.get(tag, tag), tuple(endpoints)) for tag, endpoints in groups.items()]


def _endpoint(method: str, path: str, operation: Schema, root: Schema) -> DocumentedCall:
    text = operation.get("description") or operation.get("summary", "")
    first, _, details = text.partition("\n\n")
    fields = [
        Field(
            parameter["name"],
            _kind(parameter.get("schema", {}), root),
            parameter["in"],
            parameter.get("required", False),
        )
        for parameter in operation.get("parameters", ())
    ]
    body = _json(operation.get("requestBody", {}))
    answers = tuple(
        StatusNote(status, _meaning_of(status, answer), tuple(_members(_json(answer), root, "")))
        for status, answer in sorted(operation.get("responses", {}).items())
    )
    return DocumentedCall(
        method.upper(),
        path,
        " ".join(first.split()),
        " ".join(details.split()),
        (*fields, *_members(body, root, "body")),
        answers,
    )


def _json(owner: Schema) -> Schema:
    content: Schema = owner.get("content", {}).get("application/json", {})
    schema: Schema = content.get("schema", {})
    return schema


def _meaning_of(status: str, answer: Schema) -> str:
    meaning = str(answer.get("description", ""))
    if meaning in ("", "Successful Response", "Validation Error") and status.isdigit():
        return {"200": "Done", "422": "Invalid input; the response names the field."}.get(
            status, HTTPStatus(int(status)).phrase
        )
    return meaning


def _members(schema: Schema, root: Schema, where: str) -> Iterator[Field]:
    schema = _resolved(schema, root)
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        yield Field(name, _kind(member, root), where, name in required)


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference_ = schema.get("$ref")
    if not reference_:
        return schema
    target: Any = root
    for step in reference_.removeprefix("#/").split("/"):
        target = target[step]
    return _resolved(target, root)


def _kind(schema: Schema, root: Schema) -> str:
    """A type as text: "integer (25 to 100)", "string or null"."""
    schema = _resolved(schema, root)
    if choices := schema.get("enum"):
        return " | ".join(f'"{choice}"' for choice in choices)
    if "const" in schema:
        return f'"{schema["const"]}"'
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_kind(choice, root) for choice in alternatives)
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}), root)}"
    return kind + _bounds(schema)


def _bounds(schema: Schema) -> str:
    minimum, maximum = schema.get("minimum"), schema.get("maximum")
    if minimum is not None and maximum is not None:
        return f" ({minimum:g} to {maximum:,.0f})"
    longest = schema.get("maxLength")
    return f" (at most {longest:,} characters)" if longest else ""
