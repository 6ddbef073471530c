"""Maloja itself, from the package index, in a folder and a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.nginx import free_port
from tests.patience import PATIENCE

PROGRAM = shutil.which("maloja", path=str(Path(sys.executable).parent))
MISSING = "Maloja is not installed. On Python 3.12 and older: pip install malojaserver"
KEY = "a-key-for-tests-0123456789"


@contextmanager
def maloja(folder: Path) -> Iterator[str]:
    """Its address, from its first answer to its end. It knows the key `KEY`."""
    assert PROGRAM
    port = free_port()
    (folder / "apikeys.yml").write_text(f"tonearm: {KEY}\n")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "MALOJA_DATA_DIRECTORY": str(folder),
        "MALOJA_SKIP_SETUP": "true",
        "MALOJA_FORCE_PASSWORD": "secret",
        "MALOJA_HOST": "127.0.0.1",
        "MALOJA_PORT": str(port),
    }
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, PROGRAM, "run"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            until = time.monotonic() + PATIENCE
            while not _answers(url):
                assert process.poll() is None, (folder / "output").read_text()
                assert time.monotonic() < until, "Maloja does not start"
            yield url
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/apis/mlj_1/test", timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False
