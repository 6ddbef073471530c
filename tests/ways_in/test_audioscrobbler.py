"""Players that speak Audioscrobbler 1.1, 1.2 and 1.2.1: what they send is on disk when they are answered OK."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest

from lastfm_emulator import Emulator
from tests.api.conftest import running
from tests.api.raw import connection, everything
from tests.databases import with_tables
from tests.ways_in.conftest import Room, ago
from tonearm.service.players import NewPlayer
from tonearm.web.ways_in.audioscrobbler import SAME_MOMENT


def hexed(text: str) -> str:
    return md5(text.encode()).hexdigest()


def shake(
    http: httpx2.Client,
    player: NewPlayer,
    *,
    path: str = "/",
    secret: str = "",
    user: str = "",
    clock: float = 0,
    **more: str,
) -> list[str]:
    """The lines that a handshake is answered with; `clock` is the seconds that the player's clock is behind."""
    at = str(ago(clock))
    auth = hexed(hexed(secret or player.secret) + at)
    query = {"hs": "true", "p": "1.2.1", "c": "tst", "v": "1.0", "u": user or player.player.user, "t": at, "a": auth}
    answer = http.get(path, params={**query, **more})
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert answer.text.endswith("\n")
    return answer.text.splitlines()


def play(index: int = 0, title: str = "Sinnerman", at: float = 5000, **more: str) -> dict[str, str]:
    fields = {
        "a": "Nina Simone",
        "t": title,
        "i": str(ago(at)),
        "o": "P",
        "r": "",
        "l": "620",
        "b": "",
        "n": "",
        "m": "",
    }
    return {f"{name}[{index}]": value for name, value in {**fields, **more}.items()}


def submit(http: httpx2.Client, url: str, session: str, *plays: dict[str, str]) -> str:
    form = {"s": session}
    for one in plays:
        form |= one
    return http.post(url, content=urlencode(form), headers={"Content-Type": "application/x-www-form-urlencoded"}).text


@pytest.mark.parametrize("path", ["/", "/apis/audioscrobbler/", "/apis/audioscrobbler", "/apis/audioscrobbler_legacy/"])
def test_a_handshake_names_the_address_for_plays(room: Room, http: httpx2.Client, path: str) -> None:
    player = room.player("audioscrobbler", name="Kitchen MPD")
    said, session, playing_url, submission_url = shake(http, player, path=path)
    assert (said, len(session)) == ("OK", 32)
    assert all(url.startswith(f"{room.url}{path.rstrip('/')}/") for url in (playing_url, submission_url))
    assert http.post(playing_url, data={"s": session, "a": "Can", "t": "Halleluwah"}).text == "OK\n"
    plays = [play(number, f"Song {number}", 40_000 - 700 * number) for number in range(50)]
    assert submit(http, submission_url, session, *plays) == "OK\n"
    assert room.titles() == [f"Song {number}" for number in range(50)]
    (first, *_) = room.plays()
    assert (first["reporter"], first["duration"], first["fate"]) == ("Kitchen MPD", 620, "queued")
    assert room.again(player).program == "tst 1.0"


def test_a_player_of_http_1_0_gets_an_address_too(room: Room) -> None:
    player = room.player("audioscrobbler")
    at = str(ago(0))
    query = urlencode(
        {"hs": "true", "p": "1.2", "c": "old", "v": "1", "u": "me", "t": at, "a": hexed(hexed(player.secret) + at)}
    )
    with connection(room.url) as sock:
        sock.sendall(f"GET /?{query} HTTP/1.0\r\n\r\n".encode())
        assert f"\n{room.url}/protocol_1.2\n".encode() in everything(sock)


def test_the_page_stays_where_it_is(room: Room, http: httpx2.Client) -> None:
    assert http.get("/", headers={"Accept": "text/html"}).headers["content-type"].startswith("text/html")
    assert http.get("/?hs=false", headers={"Accept": "text/html"}).headers["content-type"].startswith("text/html")


def test_a_wrong_secret_an_unknown_user_and_a_revoked_player_are_refused(room: Room, http: httpx2.Client) -> None:
    player = room.player("audioscrobbler")
    assert shake(http, player, secret="wrong") == ["BADAUTH"]
    assert room.again(player).refused_reason == "wrong secret"
    assert shake(http, player, user="nobody") == ["BADAUTH"]
    _, session, _, url = shake(http, player, user="ME")
    room.revoke(player)
    assert shake(http, player) == ["BADAUTH"]
    assert submit(http, url, session, play()) == "BADSESSION\n"
    assert room.plays() == []


def test_a_clock_that_is_wrong_is_named(room: Room, http: httpx2.Client) -> None:
    player = room.player("audioscrobbler")
    assert shake(http, player, clock=600) == ["BADTIME"]
    assert room.again(player).refused_reason == "its clock is 10 min slow"
    assert shake(http, player, clock=-420) == ["BADTIME"]
    assert shake(http, player, clock=200)[0] == "OK"


def test_two_handshakes_in_a_second_make_two_sessions(room: Room, http: httpx2.Client) -> None:
    player = room.player("audioscrobbler")
    first, second = shake(http, player, clock=1), shake(http, player, clock=1)
    assert first[0] == second[0] == "OK"
    for number, (_, session, _, url) in enumerate((first, second)):
        assert submit(http, url, session, play(0, f"Song {number}", 9000 - 700 * number)) == "OK\n"
    assert room.titles() == ["Song 0", "Song 1"]


def test_an_unknown_session_and_a_broken_handshake_are_refused(room: Room, http: httpx2.Client) -> None:
    player = room.player("audioscrobbler")
    assert submit(http, "/protocol_1.2", "nonsense", play()) == "BADSESSION\n"
    assert http.post("/np_1.2", data={"a": "Can", "t": "Halleluwah"}).text == "BADSESSION\n"
    assert shake(http, player, p="3")[0].startswith("FAILED ")
    assert http.get("/?hs=true").text.startswith("FAILED ")


def test_no_play_is_refused_for_the_sake_of_another(room: Room, http: httpx2.Client) -> None:
    _, session, _, url = shake(http, room.player("audioscrobbler"))
    odd = [play(1, ""), play(2, "late", 4000, l="31.7", n="x"), play(3, "no time", i="soon"), {"a[7]": "x"}]
    assert submit(http, url, session, *odd, play(9, "good", 3000)) == "OK\n"
    assert room.titles() == ["late", "good"]


def test_an_old_handshake_that_is_sent_again_is_refused(
    room: Room, http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = room.player("audioscrobbler")
    assert shake(http, player, clock=30)[0] == "OK"
    overheard = {"hs": "true", "p": "1.2.1", "c": "tst", "v": "1.0", "u": "me", "t": str(ago(30))}
    overheard["a"] = hexed(hexed(player.secret) + overheard["t"])
    assert http.get("/", params=overheard).text.startswith("OK\n")  # at once: some players send two in one second
    now = room.service.deck.clock.now
    monkeypatch.setattr(type(room.service.deck.clock), "now", lambda _: now() + SAME_MOMENT + 1)
    assert http.get("/", params=overheard).text == "BADAUTH\n"
    assert room.again(player).refused_reason == "an old handshake was sent again"
    assert shake(http, player)[0] == "OK"
    assert shake(http, player, c="other", clock=30)[0] == "OK"


def test_a_play_that_is_rated_as_loved_keeps_its_heart(room: Room, http: httpx2.Client) -> None:
    player = room.player("audioscrobbler")
    _, session, _, url = shake(http, player)
    assert submit(http, url, session, play(0, "loved", r="L"), play(1, "not", 3000)) == "OK\n"
    loved, total = room.service.call(room.service.deck.player_views.loved(player.player.account, 10, 0))
    assert ([one.track.title for one in loved], total) == (["loved"], 1)


def test_mpdscribble_sends_the_end_of_a_play_and_others_the_start(room: Room, http: httpx2.Client) -> None:
    player = room.player("audioscrobbler")
    sent = play(0, at=2000)
    for client, title in (("mdc", "by its end"), ("qlb", "by its start")):
        _, session, _, url = shake(http, player, c=client)
        submit(http, url, session, sent | {"t[0]": title})
    by_end, by_start = room.plays()
    assert (by_end["timestamp"], by_start["timestamp"]) == (int(sent["i[0]"]) - 620, int(sent["i[0]"]))


def test_protocol_1_1_proves_the_secret_with_each_submission(room: Room, http: httpx2.Client) -> None:
    player = room.player("audioscrobbler")
    query = {"hs": "true", "p": "1.1", "c": "tst", "v": "1.0", "u": "me"}
    said, challenge, url, interval = http.get("/", params=query).text.splitlines()
    assert (said, interval) == ("UPTODATE", "INTERVAL 0")
    assert http.get("/", params={**query, "u": "nobody"}).text.startswith("BADUSER")
    form = {"u": "me", "s": "wrong", **play(0, "Sinnerman", i="2026-11-01 10:00:00")}
    assert http.post(url, data=form).text == "BADAUTH\nINTERVAL 0\n"
    form["s"] = hexed(hexed(player.secret) + challenge)
    assert http.post(url, data=form).text == "OK\nINTERVAL 0\n"
    assert http.post(url, data=form).text == "OK\nINTERVAL 0\n"
    assert room.titles() == ["Sinnerman"]


def test_a_challenge_of_one_process_is_answered_to_another(tmp_path: Path, tables: Path) -> None:
    """Several services behind one address, which know nothing of each other but their database."""
    database = with_tables(tmp_path / "plays.db", tables)
    query = {"hs": "true", "p": "1.1", "c": "tst", "v": "1.0", "u": "Me"}
    with (
        running(database, Emulator(), signed_in=False) as one,
        running(database, Emulator(), signed_in=False, deliver=False) as two,
    ):
        player = Room(one).player("audioscrobbler")
        with one.stranger() as first, two.stranger() as second:
            _, challenge, *_ = first.get("/", params=query).text.splitlines()
            form = {"u": "me", "s": hexed(hexed(player.secret) + challenge), **play(0, i="2026-11-01 10:00:00")}
            nameless = {name: value for name, value in form.items() if name != "u"}
            assert second.post("/protocol_1.1", data=nameless).text.startswith("BADAUTH\n")
            foreign = {**form, "s": hexed(hexed("another secret") + challenge)}
            assert second.post("/protocol_1.1", data=foreign).text.startswith("BADAUTH\n")
            headers = {"User-Agent": "scrobbler-helper/1.0 libwww-perl/6.68"}
            assert second.post("/protocol_1.1", data=form, headers=headers).text.startswith("OK\n")
            assert first.post("/protocol_1.1", data=form).text.startswith("OK\n")
        assert Room(two).titles() == ["Sinnerman"]
        assert Room(two).again(player).program == "scrobbler-helper 1.0 libwww-perl 6.68"
        Room(one).revoke(player)
        with two.stranger() as second:
            assert second.post("/protocol_1.1", data=form | {"s": form["s"][::-1]}).text.startswith("BADAUTH\n")


def test_a_session_outlives_a_restart(tmp_path: Path, tables: Path) -> None:
    database = with_tables(tmp_path / "plays.db", tables)
    with running(database, Emulator(), signed_in=False) as service, service.stranger() as http:
        room = Room(service)
        _, session, _, _ = shake(http, room.player("audioscrobbler"))
    with running(database, Emulator(), signed_in=False) as service, service.stranger() as http:
        assert submit(http, "/protocol_1.2", session, play()) == "OK\n"
        assert Room(service).titles() == ["Sinnerman"]


def test_a_player_keeps_its_plays_while_the_database_is_down(room: Room, http: httpx2.Client) -> None:
    _, session, _, url = shake(http, room.player("audioscrobbler"))
    room.service.call(_closed(room))
    assert submit(http, url, session, play()).startswith("FAILED ")


async def _closed(room: Room) -> None:
    room.service.deck.store._writer.close()


def test_plays_of_a_form_that_is_too_large_are_kept_by_the_player(room: Room, http: httpx2.Client) -> None:
    _, session, _, url = shake(http, room.player("audioscrobbler"))
    assert submit(http, url, session, play(0, "x" * 1_100_000)).startswith("FAILED ")


def test_a_form_in_parts_is_read_like_any_other(room: Room, http: httpx2.Client) -> None:
    _, session, playing_url, url = shake(http, room.player("audioscrobbler"))

    def send(url: str, **fields: str) -> str:
        return http.post(url, files={name: (None, value) for name, value in {"s": session, **fields}.items()}).text

    assert send(playing_url, a="Can", t="Halleluwah") == "OK\n"
    assert send(url, **play(0, "Jóga"), **play(1, "Hunter", 4000)) == "OK\n"
    assert room.titles() == ["Jóga", "Hunter"]
    for broken in (playing_url, url):
        answer = http.post(broken, content=b"--x\r\n", headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert answer.text == "FAILED The form can't be read\n"


def test_a_play_that_is_not_kept_is_shown_to_its_listener(room: Room, http: httpx2.Client) -> None:
    player = room.player("audioscrobbler")
    _, session, _, url = shake(http, player)
    assert submit(http, url, session, play(0), play(1, "Skipped", 6000, r="S", o="L")) == "OK\n"
    assert room.again(player).refused_reason == "", "it was never meant as a play"
    assert submit(http, url, session, play(0, i="120"), play(1, "", 4000), play(2, "Feeling Good", 3000)) == "OK\n"
    assert room.titles() == ["Sinnerman", "Feeling Good"]
    needed = "(needed: between 2002-10-01 and 30 days from now)"
    assert room.again(player).refused_reason == f'not the time of a play: "120" {needed} (and 1 other)'


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"X-Forwarded-Proto": "https, http", "Host": "music.example"}, "https://music.example"),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "music.example:8443, inner"}, "https://music.example:8443"),
    ],
)
def test_behind_proxies_the_address_is_the_one_that_the_player_used(
    room: Room, http: httpx2.Client, headers: dict[str, str], base: str
) -> None:
    player = room.player("audioscrobbler")
    http.headers.update(headers)
    assert shake(http, player)[2:] == [f"{base}/np_1.2", f"{base}/protocol_1.2"]


def test_a_name_in_latin_1_keeps_its_letters(room: Room, http: httpx2.Client) -> None:
    _, session, _, url = shake(http, room.player("audioscrobbler"))
    body = f"s={session}&a[0]=Bj%F6rk&t[0]=J%F3ga&i[0]={ago(5000)}&o[0]=P&r[0]=&l[0]=300&b[0]=&n[0]=&m[0]="
    assert http.post(url, content=body).text == "OK\n"
    assert [(one["artist"], one["track"]) for one in room.plays()] == [("Björk", "Jóga")]
