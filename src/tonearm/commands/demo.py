"""`tonearm demo`: a complete, simulated installation on one machine, deleted at the end."""

from __future__ import annotations

import socket

import click

from tonearm.commands.errors import Failed, in_one_line
from tonearm.commands.options import FiniteNumber, WholeNumber
from tonearm.terminal import say

USUAL_PORT = 8723


@click.command()
@click.option("--seconds", type=FiniteNumber(min=0), metavar="N", help="Stop after N seconds; default: at Ctrl-C.")
@click.option(
    "--port", type=WholeNumber(0, 65535), metavar="N", help="The port to listen on; default: 8723, or a free one."
)
def demo(seconds: float | None, port: int | None) -> None:
    """Try tonearm: a service, a stand-in for Last.fm, and a simulated listener.

    Needs no key and no account, and leaves nothing behind. Exit status 1 if a play was lost.
    """
    import asyncio

    import uvloop

    from tonearm import log
    from tonearm.demo.show import show
    from tonearm.demo.stand_in import StandInFailed

    sock = _socket(port)
    log.begin("console")
    try:
        with sock, in_one_line(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            account = runner.run(show(sock, seconds, click.echo))
    except StandInFailed as gone:
        raise Failed(str(gone)) from None
    say(str(account))
    if account.lost:
        raise Failed(f"{account.lost} plays were acknowledged but are missing")


def _socket(port: int | None) -> socket.socket:
    from tonearm.port import PortTaken, listening_socket

    try:
        return listening_socket("127.0.0.1", USUAL_PORT if port is None else port)
    except PortTaken as taken:
        if port is not None:
            raise Failed(str(taken)) from None
        return listening_socket("127.0.0.1", 0)
