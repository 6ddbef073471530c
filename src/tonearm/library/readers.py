"""Readers: two processes that read tags, so that no file can use up this one's memory or time."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from tonearm.library.answer import OUT_OF_MEMORY, NotRead, ReadResult, Unfit, from_json

PATIENCE = 30.0
"""Seconds of wall time for one file. Its processor time is limited separately, but a disk may have to spin up first."""

_PROCESSES = 2
_START_PATIENCE = 60.0
_BATCH = 32
_START = "import sys; sys.path += sys.argv[1:]; from tonearm.library.reader import main; main()"
_TOO_LONG = Unfit("damaged: takes too long to read")
_TOO_LARGE = Unfit("damaged: takes too much memory to read")
_CRASHED = Unfit("damaged: the tag reader crashes")
_STOPPED = NotRead("the tag reader was stopped")
_NO_ANSWER = NotRead("the disk isn't responding")


class ReaderFailed(Exception):
    """The process that reads tags does not start."""


class ReaderPool:
    """Reads files in separate processes, which start with the first files and end with the `with` block.

    Raises ImportError if mutagen is not installed.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        if (mutagen := find_spec("mutagen")) is None or mutagen.origin is None:
            raise ImportError("a scan needs mutagen, which is not installed: pip install 'tonearm[library]'")
        folders = [str(Path(file).parents[depth]) for file, depth in ((__file__, 2), (mutagen.origin, 1))]
        self._free: SimpleQueue[_Reader] = SimpleQueue()
        self._readers = [_Reader(folders, patience) for _ in range(_PROCESSES)]
        for reader in self._readers:
            self._free.put(reader)
        self._threads = ThreadPoolExecutor(_PROCESSES, thread_name_prefix="tags")

    def __enter__(self) -> ReaderPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)
        for reader in self._readers:
            reader.stop()

    def read(self, paths: Sequence[str]) -> Iterator[ReadResult]:
        """An answer for each file, in order. Raises ReaderFailed if no process starts."""
        batches = [paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH)]
        return chain.from_iterable(self._threads.map(self._batch, batches))

    def _batch(self, paths: Sequence[str]) -> list[ReadResult]:
        reader = self._free.get()
        try:
            return reader.read(paths)
        finally:
            self._free.put(reader)


class _Reader:
    """One process, and the next one when it has died."""

    def __init__(self, folders: list[str], patience: float) -> None:
        self._folders = folders
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._answered = 0

    def read(self, paths: Sequence[str]) -> list[ReadResult]:
        answers: list[ReadResult] = []
        while len(answers) < len(paths):
            answers += self._read_on(paths[len(answers) :])
        return answers

    def _read_on(self, paths: Sequence[str]) -> Iterator[ReadResult]:
        """The answers up to and including the file on which the process dies, if it does. One path is always sent
        ahead, so that the process doesn't have to wait for the next.
        """
        self._start()
        self._send(paths[0])
        for path in (*paths[1:], None):
            if path is not None:
                self._send(path)
            try:
                line = self._read_line(self._patience)
            except TimeoutError:
                self.stop()
                yield _NO_ANSWER
                return
            if not line:
                if (answer := self._cause_of_death()) is not None:
                    yield answer
                return
            self._answered += 1
            yield from_json(json.loads(line))

    def _start(self) -> None:
        if self._process is not None:
            return
        self._unread, self._answered = b"", 0
        try:
            self._process = subprocess.Popen(  # noqa: S603 (ourselves)
                # -I: nothing is imported from the current folder, which may come from a stranger.
                [sys.executable, "-I", "-c", _START, *self._folders],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # Ctrl-C in a terminal is for us
            )
            ready = self._read_line(_START_PATIENCE)
        except OSError as failure:  # includes TimeoutError
            self.stop()
            raise ReaderFailed(f"the tag reader doesn't start: {failure}") from failure
        if not ready:
            self.stop()
            raise ReaderFailed("the tag reader exits as soon as it starts")

    def _send(self, path: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # its exit is noticed when its answer is read
            self._process.stdin.write(json.dumps(path).encode() + b"\n")

    def _read_line(self, patience: float) -> bytes:
        """The next line, or nothing if the process ended. Raises TimeoutError if it does not answer."""
        assert self._process is not None
        assert self._process.stdout is not None
        answers = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(answers, select.POLLIN)
        while b"\n" not in self._unread:
            if not poll.poll(patience * 1000):
                raise TimeoutError("no response")
            more = os.read(answers, 65536)
            if not more:
                return b""
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _cause_of_death(self) -> ReadResult | None:
        """What the exit of the process says about the file that it read; None if a new process may be able to read
        it.
        """
        assert self._process is not None
        status = self._process.wait()
        self.stop()
        if status == -signal.SIGPROF:
            return _TOO_LONG
        if status == OUT_OF_MEMORY:
            return None if self._answered else _TOO_LARGE
        return _STOPPED if status in (-signal.SIGKILL, -signal.SIGTERM) else _CRASHED

    def stop(self) -> None:
        """End the process, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            with process:  # closes the pipes and waits
                process.kill()
