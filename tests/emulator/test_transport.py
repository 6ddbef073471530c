"""The emulator in place of a network."""

from __future__ import annotations

import httpx2
import pytest

from lastfm_emulator import API_KEY, Emulator, Kind
from lastfm_emulator.transport import Direct

from .caller import NOW, Caller, signed

URL = "https://ws.audioscrobbler.com/2.0/"


def scrobble(rj: Caller) -> dict[str, str]:
    params = {"method": "track.scrobble", "sk": rj.session, "artist": "Low", "track": "Sunflower", "timestamp": NOW}
    return signed(params) | {"format": "json"}


def test_any_address_leads_to_the_emulator(emulator: Emulator, rj: Caller) -> None:
    with httpx2.Client(transport=Direct(emulator)) as client:
        reply = client.post(URL, data=scrobble(rj))
        assert reply.json()["scrobbles"]["@attr"]["accepted"] == 1
        assert reply.headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
        asked = {"method": "user.getInfo", "user": "rj", "api_key": API_KEY, "format": "json"}
        assert client.get(URL, params=asked).json()["user"]["playcount"] == "1"
        page = client.get("https://www.last.fm/api/auth/", params={"api_key": API_KEY})
        assert page.headers["content-type"].startswith("text/html")


def test_a_hang_up_is_what_it_is_over_a_socket(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.COMMIT_THEN_CLOSE)
    with httpx2.Client(transport=Direct(emulator)) as client, pytest.raises(httpx2.RemoteProtocolError):
        client.post(URL, data=scrobble(rj))
    assert len(emulator.plays("RJ")) == 1


def test_a_delay_beyond_the_time_out_is_a_time_out_at_once(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.DELAY, seconds=30)
    with httpx2.Client(transport=Direct(emulator)) as client:
        with pytest.raises(httpx2.ReadTimeout):
            client.post(URL, data=scrobble(rj), timeout=29)
        assert client.post(URL, data=scrobble(rj), timeout=31).status_code == 200
        assert client.post(URL, data=scrobble(rj), timeout=None).status_code == 200
    assert emulator.repeats("RJ") == 2


@pytest.mark.anyio
async def test_it_serves_asynchronous_clients_too(emulator: Emulator, rj: Caller) -> None:
    async with httpx2.AsyncClient(transport=Direct(emulator)) as client:
        assert (await client.post(URL, data=scrobble(rj))).status_code == 200
        emulator.fault(Kind.DELAY, seconds=30)
        with pytest.raises(httpx2.ReadTimeout):
            await client.post(URL, data=scrobble(rj), timeout=1)
    assert emulator.repeats("RJ") == 1
