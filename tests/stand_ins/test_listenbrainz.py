"""The stand-in for ListenBrainz serves ListenBrainz's own client, too."""

from __future__ import annotations

import re
from collections.abc import Iterator

import liblistenbrainz  # type: ignore[import-untyped]
import pytest
from liblistenbrainz.errors import (  # type: ignore[import-untyped]
    InvalidAuthTokenException,
    ListenBrainzAPIException,
)

from tests.stand_ins import ListenBrainzStandIn, Stored

TOKEN = "0f9f1b4e-aaaa-bbbb-cccc-0123456789ab"
NOW = 1_795_000_000


@pytest.fixture
def server() -> Iterator[ListenBrainzStandIn]:
    with ListenBrainzStandIn(lambda: NOW) as started:
        started.users[TOKEN] = "anna"
        started.blocked = re.compile("nobody")  # it names itself as the HTTP library that it uses
        yield started


@pytest.fixture
def client(server: ListenBrainzStandIn) -> liblistenbrainz.ListenBrainz:
    found = liblistenbrainz.ListenBrainz(api_base_url=server.url)
    found.set_auth_token(TOKEN)
    return found


def listen(title: str, at: int = NOW - 500) -> liblistenbrainz.Listen:
    return liblistenbrainz.Listen(title, "Can", listened_at=at, release_name="Ege Bamyasi")


def test_it_stores_what_comes(server: ListenBrainzStandIn, client: liblistenbrainz.ListenBrainz) -> None:
    client.submit_single_listen(listen("Spoon"))
    client.submit_multiple_listens([listen("Spoon"), listen("Vitamin C", NOW - 100)])
    assert server.stored == [
        Stored("anna", NOW - 500, "Can", "Spoon", "Ege Bamyasi"),
        Stored("anna", NOW - 100, "Can", "Vitamin C", "Ege Bamyasi"),
    ]


def test_it_refuses_in_words_that_its_client_understands(
    server: ListenBrainzStandIn, client: liblistenbrainz.ListenBrainz
) -> None:
    with pytest.raises(ListenBrainzAPIException) as refused:
        client.submit_single_listen(listen("Spoon", NOW + 9000))
    assert refused.value.message == "Value for key listened_at is too high."
    assert server.stored == []
    with pytest.raises(InvalidAuthTokenException):
        client.set_auth_token("another")
