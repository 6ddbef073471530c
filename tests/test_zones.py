"""The zone of this machine, and those with a name."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

import pytest

from tonearm import zones

KATHMANDU = next(
    (file for folder in TZPATH if (file := Path(folder) / "Asia" / "Kathmandu").is_file()),
    Path(str(files("tzdata"))) / "zoneinfo" / "Asia" / "Kathmandu",
)


def test_a_machine_that_links_its_zone_has_it_by_its_name(tmp_path: Path) -> None:
    local = tmp_path / "localtime"
    local.symlink_to(KATHMANDU)
    assert zones.of_file(local) == ZoneInfo("Asia/Kathmandu")


def test_a_machine_that_copied_its_zone_has_its_clock_and_no_name(tmp_path: Path) -> None:
    local = tmp_path / "localtime"
    local.write_bytes(KATHMANDU.read_bytes())
    zone = zones.of_file(local)
    assert str(zone) == "local time"
    assert datetime(2025, 6, 1, tzinfo=zone).isoformat().endswith("+05:45")


@pytest.mark.parametrize("content", [None, b"nonsense"])
def test_a_machine_that_does_not_say_its_zone_has_utc(tmp_path: Path, content: bytes | None) -> None:
    local = tmp_path / "localtime"
    if content is not None:
        local.write_bytes(content)
    assert zones.of_file(local) == UTC
