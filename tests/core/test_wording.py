"""What states are called."""

from __future__ import annotations

import pytest

from tonearm.core.wording import attempt, fate, import_outcome, reporter


@pytest.mark.parametrize(
    ("name", "words"),
    [("accepted", "Accepted"), ("threshold_not_met", "Not sent"), ("a_state_of_tomorrow", "A state of tomorrow")],
)
def test_a_state_has_a_name_for_people_also_if_it_is_unknown(name: str, words: str) -> None:
    assert fate(name) == words


def test_an_attempt_is_named_after_its_destination() -> None:
    assert attempt("Later") == "Last.fm couldn't accept it"
    assert attempt("Later", "Maloja") == "Maloja couldn't accept it"
    assert attempt("Unsure", "Maloja") == "Sent, but no clear answer came"
    assert attempt("Unheard of", "Maloja") == "Unheard of"


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ("kitchen", "kitchen"),
        ("", ""),
        ("curl/8.5.0 #1caf4aa5", "curl/8.5.0 (token 1caf4aa5)"),
        (" #1caf4aa5", "token 1caf4aa5"),
        ("curl/8.5.0 #837337", "curl/8.5.0 (an API token)"),
        ("Player #1", "Player #1"),
    ],
)
def test_a_program_is_named_with_its_token(stored: str, words: str) -> None:
    assert reporter(stored) == words


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"new": 1, "known": 3}, "1 play added"),
        ({"new": 1200}, "1,200 plays added"),
        ({"known": 12}, "nothing new: 12 plays already here"),
        ({"known": 1, "doubtful": 2}, "nothing new: 1 play already here, 2 doubtful ones left out"),
        ({"unreadable": 1}, "no plays found; 1 unreadable entry"),
        ({"unreadable": 2}, "no plays found; 2 unreadable entries"),
        ({"skipped": 4}, "no plays found"),
        ({}, "no plays found"),
    ],
)
def test_an_import_that_adds_nothing_says_why(counts: dict[str, int], words: str) -> None:
    assert import_outcome(counts) == words
