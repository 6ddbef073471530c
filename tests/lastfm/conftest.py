"""Both faces of the client, and a server that nobody trusts."""

from __future__ import annotations

import ssl

import pytest

from tests.network import tls_of

from .faces import FACES, Face


@pytest.fixture(params=FACES, ids=["async", "sync"])
def face(request: pytest.FixtureRequest) -> Face:
    chosen: Face = request.param
    return chosen


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return tls_of(tmp_path_factory.mktemp("stranger"))
