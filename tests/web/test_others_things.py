"""What belongs to another listener is answered as if it did not exist, at every address that names something."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import pytest
from starlette.routing import Route

import tonearm
from tests.history.files import write
from tests.listening import library_row
from tests.web.conftest import House
from tonearm.core.destination import DestinationKind
from tonearm.core.edit_rules import PlayNames, RuleScope
from tonearm.history.play import ReadOptions
from tonearm.service.destination_results import DestinationProfile
from tonearm.service.players import PlayerKind
from tonearm.store import library, loved
from tonearm.store.destinations import StoredDestination
from tonearm.web.app import create_app

pytestmark = pytest.mark.anyio

NOTHING = "987654321"
"""An id, and a name, that nothing has."""

ADDRESSES = """
GET /plays/{play}
GET /fragments/timeline/{play}
POST /plays/{play}/send
POST /plays/{play}/discard
POST /plays/{discarded}/undo
POST /plays/{play}/correct
POST /plays/{play}/every-time
POST /plays/{play}/rules
GET /lastfm/queue/{play}
POST /lastfm/queue/{play}/retry
PATCH /lastfm/queue/{play}
DELETE /lastfm/queue/{play}
GET /destinations/plays/{play}
GET /lastfm/jobs/{loved_run}
GET /metadata/enrich/{library_run}
GET /history-imports/lastfm/{history_run}
POST /jobs/deliver-{listener}/retry
DELETE /jobs/deliver-{listener}
POST /jobs/destination-{destination}/retry
POST /history-imports/{import}/undo
POST /history/imports/{import}/undo
POST /history-imports/file/{upload}
POST /history/import/{upload}/start
DELETE /rules/{rule}
POST /settings/rules/{rule}/undo
GET /destinations/{destination}/rejected
GET /destinations/{destination}/hearts
PATCH /destinations/{destination}
POST /destinations/{destination}/retry
POST /destinations/{destination}/sign-in
DELETE /destinations/{destination}
GET /queue?destination={destination}
GET /fragments/plays?destination={destination}
GET /settings/destinations/{destination}
GET /fragments/destinations/{destination}
POST /settings/destinations/{destination}/policy
POST /settings/destinations/{destination}/preview
POST /settings/destinations/{destination}/history
POST /settings/destinations/{destination}/private
POST /settings/destinations/{destination}/token
POST /settings/destinations/{destination}/remove
POST /settings/destinations/{destination}/pause
POST /settings/destinations/waiting number={destination}
GET /fragments/players/{player}
POST /players/revoke name={kitchen}
POST /players/users name={kitchen}
POST /loved/{loved}
POST /settings/tokens/{token}/revoke
GET /household/{me}
""".strip().splitlines()

FORM = {
    "artist": "first",
    "track": "Words",
    "scope": "artist",
    "on": "true",
    "user": "bob",
    "kind": "librefm",
    "state": "x",
    "auth_url": "http://one.test",
    "file": "1",
}
"""What every one of these forms can be filled in with."""

STATUS = {"GET /fragments/destinations/{destination}": 204}
"""404 anywhere else: an open page of a destination that is gone leads to the settings."""

OF_NOBODY = re.compile(
    r"/metadata/(artists|albums|tracks|images)/.*|/stats/.*|/jobs/kinds/.*|/fragments/\{name\}|/static/\{name\}"
)
"""Addresses that name music, a kind, or a part of the pages: nothing that a listener has."""


async def owned(house: House, folder: Path) -> dict[str, str]:
    """One of everything, of the first listener."""
    deck, me, now = house.deck, house.me, house.deck.clock.now()
    await house.connect()
    plays = [
        (await me.scrobble(tonearm.Track("Low", title, duration=200), started_at=now - ago, played=200)).id
        for title, ago in (("Words", 900), ("Fear", 1900))
    ]
    assert (await house.http.post(f"/plays/{plays[1]}/discard")).status_code == 303
    table = f"uts,artist,track\n{int(now) - 9_000_000},Low,Lullaby\n"
    upload = await house.http.post("/history-imports/file", files={"file": ("old.csv", table)})
    file = write(folder, table, "old.csv")
    await deck.history_import.run(me.id, [file], ReadOptions(), lambda done, total: None, apply=True)
    [imported] = await deck.history_import.listed(me.id)
    rule = await deck.edit_rules.add(me.id, RuleScope.ARTIST, PlayNames("Loww", "Words"), PlayNames("Low", "Words"))
    profile = DestinationProfile(DestinationKind.MALOJA, "http://one.test", "", "one.test")
    destination = await deck.destinations.add_profile(me.id, profile, None, 0.0)
    assert isinstance(destination, StoredDestination)
    player = (await deck.players.add(me.id, "Kitchen", PlayerKind.PLEX)).player
    await deck.accounts.token(me.id)
    candidates = {"outcome": "doubtful", "candidates": [[1, "version"]], "mbid": "", "loved_at": 1}
    await deck.store.write(lambda db: library.write(db, me.id, [library_row("/1.mp3", "Low", "Words")]))
    await deck.store.write(
        lambda db: loved.write(db, me.id, [{"artist": "Low", "track": "Words (Live)", **candidates}])
    )
    admissions = await deck.personal_data.admissions(me.id)
    return {
        "play": str(plays[0]),
        "discarded": str(plays[1]),
        "loved_run": str((await deck.loved_import.start(me.id)).id),
        "library_run": str((await deck.enrichment.start(me.id)).id),
        "history_run": str((await deck.history_mirror.start(me.id)).id),
        "listener": str(me.id),
        "import": str(imported.id),
        "upload": upload.json()["id"],
        "rule": str(rule.id),
        "destination": str(destination.id),
        "player": str(player.id),
        "kitchen": player.name,
        "loved": "1",
        "token": admissions[0].id,
        "me": me.name,
    }


async def answer(browser: httpx2.AsyncClient, line: str, things: dict[str, str]) -> tuple[int, str]:
    """The status and the body at an address of the table."""
    method, path, *fields = line.format_map(things).split()
    if method == "PATCH" or path.startswith(("/destinations/", "/lastfm/")):
        got = await browser.request(method, path, json={} if method in ("POST", "PATCH") else None)
    else:
        given = FORM | dict(field.split("=") for field in fields)
        got = await browser.request(method, path, data=given if method == "POST" else None)
    return got.status_code, got.text


async def test_what_another_listener_has_does_not_exist(house: House, tmp_path: Path) -> None:
    mine = await owned(house, tmp_path)
    none, ada = dict.fromkeys(mine, NOTHING), house.signed_out
    link = await house.deck.accounts.link((await house.deck.listener("ada")).id)
    assert (await ada.get("/signin", params={"link": link})).status_code == 303
    for line in ADDRESSES:
        [name] = re.findall(r"{(\w+)}", line)
        status, body = await answer(ada, line, none)
        assert await answer(ada, line, mine) == (status, body.replace(NOTHING, mine[name])), line
        assert status == STATUS.get(line, 404), line
    for line in ADDRESSES:
        if line.startswith("GET") and "/household/" not in line:
            assert (await answer(house.http, line, mine))[0] == 200, f"{line}: the listener has it"


async def test_every_address_that_names_something_is_among_them(house: House) -> None:
    known = {re.sub(r"{\w+}", "{}", line.partition("?")[0].partition(" name=")[0]) for line in ADDRESSES}
    known = {re.sub(r"(deliver|destination)-{}", "{}", line) for line in known}
    known |= {line.replace("{}/pause", "{}/{}") for line in known}
    asked = {
        f"{method} {re.sub(r'{[^}]*}', '{}', route.path)}"
        for route in create_app(house.deck).router.routes
        if isinstance(route, Route) and "{" in route.path and not OF_NOBODY.fullmatch(route.path)
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert asked - known == set()
