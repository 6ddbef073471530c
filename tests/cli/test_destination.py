"""Destinations are added, listed, paused and removed from a shell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tonearm
from tests.cli.conftest import on_deck
from tests.cli.shell import Shell
from tests.stand_ins.gnufm import GnuFmStandIn
from tests.stand_ins.listenbrainz import ListenBrainzStandIn
from tests.stand_ins.pds import PdsStandIn
from tests.stand_ins.serving import Fault
from tonearm.store.destinations import end_session

TOKEN = "a-token-of-mine"


@pytest.fixture
def server() -> Iterator[ListenBrainzStandIn]:
    started = ListenBrainzStandIn().start()
    started.users = {TOKEN: "rob", "another": "rob", "of-ann": "ann"}
    yield started
    started.stop()


@pytest.fixture
def with_token(asking: Shell) -> Shell:
    return replace(asking, variables={**asking.variables, "TONEARM_DESTINATION_TOKEN": TOKEN})


def report(shell: Shell) -> None:
    async def play(deck: tonearm.Deck) -> None:
        me = await deck.listener("me")
        track = tonearm.Track("Nina Simone", "Sinnerman", duration=200)
        await me.scrobble(track, started_at=deck.clock.now() - 900, played=150)

    on_deck(shell, play)


def test_a_service_is_added_and_listed(with_token: Shell, server: ListenBrainzStandIn) -> None:
    said = with_token("destination", "add", "listenbrainz", "--url", server.url)
    assert said.exit_code == 0, said.output
    assert "ListenBrainz (rob) is destination 1: it gets what you play from now on" in said.stdout
    assert TOKEN not in said.output
    [found] = with_token.facts("destination", "list")["destinations"]
    assert (found["id"], found["kind"], found["username"], found["state"]) == (1, "listenbrainz", "rob", "connected")
    assert with_token("destination", "list").stdout == "1  ListenBrainz (rob)  connected\n"
    assert "nobody" not in with_token("destination", "list").output


def test_nothing_is_listed_for_who_has_only_lastfm(shell: Shell) -> None:
    assert "me has no destinations besides Last.fm" in shell("destination", "list").stdout
    assert shell.facts("destination", "list") == {"destinations": []}


def test_a_token_comes_from_a_file(shell: Shell, server: ListenBrainzStandIn, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    words = ("destination", "add", "listenbrainz", "--url", server.url)
    assert shell.facts(*words, "--token-file", str(file))["username"] == "rob"
    empty = tmp_path / "empty"
    empty.write_text("\n")
    refused = shell(*words, "--token-file", str(empty))
    assert (refused.exit_code, refused.stderr) == (1, "Error: enter a token: the service shows it in its settings\n")


def test_what_cannot_be_used_is_reported_in_one_line(with_token: Shell, server: ListenBrainzStandIn) -> None:
    words = ("destination", "add", "listenbrainz", "--url", server.url)
    server.users.clear()
    refused = with_token(*words)
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "ListenBrainz rejects the token" in refused.stderr
    server.fault = Fault.PAGE
    assert "isn't ListenBrainz" in with_token(*words).stderr
    assert with_token(*words, "--history", "ever").exit_code == 2
    assert with_token("destination", "pause", "7").stderr == (
        "Error: me has no destination 7: 'tonearm destination list' shows them\n"
    )


def test_a_destination_is_paused_resumed_and_removed(with_token: Shell, server: ListenBrainzStandIn) -> None:
    with_token("destination", "add", "listenbrainz", "--url", server.url)
    assert with_token("destination", "pause", "1").stdout == "ListenBrainz (rob) is paused\n"
    report(with_token)
    assert "1 play waits: sending is paused" in with_token("destination", "list").stdout
    assert with_token.facts("destination", "resume", "1")["waiting"] == 1
    assert with_token.facts("destination", "retry", "1")["state"] == "connected"
    asks = with_token("destination", "remove", "1")
    assert (asks.exit_code, asks.stderr) == (1, "Error: 1 play waits there: add --keep or --discard\n")
    gone = with_token.facts("destination", "remove", "1", "--discard")
    assert gone == {"status": "success", "kept": 0, "discarded": 1}
    assert with_token.facts("destination", "list") == {"destinations": []}


def test_what_is_kept_waits_for_the_same_profile(with_token: Shell, server: ListenBrainzStandIn) -> None:
    with_token("destination", "add", "listenbrainz", "--url", server.url)
    report(with_token)
    printed = with_token("destination", "remove", "1", "--keep").stdout
    assert printed == "destination 1 is removed; 1 play will be sent if the same profile is added again\n"
    assert with_token.facts("destination", "add", "listenbrainz", "--url", server.url)["waiting"] == 1


def test_a_new_token_of_the_same_user_is_entered(with_token: Shell, server: ListenBrainzStandIn) -> None:
    with_token("destination", "add", "listenbrainz", "--url", server.url)
    other = replace(with_token, variables={**with_token.variables, "TONEARM_DESTINATION_TOKEN": "another"})
    assert other("destination", "token", "1").stdout == "ListenBrainz (rob) has a new token\n"
    ann = replace(with_token, variables={**with_token.variables, "TONEARM_DESTINATION_TOKEN": "of-ann"})
    assert "this token belongs to ann" in ann("destination", "token", "1").stderr


def test_hearts_that_wait_are_listed(with_token: Shell, server: ListenBrainzStandIn) -> None:
    with_token("destination", "add", "listenbrainz", "--url", server.url)
    with_token("love", "--artist", "Nina Simone", "--track", "Sinnerman")
    assert "  1 heart waits" in with_token("destination", "list").stdout
    [found] = with_token.facts("destination", "list")["destinations"]
    assert (found["hearts_waiting"], found["hearts_rejected"]) == (1, 0)


def test_a_policy_is_previewed_and_set(with_token: Shell, server: ListenBrainzStandIn) -> None:
    report(with_token)
    words = ("destination", "add", "listenbrainz", "--url", server.url, "--first-artist", "--not-from", "")
    assert with_token.facts(*words, "--preview") == {"plays": 1, "kept": 1, "changed": []}
    wrong = with_token(*words[:-2], "--not-in", "/films")
    assert (wrong.exit_code, "no scanned file in /films" in wrong.stderr) == (1, True)
    found = with_token.facts(*words[:-2], "--no-album-artist", "--history", "all", "--no-hearts")
    assert (found["hearts"], found["not_in"]) == (False, [])
    assert (found["artist"], found["album_artist"], found["queues_history"]) == ("first", False, True)
    assert "gets your history too" in with_token("destination", "history", "7", "1").stdout


class Willing(GnuFmStandIn):
    """Approves at the second request, like a listener who needs a moment; `looks` counts."""

    looks = 0

    def _session(self, params: dict[str, str]) -> dict[str, Any]:
        self.looks += 1
        if self.looks % 2 == 0:
            self.approve(params["token"], "anna")
        return super()._session(params)


def test_a_policy_is_changed_after_a_preview(with_token: Shell, server: ListenBrainzStandIn) -> None:
    with_token("destination", "add", "listenbrainz", "--url", server.url, "--not-from", "the tablet", "--no-hearts")

    async def listen(deck: tonearm.Deck) -> None:
        me = await deck.listener("me")
        track = tonearm.Track("Air feat. Beth Hirsch", "All I Need", duration=268)
        await me.scrobble(track, started_at=deck.clock.now() - 900, played=200)

    on_deck(with_token, listen)
    words = ("destination", "policy", "1", "--first-artist", "--from", "the tablet", "--not-from", "the radio")
    preview = with_token(*words)
    assert preview.stdout == (
        "Of your latest 1 play, 0 would not have been sent.\nAir feat. Beth Hirsch – All I Need: sent as Air\n"
        "ListenBrainz (rob) is unchanged. Add --yes to change it.\n"
    )
    assert with_token.facts(*words)["plays"] == 1
    [before] = with_token.facts("destination", "list")["destinations"]
    assert (before["artist"], before["not_from"]) == ("credited", ["the tablet"])
    assert with_token(*words, "--yes").stdout == "ListenBrainz (rob) is changed; this applies from the next play\n"
    [after] = with_token.facts("destination", "list")["destinations"]
    assert (after["artist"], after["album_artist"], after["hearts"]) == ("first", True, False)
    assert after["not_from"] == ["the radio"]
    back = with_token.facts("destination", "policy", "1", "--all-artists", "--no-album-artist", "--hearts", "--yes")
    assert (back["artist"], back["album_artist"], back["hearts"]) == ("credited", False, True)
    assert back["not_from"] == ["the radio"]


def test_a_policy_that_cannot_be_changed_so_says_why(with_token: Shell, server: ListenBrainzStandIn) -> None:
    with_token("destination", "add", "listenbrainz", "--url", server.url)
    nothing = with_token("destination", "policy", "1")
    assert (nothing.exit_code, "choose a change" in nothing.stderr) == (2, True)
    wrong = with_token("destination", "policy", "1", "--from", "the tablet", "--yes")
    assert (wrong.exit_code, wrong.stderr) == (1, "Error: what the tablet reports is sent there already\n")
    folder = with_token("destination", "policy", "1", "--not-in", "/nowhere", "--yes")
    assert (folder.exit_code, folder.stderr.count("\n")) == (1, 1)
    assert with_token("destination", "policy", "7", "--no-hearts", "--yes").exit_code == 1


@pytest.fixture
def libre(monkeypatch: pytest.MonkeyPatch) -> Iterator[Willing]:
    monkeypatch.setattr("tonearm.commands.destination_sign_in.ASK_AGAIN", 0.0)
    with Willing() as server:
        server.passwords["anna"] = "sesame, open"
        yield server


def test_a_service_with_a_page_waits_for_its_listener(asking: Shell, libre: Willing) -> None:
    said = asking("destination", "add", "librefm", "--url", libre.url)
    assert f"Allow access here: {libre.auth_url}?api_key=" in said.stderr
    assert said.stdout == "Libre.fm (anna) is destination 1: it gets what you play from now on\n"
    assert asking("destination", "token", "1", "--no-browser").stdout == "Libre.fm (anna) is signed in again\n"
    assert libre.looks == 4
    again = asking("destination", "add", "lastfm-like", "--url", libre.url)
    assert "Libre.fm (anna) is already one of your destinations" in again.stderr


def test_a_password_is_read_from_a_file_or_asked_for(asking: Shell, libre: Willing, tmp_path: Path) -> None:
    password, secret = tmp_path / "password", tmp_path / "secret"
    password.write_text("sesame, open\n")
    secret.write_text(f"{'2' * 32}\n")
    here = ("lastfm-like", "--url", libre.url, "--user", "anna")
    wrong = asking("destination", "add", *here, "--password-file", str(secret))
    assert "doesn't accept this name and password" in wrong.stderr
    keys = ("--api-key", "1" * 32, "--api-secret-file", str(secret))
    said = asking("destination", "add", *here, "--password-file", str(password), *keys)
    assert said.stdout.startswith("Last.fm-like server (anna) is destination 1")
    assert libre.seen[-1].form()["api_key"] == "1" * 32
    assert "sesame" not in said.output
    again = asking("destination", "token", "1", "--user", "anna", "--password-file", str(password))
    assert "is signed in again" in again.stdout


def test_an_app_password_is_read_from_a_file_or_asked_for(
    asking: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def prompt(words: str, **_: object) -> str:
        asked.append(words)
        return "ez5g-3ik7-zt4q-znvo"

    monkeypatch.setattr("click.prompt", prompt)
    file = tmp_path / "password"
    file.write_text("ez5g-3ik7-zt4q-znvo\n")
    with PdsStandIn() as pds:
        pds.users["ez5g-3ik7-zt4q-znvo"] = "anna.test"
        here = ("destination", "add", "tealfm", "--url", pds.url, "--user")
        wrong = asking(*here, "ben.test", "--password-file", str(file))
        assert wrong.stderr == "Error: the server rejects the sign-in: Invalid identifier or password\n"
        said = asking(*here, "anna.test", "--password-file", str(file))
        assert said.stdout == "teal.fm (anna.test) is destination 1: it gets what you play from now on\n"
        assert "ez5g" not in said.output
        assert asked == []
        again = asking("destination", "token", "1", "--user", "anna.test")
        assert again.stdout == "teal.fm (anna.test) is signed in again\n"
        assert asked == ["App password"]
        other = ("destination", "add", "rocksky", "--url", pds.url, "--user", "anna.test", "--password-file", str(file))
        both = asking(*other)  # a service of its own, which reads the same account
        assert both.stdout == "Rocksky (anna.test) is destination 2: it gets what you play from now on\n"
        twice = asking(*other)
        assert twice.stderr == "Error: Rocksky (anna.test) is already one of your destinations\n"


def test_options_that_a_service_has_no_use_for_are_refused(asking: Shell, libre: Willing, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a-secret\n")
    for words, said in (
        (("listenbrainz", "--user", "anna"), "--user is for librefm, lastfm-like, tealfm and rocksky"),
        (("tealfm",), "tealfm needs --user NAME: your handle, such as anna.bsky.social"),
        (("tealfm", "--user", "anna", "--api-key", "1" * 32), "--api-key is for librefm and lastfm-like"),
        (("tealfm", "--user", "anna", "--token-file", str(file)), "tealfm has no tokens: add --user NAME"),
        (("librefm", "--token-file", str(file)), "librefm has no tokens: approve on its page, or add --user NAME"),
        (("librefm", "--password-file", str(file)), "--password-file needs --user NAME"),
        (("lastfm-like", "--url", libre.url, "--api-key", "1" * 32), "belong together: enter both"),
        (("lastfm-like", "--url", "nowhere"), "must start with https:// or http://"),
        (("lastfm-like",), "must start with https:// or http://"),
    ):
        refused = asking("destination", "add", *words)
        assert refused.exit_code != 0
        assert said in refused.stderr
        assert "Traceback" not in refused.output


def test_a_service_that_stays_out_of_reach_is_not_waited_for(asking: Shell, libre: Willing) -> None:
    libre.fail_next(Fault.NONE, *[Fault.OUTAGE] * 5)
    said = asking("destination", "add", "librefm", "--url", libre.url)
    assert said.exit_code == 1
    assert "error 11" in said.stderr


def test_an_ended_session_is_shown(asking: Shell, libre: Willing) -> None:
    asking("destination", "add", "librefm", "--url", libre.url)

    async def end(deck: tonearm.Deck) -> None:
        sealed = (await deck.destination_views.all((await deck.listener("me")).id))[0].stored.sealed
        await deck.store.write(lambda db: end_session(db, 1, sealed, "Libre.fm error 9: no"))

    on_deck(asking, end)
    report(asking)
    said = asking("destination", "list").stdout
    assert said.startswith(
        "1  Libre.fm (anna)  has ended the session  1 play waits: Libre.fm has ended the session: sign"
    )


def test_an_hour_may_be_private(with_token: Shell, server: ListenBrainzStandIn) -> None:
    with_token("destination", "add", "listenbrainz", "--url", server.url)
    said = with_token("destination", "private", "1", "1").stdout
    assert said == "ListenBrainz (rob) gets nothing that you play in the next 1 h\n"
    report(with_token)
    [found] = with_token.facts("destination", "list")["destinations"]
    assert found["waiting"] == 0
    assert found["private_until"] is not None
    assert (
        with_token("destination", "private", "0", "1").stdout == "ListenBrainz (rob) gets what you play from now on\n"
    )
