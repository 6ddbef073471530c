"""Which processes there are on one database, as each of them says of itself."""

from __future__ import annotations

import subprocess
import sys

import psycopg
import pytest

from tests.databases import only_postgres
from tonearm.store.db import processes
from tonearm.store.db.database import Store
from tonearm.store.db.postgres import server_info

pytestmark = pytest.mark.anyio

CONTAINER = """
import os, socket
os.getpid, socket.gethostname = lambda: 1, lambda: "a-container-of-a-hosting-company.example.com"
from tonearm.store.db import processes
print(processes.name(), processes.name(delivers=True), sep="\\n")
"""


def container() -> list[str]:
    """What the first process of a container calls itself, without and with an engine at work."""
    ran = subprocess.run([sys.executable, "-c", CONTAINER], capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()


@only_postgres
async def test_containers_are_distinguished_though_they_have_one_host_name_and_are_all_process_1(
    store: Store, database: str
) -> None:
    first, second = container(), container()
    assert max(len(name) for name in first) < 64  # what is longer is cut off
    with (
        psycopg.connect(database, application_name=processes.name(delivers=True)),  # that is this one
        psycopg.connect(database, application_name=first[0]),
        psycopg.connect(database, application_name=first[0]),
        psycopg.connect(database, application_name=second[0]),
    ):
        seen = await store.read(server_info)
        assert (seen.processes, seen.deliver) == (2, 0)
        with psycopg.connect(database, application_name=second[1]):
            assert await store.read(processes.others) == (2, 1)
            assert await store.senders() == 1
