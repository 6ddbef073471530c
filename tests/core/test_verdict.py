"""The names of verdicts are promised: documents, metrics and stored attempts have them."""

from __future__ import annotations

from typing import get_args

import pytest

from tonearm.core import verdict
from tonearm.core.verdict import Answered, Cause, Scope, Throttled, Verdict, verdict_name

CAUSE = Cause(8, "Operation failed")


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (Answered(()), "Answered"),
        (verdict.Later(CAUSE), "Later"),
        (Throttled(Scope.ACCOUNT, CAUSE), "Throttled"),
        (verdict.Unsure(CAUSE), "Unsure"),
        (verdict.Split(CAUSE), "Split"),
        (verdict.SessionSuspect(CAUSE), "SessionDoubted"),
        (verdict.SessionEnded(CAUSE), "SessionEnded"),
        (verdict.KeyRefused(CAUSE), "KeyRefused"),
    ],
)
def test_a_verdict_keeps_its_name(of: Verdict, name: str) -> None:
    assert verdict_name(of) == name


def test_every_verdict_has_a_name_of_its_own() -> None:
    names = verdict._NAMES
    assert set(names) == set(get_args(Verdict))
    assert len(set(names.values())) == len(names)
