"""The household's page: who listens here, links for devices and other listeners, and what they show each other."""

from __future__ import annotations

import html
import re
from html import unescape
from unicodedata import normalize
from urllib.parse import urlsplit

import httpx2
import pytest

import tonearm
from tests.databases import only_sqlite
from tests.listening import connect, library_row
from tests.web.conftest import House
from tonearm.core.edit_rules import PlayNames, RuleScope
from tonearm.service.accounts import BadName
from tonearm.service.players import PlayerKind
from tonearm.store import library

pytestmark = pytest.mark.anyio

TRACK = tonearm.Track("Nina Simone", "Baltimore", duration=200)


def shown_link(page: str) -> str:
    """The path of the link that a page shows."""
    found = re.search(r"<code>(http://localhost/signin\?link=[^<]+)</code>", page)
    assert found, page
    address = urlsplit(html.unescape(found[1]))
    return f"{address.path}?{address.query}"


async def invited(house: House, name: str) -> httpx2.AsyncClient:
    """A browser of a new listener."""
    answer = await house.http.post("/household/invite", data={"name": name})
    assert answer.status_code == 200, answer.text
    browser = house.signed_out
    assert (await browser.get(shown_link(answer.text))).status_code == 303
    return browser


async def test_who_is_invited_has_pages_of_their_own(house: House) -> None:
    await house.me.scrobble(TRACK, started_at=house.deck.clock.now() - 900, played=200)
    anna = await invited(house, "anna")
    assert "Baltimore" not in (await anna.get("/history")).text
    assert "Add a listener" not in (await anna.get("/household")).text
    assert "anna" in await house.page("/household")


async def test_an_invitation_is_a_code_to_scan_and_works_once(house: House) -> None:
    answer = await house.http.post("/household/invite", data={"name": "anna"})
    assert 'aria-label="QR code of the link"' in answer.text
    assert "<svg" in answer.text
    assert "only works on this machine" in answer.text
    link = shown_link(answer.text)
    assert link not in await house.page("/household")
    assert (await house.signed_out.get(link)).status_code == 303
    assert (await house.signed_out.get(link)).status_code == 410


@only_sqlite
async def test_the_address_in_a_code_is_one_that_a_phone_can_reach(house: House) -> None:
    answer = await house.http.post("http://192.168.1.20:8765/household/device", headers=await cookies(house))
    assert "http://192.168.1.20:8765/signin?link=" in answer.text
    assert "only works on this machine" not in answer.text


async def cookies(house: House) -> dict[str, str]:
    """The session as a browser has it under another address of the same service."""
    session = next(iter(house.http.cookies.values()))
    return {"Cookie": f"tonearm_session_8765={session}"}


async def test_another_device_is_signed_in_as_the_same_listener(house: House) -> None:
    await house.me.scrobble(TRACK, started_at=house.deck.clock.now() - 900, played=200)
    answer = await house.http.post("/household/device")
    assert (await house.signed_out.get(shown_link(answer.text))).status_code == 303
    assert "Baltimore" in (await house.signed_out.get("/")).text


async def test_only_who_came_first_invites(house: House) -> None:
    anna = await invited(house, "anna")
    answer = await anna.post("/household/invite", data={"name": "bob"})
    assert answer.status_code == 422
    assert "Only the first listener" in answer.text
    assert "bob" not in await house.page("/household")


@pytest.mark.parametrize("by", ["browser", "token", "player"])
async def test_an_existing_listener_cannot_be_invited(house: House, by: str) -> None:
    anna = await house.deck.listener("anna")
    match by:
        case "browser":
            await house.deck.accounts.browser(await house.deck.accounts.link(anna.id))
        case "token":
            await house.deck.accounts.token(anna.id)
        case _:
            await house.deck.players.add(anna.id, "Kitchen", PlayerKind.LISTENBRAINZ)
    answer = await house.http.post("/household/invite", data={"name": "anna"})
    assert answer.status_code == 422
    assert '"anna" is already a listener here' in unescape(answer.text)


async def test_a_listener_who_has_not_come_yet_can_be_invited_again(house: House) -> None:
    for _ in range(2):
        answer = await house.http.post("/household/invite", data={"name": "anna"})
        assert answer.status_code == 200
    assert (await house.signed_out.get(shown_link(answer.text))).status_code == 303


async def test_a_new_invitation_ends_the_earlier_one(house: House) -> None:
    first, second = [
        shown_link((await house.http.post("/household/invite", data={"name": "anna"})).text) for _ in range(2)
    ]
    assert (await house.signed_out.get(first)).status_code == 410
    assert (await house.signed_out.get(second)).status_code == 303


@pytest.mark.parametrize("name", ["मीरा", "สุดา", "தமிழ்", "محمّد", "José", "Zoë_2"])
async def test_a_name_may_be_written_in_any_script(house: House, name: str) -> None:
    anna = await invited(house, normalize("NFD", name))
    assert f"<b><bdi>{normalize('NFC', name)}</bdi></b>" in await house.page("/household")
    again = await house.http.post("/household/invite", data={"name": normalize("NFC", name)})
    assert "is already a listener here" in again.text
    erased = await anna.post("/settings/erase", data={"name": normalize("NFD", name)})
    assert (erased.status_code, erased.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    "name",
    ["", " ", "\u0301", "\u0301anna", "a\u200db", "a/b", "x" * 65, "a\u202eb", "anna\ufe0f", "\u3164", ".", ".."],
)
async def test_a_name_has_no_other_characters(house: House, name: str) -> None:
    with pytest.raises(BadName):
        await house.deck.accounts.add(name)


@only_sqlite
@pytest.mark.parametrize("name", ["an na", ""])
async def test_a_name_that_cannot_be_is_marked_and_kept_in_the_form(house: House, name: str) -> None:
    answer = await house.http.post("/household/invite", data={"name": name})
    assert answer.status_code == 422
    assert f'value="{name}"' in answer.text
    assert 'aria-invalid="true"' in answer.text


async def test_an_invitation_with_a_mistyped_name_is_renamed(house: House) -> None:
    link = shown_link((await house.http.post("/household/invite", data={"name": "ana"})).text)
    page = await house.page("/household")
    assert "Rename or remove…" in page
    renamed = await house.http.post("/household/rename", data={"name": "ana", "new_name": " anna "})
    assert (renamed.status_code, renamed.headers["location"]) == (303, "/household")
    page = await house.page("/household")
    assert "ana is anna now. Their invitation still works." in page
    assert "<b><bdi>anna</bdi></b>" in page
    assert "<b><bdi>ana</bdi></b>" not in page
    assert (await house.signed_out.get(link)).status_code == 303
    assert "<b><bdi>anna</bdi></b>" in (await house.signed_out.get("/household")).text
    assert "Rename or remove…" not in await house.page("/household")


async def test_an_invitation_is_removed_and_its_link_with_it(house: House) -> None:
    link = shown_link((await house.http.post("/household/invite", data={"name": "ana"})).text)
    ana = await house.deck.accounts.named("ana")
    await house.deck.households.share(house.me.id, ana.id, shown=True)
    assert "nothing else is lost" in await house.page("/household")
    removed = await house.http.post("/household/remove", data={"name": "ana"})
    assert (removed.status_code, removed.headers["location"]) == (303, "/household")
    page = await house.page("/household")
    assert "ana is removed." in page
    assert "<b><bdi>ana</bdi></b>" not in page
    assert (await house.signed_out.get(link)).status_code == 410
    assert [one.name for one in (await house.deck.households.of(house.me.id)).members] == ["me"]
    again = await house.http.post("/household/remove", data={"name": "ana"})
    assert again.status_code == 422
    assert 'Nobody named "ana" is waiting to sign in here.' in unescape(again.text)
    assert (await house.http.post("/household/invite", data={"name": "ana"})).status_code == 200


@pytest.mark.parametrize(
    ("new_name", "problem"),
    [
        ("an na", 'Invalid name "an na"'),
        ("", 'Invalid name ""'),
        ("bob", '"bob" is already a listener here.'),
        ("me", '"me" is already a listener here.'),
    ],
)
async def test_a_new_name_that_cannot_be_is_marked_beside_the_old_one(
    house: House, new_name: str, problem: str
) -> None:
    for name in ("ana", "bob"):
        await house.http.post("/household/invite", data={"name": name})
    answer = await house.http.post("/household/rename", data={"name": "ana", "new_name": new_name})
    assert answer.status_code == 422
    [field] = re.findall(r'<input id="name-\d+" name="new_name"[^>]* aria-invalid="true"[^>]*>', answer.text)
    assert f'value="{new_name}"' in field
    assert unescape(answer.text).count(problem) == 1
    assert answer.text.count("<details open>") == 1
    assert 'id="name-problem"' not in answer.text, "the form for another invitation isn't wrong"
    assert [one.name for one in (await house.deck.households.of(house.me.id)).members] == ["me", "ana", "bob"]


@pytest.mark.parametrize("action", ["rename", "remove"])
@pytest.mark.parametrize("has", ["browser", "token", "player", "play", "library", "connection", "rule"])
async def test_who_has_anything_here_is_a_listener_and_no_invitation(house: House, has: str, action: str) -> None:
    anna = await house.deck.listener("anna")
    match has:
        case "browser":
            await house.deck.accounts.browser(await house.deck.accounts.link(anna.id))
        case "token":
            await house.deck.accounts.token(anna.id)
        case "player":
            await house.deck.players.add(anna.id, "Kitchen", PlayerKind.LISTENBRAINZ)
        case "play":
            await anna.scrobble(TRACK, started_at=house.deck.clock.now() - 900, played=200)
        case "library":
            await house.deck.store.write(lambda db: library.write(db, anna.id, [library_row("/1.mp3", "Low", "Words")]))
        case "connection":
            await connect(anna, house.emulator)
        case _:
            names = PlayNames("Loww", "Words"), PlayNames("Low", "Words")
            await house.deck.edit_rules.add(anna.id, RuleScope.ARTIST, *names)
    assert "Rename or remove…" not in await house.page("/household")
    link = await house.deck.accounts.link(anna.id)
    for name in ("anna", "me"):
        answer = await house.http.post(f"/household/{action}", data={"name": name, "new_name": "other"})
        assert answer.status_code == 422
        assert f'Nobody named "{name}" is waiting to sign in here.' in unescape(answer.text)
    assert (await house.deck.accounts.named("anna")).id == anna.id
    assert await house.deck.accounts.of_link(link) is not None


async def test_only_who_came_first_renames_and_removes(house: House) -> None:
    anna = await invited(house, "anna")
    await house.http.post("/household/invite", data={"name": "bob"})
    assert "Rename or remove…" not in (await anna.get("/household")).text
    for action in ("rename", "remove"):
        answer = await anna.post(f"/household/{action}", data={"name": "bob", "new_name": "eve"})
        assert (answer.status_code, "Only the first listener" in answer.text) == (422, True)
        reloaded = await anna.get(f"/household/{action}")
        assert (reloaded.status_code, reloaded.headers["location"]) == (303, "/household")
    assert "<b><bdi>bob</bdi></b>" in await house.page("/household")


async def test_plays_are_seen_only_by_those_they_are_shared_with(house: House) -> None:
    now = house.deck.clock.now()
    await house.me.scrobble(TRACK, started_at=now - 900, played=200)
    skipped = tonearm.Track("Nina Simone", "Skipped", duration=200)
    await house.me.scrobble(skipped, started_at=now - 300, played=20)
    anna, me = await invited(house, "anna"), house.me
    hers = (await house.deck.listener("anna")).id
    assert (await anna.get("/household/me")).status_code == 404
    assert "show you" in (await anna.get("/household")).text
    shared = await house.http.post("/household/share", data={"listener": str(hers), "shown": "true"})
    assert shared.status_code == 303
    page = (await anna.get("/household/me")).text
    assert "Baltimore" in page
    assert "Skipped" not in page
    assert "/plays/" not in page
    assert (await house.http.get("/household/anna")).status_code == 404, "it is not shown in return"
    assert 'href="/household/me"' in (await anna.get("/household")).text
    await house.http.post("/household/share", data={"listener": str(hers), "shown": "false"})
    assert (await anna.get("/household/me")).status_code == 404
    assert me.id != hers


@pytest.mark.parametrize("listener_id", ["0", "99", "me"])
async def test_plays_are_shown_to_other_listeners_only(house: House, listener_id: str) -> None:
    listener_id = str(house.me.id) if listener_id == "me" else listener_id
    answer = await house.http.post("/household/share", data={"listener": listener_id, "shown": "true"})
    assert answer.status_code == 404


async def test_what_plays_is_seen_too(house: House) -> None:
    anna = await invited(house, "anna")
    await house.http.post(
        "/household/share", data={"listener": str((await house.deck.listener("anna")).id), "shown": "true"}
    )
    assert "No plays yet" in (await anna.get("/household/me")).text
    await house.show(TRACK)
    assert "Playing now" in (await anna.get("/household/me")).text


async def test_erasing_ends_what_was_shown(house: House) -> None:
    anna = await invited(house, "anna")
    hers = await house.deck.listener("anna")
    await house.deck.households.share(house.me.id, hers.id, shown=True)
    await house.deck.households.share(hers.id, house.me.id, shown=True)
    await house.deck.personal_data.erase(hers.id, "")
    assert (await house.http.get("/household/anna")).status_code == 404
    assert await house.deck.households.seen(hers.id, "me") is None
    assert (await anna.get("/household")).status_code == 401


async def test_strangers_see_no_household(house: House) -> None:
    assert (await house.signed_out.get("/household")).status_code == 401
    assert (await house.signed_out.get("/household/me")).status_code == 401
