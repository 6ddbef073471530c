"""Players are added, listed, tested and revoked from a shell."""

from __future__ import annotations

import hashlib
import re
from uuid import UUID

import tonearm
from lastfm_emulator import Emulator
from tests.cli.conftest import on_deck, sign_in
from tests.cli.shell import Shell


def test_the_secret_of_a_player_is_the_last_word_printed_and_works(asking: Shell) -> None:
    said = asking("player", "add", "Kitchen MPD", "--kind", "audioscrobbler")
    secret = said.output.split()[-1]
    assert UUID(secret).version == 4
    found: list[object] = []

    async def ask(deck: tonearm.Deck) -> None:
        player = await deck.players.by_secret(secret)
        assert player is not None
        found.append((player.name, player.kind, player.user, deck.players.secret_md5(player)))

    on_deck(asking, ask)
    assert found == [("Kitchen MPD", "audioscrobbler", "me", hashlib.md5(secret.encode()).hexdigest())]


def test_a_program_is_given_all_that_a_player_needs(shell: Shell) -> None:
    shell("listener", "add", "anna")
    facts = shell.facts("player", "add", "Navidrome", "--kind", "listenbrainz", "--listener", "anna")
    assert set(facts) == {"name", "kind", "secret", "address", "user"}
    assert (facts["name"], facts["kind"], facts["user"]) == ("Navidrome", "listenbrainz", "anna")
    assert facts["address"] == "http://127.0.0.1:0/"
    plex = shell.facts("player", "add", "Plex", "--kind", "plex")
    assert plex["address"] == f"http://127.0.0.1:0/webhook/plex/{plex['secret']}"


def test_a_player_is_given_an_api_key_with_its_shared_secret_if_it_asks_for_a_pair(asking: Shell) -> None:
    said = asking("player", "add", "Pano", "--kind", "lastfm", "--app-key").output
    found = re.search(r" with API key (\w{32}) and shared secret (\w{32}), with this secret: \S+\n$", said)
    assert found
    opened: list[str | None] = []

    async def ask(deck: tonearm.Deck) -> None:
        opened.append(await deck.players.app_secret(found[1]))

    on_deck(asking, ask)
    asking("player", "revoke", "Pano")
    on_deck(asking, ask)
    assert opened == [found[2], None]
    facts = asking.facts("player", "add", "Pano", "--kind", "lastfm", "--app-key")
    assert set(facts) == {"name", "kind", "secret", "address", "user", "api_key", "api_secret"}
    refused = asking("player", "add", "Navidrome", "--kind", "listenbrainz", "--app-key")
    assert (refused.exit_code, "--app-key needs --kind lastfm" in refused.stderr) == (2, True)


def test_players_are_listed_without_their_secrets_and_revoked_by_name(shell: Shell) -> None:
    assert shell("player", "list").output.startswith("me has no players: ")
    secret = shell.facts("player", "add", "Pano", "--kind", "lastfm")["secret"]
    again = shell("player", "add", "Pano", "--kind", "lastfm")
    assert (again.exit_code, 'there is a player named "Pano"' in again.stderr) == (1, True)
    listed = shell("player", "list").output
    assert listed == "Pano  lastfm  No reports yet.\n"
    assert shell.facts("player", "list")["players"][0]["name"] == "Pano"
    assert shell("player", "revoke", "Pano").output == "Pano is revoked\n"
    assert shell("player", "revoke", "Pano").exit_code == 1
    assert shell.facts("player", "list") == {"players": []}
    assert shell.facts("player", "add", "Pano", "--kind", "lastfm")["secret"] != secret


def test_a_test_sends_a_play_to_the_running_service_and_keeps_nothing(asking: Shell, emulator: Emulator) -> None:
    asking("player", "add", "Quod Libet", "--kind", "audioscrobbler")
    absent = asking("player", "test", "Quod Libet", "--address", "http://127.0.0.1:9/")
    assert (absent.exit_code, "doesn't arrive: nothing answers at" in absent.stderr) == (1, True)
    with asking.running("serve", "--port", "0") as (out, _):
        address = re.findall(r"http://[^\s,]+", out.until("tonearm listens on"))[0]
        said = asking("player", "test", "Quod Libet").output
        assert f"arrives at {address}/ and would be saved, but not sent: not signed in to Last.fm" in said
        sign_in(asking, emulator)
        assert "would be queued for Last.fm. It was removed again." in asking("player", "test", "Quod Libet").output
        facts = asking.facts("player", "test", "Quod Libet")
        assert (facts["status"], facts["address"]) == ("queued", f"{address}/")
        assert asking.facts("queue", "list")["plays"] == []
        assert asking("player", "test", "nobody").exit_code == 1
        asking("player", "add", "Plex", "--kind", "plex")
        assert "Its users aren't mapped to listeners" in asking("player", "test", "Plex").stderr
        assert out.end() == 0


def test_users_of_a_media_server_are_mapped_to_listeners(asking: Shell) -> None:
    asking("listener", "add", "anna")
    asking("player", "add", "Plex", "--kind", "plex")
    assert asking("player", "map", "Plex", "Anna B", "anna").output == "Anna B at Plex is anna\n"
    found: list[object] = []

    async def ask(deck: tonearm.Deck) -> None:
        me = await deck.listener("me")
        plex = await deck.players.named(me.id, "Plex")
        assert plex is not None
        anna = (await deck.listener("anna")).id
        found.append(await deck.players.listener_of(plex, ["17", "ANNA b"]) == anna)
        found.append(await deck.players.listener_of(plex, ["a stranger"]))

    on_deck(asking, ask)
    assert found == [True, None]
    assert asking("player", "map", "Plex", "anna b").output == "anna b at Plex is not a listener here\n"
    assert asking("player", "map", "Plex", " ", "anna").exit_code == 1
    assert asking("player", "map", "Plex", "x", "nobody").exit_code == 1
