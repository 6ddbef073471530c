"""A player on trial: a play is sent to the service as the player would send it, and not saved there."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2

from tonearm.clock import Clock
from tonearm.ingest.trial import THEIR_USER, Trial, TrialAnswer, TrialRequest, TrialSteps, steps
from tonearm.service.player_reports import PlayerReports, trial_track
from tonearm.service.players import MEDIA_SERVERS, Players
from tonearm.service.report import ReportResult
from tonearm.store.players import StoredPlayer

TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class PlayerTrial:
    """The result of a trial: `problem` says what keeps a play from arriving ("" if nothing does). `taken` is what would
    happen to a play that arrives; `unmapped` says that plays of a media server are still dropped because none of its
    users is mapped to a listener.
    """

    address: str
    problem: str
    taken: ReportResult
    unmapped: bool = False


async def try_out(
    players: Players, reports: PlayerReports, clock: Clock, player: StoredPlayer, base: str
) -> PlayerTrial:
    """Send a play as a player would to the service at `base`, an address without a slash at its end.

    The player's secret is not stored in a readable form, so a temporary player of the same kind reports in its place.
    """
    lent = await players.lend(player, THEIR_USER)
    try:
        address = lent.address(base)
        trial = Trial(address, lent.secret, lent.player.user, trial_track(player), clock.now())
        async with httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False, headers={"User-Agent": "tonearm"}) as http:
            problem = await _played(http, steps(player.kind, trial))
        if not problem and not await players.has_reported(lent.player):
            problem = f"something answers at {base}/, but it is not the service with this database"
        unmapped = player.kind in MEDIA_SERVERS and not await players.users(player)
        return PlayerTrial(f"{base}/", problem, await reports.rehearse(player), unmapped)
    finally:
        await players.take_back(lent)


async def _played(http: httpx2.AsyncClient, requests: TrialSteps) -> str:
    """Send the requests; returns what went wrong, "" if every request was accepted."""
    request = next(requests)
    while True:
        try:
            request = requests.send(await _sent(http, request))
        except StopIteration as end:
            return str(end.value)


async def _sent(http: httpx2.AsyncClient, request: TrialRequest) -> TrialAnswer:
    try:
        answer = await http.request(request.method, request.url, content=request.body, headers=dict(request.headers))
    except (httpx2.HTTPError, httpx2.InvalidURL) as fault:
        return TrialAnswer(0, trouble=_trouble(fault))
    kind, location = (answer.headers.get(name, "") for name in ("content-type", "location"))
    return TrialAnswer(answer.status_code, answer.content, kind, location)


def _trouble(fault: Exception) -> str:
    """Why nobody answers, in our own words: a library's message may contain anything."""
    causes = list(_causes(fault))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "no such host"
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "its certificate is not trusted, or it does not speak TLS"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "connection refused"
    if isinstance(fault, httpx2.TimeoutException):
        return f"no answer within {TIMEOUT:.0f} s"
    if isinstance(fault, (httpx2.UnsupportedProtocol, httpx2.InvalidURL)):
        return "not an http address"
    return "the connection broke"


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__
