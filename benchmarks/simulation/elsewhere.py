"""Elsewhere: the other destinations of listeners, what they do with them, and a referee for what is sent there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import httpx2

from benchmarks.simulation.crash_points import Doom, End
from benchmarks.simulation.disk import Disk
from benchmarks.simulation.finding import Kind
from benchmarks.simulation.ledger import Account, Flight, Ledger, Reported
from benchmarks.simulation.listen_server import Lasting, ListenServer, Said, Trouble
from benchmarks.simulation.oracle import EXACT, LAG, Referee, Rest
from benchmarks.simulation.refusals import FREE_REFUSALS, Refusals
from benchmarks.simulation.timeline import Timeline
from tonearm.core.destination import DestinationKind
from tonearm.core.policy import ArtistForm, Policy
from tonearm.deck import Deck
from tonearm.service.destination_results import DestinationRemoved
from tonearm.store.destinations import StoredDestination

if TYPE_CHECKING:
    from benchmarks.simulation.hearts_elsewhere import HeartsElsewhere, Told

DAY = 86400.0
GUEST = " feat. Somebody"
"""Ends the artists of some plays; a policy may leave it out."""

MAX_LISTENS = 100
PER_SECOND = 2.0
FIRST_REST = 10.0
"""Seconds after a limit met, if the server does not say."""

SHORTEST_REST = 1.0
LONGEST_REST = 700.0
"""Seconds that any failure may hold a destination up, with some to spare."""

PATIENCE = 100.0
"""Seconds within which what nothing holds up is sent, a minute of them until a clock is checked; and one sweep."""

HEALING = 30 * 3600.0
_BAD = ("Broken Parameter", "Broken Encoding")
"""Beginnings of titles that each of the servers refuses; Last.fm refuses both."""

_POLICIES = (
    Policy(),
    Policy(),
    Policy(artist=ArtistForm.FIRST),
    Policy(artist=ArtistForm.FIRST),
    Policy(album_artist=False),
    Policy(not_from=("phone",)),
    Policy(private_until=1e11),
)
_SENT_AS = (
    "SELECT play.artist, play.reported_timestamp FROM destination_queue JOIN play ON play.id = destination_queue.id"
    " WHERE destination = ? AND destination_queue.track = ? AND destination_queue.timestamp = ?"
)
_REPORTED_AS = "SELECT artist, reported_timestamp FROM play WHERE track = ? AND timestamp = ?"
"""For what has just left the queue: discarded, with a request on its way."""

_OWED = (
    "SELECT destination, count(*), max(timestamp) FROM destination_queue JOIN destination"
    " ON destination.id = destination WHERE removed_at IS NULL GROUP BY 1"
)
_BACKLOG = "SELECT 1 FROM destination WHERE removed_at IS NULL AND backlog_at IS NOT NULL"
"""History that was asked for and is not queued yet."""


@dataclass(slots=True, eq=False)
class Parcel:
    """A play at a destination. `goes`: whether it was added when the play was reported, as far as is known.

    `policies` are those one of which applies. `asked`: its listener wants it there, in the history or by hand;
    `asked_again`: and has said so since it was last sent, so that the policy of now applies to what is settled.
    `due_since` (seconds of the run) where it is sure; `too_high` counts how often it alone was called too new.
    """

    play: Reported
    goes: set[bool] = field(default_factory=set)
    policies: set[Policy] = field(default_factory=set)
    asked: bool = False
    discarded: bool = False
    asked_again: bool = False
    due_since: float | None = None
    too_high: int = 0
    flight: Flight = field(default_factory=Flight)


@dataclass(slots=True, eq=False)
class Target:
    """A destination of a listener. `there` and `policies`: what it may be now, as far as is known.

    `held` has since when (seconds of the run) it is to get nothing, by why; `ready_since` when it was last held up
    by anything of its own. `changes` counts how often it came or went. `asking`: its listener is asking for the
    history, which includes what is reported meanwhile. `discarding`: they are removing it and discard what waits, which
    does, too.
    """

    account: str
    server: ListenServer
    user: str
    number: int = 0
    token: str = ""
    there: set[bool] = field(default_factory=lambda: {False})
    policies: set[Policy] = field(default_factory=lambda: {Policy()})
    busy: bool = False
    held: dict[str, float] = field(default_factory=dict)
    pressed_at: float = 0.0
    rest: Rest | None = None
    ready_since: float = 0.0
    parcels: dict[Reported, Parcel] = field(default_factory=dict)
    changes: int = 0
    asking: bool = False
    discarding: bool = False
    refusals: Refusals = field(default_factory=partial(Refusals, about_a_play=frozenset({400, 413})))
    sent_as: dict[tuple[int, str, str], Reported] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)

    def parcel(self, play: Reported) -> Parcel:
        return self.parcels.setdefault(play, Parcel(play))

    def __str__(self) -> str:
        return f"{self.user} at {self.server.host}"


@dataclass(slots=True, eq=False)
class Posted:
    """A request with listens. `changes`: how often its destination had been added or removed when it was sent.
    `overtaken`: another request left before it was answered, so its sender had lost the lease: it writes nothing.
    """

    number: int
    at: float
    target: Target
    token: str
    changes: int
    parcels: list[Parcel]
    overtaken: bool = False


@dataclass(slots=True, eq=False)
class Elsewhere:
    """All other destinations. They have a random generator of their own, so that runs without them don't change."""

    ledger: Ledger
    timeline: Timeline
    referee: Referee
    disk: Disk
    chance: Random
    say: Callable[[str, str], None]
    scale: float
    sweep: float
    cut: Callable[[], float]
    servers: list[ListenServer] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    under_way: list[Posted] = field(default_factory=list)
    ready_since: float = 0.0
    requests: int = 0
    hearts: HeartsElsewhere | None = None
    _tokens: dict[str, Target] = field(default_factory=dict)

    def begin(self, each: int | None = None) -> None:
        """Servers and profiles: each listener has so many, or (None) at least one listener has one, and none has more
        than two.
        """
        for number, bad in enumerate(_BAD):
            host = f"listens-{number}.example"
            self.servers.append(ListenServer(host, bad, lambda: self.timeline.elapsed, lambda: self.timeline.now))
        for place, name in enumerate(self.ledger.accounts):
            number = self.chance.choice((1, 2, 2) if place == 0 else (0, 1, 2))
            for server in self.chance.sample(self.servers, number if each is None else each):
                self.targets.append(Target(name, server, name.capitalize()))

    def of(self, account: Account | str) -> list[Target]:
        """The targets of an account."""
        name = account if isinstance(account, str) else account.name
        return [target for target in self.targets if target.account == name]

    # What is known of plays

    def featured(self, artist: str) -> str:
        """The artist, at times with a guest."""
        return artist + GUEST if self.chance.random() < 0.3 else artist

    def reports(self, play: Reported) -> None:
        """A play is about to be reported."""
        for target in self.of(play.account):
            parcel = target.parcel(play)
            parcel.goes |= target.there
            parcel.policies |= target.policies
            parcel.discarded |= target.discarding
            if target.asking:
                self._ask(target, play)

    def reported(self, play: Reported, status: str) -> None:
        """It was acknowledged: it must be sent soon to destinations that certainly get it."""
        skewed = self.referee.latest_skew > EXACT or self.referee.earliest_skew < -EXACT
        sure = status == "queued" and not skewed and len(self.referee.clocks) == 1
        if sure and self.referee.clock() > play.end:
            for target in self.of(play.account):
                parcel = target.parcel(play)
                if parcel.goes == {True} and not any(keeps(policy, play) for policy in parcel.policies):
                    parcel.due_since = self.timeline.elapsed

    def by_hand(self, play: Reported) -> None:
        """Its listener sends it by hand to destinations that don't have it."""
        for target in self.of(play.account):
            play.asked_elsewhere = True
            self._ask(target, play)

    def _ask(self, target: Target, play: Reported) -> None:
        parcel = target.parcel(play)
        parcel.asked = parcel.asked_again = True
        parcel.policies |= target.policies

    def _may(self, target: Target, *, there: bool | None = None, policy: Policy | None = None) -> None:
        """Its possible states from now on, also for plays being reported."""
        reporting = [target.parcel(play) for play in self.ledger.accounts[target.account].reporting]
        if there is not None:
            target.there.add(there)
            target.changes += 1
            for parcel in reporting:
                parcel.goes |= target.there  # with what it was before, too: an edited play is not reported
        if policy is not None:
            target.policies.add(policy)
            for parcel in (*reporting, *(p for p in target.parcels.values() if p.asked)):
                parcel.policies.add(policy)

    # What listeners do

    async def opens(self, deck: Deck) -> None:
        """Most listeners start with their destinations."""
        for target in self.targets:
            if self.chance.random() < 0.85:
                await self._add(deck, target)

    async def acts(self, deck: Deck, account: Account) -> None:
        """A listener changes a destination."""
        mine = [target for target in self.of(account) if not target.busy]
        if not mine:
            return
        target = self.chance.choice(mine)
        act: Callable[[Deck, Target], Awaitable[None]] = self._add
        if True in target.there:
            acts = (self._removes, self._removes, self._pauses, self._pauses, self._sets_policy, self._sets_policy)
            act = self.chance.choice((*acts, self._renews, self._asks, self._retries, self._revokes))
            if "lost its token" in target.held and self.chance.random() < 0.3:
                act = self._renews
        target.busy = True
        try:
            await act(deck, target)
        finally:
            target.busy = target.asking = target.discarding = False

    async def _add(self, deck: Deck, target: Target) -> None:
        before, held = set(target.there), dict(target.held)
        policy = None if target.number else self.chance.choice(_POLICIES)
        if policy is not None:
            target.policies.clear()
            self._may(target, policy=policy)
        days = self.chance.choice((0.0, 0.0, 0.0, 0.0, 1.0, 1e6))
        if days:
            self._asks_for(target)
        self._may(target, there=True)
        target.held.clear()
        self.ready(target, 0.0)
        token = self._token(target)
        with self._starting_over(target):
            outcome = await deck.destinations.add(
                self._number(target), DestinationKind.LISTENBRAINZ, target.server.url, token, policy=policy, days=days
            )
        self.ready(target, 0.0)
        if isinstance(outcome, StoredDestination):
            target.number, target.there = outcome.id, {True}
            words = f"as {outcome.id}, with {days:g} days and {policy}"
        else:
            target.there, target.held, words = before, held, str(outcome)
        self.say(target.account, f"adds {target} {words}")

    async def _removes(self, deck: Deck, target: Target) -> None:
        discard = target.discarding = self.chance.random() < 0.4
        self._may(target, there=False)
        for parcel in target.parcels.values() if discard else ():
            parcel.discarded = True
        if discard and self.hearts is not None:
            self.hearts.discards(target)
        outcome = await deck.destinations.remove(self._number(target), target.number, discard=discard)
        if isinstance(outcome, DestinationRemoved):
            target.there, target.held = {False}, {"was removed": self.timeline.elapsed}
        self.say(target.account, f"removes {target}: {outcome}")

    async def _pauses(self, deck: Deck, target: Target) -> None:
        paused = "was paused" not in target.held
        target.held.pop("was paused", None)
        self.ready(target, 0.0)
        await deck.destinations.pause(self._number(target), target.number, paused=paused)
        self.ready(target, 0.0)
        if paused:
            target.held["was paused"] = self.timeline.elapsed
        self.say(target.account, f"{'pauses' if paused else 'resumes'} {target}")

    async def _renews(self, deck: Deck, target: Target) -> None:
        target.held.pop("lost its token", None)
        with self._starting_over(target):
            outcome = await deck.destinations.sign_in_again(self._number(target), target.number, self._token(target))
        self.ready(target, 0.0)
        self.say(target.account, f"has a new token for {target}: {type(outcome).__name__}")

    async def _sets_policy(self, deck: Deck, target: Target) -> None:
        policy = self.chance.choice(_POLICIES)
        self._may(target, policy=policy)
        outcome = await deck.destinations.change_policy(self._number(target), target.number, lambda _: policy)
        if isinstance(outcome, StoredDestination):
            target.policies = {policy}
        self.say(target.account, f"wants {policy} at {target}")

    async def _asks(self, deck: Deck, target: Target) -> None:
        days = self.chance.choice((1.0, 1e6))
        self._asks_for(target)
        await deck.destinations.send_history(self._number(target), target.number, days)
        self.say(target.account, f"asks for {days:g} days of history at {target}")

    def _asks_for(self, target: Target) -> None:
        """The history as far as it reaches when the answer comes."""
        target.asking = True
        for play in self.ledger.of[target.account]:
            self._ask(target, play)

    async def _retries(self, deck: Deck, target: Target) -> None:
        with self._pressing(target):
            await deck.destinations.retry(self._number(target), target.number)
        self.say(target.account, f"retries all at {target}")

    async def _revokes(self, _: Deck, target: Target) -> None:
        target.server.users.pop(target.token, None)
        self.say(target.account, f"revokes the token at {target}")

    @contextmanager
    def _pressing(self, target: Target) -> Iterator[None]:
        """Its listener does something that ends its waits, at some moment of this block."""
        target.pressed_at = float("inf")
        try:
            yield
        finally:
            target.pressed_at = self.timeline.elapsed

    @contextmanager
    def _starting_over(self, target: Target) -> Iterator[None]:
        """The same, and its refusals are counted from the start: what is refused before that no longer counts."""
        target.refusals.calm(target.account)
        with self._pressing(target):
            yield
        target.refusals.calm(target.account)

    def _number(self, target: Target) -> int:
        return self.ledger.accounts[target.account].number

    def _token(self, target: Target) -> str:
        target.token = f"token-{len(self._tokens) + 1}-of-{target.user}"
        target.server.users[target.token] = target.user
        self._tokens[target.token] = target
        return target.token

    # Weather

    def changes(self) -> None:
        """Now and then a failure of one of the servers begins or ends."""
        dice = self.chance.random()
        server = self.chance.choice(self.servers)
        if dice < 0.3:
            trouble = self.chance.choice(list(Trouble))
            lasting = Lasting(trouble, calls=self.chance.choice((1, 1, 2, 8)))
            if self.chance.random() < 0.6:
                lasting = Lasting(
                    trouble, until=self.timeline.elapsed + self.scale * self.chance.choice((0.5, 1, 5, 20))
                )
            server.window = self.chance.choice((None, 7, 90))
            server.troubles.append(lasting)
            self.say("weather", f"{server.host} {trouble} ({lasting.calls or f'until {lasting.until:.0f} s'})")
        elif dice < 0.36:
            server.off = self.chance.choice((-100_000.0, -5000.0, 600.0, 50_000.0))
            self.say("weather", f"the clock of {server.host} is {server.off:+.0f} s off")
        elif dice < 0.46:
            server.well()
            self.say("weather", f"{server.host} is well again")

    # The wire

    async def carry(self, request: httpx2.Request, doom: Doom, cut: bool) -> httpx2.Response | None:
        """Deliver a request; None if it is for another server."""
        server = next((one for one in self.servers if one.host == request.url.host), None)
        if server is None:
            return None
        if cut or server.gone:
            self._not_sent(server, request)
            raise httpx2.ConnectError("no route to host", request=request)
        if doom.strikes(End.REQUEST_HELD):
            await asyncio.sleep(0)
        posted, told = self._leaves(server, request), None
        if self.hearts is not None:
            told = self.hearts.leaves(server, self._tokens.get(_token_of(request)), request, _token_of(request))
        answered: asyncio.Future[Said | None] = asyncio.get_running_loop().create_future()
        self.timeline.after(self._latency(), partial(self._arrive, server, request, told, answered))
        if doom.strikes(End.REQUEST_SENT):
            await asyncio.sleep(0)
        return await self._answer(request, posted or told, answered)

    def _latency(self) -> float:
        return self.chance.choice((0.02, 0.05, 0.2, 0.9, 8.0))

    def _arrive(
        self, server: ListenServer, request: httpx2.Request, told: Told | None, answered: asyncio.Future[Said | None]
    ) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if self.hearts is not None:
            self.hearts.lands(told, not answered.get_loop().is_closed() and not answered.done())
        said = server.answer(request.url.path, request.url.query.decode(), headers, request.content)
        delay = self._latency() + (said.delay if said is not None else 0.0)
        self.timeline.after(delay, partial(_hand_over, answered, said))

    async def _answer(
        self, request: httpx2.Request, posted: Posted | Told | None, answered: asyncio.Future[Said | None]
    ) -> httpx2.Response:
        try:
            async with asyncio.timeout(request.extensions["timeout"]["read"]):
                said = await answered
        except TimeoutError:
            self._answered(posted, None)
            raise httpx2.ReadTimeout("no answer in time", request=request) from None
        self._answered(posted, said)
        if said is None:
            raise httpx2.RemoteProtocolError("the connection was closed", request=request)
        return httpx2.Response(said.status, headers=said.headers, content=said.body, request=request)

    # The referee

    def starts(self) -> None:
        """A process starts."""
        self.ready_since = max(self.ready_since, self.timeline.elapsed)
        for target in self.targets:
            target.busy = target.asking = target.discarding = False

    def forgets(self) -> None:
        """The process died, or couldn't save an answer."""
        for posted in list(self.under_way):
            self._over(posted, leave_open=True)
        for target in self.targets:
            target.rest = None
            target.refusals.forget()
            target.held.pop("lost its token", None)
        self.ready_since = max(self.ready_since, self.timeline.elapsed + LONGEST_REST + self.sweep)
        if self.hearts is not None:
            self.hearts.forgets()

    def stepped(self) -> None:
        """The clock of the process was set forward or back: no wait that it has timed can be relied on."""
        for target in self.targets:
            target.rest = None
        if self.hearts is not None:
            self.hearts.forgets()

    def arrives(self, account: Account, found: list[StoredDestination]) -> None:
        """The process is up: the destinations of an account are certain now."""
        for target in self.of(account):
            stored = next((one for one in found if (one.url, one.username) == (target.server.url, target.user)), None)
            target.there = {stored is not None}
            if stored is None:
                continue
            target.number, target.policies = stored.id, {stored.policy}
            if stored.paused_at is None:
                target.held.pop("was paused", None)
            else:
                target.held.setdefault("was paused", self.timeline.elapsed)
            target.held.pop("was removed", None)

    def finds(self, kind: Kind, words: str) -> None:
        self.referee.finds(kind, words)

    def ready(self, target: Target, after: float) -> None:
        """It is delayed by that many seconds from now, at most."""
        target.ready_since = max(target.ready_since, self.timeline.elapsed + after)

    def _not_sent(self, server: ListenServer, request: httpx2.Request) -> None:
        target = self._tokens.get(_token_of(request))
        if target is not None:
            self.ready(target, LONGEST_REST)

    def _leaves(self, server: ListenServer, request: httpx2.Request) -> Posted | None:
        if not request.url.path.endswith("submit-listens"):
            return None
        document = json.loads(request.content)
        target = self._tokens.get(_token_of(request))
        if target is None or target.server is not server:
            self.finds(Kind.MISBEHAVED, f"a request to {server.host} has a token that is of another service")
            return None
        self.requests += 1
        self._overtakes(target)
        posted = Posted(self.requests, self.timeline.elapsed, target, _token_of(request), target.changes, [])
        self.under_way.append(posted)
        self.at_a_pace(posted.at, target, f"E{posted.number}")
        self._is_awaited(posted)
        for listen in document["payload"]:
            self._one(posted, listen)
        shown = ", ".join(parcel.play.title for parcel in posted.parcels[:5])
        self.say("wire", f"E{posted.number} leaves for {target}: {len(posted.parcels)} plays, {shown}")
        if len(document["payload"]) > MAX_LISTENS:
            self.finds(Kind.MISBEHAVED, f"E{posted.number} has {len(document['payload'])} listens")
        times = [listen["listened_at"] for listen in document["payload"]]
        if times != sorted(times):
            self.finds(Kind.MISBEHAVED, f"E{posted.number} is not in order of time")
        return posted

    def _overtakes(self, target: Target) -> None:
        """Another request leaves. One sender at a time has the lease, which only a clock that is set forward ends."""
        for before in self.under_way:
            if before.target is not target:
                continue
            before.overtaken = True
            steady = self.referee.alone and len(self.referee.clocks) == 1
            if steady and before.changes == target.changes:
                self.finds(Kind.MISBEHAVED, f"another request leaves for {target} while E{before.number} is under way")

    def at_a_pace(self, slot: float, target: Target, what: str) -> None:
        """A request leaves for a destination, which had this slot or an earlier one."""
        target.times = sorted([at for at in target.times if at > slot - 2.0] + [slot])
        seconds = (at for at in target.times if slot <= at < slot + 1.0)  # that end with a request
        most = max(sum(end - 1.0 + 1e-6 < at <= end for at in target.times) for end in seconds)
        put = len(self.referee.clocks) > 1
        if most > (PER_SECOND + 1) * (1 + put):
            self.finds(Kind.MISBEHAVED, f"{most} requests to {target} in a second, {what} is one of them")

    def _is_awaited(self, posted: Posted) -> None:
        target, alone = posted.target, self.referee.alone
        self.awaits(posted.at, target, f"E{posted.number}")
        rest, target.rest = target.rest, None
        if rest is not None and rest.token not in ("", posted.token):
            return  # its listener gave it another meanwhile, which has a limit of its own
        if rest is not None and alone and target.pressed_at < rest.since and posted.at < rest.until - 0.01:
            early = rest.until - posted.at
            self.finds(Kind.MISBEHAVED, f"E{posted.number} comes {early:.1f} s too early for {target} ({rest.why})")

    def awaits(self, at: float, target: Target, what: str) -> None:
        """Something is sent to a destination, which must get nothing during a wait."""
        lag = LAG if self.referee.alone else 10 * LAG
        if len(self.referee.clocks) > 1:
            lag += 3600.0  # a slot was booked by a clock that has been set back since
        for why, since in target.held.items():
            if at > since + lag:
                self.finds(Kind.MISBEHAVED, f"{what} is sent after {target} {why}")

    def _one(self, posted: Posted, listen: dict[str, Any]) -> None:
        target, about, at = posted.target, listen["track_metadata"], int(listen["listened_at"])
        artist, title = about["artist_name"], about["track_name"]
        play = self._play(target, artist, title, at)
        if play is None:
            self.finds(Kind.DOUBLED, f"E{posted.number} sends {listen} to {target}, which nobody reported")
            return
        if play.account != target.account:
            self.finds(Kind.DOUBLED, f"E{posted.number} sends {play} to {target}, a destination of {target.account}")
            return
        parcel = target.parcel(play)
        posted.parcels.append(parcel)
        target.sent_as[at, artist, title] = play
        if not any(True in one.goes or one.asked for one in self.reports_of(target, play)):
            self.finds(Kind.DOUBLED, f"E{posted.number} sends {play} to {target}, for which nobody asked")
        self._as_its_policy_says(posted, parcel, about)
        params = {"timestamp": str(at), "about": json.dumps(about)}
        before, parcel.flight.params = parcel.flight.params, params
        settled = bool(parcel.flight.errors) or parcel.discarded or play.discarded
        anew, parcel.asked_again = parcel.asked_again and settled, False
        moved = not parcel.flight.open and (anew or {**before, "timestamp": ""} == {**params, "timestamp": ""})
        if before and before != params and not moved:
            self.finds(
                Kind.DOUBLED, f"E{posted.number} sends {play} to {target} otherwise than before: {params}, was {before}"
            )
        if parcel.flight.first is None:
            for earlier in self.reports_of(target, play)[1:]:
                if earlier.flight.first is not None:  # it has waited since then
                    parcel.flight.suspicion = earlier.flight.suspicion
            parcel.flight.first = posted.at
            self._in_time(posted, parcel)

    def _play(self, target: Target, artist: str, title: str, at: int) -> Reported | None:
        songs = [play for name in (artist, artist + GUEST) for play in self.ledger.songs(name, title)]
        if len(songs) > 1:
            found = self.disk.look(_SENT_AS, target.number, title, at) or self.disk.look(_REPORTED_AS, title, at)
            for original, reported_at in found:
                return self.ledger.by_key.get((original, title, int(reported_at)))
            if before := target.sent_as.get((at, artist, title)):  # a process that stood still sends it once more
                return before
        return next(iter(songs), None)

    def reports_of(self, target: Target, play: Reported) -> list[Parcel]:
        """All reports that became this play, at a destination."""
        return [target.parcel(one) for one in self.ledger.reports_of(play)]

    def _as_its_policy_says(self, posted: Posted, parcel: Parcel, about: dict[str, Any]) -> None:
        play = parcel.play
        alike = [*self.reports_of(posted.target, play), *map(posted.target.parcel, self.ledger.may_have_become(play))]
        if not any(_fits(policy, one.play, about) for one in alike for policy in one.policies):
            self.finds(Kind.DOUBLED, f"E{posted.number} sends {play} to {posted.target} under names that no policy has")
        kept = [keeps(policy, one.play) for one in alike for policy in one.policies]
        if not parcel.asked and kept and all(kept):
            self.finds(Kind.DOUBLED, f"E{posted.number} sends {play} to {posted.target}, which is to be kept here")

    def _in_time(self, posted: Posted, parcel: Parcel) -> None:
        """What isn't delayed by its own destination is sent at once, whatever fails elsewhere."""
        if parcel.due_since is None or not self.referee.alone or len(self.referee.clocks) > 1:
            return
        if posted.target.pressed_at == float("inf"):  # its listener is bringing it back just now
            return
        disk = max(self.disk.full_until, self.disk.slow_until)
        trouble = max((at + LONGEST_REST for at in (disk, self.cut()) if at), default=0.0)
        ready = max(parcel.due_since, posted.target.ready_since, self.ready_since, trouble)
        if posted.at > ready + PATIENCE + self.sweep:
            late = posted.at - ready
            self.finds(Kind.MISBEHAVED, f"E{posted.number} sends {parcel.play} to {posted.target} {late:.0f} s late")

    def _answered(self, posted: Posted | Told | None, said: Said | None) -> None:
        if self.hearts is not None and not isinstance(posted, Posted):
            self.hearts.answered(posted, said)
        if not isinstance(posted, Posted):
            return
        target = posted.target
        words = "gets no answer" if said is None else f"is answered: HTTP {said.status} {said.body[:80].decode()}"
        self.say("wire", f"E{posted.number} {words}")
        if posted not in self.under_way:  # the disk was full meanwhile: what was heard may have been forgotten
            self.ready(target, LONGEST_REST)
        found = _read(said.body) if said is not None else None
        if said is None or found is None or said.status == 502:
            self._over(posted, leave_open=True)
            self._rests(posted, SHORTEST_REST, "after no answer that can be read")
            return
        self._over(posted, leave_open=said.status == 500)
        for parcel in posted.parcels if said.status != 500 else ():
            parcel.flight.open.discard(posted.number)
        match said.status:
            case 200:
                target.refusals.answered(target.account, self.timeline.elapsed)
                for parcel in posted.parcels:
                    parcel.flight.codes.add(0)
            case 401 if posted.token != target.token or posted.overtaken:
                pass  # there is another by now, or another sender
            case 401:
                self.loses_token(target)
            case 429:
                seconds = float(said.headers.get("X-RateLimit-Reset-In", FIRST_REST))
                self._rests(posted, seconds, "after 429", token=posted.token)
            case 503:
                self._rests(posted, SHORTEST_REST, "after 503")
            case _:
                self._refused(posted, said.status, str(found.get("error", "")))

    def loses_token(self, target: Target) -> None:
        """The server has rejected its token, and the answer has arrived."""
        target.held["lost its token"] = self.timeline.elapsed
        target.refusals.calm(target.account)

    def _refused(self, posted: Posted, status: int, words: str) -> None:
        target = posted.target
        if len(posted.parcels) == 1:
            [parcel] = posted.parcels
            if "too high" in words:
                parcel.too_high += 1
                target.refusals.answered(target.account, self.timeline.elapsed)
                if not posted.overtaken and posted.changes == target.changes:  # else its sender wrote nothing
                    target.refusals.clears(target.account, parcel)
                return
            parcel.flight.errors.add(status)
        self.ready(target, LONGEST_REST)
        if posted.overtaken:
            return
        many = target.refusals.refused(target.account, posted.parcels, status, words, self.timeline.elapsed)
        if posted.changes != target.changes:  # perhaps its sender had lost its lease
            target.refusals.calm(target.account)
        elif many > FREE_REFUSALS:
            self._rests(posted, SHORTEST_REST, f"after {many} refusals in a row")

    def _rests(self, posted: Posted, seconds: float, why: str, *, token: str = "") -> None:
        now = self.timeline.elapsed
        if posted.changes == posted.target.changes and not posted.overtaken:  # else its sender wrote nothing
            posted.target.rest = Rest(now, now + seconds, f"{why} to E{posted.number}", token=token)
        self.ready(posted.target, LONGEST_REST)

    def _over(self, posted: Posted, *, leave_open: bool) -> None:
        if posted in self.under_way:
            self.under_way.remove(posted)
        for parcel in posted.parcels:
            if leave_open:
                parcel.flight.open.add(posted.number)

    # Healing

    def clears(self) -> None:
        """All failures end."""
        for server in self.servers:
            server.well()

    async def heal(self, deck: Deck, plays_on: Callable[[Deck, Account], Awaitable[None]]) -> None:
        """All destinations are resumed, and what waits is sent; some removed ones are added again.

        A bad play is believed to be bad only once another was answered for, so `plays_on` has somebody play.
        """
        for target in self.targets:
            if True in target.there:
                if "was paused" in target.held:
                    await self._pauses(deck, target)
                await self._renews(deck, target)
                await self._keeps_nothing(deck, target)
                await self._retries(deck, target)
            elif target.number and self.chance.random() < 0.7:
                await self._add(deck, target)
                if True not in target.there:
                    self.finds(Kind.UNEXPLAINED, f"{target} cannot be added though all is well")
                else:
                    await self._keeps_nothing(deck, target)
        await self._until_sent(deck, plays_on)
        if self.disk.look(_OWED) and len(self.referee.clocks) > 1:
            # A play in the future was put on hold by a clock that has been corrected since. Without anybody signed in
            # at Last.fm that is never known: it waits for as long as the clock was off, unless its listener retries.
            for target in self.targets:
                if True in target.there:
                    await self._retries(deck, target)
            await self._until_sent(deck, plays_on)

    async def _keeps_nothing(self, deck: Deck, target: Target) -> None:
        """Whatever is played from now on goes there: without another play, a bad one waits for ever."""
        self._may(target, policy=Policy())
        await deck.destinations.change_policy(self._number(target), target.number, lambda _: Policy())

    async def _until_sent(self, deck: Deck, plays_on: Callable[[Deck, Account], Awaitable[None]]) -> None:
        """Return when nothing waits, or when that takes too long."""
        latest = max((float(at) for _, _, at in self.disk.look(_OWED)), default=0.0)
        deadline, pause = max(self.timeline.now, latest) + HEALING, 5.0
        while (self.disk.look(_OWED) or self.disk.look(_BACKLOG)) and self.timeline.now < deadline:
            await asyncio.sleep(pause)
            if pause < 1800.0 <= pause * 1.5 or self.chance.random() < 0.1:
                for account in self.ledger.accounts.values():
                    await plays_on(deck, account)
            pause = min(1800.0, pause * 1.5)

    def journal(self) -> Iterator[str]:
        """What the servers received, for a digest."""
        for server in self.servers:
            yield repr(server.journal)


def _fits(policy: Policy, play: Reported, about: dict[str, Any]) -> bool:
    artist = play.artist.removesuffix(GUEST) if policy.artist is ArtistForm.FIRST else play.artist
    album_artist = play.extra.get("album_artist", "") if policy.album_artist else ""
    return bool(about["artist_name"] == artist) and bool(
        about["additional_info"].get("release_artist_name", "") == album_artist
    )


def keeps(policy: Policy, play: Reported) -> bool:
    """Whether a policy keeps a play here."""
    return policy.private_until > 0 or play.reporter in policy.not_from


def _token_of(request: httpx2.Request) -> str:
    return str(request.headers.get("authorization", "")).removeprefix("Token ")


def _read(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _hand_over(answered: asyncio.Future[Said | None], said: Said | None) -> None:
    if not answered.get_loop().is_closed() and not answered.done():
        answered.set_result(said)
