"""No secret leaves by a log, a repr, an error or an address."""

from __future__ import annotations

import logging
import traceback
from contextlib import nullcontext
from socket import socket

import pytest

from tonearm.core.play import Track
from tonearm.core.verdict import Verdict
from tonearm.http_exchange import Reply
from tonearm.lastfm import Keys, LastFmError, Session
from tonearm.lastfm.methods import auth, track, user
from tonearm.lastfm.request import sign_request

from .bodies import PLAYS, body
from .faces import Face, call
from .loopback import Behaviour, answering, hanging_up, http, nobody, saying, serving

pytestmark = pytest.mark.anyio

KEYS = Keys("public-0123456789", "SECRET-of-the-app")
TOKEN = "SECRET-token"
SESSION_KEY = "SECRET-session-key"

WRITES = (
    track.scrobble(PLAYS, SESSION_KEY),
    track.now_playing(Track("Low", "Sunflower"), SESSION_KEY),
    track.love("Low", "Sunflower", SESSION_KEY),
)
READS = (auth.token(), auth.session(TOKEN), user.info(session_key=SESSION_KEY))
SIGNED = (*WRITES, *READS)

SECRETS = ("SECRET", *(sign_request(request, KEYS).secrets[-1] for request in SIGNED))


def keeps_secrets(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


def test_the_signature_is_among_the_secrets() -> None:
    for request in SIGNED:
        assert f"api_sig={sign_request(request, KEYS).secrets[-1]}" in sign_request(request, KEYS).form


def test_nothing_prints_a_secret() -> None:
    sealed = [sign_request(request, KEYS) for request in SIGNED]
    for thing in (KEYS, Session("Ada", SESSION_KEY), Reply(200, {"x": "SECRET"}, b"SECRET"), *SIGNED, *sealed):
        assert keeps_secrets(repr(thing))
        assert keeps_secrets(str(thing))


MOODS: dict[str, Behaviour] = {
    "answers": answering(
        body({"token": TOKEN, "session": {"name": "Ada", "key": SESSION_KEY}, "scrobbles": "", "user": {"name": "Ada"}})
    ),
    "answers a page": answering(f"<html>{TOKEN} {SESSION_KEY}</html>".encode(), "502 Bad Gateway"),
    "sends elsewhere": answering(b"", "302 Found", "Location: /3.0/"),
    "speaks no HTTP": saying(b"what?\r\n\r\n"),
    "hangs up": hanging_up,
}


@pytest.mark.parametrize("mood", [*MOODS, "refuses and echoes", "is away"])
async def test_no_secret_is_logged_or_raised_whatever_the_server_does(
    face: Face, mood: str, caplog: pytest.LogCaptureFixture
) -> None:
    def echo(stream: socket) -> None:
        stream.sendall(http(body({"error": 13, "message": server.received[-1].decode()}), "400 Bad Request"))

    caplog.set_level(logging.DEBUG)
    with serving(MOODS.get(mood, echo)) as server:
        client = face(KEYS, nobody() if mood == "is away" else server.url)
        assert keeps_secrets(repr(client))
        for write in WRITES:
            verdict: Verdict = await call(client, "write", write)
            assert keeps_secrets(repr(verdict))
        for read in READS:
            with pytest.raises(LastFmError) if mood != "answers" else nullcontext() as raised:
                await call(client, "ask", read)
            if raised:
                assert raised.value.__context__ is None
                trace = traceback.format_exception(raised.value)
                assert keeps_secrets(f"{raised.value!r} {raised.value} {trace}")
        await call(client, "close")
    assert caplog.records
    assert keeps_secrets(caplog.text)
    for request_bytes in server.received:
        first_line = request_bytes.partition(b"\r\n")[0].decode()
        assert first_line == "POST /2.0/ HTTP/1.1"
