"""Quirks of Last.fm's answers, each undone here and nowhere else.

All of these functions accept any value that the answer held and never raise; what can't be read counts as absent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

Node = Mapping[str, object]

_LARGEST = 2**63 - 1
"""No database stores larger numbers, and Last.fm counts nothing that large."""

_LARGEST_SMALL = 2**31 - 1

_END_OF_TIME = 253402300800
"""Unix seconds of the year 10000."""

_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: legal in JSON, in neither UTF-8 nor a PostgreSQL text."""

NO_IMAGE = "2a96cbd8b46e442fc41c2b86b821562f"
"""The star that every artist has shown since May 2019: a placeholder, not an image."""


class UnreadableAnswer(ValueError):
    """The answer has the expected root, but its content is missing or contradicts what was sent."""


def node(value: object) -> Node:
    """The members of an object; none for anything else, such as the "\\n" of an empty container."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    """Text, whether plain, as {"#text": …} or as {"name": …}; "" if there is none.

    A value without text shows as "#text": "" or without the member, even within one answer.
    """
    if isinstance(value, dict):
        value = value.get("#text", value.get("name"))
    if isinstance(value, str):
        return value.strip() if value.isprintable() else _UNKEEPABLE.sub("", value).strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""


def raw_text(value: object) -> str:
    """Text with its lines: a biography."""
    if isinstance(value, dict):
        value = value.get("#text")
    return _UNKEEPABLE.sub("", value) if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """A whole number from int, float, text or {"#text": …}; None for "", null and everything else."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)  # how nearly every number comes
    number = fraction(value)
    return None if number is None or abs(number) > _LARGEST else int(number)


def small(value: object) -> int | None:
    """As `whole`, for codes and counts that a database stores in 32 bits: larger ones become the nearest that fits."""
    number = whole(value)
    return None if number is None else max(-_LARGEST_SMALL, min(number, _LARGEST_SMALL))


def fraction(value: object) -> int | float | None:
    """A finite number from int, float, text or {"#text": …}; None for "", null and everything else."""
    if isinstance(value, dict):
        value = value.get("#text")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = _number(value) if isinstance(value, str) else value
        return number if math.isfinite(number) else None
    except (ValueError, OverflowError):  # not a number, or one of hundreds of digits
        return None


def _number(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def flag(value: object) -> bool:
    """Yes or no from "1", 1, "true" or true."""
    return value != "0" and (value in ("1", "true") or value is True or whole(value) == 1)


def many(value: object) -> list[Node]:
    """The repeated children: a list, one object if there is only one, or blank text if there are none."""
    if isinstance(value, dict):
        return [value]
    return [child for child in value if isinstance(child, dict)] if isinstance(value, list) else []


def attributes(container: Node) -> Node:
    """A container's attributes: under "@attr", or, in empty ones recorded in 2014, flat beside a "#text"."""
    return node(container.get("@attr")) or container


def moment(value: object) -> datetime | None:
    """A time in UTC; None if there is no date, or if it is in 1970, which broken clients have sent.

    Only the numbers count: "#text" is a date in English, or the number again, or the same in another form.
    """
    date = node(value)
    return at(date.get("uts", date.get("unixtime")))


def at(seconds: object) -> datetime | None:
    """Unix seconds as an aware datetime; None if there are none, or beyond the year 9999."""
    number = whole(seconds)
    if not number or not 0 < number < _END_OF_TIME:
        return None
    return datetime.fromtimestamp(number, UTC)


def published(value: object) -> datetime | None:
    """The date of an article, which comes as text: "13 May 2015, 01:04", or in the format of e-mail."""
    from email.utils import parsedate_tz

    parts = parsedate_tz(text(value).replace(",", " ").strip())
    if parts is None:
        return None
    try:
        return datetime(*parts[:6], tzinfo=timezone(timedelta(seconds=parts[9] or 0))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def seconds(value: object, per_second: int = 1) -> float | None:
    """A duration; None for 0, which means unknown, and for the "FIXME" of user.getPersonalTags."""
    number = fraction(value)
    return number / per_second if number is not None and 0 < number < _LARGEST else None
