"""The release, installed in an empty environment: the demo, the service, a worker and the client run from it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tests.conftest import ROOT
from tests.patience import PATIENCE
from tonearm.version import __version__

UV = shutil.which("uv") or shutil.which("uv", path=ROOT / ".tool/bin")
CLIENT = """
import sys, tonearm
with tonearm.LastFmSync(tonearm.Keys(sys.argv[1], sys.argv[2]), sys.argv[3]) as lastfm:
    print(tonearm.__version__, lastfm.artist_info("nina simone").name)
"""


class Installed:
    """A folder with nothing but Python, what tonearm needs, and tonearm."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "venv/bin/python"
        variables = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.environment = {**variables, "HOME": str(folder)}

    def run(self, *words: str | Path) -> str:
        """What a program prints that ends well."""
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tonearm(self, *words: str) -> str:
        """What a command prints."""
        return self.run(self.folder / "venv/bin/tonearm", *words)

    @contextmanager
    def running(self, *words: str, until: str, **settings: str) -> Iterator[str]:
        """A running command: the line in which it prints these words."""
        process = subprocess.Popen(
            [self.folder / "venv/bin/tonearm", *words],
            cwd=self.folder,
            env={**self.environment, **settings},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        try:
            yield next(line for line in process.stdout if until in line)
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0
            process.stdout.close()


def _uv(*words: str | Path) -> None:
    """Raises pytest's Skipped if there is no network."""
    assert UV
    settings = {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never"}
    for theirs, ours in (("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), ("PIP_CERT", "SSL_CERT_FILE")):
        if theirs in os.environ:
            settings[ours] = os.environ[theirs]
    variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run([UV, *words], env={**settings, **variables}, capture_output=True, text=True, check=False)
    if done.returncode and re.search(r"(?i)failed to (fetch|download)|connect|dns", done.stderr):
        pytest.skip(f"no network: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and with the wheel that was made from it."""
    if UV is None:
        pytest.skip("no uv is to be found")
    folder = tmp_path_factory.mktemp("dist")
    _uv("build", "--quiet", "--out-dir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, and the releases that ./run installs."""
    here = Installed(tmp_path_factory.mktemp("installed"))
    _uv("venv", "--quiet", "--python", sys.executable, here.folder / "venv")
    _uv(
        *("pip", "sync", "--quiet", "--require-hashes", "--python", here.python, ROOT / "requirements/server.txt"),
    )
    _uv("pip", "install", "--quiet", "--no-deps", "--python", here.python, *built.glob("*.whl"))
    _uv("pip", "check", "--quiet", "--python", here.python)
    return here


def _files(wheel: Path) -> Sequence[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_all_that_the_sources_hold_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert wheel.name == f"tonearm-{__version__}-py3-none-any.whl"
    assert (built / f"tonearm-{__version__}.tar.gz").exists()
    sources = {
        str(file.relative_to(ROOT / "src"))
        for file in (ROOT / "src").rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    packed = {name for name in _files(wheel) if ".dist-info/" not in name}
    assert packed == sources
    assert "tonearm/py.typed" in packed


def test_what_was_installed_runs(installed: Installed, postgres_url: str) -> None:
    """The version, the demo, the service with a play, a worker beside it on PostgreSQL, and the client."""
    assert installed.tonearm("--version") == f"tonearm {__version__}\n"
    assert "accepted" in installed.tonearm("demo", "--seconds", "3")
    with serve(Emulator()) as lastfm:
        keys = {"LASTFM_API_KEY": API_KEY, "LASTFM_API_SECRET": API_SECRET, "LASTFM_API_URL": lastfm.url}
        assert installed.run(installed.python, "-c", CLIENT, API_KEY, API_SECRET, lastfm.url) == (
            f"{__version__} Nina Simone\n"
        )
        shared = {"TONEARM_DATABASE": postgres_url, "TONEARM_SECRET_KEY": "a secret for all", **keys}
        for settings in ({}, {**shared}):
            with installed.running("serve", "--port", "0", until="listens on", **keys | settings) as said:
                address = re.findall(r"http://[^\s,]+", said)[0]
                assert httpx2.get(f"{address}/health").json()["status"] == "ok"
                assert httpx2.get(f"{address}/docs").status_code == 200
        with installed.running("worker", until="tonearm delivers", **shared):
            pass
