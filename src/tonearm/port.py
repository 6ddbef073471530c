"""The port that the service listens on. It is opened first; whatever takes long to load is loaded after it."""

from __future__ import annotations

import socket

BACKLOG = 2048


class PortTaken(Exception):
    """The service can't listen there; the message says why."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that accepts connections from now on; port 0 picks a free one. Raises PortTaken."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        taken = socket.socket(family, kind)
    except (OSError, UnicodeError) as error:
        raise PortTaken(f"invalid address to listen on, {host}: {_reason(error)}") from None
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen(BACKLOG)
    except OSError as error:
        taken.close()
        raise PortTaken(f"cannot listen on {host} port {port}: {_reason(error)}; choose another with --port") from None
    return taken


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def address_of(sock: socket.socket) -> str:
    """The address of a service on this socket, as a browser on this machine reaches it."""
    host, port = sock.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104  # recognised, not bound
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
