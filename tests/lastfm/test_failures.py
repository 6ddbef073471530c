"""Every error number and every odd answer, and what becomes of a write and of a read."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import assert_never

import pytest

from tonearm.core.verdict import (
    Answered,
    Cause,
    KeyRefused,
    Later,
    Scope,
    SessionEnded,
    SessionSuspect,
    Split,
    Throttled,
    Unsure,
    Verdict,
)
from tonearm.http_exchange import Reply, TransportError
from tonearm.lastfm import (
    BadParameters,
    CallRefused,
    KeyRejected,
    LastFmError,
    LoginRequired,
    RateLimited,
    SessionRejected,
    SignatureRejected,
    TokenExpired,
    TokenNotApproved,
    TokenUnknown,
    Unavailable,
)
from tonearm.lastfm.error import error_of, verdict_of
from tonearm.lastfm.methods import track
from tonearm.lastfm.request import sign_request
from tonearm.lastfm.response import Answer, Failure, understand

from .bodies import PLAYS, body
from .faces import KEYS

SCROBBLE = track.scrobble(PLAYS, "sk-0123456789")


def failure(content: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Failure:
    outcome = understand(SCROBBLE, sign_request(SCROBBLE, KEYS), Reply(status, headers or {}, content))
    assert not isinstance(outcome, Answer)
    return outcome


def refused(number: int, words: str = "Some words", status: int = 200) -> Failure:
    return failure(body({"error": number, "message": words}), status)


TABLE: list[tuple[int, type[Verdict], type[LastFmError]]] = [
    (1, Split, CallRefused),
    (2, Later, CallRefused),
    (3, Later, CallRefused),
    (4, SessionSuspect, SessionRejected),
    (5, Later, CallRefused),
    (6, Split, BadParameters),
    (7, Split, BadParameters),
    (8, Later, Unavailable),
    (9, SessionEnded, SessionRejected),
    (10, KeyRefused, KeyRejected),
    (11, Later, Unavailable),
    (12, Later, CallRefused),
    (13, Split, SignatureRejected),
    (14, SessionEnded, TokenNotApproved),
    (15, Split, TokenExpired),
    (16, Later, Unavailable),
    (17, SessionEnded, LoginRequired),
    (18, Later, CallRefused),
    (19, Split, CallRefused),
    (20, Split, CallRefused),
    (21, Split, CallRefused),
    (22, Split, CallRefused),
    (23, Split, CallRefused),
    (24, Split, CallRefused),
    (25, Split, CallRefused),
    (26, KeyRefused, KeyRejected),
    (27, Later, CallRefused),
    (28, Split, CallRefused),
    (29, Throttled, RateLimited),
    (30, Split, CallRefused),
    (999, Split, CallRefused),
    (0, Split, CallRefused),
    (-1, Split, CallRefused),
]


def cause_of(verdict: Verdict) -> Cause:
    match verdict:
        case Answered():
            raise AssertionError("answered")
        case Later(cause) | Throttled(_, cause) | Unsure(cause) | Split(cause):
            return cause
        case SessionSuspect(cause) | SessionEnded(cause) | KeyRefused(cause):
            return cause
        case _:
            assert_never(verdict)


@pytest.mark.parametrize("status", [200, 400, 403, 500, 503])
@pytest.mark.parametrize(("number", "verdict", "_error"), TABLE)
def test_each_error_number_means_one_thing_for_a_write_whatever_the_status(
    number: int, verdict: type[Verdict], _error: type[LastFmError], status: int
) -> None:
    given = verdict_of(refused(number, status=status))
    assert type(given) is verdict
    assert cause_of(given) == Cause(number, "Some words")


@pytest.mark.parametrize(("number", "_verdict", "error"), TABLE)
def test_each_error_number_is_raised_as_one_kind_from_a_read(
    number: int, _verdict: type[Verdict], error: type[LastFmError]
) -> None:
    raised = error_of(refused(number), "user.getInfo")
    assert type(raised) is error
    assert (raised.error_code, raised.message) == (number, "Some words")
    assert str(raised) == f"Last.fm error {number}: Some words"


def test_no_error_number_lets_a_play_vanish() -> None:
    for number in range(-5, 200):
        assert not isinstance(verdict_of(refused(number)), Answered)


@pytest.mark.parametrize(
    ("number", "error"), [(4, TokenUnknown), (14, TokenNotApproved), (15, TokenExpired), (9, SessionRejected)]
)
def test_in_the_sign_in_four_is_about_the_token(number: int, error: type[LastFmError]) -> None:
    assert type(error_of(refused(number), "auth.getSession")) is error


def test_only_what_passes_by_itself_is_retryable() -> None:
    retryable = {number for number, _, _ in TABLE if error_of(refused(number), "user.getInfo").retryable}
    assert retryable == {8, 11, 16, 29}


@pytest.mark.parametrize(
    ("words", "scope"),
    [
        ("Rate Limit Exceeded - Too many scrobbles in a short period. Please try again later.", Scope.ACCOUNT),
        ("Rate limit exceeded - Your IP has made too many requests in a short period", Scope.ADDRESS),
        ("", Scope.ADDRESS),
    ],
)
def test_a_rate_limit_is_about_the_account_when_it_speaks_of_scrobbles(words: str, scope: Scope) -> None:
    verdict = verdict_of(refused(29, words, status=429))
    assert isinstance(verdict, Throttled)
    assert verdict.scope is scope
    error = error_of(refused(29, words), "user.getInfo")
    assert isinstance(error, RateLimited)
    assert error.scope is scope


@pytest.mark.parametrize(
    "content",
    [
        b'{"message":"Some words","error":6}',
        b'{"error":6,"message":"Some words","links":[]}',
        b'\xef\xbb\xbf{"error":"6","message":"Some words"}',
        b'{"error":6.0,"message":"Some words","scrobbles":{}}',
        b'{"error":{"#text":"Some words","code":"6"}}',
        b'{"lfm":{"status":"failed","error":{"code":"6","#text":"Some words"}}}',
        b'<?xml version="1.0" encoding="UTF-8"?>\n<lfm status="failed"><error code="6">Some words</error>\n</lfm>',
        b'<lfm status="failed"><error code="6"><message>Some words</message></error></lfm>',
        b'<lfm status="failed"><error><code>6</code><message>Some words</message></error></lfm>',
        b'{"error":{"code":6,"message":"Some words"}}',
        b'\xef\xbb\xbf\n<lfm status="failed"><error code="6">Some words</error></lfm>',
    ],
    ids=[
        "new",
        "old",
        "BOM and text",
        "beside an answer",
        "GNU FM",
        "wrapped",
        "XML",
        "within, XML",
        "all within, XML",
        "within",
        "BOM",
    ],
)
def test_an_error_is_found_in_every_shape_it_comes_in(content: bytes) -> None:
    assert verdict_of(failure(content)) == Split(Cause(6, "Some words"))


def test_an_error_without_words_says_so() -> None:
    assert str(error_of(failure(b'{"error":8}'), "user.getInfo")) == "Last.fm error 8: no message"


NONSENSE = {
    "nothing": b"",
    "blanks": b" \r\n",
    "HTML": b"<!DOCTYPE html><html><body>Your request timed out</body></html>",
    "HTML that is XML": b"<html><body>500</body></html>",
    "half of it": b'{"scrobbles":{"scrobble":[{"artist"',
    "half of the XML": b'<lfm status="ok"><scrobbles accepted="1"',
    "not text": b"\xff\xfe\x00\x81",
    "XML that is not text": b"<lfm>\xff</lfm>",
    "an illegal character": "<lfm status='ok'><a>\ufffe</a></lfm>".encode(),
    "an entity bomb": b'<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><lfm><x>&b;</x></lfm>',
    "a list": b"[]",
    "a number": b"1",
    "too deep": b"[" * 100_000,
    "XML that is too deep": b"<lfm>" + b"<a>" * 5_000 + b"</a>" * 5_000 + b"</lfm>",
    "a number too long to read": b'{"scrobbles":' + b"1" * 10_000 + b"}",
    "an error without a number": b'{"error":"Internal Server Error"}',
    "an error that is null": b'{"error":null}',
    "an unrelated answer": b'{"user":{"name":"Ada"}}',
    "nothing in it": b"{}",
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE.keys())
@pytest.mark.parametrize(
    ("status", "verdict", "error"),
    [
        (200, Unsure, Unavailable),
        (302, Unsure, Unavailable),
        (400, Unsure, Unavailable),
        (403, Unsure, Unavailable),
        (429, Throttled, RateLimited),
        (500, Unsure, Unavailable),
        (502, Unsure, Unavailable),
        (503, Unsure, Unavailable),
        (504, Unsure, Unavailable),
    ],
)
def test_an_answer_that_cannot_be_read_is_judged_by_its_status(
    content: bytes, status: int, verdict: type[Verdict], error: type[LastFmError]
) -> None:
    given = verdict_of(failure(content, status))
    assert type(given) is verdict
    assert cause_of(given).error_code is None
    raised = error_of(failure(content, status), "user.getInfo")
    assert type(raised) is error
    assert raised.retryable
    assert str(status) in str(raised)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b" ", "HTTP 502 with an empty body"),
        (b"\n<html></html>", "HTTP 502 with a page instead of an answer"),
        (b'{"scrobbles":', "HTTP 502 with a body that can't be read"),
        (b'{"user":{}}', "HTTP 502 with an unrelated answer"),
        (b'{"error":"x"}', "HTTP 502 with an error that has no number"),
        (b'{"scrobbles":{}}', "3 sent, 0 answered"),
    ],
)
def test_an_answer_that_cannot_be_read_is_described(content: bytes, words: str) -> None:
    assert cause_of(verdict_of(failure(content, 502))) == Cause(None, words)


def test_a_limit_without_a_word_is_about_the_address() -> None:
    verdict = verdict_of(failure(b"", 429))
    assert isinstance(verdict, Throttled)
    assert verdict.scope is Scope.ADDRESS


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "1e9"}, 86400.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:15:20 GMT", "date": "Tue, 14 Nov 2023 22:13:20 GMT"}, 120.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:00 GMT", "date": "Tue, 14 Nov 2023 22:13:20 GMT"}, 0.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:15:20 GMT"}, None),
        ({"retry-after": "soon", "date": "Tue, 14 Nov 2023 22:13:20 GMT"}, None),
        ({"retry-after": "Tue, 14 Nov 99999 22:15:20 GMT", "date": "Tue, 99 Foo 2023 22:13:20 GMT"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_obeyed_if_it_makes_sense(headers: dict[str, str], seconds: float | None) -> None:
    later = verdict_of(failure(b"<html>busy</html>", 503, headers))
    throttled = verdict_of(failure(b'{"error":29,"message":"Too many scrobbles"}', 429, headers))
    limited = verdict_of(failure(b"", 429, headers))
    assert isinstance(later, Unsure)
    assert isinstance(throttled, Throttled)
    assert isinstance(limited, Throttled)
    assert later.retry_after == throttled.retry_after == limited.retry_after == seconds
    assert error_of(failure(b"", 503, headers), "user.getInfo").retry_after == seconds
    eight = verdict_of(failure(b'{"error":8,"message":"Operation failed"}', 500, headers))
    assert eight == Later(Cause(8, "Operation failed"), seconds)


def test_what_was_never_sent_waits_and_what_was_sent_leaves_us_unsure() -> None:
    assert verdict_of(TransportError(False, "no connection")) == Later(Cause(None, "no connection"))
    assert verdict_of(TransportError(True, "no answer in time")) == Unsure(Cause(None, "no answer in time"))
    never, lost = (error_of(TransportError(sent, "x"), "auth.getSession") for sent in (False, True))
    assert (never.retryable, never.sent, lost.retryable, lost.sent) == (True, False, True, True)


def test_messages_are_one_line_and_limited_in_length() -> None:
    words = cause_of(verdict_of(refused(8, "Operation\n\tfailed\x1b[31m " + "x" * 1000))).message
    assert words.startswith("Operation failed [31m xxx")
    assert words.endswith("x…")
    assert len(words) == 300


def test_secrets_that_an_answer_echoes_are_blotted_out() -> None:
    sealed = sign_request(SCROBBLE, KEYS)
    for secret in (KEYS.api_secret, "sk-0123456789", sealed.secrets[-1]):
        words = cause_of(verdict_of(refused(13, f"bad {secret}!"))).message
        assert words == "bad …!"
    assert understand(SCROBBLE, sealed, TransportError(False, f"no way to {KEYS.api_secret}")) == TransportError(
        False, "no way to …"
    )


def test_an_error_survives_pickling() -> None:
    error = error_of(refused(29, "Too many scrobbles"), "user.getInfo")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.cause, copy.sent, str(copy)) == (RateLimited, error.cause, True, str(error))
