"""Other services on the pages: in the settings, and in the story of a play. Who has none sees nothing of them."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from httpx2 import Response

import tonearm
from tests.lastfm.loopback import answering, serving
from tests.listening import library_row
from tests.network import tls_of
from tests.patience import async_pause
from tests.stand_ins.gnufm import GnuFmStandIn
from tests.stand_ins.listenbrainz import ListenBrainzStandIn
from tests.stand_ins.pds import PdsStandIn
from tests.stand_ins.serving import Fault
from tests.web.conftest import House, house_at
from tonearm.core.destination import DestinationKind
from tonearm.core.policy import ArtistForm, Policy
from tonearm.ingest.incoming import Heart
from tonearm.listenbrainz import ListenBrainzClient
from tonearm.service.destination_results import DestinationOverview, DestinationProfile, DestinationRefused
from tonearm.service.destination_setup import CheckedProfile
from tonearm.service.destination_sign_in import NameAndPassword
from tonearm.service.players import PlayerKind
from tonearm.store import library
from tonearm.store.destinations import StoredDestination

pytestmark = pytest.mark.anyio

TRACK = tonearm.Track("Nina Simone", "Sinnerman", duration=200)


@pytest.fixture
def server() -> ListenBrainzStandIn:
    stand_in = ListenBrainzStandIn()
    stand_in.users = {"a-token": "rob"}
    return stand_in


@pytest.fixture
async def delivering(database: str, server: ListenBrainzStandIn) -> AsyncIterator[House]:
    """A house that sends, with a ListenBrainz beside Last.fm."""
    async with house_at(database, deliver=True, hosts={"one.test": server}) as opened:
        yield opened


async def add(house: House) -> None:
    kind = DestinationKind.LISTENBRAINZ
    added = await house.deck.destinations.add(house.me.id, kind, "http://one.test", "a-token")
    assert isinstance(added, StoredDestination)


async def only(house: House) -> DestinationOverview:
    [found] = await house.deck.destination_views.all(house.me.id)
    return found


async def play(house: House) -> int:
    return (await house.me.scrobble(TRACK, started_at=house.deck.clock.now() - 900, played=150)).id


async def test_who_has_only_lastfm_sees_nothing_of_other_services(house: House) -> None:
    play_id = await play(house)
    assert "Other services" not in await house.page("/settings")
    assert "Other services" not in await house.page(f"/plays/{play_id}")


async def test_the_settings_show_each_service_and_pause_it(delivering: House) -> None:
    await add(delivering)
    page = await delivering.page("/settings")
    assert 'data-state="live" href="/settings/destinations/1"><bdi>ListenBrainz (rob)</bdi></a>' in page
    assert "Nothing waits" in page
    destination_id = (await only(delivering)).stored.id
    answer = await delivering.http.post(f"/settings/destinations/{destination_id}/pause")
    assert answer.status_code == 303
    await play(delivering)
    page = await delivering.page("/settings")
    assert "Paused" in page
    assert "1 play waits" in page
    page = await delivering.page(f"/settings/destinations/{destination_id}")
    assert "<bdi>Nina Simone</bdi> – <bdi>Sinnerman</bdi>" in page
    assert "On hold: Sending is paused." in page
    assert "Not accepted" not in page
    assert (await delivering.http.get("/settings/destinations/99")).status_code == 404
    for action in ("resume", "retry"):
        assert (await delivering.http.post(f"/settings/destinations/{destination_id}/{action}")).status_code == 303
    assert (await only(delivering)).state == "connected"
    assert (await delivering.http.post("/settings/destinations/99/pause")).status_code == 404


async def test_services_that_name_no_user_are_distinguished_by_their_hosts(house: House) -> None:
    for host in ("one.test", "two.test"):
        profile = DestinationProfile(DestinationKind.MALOJA, f"http://{host}", "", host)
        added = await house.deck.destinations.add_profile(house.me.id, profile, None, 0.0)
        assert isinstance(added, StoredDestination)
    play_id = await play(house)
    for path in ("/settings", "/queue", f"/plays/{play_id}"):
        page = await house.page(path)
        assert "<bdi>Maloja (one.test)</bdi>" in page, path
        assert "<bdi>Maloja (two.test)</bdi>" in page, path


async def test_a_service_that_needs_a_token_says_so(delivering: House, server: ListenBrainzStandIn) -> None:
    await add(delivering)
    server.users.clear()
    await play(delivering)
    while (await only(delivering)).state != "needs_sign_in":
        await async_pause()
    page = await delivering.page("/settings")
    assert 'data-state="lost"' in page
    assert "Needs a new token" in page
    assert "ListenBrainz rejects the token: enter a new token." in page


async def test_the_page_of_a_play_says_what_happened_at_each_service(delivering: House) -> None:
    await add(delivering)
    play_id = await play(delivering)
    while (await only(delivering)).waiting.plays:
        await async_pause()
    page = await delivering.page(f"/plays/{play_id}")
    assert "Other services" in page
    assert "<b><bdi>ListenBrainz (rob)</bdi></b> Accepted" in page


async def test_the_queue_shows_what_waits_for_one_service(delivering: House) -> None:
    await add(delivering)
    destination_id = (await only(delivering)).stored.id
    await delivering.deck.destinations.pause(delivering.me.id, destination_id, paused=True)
    assert "Nothing is waiting, and nothing was rejected or ignored there." in await delivering.page(
        f"/queue?destination={destination_id}"
    )
    await play(delivering)
    page = await delivering.page("/queue")
    assert f'href="/queue?destination={destination_id}"><bdi>ListenBrainz (rob)</bdi> <b>1</b></a>' in page
    page = await delivering.page(f"/queue?destination={destination_id}")
    assert f'href="/queue?destination={destination_id}" aria-current="true"' in page
    assert re.search(r"Sinnerman.*On hold.*Sending is paused\.", page, re.DOTALL)
    assert f'hx-get="/fragments/plays?destination={destination_id}"' in page
    assert (await delivering.http.get("/queue?destination=99")).status_code == 404


async def test_the_queue_shows_what_a_service_has_not_accepted(delivering: House, server: ListenBrainzStandIn) -> None:
    await add(delivering)
    server.bad = lambda play: True
    destination_id = (await only(delivering)).stored.id
    await play(delivering)
    server.fail_next(Fault.OUTAGE)
    while (await only(delivering)).waiting.plays and not (await only(delivering)).waits:
        await async_pause()
    page = await delivering.page(f"/fragments/plays?destination={destination_id}")
    assert re.search(r"Sinnerman.*(Retrying|Rejected|Queued|Sending)", page, re.DOTALL)


# Adding one on the page


@pytest.fixture
async def adding(database: str, server: ListenBrainzStandIn, fm: GnuFmStandIn, pds: PdsStandIn) -> AsyncIterator[House]:
    """A house that sends, beside services that are not added yet."""
    hosts = {"one.test": server, "fm.test": fm, "pds.test": pds}
    async with house_at(database, deliver=True, hosts=hosts) as opened:
        yield opened


@pytest.fixture
def pds() -> PdsStandIn:
    stand_in = PdsStandIn()
    stand_in.users["ez5g-3ik7-zt4q-znvo"] = "anna.test"
    return stand_in


@pytest.fixture
def fm() -> GnuFmStandIn:
    stand_in = GnuFmStandIn()
    stand_in.passwords["anna"] = "sesame, open"
    return stand_in


async def check(house: House, **given: str) -> Response:
    """The form that asks a service whose token this is."""
    entered = {"kind": "listenbrainz", "url": "http://one.test", "token": "a-token", **given}
    return await house.http.post("/settings/destinations/new", data=entered)


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return html.unescape(found[1])


async def test_a_service_is_added_on_the_page_in_two_steps(adding: House, server: ListenBrainzStandIn) -> None:
    await play(adding)
    assert 'href="/settings/destinations/new"' in await adding.page("/settings")
    page = await adding.page("/settings/destinations/new")
    assert "User token" in page
    checked = await check(adding)
    assert checked.status_code == 200, checked.text
    assert "<bdi>rob</bdi> at ListenBrainz" in checked.text
    assert "Everything: 1 play" in checked.text
    assert "a-token" not in checked.text
    assert await adding.deck.destination_views.all(adding.me.id) == []
    chosen = {"state": hidden(checked.text, "state"), "artist": "first", "history": "everything"}
    preview = await adding.http.post("/settings/destinations/preview", data=chosen)
    assert "1 play of your history would follow. Of your latest 1 play, none would have stayed here" in preview.text
    assert 'value="first" checked' in preview.text
    part = await adding.http.post("/settings/destinations/preview", data=chosen, headers={"HX-Request": "true"})
    assert part.text.startswith("<p>1 play of your history would follow")
    added = await adding.http.post("/settings/destinations", data=chosen)
    assert added.status_code == 303
    found = await only(adding)
    assert added.headers["location"] == f"/settings/destinations/{found.stored.id}"
    assert (found.stored.policy.artist, found.stored.policy.album_artist) == ("first", False)
    while not server.stored:
        await async_pause()
    assert [one.title for one in server.stored] == ["Sinnerman"]


@pytest.mark.parametrize(
    ("given", "at", "says"),
    [
        ({"token": "wrong"}, "token", "ListenBrainz rejects the token: "),
        ({"token": ""}, "token", "Enter the token: letters, digits and signs without blanks."),
        (
            {"url": "http://nobody.test"},
            "url",
            "Nothing answers at nobody.test: is the address right, and is it running?",
        ),
        ({"url": "one.test"}, "url", "The address must start with https:// or http://, followed by a host."),
        ({"url": "http://fm.test"}, "url", "The server there isn&#39;t ListenBrainz (HTTP"),
        ({"kind": "maloja", "url": ""}, "url", "The address must start with"),
    ],
)
async def test_what_is_wrong_is_shown_at_its_field_and_nothing_has_to_be_entered_again(
    adding: House, given: dict[str, str], at: str, says: str
) -> None:
    if "nobody" in given.get("url", ""):
        gone(adding, "nobody.test")
    answer = await check(adding, **given)
    assert answer.status_code == 422
    [problem] = re.findall(rf'<p class="problem" id="{at}-problem"[^>]*>([^<]*)', answer.text)
    assert says in problem
    assert f'aria-describedby="{at}-problem"' in answer.text
    url = given.get("url", "http://one.test")
    assert f'name="url" type="text" value="{url}"' in answer.text
    assert "a-token" not in answer.text
    if given.get("token") is None:
        kept = {"url": "http://one.test", "token": "", "kept": hidden(answer.text, "kept")}
        assert "<bdi>rob</bdi> at ListenBrainz" in (await check(adding, **kept)).text
    assert await adding.deck.destination_views.all(adding.me.id) == []


def gone(house: House, host: str) -> None:
    """Nobody can reach that host."""
    wire = house.deck.destinations.outlets.makers[DestinationKind.LISTENBRAINZ]
    transport: Any = wire.keywords["http"]._transport  # type: ignore[attr-defined]
    transport.gone.add(host)


async def test_a_server_that_wants_https_or_has_another_certificate_says_so(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over real sockets: an untrusted certificate, a redirect to https, and https to a server without it."""
    async with httpx2.AsyncClient() as http:
        wire = partial(ListenBrainzClient, user_agent="tests", http=http)
        monkeypatch.setitem(house.deck.destinations.outlets.makers, DestinationKind.LISTENBRAINZ, wire)
        with serving(answering(b"{}"), tls_of(tmp_path)) as untrusted:
            answer = await check(house, url=untrusted.url)
            host = untrusted.url.removeprefix("https://").partition("/")[0]
            assert f"The certificate of {host} isn&#39;t valid: self" in at_field(answer, "url")
        with serving(answering(b"", "301 Moved", "Location: https://127.0.0.1/")) as redirects:
            assert "requires https: use https:// in the address." in at_field(
                await check(house, url=redirects.url), "url"
            )
        with ListenBrainzStandIn() as plain:
            answer = await check(house, url=plain.url.replace("http:", "https:"))
            assert "doesn&#39;t answer over https: is it http://?" in at_field(answer, "url")


def at_field(answer: Response, name: str) -> str:
    """What a form says is wrong with a field."""
    assert answer.status_code == 422
    [problem] = re.findall(rf'<p class="problem" id="{name}-problem"[^>]*>([^<]*)', answer.text)
    return str(problem)


async def test_a_destination_is_not_added_twice(adding: House) -> None:
    await add(adding)
    answer = await check(adding)
    assert answer.status_code == 422
    assert "ListenBrainz (rob) is already one of your destinations." in answer.text


async def test_a_check_of_another_listener_or_of_long_ago_adds_nothing(adding: House) -> None:
    other = await adding.deck.listener("ann")
    checked = await adding.deck.destination_setup.check(
        other.id, DestinationKind.LISTENBRAINZ, "http://one.test", "a-token"
    )
    assert isinstance(checked, CheckedProfile)
    for state in (checked.state, "nonsense"):
        answer = await adding.http.post("/settings/destinations", data={"state": state})
        assert answer.status_code == 422
        assert "enter it again" in answer.text
        answer = await adding.http.post("/settings/destinations/preview", data={"state": state})
        assert answer.status_code == 410
    late = await adding.deck.destination_setup.add(adding.me.id, "nonsense", Policy(), 0)
    assert isinstance(late, DestinationRefused)
    assert "start again" in late.reason


async def test_days_that_are_not_a_number_have_to_be_entered_again(adding: House) -> None:
    checked = await check(adding)
    chosen = {"state": hidden(checked.text, "state"), "history": "days", "days": "many", "not_from": "a tablet"}
    answer = await adding.http.post("/settings/destinations", data=chosen)
    assert at_field(answer, "days") == "Enter a number of days."
    assert 'name="not_from" value="a tablet" checked' in answer.text


async def test_a_service_is_signed_in_to_on_its_page(adding: House, fm: GnuFmStandIn) -> None:
    form = await adding.page("/settings/destinations/new?kind=lastfm-like")
    assert "Sign in on its page" in form
    asked = await check(adding, kind="lastfm-like", url="http://fm.test", token="")
    assert asked.status_code == 200, asked.text
    assert "http://fm.test/api/auth/?api_key=" in html.unescape(asked.text)
    waiting = {name: hidden(asked.text, name) for name in ("kind", "state", "auth_url", "number")}
    early = await adding.http.post("/settings/destinations/waiting", data=waiting)
    assert "Not approved yet at fm.test." in early.text
    part = await adding.http.post("/settings/destinations/waiting", data=waiting, headers={"HX-Request": "true"})
    assert part.text.startswith('<div id="new-destination">')
    assert "Not approved yet" not in part.text
    [token] = fm.tokens
    fm.approve(token, "anna")
    part = await adding.http.post("/settings/destinations/waiting", data=waiting, headers={"HX-Request": "true"})
    assert "<bdi>anna</bdi> at fm.test" in part.text
    added = await adding.http.post("/settings/destinations", data={"state": hidden(part.text, "state")})
    assert added.status_code == 303
    again = await adding.http.post("/settings/destinations/waiting", data={**waiting, "state": "nonsense"})
    assert again.status_code == 422
    assert "start again" in again.text


async def test_a_sign_in_at_a_destination_that_cant_be_is_refused(adding: House) -> None:
    form = {"kind": "librefm", "state": "x", "auth_url": "http://fm.test/", "number": str(2**63)}
    assert (await adding.http.post("/settings/destinations/waiting", data=form)).status_code == 400
    form["number"] = "99"
    assert (await adding.http.post("/settings/destinations/waiting", data=form)).status_code == 404


async def test_a_service_is_signed_in_to_with_a_password(adding: House, fm: GnuFmStandIn) -> None:
    given = {"kind": "librefm", "url": "http://fm.test", "by": "password", "username": "anna"}
    answer = await check(adding, **given, token="wrong")
    assert "doesn&#39;t accept this name and password" in at_field(answer, "token")
    assert 'value="anna"' in answer.text
    answer = await check(adding, **given, token="sesame, open")
    assert "<bdi>anna</bdi> at fm.test" in answer.text


async def test_a_service_is_signed_in_to_with_an_app_password(adding: House, pds: PdsStandIn) -> None:
    form = await adding.page("/settings/destinations/new?kind=tealfm")
    assert "Handle, such as anna.bsky.social" in form
    assert "Sign in on its page" not in form
    given = {"kind": "tealfm", "url": "http://pds.test", "username": "anna.test"}
    answer = await check(adding, **given, token="wrong")
    assert "The server rejects the sign-in: Invalid identifier or password" in at_field(answer, "token")
    assert 'value="anna.test"' in answer.text
    answer = await check(adding, **given, token="ez5g-3ik7-zt4q-znvo")
    assert "<bdi>anna.test</bdi> at teal.fm" in answer.text
    assert "ez5g" not in answer.text
    added = await adding.http.post("/settings/destinations", data={"state": hidden(answer.text, "state")})
    at = added.headers["location"]
    page = await adding.page(at)
    assert 'id="token-title">Sign-in</h2>' in page
    assert 'value="anna.test"' in page
    pds.fault = Fault.REVOKED
    await play(adding)
    while (await only(adding)).state != "needs_sign_in":
        await async_pause()
    assert "Session ended" in await adding.page("/settings")
    assert "has ended the session: sign in again." in await adding.page("/settings")
    pds.fault = Fault.NONE
    signed = {"username": "anna.test", "token": "ez5g-3ik7-zt4q-znvo"}
    assert (await adding.http.post(f"{at}/token", data=signed)).status_code == 303
    while not pds.stored:
        await async_pause()


# The page of a service


async def test_what_a_service_gets_is_changed_on_its_page(adding: House) -> None:
    await add(adding)
    at = f"/settings/destinations/{(await only(adding)).stored.id}"
    await play(adding)
    assert "Don't send what these players report" not in await adding.page(at)  # no player has reported it
    await adding.deck.players.add(adding.me.id, "kitchen", PlayerKind.LASTFM)
    assert re.findall(r'name="not_from" value="([^"]*)"', await adding.page(at)) == ["kitchen"]
    chosen = {"artist": "first", "not_from": "a tablet"}
    preview = await adding.http.post(f"{at}/preview", data=chosen)
    assert "Of your latest 1 play, none would have stayed here" in preview.text
    assert 'value="a tablet" checked' in preview.text
    part = await adding.http.post(f"{at}/preview", data=chosen, headers={"HX-Request": "true"})
    assert part.text.startswith("<p>Of your latest 1 play")
    assert (await only(adding)).stored.policy == Policy()
    assert (await adding.http.post(f"{at}/policy", data=chosen)).status_code == 303
    assert (await only(adding)).stored.policy == Policy(ArtistForm.FIRST, False, ("a tablet",), hearts=False)
    assert (await adding.http.post(f"{at}/private", data={"on": "true"})).status_code == 303
    assert "What your players report until" in await adding.page(at)
    assert (await adding.http.post(f"{at}/private", data={"on": "false"})).status_code == 303
    assert (await only(adding)).stored.policy == Policy(ArtistForm.FIRST, False, ("a tablet",), hearts=False)
    answer = await adding.http.post(f"{at}/history", data={"history": "days", "days": "0"})
    assert at_field(answer, "days") == "Enter a number of days."
    assert (await adding.http.post(f"{at}/history", data={"history": "everything"})).status_code == 303
    assert "in these folders of your library" not in await adding.page(at)  # nothing has been scanned
    folders = {**chosen, "not_in": " /music/Kids \n\n/films\n", "hearts": "true"}
    rows = [library_row("/music/Kids/a.flac", "Low", "Words")]
    await adding.deck.store.write(lambda db: library.write(db, adding.me.id, rows))
    answer = await adding.http.post(f"{at}/policy", data=folders)
    assert "no scanned file in /films" in at_field(answer, "not-in")
    assert "/music/Kids\n/films</textarea>" in answer.text
    folders["not_in"] = "/music/Kids"
    assert (await adding.http.post(f"{at}/policy", data=folders)).status_code == 303
    assert (await only(adding)).stored.policy == Policy(
        ArtistForm.FIRST, False, ("a tablet",), not_in=("/music/Kids",), hearts=True
    )
    for path in ("policy", "preview", "history", "private", "token", "remove"):
        data = {"on": "true", "token": "t"}
        assert (await adding.http.post(f"/settings/destinations/99/{path}", data=data)).status_code == 404


async def test_a_new_token_is_entered_on_the_page(adding: House, server: ListenBrainzStandIn) -> None:
    await add(adding)
    at = f"/settings/destinations/{(await only(adding)).stored.id}"
    server.users = {"a-new-token": "rob", "of-ann": "ann"}
    await play(adding)
    while (await only(adding)).state != "needs_sign_in":
        await async_pause()
    assert ">New token<" in await adding.page("/settings")
    assert "rejects the token" in at_field(await adding.http.post(f"{at}/token", data={"token": "a-token"}), "token")
    answer = await adding.http.post(f"{at}/token", data={"token": "of-ann"})
    assert "this token belongs to ann" in at_field(answer, "token").lower()
    assert (await adding.http.post(f"{at}/token", data={"token": "a-new-token"})).status_code == 303
    while not server.stored:
        await async_pause()
    assert (await only(adding)).state == "connected"


async def test_a_session_that_has_ended_is_renewed_on_its_page(adding: House, fm: GnuFmStandIn) -> None:
    given = NameAndPassword("anna", "sesame, open")
    added = await adding.deck.destinations.add(adding.me.id, DestinationKind.LIBREFM, "http://fm.test", given)
    assert isinstance(added, StoredDestination)
    at = f"/settings/destinations/{added.id}"
    fm.passwords["bob"] = "sesame"
    answer = await adding.http.post(f"{at}/token", data={"by": "password", "username": "bob", "token": "sesame"})
    assert "You signed in as bob, but plays are waiting for anna" in answer.text
    asked = await adding.http.post(f"{at}/token", data={"by": "page"})
    waiting = {name: hidden(asked.text, name) for name in ("kind", "state", "auth_url", "number")}
    [token] = fm.tokens
    fm.approve(token, "bob")
    answer = await adding.http.post("/settings/destinations/waiting", data=waiting)
    assert "You signed in as bob" in answer.text
    asked = await adding.http.post(f"{at}/token", data={"by": "page"})
    waiting = {name: hidden(asked.text, name) for name in ("kind", "state", "auth_url", "number")}
    [token] = fm.tokens
    fm.approve(token, "anna")
    done = await adding.http.post("/settings/destinations/waiting", data=waiting, headers={"HX-Request": "true"})
    assert (done.status_code, done.headers["hx-redirect"]) == (204, at)
    gone_ = {**waiting, "number": "99"}
    assert (await adding.http.post("/settings/destinations/waiting", data=gone_)).status_code == 404
    fm.fault = Fault.OUTAGE
    answer = await adding.http.post(f"{at}/token", data={"by": "page"})
    assert re.findall('<p class="problem" role="alert"[^>]*>([^<]*)', answer.text) == [
        "Fm.test error 11: Service Offline - This service is temporarily offline. Try again later."
    ]


async def test_removing_a_service_asks_what_happens_to_what_waits(adding: House) -> None:
    await add(adding)
    destination_id = (await only(adding)).stored.id
    at = f"/settings/destinations/{destination_id}"
    assert "Remove ListenBrainz (rob)</button>" in await adding.page(at)
    await adding.deck.destinations.pause(adding.me.id, destination_id, paused=True)
    await play(adding)
    assert "Remove, and keep 1 play for it" in await adding.page(at)
    answer = await adding.http.post(f"{at}/remove")
    assert answer.status_code == 422
    assert "1 play waits there: keep or discard it?" in answer.text
    assert (await adding.http.post(f"{at}/remove", data={"plays": "discard"})).status_code == 303
    still_open = await adding.http.get(at.replace("/settings/", "/fragments/"))
    assert (still_open.status_code, still_open.headers["HX-Redirect"]) == (204, "/settings")
    assert await adding.deck.destination_views.all(adding.me.id) == []


async def test_hearts_that_wait_are_shown_with_their_reason(adding: House) -> None:
    await add(adding)
    at = f"/settings/destinations/{(await only(adding)).stored.id}"
    assert "heart" not in (await adding.page(at)).replace("destination:heart", "").replace('name="hearts"', "")
    await adding.deck.hearts.say(adding.me.id, [Heart(TRACK, True)])
    while not (await only(adding)).hearts_waiting:
        await async_pause()
    while "know this recording" not in (page := await adding.page(at)):
        await async_pause()
    assert "1 heart waits" in page
    assert re.search(r"Sinnerman</bdi></a> <span class=\"small\">Love.*Retrying: ListenBrainz doesn", page)
    assert "Retry all now" in page
    assert "1 heart waits" in await adding.page("/settings")
