"""Maloja itself has what its wire says that it has, and the stand-in answers as Maloja does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.listenbrainz.plays import AGENT, NOW, PLAYS, TOKEN, client
from tests.maloja.real import KEY, MISSING, PROGRAM, maloja
from tests.stand_ins import MalojaStandIn
from tonearm.core.destination import TokenCheck
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Answered, ItemAnswer, SessionEnded
from tonearm.maloja import MalojaClient
from tonearm.maloja.rules import MalojaCode

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with TemporaryDirectory() as folder, maloja(Path(folder)) as url:
        yield url


def asked(url: str, document: Any) -> tuple[int, Any]:
    """The status, and the answer as far as it decides something."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/apis/mlj_1/newscrobble", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, said = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, said = error.code, error.read()
    if said.startswith(b"<"):
        return status, "a page"
    found = json.loads(said)
    if isinstance(found, dict) and isinstance(found.get("error"), dict):
        found["error"].pop("value", None)
    return status, found


async def test_what_is_answered_as_accepted_is_there_once(real: str) -> None:
    async with MalojaClient(real, user_agent=AGENT) as client_of_maloja:
        for play in (*PLAYS, *PLAYS):
            verdict = await client_of_maloja.submit([play], KEY, live=False)
            assert isinstance(verdict, Answered)
            assert [item.ignored_code for item in verdict.items] == [0]
            assert verdict.at is not None
        other = replace(PLAYS[0], track=Track("Can", "Spoon"))
        verdict = await client_of_maloja.submit([other], KEY, live=False)
        words = "A scrobble is already registered with this timestamp."
        assert verdict == Answered((ItemAnswer(MalojaCode.SECOND_TAKEN, words),))
    assert stored(real)[-3:] == [
        (NOW - 3000, ["Low"], "Sunflower", "Things We Lost in the Fire", 276),
        (NOW - 2000, ["Can"], "Vitamin C", "Ege Bamyasi", 214),
        (NOW - 1000, ["Broadcast"], "Tender Buttons", None, None),
    ]


def stored(url: str) -> list[tuple[Any, ...]]:
    with urllib.request.urlopen(f"{url}/apis/mlj_1/scrobbles?from=2026&perpage=1000", timeout=60) as answer:
        found = json.load(answer)["list"]
    rows = [
        (
            one["time"],
            one["track"]["artists"],
            one["track"]["title"],
            (one["track"].get("album") or {}).get("albumtitle"),
            one["track"].get("length"),
        )
        for one in found
    ]
    return sorted(rows, key=lambda row: row[0])


async def test_names_stay_as_they_are(real: str) -> None:
    play = Play(Track("Nobody; Anybody feat. Somebody", "Song (feat. You) [Live]", duration=100.0), NOW - 9000, 90.0)
    async with MalojaClient(real, user_agent=AGENT) as client_of_maloja:
        await client_of_maloja.submit([play], KEY, live=True)
    names = [row[1:3] for row in stored(real) if row[0] == NOW - 9000]
    assert names == [(["Nobody; Anybody feat. Somebody"], "Song (feat. You) [Live]")]


async def test_a_key_is_checked_without_leaving_anything(real: str) -> None:
    before = stored(real)
    async with MalojaClient(real, user_agent=AGENT) as client_of_maloja:
        assert await client_of_maloja.validate(KEY) == TokenCheck()
        wrong = await client_of_maloja.validate("another")
        assert wrong.trouble == "Maloja rejects the API key: Invalid or missing authentication"
        assert isinstance(await client_of_maloja.submit(PLAYS[:1], "another", live=True), SessionEnded)
    assert stored(real) == before


async def test_it_is_not_taken_for_listenbrainz(real: str) -> None:
    async with client(real) as listenbrainz:
        assert (await listenbrainz.validate(TOKEN)).trouble.startswith("the server there isn't ListenBrainz (HTTP ")


GOOD = {"artists": ["Nina Simone"], "title": "Sinnerman", "time": 1700000000, "nofix": True, "key": KEY}
REQUESTS: list[Any] = [
    GOOD,
    GOOD,
    {**GOOD, "artists": ["NINA SIMONE"], "title": "sinnerman"},
    {**GOOD, "artists": ["Can"], "title": "Spoon"},
    {**GOOD, "time": 1700000001, "key": "wrong"},
    {"artists": ["Can"], "title": "Spoon", "time": 1700000001},
    {**GOOD, "artists": [], "title": ""},
    {**GOOD, "title": "", "time": 1700000002},
    {**GOOD, "time": 1700000003, "unheard_of": 1},
    {**GOOD, "time": 1990000000},
    {**GOOD, "time": 5},
    {"artist": "Can", "title": "Spoon", "time": 1700000004, "nofix": True, "key": KEY},
    [],
    b"{",
]


def test_the_stand_in_answers_as_maloja_does(real: str) -> None:
    with MalojaStandIn() as stand_in:
        stand_in.users[KEY] = "tonearm"
        for document in REQUESTS:
            assert asked(stand_in.url, document) == asked(real, document)
