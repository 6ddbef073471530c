"""How many plays a second the service takes over HTTP, each on disk before it is acknowledged."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import history, load, rig
from benchmarks.report import Options, Report, say


def measure(options: Options) -> Report:
    """Ours and the plainest service in turn, so that whatever else the machine does strikes both."""
    number, warm_up = options.size(10_000, 200), options.size(500, 50)
    with rig.workshop() as folder, rig.lastfm(folder) as lastfm:
        ready = rig.signed_in(folder / "ready", lastfm)
        rig.pin(rig.OTHERS)
        ours, plain = [], []
        for run in range(options.times()):
            listener = ready.copy(folder / "run")
            with rig.service(listener, lastfm.url if options.deliver else rig.AWAY) as service:
                ours.append(_posted(number, warm_up, service.port, listener.token))
            with _plain(folder) as port:
                plain.append(_posted(number // 5, warm_up // 5, port, ""))
            say(f"run {run + 1}: {ours[-1].per_second:.0f}/s, plain sqlite3 {plain[-1].per_second:.0f}/s")
    sent_on = "sent on meanwhile at 4 requests/s" if options.deliver else "not sent on: nobody answers for Last.fm"
    return Report(
        "ingest",
        {
            "posts_per_s": [one.per_second for one in ours],
            "p99_ms": [one.p99_ms for one in ours],
            "raw_sqlite_ratio": [one.per_second / other.per_second for one, other in zip(ours, plain, strict=True)],
            "raw_sqlite_posts_per_s": [one.per_second for one in plain],
            "raw_sqlite_p99_ms": [one.p99_ms for one in plain],
        },
        {"clients": load.CLIENTS, "posts": number, "raw_sqlite_posts": number // 5},
        "a bare ASGI application under the same server on the same core, which writes one row with sqlite3 in a worker "
        "thread and commits it alone, with the same journal mode and synchronous=FULL; above 1 ours is faster",
        f"`tonearm serve` on core {rig.MEASURED}, on a new file; {load.CLIENTS} keep-alive connections of one process "
        f"on core {rig.OTHERS}, each sends its next play when the last is acknowledged; all plays differ and are "
        f"answered queued; {sent_on}; {warm_up} plays before the clock runs",
    )


def _posted(number: int, warm_up: int, port: int, token: str) -> load.Answers:
    now = time.time()
    load.post(history.requests(history.made_up(warm_up, now, 1), port, token), port)
    answers = load.post(history.requests(history.made_up(number, now), port, token), port)
    if answers.statuses != {"queued": number}:
        raise RuntimeError(f"not all {number} plays were queued: {dict(answers.statuses)}")
    return answers


@contextmanager
def _plain(folder: Path) -> Iterator[int]:
    port, log = rig.free_port(), folder / "plain.log"
    file = folder / "plain.db"
    file.unlink(missing_ok=True)
    with rig.running([sys.executable, "-m", "benchmarks.plain", str(port), str(file)], rig.MEASURED, log) as process:
        rig.wait_for(port, process, log)
        yield port
