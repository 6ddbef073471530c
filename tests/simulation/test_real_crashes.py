"""`kill -9` of the real service under a load of real plays: what was acknowledged is there."""

from __future__ import annotations

import pytest

from benchmarks.kills import kill

pytestmark = pytest.mark.usefixtures("untimed_benchmarks")

KILLS = 8


def test_no_acknowledged_play_is_lost_or_doubled_by_kill_9() -> None:
    found = kill(KILLS)
    assert (found["lost"], found["doubled"], found["unexplained"]) == (0, 0, 0)
    assert (found["listens_lost"], found["listens_doubled"], found["listens_unexplained"]) == (0, 0, 0)
    assert found["acknowledged"] >= KILLS
    assert found["accepted"] >= found["acknowledged"]
    assert found["listens"] >= found["acknowledged"]
