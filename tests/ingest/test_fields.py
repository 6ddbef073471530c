"""Single fields, as players send them."""

from __future__ import annotations

import pytest

from tonearm.core.play import Track
from tonearm.ingest import fields
from tonearm.ingest.incoming import Skipped

MBID = "98255a8c-017a-4bc7-8dd6-1fa36124572b"


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        (7, 7.0),
        (7.5, 7.5),
        ("7", 7.0),
        (" 7.50 ", 7.5),
        ("-7", -7.0),
        ("7.", 7.0),
        ("39.0269387755102", 39.0269387755102),
        ("217.10300000000001", 217.103),
        (True, None),
        (None, None),
        ("", None),
        ("1_000", None),
        ("1e9", None),
        ("٧", None),
        ("9" * 400, None),
        (10**400, None),
        (float("nan"), None),
        (float("inf"), None),
        ([7], None),
    ],
)
def test_numbers(sent: object, number: float | None) -> None:
    assert fields.number(sent) == number


@pytest.mark.parametrize(
    ("sent", "time"),
    [
        (1795892213, 1795892213.0),
        ("1795892213.5", 1795892213.5),
        ("2026-11-28 18:56:53", 1795892213.0),
        ("2026-11-28T18:56:53Z", 1795892213.0),
        ("2026-11-28 19:56:53+01:00", 1795892213.0),
        ("2026-11-28T18:56:53.0000000Z", 1795892213.0),
        ("0001-01-01T00:00:00+14:00", -62135647200.0),
        ("28 Nov 2026, 18:56", None),
        ("yesterday", None),
        ("2026-11-28 18:56:53" + " " * 100, None),
        (None, None),
    ],
)
def test_times(sent: object, time: float | None) -> None:
    assert fields.unix_time(sent) == time


@pytest.mark.parametrize(
    ("sent", "quoted"),
    [
        ("soon", '"soon"'),
        ("a" * 41, '"' + "a" * 40 + '…"'),
        ("a\nb", '"a b"'),
        (None, "null"),
        (True, "true"),
        (7.5, "7.5"),
        pytest.param(10**5000, "(a very long number)", id="very long"),
        ([], "[…]"),
        ({}, "{…}"),
    ],
)
def test_quotes_are_short(sent: object, quoted: str) -> None:
    assert fields.quoted(sent) == quoted


@pytest.mark.parametrize(("sent", "mbid"), [(MBID, MBID), (f" {MBID.upper()} ", MBID.upper()), (" ", ""), (0, "")])
def test_mbids(sent: object, mbid: str) -> None:
    left_out: list[str] = []
    assert fields.read_track("A", "T", mbid=sent, left_out=left_out) == Track("A", "T", mbid=mbid)
    assert left_out == []


@pytest.mark.parametrize("sent", [7, ["x"], "x", {"x": 1}])
def test_what_is_not_an_mbid_is_named(sent: object) -> None:
    left_out: list[str] = []
    assert fields.read_track("A", "T", mbid=sent, left_out=left_out) == Track("A", "T")
    assert left_out == [f"mbid {fields.quoted(sent)}"]


@pytest.mark.parametrize(
    ("sent", "number"), [(7.0, 7), ("7.0", 7), ("07/12", 7), (-1, None), (" ", None), (10**20, None)]
)
def test_track_numbers(sent: object, number: int | None) -> None:
    assert fields.read_track("A", "T", track_number=sent, left_out=[]) == Track("A", "T", track_number=number)


def test_numbers_for_names_are_names() -> None:
    assert fields.read_track(311, 1999, 1989, left_out=[]) == Track("311", "1999", "1989")
    assert isinstance(fields.read_track(True, "T", left_out=[]), Skipped)


def test_a_name_beyond_all_measure_is_cut_and_the_play_is_kept() -> None:
    left_out: list[str] = []
    track = fields.read_track("A", "T" * 1001, ["B"], left_out=left_out)
    assert track == Track("A", "T" * 1000)
    assert fields.explained(left_out) == (
        "ignored because unreadable: the end of the title (longer than 1000 characters), album […]"
    )


@pytest.mark.parametrize(
    ("agent", "program"),
    [
        ("strawberry 1.0.14", "strawberry 1.0.14"),
        ("probe 1.0 (UNIX X11)", "probe 1.0"),
        ("", ""),
        ("a" * 500, "a" * 200),
    ],
)
def test_programs_name_themselves(agent: str, program: str) -> None:
    assert fields.program_of(agent) == program


def test_a_version_without_a_name_is_nothing() -> None:
    assert fields.program(None, "1.0") == ""
    assert fields.program("x", 2) == "x 2"
