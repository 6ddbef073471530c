"""The files in contrib/: systemd reads the units and finds them secure enough, and the files that they name exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tonearm.commands.options import SETTINGS

CONTRIB = ROOT / "contrib"
UNITS = sorted(CONTRIB.rglob("*.service"))
SYSTEMD = shutil.which("systemd-analyze")
CADDY = shutil.which("caddy")
MAX_EXPOSED = 30
"""Tenths on the scale of `systemd-analyze security`, which ends at 10.0: below 3.0."""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A program that stands for tonearm."""
    program = tmp_path / "tonearm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def _unit(unit: Path, program: Path) -> Path:
    """A copy of a unit, for the program that is installed here."""
    text = re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={program}", unit.read_text())
    copy = program.with_name(unit.name)
    copy.write_text(text)
    return copy


@pytest.mark.skipif(SYSTEMD is None, reason="no systemd-analyze is to be found")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.relative_to(CONTRIB)))
def test_systemd_reads_the_unit_without_a_complaint(unit: Path, installed: Path) -> None:
    assert SYSTEMD
    words = [SYSTEMD, "verify", "--man=no", str(_unit(unit, installed))]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


@pytest.mark.skipif(SYSTEMD is None, reason="no systemd-analyze is to be found")
def test_the_service_of_the_machine_is_closed(installed: Path) -> None:
    assert SYSTEMD
    unit = _unit(CONTRIB / "tonearm.service", installed)
    words = [SYSTEMD, "security", "--offline=true", f"--threshold={MAX_EXPOSED}", "--no-pager", str(unit)]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout[-300:]


@pytest.mark.skipif(CADDY is None, reason="no caddy is to be found. On Debian and Ubuntu: apt install caddy")
def test_caddy_reads_its_file(tmp_path: Path) -> None:
    assert CADDY
    words = [CADDY, "adapt", "--adapter", "caddyfile", "--config", str(CONTRIB / "Caddyfile")]
    said = subprocess.run(words, capture_output=True, text=True, check=False, env={"HOME": str(tmp_path)})
    assert said.returncode == 0, said.stderr
    assert '"flush_interval":-1' in said.stdout


def test_every_setting_in_them_exists() -> None:
    known = {option.setting.upper() for option in SETTINGS} | {"TONEARM_WATCH_TO", "TONEARM_WATCH_TOKEN"}
    files = [file for file in CONTRIB.rglob("*") if file.is_file()]
    named = {name for file in files for name in re.findall(r"\b(?:TONEARM|LASTFM)_[A-Z_]+\b", file.read_text())}
    assert named <= known
    assert {"LASTFM_API_SECRET_FILE", "TONEARM_DATABASE", "TONEARM_PUBLIC_URL"} <= named


def test_the_container_copies_existing_files_and_runs_without_root() -> None:
    text = (CONTRIB / "Containerfile").read_text()
    copied = [word for line in re.findall(r"(?m)^COPY (?!--from)(.*) \S+$", text) for word in line.split()]
    assert "src" in copied
    assert all((ROOT / word).exists() for word in copied)
    assert re.findall(r"(?m)^USER (\d+)$", text) == ["10001"]
    assert re.findall(r"(?m)^VOLUME (\S+)$", text) == ["/data"]
    assert "HEALTHCHECK" in text


def test_the_container_has_one_place_to_write() -> None:
    text = (CONTRIB / "compose.yaml").read_text()
    assert "read_only: true" in text
    assert 'volumes: ["plays:/data"]' in text
    for name in re.findall(r"_FILE: /run/secrets/(\w+)", text):
        assert f"file: ./secrets/{name}" in text
