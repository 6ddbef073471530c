"""Whatever arrives, the wire answers in its own words: a value, a verdict or a LastFmError, and nothing else."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from codecs import BOM_UTF8
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastfm_emulator import Emulator
from tests.emulator.caller import Caller
from tests.emulator.caller import body as body_of
from tonearm.core.verdict import Answered, Verdict
from tonearm.http_exchange import Reply, server_time
from tonearm.lastfm import LastFmError
from tonearm.lastfm.error import error_of, verdict_of
from tonearm.lastfm.request import Request, sign_request
from tonearm.lastfm.response import Answer, understand

from .bodies import (
    NOW_PLAYING,
    PLAYS,
    SESSION,
    TOKEN,
    USER,
    body,
    listing,
    loved,
    playing,
    recent,
    scrobbled,
    scrobbles,
)
from .faces import KEYS
from .questions import QUESTIONS, READS, furnish
from .test_quirks import json_values

REQUESTS: list[Request[object]] = [*QUESTIONS]


def asked_and_answered() -> list[tuple[Request[object], dict[str, Any]]]:
    """Each read with what the emulator says to it: the shapes of today."""
    emulator = Emulator(clock=lambda: 1_700_000_000.0)
    furnish(emulator)
    caller = Caller(emulator, emulator.session_key("Ada"))
    return [(one, body_of(caller.ask_all(one.method, one.params))) for one in READS if not one.signed]


PAIRS = asked_and_answered()

TREES: list[dict[str, Any]] = [
    scrobbles([scrobbled(play) for play in PLAYS]),
    NOW_PLAYING,
    {},
    TOKEN,
    SESSION,
    USER,
    listing("lovedtracks", [loved(1), loved(2)]),
    listing("recenttracks", [playing(3), recent(2), recent(1)]),
    {"error": 29, "message": "Too many scrobbles", "links": []},
    *[tree for _, tree in PAIRS],
]

XML = (
    b'<lfm status="failed"><error code="9">Invalid session key</error></lfm>',
    b'<lfm status="ok"><scrobbles accepted="1" ignored="0"><scrobble><track corrected="0">a</track></scrobble>'
    b"</scrobbles></lfm>",
    b'<lfm status="ok"><lovedtracks page="1" total="1"><track><name>a</name></track></lovedtracks></lfm>',
)


def well_formed(value: object) -> None:
    """Whatever came, the types hold, times are in UTC, and nothing is in them that a database would refuse."""
    if isinstance(value, tuple):
        for one in value:
            well_formed(one)
    elif isinstance(value, datetime):
        assert value.tzinfo is UTC
    elif isinstance(value, str):
        assert "\x00" not in value
        value.encode()
    elif isinstance(value, float):
        assert 0 <= value < 2**63
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            well_formed(inner)
            if field.name.endswith("_html"):
                assert not re.search(r"<(?!br>|a href=\"https?://[^\"<>]*\" rel=\"[a-z ]+\">|/a>)", inner)
    else:
        assert value is None or isinstance(value, bool | int)


def judge(request: Request[object], reply: Reply) -> object:
    """What the service sees, after every check that it relies on."""
    outcome = understand(request, sign_request(request, KEYS), reply)
    if isinstance(outcome, Answer):
        if request.root == "scrobbles":
            assert isinstance(outcome.value, tuple)
            assert len(outcome.value) == len(PLAYS)
        well_formed(outcome.value)
        return outcome.value
    verdict = verdict_of(outcome)
    assert isinstance(verdict, get_args(Verdict))
    assert not isinstance(verdict, Answered)
    assert isinstance(error_of(outcome, request.method), LastFmError)
    return verdict


def places(tree: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    here = [path] if path else []
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return here + [place for key, child in children for place in places(child, (*path, key))]


@st.composite
def grown_wrong(draw: st.DrawFn) -> bytes:
    """An answer in which some places hold something else, or nothing."""
    return mutated(draw, draw(st.sampled_from(TREES)))


@st.composite
def asked_and_grown_wrong(draw: st.DrawFn) -> tuple[Request[object], bytes]:
    """The same, and the question that it is an answer to."""
    request, tree = draw(st.sampled_from(PAIRS))
    return request, mutated(draw, tree)


def mutated(draw: st.DrawFn, answer: dict[str, Any]) -> bytes:
    tree = copy.deepcopy(answer)
    for _ in range(draw(st.integers(1, 3))):
        found = places(tree)
        if not found:
            break
        *way, last = draw(st.sampled_from(found))
        parent: Any = tree
        for step in way:
            parent = parent[step]
        match draw(st.sampled_from(["nothing", "else", "one", "many", "text", "number", "more"])):
            case "nothing":
                del parent[last]
            case "else":
                parent[last] = draw(json_values)
            case "one":
                parent[last] = parent[last][0] if isinstance(parent[last], list) and parent[last] else parent[last]
            case "many":
                parent[last] = [parent[last]] * draw(st.integers(0, 2))
            case "text":
                parent[last] = draw(st.sampled_from(["", "\n   ", str(parent[last])[:40]]))
            case "number":
                parent[last] = draw(st.integers() | st.floats())
            case _:
                parent[last] = {"a member of tomorrow": draw(json_values), "#text": parent[last]}
    return draw(st.sampled_from([b"", BOM_UTF8])) + json.dumps(tree).encode()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An answer that was cut off, or some bytes of which arrived as others."""
    whole = bytearray(draw(st.sampled_from([*map(body, TREES), *XML])))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, max(len(whole) - 1, 0)))
        whole[place : place + 1] = draw(st.binary(max_size=2))
    return bytes(whole[: draw(st.integers(0, len(whole)))]) if draw(st.booleans()) else bytes(whole)


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


statuses = st.sampled_from([200, 204, 302, 400, 403, 404, 429, 500, 503])
headers = st.dictionaries(st.sampled_from(["date", "retry-after"]), st.text(max_size=30))


@settings(max_examples=4 * settings().max_examples)
@given(st.sampled_from(REQUESTS), statuses, headers, grown_wrong() | damaged() | st.binary() | json_values.map(as_json))
def test_any_answer_is_a_value_or_a_documented_failure(
    request: Request[object], status: int, headers: dict[str, str], content: bytes
) -> None:
    judge(request, Reply(status, headers, content))


weekdays = st.sampled_from(["Tue, ", ""])
digits = st.integers(-5, 10**6).map(str)


@settings(max_examples=3 * settings().max_examples)
@given(st.tuples(weekdays, digits, st.sampled_from([" Nov ", " Foo ", "-"]), digits, st.just(" 22:13:"), digits))
def test_any_date_is_a_time_or_none(parts: tuple[str, ...]) -> None:
    at = server_time({"date": "".join(parts)})
    assert at is None or isinstance(at, float)


@settings(max_examples=6 * settings().max_examples)
@given(asked_and_grown_wrong())
def test_an_answer_grown_wrong_is_read_or_is_a_documented_failure(asked: tuple[Request[object], bytes]) -> None:
    judge(asked[0], Reply(200, {}, asked[1]))


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.method)
def test_an_answer_to_another_question_is_not_an_accident(request_: Request[object]) -> None:
    for content in (*map(body, TREES), *XML):
        judge(request_, Reply(200, {}, content))
