"""A shell with a home of its own: commands run in this process, or as the processes that they are."""

from __future__ import annotations

import gc
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

import click
from click.testing import CliRunner, Result

from tests.patience import PATIENCE
from tonearm.cli import tonearm


@dataclass(frozen=True)
class Said:
    """What a process said, line by line; `until` waits for a line."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    _new: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)

    def listen(self, stream: IO[str]) -> None:
        """Read lines until there are no more."""
        for line in stream:
            self._new.put(line.rstrip("\n"))
        self._new.put(None)

    def until(self, part: str) -> str:
        """The first new line that holds these words."""
        while True:
            line = self._new.get(timeout=PATIENCE)
            if line is None:
                raise AssertionError(f"ended without saying {part!r}: {self.lines}")
            self.lines.append(line)
            if part in line:
                return line

    def rest(self) -> list[str]:
        """The lines that were not waited for, once the process has ended."""
        left = list(iter(partial(self._new.get, timeout=PATIENCE), None))
        self.lines.extend(left)
        return left

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def every_command(command: click.Command = tonearm, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command without subcommands, by its words."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from every_command(below, *path, name)


@dataclass(frozen=True)
class Shell:
    """Commands with these variables and no other settings, in a folder of their own."""

    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a process started here finds."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("TONEARM_", "LASTFM_"))}
        home = {
            "HOME": str(self.home),
            "XDG_DATA_HOME": "",
            "XDG_CONFIG_HOME": "",
            "DISPLAY": "",
            "WAYLAND_DISPLAY": "",
        }
        return {**kept, **home, **self.variables}

    @property
    def database(self) -> Path:
        """The database of these commands."""
        return Path(self.variables["TONEARM_DATABASE"])

    def __call__(self, *words: str) -> Result:
        """Run a command in this process, which still collects garbage after it."""
        absent = {n: None for n in os.environ if n.startswith(("TONEARM_", "LASTFM_"))}
        result = CliRunner().invoke(tonearm, list(words), env={**absent, **self.environment}, prog_name="tonearm")
        assert gc.isenabled()
        return result

    def facts(self, *words: str) -> dict[str, Any]:
        """The JSON object that a command answers with `--json`."""
        result = self(*words, "--json")
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def process(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a process, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "tonearm", *words],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    @contextmanager
    def running(self, *words: str) -> Iterator[tuple[Said, Said]]:
        """A command as a running process, with its output on stdout and stderr."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tonearm", *words],
            cwd=self.home,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert process.stderr
        both = Said(process), Said(process)
        readers = [
            threading.Thread(target=said.listen, args=(stream,))
            for said, stream in zip(both, (process.stdout, process.stderr), strict=True)
        ]
        for reader in readers:
            reader.start()
        try:
            yield both
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE)
            for reader in readers:
                reader.join()
            process.stdout.close()
            process.stderr.close()
