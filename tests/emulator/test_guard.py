"""A page of another site reaches nothing of a running emulator but the API, as at Last.fm."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from lastfm_emulator import Emulator, serve


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A running emulator's faults."""
    with serve(Emulator()) as address:
        yield f"{address.base_url}/_faults"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Origin": "{own}"}, 201),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "http://attacker.example"}, 403),
        ({"Origin": "https{own}"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "attacker.example"}, 403),
        ({"Host": "attacker.example@127.0.0.1"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "localhost"}, 201),
        ({"Host": "emulator:8724"}, 201),
        ({"Host": "nas.local:8724"}, 201),
        ({"Host": "local.attacker.example"}, 403),
        ({"Host": "[::1]:8724"}, 201),
    ],
)
def test_only_a_page_of_its_own_changes_anything(url: str, headers: dict[str, str], status: int) -> None:
    own = url.removesuffix("/_faults")
    headers = {
        name: value.replace("https{own}", f"https{own[4:]}").replace("{own}", own) for name, value in headers.items()
    }
    assert httpx2.post(url, json={"kind": "error", "error": 11}, headers=headers).status_code == status
    assert httpx2.delete(url).is_success


def test_the_api_takes_calls_from_any_page_and_from_no_other_name(url: str) -> None:
    api = url.replace("/_faults", "/2.0/")
    asked = {"method": "chart.getTopArtists", "api_key": "0" * 32, "format": "json"}
    from_a_page = httpx2.post(api, data=asked, headers={"Origin": "https://app.example"})
    assert "another site" not in from_a_page.text
    assert httpx2.post(api, data=asked, headers={"Host": "attacker.example"}).status_code == 403
