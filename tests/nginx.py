"""Debian's nginx in front of a service, in a folder of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import PATIENCE, pause

PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
MISSING = "no nginx is to be found. On Debian and Ubuntu: apt install nginx"

_CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; {locations} }}
}}
"""


def free_port() -> int:
    """A port that isn't in use now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def nginx(folder: Path, port: int, locations: str) -> Iterator[None]:
    """nginx on this port of the loopback, from its first answer to its end."""
    assert PROGRAM
    file = folder / "nginx.conf"
    file.write_text(_CONFIGURATION.format(folder=folder, port=port, locations=locations))
    process = subprocess.Popen([PROGRAM, "-p", str(folder), "-c", str(file), "-e", "stderr"])
    try:
        while True:
            assert process.poll() is None, "nginx has ended"
            try:
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
                break
            except ConnectionRefusedError:
                pause()
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)
