"""How a fault changes or replaces an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from lastfm_emulator.faults import Kind
from lastfm_emulator.refusal import ACCOUNT_LIMIT, Refusal
from lastfm_emulator.request import Hangup, Reply, page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lastfm_emulator.faults import Fault
    from lastfm_emulator.render import Body, Value

_GATEWAY: Final = (
    '<html>\r\n<head><title>{0}</title></head>\r\n<body bgcolor="white">\r\n'
    "<center><h1>{0}</h1></center>\r\n<hr><center>openresty/1.13.6.2</center>\r\n</body>\r\n</html>\r\n"
)
_PHRASES: Final = {
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}
_SORRY: Final = (
    "<!DOCTYPE html>\n<html><head><title>Last.fm</title></head><body><h1>Your request timed out</h1></body></html>\n"
)

# These let the answer through and change it.
_ALTERING: Final = frozenset(
    {
        Kind.DELAY,
        Kind.XML_FOR_JSON,
        Kind.LINKS,
        Kind.OLD_STATUS,
        Kind.STRING_COUNTS,
        Kind.WRONG_LENGTH,
        Kind.WRONG_TOTALS,
        Kind.NOTHING_STORED,
        Kind.GNU_CODES,
        Kind.IGNORED,
        Kind.DAILY_LIMIT,
        Kind.DECODES_TWICE,
        Kind.SINGLE_OBJECT,
        Kind.INVISIBLE,
        Kind.CLOCK_SKEW,
        Kind.CUT_OFF,
    }
)


def first_in_place(struck: Iterable[Fault]) -> Fault | None:
    """The fault that answers instead of the method, if any."""
    return next((fault for fault in struck if fault.kind not in _ALTERING), None)


def in_place(fault: Fault) -> Reply | Hangup | Refusal:
    """What that fault answers."""
    match fault.kind:
        case Kind.ERROR:
            return Refusal(fault.error, fault.message, fault.status or 0)
        case Kind.ERROR_IN_200:
            return Refusal(fault.error, fault.message, 200)
        case Kind.SPURIOUS_SESSION_ERROR:
            return Refusal(9)
        case Kind.ACCOUNT_LIMIT:
            return Refusal(29, ACCOUNT_LIMIT)
        case Kind.GATEWAY_HTML:
            return _gateway(fault.status or 500)
        case Kind.HTML_IN_200:
            return page(_SORRY, 200)
        case Kind.EMPTY_BODY:
            return Reply(fault.status or 200, b"")
        case Kind.PROXY_BUSY:
            busy = _gateway(fault.status or 503)
            return Reply(busy.status, busy.body, (*busy.headers, ("Retry-After", str(round(fault.waits())))))
        case _:
            return Hangup()


def unsaid(struck: Iterable[Fault]) -> Body | Hangup:
    """The answer if nothing was carried out: half of an empty body, or none."""
    return {} if any(fault.kind is Kind.CUT_OFF for fault in struck) else Hangup()


def altered(body: Body, struck: Iterable[Fault]) -> Body:
    """The body as these faults leave it. The totals stay 0 if nothing is stored: else they might look right."""
    struck = tuple(struck)
    nothing_stored = any(fault.kind is Kind.NOTHING_STORED for fault in struck)
    for fault in struck:
        match fault.kind:
            case Kind.STRING_COUNTS:
                body = _counts_as_strings(body)
            case Kind.WRONG_LENGTH:
                body = _wrong_length(body, fault.by)
            case Kind.WRONG_TOTALS if not nothing_stored:
                body = _wrong_totals(body, fault.by)
            case Kind.SINGLE_OBJECT:
                body = _single_objects(body)
            case _:
                pass
    return body


def cut(reply: Reply) -> Reply:
    """The first half of the body, with the original headers."""
    return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers)


def _gateway(status: int) -> Reply:
    return page(_GATEWAY.format(_PHRASES.get(status, str(status))), status)


def _counts_as_strings(body: Body) -> Body:
    scrobbles = body.get("scrobbles")
    if not isinstance(scrobbles, Mapping):
        return body
    counts = scrobbles["@attr"]
    assert isinstance(counts, Mapping)
    return {"scrobbles": {**scrobbles, "@attr": {name: str(count) for name, count in counts.items()}}}


def _wrong_totals(body: Body, by: int) -> Body:
    scrobbles = body.get("scrobbles")
    if not isinstance(scrobbles, Mapping):
        return body
    counts = scrobbles["@attr"]
    assert isinstance(counts, Mapping)
    return {"scrobbles": {**scrobbles, "@attr": {**counts, "accepted": int(str(counts["accepted"])) + by}}}


def _wrong_length(body: Body, by: int) -> Body:
    scrobbles = body.get("scrobbles")
    if not isinstance(scrobbles, Mapping):
        return body
    changed = scrobbles["scrobble"]
    many: list[Value] = [changed] if isinstance(changed, Mapping) else list(_sequence(changed))
    wrong = many[:by] if by < 0 else many + many[-1:] * by
    return {"scrobbles": {**scrobbles, "scrobble": wrong}}


def _single_objects(body: Body) -> Body:
    """The body with every list of one child replaced by that child."""
    changed: dict[str, Value] = {}
    for name, value in body.items():
        if isinstance(value, Mapping):
            changed[name] = _single_objects(value)
        else:
            alone = isinstance(value, list) and len(value) == 1
            changed[name] = _sequence(value)[0] if alone else value
    return changed


def _sequence(value: Value) -> Sequence[Value]:
    assert isinstance(value, Sequence)
    return value
