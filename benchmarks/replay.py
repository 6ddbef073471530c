"""A real history of ten years through HTTP to the emulator: is every play there once, and nothing else?"""

from __future__ import annotations

import time
import unicodedata
from collections import Counter
from collections.abc import Iterable

import httpx2

from benchmarks import history, load, rig
from benchmarks.report import Options, Report, say
from benchmarks.start import drained

FILTERED = "[unknown]"
"""The only artist in that history that Last.fm's filter ignores today."""

ALONE = 10
"""One play in this many is posted alone, the others a thousand at a time."""

MAX_PLAYS = 1000
STRETCH = 1000
_DRAINED_WITHIN = 600.0

Key = tuple[str, str, int]


def measure(options: Options) -> Report:
    """Once, unless requested otherwise: what counts is that nothing is lost and nothing doubled."""
    now = time.time()
    plays = history.real(now)
    plays = some(plays, options.plays or options.size(len(plays), 300))
    played = {key_of(play) for play in plays}
    filtered = {key for key in played if key[0] == FILTERED}
    wanted = played - filtered
    posted, whole = [], []
    with rig.workshop() as folder:
        rig.pin(rig.OTHERS)
        for run in range(options.times(1)):
            with rig.lastfm(folder) as lastfm:
                listener = rig.signed_in(folder / f"run{run}", lastfm)
                with rig.service(listener, lastfm.url, per_second=0) as service:
                    in_seconds, all_seconds = _replayed(plays, service, listener.token)
                found = _on_lastfm(lastfm, len(filtered))
            _compare(wanted, found)
            posted.append(len(plays) / in_seconds)
            whole.append(all_seconds)
            say(f"run {run + 1}: {all_seconds:.1f} s, every play once")
    return Report(
        "replay",
        {
            "seconds": whole,
            "plays_per_s": [len(plays) / seconds for seconds in whole],
            "posts_per_s": posted,
        },
        {
            "plays": len(plays),
            "distinct": len(played),
            "filtered_by_lastfm": len(filtered),
            "lost": 0,
            "doubled": 0,
            "unexplained": 0,
        },
        "the file itself: every distinct (artist, track, timestamp) is on Last.fm once, and nothing else is; save "
        f"those of {FILTERED!r}, whom Last.fm's filter ignores",
        "seconds from the first play posted until the last is on Last.fm; re-stamped into the last 13 days in order; "
        f"a tenth posted one by one by {load.CLIENTS} clients, the others a thousand at a time; `tonearm serve` on "
        f"core {rig.MEASURED}, the clients and the emulator on core {rig.OTHERS}; no limit of requests a second",
    )


def some(plays: list[history.Play], number: int) -> list[history.Play]:
    """That many plays from all of the years, in stretches: what follows a play matters, too."""
    share = len(plays) // number
    return [play for n, play in enumerate(plays) if n // STRETCH % share == 0][:number]


def _replayed(plays: list[history.Play], service: rig.Service, token: str) -> tuple[float, float]:
    """Seconds until all are acknowledged, and until all are on Last.fm."""
    alone = len(plays) // ALONE
    requests = history.requests(plays[:alone], service.port, token)
    start = time.perf_counter()
    statuses = load.post(requests, service.port).statuses + _together(plays[alone:], service.port, token)
    acknowledged = time.perf_counter() - start
    assert statuses.keys() <= {"queued", "duplicate"}, statuses
    assert statuses.total() == len(plays)
    drained(service, token, _DRAINED_WITHIN)
    return acknowledged, time.perf_counter() - start


def _together(plays: list[history.Play], port: int, token: str) -> Counter[str]:
    """The results of plays that are posted a thousand at a time."""
    statuses: Counter[str] = Counter()
    player = {"User-Agent": history.PLAYER}  # another one would be a second reporter of overlapping plays
    with httpx2.Client(headers={"Authorization": f"Bearer {token}", **player}, timeout=60) as http:
        for start in range(0, len(plays), MAX_PLAYS):
            batch = {"plays": plays[start : start + MAX_PLAYS]}
            answer = http.post(f"http://127.0.0.1:{port}/lastfm/scrobbles", json=batch)
            statuses.update(told["status"] for told in answer.raise_for_status().json()["plays"])
    return statuses


def key_of(play: history.Play) -> Key:
    """The identity of a play, with names as tonearm promises to send them: NFC, single blanks, no control
    characters.
    """
    return _plain(play["artist"]), _plain(play["track"]), play["timestamp"]


def _plain(name: str) -> str:
    printable = "".join(letter for letter in name if unicodedata.category(letter) != "Cc")
    return " ".join(unicodedata.normalize("NFC", printable).split())


def _on_lastfm(lastfm: rig.LastFm, ignored: int) -> Counter[Key]:
    """The plays that the emulator has; it has ignored `ignored` others."""
    state = httpx2.get(f"{lastfm.base_url}/_state", params={"plays": 10_000_000, "log": 0}, timeout=120).json()
    assert state["users"][rig.LASTFM_USER]["ignored"] == ignored, state["users"]
    return Counter((p["sent_artist"], p["sent_track"], p["timestamp"]) for p in state["plays"][rig.LASTFM_USER])


def _compare(wanted: Iterable[Key], found: Counter[Key]) -> None:
    wanted = set(wanted)
    lost, strange = wanted - found.keys(), found.keys() - wanted
    doubled = [key for key, times in found.items() if times > 1]
    wrong = [*lost, *strange, *doubled]
    assert not wrong, f"{len(lost)} lost, {len(strange)} that nobody played, {len(doubled)} doubled: {wrong[:5]}"
