"""The commands for plays and listeners, against the emulator."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

import tonearm
from lastfm_emulator import API_KEY, API_SECRET, Emulator
from tests import audio
from tests.cli.conftest import on_deck, sign_in
from tests.cli.shell import Shell
from tests.patience import PATIENCE
from tonearm.store.db import database
from tonearm.store.secrets.revoke import name_of
from tonearm.store.secrets.tokens import TokenKind

SINNERMAN = ("scrobble", "--artist", "Nina Simone", "--track", "Sinnerman", "--duration", "620")


def test_a_scrobble_is_on_lastfm_when_the_command_says_so(connected: Shell, emulator: Emulator) -> None:
    said = connected(*SINNERMAN, "--album", "Pastel Blues", "--track-number", "1")
    assert (said.exit_code, said.output) == (0, "Accepted: on Last.fm\n")
    (play,) = emulator.plays("RJ")
    assert (play.artist, play.track, play.album, play.duration) == ("Nina Simone", "Sinnerman", "Pastel Blues", 620)
    assert abs(play.timestamp + 620 - time.time()) < 30  # it is just over


def test_a_scrobble_in_json_has_the_members_of_the_http_answer(connected: Shell) -> None:
    answer = connected.facts(*SINNERMAN)
    assert answer == {"status": "success", "id": 1, "message": "on Last.fm", "heard": 620.0, "needed": 240.0}


@pytest.mark.parametrize("moment", ["1000000000000", "2026-01-01T00:00:00+00:00"])
def test_a_start_may_be_unix_time_or_a_date(connected: Shell, moment: str) -> None:
    said = connected(*SINNERMAN, "--timestamp", moment)
    assert said.exit_code in (0, 1)  # too old by now: the point is that both are understood
    assert "neither" not in said.stderr


@pytest.mark.parametrize(
    ("option", "text"),
    [
        *(("--timestamp", text) for text in ("yesterday", "99:99:99", "nan", "1_795_000_000", "٤", "2026-11-21", "")),
        *(("--timestamp", text) for text in ("2026-11-21T99:99", "0001-01-01T00:00")),
        *((option, text) for option in ("--duration", "--played") for text in ("99:99:99", "5:60", "1:2:3:4", ":", "")),
        *(
            (option, text)
            for option in ("--duration", "--played")
            for text in ("4:5", "nan", "inf", "1_0", "٤:٢٠", "٤٤", "x")
        ),
    ],
)
def test_what_is_no_time_or_length_is_wrong_usage_and_the_answer_says_what_is(
    shell: Shell, option: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    said = shell(*SINNERMAN, option, text)
    monkeypatch.undo()
    time.tzset()
    is_one = "use Unix seconds, or" if option == "--timestamp" else "use seconds, 4:20 or 1:04:20, up to 24 hours"
    assert (said.exit_code, is_one in said.stderr, text in said.stderr) == (2, True, True)


def test_a_length_is_written_as_on_the_page_or_in_seconds(connected: Shell, emulator: Emulator) -> None:
    song = ("scrobble", "--artist", "Nina Simone", "--track")
    assert connected.facts(*song, "Sinnerman", "--duration", "10:20")["heard"] == 620
    assert connected.facts(*song, "Four Women", "--duration", "260.5", "--played", "4:01")["heard"] == 241
    assert [play.duration for play in emulator.plays("RJ")] == [620, 260]


@pytest.mark.parametrize("words", ["queue --limit", "stats --limit", "scrobble --track-number"])
def test_numbers_have_plain_digits(shell: Shell, words: str) -> None:
    for text in ("1_0", "٤", "nan", " 1"):
        assert shell(*words.split(), text).exit_code == 2


def test_the_same_play_again_is_a_duplicate(connected: Shell, emulator: Emulator) -> None:
    began = ("--timestamp", str(int(time.time()) - 1000))
    connected(*SINNERMAN, *began)
    assert connected(*SINNERMAN, *began).output == "Already reported: reported before\n"
    assert len(emulator.plays("RJ")) == 1


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--played", "20"), "Not sent"),
        (("--timestamp", "1500000000"), "Too old"),
        (("--timestamp", "5"), "--timestamp: 5.0 isn't a valid start time"),
        (("--duration", "1e300"), "--duration: 1e+300 isn't a valid number of seconds"),
        (("--played", "1e300"), "--played: 1e+300 isn't a valid number of seconds"),
        (("--artist", " "), "enter an artist"),
    ],
)
def test_a_play_that_does_not_count_fails_in_one_line(connected: Shell, words: tuple[str, str], status: str) -> None:
    said = connected(*SINNERMAN, *words)
    assert said.exit_code == 1
    assert said.stderr.startswith(f"Error: {status}")
    assert said.stderr.count("\n") == 1


def test_without_a_sign_in_the_play_is_kept_and_the_command_says_so(asking: Shell) -> None:
    said = asking(*SINNERMAN)
    assert (said.exit_code, said.stderr) == (0, "")
    assert said.stdout == "Not sent: not signed in to Last.fm; the play stays in the history here\n"


def test_a_play_that_lastfm_ignores_fails_with_its_reason_and_is_listed(connected: Shell) -> None:
    assert connected("queue", "list", "--refused").output == "nothing was rejected or ignored\n"
    said = connected("scrobble", "--artist", "Unknown Artist", "--track", "Sinnerman", "--duration", "620")
    assert said.exit_code == 1
    assert said.stderr.startswith("Error: Ignored: ")
    (ignored,) = connected.facts("queue", "list", "--refused")["plays"]
    assert (ignored["id"], ignored["fate"]) == (1, "ignored")
    assert "Ignored: " in connected("queue", "list", "--refused").output
    assert "problems  1 play not accepted: " in connected("status").output


def test_while_lastfm_is_down_the_play_waits_and_the_queue_says_why(connected: Shell, emulator: Emulator) -> None:
    trouble = emulator.fault("account-limit")
    said = connected(*SINNERMAN)
    assert said.exit_code == 0
    assert said.output.startswith("Queued: ")
    assert "it is sent when 'tonearm serve' runs or with the next command" in said.output
    listed = connected.facts("queue")
    assert [play["track"] for play in listed["plays"]] == ["Sinnerman"]
    assert listed["why"]
    assert "Sinnerman" in connected("queue", "list").output
    play_id = str(listed["plays"][0]["id"])
    assert connected.facts("queue", "why", play_id)["attempts"]
    assert "Queued: " in connected("queue", "why", play_id).output
    emulator.faults.disarm(trouble)
    assert connected("queue", "retry").output == "nothing is waiting\n"
    assert connected("queue", "retry", "--expired").output == "0 plays queued again; nothing is waiting\n"
    assert connected.facts("queue", "why", play_id)["fate"] == "accepted"
    assert connected("queue").output == "nothing is waiting\n"
    assert len(emulator.plays("RJ")) == 1


def test_a_play_is_discarded_and_sent_after_all(connected: Shell, emulator: Emulator) -> None:
    emulator.fault("account-limit", calls=1)
    connected(*SINNERMAN)
    assert connected("queue", "discard", "1").output == "play 1 discarded\n"
    assert connected("queue").output == "nothing is waiting\n"
    assert connected("queue", "retry", "1").output == "nothing is waiting\n"
    assert len(emulator.plays("RJ")) == 1
    refused = connected("queue", "discard", "1")
    assert (refused.exit_code, "already on Last.fm" in refused.stderr) == (1, True)


def test_why_shows_each_attempt_with_its_verdict_and_lastfms_error_and_message(
    connected: Shell, emulator: Emulator
) -> None:
    emulator.fault("account-limit", calls=1)
    connected(*SINNERMAN)
    emulator.fault("error", error=6, methods=["track.scrobble"])
    connected("queue", "retry", "1")
    at = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    lines = connected("queue", "why", "1").output.splitlines()
    assert re.fullmatch(rf"1  {at}  Nina Simone – Sinnerman", lines[0])
    assert re.fullmatch(r"Queued: Last.fm error 6: .*", lines[1])
    assert lines[2] == "counted: heard 620 s of 620 s, needs 240 s"
    assert re.fullmatch(rf"  {at}  Rate limit reached: Last.fm error 29: .*", lines[3])
    assert re.fullmatch(rf"  {at}  Rejected in a batch; sent again in smaller parts: Last.fm error 6: .*", lines[4])
    facts = connected.facts("queue", "why", "1")
    assert [(tried["verdict"], tried["number"]) for tried in facts["attempts"]] == [("Throttled", 29), ("Split", 6)]
    assert (facts["heard"], facts["counted"]) == ("heard 620 s of 620 s, needs 240 s", True)


@pytest.mark.parametrize(
    ("length", "played", "words"),
    [
        ("240", "71", "did not count: heard 71 s of 240 s, needs 120 s"),
        ("30", "30", "did not count: the track is 30 s long; Last.fm only accepts tracks longer than 30 s"),
    ],
)
def test_why_shows_that_a_play_did_not_count_also_once_it_is_sent_by_hand(
    connected: Shell, length: str, played: str, words: str
) -> None:
    connected("scrobble", "--artist", "Anna Calvi", "--track", "Desire", "--duration", length, "--played", played)
    lines = connected("queue", "why", "1").output.splitlines()
    assert lines[1].startswith("Not sent ")
    assert lines[2] == words
    connected("queue", "retry", "1")
    assert connected("queue", "why", "1").output.splitlines()[2] == words


@pytest.mark.parametrize("what", ["why", "discard", "retry"])
def test_a_missing_play_is_an_error(connected: Shell, what: str) -> None:
    said = connected("queue", what, "7")
    assert (said.exit_code, said.stderr.startswith("Error: no play 7")) == (1, True)


def test_after_the_session_has_ended_plays_wait_for_a_sign_in(connected: Shell, emulator: Emulator) -> None:
    emulator.revoke("RJ")
    assert "run 'tonearm login'" in connected(*SINNERMAN).output
    assert connected.facts("status")["state"] == "needs_sign_in"
    assert "needs sign in, as RJ" in connected("status").output
    assert connected.facts("queue", "retry")["remaining_queued"] == 1


def test_whose_plays_wait_is_named_and_they_are_discarded_by_that_name(connected: Shell, emulator: Emulator) -> None:
    emulator.revoke("RJ")
    connected(*SINNERMAN)
    with connected.running("login", "--json") as (out, err):
        address = err.until("Allow access here").rpartition(" ")[2]
        emulator.approve(httpx2.URL(address).params["token"], "anna")
        lines = json.loads(out.until("{"))
        assert out.process.wait(PATIENCE) == 0
    held = "1 play for rj: sign in as that user, or 'tonearm queue discard --user rj'"
    assert lines["held_for"] == [{"lastfm_user": "rj", "plays": 1}]
    assert lines["message"] == f"connected as anna; on hold: {held}"
    assert f"on hold   {held}" in connected("status").output.splitlines()
    listed = connected("queue").output
    assert f"on hold: {held}" in listed
    assert "Sinnerman  (on hold for the Last.fm user rj)" in listed
    assert connected("queue", "discard").exit_code == 2
    assert connected("queue", "discard", "--user", "RJ").output == "1 play for RJ discarded\n"
    assert "discarded by the listener with every play waiting for RJ" in connected("queue", "why", "1").output
    assert "held_for" in connected.facts("queue")
    assert connected.facts("queue")["queued_scrobbles"] == 0


def test_without_an_api_key_the_play_waits_and_the_command_says_for_what(connected: Shell, shell: Shell) -> None:
    said = shell(*SINNERMAN)
    assert (said.exit_code, "no API key is configured" in said.output) == (0, True)
    assert shell("import-loved").stderr.startswith("Error: no API key is configured")
    assert shell("login").stderr.startswith("Error: no API key is configured")
    retried = shell.process("queue", "retry")  # what is logged is shown, too
    assert (retried.returncode, retried.stderr) == (0, "")
    assert retried.stdout.startswith("1 play still waiting: no API key is configured")


def test_status_shows_connection_queue_and_service(connected: Shell) -> None:
    said = connected("status").output.splitlines()
    assert said[0] == "listener  me: connected, as RJ"
    assert said[1] == "service   not running"
    assert said[2] == "queue     0 plays waiting (0 on hold), 0 being sent"
    facts = connected.facts("status")
    assert {"queued_scrobbles", "sending", "held", "refused", "state", "next_attempt_at", "username"} <= set(facts)


def test_status_of_a_fresh_database_says_what_to_do(asking: Shell) -> None:
    assert "disconnected; 'tonearm login' connects" in asking("status").output


def test_a_daily_limit_is_shown_with_the_hour_by_which_the_backlog_is_clear(connected: Shell) -> None:
    async def report(deck: tonearm.Deck) -> None:
        me = await deck.listener()
        for number in range(30):
            track = tonearm.Track("Nina Simone", f"Song {number}", duration=200)
            await me.scrobble(track, started_at=time.time() - 90_000 + 300 * number, played=200)

    on_deck(connected, report)
    assert "about" not in connected("queue").output + connected("status").output
    assert connected.facts("queue")["budget"] == {"used": 0, "about": None, "clear_at": None}
    limited = Shell(connected.home, {**connected.variables, "LASTFM_DAILY_SCROBBLES": "10"})
    lines = r"0 of about 10 used, backlog clear by [A-Z][a-z]+day \d\d:\d0$"
    assert re.search(f"^daily limit: {lines}", limited("queue").output, re.MULTILINE)
    assert re.search(f"^limit     {lines}", limited("status").output, re.MULTILINE)
    assert re.search(f"^limit     {lines}", limited("queue", "status").output, re.MULTILINE)
    budget = limited.facts("queue", "status")["budget"]
    assert (budget["used"], budget["about"]) == (0, 10)
    assert budget["clear_at"] > time.time() + 86400


def test_login_connects_once_the_listener_has_approved(asking: Shell, emulator: Emulator) -> None:
    with asking.running("login", "--json") as (out, err):
        address = err.until("Allow access here").rpartition(" ")[2]
        emulator.approve(httpx2.URL(address).params["token"], "RJ")
        assert json.loads(out.until("{"))["username"] == "RJ"
        assert out.process.wait(PATIENCE) == 0


def test_login_says_when_lastfm_refuses(asking: Shell, emulator: Emulator) -> None:
    emulator.fault("error", error=11, methods=["auth.getToken"])
    said = asking("login")
    assert (said.exit_code, said.stderr.startswith("Error: Last.fm: ")) == (1, True)


def test_login_says_when_a_token_is_of_no_use(asking: Shell, emulator: Emulator) -> None:
    emulator.fault("error", error=15, methods=["auth.getSession"])
    assert "start again" in asking("login", "--no-browser").stderr
    emulator.clear_faults()
    emulator.fault("error", error=4, methods=["auth.getSession"])
    assert "start again" in asking("login").stderr


def test_another_listener_has_a_queue_and_a_token_of_their_own(asking: Shell, emulator: Emulator) -> None:
    assert "--listener anna" in asking("listener", "add", "anna").output
    sign_in(asking, emulator, "anna")
    assert asking(*SINNERMAN, "--listener", "anna").exit_code == 0
    assert asking.facts("status", "--listener", "anna")["username"] == "RJ"
    assert asking.facts("status")["username"] is None
    link = asking("listener", "link", "anna").output
    assert link.startswith("http://127.0.0.1:0/signin?link=")


def test_a_token_is_the_last_word_printed_and_works_for_its_listener(asking: Shell) -> None:
    assert owner_of(asking, asking("token", "me").output.split()[-1]) == 1


def test_listeners_links_and_tokens_are_made_in_json_too(asking: Shell) -> None:
    assert asking.facts("listener", "add", "anna") == {"status": "success", "name": "anna"}
    link = asking.facts("listener", "link", "anna")
    assert (set(link), link["listener"]) == ({"listener", "link"}, "anna")
    assert link["link"].startswith("http://127.0.0.1:0/signin?link=")
    for words in (("token", "anna"), ("token", "new", "anna")):
        made = asking.facts(*words)
        assert made == {"listener": "anna", "id": name_of(made["token"]), "token": made["token"]}
        assert owner_of(asking, made["token"]) == 1
    assert asking.facts("token")["listener"] == "me"


def owner_of(shell: Shell, token: str) -> int | None:
    """Whom a token lets in."""
    found: list[int | None] = []

    async def ask(deck: tonearm.Deck) -> None:
        found.append(await deck.accounts.by_secret(token, TokenKind.API))

    on_deck(shell, ask)
    return found[0]


def test_a_token_is_listed_under_another_name_and_can_be_revoked(asking: Shell) -> None:
    assert asking("token", "list").output == "no tokens for me\n"
    kept, lost = (asking("token").output.split()[-1] for _ in range(2))
    asking("listener", "link", "me")
    asking("listener", "add", "anna")
    annas = asking("token", "anna").output.split()[-1]
    listed = asking.facts("token", "list")["tokens"]
    assert [found["kind"] for found in listed] == ["api", "api", "link"]
    said = asking("token", "list").output
    assert not any(secret in said for secret in (kept, lost, annas))
    name = name_of(lost)
    assert re.search(rf"^{name}  program  since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d$", said, re.MULTILINE)

    of_others = asking("token", "revoke", name_of(annas))
    assert (of_others.exit_code, of_others.stderr.startswith(f"Error: me has no token {name_of(annas)}")) == (1, True)
    assert asking("token", "revoke", "anything").exit_code == 1
    assert asking("token", "revoke", name).output == f"{name} revoked\n"
    assert [owner_of(asking, token) for token in (kept, lost, annas)] == [1, None, 2]
    assert asking("token", "revoke", name).exit_code == 1
    assert asking.facts("token", "revoke", name_of(annas), "--listener", "anna")["status"] == "success"
    assert owner_of(asking, annas) is None


def test_a_listener_may_be_called_like_a_command(asking: Shell) -> None:
    asking("listener", "add", "list")
    said = asking("token", "new", "list").output
    assert said.startswith("New token for list (id ")
    assert owner_of(asking, said.split()[-1]) == 1


@pytest.mark.parametrize(
    "words", ["token nobody", "token list --listener nobody", "status --listener nobody", "listener link nobody"]
)
def test_an_unknown_listener_is_an_error(asking: Shell, words: str) -> None:
    said = asking(*words.split())
    assert said.exit_code == 1
    assert said.stderr == "Error: no listener named 'nobody': add one with 'tonearm listener add'\n"


def test_an_invalid_name_is_an_error(asking: Shell) -> None:
    assert 'Invalid name "a b": use 1 to 64' in asking("listener", "add", "a b").stderr


def test_a_folder_is_scanned_and_its_loved_tracks_are_marked(
    connected: Shell, emulator: Emulator, tmp_path: Path
) -> None:
    music = tmp_path / "music"
    music.mkdir()
    (music / "1.flac").write_bytes(audio.flac(audio.Tags("Nina Simone", "Sinnerman"), 60))
    (music / "2.flac").write_bytes(b"fLaC, or so it says")
    scanned = connected("scan", str(music))
    assert scanned.stdout == "1 new, 0 changed, 0 gone, 1 unreadable (of 2 files)\n"
    assert "2.flac" in scanned.stderr
    assert connected.facts("scan", str(music))["new"] == 0
    for artist, title in (("Nina Simone", "Sinnerman"), ("Nobody", "Nothing")):
        emulator.users["rj"].heart(artist, title, time.time())
    found = connected.facts("import-loved")
    assert (found["status"], found["total_loved_tracks"], found["imported_count"], found["missing"]) == (
        "success",
        2,
        1,
        1,
    )
    assert connected("import-loved").output.startswith("0 of 2 loved tracks newly marked; 1 already marked")


def test_a_track_is_loved_from_a_shell(connected: Shell, emulator: Emulator) -> None:
    song = ("--artist", "Nina Simone", "--track", "Sinnerman")
    assert connected("love", *song).stdout == "loved: Nina Simone – Sinnerman: Last.fm has it\n"
    assert [one.track for one in emulator.users["rj"].loved.values()] == ["Sinnerman"]
    said = connected.facts("unlove", *song)
    assert (said["status"], said["loved"]) == ("accepted", False)
    assert not emulator.users["rj"].loved
    assert connected("love", "--artist", " ", "--track", "x").stderr == "Error: enter an artist\n"


def test_a_scan_names_what_it_cannot_read_and_reads_all_again_if_asked(connected: Shell, tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for name in ("1.mka", "2.mka", "3.shn"):
        (music / name).touch()
    nothing = "0 new, 0 changed, 0 gone, 0 unreadable (of 0 files); unsupported: 2 .mka, 1 .shn\n"
    assert connected("scan", str(music)).stdout == nothing
    (music / "1.flac").write_bytes(audio.flac(audio.Tags("Nina Simone", "Sinnerman"), 60))
    facts = connected.facts("scan", str(music))
    assert (facts["new"], facts["unsupported"]) == (1, {".mka": 2, ".shn": 1})
    assert connected.facts("scan", str(music))["changed"] == 0
    assert connected.facts("scan", "--all", str(music))["changed"] == 1


def test_a_missing_folder_is_an_error(connected: Shell, tmp_path: Path) -> None:
    said = connected("scan", str(tmp_path / "nowhere"))
    assert (said.exit_code, said.stderr.count("\n")) == (1, 1)


def test_an_import_that_lastfm_rejects_says_where_it_continues(connected: Shell, emulator: Emulator) -> None:
    emulator.fault("error", error=6, methods=["user.getlovedtracks"])
    said = connected("import-loved")
    assert (said.exit_code, "the next import continues from there" in said.stderr) == (1, True)


def test_an_import_says_beforehand_what_it_would_change(connected: Shell, emulator: Emulator) -> None:
    assert connected("import-loved", "--dry-run").stdout == (
        "nothing would change now; what changed less than 10 minutes ago may be compared later\n"
    )
    emulator.users["rj"].heart("Nina Simone", "Sinnerman", time.time())
    assert connected("import-loved", "--dry-run").stdout == "Nina Simone – Sinnerman would be loved here\n"
    found = connected.facts("import-loved", "--dry-run")
    assert (found["love_here"], found["tracks"][0]["change"]) == (1, "love_here")
    emulator.fault("error", error=6, methods=["user.getlovedtracks"])
    assert connected("import-loved", "--dry-run").stderr.startswith("Error: Last.fm: ")


def test_loved_tracks_are_matched_again_from_a_shell(connected: Shell) -> None:
    connected("love", "--artist", "Nina Simone", "--track", "Sinnerman")
    said = connected("import-loved", "--check").stdout
    assert said == "0 of 1 loved tracks newly marked; 0 already marked, 0 may be in the library, 1 are not\n"


def test_imports_begin_by_themselves_if_that_is_requested(connected: Shell) -> None:
    assert connected("import-loved", "--mirror").stdout == (
        "loved tracks are imported every hour while a service runs; in a conflict the later change wins\n"
    )
    assert connected.facts("import-loved", "--conflicts", "here") == {"mirror": True, "conflicts": "here"}
    assert connected.facts("import-loved", "--no-mirror") == {"mirror": False, "conflicts": "here"}


def test_an_import_needs_a_sign_in(asking: Shell) -> None:
    assert "'tonearm login' first" in asking("import-loved").stderr


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ({"kind": "clock-skew", "seconds": 600}, "clock"),
        ({"kind": "error", "error": 10}, "Last.fm"),
        ({"kind": "gateway-html"}, "Last.fm"),
    ],
)
def test_a_check_names_what_is_wrong(connected: Shell, emulator: Emulator, fault: dict[str, Any], wrong: str) -> None:
    emulator.fault(**fault)
    said = connected("check")
    assert (said.exit_code, said.stderr) == (1, f"Error: problems found: {wrong}\n")
    assert f"WRONG  {wrong}" in said.output


def test_a_check_asks_with_each_key_and_names_them_by_their_place(connected: Shell, emulator: Emulator) -> None:
    second = "second".ljust(32, "0")
    both = {"LASTFM_API_KEY": f"{API_KEY},{second}", "LASTFM_API_SECRET": f"{API_SECRET},its secret"}
    two = Shell(connected.home, {**connected.variables, **both})
    said = two("check")
    assert said.exit_code == 1
    assert "settings and 2 API keys found" in said.output
    assert "answers and accepts API key 1 of 2" in said.output
    assert re.search(r"WRONG +Last.fm .*API key 2 of 2: .*error 10", said.output)
    emulator.add_key(second, "its secret")
    well = two("check")
    assert "answers and accepts API key 2 of 2" in well.output
    assert not {second, API_KEY, "its secret"} & set(re.split(r"[\s,:=?&]", said.output + well.output))


def test_if_the_key_is_no_longer_set_the_queue_and_the_status_say_so(connected: Shell, emulator: Emulator) -> None:
    emulator.add_key("another".ljust(32, "0"), "its secret")
    other = {"LASTFM_API_KEY": "another".ljust(32, "0"), "LASTFM_API_SECRET": "its secret"}
    changed = Shell(connected.home, {**connected.variables, **other})
    song = ("--artist", "Nina Simone", "--track", "Sinnerman", "--duration", "622")
    assert changed("scrobble", *song).exit_code == 0
    for command in (("queue",), ("queue", "why", "1"), ("status",)):
        said = changed(*command)
        assert "connected with an API key that is no longer set: sign in again, or set the key again" in said.output
    assert "needs sign in" in changed("status").output
    assert "next batch" not in changed("queue", "why", "1").output


def test_a_check_of_nothing_at_all_lists_each_thing(shell: Shell, lastfm: dict[str, str]) -> None:
    nothing = Shell(
        shell.home, {"TONEARM_DATABASE": "mysql://db.example/x", "LASTFM_API_URL": lastfm["LASTFM_API_URL"]}
    )
    said = nothing("check")
    assert said.exit_code == 1
    assert said.stderr.startswith("Error: problems found: configuration, database, key")
    assert "ok     Last.fm        " in said.output  # it answers, though there is no key to ask with
    sealed = Shell(shell.home, {**shell.variables, **lastfm, "TONEARM_SECRET_KEY": "hush"})("check")
    assert (sealed.exit_code, "hush" in sealed.output) == (0, False)


def test_a_check_says_that_the_disk_is_full(connected: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MIN_FREE_BYTES", 2**80)  # more than any disk has
    said = connected("check")
    assert (said.exit_code, said.stderr) == (1, "Error: problems found: database\n")
    assert re.search(r"WRONG +database .*the disk is full", said.output)


def test_a_check_without_a_network_says_so(shell: Shell) -> None:
    away = Shell(shell.home, {**shell.variables, "LASTFM_API_URL": "http://127.0.0.1:9/2.0/"})
    assert "WRONG  Last.fm" in away("check").output
