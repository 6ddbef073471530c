"""`./run bench versus REV NAME`: two builds beside each other, on a repository whose benches only count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import versus
from benchmarks.__main__ import main

RUN = f"""#!/usr/bin/env bash
root=$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)
mkdir -p "$root/.venv/bin"
ln -sf "{sys.executable}" "$root/.venv/bin/python"
echo made >>"$root/made"
"""
BENCHES = """
import json, sys
assert sys.argv[2:] == ["--runs", "1", *sys.argv[4:-1], "--json"], sys.argv
from pathlib import Path
log = Path(__file__).parents[PARENTS] / "order"
turn = len(log.read_text().split()) if log.exists() else 0
with log.open("a") as out:
    out.write(f"WHO:{sys.argv[1]}{''.join(sys.argv[4:-1])}\\n")
value = VALUE + turn
print("some words")
print(json.dumps({"ms": value, "ms_min": value, "ms_max": value, "new_ms": 1, "cores": 2, "load": 3.0}))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose last commit has a bench that takes 200 ms; here it takes 100, and a turn each run."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "project"
    (root / "benchmarks").mkdir(parents=True)
    (root / "run").write_text(RUN)
    (root / "run").chmod(0o755)
    (root / "benchmarks/__init__.py").write_text("")
    (root / "benchmarks/old.py").write_text("")
    _bench(root, "before", 200, parents=4)
    _git(root, "init", "--quiet")
    _git(root, "add", ".")
    _git(root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "All")
    _bench(root, "after", 100, parents=1)
    (root / "benchmarks/new.py").write_text("")
    monkeypatch.setattr(versus, "ROOT", root)
    return root


def _bench(root: Path, who: str, value: int, parents: int) -> None:
    text = BENCHES.replace("WHO", who).replace("VALUE", str(value)).replace("PARENTS", str(parents))
    (root / "benchmarks/__main__.py").write_text(text)


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", root, *words], check=True, capture_output=True, text=True).stdout


def _ran(root: Path) -> list[str]:
    return (root / "order").read_text().split()


def _answer(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(capfd.readouterr().out.splitlines()[-1])
    return answer


def test_both_are_run_alternately_and_each_pair_has_its_ratio(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["versus", "HEAD", "old", "--pairs", "3", "--json"]) == 0
    answer = _answer(capfd)
    figures = answer["old"]["ms"]
    assert _ran(project) == ["before:old", "after:old"] * 3
    assert (figures["before"], figures["before_min"], figures["before_max"]) == (202, 200, 204)
    assert (figures["after"], figures["after_min"], figures["after_max"]) == (103, 101, 105)
    assert (figures["ratio_min"], figures["ratio_max"]) == (pytest.approx(0.505), pytest.approx(0.5147, abs=1e-4))
    assert figures["ratio_min"] < figures["ratio"] < figures["ratio_max"]
    assert set(answer["old"]) == {"ms"}, "a value without a spread is a fact, not a measurement"
    assert answer["revision"] == _git(project, "rev-parse", "--short", "HEAD").strip()
    assert (answer["pairs"], answer["cores"]) == (3, len(os.sched_getaffinity(0)))


def test_the_environments_are_made_once_and_nothing_is_left_behind(project: Path) -> None:
    assert main(["versus", "HEAD", "old", "old", "--pairs", "2"]) == 0
    assert (project / "made").read_text().split() == ["made"]
    assert list((project / "build").iterdir()) == []
    assert len(_git(project, "worktree", "list").splitlines()) == 1


def test_seven_pairs_unless_set_otherwise(project: Path) -> None:
    assert main(["versus", "HEAD", "old"]) == 0
    assert len(_ran(project)) == 14


def test_options_after_two_dashes_go_to_the_benches(project: Path) -> None:
    assert main(["versus", "HEAD", "old", "--pairs", "1", "--", "--quick"]) == 0
    assert _ran(project) == ["before:old--quick", "after:old--quick"]


@pytest.mark.parametrize("words", [("new",), ("old", "--our-benches")])
def test_a_bench_that_the_other_lacks_is_measured_with_ours(project: Path, words: tuple[str, ...]) -> None:
    _bench(project, "after", 100, parents=4)
    (project.parent / "order").unlink(missing_ok=True)
    assert main(["versus", "HEAD", *words, "--pairs", "1"]) == 0
    assert _ran(project) == [f"after:{words[0]}"], "the other one, whose benches lie three folders deeper"


def test_a_missing_revision_is_reported_in_a_line(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["versus", "nowhere", "old"]) == 1
    assert "nowhere" in capfd.readouterr().out
    assert len(_git(project, "worktree", "list").splitlines()) == 1


def test_a_bench_that_breaks_ends_it_and_leaves_nothing(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "benchmarks/__main__.py").write_text("raise SystemExit(3)")
    assert main(["versus", "HEAD", "old", "--pairs", "1"]) == 1
    assert f"versus: old failed in {project}" in capfd.readouterr().out
    assert list((project / "build").iterdir()) == []


def test_an_environment_that_cannot_be_made_is_reported(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "run").write_text("#!/usr/bin/env bash\nexit 1\n")
    assert main(["versus", "HEAD", "old"]) == 1
    assert "no environment could be made" in capfd.readouterr().out


def test_what_was_skipped_has_no_ratio(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "benchmarks/__main__.py").write_text('print(\'{"skipped": "no plays"}\')')
    assert main(["versus", "HEAD", "old", "--pairs", "1"]) == 1
    assert "old was not measured: no plays" in capfd.readouterr().out


def test_figures_without_a_spread_are_compared_by_their_path() -> None:
    fields = {"broken": "", "plays_per_s": {"1": 100, "2": 190}, "cores": 2, "load": 1.5, "lost": 0}
    assert versus.measurements(fields) == {"plays_per_s.1": 100, "plays_per_s.2": 190, "lost": 0}
    found = versus.compared(iter([(fields, {**fields, "plays_per_s": {"1": 150}})]))
    assert set(found) == {"plays_per_s.1"}, "what only one has, and what is nothing, has no ratio"
    assert found["plays_per_s.1"]["ratio"] == 1.5
