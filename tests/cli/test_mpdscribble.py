"""A real mpdscribble beside a real MPD reports to a real service, which stops and restarts.

mpdscribble counts what it hears by the machine's monotonic clock; here that clock runs forty times as fast for it, so
that it takes a second for half a minute. The time of day, which it reports, is not touched.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.audio import Tags
from tests.cli.shell import Shell
from tests.cli.test_serve import service
from tests.nginx import free_port
from tests.watch.mpd import Mpd, playing

COMPILER = shutil.which("cc") or shutil.which("gcc")
MISSING = [name for name in ("mpd", "mpdscribble") if not shutil.which(name)] + ([] if COMPILER else ["a C compiler"])
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)}")

FASTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *out) {
  static int (*real)(clockid_t, struct timespec *);
  static long long began;
  if (!real) real = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(id, out);
  if (result || id != CLOCK_MONOTONIC) return result;
  long long now = out->tv_sec * 1000000000LL + out->tv_nsec;
  if (!began) began = now;
  now = began + (now - began) * 40;
  out->tv_sec = now / 1000000000LL;
  out->tv_nsec = now % 1000000000LL;
  return 0;
}
"""
LENGTH = 60
HEARD = 1.2
"""Seconds of each song, which mpdscribble takes for 48 of its 60."""

SONGS = [Tags("Nina Simone", f"Song {number}") for number in range(9)]


@contextmanager
def mpdscribble(folder: Path, mpd: Mpd, port: int, secret: str) -> Iterator[None]:
    """mpdscribble, configured as the page says, with a clock that runs faster."""
    source, library, config = folder / "faster.c", folder / "faster.so", folder / "mpdscribble.conf"
    source.write_text(FASTER, encoding="utf-8")
    subprocess.run([str(COMPILER), "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    config.write_text(
        f"host = {mpd.socket}\nlog = {folder}/mpdscribble.log\nverbose = 2\n[tonearm]\nurl = http://127.0.0.1:{port}/\n"
        f"username = me\npassword = {secret}\njournal = {folder}/journal\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    daemon = subprocess.Popen(["mpdscribble", "--no-daemon", "--conf", str(config)], env=environment)
    try:
        yield
    finally:
        daemon.terminate()
        daemon.wait(30)


def stored(shell: Shell) -> list[tuple[str, int, int]]:
    """Titles, starts, and the times that were reported for them, in the order of the songs."""
    with closing(sqlite3.connect(shell.database)) as db:
        return db.execute("SELECT track, timestamp, reported_timestamp FROM play ORDER BY track, id").fetchall()


def until_stored(shell: Shell, number: int, mpd: Mpd) -> None:
    """Wait for that many plays. mpdscribble checks waiting plays when MPD sends an event, if they are due."""
    while len(stored(shell)) < number:
        mpd.control("play 8")
        mpd.control.until_heard(0.05)
        mpd.control("stop")


def test_five_plays_live_and_three_after_an_outage_arrive_once_with_their_starts(shell: Shell, tmp_path: Path) -> None:
    folder, port = tmp_path / "mpd", free_port()
    folder.mkdir()
    secret = shell.facts("player", "add", "MPD", "--kind", "audioscrobbler")["secret"]
    ends: list[float] = []

    def play(number: int, mpd: Mpd) -> None:
        mpd.control(f"play {number}")
        mpd.control.until_heard(HEARD)
        mpd.control("stop")
        ends.append(time.time())

    files = [(song, float(LENGTH)) for song in SONGS[:8]] + [(SONGS[8], 3000.0)]  # the last is never heard long enough
    with (
        playing(folder, files) as mpd,
        service(shell, "--port", str(port)) as (_, out, _),
        mpdscribble(folder, mpd, port, secret),
    ):
        for number in range(5):
            play(number, mpd)
        until_stored(shell, 5, mpd)
        assert out.end() == 0
        for number in range(5, 8):
            play(number, mpd)
        with service(shell, "--port", str(port)) as (_, again, _):
            until_stored(shell, 8, mpd)
            assert again.end() == 0
    assert [title for title, _, _ in stored(shell)] == [song.title for song in SONGS[:8]]
    for (_, start, reported), end in zip(stored(shell), ends, strict=True):
        assert abs(reported - end) <= 3  # mpdscribble sends the end of a play for its start
        assert start == reported - LENGTH
    listed = shell.facts("player", "list")["players"]
    assert "mpdscribble" in listed[0]["program"]
