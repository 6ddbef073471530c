"""Browsers and media servers report by webhooks: each user's plays go to the listener that they are mapped to, or to
nobody.
"""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.ways_in.conftest import Room, ago
from tonearm.service.players import NewPlayer


def post(http: httpx2.Client, player: NewPlayer, document: object) -> httpx2.Response:
    return http.post(player.address(""), json=document, headers={"Origin": "moz-extension://browser"})


def map_user(room: Room, player: NewPlayer, their_user: str, listener: str) -> None:
    async def work() -> None:
        who = await room.service.deck.listener(listener)
        await room.service.deck.players.map_user(player.player, their_user, who.id)

    room.service.call(work())


def song(title: str, at: float) -> dict[str, Any]:
    return {
        "processed": {"artist": "Can", "track": title, "duration": 214},
        "parsed": {},
        "metadata": {"startTimestamp": ago(at)},
        "connectorLabel": "Bandcamp",
    }


def test_web_scrobbler_reports_what_a_browser_played(room: Room, http: httpx2.Client) -> None:
    player = room.player("webscrobbler")
    playing = {"eventName": "nowplaying", "time": ago(0) * 1000, "data": {"song": song("Bel Air", 0)}}
    assert post(http, player, playing).json() == {"status": "ok"}
    assert room.service.deck.shows.current(1) is not None
    assert post(http, player, {**playing, "eventName": "paused"}).status_code == 200
    assert room.service.deck.shows.current(1) is None
    waited = [song("Halleluwah", 9000), song("Vitamin C", 8000)]
    scrobble = {"eventName": "scrobble", "time": ago(0) * 1000, "data": {"song": waited[0], "songs": waited}}
    assert post(http, player, scrobble).status_code == 200
    assert post(http, player, {"eventName": "loved", "data": {"song": waited[0], "isLoved": True}}).status_code == 200
    assert room.titles() == ["Halleluwah", "Vitamin C"]


def test_a_wrong_secret_leads_nowhere(room: Room, http: httpx2.Client) -> None:
    for path in ("/webhook/plex/nonsense", "/webhook/plex/", "/webhook/nonsense/x", "/webhook/"):
        assert http.post(path, json={}).status_code == 404
    player = room.player("jellyfin")
    assert http.get(player.address("")).status_code == 400
    room.revoke(player)
    assert post(http, player, {}).status_code == 404


@pytest.mark.parametrize("kind", ["webscrobbler", "jellyfin", "plex", "tautulli"])
def test_what_is_not_a_notice_is_refused_and_the_listener_can_see_it(
    room: Room, http: httpx2.Client, kind: str
) -> None:
    player = room.player(kind)
    assert http.post(player.address(""), content=b"{").status_code == 400
    assert room.again(player).refused_reason == "the body isn't JSON"


def plex(event: str, user: str, title: str = "Sinnerman") -> tuple[bytes, str]:
    """A form of several parts, with a cover, as Plex sends it."""
    document = {
        "event": event,
        "Account": {"id": 17, "title": user},
        "Player": {"uuid": "abc", "title": "Kitchen"},
        "Metadata": {
            "type": "track",
            "librarySectionType": "artist",
            "ratingKey": "5",
            "title": title,
            "grandparentTitle": "Nina Simone",
            "duration": 620_000,
        },
    }
    parts = (
        b'--xyz\r\nContent-Disposition: form-data; name="payload"\r\nContent-Type: application/json\r\n\r\n'
        + json.dumps(document).encode()
        + b'\r\n--xyz\r\nContent-Disposition: form-data; name="thumb"; filename="thumb.jpg"\r\n\r\n'
        + b"\xff\xd8\r\n--xyz--\r\n"
    )
    return parts, "multipart/form-data; boundary=xyz"


def test_unmapped_users_of_a_plex_server_are_ignored(room: Room, http: httpx2.Client) -> None:
    player = room.player("plex")

    def send(event: str, user: str, title: str) -> int:
        body, kind = plex(event, user, title)
        return http.post(player.address(""), content=body, headers={"Content-Type": kind}).status_code

    assert send("media.scrobble", "a stranger", "x") == 200
    assert room.plays() == []
    assert room.again(player).refused_reason == "its user a stranger isn't a listener here"
    map_user(room, player, "Anna", "anna")
    map_user(room, player, "Me", "me")
    assert send("media.scrobble", "ANNA", "hers") == 200
    assert send("media.scrobble", "me", "mine") == 200
    assert room.titles() == ["mine"]
    hers = httpx2.get(f"{room.url}/lastfm/queue", headers={"Authorization": f"Bearer {room.service.token_of('anna')}"})
    assert [play["track"] for play in hers.json()["plays"]] == ["hers"]
    empty = http.post(
        player.address(""), content=b"--xyz--\r\n", headers={"Content-Type": "multipart/form-data; boundary=xyz"}
    )
    assert empty.status_code == 400


def test_jellyfin_is_heard_through_the_clock_of_its_device(room: Room, http: httpx2.Client) -> None:
    player = room.player("jellyfin")
    map_user(room, player, "me", "me")
    notice = {
        "NotificationType": "PlaybackStart",
        "ItemType": "Audio",
        "Name": "Sinnerman",
        "Artist": "Nina Simone",
        "RunTimeTicks": 6_200_000_000,
        "PlaybackPositionTicks": 0,
        "NotificationUsername": "me",
        "UserId": "1",
        "DeviceId": "phone",
        "DeviceName": "Phone",
        "ItemId": "5",
    }
    assert post(http, player, notice).status_code == 200
    shown = room.service.deck.shows.current(1)
    assert shown is not None
    assert shown.track == "Sinnerman"
    assert post(http, player, {**notice, "NotificationType": "PlaybackStop"}).status_code == 200
    assert [(play["track"], play["fate"]) for play in room.plays()] == [("Sinnerman", "threshold_not_met")]
    assert room.service.deck.shows.current(1) is None


def test_tautulli_says_at_the_stop_what_was_heard(room: Room, http: httpx2.Client) -> None:
    player = room.player("tautulli")
    map_user(room, player, "17", "me")
    stopped = {
        "action": "stop",
        "user": "Me",
        "user_id": "17",
        "media_type": "track",
        "artist": "Nina Simone",
        "title": "Sinnerman",
        "duration": "620",
        "position": "500",
        "started": str(ago(1000)),
        "sent": str(ago(100)),
    }
    assert post(http, player, stopped).status_code == 200
    assert [(play["played_time"], play["fate"]) for play in room.plays()] == [(500, "queued")]


def test_malojas_own_call_takes_a_key_in_the_body_or_the_query(room: Room, http: httpx2.Client) -> None:
    secret = room.player("maloja").secret
    play = {"artist": "Can", "title": "Vitamin C", "time": ago(5000), "length": 214, "duration": 200}
    path = "/apis/mlj_1/newscrobble"
    assert http.post(path, json={**play, "key": secret}).json()["status"] == "success"
    assert http.post(path, params={"key": secret}, data={**play, "title": "Bel Air"}).status_code == 200
    assert http.post(path, json=play).status_code == 403
    assert http.post(path, json={"key": secret}).status_code == 400
    assert http.post(path, content=b"{").status_code == 400
    assert room.titles() == ["Vitamin C", "Bel Air"]


def test_malojas_own_call_may_have_everything_in_its_query(room: Room, http: httpx2.Client) -> None:
    secret = room.player("maloja").secret
    query = f"key={secret}&title=Bel+Air&artist=Can&artist=Damo+Suzuki&time={ago(5000)}"
    assert http.post(f"/apis/mlj_1/newscrobble?{query}").json()["status"] == "success"
    assert [play["artist"] for play in room.plays()] == ["Can, Damo Suzuki"]


def test_a_song_that_is_not_kept_is_shown_to_its_listener(room: Room, http: httpx2.Client) -> None:
    player = room.player("webscrobbler")
    assert post(http, player, {"eventName": "other"}).status_code == 200
    assert room.again(player).refused_reason == "", "nothing is lost"
    nameless = {**song("", 9000), "parsed": {}}
    assert post(http, player, {"eventName": "scrobble", "data": {"song": nameless}}).status_code == 200
    assert room.again(player).refused_reason == "the title is missing"
