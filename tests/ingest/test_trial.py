"""A trial says what keeps a play from arriving, in words that help who set it up."""

from __future__ import annotations

import json

import pytest

from tonearm.core.play import Track
from tonearm.ingest.trial import Trial, TrialAnswer, TrialRequest, steps

NOW = 1_760_000_000.0
KINDS = ["listenbrainz", "audioscrobbler", "lastfm", "maloja", "webscrobbler", "jellyfin", "plex", "tautulli"]
JSON, TEXT, HTML = "application/json", "text/plain", "text/html; charset=utf-8"


def tried(kind: str, *answers: TrialAnswer, address: str = "https://music.example/") -> tuple[str, list[TrialRequest]]:
    """What a trial says after these answers, and what it has asked."""
    if kind in ("webscrobbler", "jellyfin", "plex", "tautulli"):
        address += f"webhook/{kind}/s3cret"
    under_way = steps(kind, Trial(address, "s3cret", "me", Track("tonearm", "Test"), NOW))
    asked = [next(under_way)]
    for answer in answers:
        try:
            asked.append(under_way.send(answer))
        except StopIteration as end:
            return str(end.value), asked
    raise AssertionError(f"asks once more: {asked[-1]}")


def said(document: object, status: int = 200) -> TrialAnswer:
    return TrialAnswer(status, json.dumps(document).encode(), JSON)


def text(body: str) -> TrialAnswer:
    return TrialAnswer(200, body.encode(), TEXT)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (TrialAnswer(0, trouble="connection refused"), "(connection refused): is the service running"),
        (TrialAnswer(301, location="https://music.example/other?x=1"), "redirects to https://music.example/other, and"),
        (TrialAnswer(302, location="http://[broken"), "redirects to another address"),
        (TrialAnswer(401, b"<html>", HTML), "a proxy asks for a login there"),
        (TrialAnswer(502, b"<html>", HTML), "can't reach the service"),
        (TrialAnswer(404, b"<html>", HTML), "a proxy doesn't forward this path"),
        (TrialAnswer(200, b"<html>", HTML), "answers with a web page"),
        (TrialAnswer(200, b"[]", JSON), "something else is there"),
        (TrialAnswer(500, b"\xff", ""), "HTTP 500"),
    ],
)
def test_what_answers_instead_is_named(kind: str, answer: TrialAnswer, words: str) -> None:
    problem, (asked, *_) = tried(kind, answer)
    assert words in problem
    assert "s3cret" not in problem
    assert "s3cret" not in repr(asked).replace(asked.url, "")


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("listenbrainz", said({"valid": False})),
        ("audioscrobbler", text("BADAUTH\n")),
        ("lastfm", said({"error": 4, "message": "Authentication Failed"}, 403)),
        ("maloja", said({"error": {"type": "authentication_fail"}}, 403)),
        ("plex", said({"error": "unknown address"}, 404)),
    ],
)
def test_a_service_with_another_database_does_not_know_the_player(kind: str, answer: TrialAnswer) -> None:
    assert "it uses another database" in tried(kind, answer)[0]


OK = text("OK\nsession\nhttps://music.example/np_1.2\nhttp://localhost:8723/protocol_1.2\n")


@pytest.mark.parametrize(
    ("kind", "answers", "words"),
    [
        (
            "listenbrainz",
            [said({"valid": True}), said({"error": "Too many"}, 429)],
            "answers a play with 429: Too many",
        ),
        ("audioscrobbler", [text("BADTIME\n")], "differ by more than 5 minutes"),
        ("audioscrobbler", [text("FAILED try later\n")], "it answers: FAILED try later"),
        ("audioscrobbler", [OK, text("FAILED try later\n")], "answers a play with FAILED try later"),
        ("audioscrobbler", [OK, TrialAnswer(0, trouble="connection refused")], "set TONEARM_PUBLIC_URL"),
        ("lastfm", [said({"error": 16, "message": "try again."}, 503)], "try again."),
        ("lastfm", [said({"session": {"key": "k"}}), said({"error": 16, "message": "later"}, 503)], "later"),
        ("lastfm", [said({"session": {"key": "k"}}), TrialAnswer(502)], "can't reach the service"),
    ],
)
def test_a_refusal_is_repeated(kind: str, answers: list[TrialAnswer], words: str) -> None:
    assert words in tried(kind, *answers)[0]


def test_a_play_that_arrives_has_no_problem() -> None:
    problem, (_, sent) = tried("audioscrobbler", OK, text("OK\n"))
    assert (problem, sent.url) == ("", "http://localhost:8723/protocol_1.2")
    assert tried("listenbrainz", said({"valid": True}), said({"status": "ok"}))[0] == ""
    assert tried("lastfm", said({"session": {"key": "k"}}), said({"scrobbles": {}}))[0] == ""
    assert tried("jellyfin", said({"status": "ok"}))[0] == ""
