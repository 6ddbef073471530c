"""What the documents list is all that there is."""

from __future__ import annotations

import html
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tonearm
from tests.conftest import ROOT
from tonearm.core.verdict import Cause
from tonearm.lastfm.catalogue import METHODS
from tonearm.lastfm.error import error_of
from tonearm.lastfm.response import Refusal

ERRORS = {
    name: kind
    for name in tonearm.__all__
    if isinstance(kind := getattr(tonearm, name), type) and issubclass(kind, Exception)
}


def rows(document: str) -> list[list[str]]:
    """The cells of the rows of a document's tables."""
    lines = (ROOT / document).read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def named(cell: str) -> list[str]:
    """The names in code spans."""
    return re.findall(r"`([^`]+)`", cell)


def test_the_page_of_errors_lists_each_public_one_with_what_it_is() -> None:
    listed = {named(row[0])[0]: named(row[1])[0] for row in rows("docs/errors.md") if named(row[0])}
    assert listed == {name: kind.__mro__[1].__name__ for name, kind in ERRORS.items()}


def test_the_page_of_errors_has_lastfms_numbers_right() -> None:
    said = {
        int(number): named(row[0])[0]
        for row in rows("docs/errors.md")
        if "LastFmError" in row[1]
        for number in re.findall(r"\d+", row[2])
    }
    assert said == {number: type(error_of(Refusal(Cause(number, "x")), "user.getInfo")).__name__ for number in said}
    documented = {n for n in range(1, 30) if n not in (1, 19, 28, *range(20, 26))}
    assert set(said) == documented


def test_the_page_of_errors_names_attributes_that_the_errors_have() -> None:
    page = (ROOT / "docs/errors.md").read_text()
    common = named(page.split("is a `LastFmError` with", 1)[1].split("None of them", 1)[0])
    error = tonearm.LastFmError(Cause(8, "x"))
    assert common
    assert [name for name in common if not hasattr(error, name)] == []
    for row in rows("docs/errors.md"):
        for name in re.findall(r"\(`(\w+)`", row[-1]):
            assert name in inspect.getsource(ERRORS[named(row[0])[0]])


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_the_tables_of_rooms_name_each_folder(document: str) -> None:
    folders = {f"{path.parent.name}/" for path in (ROOT / "src/tonearm").glob("*/__init__.py")}
    assert folders <= {name for row in rows(document) for name in named(row[0])}


def test_the_table_for_contributors_names_each_file() -> None:
    files = {path.name for path in (ROOT / "src/tonearm").glob("*.py")}
    assert files <= {name for row in rows("CONTRIBUTING.md") for name in named(row[0])}


def test_the_reference_has_each_public_name(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "docs/make_reference.py", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    page, methods = ((tmp_path / f"{name}.html").read_text() for name in ("tonearm", "tonearm/lastfm/catalogue"))
    hidden = {"__version__"}
    assert [name for name in tonearm.__all__ if f'id="{name}"' not in page and name not in hidden] == []
    assert "-> tonearm.Request[" not in html.unescape(re.sub("<[^>]*>", "", methods)), (
        "what it returns, not what it asks"
    )
    assert [name for name in METHODS if f'id="Catalogue.{name}"' not in methods] == []
