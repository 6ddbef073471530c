"""A real Music Player Daemon that plays without output."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.audio import Tags, flac
from tests.patience import LOOK, pause

TIMEOUT = 30.0
installed = shutil.which("mpd") is not None
WHY_NOT = "mpd is not on this machine"

_CONFIG = """
music_directory "{folder}/music"
playlist_directory "{folder}"
db_file "{folder}/mpd.db"
log_file "{folder}/mpd.log"
bind_to_address "{socket}"
restore_paused "no"
auto_update "no"
zeroconf_enabled "no"
audio_output {{
  type "null"
  name "nobody"
}}
"""


class Control:
    """A connection that controls MPD."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self._lines.readline()

    def __call__(self, command: str) -> list[str]:
        """Give a command; the lines that it is answered with."""
        self._socket.sendall(f"{command}\n".encode())
        answer: list[str] = []
        while (line := self._lines.readline().rstrip("\n")) != "OK":
            assert line, f"MPD closed the connection on {command}"
            assert not line.startswith("ACK"), line
            answer.append(line)
        return answer

    def until(self, fact: str) -> None:
        """Wait until MPD's status has this line."""
        while fact not in self("status"):
            self("idle")

    def until_heard(self, seconds: float) -> None:
        """Wait until so much of a track has been played."""
        while (left := seconds - self.elapsed()) > 0:
            time.sleep(max(left, LOOK))

    def elapsed(self) -> float:
        """Where the track is, in seconds."""
        facts = dict(line.split(": ", 1) for line in self("status"))
        return float(facts.get("elapsed", 0))

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


class Mpd:
    """A daemon at a socket, and a connection that controls it."""

    def __init__(self, folder: Path, place: Path) -> None:
        self.socket = place
        self._config = folder / "mpd.conf"
        self._config.write_text(_CONFIG.format(folder=folder, socket=place), encoding="utf-8")
        self._environment = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._daemon = subprocess.Popen(
            ["mpd", "--no-daemon", str(self._config)], env=self._environment, stderr=subprocess.DEVNULL
        )
        while self._daemon.poll() is None:
            with socket.socket(socket.AF_UNIX) as attempt:
                if self.socket.exists() and attempt.connect_ex(str(self.socket)) == 0:
                    self.control = Control(self.socket)
                    return
            pause()
        raise AssertionError("mpd ended by itself: see mpd.log in the folder of the test")

    def stop(self) -> None:
        """End it."""
        self.control.close()
        self._daemon.send_signal(signal.SIGTERM)
        self._daemon.wait(TIMEOUT)


@contextmanager
def playing(folder: Path, files: Sequence[tuple[Tags, float]]) -> Iterator[Mpd]:
    """An MPD with these silent files (tags, and seconds that they last) in its queue."""
    music = folder / "music"
    music.mkdir(exist_ok=True)
    for number, (tags, seconds) in enumerate(files):
        (music / f"{number}.flac").write_bytes(flac(tags, seconds))
    with tempfile.TemporaryDirectory(prefix="mpd") as short:  # the path of a socket may not be long
        mpd = Mpd(folder, Path(short) / "socket")
        try:
            mpd.control("update")
            while any(line.startswith("updating_db") for line in mpd.control("status")):
                mpd.control("idle update")
            for number in range(len(files)):
                mpd.control(f'add "{number}.flac"')
            yield mpd
        finally:
            mpd.stop()
