"""The process that reads tags: it receives paths and answers with the files' tags, line by line, as JSON.

It is a separate process because files come from strangers: a file costs at most LONGEST seconds of processor time and
MORE_MEMORY bytes, and any failure stays here. `library.readers` starts it and interprets its exit.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import BinaryIO

from tonearm.library.answer import OUT_OF_MEMORY, NotRead, ReadResult, to_json
from tonearm.library.tags import read_tags

LONGEST = 2.0
"""Seconds of processor time for one file. The system ends the process then, with SIGPROF."""

MORE_MEMORY = 64 * 2**20
"""Bytes that the process may use beyond what it has when it starts. Only Linux says how much that is."""


def main() -> None:
    """Answer until standard input ends. The first line says that the process is ready."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is not an answer
    read_tags(os.devnull)  # everything that is needed is in memory before that is limited
    gc.freeze()
    _limit_memory()
    _send(answers, NotRead("ready"))
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_PROF, LONGEST)
        try:
            answer = _read(json.loads(line))
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _send(answers, answer)


def _send(answers: BinaryIO, answer: ReadResult) -> None:
    answers.write(json.dumps(to_json(answer)).encode() + b"\n")
    answers.flush()


def _read(path: str) -> ReadResult:
    try:
        return read_tags(path)
    except OSError as failure:
        return NotRead.after(failure)


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):
        with open("/proc/self/statm", encoding="ascii") as pages:
            memory = int(pages.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (memory + MORE_MEMORY,) * 2)
