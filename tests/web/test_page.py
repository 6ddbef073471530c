"""The page and the door, as a browser without scripts gets them."""

from __future__ import annotations

import json
import re
import struct
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest
from sqlalchemy import Connection

from lastfm_emulator import API_KEY
from tests.patience import async_pause
from tests.web.conftest import AUTH, House, house_at
from tonearm import web
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Cause
from tonearm.service.job_list import DELIVER
from tonearm.store import attempts, pace, plays, queue
from tonearm.store.db.schema import account
from tonearm.web.app import create_app
from tonearm.web.options import WebOptions
from tonearm.web.pages.base import add_error_pages
from tonearm.web.view import assets
from tonearm.web.view.templates import safe_headers

pytestmark = pytest.mark.anyio

PARTS = ("who", "notices", "now", "numbers", "connection", "days", "latest", "plays", "account")
HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)> ' onload='alert(1)",
    "{{ 7 * 7 }} {% raw %}",
    "</td></table></body><hx-partial hx-get='/x'>",
    "\u202etxet desrever\u2066\u202d",
    "\u0301\u0489",
    "👩‍👩‍👧‍👦" * 60,
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "x" * 10_000,
    "שלום عليكم 丸ノ内",
)


SINNERMAN = Track("Nina Simone", "Sinnerman", "Pastel Blues", duration=622)


class Tags(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for found, attrs in self.found if found == tag]


async def queued(house: House, track: Track = SINNERMAN, ago: int = 600) -> int:
    """A play in the queue of a listener who is connected; its id."""
    saved = await house.me.scrobble(track, started_at=house.deck.clock.now() - ago, played=622)
    assert saved.status in ("queued", "too_old")
    return saved.id


async def settled(
    house: House,
    fate: str,
    track: Track = SINNERMAN,
    ago: int = 600,
    *,
    reason: str = "",
    correction: dict[str, str] | None = None,
    settled_ago: float = 0.0,
) -> None:
    """A play in the history whose fate is known."""
    play_id, at = await queued(house, track, ago), house.deck.clock.now() - settled_ago

    def settle(db: Connection) -> None:
        plays.settle(db, [play_id], fate, at, reason=reason, correction=correction)
        queue.remove(db, [play_id])

    await house.deck.store.write(settle)


def song(number: int) -> Track:
    """One of many songs."""
    return Track("Nina Simone", f"Song {number}", "Pastel Blues", duration=622)


async def test_an_empty_page_says_what_to_do_next(house: House) -> None:
    page = await house.page()
    assert "Connect your Last.fm profile" in page
    assert 'action="/connect"' in page
    assert "Nothing playing." in page
    assert "No plays yet." in page
    queue_page = await house.page("/queue")
    assert "Queue empty" in queue_page
    assert "No plays yet." in queue_page
    await house.connect()
    page = await house.page()
    assert "Connect your Last.fm profile" not in page
    assert "Connected as</span> <bdi>RJ</bdi>" in page


async def test_without_a_key_the_page_says_how_to_get_one(database: Path | str) -> None:
    async with house_at(database, key="") as house:
        page = await house.page()
        assert "No API key yet" in page
        assert "LASTFM_API_KEY" in page
        answer = await house.http.post("/connect")
        assert answer.status_code == 503
        assert "LASTFM_API_SECRET" in answer.text


async def test_a_session_that_ended_is_a_banner_with_the_way_back(house: House) -> None:
    await house.connect("night_owl")
    await queued(house)
    await house.deck.store.write(lambda db: db.execute(account.update().values(connection="needs_sign_in")))
    page = await house.page()
    assert "Last.fm asks you to sign in again" in page
    assert "1 play waits here" in page
    assert "Sign in as night_owl" in page


async def test_a_key_that_is_no_longer_set_is_a_banner_with_the_ways_out(database: Path | str, house: House) -> None:
    await house.connect("night_owl")
    await queued(house)
    await house.deck.store.write(lambda db: db.execute(account.update().values(lastfm_api_key="an older one")))
    for page in (await house.page(), await house.page("/queue")):
        assert "Connected with an API key that is no longer set: sign in again, or set the key again." in page
        assert "an older one" not in page
    assert "Sign in as night_owl" in await house.page()


async def test_a_rejected_key_is_a_banner_with_the_next_try(house: House) -> None:
    await house.connect()
    held = pace.KeyThrottled(house.deck.clock.now() + 1800, "Last.fm error 26: API Key Suspended", refused=True)
    await house.deck.store.write(lambda db: pace.begin_throttle(db, API_KEY, held))
    page = await house.page()
    assert "Last.fm rejects this service" in page
    assert "Last.fm error 26: API Key Suspended." in page
    assert re.search(r"Next try <span[^>]*>in 30 min", page)


async def test_after_disconnecting_what_waits_is_kept_for_the_same_user(house: House) -> None:
    await house.connect()
    await queued(house)
    assert (await house.http.post("/disconnect", data={"queue": "keep"})).status_code == 303
    page = await house.page()
    assert "Disconnected from RJ" in page
    assert "1 play is kept for RJ only" in page
    await house.connect("somebody_else")
    assert "On hold for the Last.fm user rj: sign in as that user to send it." in await house.page("/queue?state=held")


async def test_whose_plays_wait_is_named_on_every_page_and_only_theirs_are_discarded_there(house: House) -> None:
    await house.connect()
    await queued(house)
    await house.connect("somebody_else")
    page = await house.page()
    assert "1 play waits for rj" in page
    assert "Discard plays waiting for <bdi>rj</bdi>" in page
    settings = await house.page("/settings")
    assert "Plays waiting for <bdi>somebody_else</bdi>" in settings
    assert "1 play for <bdi>rj</bdi> will keep waiting either way." in settings
    await house.http.post("/disconnect", data={"queue": "discard"})
    page = await house.page()
    assert "1 play waits for rj" in page
    assert "is kept for somebody_else" not in page
    assert (await house.http.post("/queue/discard", data={"user": "rj"})).status_code == 303
    assert "waits for rj" not in await house.page()
    assert "Discarded by the listener with every play waiting for rj." in await house.page("/queue?state=discarded")


async def test_disconnecting_can_discard_what_waits(house: House) -> None:
    await house.connect()
    await queued(house)
    await house.http.post("/disconnect", data={"queue": "discard"})
    page = await house.page("/queue?state=discarded")
    assert "Nothing is waiting." in page
    assert "Discarded when the profile was disconnected." in page


async def test_scrobbling_that_is_off_can_be_switched_on(house: House) -> None:
    await house.connect()
    await house.deck.accounts.change_settings(house.me.id, False, None)
    assert "Scrobbling is turned off" in await house.page()
    assert (await house.http.post("/scrobbling", data={"enabled": "true"})).status_code == 303
    assert "Scrobbling is turned off" not in await house.page()


async def test_an_invalid_form_is_answered_with_a_page_and_changes_nothing(house: House) -> None:
    await house.connect()
    for path, form in (
        ("/disconnect", {}),
        ("/disconnect", {"queue": "burn"}),
        ("/scrobbling", {"enabled": "perhaps"}),
    ):
        answer = await house.http.post(path, data=form)
        assert answer.status_code == 400
        assert "Nothing was changed" in answer.text
    assert (await house.me.account()).signed_in
    assert (await house.me.account()).enabled


async def test_retrying_sends_everything_and_shows_the_result(database: Path | str) -> None:
    async with house_at(database, deliver=True) as house:
        await house.connect()
        house.emulator.fault("proxy-busy", methods=["track.scrobble"], seconds=300)
        await queued(house)
        while "Attempt 2" not in await house.page("/queue"):
            await async_pause()  # it has not been sent yet
        house.emulator.clear_faults()
        assert (await house.http.post("/retry")).status_code == 303
        assert '<span class="chip good">Accepted</span>' in await house.page("/queue")
        assert len(house.emulator.plays("RJ")) == 1


async def test_a_pause_is_shown_on_every_page_and_with_every_waiting_play(house: House) -> None:
    await house.connect()
    await house.deck.jobs.pause(DELIVER)
    await house.me.scrobble(SINNERMAN, started_at=house.deck.clock.now() - 700, played=600)
    for path in ("/", "/settings"):
        assert "<h2>Sending is paused</h2>" in await house.page(path)
    waiting = await house.page("/fragments/plays?state=held")
    assert "Sending is paused." in waiting
    assert '<span class="chip held">On hold</span>' in waiting


async def test_the_queue_opens_on_what_waits_while_anything_does(house: House) -> None:
    await house.connect()
    await settled(house, "accepted", song(1))
    assert "Song 1" in await house.page("/queue")
    await queued(house, song(2))
    page = await house.page("/queue")
    assert ("Song 2" in page, "Song 1" in page) == (True, False)
    assert "fragments/plays?state=waiting" in page  # and stays there while the page is open
    assert "Song 1" in await house.page("/queue?state=all")


async def test_an_outage_is_a_banner_and_a_lamp_until_last_fm_answers(database: Path | str) -> None:
    async with house_at(database, deliver=True) as house:
        await house.connect()
        assert 'class="who lamp" data-state="live"' in await house.page()
        house.emulator.fault("close-before-commit", methods=["track.scrobble"])
        await queued(house)
        while "Can&#39;t reach Last.fm" not in (page := await house.page()):
            await async_pause()  # it has not been sent yet
        assert re.search(r"Can&#39;t reach Last.fm since <time [^>]*data-time>\d\d:\d\d</time></h2>", page)
        assert re.search(r"1 play is safe here.</span> Next try <span[^>]*>in \d+ s", page)
        assert 'class="who lamp" data-state="away"' in page
        assert (await house.page("/queue")).count("Retry all now") == 1
        nothing = await house.http.post("/retry", headers={"HX-Request": "true"})
        assert nothing.text.startswith("Nothing sent yet: 1 play still waits.")
        house.emulator.clear_faults()
        brought = await house.http.post("/retry", headers={"HX-Request": "true"})
        assert brought.text == "1 play sent. Nothing is waiting."
        page = await house.page()
        assert "Can&#39;t reach" not in page
        assert 'class="who lamp" data-state="live"' in page
        again = await house.http.post("/retry", headers={"HX-Request": "true"})
        assert again.text == "Nothing was waiting."


async def test_every_play_is_accounted_for_and_the_sums_add_up(house: House) -> None:
    await house.connect()
    assert "What happened to your plays" in await house.page("/fragments/accounted")
    for number, fate in enumerate(("accepted", "accepted", "refused", "ignored", "disabled", "suspected", "imported")):
        await settled(house, fate, song(number), ago=1000 + number)
    await queued(house, song(20))
    page = await house.page("/accounted")
    assert "8 plays, all accounted for" in page
    rows = re.findall(r'<th scope="row">(?:<a href="([^"]*)">)?([^<]+).*?<td class="when">(\d+)</td>', page)
    assert {label: int(count) for _, label, count in rows} == {
        "Accepted": 2,
        "Not accepted": 2,
        "Imported": 1,
        "Not sent": 1,
        "Duplicate?": 1,
        "Waiting": 1,
        "Total": 8,
        "Plays reported, counted separately": 8,
    }
    for href, _, count in rows:
        if href:
            assert (await house.page(href)).count('<tr id="play-') == int(count)
    assert "8 plays, all accounted for" in await house.page("/fragments/accounted")


async def test_a_play_without_a_fate_is_shown_as_missing(house: House) -> None:
    await house.connect()
    play_id = await queued(house)
    await house.deck.store.write(lambda db: queue.remove(db, [play_id]))
    assert "1 play, 1 not accounted for" in await house.page("/accounted")


async def test_every_fate_is_on_the_page_with_its_reason(house: House) -> None:
    expected = {
        "ignored": "Last.fm's filter ignored the artist",
        "refused": "Last.fm error 6: Invalid parameters",
        "expired": "older than 14 days",
        "threshold_not_met": "heard 71 s of 240 s, needs 120 s",
        "disabled": "scrobbling is turned off",
        "not_authenticated": "not signed in to Last.fm",
        "discarded": "discarded by the listener",
    }
    await house.connect()
    for place, (fate, reason) in enumerate(expected.items()):
        await settled(house, fate, Track("An artist", f"Track {place}", duration=200), reason=reason)
    await settled(house, "accepted", Track("Bjork", "Joga"), correction={"artist": "Björk", "track": "Jóga"})
    page = await house.page("/queue")
    for reason in expected.values():
        assert reason[1:].replace("'", "&#39;") in page
    assert "Corrected by Last.fm to Björk – Jóga." in page
    assert page.count('<tr id="play-') == len(expected) + 1


async def test_a_program_is_shown_with_the_id_of_its_token(house: House) -> None:
    token = await house.deck.accounts.token(house.me.id)
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "a script"}
    play = {"artist": "Low", "track": "July", "duration": 310, "played_time": 310}
    play["timestamp"] = int(house.deck.clock.now()) - 400
    saved = (await house.signed_out.post("/lastfm/scrobble", json=play, headers=headers)).json()
    (listed,) = re.findall(r"<b>Token</b> <code>([0-9a-f]+)</code>", await house.page("/settings"))
    assert f"By a script (token {listed})." in await house.page(f"/plays/{saved['id']}")


async def test_a_suspect_is_sent_by_one_click_and_only_once(house: House) -> None:
    await house.connect()
    at = house.deck.clock.now() - 700
    for player, played in (("a server", 300), ("a player", 600)):
        saved = await house.me.scrobble(SINNERMAN, started_at=at, played=played, reporter=player)
        at += 2
    assert saved.status == "duplicate"
    plays_part = await house.page("/fragments/plays?state=suspected")
    assert '<span class="chip held">Duplicate?</span>' in plays_part
    send = next(form for form in Tags(plays_part).all("form") if form["action"].endswith("/send"))
    assert send["action"] == send["hx-post"] == f"/plays/{saved.id}/send"
    assert (await house.signed_out.post(send["action"])).status_code == 401
    answer = await house.http.post(send["action"], headers={"HX-Request": "true"})
    assert (answer.status_code, answer.text) == (200, "It's in the queue.")
    assert (await house.me.queue()).queued == 2
    assert "Nothing" not in await house.page("/fragments/plays?state=waiting")
    assert "No suspected duplicates" in await house.page("/fragments/plays?state=suspected")
    assert (await house.http.post(send["action"])).status_code == 303  # it waits, and is due now
    for path, status in (("/plays/99/send", 404), (f"/plays/{2**63}/send", 400)):
        assert (await house.http.post(path)).status_code == status
    await settled(house, "accepted", song(1))
    play_id = saved.id + 1
    assert (await house.http.post(f"/plays/{play_id}/send")).status_code == 409
    refusal = await house.http.post(f"/plays/{play_id}/send", headers={"HX-Request": "true"})
    assert refusal.text == "Already on Last.fm, where plays can't be changed from here: edit or delete it on last.fm."
    assert refusal.headers["content-type"].startswith("text/plain")


async def test_a_form_leads_back_to_its_page_and_never_to_another_site(house: House) -> None:
    await house.connect()
    play_id = await queued(house)
    here = {"Referer": "http://localhost/queue?state=waiting"}
    assert (await house.http.post(f"/plays/{play_id}/send", headers=here)).headers["location"] == "/queue?state=waiting"
    for elsewhere in ("http://elsewhere.test/queue", "http://localhost//elsewhere.test/", "http://[", "nonsense"):
        answer = await house.http.post(f"/plays/{play_id}/send", headers={"Referer": elsewhere})
        assert answer.headers["location"] == "/queue"


async def test_each_state_is_a_filter_and_a_long_list_has_pages(house: House) -> None:
    await house.connect()
    for number in range(60):
        await queued(house, song(number), ago=10_000 + 10 * number)
    for place, (fate, state) in enumerate(
        {
            "ignored": "refused",
            "refused": "refused",
            "suspected": "suspected",
            "threshold_not_met": "not-sent",
            "expired": "too-old",
            "discarded": "discarded",
            "accepted": "accepted",
        }.items()
    ):
        await settled(house, fate, song(200 + place), ago=100_000 + place)
        assert f"Song {200 + place}" in await house.page(f"/queue?state={state}")
    first = await house.page("/queue?state=waiting")
    assert "60 plays in the queue" in first
    assert first.count('<tr id="play-') == 50
    assert "Waiting <b>60</b>" in first
    assert "Not accepted <b>2</b>" in first
    (more,) = (a["href"] for a in Tags(first).all("a") if "after=" in a["href"])
    assert (await house.page(more)).count('<tr id="play-') == 10
    every = await house.page("/queue?state=all")
    (older,) = (a["href"] for a in Tags(every).all("a") if "after=" in a["href"])
    assert (await house.page(older)).count('<tr id="play-') == 17
    for state in ("retrying", "held"):
        assert '<tr id="play-' not in await house.page(f"/queue?state={state}")
    assert (await house.http.get("/queue?state=nonsense")).status_code == 400
    assert (await house.http.get("/queue?after=nonsense")).status_code == 400


async def test_everything_is_on_hold_while_nothing_can_be_sent(house: House) -> None:
    await house.connect()
    await queued(house)
    await house.deck.store.write(lambda db: db.execute(account.update().values(connection="needs_sign_in")))
    page = await house.page("/queue?state=held")
    assert "On hold <b>1</b>" in page
    assert "Last.fm has ended the session: sign in to Last.fm again." in page


async def test_the_timeline_says_what_could_not_be_read(house: House) -> None:
    await house.connect()
    play = Play(SINNERMAN, int(house.deck.clock.now()) - 700, 622.0)
    text = 'ignored because unreadable: track_number "A1"'
    saved = await house.deck.reports.scrobble(house.me.id, play, left_out=text)
    story = await house.page(f"/plays/{saved.id}")
    assert "Some fields unreadable" in story
    assert "Ignored because unreadable: track_number &#34;A1&#34;." in story


async def test_a_play_shows_everything_that_happened_to_it(house: House) -> None:
    await house.connect()
    await settled(house, "refused", reason="Last.fm error 6: Invalid parameters")
    page = await house.page("/plays/1")
    for text in ("Reported", "Counts", "Heard 622 s of 622 s", "Rejected", "Last.fm error 6: Invalid parameters."):
        assert text in page
    assert (await house.http.get("/plays/77")).status_code == 404
    for row in ("/plays/1", "/fragments/timeline/1"):
        assert (await house.signed_out.get(row)).status_code == 401


async def test_a_play_is_edited_and_sent_again(house: House) -> None:
    await house.connect()
    await settled(house, "ignored", Track("Unknown Artist", "Track 04", duration=622))
    names = {"artist": "Nina Simone", "track": "Sinnerman", "album": "Pastel Blues", "album_artist": ""}
    answer = await house.http.post("/plays/1/correct", data=names)
    assert (answer.status_code, answer.headers["location"]) == (303, "/plays/2")
    assert "Sent with these names in place of play 1" in await house.page("/plays/2")
    assert "Show the play sent in its place" in await house.page("/plays/1")
    assert (await house.http.post("/plays/1/correct", data=names)).status_code == 409
    nameless = await house.http.post("/plays/2/correct", data={**names, "artist": " "})
    assert nameless.status_code == 422
    assert "Enter an artist." in nameless.text
    assert 'value="Sinnerman"' in nameless.text
    assert (await house.http.post("/plays/2/discard")).status_code == 303
    assert "Discarded by the listener." in await house.page("/plays/2")


async def test_the_numbers_are_of_today_and_true(house: House) -> None:
    await house.connect()
    await settled(house, "accepted", song(1))
    await settled(house, "accepted", song(2), ago=3 * 86400)
    await settled(house, "accepted", song(3), ago=3 * 86400, settled_ago=2 * 86400)
    await settled(house, "ignored", song(4), ago=700)
    await settled(house, "refused", song(5), ago=15 * 86400)
    for number in range(60):
        await queued(house, song(100 + number), ago=10_000 + 10 * number)
    numbers = re.findall(r"<b>(\d+)</b>", await house.page("/fragments/numbers"))
    assert numbers == ["2", "60", "1"]


async def test_each_part_is_as_its_page_has_it(house: House) -> None:
    await house.connect()
    await settled(house, "ignored", song(1), ago=900)
    await queued(house, song(2), ago=600)

    def without_times(page: str) -> str:
        return re.sub(r' data-stale-in="[^"]*"|(?<= )[^ ]+ s ago|data-ago="[^"]*"', "", page)

    page = without_times(await house.page("/"))
    for part in ("who", "notices", "now", "numbers", "connection", "days", "latest"):
        assert without_times(await house.page(f"/fragments/{part}")) in page


async def test_a_known_daily_limit_is_shown_above_the_queue(house: House) -> None:
    await house.connect()
    assert "Daily limit" not in await house.page("/fragments/plays")
    await settled(house, "accepted", song(1))
    await house.deck.store.write(lambda db: db.execute(account.update().values(budget=1200)))
    assert "Daily limit: 1 of about 1,200 used.</p>" in await house.page("/fragments/plays")
    await house.deck.store.write(lambda db: db.execute(account.update().values(budget=10)))
    for number in range(30):
        await queued(house, song(100 + number), ago=20_000 + 10 * number)
    expected = (
        r"Daily limit: 1 of about 10 used, backlog clear by <time [^>]* data-by>[A-Z]\w+day \d\d:\d\d</time>\.</p>"
    )
    assert re.search(expected, await house.page("/fragments/plays"))


async def test_what_plays_is_shown_until_it_is_over(house: House) -> None:
    await house.connect()
    await house.show(Track("Sigur Rós", "Svefn-g-englar", "Ágætis byrjun", duration=604))
    page = await house.page("/fragments/now")
    assert "Svefn-g-englar" in page
    assert re.search(r"0:00</span> of 10:04,\s+scrobbles at 4:00", page)
    house.emulator.revoke("RJ")
    await house.show(Track("Sigur Rós", "Olsen Olsen", duration=483))
    assert "Not shown on Last.fm: you&#39;re not signed in." in await house.page("/fragments/now")


async def test_hostile_names_are_only_ever_text(house: House) -> None:
    await house.connect()
    await queued(house)
    await settled(house, "refused", ago=1300)
    await house.show(SINNERMAN)
    calm, calm_home = Tags(await house.page("/queue?state=all")), Tags(await house.page())
    for place, name in enumerate(HOSTILE, 1):
        track = Track(name, name, name, duration=200)
        await queued(house, track, ago=1000 + place)
        await settled(house, "refused", track, ago=2000 + place, reason=f"Last.fm error 6: {name}")
        await house.show(track)
        assert {tag for tag, _ in Tags(await house.page()).found} <= {tag for tag, _ in calm_home.found}
        text = await house.page("/queue?state=all")
        tags = Tags(text)
        assert {tag for tag, _ in tags.found} == {tag for tag, _ in calm.found}
        assert not [attr for _, attrs in tags.found for attr in attrs if attr.startswith("on")]
        assert len(tags.all("script")) == len(calm.all("script"))
        assert len(tags.all("tr")) == len(calm.all("tr")) + 2 * place
        assert "{{ 7 * 7 }}" in text or place < 3
        assert max(map(len, text.splitlines())) < 2_000


PAGES = (
    "/",
    "/queue",
    "/settings",
    "/plays/1",
    "/docs",
    "/offline",
    "/signin?link=used",
    "/fragments/nothing",
    "/connect/back",
    *[f"/fragments/{p}" for p in PARTS],
)


async def test_every_page_forbids_what_it_does_not_need(house: House) -> None:
    for browser, path in product((house.http, house.signed_out), PAGES):
        answer = await browser.get(path)
        assert answer.headers["content-type"].startswith("text/html")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert f"form-action 'self' {AUTH.removesuffix('/api/auth/')};" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


async def test_no_page_fetches_anything_from_elsewhere_or_carries_code(house: House) -> None:
    await house.connect()
    await queued(house)
    for browser, path in product((house.http, house.signed_out), PAGES):
        tags = Tags((await browser.get(path)).text)
        for tag, attrs in tags.found:
            assert "style" not in attrs
            for name in ("src", "href", "action", "hx-get", "hx-post", "hx-sse:connect"):
                if tag != "a" and name in attrs:
                    assert attrs[name].startswith("/"), (tag, attrs)
                    assert not attrs[name].startswith("//")
        assert all("src" in script for script in tags.all("script"))
        assert not tags.all("style")
        outward = [a["href"] for a in tags.all("a") if not a["href"].startswith(("/", "#"))]
        assert all(href.startswith("https://www.last.fm/") for href in outward)


async def test_an_unknown_address_is_a_page_for_browsers_and_json_for_programs(house: House) -> None:
    app = create_app(house.deck)
    add_error_pages(app, safe_headers(AUTH))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as http:
        page = await http.get("/nowhere", headers={"Accept": "text/html,*/*"})
        assert page.status_code == 404
        assert "<h1>Not found</h1>" in page.text
        for path, accept in (("/nowhere", "*/*"), ("/lastfm/nowhere", "text/html")):
            answer = await http.get(path, headers={"Accept": accept})
            assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


async def test_an_unexpected_error_is_a_page_for_browsers_too(house: House) -> None:
    app = create_app(house.deck)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a secret of ours")

    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        page = await http.get("/broken", headers={"Accept": "text/html,*/*"})
        assert (page.status_code, "Something went wrong</h1>" in page.text) == (500, True)
        assert "a secret" not in page.text
        answer = await http.get("/broken")
        assert answer.json() == {"detail": "something went wrong inside tonearm; see its log"}


async def test_without_scripts_a_form_says_what_it_did_once(house: House) -> None:
    await house.connect()
    await house.http.post("/threshold", data={"percent": "70"})
    assert "Saved. This applies from the next play." in await house.page("/settings")
    assert "Saved." not in await house.page("/settings")
    await house.http.post("/retry")
    assert "Nothing was waiting." in await house.page("/queue")
    assert "Nothing was waiting." not in await house.page("/queue")
    await house.http.post("/retry")
    assert "Nothing was waiting." not in await house.page("/fragments/notices")
    assert "Nothing was waiting." in await house.page("/queue")  # a part of a page has no place for it


async def test_what_a_form_says_is_only_text(house: House) -> None:
    await house.http.post("/queue/discard", data={"user": "<b>ann</b>"})
    page = await house.page("/queue")
    assert "&lt;b&gt;ann" in page
    assert "<b>ann" not in page


async def test_a_failed_form_leads_back_to_its_page(house: House) -> None:
    at = {"Referer": "http://localhost/queue?state=all"}
    failed = await house.http.post("/plays/999/discard", headers=at)
    assert (failed.status_code, "You don&#39;t have that play." in failed.text) == (404, True)
    assert '<a class="button main" href="/queue?state=all">Go back</a>' in failed.text
    assert "Go back" not in (await house.http.post("/plays/999/discard")).text


async def test_with_the_real_last_fm_there_is_no_emulators_page(house: House) -> None:
    assert (await house.http.get("/emulator")).status_code == 404
    assert "/emulator" not in await house.page()


async def test_a_stand_in_that_is_gone_is_reported(house: House) -> None:
    app = create_app(house.deck, WebOptions(emulator_url="http://127.0.0.1:9/_faults"))
    link = await house.deck.accounts.link(house.me.id)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as http:
        await http.get("/signin", params={"link": link})
        answer = await http.get("/emulator")
        assert answer.status_code == 502
        assert "The stand-in for Last.fm isn&#39;t answering" in answer.text
        assert (await http.post("/emulator/throw", data={"what": "nonsense of ours"})).status_code == 400


async def test_files_carry_their_hash_and_are_kept_for_ever(house: House) -> None:
    tags = Tags(await house.page())
    files = [link["href"] for link in tags.all("link")] + [script["src"] for script in tags.all("script")]
    assert len(files) == 8
    for file in files:
        answer = await house.signed_out.get(file)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
        plain = await house.signed_out.get(file, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == answer.content
    assert (await house.signed_out.get("/static/page.000000000000.css")).status_code == 404
    assert (await house.signed_out.get("/static/..%2fpages.py")).status_code == 404


async def test_a_phone_can_install_the_page_as_an_app(house: House) -> None:
    page = await house.page()
    tags = Tags(page)
    (at,) = (link["href"] for link in tags.all("link") if link["rel"] == "manifest")
    manifest = (await house.signed_out.get(at)).json()
    assert urljoin(at, manifest["start_url"]) == "/"
    for icon in manifest["icons"]:
        found = await house.signed_out.get(urljoin(at, icon["src"]))
        assert found.headers["content-type"] == icon["type"]
        assert struct.unpack(">II", found.content[16:24]) == tuple(map(int, icon["sizes"].split("x")))
    assert {meta["content"] for meta in tags.all("meta") if meta.get("name") == "theme-color"} == {"#ffffff", "#1c1d21"}


async def test_the_installed_app_keeps_a_page_for_when_it_is_offline(house: House) -> None:
    answer = await house.signed_out.get("/worker.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    assert "connect-src 'self'" in answer.headers["content-security-policy"]
    facts = dict(re.findall(r"^const ([A-Z]+) = (.*);$", answer.text, re.MULTILINE))
    offline = await house.signed_out.get(json.loads(facts["PAGE"]))
    assert "Can't reach tonearm" in offline.text
    tags = Tags(offline.text)
    needed = {link["href"] for link in tags.all("link") if link["rel"] == "stylesheet"}
    needed |= {script["src"] for script in tags.all("script")}
    assert needed <= set(json.loads(facts["FILES"]))
    for file in json.loads(facts["FILES"]):
        assert (await house.signed_out.get(file)).status_code == 200
    assert assets.worker("/music", "/music/offline") != answer.text
    assert '"/music/static/page.' in assets.worker("/music", "/music/offline")


async def test_every_page_answers_head_as_it_answers_get(house: House) -> None:
    for path in ("/", "/queue", "/history", "/loved", "/library", "/settings", "/players", "/docs", "/plays/77"):
        head, get = await house.http.head(path), await house.http.get(path)
        assert (head.status_code, head.headers["content-type"]) == (get.status_code, get.headers["content-type"]), path


async def test_the_days_turn_over_at_midnight(house: House) -> None:
    (part,) = (tag for tag in Tags(await house.page()).all("section") if tag.get("id") == "days")
    assert 0 < float(part["data-stale-in"]) <= 25 * 3600 + 1


async def test_repeated_attempts_are_one_step(house: House) -> None:
    await house.connect()
    play_id, now = await queued(house), house.deck.clock.now()

    def write(db: Connection) -> None:
        offline = "Last.fm error 11: Service Offline"
        for place, text in enumerate([offline] * 6 + ["no answer", offline]):
            attempts.write(db, house.me.id, now - 600 + 60 * place, "Later", Cause(None, text), [play_id])

    await house.deck.store.write(write)
    story = await house.page(f"/plays/{play_id}")
    assert story.count("Last.fm couldn&#39;t accept it") == 3
    assert "Last.fm couldn&#39;t accept it, 6 attempts</strong>" in story
    assert re.search(r"6 attempts</strong> <span class=\"small\"><time .*</time> to <time .*</time>", story)


def test_scripts_are_sent_without_what_no_browser_needs() -> None:
    source = b"// It.\n'use strict';\n\n  const there = 'http://a.example//b'; // where\n  say(`c // d`); // isn't\n"
    sent = b"'use strict';\nconst there = 'http://a.example//b';\nsay(`c // d`); // isn't\n"
    assert assets.lean(source) == sent


async def test_the_first_page_is_light(house: House) -> None:
    await house.connect()
    for number in range(40):
        await settled(house, "accepted", song(number), ago=number * 300)
    tags = Tags(await house.page())
    files = [link["href"] for link in tags.all("link") if link["rel"] == "stylesheet"]
    files += [script["src"] for script in tags.all("script")]
    packed = sum(len(found.gzipped) for file in files if (found := assets.find(file)))
    assert packed < 30_000  # and the page itself is some kilobytes


async def test_every_script_and_style_has_its_licence_beside_it() -> None:
    vendored = Path(web.__file__).parent / "static" / "vendor"
    assert "Zero-Clause BSD" in (vendored / "LICENSE-htmx.txt").read_text()


async def test_the_reference_names_every_endpoint_of_the_description(house: House) -> None:
    described = (await house.signed_out.get("/openapi.json")).json()
    page = (await house.signed_out.get("/docs")).text
    for path, methods in described["paths"].items():
        assert f'<code class="path">{path}</code>' in page
        for method in methods:
            assert f">{method.upper()}</span>" in page
    assert 'id="post-lastfm-scrobble"' in page
    assert "integer (25 to 100) or null" in page
    assert "/fragments" not in page
