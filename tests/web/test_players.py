"""The players' page: how to connect one, whether it is heard, what was refused, and its end."""

from __future__ import annotations

import html
import re

import pytest

from tests.databases import only_sqlite
from tests.web.conftest import House
from tests.web.test_page import HOSTILE
from tonearm.web.view.player_setup import SETUPS

pytestmark = pytest.mark.anyio

LISTEN = {
    "listen_type": "single",
    "payload": [
        {"listened_at": 1_790_000_000, "track_metadata": {"artist_name": "Nina Simone", "track_name": "Sinnerman"}}
    ],
}


async def connected(house: House, name: str = "Kitchen", kind: str = "navidrome") -> tuple[str, str]:
    """A new player: its secret, and the page that shows it."""
    answer = await house.http.post("/players", data={"name": name, "kind": kind})
    assert answer.status_code == 200, answer.text
    secret = re.search(r"shown only once: <code>([^<]+)</code>", answer.text)
    assert secret
    return secret[1], html.unescape(answer.text)


async def test_a_secret_is_shown_once_with_what_to_paste(house: House) -> None:
    secret, page = await connected(house)
    assert "ND_LISTENBRAINZ_BASEURL=http://localhost/1/" in page
    assert secret not in await house.page("/players")


@only_sqlite  # the texts for all kinds of players; one kind is added on both
@pytest.mark.parametrize("setup", SETUPS, ids=[setup.slug for setup in SETUPS])
async def test_each_player_is_given_an_address_and_its_secret(house: House, setup: object) -> None:
    chosen = next(one for one in SETUPS if one is setup)
    secret, page = await connected(house, "Mine", chosen.slug)
    pasted = "\n".join(re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL))
    assert secret in pasted
    assert "localhost" in pasted
    for unfilled in ("$base", "$secret", "$user", "$address", "$api_key", "$api_secret"):
        assert unfilled not in pasted


async def test_the_page_shows_what_a_player_reported_and_its_program(house: House) -> None:
    secret, page = await connected(house)
    assert "Waiting for its first play…" in page
    assert '<span class="small">ListenBrainz</span>' in page
    (part,) = re.findall(r'hx-get="(/fragments/players/\d+)"', page)
    headers = {"Authorization": f"Token {secret}", "User-Agent": "Navidrome/0.63"}
    assert (await house.signed_out.post("/1/submit-listens", json=LISTEN, headers=headers)).status_code == 200
    shown = await house.page(part)
    assert "Latest: <bdi>" in shown
    assert "Sinnerman" in shown
    assert "Navidrome/0.63" in shown
    assert (await house.signed_out.get(part)).status_code == 401
    assert (await house.http.get("/fragments/players/999")).status_code == 404


async def test_a_rejected_request_is_shown_with_the_reason(house: House) -> None:
    secret, _ = await connected(house)
    headers = {"Authorization": f"Token {secret}"}
    assert (await house.signed_out.post("/1/submit-listens", content=b"{", headers=headers)).status_code == 400
    assert re.search(r"Rejected .*?: \w+", await house.page("/players"))


async def test_a_request_of_an_unknown_player_is_shown_once_and_not_to_others(house: House) -> None:
    assert "unknown players" not in await house.page("/players")
    headers = {"Authorization": "Token mistyped", "User-Agent": "Navidrome/<0.63>"}
    for _ in range(2):
        assert (await house.signed_out.post("/1/submit-listens", json=LISTEN, headers=headers)).status_code == 401
    shake = {"hs": "true", "p": "1.2", "c": "tst", "v": "1", "t": "1790000000", "a": "0"}
    for user in ("me", "somebody"):
        assert (await house.signed_out.get("/", params={**shake, "u": user})).text == "BADAUTH\n"
    page = await house.page("/players")
    assert page.count("<bdi>Navidrome/&lt;0.63&gt;</bdi>") == 1
    assert len(re.findall(r"<li>Audioscrobbler, .*?: unknown user", page)) == 1


async def test_a_revoked_player_can_no_longer_report(house: House) -> None:
    secret, _ = await connected(house)
    assert (await house.http.post("/players/revoke", data={"name": "Kitchen"})).status_code == 303
    headers = {"Authorization": f"Token {secret}"}
    assert (await house.signed_out.post("/1/submit-listens", json=LISTEN, headers=headers)).status_code == 401
    assert "No players yet." in await house.page("/players")
    assert (await house.http.post("/players/revoke", data={"name": "Kitchen"})).status_code == 404


async def test_a_media_servers_user_is_mapped_and_unmapped(house: House) -> None:
    await connected(house, "Plex", "plex")
    assert (await house.http.post("/players/users", data={"name": "Plex", "user": "Anna B"})).status_code == 303
    assert "<bdi>anna b</bdi>" in await house.page("/players")
    gone = {"name": "Plex", "user": "anna b", "mine": "false"}
    assert (await house.http.post("/players/users", data=gone)).status_code == 303
    assert "anna b" not in await house.page("/players")
    wrong = await house.http.post("/players/users", data={"name": "Plex", "user": " "})
    assert wrong.status_code == 422
    assert "Enter the name of the media server's user." in html.unescape(wrong.text)
    assert 'aria-invalid="true"' in wrong.text
    assert (await house.http.post("/players/users", data={"name": "nobody", "user": "x"})).status_code == 404


async def test_invalid_forms_are_answered_with_a_sentence_and_names_are_text(house: House) -> None:
    nameless = await house.http.post("/players", data={"name": " ", "kind": "navidrome"})
    assert nameless.status_code == 422
    assert 'aria-describedby="player-name-problem"' in nameless.text
    for data in ({"name": "x", "kind": "phonograph"}, {"name": "x"}):
        assert (await house.http.post("/players", data=data)).status_code == 400
    await connected(house, HOSTILE[0][:60])
    again = await house.http.post("/players", data={"name": HOSTILE[0][:60], "kind": "curl"})
    assert (again.status_code, "<script>alert" in again.text) == (422, False)
    assert "<script>alert" not in await house.page("/players")
    assert (await house.signed_out.get("/players")).status_code in (401, 303)
