"""A real server of the AT Protocol has what its wire says that it has, and the stand-in answers as it does.

It comes from the npm registry and needs Node.js 22, so it isn't installed with the tests:

    npm install @atproto/dev-env@0.6.7
    node --input-type=module -e 'import { TestNetworkNoAppView } from "@atproto/dev-env"
        await TestNetworkNoAppView.create({ pds: { port: 2583, hostname: "localhost" }, plc: { port: 2582 } })'
    TONEARM_TEST_PDS=http://localhost:2583 ./run test tests/atproto
"""

from __future__ import annotations

import json
import os
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.listenbrainz.plays import AGENT, NOW, PLAYS
from tests.stand_ins import PdsStandIn
from tonearm.core.destination import TokenCheck
from tonearm.core.verdict import Answered, SessionEnded
from tonearm.rocksky import RockskyClient
from tonearm.tealfm import TealClient

REAL = os.environ.get("TONEARM_TEST_PDS", "")
MISSING = "no real server of the AT Protocol: tests/atproto/test_against_a_server.py says how to start one"

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(not REAL, reason=MISSING)]


@dataclass(frozen=True)
class Account:
    """A new account on the server."""

    handle: str
    own: str
    app: str
    did: str


def call(url: str, method: str, document: Any = None, token: str = "") -> tuple[int, Any]:
    body = document if document is None or isinstance(document, bytes) else json.dumps(document).encode()
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/xrpc/{method}", body, headers)) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.fixture(scope="module")
def anna() -> Account:
    handle, own = f"anna{secrets.token_hex(4)}.test", secrets.token_hex(8)
    new = {"handle": handle, "email": f"{handle}@example.org", "password": own}
    _, made = call(REAL, "com.atproto.server.createAccount", new)
    _, app = call(REAL, "com.atproto.server.createAppPassword", {"name": "tonearm"}, made["accessJwt"])
    return Account(handle, own, app["password"], made["did"])


async def test_what_is_answered_as_accepted_is_there_once(anna: Account) -> None:
    async with TealClient(REAL, user_agent=AGENT) as teal:
        found, token = await teal.log_in(anna.handle, anna.app)
        assert found == TokenCheck(user=anna.handle)
        for play in (*PLAYS, *PLAYS):
            verdict = await teal.submit([play], token, live=False)
            assert isinstance(verdict, Answered)
            assert verdict.items[0].ignored_code == 0
        await teal.playing_now(PLAYS[0].track, token)
        await teal.playing_now(PLAYS[1].track, token)
        wrong = json.dumps({"did": anna.did, "password": "wrong"})
        assert isinstance(await teal.submit(PLAYS[:1], wrong, live=True), SessionEnded)
        assert (await teal.log_in(anna.handle, anna.own))[1] == ""
    names = [(one["artists"][0]["artistName"], one["trackName"]) for one in records(anna, "fm.teal.feed.play")]
    assert names == [(play.track.artist, play.track.title) for play in PLAYS[::-1]]
    assert [one["item"]["trackName"] for one in records(anna, "fm.teal.actor.status")] == ["Vitamin C"]


async def test_two_services_read_the_same_account(anna: Account) -> None:
    plays = [replace(play, track=replace(play.track, album=play.track.album or "Singles")) for play in PLAYS]
    async with RockskyClient(REAL, user_agent=AGENT) as rocksky:
        found, token = await rocksky.log_in(f"@{anna.handle}", anna.app)
        assert found == TokenCheck(user=anna.handle)
        for play in (*plays, *plays):
            verdict = await rocksky.submit([play], token, live=False)
            assert isinstance(verdict, Answered)
            assert verdict.items[0].ignored_code == 0
        await rocksky.playing_now(plays[1].track, token)
    names = [(one["artist"], one["title"]) for one in records(anna, "app.rocksky.scrobble")]
    assert names == [(play.track.artist, play.track.title) for play in plays[::-1]]
    assert [one["track"]["name"] for one in records(anna, "app.rocksky.actor.status")] == ["Vitamin C"]


def records(of: Account, collection: str) -> list[Any]:
    _, found = call(REAL, f"com.atproto.repo.listRecords?repo={of.did}&collection={collection}")
    return [one["value"] for one in found["records"]]


async def test_the_stand_in_answers_as_the_server_does(anna: Account) -> None:
    with PdsStandIn(lambda: NOW) as stand_in:
        stand_in.users[anna.app], stand_in.own[anna.own] = anna.handle, anna.handle
        for identifier, password in ((anna.handle, anna.app), (anna.handle, "no"), ("nobody.test", anna.app)):
            given = {"identifier": identifier, "password": password}
            real, ours = (call(url, "com.atproto.server.createSession", given) for url in (REAL, stand_in.url))
            assert (ours[0], ours[1].get("error"), ours[1].get("message")) == (
                real[0],
                real[1].get("error"),
                real[1].get("message"),
            )
            assert set(ours[1]) <= set(real[1])
        assert written(stand_in.url, anna) == written(REAL, anna)


def written(url: str, by: Account) -> list[Any]:
    """The answers to some records, as far as they decide something."""
    _, session = call(url, "com.atproto.server.createSession", {"identifier": by.handle, "password": by.app})
    did, token = session["did"], session["accessJwt"]
    record = {"$type": "fm.teal.feed.play", "trackName": "Spoon", "artists": [{"artistName": "Can"}]}
    record["playedTime"] = "2026-10-03T00:00:00Z"
    good = {"repo": did, "collection": "fm.teal.feed.play", "rkey": "3lskuqxvxg22a", "record": record}
    asked = [
        (good, token),
        (good, token),
        ({**good, "record": {**record, "releaseName": "Ege Bamyasi"}}, token),
        ({**good, "rkey": "a b"}, token),
        ({**good, "record": {**record, "$type": "fm.teal.other"}}, token),
        ({**good, "repo": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"}, token),
        (good, "no-token"),
        (good, ""),
    ]
    answers = [call(url, "com.atproto.repo.putRecord", *one) for one in asked]
    return [
        (status, "commit" in found, found.get("error"), found.get("message"), found.get("validationStatus"))
        for status, found in answers
    ]
