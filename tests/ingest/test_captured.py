"""Every request that was captured from a real player is understood, and no play of it is left out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

from tests.ingest import captured
from tonearm.ingest import audioscrobbler, lastfm20, listenbrainz
from tonearm.ingest.audioscrobbler import Client, Handshake
from tonearm.ingest.incoming import Announced, Incoming
from tonearm.ingest.lastfm20 import PageRequest, Scrobble
from tonearm.ingest.lastfm20_call import LastFmCall, parse_call

NOW = 1_796_100_000.0

PLAYS = {
    "audacious": 1,
    "liblastfm": 4,
    "liquidsoap": 1,
    "mpdscribble": 5,
    "mpdscribble-backlog": 5,
    "ms-listenbrainz": 2,
    "qtscrob": 122,
    "quodlibet": 2,
    "scrobbler-helper": 1,
    "strawberry": 2,
    "vlc": 2,
}
ANNOUNCED = {
    "audacious": 1,
    "liblastfm": 1,
    "liquidsoap": 1,
    "mpdscribble": 5,
    "mpdscribble-backlog": 1,
    "quodlibet": 2,
    "strawberry": 2,
    "vlc": 1,
}


def read(request: captured.Captured) -> list[object]:
    """The plays in a request, and what it announces."""
    if request.path == "/2.0/":
        call = parse_call(urlencode(request.query), request.body, request.headers.get("accept", ""))
        assert isinstance(call, LastFmCall)
        found = lastfm20.parse(call, NOW)
        assert isinstance(found, Scrobble | Announced | PageRequest)
        if isinstance(found, Scrobble):
            return [item.report for item in found.items]
        return [found] if isinstance(found, Announced) else []
    if request.path == "/np_1.2":
        return [audioscrobbler.parse_now_playing(request.body, Client("tst", "1", "1.2")).announced]
    if request.path in ("/protocol_1.2", "/v1.1"):
        submission = audioscrobbler.parse_submission(request.body, Client("tst", "1", "1.2"), NOW)
        assert isinstance(submission, audioscrobbler.PlaySubmission)
        assert submission.session
        return list(submission.reports)
    if audioscrobbler.is_handshake(request.query):
        assert isinstance(audioscrobbler.parse_handshake(request.query), Handshake)
        return []
    if request.method == "GET":
        return []  # ListenBrainz: what is read back has tests of its own
    sent = listenbrainz.parse_submission(request.body, NOW)
    assert isinstance(sent, listenbrainz.ListenSubmission)
    return [*sent.reports, *([sent.playing_now] if sent.playing_now else [])]


def test_every_captured_request_is_understood(test_data: Path) -> None:
    plays: Counter[str] = Counter()
    announced: Counter[str] = Counter()
    for file in sorted((test_data / "captured").glob("*/*.raw")):
        for one in read(captured.read(file)):
            assert isinstance(one, Incoming | Announced), file
            (plays if isinstance(one, Incoming) else announced)[file.parent.name] += 1
    assert plays == PLAYS
    assert announced == ANNOUNCED
