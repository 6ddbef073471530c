"""What `pip install tonearm` brings: the client and what it needs, and nothing of the queue or the service."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lastfm_emulator import API_KEY, API_SECRET, Address, Emulator, serve

ROOT = Path(__file__).parent.parent
MAX_PACKAGES, MAX_BYTES = 10, 5_000_000

BLOCKED = (
    "sqlalchemy,alembic,cryptography,mutagen,fastapi,starlette,pydantic,uvicorn,click,jinja2,rich,prometheus_client,"
    "psycopg,pgqueuer,python_multipart,pylast,segno"
)
WITHOUT = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

BLOCKED = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Blocked())
"""


def needed(requirements: list[str]) -> set[str]:
    """The packages that these requirements bring on this machine, theirs included."""
    found: set[str] = set()
    for requirement in map(Requirement, requirements):
        name = canonicalize_name(requirement.name)
        if name not in found and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            found |= {name} | needed(distribution(name).requires or [])
    return found


def project() -> dict[str, list[str]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]  # type: ignore[no-any-return]


def size(package: str) -> int:
    return sum(
        Path(str(file.locate())).stat().st_size
        for file in distribution(package).files or []
        if Path(str(file.locate())).exists() and file.suffix != ".pyc"
    )


def test_it_is_few_packages_and_small() -> None:
    packages = needed(project()["dependencies"])
    assert "httpx2" in packages
    assert len(packages) + 1 <= MAX_PACKAGES, "tonearm is one of them"
    ours = sum(path.stat().st_size for path in (ROOT / "src").rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert sum(map(size, packages)) + ours <= MAX_BYTES


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    blocked = {
        "sqlalchemy",
        "alembic",
        "cryptography",
        "mutagen",
        "fastapi",
        "starlette",
        "pydantic",
        "uvicorn",
        "click",
    }
    blocked |= {"jinja2", "rich", "prometheus_client", "psycopg", "pgqueuer", "python_multipart", "pylast"}
    words = [sys.executable, "-c", WITHOUT + code, ",".join(blocked), *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with serve(Emulator()) as lastfm:
        yield lastfm


def test_the_client_works_with_it(address: Address) -> None:
    code = """
import asyncio, tonearm
keys = tonearm.Keys(sys.argv[2], sys.argv[3])
with tonearm.LastFmSync(keys, sys.argv[4]) as lastfm:
    print(lastfm.artist_info("nina simone").name, len(list(lastfm.artist_top_tracks("Low", limit=2))))
async def ask():
    async with tonearm.LastFm(keys, sys.argv[4]) as lastfm:
        print((await lastfm.track_info("Can", "Spoon")).duration)
asyncio.run(ask())
"""
    done = run(code, API_KEY, API_SECRET, address.url)
    assert (done.stdout, done.stderr) == ("Nina Simone 2\n183.0\n", "")


@pytest.mark.parametrize(
    ("name", "extra"), [("open", "queue"), ("open_sync", "queue"), ("Deck", "queue"), ("router", "server")]
)
def test_what_needs_more_says_what_to_install(name: str, extra: str) -> None:
    done = run(f"import tonearm\ntry:\n    tonearm.{name}\nexcept ImportError as why:\n    print(why)")
    assert done.stdout.startswith(f"tonearm.{name} needs ")
    assert done.stdout.endswith(f", which is not installed: pip install 'tonearm[{extra}]'\n")
    assert done.stderr == ""


def test_the_command_says_what_to_install() -> None:
    done = run("sys.argv[:] = ['tonearm', '--help']\nimport tonearm.__main__\ntonearm.__main__.main()")
    assert done.returncode == 1
    assert done.stderr == (
        "Error: the tonearm command needs click, which is not installed: pip install 'tonearm[server]'\n"
    )


def test_the_server_extra_includes_the_queue() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert "tonearm[queue]" in extras["server"]
    assert {canonicalize_name(Requirement(one).name) for one in extras["queue"]} == {
        "alembic",
        "cryptography",
        "sqlalchemy",
    }
