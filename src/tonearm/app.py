"""The composition root: the only file that knows all parts. It opens a deck, and closes it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tonearm.arguments import check_client, check_database, check_limits, check_secret, check_text
from tonearm.clock import Clock, SharedClock, SystemClock
from tonearm.core.delivery import QueuedPlay
from tonearm.core.destination import DestinationKind
from tonearm.core.keys import paired
from tonearm.deck import Deck
from tonearm.engine.embedded import PAUSE, EmbeddedEngine
from tonearm.engine.engine import Engine
from tonearm.http_exchange import HttpClient, OwnClient
from tonearm.lastfm.cache import Cache
from tonearm.lastfm.cache_policy import WEEK
from tonearm.lastfm.client import API_URL, USER_AGENT, LastFm
from tonearm.lastfm.destination import LastFmDestination
from tonearm.lastfm.images import ImageFetcher
from tonearm.lastfm.request import Keys
from tonearm.lastfm.rules import LASTFM
from tonearm.library.picture import pixels
from tonearm.listenbrainz import KOITO_API, LISTENBRAINZ_API, ListenBrainzClient
from tonearm.listenbrainz import user_agent as telling_agent
from tonearm.maloja import MalojaClient
from tonearm.service.accounts import Accounts
from tonearm.service.chores import Chores
from tonearm.service.clock_skew import LastFmTime, keep_clock_set, set_clock
from tonearm.service.counters import Counters
from tonearm.service.cover_colours import CoverColours
from tonearm.service.delivery import Delivery
from tonearm.service.delivery_events import DeliveryEvents
from tonearm.service.destination_hearts import DestinationHearts
from tonearm.service.destination_hints import DestinationHints
from tonearm.service.destination_outbox import DestinationEvents, DestinationOutbox
from tonearm.service.destinations import Destinations
from tonearm.service.enrichment import Enrichment
from tonearm.service.events import EventHub
from tonearm.service.expiry import Expiry
from tonearm.service.fan_out import FanOut
from tonearm.service.hearts import Hearts
from tonearm.service.history_mirror import HistoryMirror
from tonearm.service.job_list import DELIVER, DESTINATION, ENRICH, HISTORY, IMPORT, LOVE
from tonearm.service.jobs import Finder, Jobs
from tonearm.service.keyring import ApiKey, DeliveryKinds, Keyring
from tonearm.service.lease import Leases
from tonearm.service.listening_clocks import ListeningClocks
from tonearm.service.loved_import import LovedImport
from tonearm.service.metadata import Metadata
from tonearm.service.metadata_upstream import MetadataUpstream
from tonearm.service.now_playing import NowPlaying
from tonearm.service.now_playing_elsewhere import NowPlayingElsewhere
from tonearm.service.outlets import DestinationOutlet, DestinationOutlets, MakeWire
from tonearm.service.personal_data import PersonalData
from tonearm.service.play_actions import PlayActions
from tonearm.service.play_outbox import PlayOutbox
from tonearm.service.player_reports import PlayerReports
from tonearm.service.players import Players
from tonearm.service.queue_length import QueueLengths
from tonearm.service.rate_limit import Pace
from tonearm.service.report_play import Reports
from tonearm.service.requeue import AfterAll
from tonearm.service.restamp import Restamp
from tonearm.service.sign_in import SignIn
from tonearm.service.waiting import WaitingRun
from tonearm.store import destination_hearts, destination_queue, destinations, queue
from tonearm.store.db import processes
from tonearm.store.db.database import Store, database_url, sqlite_file
from tonearm.store.db.file_lock import sole_sender
from tonearm.store.db.migrate import ADVISORY_LOCK, migrate
from tonearm.store.response_cache import AnswerStore
from tonearm.store.secrets.check import seal_of
from tonearm.store.secrets.seal import SessionCipher

if TYPE_CHECKING:
    import httpx2
    from sqlalchemy import URL, Connection

    from tonearm.atproto import RecordsClient
    from tonearm.service.history_from_lastfm import HistoryFromLastFm

AUTH_URL = "https://www.last.fm/api/auth/"
REQUESTS_PER_SECOND = 4.0
"""Last.fm's old terms named 5 a second; the present ones leave it to them: https://www.last.fm/api/tos"""


NO_CONTACT = "no contact given by whoever runs it"

OTHERS_PER_SECOND = 2.0
"""ListenBrainz allows 30 requests in 10 seconds: https://listenbrainz.readthedocs.io/en/latest/users/api/core.html"""

SLOTS = dict.fromkeys((destination_queue.KIND, destination_queue.FAILING), 32)
"""Destinations that are sent to at once. When a service stops answering, each of its destinations holds a slot for half
a minute before it counts as failing, while those of other services are not to wait.
"""

_COUNTING, _DELIVERY, _ERASING, _HINTS = "queue lengths", "delivery", "erasing", "hints"
"""What a deck does in the background."""


@dataclass(frozen=True, slots=True)
class _Tasks:
    """The tasks of a deck, by what they do."""

    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def begin(self, name: str, work: Coroutine[None, None, None]) -> None:
        self.running[name] = asyncio.create_task(work, name=name)

    def end(self, stop: asyncio.Event) -> None:
        """End all of them: those that watch `stop`, and the counting, which doesn't."""
        stop.set()
        self.running[_COUNTING].cancel()

    def runs(self, name: str) -> bool:
        return name in self.running and not self.running[name].done()


@asynccontextmanager
async def open(  # hosts write tonearm.open(...), as they write open(...)
    database: str | Path,
    *,
    api_key: str = "",
    api_secret: str = "",
    api_url: str = API_URL,
    auth_url: str = AUTH_URL,
    user_agent: str = USER_AGENT,
    contact: str = "",
    requests_per_second: float = REQUESTS_PER_SECOND,
    daily_scrobbles: int | None = None,
    cache_ttl: float = WEEK,
    secret_key: str = "",
    http: httpx2.AsyncClient | None = None,
    clock: Clock | None = None,
    deliver: bool = True,
) -> AsyncIterator[Deck]:
    """Open a deck on a database (a path, or a URL). A play reported to it is on disk when the call returns, and is sent
    from there.

    The tables are created or migrated first. Raises StoreUnavailable if the database cannot be used, DatabaseTooNew if
    a newer tonearm wrote it, and AlreadyOpen if another process delivers from it. With `deliver=False` this process
    only reports plays, and leaves sending them to the other. `secret_key` encrypts the session keys; without one, a key
    file is created beside a SQLite file. Raises WrongSecret if it isn't the one used before; nothing is changed then,
    and nobody is signed out. `requests_per_second` limits requests to Last.fm for each API key (0: no limit).
    `daily_scrobbles` is each listener's daily limit at Last.fm, None to learn it when it is reached. `cache_ttl` is how
    many seconds an answer about an artist, an album or a track stays fresh; 0 turns the cache off.

    `api_key` may hold several keys, separated by commas, and `api_secret` as many secrets in the same order (ValueError
    otherwise): each listener is connected with one of them, and the rate limit applies to each key separately.

    `contact` is an e-mail or web address of whoever runs the service, which ListenBrainz asks for (ValueError if it
    can't be put in a header).

    `http` is the host's own client for all requests to Last.fm, and is never closed; None: the deck opens one of its
    own. `clock` provides the time, sleeping and randomness; None: the machine's, with the server's time on PostgreSQL.
    """
    check_database(database)
    named = {"api_key": api_key, "api_url": api_url, "auth_url": auth_url, "user_agent": user_agent, "contact": contact}
    for argument, text in named.items():
        check_text(argument, text)
    check_secret("api_secret", api_secret)
    check_secret("secret_key", secret_key)
    check_limits(requests_per_second, daily_scrobbles, cache_ttl)
    check_client(http)
    pairs = paired(api_key, api_secret)
    agent = telling_agent(contact or NO_CONTACT)
    url = database_url(database)
    file = sqlite_file(url)
    await asyncio.to_thread(migrate, url)
    if file is None and not secret_key:
        raise ValueError("a database without a file of its own needs secret_key (TONEARM_SECRET_KEY)")
    with sole_sender(file if deliver else None):
        store = Store(url)
        try:
            seal = await seal_of(store, file, secret_key)
            async with _http_client(http) as http_client:
                keys = tuple(Keys(key, secret) for key, secret in pairs)
                limits = _DeckLimits(requests_per_second, daily_scrobbles)
                client = partial(LastFm, url=api_url, http=http_client, user_agent=user_agent)
                async with (
                    _time(store, clock) as time,
                    _answers(url, time) as answers,
                    _announcer(store, time) as event_hub,
                ):
                    remember = partial(Cache, now=time.now, answers=answers, realm=api_url, ttl=cache_ttl)
                    images = ImageFetcher(http_client, time.now, answers=answers, near=api_url, user_agent=user_agent)
                    colours = CoverColours(pixels, time.now, answers)
                    makers = _makers(http_client, agent)
                    parts = _Parts(
                        store, time, event_hub, seal, keys, auth_url, limits, remember, images, colours, makers, api_url
                    )
                    async with _deck(parts, client, deliver) as deck:
                        yield deck
        finally:
            await asyncio.to_thread(store.close)


@dataclass(frozen=True, slots=True)
class _DeckLimits:
    requests_per_second: float
    daily_scrobbles: int | None


@dataclass(frozen=True, slots=True)
class _Parts:
    store: Store
    clock: Clock
    event_hub: EventHub
    seal: SessionCipher
    keys: tuple[Keys, ...]
    auth_url: str
    limits: _DeckLimits
    remember: Callable[[MetadataUpstream], Cache]
    images: ImageFetcher
    colours: CoverColours
    makers: Mapping[DestinationKind, MakeWire]
    api_url: str


def _makers(http: HttpClient, agent: str) -> dict[DestinationKind, MakeWire]:
    """What makes the wire to each kind of destination."""
    listens = partial(ListenBrainzClient, user_agent=agent, http=http)
    return {
        DestinationKind.LISTENBRAINZ: partial(listens, dialect=LISTENBRAINZ_API),
        DestinationKind.KOITO: partial(listens, dialect=KOITO_API),
        DestinationKind.MALOJA: partial(MalojaClient, user_agent=agent, http=http),
        DestinationKind.LIBREFM: partial(LastFmDestination, user_agent=agent, http=http, gnu_fm=True),
        DestinationKind.LASTFM_LIKE: partial(LastFmDestination, user_agent=agent, http=http),
        DestinationKind.TEALFM: partial(_records_wire, DestinationKind.TEALFM, agent=agent, http=http),
        DestinationKind.ROCKSKY: partial(_records_wire, DestinationKind.ROCKSKY, agent=agent, http=http),
    }


def _records_wire(kind: DestinationKind, address: str, *, agent: str, http: HttpClient) -> RecordsClient:
    """Without an address: to the server of most accounts. Loaded only where somebody uses it."""
    from tonearm.atproto import BLUESKY_URL
    from tonearm.rocksky import RockskyClient
    from tonearm.tealfm import TealClient

    client = TealClient if kind is DestinationKind.TEALFM else RockskyClient
    return client(address or BLUESKY_URL, user_agent=agent, http=http)


@asynccontextmanager
async def _announcer(store: Store, clock: Clock) -> AsyncIterator[EventHub]:
    """Events of this process, or of all processes that share a database server and its clock."""
    event_hub = EventHub(secrets.token_hex(4))
    if not isinstance(clock, SharedClock):
        yield event_hub
        return
    from tonearm.service.event_bridge import relayed

    async with relayed(store, event_hub):
        yield event_hub


@asynccontextmanager
async def _answers(url: URL, clock: Clock) -> AsyncIterator[AnswerStore]:
    answers = AnswerStore(url, clock.now)
    try:
        yield answers
    finally:
        await asyncio.to_thread(answers.close)


@asynccontextmanager
async def _http_client(http: httpx2.AsyncClient | None) -> AsyncIterator[HttpClient]:
    """The host's own HTTP client, or one that lives as long as the deck is open."""
    if http is not None:
        yield http
        return
    own = OwnClient()
    try:
        yield own
    finally:
        await own.end()


@asynccontextmanager
async def _time(store: Store, clock: Clock | None) -> AsyncIterator[Clock]:
    """The host's own clock, or the machine's, or the database server's if processes share one."""
    if clock is not None or store.one_process:
        yield clock or SystemClock()
        return
    shared = SharedClock()
    await set_clock(store, shared)
    clock_task = asyncio.create_task(keep_clock_set(store, shared))
    try:
        yield shared
    finally:
        clock_task.cancel()
        await asyncio.gather(clock_task, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Wires:
    """What a deck's services share, and how they wake one another."""

    parts: _Parts
    time: LastFmTime
    keyring: Keyring
    engine: Engine
    delivery_kinds: DeliveryKinds
    accounts: Accounts
    chores: Chores
    after_all: AfterAll
    tally: Counters
    tasks: _Tasks
    sends: bool
    outlets: DestinationOutlets
    hints: DestinationHints
    fan_out: FanOut

    def delivers(self) -> bool:
        """Whether this process sends plays now."""
        return self.sends and self.tasks.runs(_DELIVERY)

    def crowded(self, account: int) -> bool:
        """Whether other work waits for its turn at an account."""
        return self.engine.crowded(self.delivery_kinds.of(account))

    def begins(self, kind: str) -> Callable[[int], None]:
        """Returns a function that wakes runs of that kind."""
        return partial(self.wake, kind)

    def wake(self, kind: str, account: int) -> None:
        """Wake what asks Last.fm. Without an API key it has no handler, but with PostgreSQL other processes may."""
        if self.keyring.configured or not isinstance(self.engine, EmbeddedEngine):
            self.engine.hint(kind, [account])


@asynccontextmanager
async def _deck(parts: _Parts, client: Callable[..., LastFm], deliver: bool) -> AsyncIterator[Deck]:
    store, clock = parts.store, parts.clock
    counting = QueueLengths(store, clock, parts.event_hub)
    parts.event_hub.queue_changed.append(counting.note)
    wires, hint = await _wired(parts, client, deliver)
    cache = parts.remember(MetadataUpstream(wires.keyring, clock))
    metadata = Metadata(cache, parts.images, parts.colours, parts.seal)
    deck, tasks, stop = _assembled(wires, hint, metadata), wires.tasks, asyncio.Event()
    await wires.keyring.begin()
    if deliver and store.one_process:
        await store.write(_free_all)
    wires.hints.seen(await store.read(destinations.owners))
    tasks.begin(_COUNTING, counting.run())
    if deliver:
        tasks.begin(_DELIVERY, _run(wires, _delivery(wires), _others(wires), deck, stop))
    if wires.sends:
        tasks.begin(_ERASING, _finish_erasing(deck, stop))
    if not deliver and not isinstance(wires.engine, EmbeddedEngine):  # the delivering process is notified
        tasks.begin(_HINTS, wires.engine.run({}, partial(deck.jobs.due, {}), stop))
    try:
        yield deck
    finally:
        tasks.end(stop)
        await deck.close()
        await asyncio.gather(*tasks.running.values(), return_exceptions=True)
        await cache.close()
        await parts.colours.close()
        await parts.images.close()


def others_per_second(to_lastfm: float) -> float:
    """Requests a second to each other service: no more than to Last.fm (0: any number), and never without a limit."""
    return min(OTHERS_PER_SECOND, to_lastfm or OTHERS_PER_SECOND)


async def _wired(parts: _Parts, client: Callable[..., LastFm], deliver: bool) -> tuple[_Wires, Callable[[int], None]]:
    """The connected services, and the function that wakes an account's delivery."""
    store, clock, event_hub = parts.store, parts.clock, parts.event_hub
    time = LastFmTime(clock)
    configured = all(keys.api_key and keys.api_secret for keys in parts.keys)
    keyring = Keyring(store, tuple(_key(parts, keys, client, time) for keys in parts.keys), configured)
    engine, delivery_kinds = await _engine(store, clock), DeliveryKinds(DELIVER, keyring.names)
    outlets = DestinationOutlets(store, clock, parts.makers, others_per_second(parts.limits.requests_per_second))
    hints = DestinationHints(engine.hint)

    def hint(account: int) -> None:
        wires.wake(delivery_kinds.of(account), account)
        hints.of_account(account)
        event_hub.changed(account)

    wires = _Wires(
        parts,
        time,
        keyring,
        engine,
        delivery_kinds,
        Accounts(store, clock, keyring, time, LASTFM, parts.limits.daily_scrobbles),
        Chores(store, clock),
        AfterAll(store, clock, time, event_hub, hint, LASTFM),
        Counters(),
        _Tasks(),
        deliver and configured,
        outlets,
        hints,
        FanOut(outlets.rules_at, hints.noted),
    )
    return wires, hint


def _assembled(wires: _Wires, hint: Callable[[int], None], metadata: Metadata) -> Deck:
    parts, time, listeners, keyring = wires.parts, wires.time, wires.accounts, wires.keyring
    store, clock, seal, event_hub = parts.store, parts.clock, parts.seal, parts.event_hub
    imports, enriches, mirrors = (WaitingRun(store, clock, kind, wires.delivers) for kind in (IMPORT, ENRICH, HISTORY))
    begins, chores = wires.begins, wires.chores
    loving = LovedImport(store, clock, event_hub, begins(IMPORT), imports, chores, keyring, begins(LOVE), time)
    hearts_elsewhere = DestinationHearts(store, clock, wires.outlets, seal, event_hub)
    hearts = Hearts(
        *(store, clock, time, keyring, seal, event_hub, begins(LOVE)),
        hearts_elsewhere.say,
        wires.hints.of_account,
    )
    enriching = Enrichment(store, clock, metadata, event_hub, begins(ENRICH), enriches)

    def from_lastfm() -> HistoryFromLastFm:
        return deck.history_from_lastfm

    async def sum_up(account: int) -> None:
        await deck.figures.make_all(account)

    mirroring = HistoryMirror(store, clock, event_hub, begins(HISTORY), mirrors, chores, from_lastfm, sum_up)
    starts = {IMPORT: loving.start, ENRICH: enriching.start, HISTORY: mirroring.start}
    reports = Reports(store, clock, event_hub, hint, wires.tally, time, LASTFM, wires.fan_out, wires.hints.of_account)
    same_host = partial(_same_host, parts.api_url)
    others = Destinations(store, clock, time, wires.outlets, seal, event_hub, wires.hints, same_host)
    elsewhere = NowPlayingElsewhere(store, clock, wires.outlets, seal)
    shows = NowPlaying(store, clock, keyring, seal, event_hub, elsewhere.show)
    players, player_reports, listening_clocks = _players(parts, reports, shows, hearts)
    deck = Deck(
        clock=clock,
        event_hub=event_hub,
        accounts=listeners,
        reports=reports,
        shows=shows,
        players=players,
        player_reports=player_reports,
        listening_clocks=listening_clocks,
        sign_in=SignIn(store, clock, keyring, seal, event_hub, hint, parts.auth_url, others.why_not_at_lastfm),
        play_actions=PlayActions(store, clock, event_hub, hint, listeners, time, LASTFM, wires.fan_out),
        after_all=wires.after_all,
        personal_data=PersonalData(store, clock, event_hub),
        loved_import=loving,
        hearts=hearts,
        jobs=Jobs(store, clock, chores, listeners, starts, hint, hearts.retry, others),
        history_mirror=mirroring,
        metadata=metadata,
        enrichment=enriching,
        counters=wires.tally,
        destinations=others,
        now_playing_elsewhere=elsewhere,
        destination_hearts=hearts_elsewhere,
        configured=keyring.configured,
        store=store,
        hint=hint,
        delivers=wires.delivers,
        seal=seal,
    )
    return deck


def _delivery(wires: _Wires) -> tuple[Delivery[QueuedPlay, ApiKey], Expiry]:
    """The service that sends plays, and the one that settles plays that have become too old."""
    parts, time, keyring = wires.parts, wires.time, wires.keyring
    store, clock = parts.store, parts.clock
    events = DeliveryEvents(parts.event_hub, wires.tally)
    outbox = PlayOutbox(clock, time, Restamp(clock, time), LASTFM, keyring.names, parts.limits.daily_scrobbles)
    leases = Leases(store, clock, processes.owner(), queue.LINE)
    delivering = Delivery(
        store, clock, keyring, wires.delivery_kinds.saw, parts.seal, leases, events, outbox, wires.crowded
    )
    return delivering, Expiry(store, clock, time, wires.chores, wires.after_all, events, LASTFM)


def _players(
    parts: _Parts, reports: Reports, shows: NowPlaying, hearts: Hearts
) -> tuple[Players, PlayerReports, ListeningClocks]:
    """The players, what they report, and the clocks of the devices that media servers report about."""
    players = Players(parts.store, parts.clock, parts.seal, parts.event_hub)
    player_reports = PlayerReports(parts.store, reports, shows, players, hearts, parts.clock)
    return players, player_reports, ListeningClocks(parts.store, player_reports, shows, parts.clock)


def _key(parts: _Parts, keys: Keys, client: Callable[..., LastFm], time: LastFmTime) -> ApiKey:
    pace = Pace(parts.store, parts.clock, keys.api_key, parts.limits.requests_per_second, LASTFM)
    asks = partial(client, keys=keys, on_date=time.note_reading)
    unpaced = asks()
    return ApiKey(pace, asks(pace=pace.turn), asks(pace=pace.spare_turn), unpaced.scrobble, unpaced)


async def _engine(store: Store, clock: Clock) -> Engine:
    """pgqueuer if processes share a database; not with a host's own clock, since pgqueuer uses the server's."""
    if store.one_process or not isinstance(clock, SystemClock):
        return EmbeddedEngine(clock, pause=PAUSE, slots=SLOTS)
    from tonearm.engine import postgres

    address = store.url.set(drivername="postgresql").render_as_string(hide_password=False)
    await postgres.prepare(address, ADVISORY_LOCK)
    return postgres.PostgresEngine(address, clock, slots=SLOTS)


async def _finish_erasing(deck: Deck, stop: asyncio.Event) -> None:
    """Finish an erasure that another process has begun; returns when it is done or this process stops."""
    finishing = asyncio.create_task(deck.personal_data.finish_erasing())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((finishing, stopping), return_when=asyncio.FIRST_COMPLETED)
    for task in (finishing, stopping):
        task.cancel()


def _others(wires: _Wires) -> Delivery[QueuedPlay, DestinationOutlet]:
    """The service that sends plays to other destinations."""
    parts, time = wires.parts, wires.time
    store, clock = parts.store, parts.clock
    leases = Leases(store, clock, processes.owner(), destination_queue.LINE)
    outbox = DestinationOutbox(clock, time, Restamp(clock, time), wires.outlets, wires.keyring.names)
    events, hints, engine = DestinationEvents(parts.event_hub), wires.hints, wires.engine

    def crowded(destination_id: int) -> bool:
        return engine.crowded(hints.kind(destination_id))

    return Delivery(store, clock, wires.outlets, hints.found, parts.seal, leases, events, outbox, crowded)


def _free_all(db: Connection) -> None:
    queue.free_all(db)
    destination_queue.free_all(db)


def _same_host(one: str, other: str) -> bool:
    return urlsplit(one).netloc.lower() == urlsplit(other).netloc.lower()


@dataclass(frozen=True, slots=True)
class _DueElsewhere:
    """The destinations of all accounts, and those that have plays or hearts to send, by the kind of job."""

    owners: Mapping[int, tuple[int, ...]]
    plays: Mapping[str, Sequence[int]]
    hearts: dict[str, list[int]]


async def _run(
    wires: _Wires,
    delivery: tuple[Delivery[QueuedPlay, ApiKey], Expiry],
    others: Delivery[QueuedPlay, DestinationOutlet],
    deck: Deck,
    stop: asyncio.Event,
) -> None:
    (delivering, expiry), delivery_kinds = delivery, wires.delivery_kinds

    async def deliver_to(destination_id: int) -> float | None:
        again_at = [await others.deliver(destination_id), await deck.destination_hearts.deliver(destination_id)]
        now = deck.clock.now()
        return min((at for at in again_at if at is not None and at <= now), default=None)  # later: the sweep finds it

    def due_at_destinations(db: Connection, now: float) -> _DueElsewhere:
        owners = destinations.owners(db)
        hearts = destination_hearts.due(db, now) if owners else {}
        return _DueElsewhere(owners, others.outbox.due(db, now), hearts)

    def found_at_destinations(due: _DueElsewhere) -> list[int]:
        wires.hints.seen(due.owners)
        plays, hearts = others.found(due.plays), due.hearts
        tried = [one for one in hearts.pop(destination_queue.FAILING, []) if one not in plays]
        wires.hints.found(destination_queue.FAILING, tried)  # each waits only for its own destination
        return list(dict.fromkeys([*plays, *chain(*hearts.values()), *tried]))

    imports, enriches, histories = deck.loved_import, deck.enrichment, deck.history_mirror
    run_handlers = {IMPORT: imports.continue_run, ENRICH: enriches.continue_run, HISTORY: histories.continue_run}
    handlers = {DELIVER: delivering.deliver, LOVE: deck.hearts.deliver} | run_handlers
    finders: dict[str, Finder[Any]] = {
        DELIVER: Finder(delivering.outbox.due, delivering.found, expiry.if_due),
        LOVE: Finder(deck.hearts.due, list),
        IMPORT: Finder(imports.due, list, imports.begin_hourly),
        ENRICH: Finder(enriches.due, list),
        HISTORY: Finder(histories.due, list, histories.begin_hourly),
    }
    if not wires.sends:  # without an API key, nothing can be requested from Last.fm
        handlers, finders = {}, {}
    handlers[DESTINATION] = deliver_to
    finders[DESTINATION] = Finder(due_at_destinations, found_at_destinations)
    guarded = {kind: deck.jobs.guarded(kind, handler) for kind, handler in handlers.items()}
    guarded[destination_queue.FAILING] = guarded[DESTINATION]
    if wires.sends:
        guarded |= dict.fromkeys(delivery_kinds.kinds.values(), guarded[DELIVER])

    async def due() -> list[tuple[str, int]]:
        found = await deck.jobs.due(finders)
        lanes = {DELIVER: delivery_kinds.of, DESTINATION: wires.hints.kind}
        return [(lanes[kind](key) if kind in lanes else kind, key) for kind, key in found]

    await deck.listening_clocks.resume()
    try:
        await wires.engine.run(guarded, due, stop)
    finally:
        await delivering.leases.ended()
        await others.leases.ended()
