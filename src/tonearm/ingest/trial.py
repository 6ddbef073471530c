"""A player's requests as it would send them, to test whether they arrive: for each protocol, those for one play.

Nothing is sent here. A trial is a generator: it yields the requests one by one, receives the answers, and returns what
is wrong ("" if nothing is).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any
from urllib.parse import urlencode, urlsplit

from tonearm.core.play import Track
from tonearm.version import __version__

LENGTH = 240
"""Seconds of the play that is reported: it has just ended."""

THEIR_USER = "tonearm test"
"""The media server's user who plays it."""

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_REDIRECTS = (301, 302, 303, 307, 308)
_LOGIN = (401, 403, 407)
_GATEWAY = (502, 503, 504)
_TICKS = 10_000_000


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """A request to send, without following redirects."""

    method: str
    url: str
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class TrialAnswer:
    """The answer. `trouble` says why there is none: then the status is 0."""

    status: int
    body: bytes = b""
    content_type: str = ""
    location: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial of a player, at the address that it has configured, at `now` (Unix seconds)."""

    address: str
    secret: str = field(repr=False)
    user: str
    track: Track
    now: float

    @property
    def base(self) -> str:
        """The address without a slash at its end."""
        return self.address.rstrip("/")

    @property
    def start(self) -> int:
        """When the play began."""
        return int(self.now) - LENGTH


TrialSteps = Generator[TrialRequest, TrialAnswer, str]


def steps(kind: str, trial: Trial) -> TrialSteps:
    """The requests of a kind of player."""
    return _KINDS[kind](trial)


def _listenbrainz(trial: Trial) -> TrialSteps:
    token = {"Authorization": f"Token {trial.secret}"}
    asks = TrialRequest("GET", f"{trial.base}/1/validate-token", headers=token)
    answer = yield asks
    found = _document(answer)
    if answer.status != 200 or "valid" not in found:
        return _elsewhere(asks, answer, "ListenBrainz")
    if not found["valid"]:
        return _UNKNOWN
    listen = {
        "listened_at": trial.start,
        "track_metadata": {
            "artist_name": trial.track.artist,
            "track_name": trial.track.title,
            "additional_info": {"duration_ms": LENGTH * 1000, "submission_client": "tonearm"},
        },
    }
    body = {"listen_type": "single", "payload": [listen]}
    return (yield from _posted(f"{trial.base}/1/submit-listens", json.dumps(body), _JSON, "ListenBrainz", token))


def _audioscrobbler(trial: Trial) -> TrialSteps:
    asks = _handshake(trial)
    answer = yield asks
    lines = answer.body.decode("utf-8", "replace").splitlines()
    match lines[:1]:
        case ["OK"] if len(lines) > 3 and answer.status == 200:
            pass
        case ["BADAUTH"]:
            return _UNKNOWN
        case ["BADTIME"]:
            return "its clock and this machine's differ by more than 5 minutes"
        case [word] if word.startswith("FAILED"):
            return f"it answers: {word}"
        case _:
            return _elsewhere(asks, answer, "Audioscrobbler")
    sends = _submission(trial, session=lines[1], address=lines[3])
    answer = yield sends
    if answer.body.startswith(b"OK"):
        return ""
    said = answer.body.decode("utf-8", "replace").partition("\n")[0]
    if answer.status == 200 and said.startswith(("FAILED", "BADSESSION")):
        return f"it answers a play with {said}"
    return f"{_elsewhere(sends, answer, 'Audioscrobbler')}. {_named_by_handshake(trial)}"


def _handshake(trial: Trial) -> TrialRequest:
    at = str(int(trial.now))
    query = {
        "hs": "true",
        "p": "1.2.1",
        "c": "tst",
        "v": __version__,
        "u": trial.user,
        "t": at,
        "a": _md5(_md5(trial.secret) + at),
    }
    return TrialRequest("GET", f"{trial.base}/?{urlencode(query)}")


def _submission(trial: Trial, session: str, address: str) -> TrialRequest:
    play = {
        "s": session,
        "a[0]": trial.track.artist,
        "t[0]": trial.track.title,
        "i[0]": trial.start,
        "o[0]": "P",
        "r[0]": "",
        "l[0]": LENGTH,
        "b[0]": "",
        "n[0]": "",
        "m[0]": "",
    }
    return TrialRequest("POST", address, urlencode(play).encode(), {"Content-Type": _FORM})


def _named_by_handshake(trial: Trial) -> str:
    return f"Players send plays there because {trial.base}/ names it: set TONEARM_PUBLIC_URL to the address they use"


def _lastfm(trial: Trial) -> TrialSteps:
    url = trial.address
    auth = _md5(trial.user + _md5(trial.secret))
    form = {"method": "auth.getMobileSession", "username": trial.user, "authToken": auth, "format": "json"}
    asks = TrialRequest("POST", url, urlencode(form).encode(), {"Content-Type": _FORM})
    answer = yield asks
    found = _document(answer)
    if found.get("error") == 4:
        return _UNKNOWN
    session = found.get("session")
    if not isinstance(session, dict):
        return _message_of(found, "message") or _elsewhere(asks, answer, "Last.fm 2.0")
    play = {
        "method": "track.scrobble",
        "sk": session.get("key"),
        "artist": trial.track.artist,
        "track": trial.track.title,
        "timestamp": trial.start,
        "duration": LENGTH,
        "format": "json",
    }
    answer = yield TrialRequest("POST", url, urlencode(play).encode(), {"Content-Type": _FORM})
    found = _document(answer)
    return "" if "scrobbles" in found else _message_of(found, "message") or _elsewhere(asks, answer, "Last.fm 2.0")


def _maloja(trial: Trial) -> TrialSteps:
    play = {
        "artist": trial.track.artist,
        "title": trial.track.title,
        "time": trial.start,
        "length": LENGTH,
        "key": trial.secret,
    }
    return (yield from _posted(trial.address, json.dumps(play), _JSON, "Maloja"))


def _webscrobbler(trial: Trial) -> TrialSteps:
    song = {
        "processed": {"artist": trial.track.artist, "track": trial.track.title, "duration": LENGTH},
        "metadata": {"startTimestamp": trial.start},
    }
    event = {"eventName": "scrobble", "time": int(trial.now * 1000), "data": {"song": song, "songs": [song]}}
    return (yield from _posted(trial.address, json.dumps(event), _JSON, "this webhook"))


def _jellyfin(trial: Trial) -> TrialSteps:
    notice = {
        "NotificationType": "PlaybackStop",
        "NotificationUsername": THEIR_USER,
        "ItemType": "Audio",
        "ItemId": "tonearm",
        "DeviceId": "tonearm",
        "ClientName": "tonearm",
        "Artist": trial.track.artist,
        "Name": trial.track.title,
        "RunTimeTicks": LENGTH * _TICKS,
        "PlaybackPositionTicks": LENGTH * _TICKS,
    }
    return (yield from _posted(trial.address, json.dumps(notice), _JSON, "this webhook"))


def _plex(trial: Trial) -> TrialSteps:
    event = {
        "event": "media.stop",
        "Account": {"title": THEIR_USER},
        "Player": {"uuid": "tonearm", "title": "tonearm"},
        "Metadata": {
            "type": "track",
            "librarySectionType": "artist",
            "ratingKey": "tonearm",
            "grandparentTitle": trial.track.artist,
            "title": trial.track.title,
            "duration": LENGTH * 1000,
            "viewOffset": LENGTH * 1000,
        },
    }
    part = f'Content-Disposition: form-data; name="payload"\r\n\r\n{json.dumps(event)}\r\n'
    body = f"--tonearm\r\n{part}--tonearm--\r\n"
    return (yield from _posted(trial.address, body, "multipart/form-data; boundary=tonearm", "this webhook"))


def _tautulli(trial: Trial) -> TrialSteps:
    notice = {
        "action": "stop",
        "user": THEIR_USER,
        "media_type": "track",
        "artist": trial.track.artist,
        "title": trial.track.title,
        "duration": str(LENGTH),
        "position": str(LENGTH),
        "started": str(trial.start),
        "sent": str(int(trial.now)),
        "player": "tonearm",
        "session": "tonearm",
    }
    return (yield from _posted(trial.address, json.dumps(notice), _JSON, "this webhook"))


_KINDS: Mapping[str, Callable[[Trial], TrialSteps]] = {
    "listenbrainz": _listenbrainz,
    "audioscrobbler": _audioscrobbler,
    "lastfm": _lastfm,
    "maloja": _maloja,
    "webscrobbler": _webscrobbler,
    "jellyfin": _jellyfin,
    "plex": _plex,
    "tautulli": _tautulli,
}


def _posted(
    url: str, body: str, content_type: str, protocol: str, headers: Mapping[str, str] | None = None
) -> TrialSteps:
    """The steps for one play in one request that is answered with JSON."""
    sends = TrialRequest("POST", url, body.encode(), {"Content-Type": content_type, **(headers or {})})
    answer = yield sends
    found = _document(answer)
    if answer.status == 200 and "status" in found:
        return ""
    said = _message_of(found, "error")
    if answer.status in (403, 404) and "error" in found:  # how Maloja and webhooks reject a secret
        return _UNKNOWN
    return f"it answers a play with {answer.status}: {said}" if said else _elsewhere(sends, answer, protocol)


_UNKNOWN = "the service there doesn't know this player: it uses another database, or isn't the service you mean"


def _elsewhere(request: TrialRequest, answer: TrialAnswer, protocol: str) -> str:
    """What is wrong with an answer that doesn't come from this service."""
    url = _shown(request.url)
    if not answer.status:
        return f"nothing answers at {url} ({answer.trouble}): is the service running, and is this its address?"
    if answer.status in _REDIRECTS:
        to = _shown(answer.location) or "another address"
        return f"{url} redirects to {to}, and players do not follow: give them that address"
    if answer.status in _LOGIN:
        return f"{url} answers {answer.status}: a proxy asks for a login there: exempt the players' addresses from it"
    if answer.status in _GATEWAY:
        return f"{url} answers {answer.status}: a proxy answers there, but can't reach the service"
    if answer.status == 404:
        return f"{url} is not found: a proxy doesn't forward this path, or changes it"
    html = "html" in answer.content_type.lower()
    what = "a web page" if html else f"HTTP {answer.status}, and not as {protocol} does"
    return f"{url} answers with {what}: something else is there, or a proxy doesn't forward this path"


def _shown(url: str) -> str:
    """An address for people: without its query, and without a webhook's secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    path = parts.path
    if "/webhook/" in path:
        head, _, rest = path.partition("/webhook/")
        path = f"{head}/webhook/{rest.partition('/')[0]}/…"
    return f"{parts.scheme}://{parts.netloc}{path}" if parts.netloc else path


def _document(answer: TrialAnswer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _message_of(document: Mapping[str, Any], name: str) -> str:
    found = document.get(name)
    return found if isinstance(found, str) else ""


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
