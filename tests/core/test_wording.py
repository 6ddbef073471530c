"""What states are called."""

from __future__ import annotations

from tonearm.core.wording import attempt


def test_an_attempt_is_named_after_its_destination() -> None:
    assert attempt("Later") == "Last.fm couldn't accept it"
    assert attempt("Later", "Maloja") == "Maloja couldn't accept it"
    assert attempt("Unsure", "Maloja") == "Sent, but no clear answer came"
    assert attempt("Unheard of", "Maloja") == "Unheard of"
