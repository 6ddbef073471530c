"""The address that a player is sent on to: the one that it used, as far as that can be known."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest

from tonearm.web.ways_in.request import request_of

PUBLIC = "https://music.example/tonearm"


async def nothing() -> MutableMapping[str, Any]:
    return {"type": "http.disconnect"}


def base(
    public: str, version: str = "1.1", server: tuple[str, int | None] | None = ("10.0.0.5", 8723), **headers: str
) -> str:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "http_version": version,
        "server": server,
        "headers": sent,
    }
    return request_of(scope, nothing, public).base


@pytest.mark.parametrize("host", ["127.0.0.1:8723", "localhost:8723", "[::1]:8723", "tonearm:8723", "10.0.0.5:8723"])
@pytest.mark.parametrize(
    "sent",
    [
        {"version": "1.0"},
        {"x_forwarded_for": "203.0.113.9"},
        {"x_forwarded_proto": "https"},
        {"x_real_ip": "203.0.113.9"},
    ],
)
def test_behind_a_proxy_that_hides_the_players_address_it_is_the_public_one(host: str, sent: dict[str, Any]) -> None:
    assert base(PUBLIC, host=host, **sent) == PUBLIC
    assert base("", host=host, **sent).partition("://")[2] == host, "nothing else is known"


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        ({"host": "10.0.0.5:8723"}, "http://10.0.0.5:8723/tonearm"),
        ({"host": "localhost:8723"}, "http://localhost:8723/tonearm"),
        ({"host": "music.example"}, PUBLIC),
        ({"host": "music.example", "x_forwarded_for": "203.0.113.9"}, PUBLIC),
        ({"host": "10.0.0.7", "x_forwarded_for": "10.0.0.9"}, "http://10.0.0.7/tonearm"),
        ({"host": "10.0.0.7", "version": "1.0"}, "http://10.0.0.7/tonearm"),
        (
            {"host": "x:8723", "x_forwarded_for": "10.0.0.9", "x_forwarded_host": "home:8723"},
            "http://home:8723/tonearm",
        ),
        ({"host": "localhost", "version": "1.0", "server": None}, "http://localhost/tonearm"),
        ({}, PUBLIC),
    ],
)
def test_elsewhere_it_is_the_one_that_the_player_used(sent: dict[str, Any], address: str) -> None:
    assert base(PUBLIC, **sent) == address
