"""How many plays a second players report by their own protocols, each on disk before it is acknowledged."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from benchmarks import history, load, processor, rig
from benchmarks.history import Play
from benchmarks.report import Options, Report, say
from tonearm.ingest.audioscrobbler import SUBMISSION_PATH, Client
from tonearm.service.players import PlayerKind

BATCH, BATCH_CLIENTS = 50, 8

SLICES = 12
"""Turns that a protocol and `POST /lastfm/scrobble` take alternately, one play a request."""

AS12 = Client("mpc", "0.31", "1.2").to_text()
LASTFM20 = "2.0"


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secret for each protocol."""

    token: str
    listenbrainz: str
    as12: str
    lastfm20: str


Batch = Callable[[Sequence[Play], Secrets], bytes]
"""The plays as one request without its Host."""


def _request(path: str, body: bytes, *headers: str) -> bytes:
    head = "\r\n".join((f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"User-Agent: {history.PLAYER}", *headers))
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _form(path: str, fields: dict[str, object]) -> bytes:
    return _request(path, urlencode(fields).encode(), "Content-Type: application/x-www-form-urlencoded")


def _own(plays: Sequence[Play], secrets: Secrets) -> bytes:
    body = json.dumps(plays[0]).encode()
    return _request(
        "/lastfm/scrobble", body, f"Authorization: Bearer {secrets.token}", "Content-Type: application/json"
    )


def _listenbrainz(plays: Sequence[Play], secrets: Secrets) -> bytes:
    listens = [
        {
            "listened_at": play["timestamp"],
            "track_metadata": {
                "artist_name": play["artist"],
                "track_name": play["track"],
                "release_name": play["album"],
                "additional_info": {
                    "duration_ms": round(play["duration"] * 1000),
                    "release_artist_name": play["album_artist"],
                    "tracknumber": play["track_number"],
                },
            },
        }
        for play in plays
    ]
    kind = "single" if len(plays) == 1 else "import"
    body = json.dumps({"listen_type": kind, "payload": listens}).encode()
    token = f"Authorization: Token {secrets.listenbrainz}"
    return _request("/1/submit-listens", body, token, "Content-Type: application/json")


def _as12(plays: Sequence[Play], secrets: Secrets) -> bytes:
    fields: dict[str, object] = {"s": secrets.as12}
    for n, play in enumerate(plays):
        values = {
            "a": play["artist"],
            "t": play["track"],
            "i": play["timestamp"],
            "o": "P",
            "r": "",
            "l": round(play["duration"]),
            "b": play["album"],
            "n": play["track_number"],
            "m": "",
        }
        fields.update({f"{name}[{n}]": value for name, value in values.items()})
    return _form(SUBMISSION_PATH, fields)


def _lastfm20(plays: Sequence[Play], secrets: Secrets) -> bytes:
    fields: dict[str, object] = {"method": "track.scrobble", "api_key": "0" * 32, "sk": secrets.lastfm20}
    for n, play in enumerate(plays):
        values = {
            "artist": play["artist"],
            "track": play["track"],
            "timestamp": play["timestamp"],
            "album": play["album"],
            "albumArtist": play["album_artist"],
            "duration": round(play["duration"]),
            "trackNumber": play["track_number"],
        }
        fields.update({f"{name}[{n}]": value for name, value in values.items()})
    return _form("/2.0/", {**fields, "api_sig": "0" * 32})


WAYS: dict[str, Batch] = {"listenbrainz": _listenbrainz, "as12": _as12, "lastfm20": _lastfm20}


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a series of requests: plays a second, and seconds of processor time for a play."""

    plays_per_s: float
    cpu_s: float


def measure(options: Options) -> Report:
    """Every protocol in turn and the stub beside them, so that other load on the machine affects all of them."""
    batched, single, warm_up = options.size(20_000, 100), options.size(6_000, 24), options.size(500, 10)
    spreads: dict[str, list[float]] = defaultdict(list)
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm:
        ready, secrets = _with_players(folder / "ready", lastfm)
        rig.pin(rig.OTHERS)
        for _ in range(options.times()):
            for name, way in WAYS.items():
                run = _batches(ready.copy(folder / "run"), secrets, way, batched, warm_up)
                spreads[f"{name}_plays_per_s"].append(run.plays_per_s)
                spreads[f"{name}_cpu_us"].append(run.cpu_s * 1e6)
                for figure, ratio in _singles(ready, folder, secrets, way, single, warm_up).items():
                    spreads[f"{name}_{figure}"].append(ratio)
            with _stub(folder) as port:
                requests = _requests(_listenbrainz, secrets, batched, BATCH, 0)
                answers = load.post(requests, port, BATCH_CLIENTS)
                spreads["stub_plays_per_s"].append(batched / answers.seconds)
            spreads["single_ratio"].append(min(spreads[f"{name}_single_ratio"][-1] for name in WAYS))
            spreads["cpu_ratio"].append(max(spreads[f"{name}_cpu_ratio"][-1] for name in WAYS))
            say(f"a run: {', '.join(f'{name} {values[-1]:.4g}' for name, values in spreads.items())}")
    return Report(
        "ways-in",
        dict(spreads),
        {"plays": batched, "batch": BATCH, "batch_clients": BATCH_CLIENTS, "single_plays": single, "slices": SLICES},
        "stub: a bare ASGI application under uvicorn on the same core, which reads the same ListenBrainz requests and "
        "keeps nothing; single_ratio and cpu_ratio: `POST /lastfm/scrobble` in turns with the way, the worst of the "
        "three",
        f"`tonearm serve` on core {rig.MEASURED}, on a new file for each series; keep-alive connections of one process "
        f"on core {rig.OTHERS}: {BATCH_CLIENTS} with {BATCH} plays a request, and {load.CLIENTS} with one; all plays "
        "differ, and all were counted in the database afterwards; *_cpu_us: processor time of the service for a play "
        "in batches; *_single_ratio and *_cpu_ratio: plays a second, and processor time of a play, with one a request, "
        f"over those of `POST /lastfm/scrobble`, the median of {SLICES} turns of two services on one core",
    )


def _batches(listener: rig.Listener, secrets: Secrets, way: Batch, number: int, warm_up: int) -> Run:
    with rig.service(listener, rig.AWAY) as service:
        load.post(_requests(way, secrets, warm_up, BATCH, 1), service.port, BATCH_CLIENTS)
        run = _run(service, _requests(way, secrets, number, BATCH, 0), number, BATCH_CLIENTS)
    _check(listener, number + warm_up)
    return run


def _singles(
    ready: rig.Listener, folder: Path, secrets: Secrets, way: Batch, number: int, warm_up: int
) -> dict[str, float]:
    """A protocol compared with our own endpoint, in alternating turns: the machine's speed changes from turn to
    turn.
    """
    ways = {"way": way, "own": _own}
    listeners = {name: ready.copy(folder / name) for name in ways}
    each = number // SLICES
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    with rig.service(listeners["way"], rig.AWAY) as first, rig.service(listeners["own"], rig.AWAY) as second:
        services = {"way": first, "own": second}
        requests = {name: _requests(ways[name], secrets, each * SLICES, 1, 0) for name in ways}
        for name, service in services.items():
            load.post(_requests(ways[name], secrets, warm_up, 1, 1), service.port)
        for turn in range(SLICES):
            for name in sorted(ways, reverse=bool(turn % 2)):
                part = requests[name][turn * each : (turn + 1) * each]
                runs[name].append(_run(services[name], part, each, load.CLIENTS))
    for listener in listeners.values():
        _check(listener, each * SLICES + warm_up)
    pairs = list(zip(runs["way"], runs["own"], strict=True))
    return {
        "single_plays_per_s": statistics.median(run.plays_per_s for run in runs["way"]),
        "own_single_plays_per_s": statistics.median(run.plays_per_s for run in runs["own"]),
        "single_ratio": statistics.median(run.plays_per_s / own.plays_per_s for run, own in pairs),
        "cpu_ratio": statistics.median(run.cpu_s / own.cpu_s for run, own in pairs),
    }


def _run(service: rig.Service, requests: Sequence[bytes], plays: int, clients: int) -> Run:
    before = processor.seconds_of(service.process.pid)
    answers = load.post(requests, service.port, clients)
    used = processor.seconds_of(service.process.pid) - before
    if refused := {status for status in answers.statuses if status.startswith("HTTP")}:
        raise RuntimeError(f"answered with {refused}")
    return Run(plays / answers.seconds, used / plays)


def _check(listener: rig.Listener, number: int) -> None:
    with closing(sqlite3.connect(listener.database)) as db:
        stored = db.execute("SELECT count(*) FROM play").fetchone()[0]
    if stored != number:
        raise RuntimeError(f"{stored} of {number} plays were kept")


def _requests(way: Batch, secrets: Secrets, number: int, batch: int, series: int) -> list[bytes]:
    plays = list(history.made_up(number, time.time(), series))
    return [way(plays[start : start + batch], secrets) for start in range(0, number, batch)]


def _with_players(folder: Path, lastfm: rig.LastFm) -> tuple[rig.Listener, Secrets]:
    listener = rig.signed_in(folder, lastfm)
    return listener, asyncio.run(_add_players(listener, lastfm))


async def _add_players(listener: rig.Listener, lastfm: rig.LastFm) -> Secrets:
    async with rig.deck_on(listener.database, lastfm.url, deliver=False) as deck:
        me = await deck.listener()
        by_token = await deck.players.add(me.id, "ListenBrainz", PlayerKind.LISTENBRAINZ)
        old = await deck.players.add(me.id, "Audioscrobbler", PlayerKind.AUDIOSCROBBLER)
        new = await deck.players.add(me.id, "Last.fm", PlayerKind.LASTFM)
        as12 = await deck.players.new_session(old.player, AS12)
        lastfm20 = await deck.players.new_session(new.player, LASTFM20)
        return Secrets(listener.token, by_token.secret, as12, lastfm20)


@contextmanager
def _stub(folder: Path) -> Iterator[int]:
    port, log = rig.free_port(), folder / "stub.log"
    with rig.running([sys.executable, "-m", "benchmarks.bare", str(port)], rig.MEASURED, log) as process:
        rig.wait_for(port, process, log)
        yield port
