"""The whole way over HTTP, from the first token to the last page, in both faces."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature

import httpx2
import pytest

from lastfm_emulator import API_KEY, API_SECRET, Address, Emulator, create_app, serve
from tonearm.core.play import Play, Track
from tonearm.core.verdict import (
    Answered,
    Cause,
    Correction,
    KeyRefused,
    Later,
    Scope,
    SessionEnded,
    Split,
    Throttled,
    Unsure,
    Verdict,
)
from tonearm.lastfm import (
    BadParameters,
    KeyRejected,
    Keys,
    LastFm,
    LastFmSync,
    LoginRequired,
    LovedTrack,
    Page,
    PagePosition,
    Patience,
    RecentTrack,
    SignatureRejected,
    TokenExpired,
    TokenNotApproved,
    TokenUnknown,
    Unavailable,
    UserInfo,
)
from tonearm.lastfm.methods import user

from .faces import FACES, Face, call, page, pages

pytestmark = pytest.mark.anyio

NOW = 1700000000.0
KEYS = Keys(API_KEY, API_SECRET)


class Clock:
    """The emulator's time: it stands still until it is advanced."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Emulator:
    return Emulator(clock=clock)


@pytest.fixture
def address(emulator: Emulator) -> Iterator[Address]:
    with serve(emulator) as address:
        yield address


@pytest.fixture
async def client(face: Face, address: Address, anyio_backend: str) -> LastFm | LastFmSync:
    return face(KEYS, address.url, patience=Patience(connect=5.0, read=5.0))


def plays(number: int) -> list[Play]:
    return [
        Play(
            Track(f"Artist {i % 7} & Söhne", f"Song {i} + 1", f"Album {i % 3}", "Various", 200.4, i + 1),
            int(NOW) - 100_000 + 300 * i,
            200.0,
            chosen_by_user=i != 3,
        )
        for i in range(number)
    ]


async def test_the_whole_way_from_the_first_token_to_the_last_page(
    client: LastFm | LastFmSync, emulator: Emulator
) -> None:
    token = await call(client, "get_token")
    with pytest.raises(TokenNotApproved):
        await call(client, "get_session", token)
    emulator.approve(token, "Ada")
    session = await call(client, "get_session", token)
    assert session.name == "Ada"
    with pytest.raises(TokenUnknown):
        await call(client, "get_session", token)

    sk = session.key
    one = await call(client, "scrobble", plays(1), sk)
    assert isinstance(one, Answered)
    assert [word.ignored_code for word in one.items] == [0]
    fifty = await call(client, "scrobble", plays(50), sk)
    assert isinstance(fifty, Answered)
    assert [word.timestamp for word in fifty.items] == [play.timestamp for play in plays(50)]
    stored_plays = emulator.plays("Ada")
    assert len(stored_plays) == 50, "the first one was the same play, sent again"
    assert [(p.artist, p.track, p.timestamp, p.album, p.track_number) for p in stored_plays] == [
        (p.track.artist, p.track.title, p.timestamp, p.track.album, p.track.track_number) for p in plays(50)
    ]
    assert [p.chosen_by_user for p in stored_plays].index(False) == 3

    assert isinstance(await call(client, "now_playing", Track("Low", "Sunflower", duration=276), sk), Answered)
    playing = emulator.now_playing("Ada")
    assert playing is not None
    recent = await page(client, "recent_tracks", "Ada", size=20)
    assert (len(recent.items), recent.total, recent.total_pages) == (20, 50, 3)
    assert recent.now_playing is not None
    assert recent.now_playing.title == "Sunflower"
    assert recent.items[0].played_at.timestamp() == plays(50)[-1].timestamp

    for i in range(5):
        assert isinstance(await call(client, "love", "Low", f"Song {i}", sk), Answered)
    assert isinstance(await call(client, "unlove", "Low", "Song 2", sk), Answered)
    loved = await page(client, "loved_tracks", "Ada")
    assert {track.title for track in loved.items} == {f"Song {i}" for i in (0, 1, 3, 4)}
    assert loved.total == 4

    info = await call(client, "user_info", "Ada")
    assert (info.name, info.playcount) == ("Ada", 50)
    assert (await call(client, "user_info", session_key=sk)).name == "Ada"
    await call(client, "close")


async def test_walks_go_page_by_page_and_resume_from_a_given_place(
    client: LastFm | LastFmSync, emulator: Emulator
) -> None:
    sk = emulator.session_key("Ada")
    for i in range(5):
        await call(client, "love", "Low", f"Song {i}", sk)
    await call(client, "scrobble", plays(50), sk)
    walk = await pages(client, "loved_tracks", "Ada", size=2)
    assert [(one.page, one.total_pages, one.total, len(one.items)) for one in walk] == [
        (1, 3, 5, 2),
        (2, 3, 5, 2),
        (3, 3, 5, 1),
    ]
    resumed = await pages(client, "loved_tracks", "Ada", start=PagePosition(3, 2))
    assert [one.items for one in resumed] == [walk[2].items]
    recent = await pages(client, "recent_tracks", "Ada", size=20)
    assert [len(one.items) for one in recent] == [20, 20, 10]
    assert all(track.loved is None for one in recent for track in one.items)
    until = plays(50)[10].timestamp + 1
    since = plays(50)[3].timestamp - 1
    span = await call(client, "recent_tracks", "Ada", size=5, since=since, until=until, extended=True)
    times = [track.played_at.timestamp() for track in span]
    assert times == [play.timestamp for play in reversed(plays(50)[3:11])]
    assert all(track.loved is False for track in span)
    emulator.session_key("Nobody")
    assert [one.items for one in await pages(client, "loved_tracks", "Nobody")] == [()]
    await call(client, "close")


async def test_a_private_history_opens_to_its_own_session_only(client: LastFm | LastFmSync, emulator: Emulator) -> None:
    emulator.add_user("Shy", private=True)
    sk = emulator.session_key("Shy")
    await call(client, "scrobble", plays(2), sk)
    with pytest.raises(LoginRequired):
        await call(client, "recent_tracks", "Shy")
    assert (await page(client, "recent_tracks", "Shy", session_key=sk)).total == 2
    with pytest.raises(BadParameters):
        await call(client, "recent_tracks", "nobody-by-that-name")
    await call(client, "close")


async def test_ignored_plays_and_corrections_are_distinguished(client: LastFm | LastFmSync, emulator: Emulator) -> None:
    emulator.correct_artist("Beatels", "The Beatles")
    sk = emulator.session_key("Ada")
    batch = [
        Play(Track("Low", "Old"), int(NOW) - 20 * 86400, 200.0),
        Play(Track("Beatels", "Help!"), int(NOW) - 600, 200.0),
        Play(Track("Low", "Sunflower"), int(NOW) - 300, 200.0),
    ]
    verdict = await call(client, "scrobble", batch, sk)
    assert isinstance(verdict, Answered)
    assert [word.ignored_code for word in verdict.items] == [3, 0, 0]
    assert verdict.items[1].correction == Correction("The Beatles", "Help!")
    assert verdict.items[2].correction is None
    await call(client, "close")


async def test_a_revoked_session_a_wrong_secret_and_a_suspended_key_are_named(
    face: Face, client: LastFm | LastFmSync, emulator: Emulator, address: Address
) -> None:
    sk = emulator.session_key("Ada")
    wrong = face(Keys(API_KEY, "f" * 32), address.url)
    assert isinstance(await call(wrong, "scrobble", plays(2), sk), Split)
    with pytest.raises(SignatureRejected):
        await call(wrong, "get_token")
    await call(wrong, "close")
    unknown = face(Keys("f" * 32, "f" * 32), address.url)
    assert isinstance(await call(unknown, "scrobble", plays(2), sk), KeyRefused)
    with pytest.raises(KeyRejected):
        await call(unknown, "get_token")
    await call(unknown, "close")
    emulator.revoke("Ada")
    assert isinstance(await call(client, "scrobble", plays(2), sk), SessionEnded)
    emulator.suspend_key(API_KEY)
    refused = await call(client, "scrobble", plays(2), sk)
    assert isinstance(refused, KeyRefused)
    assert refused.cause.error_code == 26
    await call(client, "close")


async def test_a_token_ends_after_an_hour(client: LastFm | LastFmSync, emulator: Emulator, clock: Clock) -> None:
    token = await call(client, "get_token")
    emulator.approve(token, "Ada")
    clock.now += 3601
    with pytest.raises(TokenExpired):
        await call(client, "get_session", token)
    await call(client, "close")


@pytest.mark.parametrize(
    ("kind", "verdict", "stored"),
    [
        ("gateway-html", Unsure, 0),
        ("html-in-200", Unsure, None),
        ("empty-body", Unsure, None),
        ("cut-off", Unsure, None),
        ("proxy-busy", Unsure, 0),
        ("commit-then-close", Unsure, 3),
        ("close-before-commit", Unsure, 0),
        ("error-in-200", Later, None),
        ("wrong-length", Unsure, None),
        ("wrong-totals", Unsure, 3),
        ("nothing-stored", Unsure, 0),
        ("gnu-codes", Answered, 3),
        ("xml-for-json", Answered, 3),
        ("string-counts", Answered, 3),
        ("links", Answered, 3),
    ],
)
async def test_each_bad_day_of_last_fm_has_its_verdict(
    client: LastFm | LastFmSync, emulator: Emulator, kind: str, verdict: type, stored: int | None
) -> None:
    sk = emulator.session_key("Ada")
    emulator.fault(kind, calls=1, methods=["track.scrobble"])
    assert type(await call(client, "scrobble", plays(3), sk)) is verdict
    if stored is not None:
        assert len(emulator.plays("Ada")) == stored
    again = await call(client, "scrobble", plays(3), sk)
    assert isinstance(again, Answered)
    assert len(emulator.plays("Ada")) == 3, "the identical batch is kept once"
    await call(client, "close")


async def test_an_account_that_scrobbles_too_much_is_throttled_as_an_account(
    client: LastFm | LastFmSync, emulator: Emulator
) -> None:
    sk = emulator.session_key("Ada")
    emulator.fault("account-limit", calls=1)
    verdict = await call(client, "scrobble", plays(3), sk)
    assert isinstance(verdict, Throttled)
    assert verdict.scope is Scope.ACCOUNT
    await call(client, "close")


async def test_a_lost_answer_to_a_sign_in_is_retryable_and_the_token_may_be_spent(
    client: LastFm | LastFmSync, emulator: Emulator
) -> None:
    token = await call(client, "get_token")
    emulator.approve(token, "Ada")
    emulator.fault("token-lost", calls=1)
    with pytest.raises(Unavailable) as lost:
        await call(client, "get_session", token)
    assert (lost.value.retryable, lost.value.sent) == (True, True)
    with pytest.raises(TokenUnknown):
        await call(client, "get_session", token)
    await call(client, "close")


async def test_each_error_of_last_fm_arrives_with_its_number_and_words(
    client: LastFm | LastFmSync, emulator: Emulator
) -> None:
    emulator.fault("error", error=8, message="Operation failed", calls=1)
    with pytest.raises(Unavailable) as raised:
        await call(client, "user_info", "Ada")
    assert raised.value.cause == Cause(8, "Operation failed")
    await call(client, "close")


async def test_hosts_call_either_face_with_names_and_types(address: Address, emulator: Emulator) -> None:
    sk = emulator.session_key("Ada")
    async with LastFm(KEYS, url=address.url) as lastfm:
        verdict: Verdict = await lastfm.scrobble(plays=plays(2), session_key=sk)
        recent: Page[RecentTrack] = await lastfm.recent_tracks("Ada", size=1, until=int(NOW)).page()
        answered: Verdict = await lastfm.love(artist="Low", title="Sunflower", session_key=sk)
        walked: list[LovedTrack] = [track async for track in lastfm.loved_tracks("Ada")]
        asked: UserInfo = await lastfm.ask(user.info("Ada"))
    assert isinstance(verdict, Answered)
    assert isinstance(answered, Answered)
    assert (recent.total, len(walked), asked.playcount) == (2, 1, 2)


def test_hosts_without_async_do_the_same(address: Address, emulator: Emulator) -> None:
    sk = emulator.session_key("Ada")
    with LastFmSync(KEYS, url=address.url) as lastfm:
        verdict: Verdict = lastfm.scrobble(plays=plays(2), session_key=sk)
        recent: Page[RecentTrack] = lastfm.recent_tracks("Ada", size=1, until=int(NOW)).page()
        walked: list[Page[RecentTrack]] = list(lastfm.walk(user.recent_tracks("Ada", size=1)).pages())
    assert isinstance(verdict, Answered)
    assert (recent.total, [one.page for one in walked]) == (2, [1, 2])


def test_help_shows_the_parameters_of_each_call() -> None:
    for face in FACES:
        assert str(signature(face(KEYS).scrobble)) == "(plays: 'Sequence[Play]', session_key: 'str') -> 'Verdict'"
        assert "user.getLovedTracks" in (face.loved_tracks.__doc__ or "")


async def test_a_client_of_the_host_may_reach_the_emulator_without_a_network(emulator: Emulator) -> None:
    sk = emulator.session_key("Ada")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(create_app(emulator))) as http:
        lastfm = LastFm(KEYS, "http://emulator/2.0/", http=http)
        emulator.fault("commit-then-close", calls=1)
        assert isinstance(await lastfm.scrobble(plays(3), sk), Unsure)
        assert isinstance(await lastfm.scrobble(plays(3), sk), Answered)
    assert len(emulator.plays("Ada")) == 3
