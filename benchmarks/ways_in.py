"""How many plays a second players report by their own protocols, each on disk before it is acknowledged."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from benchmarks import history, load, rig
from benchmarks.history import Play
from benchmarks.report import Options, Report, say
from tonearm.ingest.audioscrobbler import SUBMISSION_PATH, Client
from tonearm.service.players import PlayerKind

BATCH, BATCH_CLIENTS = 50, 8
_TICKS = os.sysconf("SC_CLK_TCK")

AS12 = Client("mpc", "0.31", "1.2").to_text()
LASTFM20 = "2.0"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What each way in lets a player in by."""

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
    """What one series of requests took: plays a second, and seconds of processor time for a play."""

    plays_per_s: float
    cpu_s: float


def measure(options: Options) -> Report:
    """Every way in turn and the stub beside them, so that whatever else the machine does strikes all."""
    batched, single, warm_up = options.size(20_000, 400), options.size(5_000, 64), options.size(500, 50)
    spreads: dict[str, list[float]] = defaultdict(list)
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm:
        ready, secrets = _with_players(folder / "ready", lastfm)
        rig.pin(rig.OTHERS)
        for _ in range(options.times()):
            singles: dict[str, Run] = {}
            for name, way in {"own": _own, **WAYS}.items():
                if name != "own":
                    run = _posted(ready, folder, secrets, way, batched, BATCH, BATCH_CLIENTS, warm_up)
                    spreads[f"{name}_plays_per_s"].append(run.plays_per_s)
                singles[name] = _posted(ready, folder, secrets, way, single, 1, load.CLIENTS, warm_up)
            with _stub(folder) as port:
                requests = _requests(_listenbrainz, secrets, batched, BATCH, 0)
                answers = load.post(requests, port, BATCH_CLIENTS)
                spreads["stub_plays_per_s"].append(batched / answers.seconds)
            _compare(singles, spreads)
            say(f"a run: {', '.join(f'{name} {values[-1]:.4g}' for name, values in spreads.items())}")
    return Report(
        "ways-in",
        dict(spreads),
        {"plays": batched, "batch": BATCH, "batch_clients": BATCH_CLIENTS, "single_plays": single},
        "stub: a bare ASGI application under uvicorn on the same core, which reads the same ListenBrainz requests and "
        "keeps nothing; single_ratio and cpu_ratio: `POST /lastfm/scrobble` of the same run, the worst of the three",
        f"`tonearm serve` on core {rig.MEASURED}, on a new file for each series; keep-alive connections of one process "
        f"on core {rig.OTHERS}: {BATCH_CLIENTS} with {BATCH} plays a request, and {load.CLIENTS} with one; all plays "
        "differ, and all were counted in the database afterwards; *_cpu_ratio: the processor time of the service for a "
        "play, with one a request",
    )


def _compare(singles: dict[str, Run], spreads: dict[str, list[float]]) -> None:
    own = singles["own"]
    spreads["own_single_plays_per_s"].append(own.plays_per_s)
    for name in WAYS:
        spreads[f"{name}_single_ratio"].append(singles[name].plays_per_s / own.plays_per_s)
        spreads[f"{name}_cpu_ratio"].append(singles[name].cpu_s / own.cpu_s if own.cpu_s else 1.0)
    spreads["single_ratio"].append(min(spreads[f"{name}_single_ratio"][-1] for name in WAYS))
    spreads["cpu_ratio"].append(max(spreads[f"{name}_cpu_ratio"][-1] for name in WAYS))


def _posted(
    ready: rig.Listener,
    folder: Path,
    secrets: Secrets,
    way: Batch,
    number: int,
    batch: int,
    clients: int,
    warm_up: int,
) -> Run:
    listener = ready.copy(folder / "run")
    with rig.service(listener, rig.AWAY) as service:
        load.post(_requests(way, secrets, warm_up, batch, 1), service.port, clients)
        before = _processor_time(service.process.pid)
        answers = load.post(_requests(way, secrets, number, batch, 0), service.port, clients)
        used = _processor_time(service.process.pid) - before
        refused = {status for status in answers.statuses if status.startswith("HTTP")}
    with closing(sqlite3.connect(listener.database)) as db:
        kept = db.execute("SELECT count(*) FROM play").fetchone()[0]
    if refused or kept != number + warm_up:
        raise RuntimeError(f"{kept} of {number + warm_up} plays were kept {refused}")
    return Run(number / answers.seconds, used / number)


def _requests(way: Batch, secrets: Secrets, number: int, batch: int, series: int) -> list[bytes]:
    plays = list(history.made_up(number, time.time(), series))
    return [way(plays[start : start + batch], secrets) for start in range(0, number, batch)]


def _processor_time(process: int) -> float:
    """Seconds that a process has used: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""
    stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / _TICKS


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
