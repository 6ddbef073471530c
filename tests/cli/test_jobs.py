"""`tonearm jobs`: what runs, waits and broke, seen and moved from a shell."""

from __future__ import annotations

import json

import pytest

from tests.cli.shell import Shell

SINNERMAN = ("scrobble", "--artist", "Nina Simone", "--track", "Sinnerman", "--duration", "620")


def test_if_there_is_nothing_to_do_it_says_so(shell: Shell) -> None:
    assert shell("jobs").output == "no jobs\n"
    assert shell.facts("jobs", "list")["jobs"] == []


def test_a_paused_kind_keeps_plays_waiting_until_it_is_resumed(connected: Shell) -> None:
    assert connected("jobs", "pause", "deliver").output == "deliver paused\n"
    connected(*SINNERMAN)
    said = connected("jobs").output.splitlines()
    assert said[0] == "deliver is paused: run 'tonearm jobs resume deliver'"
    assert said[1] == "no process is sending: start 'tonearm serve', or on PostgreSQL 'tonearm worker'"
    assert said[2].split() == ["deliver-1", "me", "waiting", "sending", "is", "paused"]
    facts = json.loads(connected("jobs", "--json").output)
    assert facts["kinds"][0] == {"kind": "deliver", "paused": True}
    assert (facts["jobs"][0]["id"], facts["jobs"][0]["state"]) == ("deliver-1", "waiting")
    assert "why       sending is paused: run 'tonearm jobs resume deliver'" in connected("status").output.splitlines()
    assert "sending is paused" in connected("queue", "why", "1").output
    assert connected.facts("jobs", "resume", "deliver") == {"status": "success", "kind": "deliver", "paused": False}
    connected("queue", "retry")
    assert connected("jobs").output == "no jobs\n"


def test_a_job_is_retried_by_its_name(connected: Shell) -> None:
    assert connected("jobs", "retry", "deliver-1").output == "all waiting plays are due now\n"


def test_a_retry_says_that_nothing_begins_while_its_kind_is_paused(connected: Shell) -> None:
    connected("jobs", "pause", "deliver")
    said = "all waiting plays are due now, but deliver is paused: nothing starts until it is resumed\n"
    assert connected("jobs", "retry", "deliver-1").output == said


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("retry", "dance-1"), 2, "'tonearm jobs' lists them"),
        (("retry", "deliver-99"), 1, "no listener with the id 99"),
        (("retry", "import-1"), 1, "import-1: there's no unfinished import job"),
        (("cancel", "deliver-1"), 1, "deliver-1: not running"),
        (("pause", "dance"), 2, "'dance' is not one of"),
    ],
)
def test_what_cannot_be_done_is_reported_in_one_line(
    connected: Shell, words: tuple[str, ...], status: int, said: str
) -> None:
    answer = connected("jobs", *words)
    assert answer.exit_code == status
    assert said in answer.stderr
