"""pylast, which was written against the real Last.fm, knows no difference.

pylast speaks HTTPS to a host name of its own. It lets a proxy be given per address pattern as an httpx transport;
that is the door used here: a transport which hands every request on to the emulator's plain HTTP port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pylast
import pytest

from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastfm_emulator import Address


class ToEmulator(httpx2.HTTPTransport):
    """A last mile without TLS: same path, same query, same body, another host."""

    def __init__(self, address: Address) -> None:
        super().__init__()
        self._base = httpx2.URL(address.base_url)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.url = request.url.copy_with(scheme="http", host=self._base.host, port=self._base.port)
        request.headers["Host"] = self._base.netloc.decode()
        return super().handle_request(request)


@pytest.fixture
def emulator() -> Emulator:
    """On the real clock, which pylast's user lives by."""
    return Emulator()


@pytest.fixture
def lastfm(emulator: Emulator) -> Iterator[Address]:
    with serve(emulator) as address:
        yield address


@pytest.fixture
def network(lastfm: Address) -> Any:
    return network_at(lastfm)


def network_at(address: Address, **more: str) -> Any:
    return pylast.LastFMNetwork(API_KEY, API_SECRET, proxy={"https://": ToEmulator(address)}, **more)


@pytest.fixture
def signed_in(network: Any, emulator: Emulator) -> Any:
    network.session_key = emulator.session_key("RJ")
    network.username = "RJ"
    return network


def number(trouble: Any) -> int:
    """The API error that pylast raised."""
    return int(trouble.get_id())


def start(emulator: Emulator) -> int:
    return int(emulator.now()) - 86_400


def approve(lastfm: Address, page: str) -> httpx2.Response:
    """The user's part: opens the page that pylast names and presses the button."""
    asked = httpx2.URL(page).params
    return httpx2.post(lastfm.auth_url, data={**asked, "user": "RJ", "answer": "allow"})


def test_pylast_signs_in_by_the_desktop_flow(emulator: Emulator, lastfm: Address, network: Any) -> None:
    generator = pylast.SessionKeyGenerator(network)
    page = generator.get_web_auth_url()
    with pytest.raises(pylast.WSError, match="has not been authorized") as unapproved:
        generator.get_web_auth_session_key(page)
    assert number(unapproved.value) == pylast.STATUS_TOKEN_UNAUTHORIZED
    assert approve(lastfm, page).status_code == 200
    key, name = generator.get_web_auth_session_key_username(page)
    assert (key, name) == (emulator.session_key("RJ"), "RJ")
    with pytest.raises(pylast.WSError, match="has not been issued"):
        generator.get_web_auth_session_key(page)


def test_pylast_signs_in_with_the_token_of_the_web_flow(emulator: Emulator, lastfm: Address) -> None:
    page = f"{lastfm.auth_url}?api_key={API_KEY}&cb=http://localhost/done"
    back = httpx2.URL(approve(lastfm, page).headers["Location"])
    network = network_at(lastfm, token=back.params["token"])
    assert (network.session_key, network.username) == (emulator.session_key("RJ"), "RJ")


def test_pylast_signs_in_with_a_password(emulator: Emulator, lastfm: Address) -> None:
    emulator.add_user("RJ", password="secret")
    network = network_at(lastfm, username="RJ", password_hash=pylast.md5("secret"))
    assert network.session_key == emulator.session_key("RJ")


def test_pylast_scrobbles_one_and_reads_it_back(emulator: Emulator, signed_in: Any) -> None:
    when = start(emulator)
    signed_in.scrobble("Sigur Rós", "Hoppípolla & 雪+1", when, album="Takk…", duration=268, chosen_by_user=False)
    (play,) = emulator.plays("RJ")
    assert (play.artist, play.track, play.album) == ("Sigur Rós", "Hoppípolla & 雪+1", "Takk…")
    assert (play.duration, play.chosen_by_user) == (268, False)
    (read,) = signed_in.get_user("rj").get_recent_tracks()
    assert (read.track.artist.name, read.track.title) == ("Sigur Rós", "Hoppípolla & 雪+1")
    assert (read.album, read.timestamp) == ("Takk…", str(when))
    (again,) = signed_in.get_user("rj").get_track_scrobbles("sigur rós", "hoppípolla & 雪+1")
    assert again.timestamp == str(when)


def test_pylast_scrobbles_many_in_batches_and_reads_every_page(emulator: Emulator, signed_in: Any) -> None:
    begun = start(emulator)
    sent = [{"artist": f"A{i}", "title": f"T{i}", "timestamp": begun + 200 * i} for i in range(120)]
    signed_in.scrobble_many(sent)
    assert [entry.items for entry in emulator.journal] == [50, 50, 20]
    read = signed_in.get_user("RJ").get_recent_tracks(limit=None)
    assert [(one.track.title, one.timestamp) for one in reversed(read)] == [
        (one["title"], str(one["timestamp"])) for one in sent
    ]
    late, early = begun + 200 * 30, begun + 200 * 10
    some = signed_in.get_user("RJ").get_recent_tracks(limit=None, time_from=early, time_to=late)
    assert len(some) == 20
    assert signed_in.get_user("RJ").get_playcount() == 120


def test_pylast_loves_and_unloves(emulator: Emulator, signed_in: Any) -> None:
    for title in ("First", "Second"):
        signed_in.get_track("Low", title).love()
    user = signed_in.get_authenticated_user()
    loved = user.get_loved_tracks()
    assert [(one.track.artist.name, one.track.title) for one in loved] == [("Low", "Second"), ("Low", "First")]
    assert int(loved[0].timestamp) == emulator.loved("RJ")[1].timestamp
    signed_in.get_track("Low", "Second").unlove()
    assert [one.track.title for one in user.get_loved_tracks()] == ["First"]


def test_pylast_sends_what_is_playing_and_reads_it_back(emulator: Emulator, signed_in: Any) -> None:
    signed_in.scrobble("Low", "Whitetail", start(emulator))
    assert signed_in.get_user("RJ").get_now_playing() is None
    signed_in.update_now_playing("Low", "Sunflower", album="Album", duration=281)
    playing = signed_in.get_user("RJ").get_now_playing()
    assert (playing.artist.name, playing.title) == ("Low", "Sunflower")
    recent = signed_in.get_user("RJ").get_recent_tracks(limit=1)
    assert [one.track.title for one in recent] == ["Whitetail"]


def test_pylast_reads_its_own_name_and_the_errors(emulator: Emulator, lastfm: Address) -> None:
    network = network_at(lastfm, session_key=emulator.session_key("RJ"))
    assert network.get_authenticated_user().get_name() == "RJ"
    with pytest.raises(pylast.WSError, match="User not found"):
        network.get_user("nobody").get_playcount()
    emulator.revoke("RJ")
    with pytest.raises(pylast.WSError, match="re-authenticate") as ended:
        network.scrobble("Low", "Sunflower", start(emulator))
    assert number(ended.value) == pylast.STATUS_INVALID_SK


def test_pylast_meets_the_faults(emulator: Emulator, signed_in: Any) -> None:
    emulator.fault("error", error=29, calls=1)
    with pytest.raises(pylast.WSError, match="Rate limit exceeded"):
        signed_in.scrobble("Low", "Sunflower", start(emulator))
    emulator.fault("gateway-html", status=200, calls=1)
    with pytest.raises(pylast.MalformedResponseError):
        signed_in.scrobble("Low", "Sunflower", start(emulator))
    emulator.fault("commit-then-close", calls=1)
    with pytest.raises(pylast.NetworkError):
        signed_in.scrobble("Low", "Sunflower", start(emulator))
    assert len(emulator.plays("RJ")) == 1
