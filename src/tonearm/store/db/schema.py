"""The tables. Times are Unix seconds UTC; durations are seconds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    and_,
    false,
    literal,
    null,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex

metadata = MetaData()

# SQLite gives row numbers only to a column of exactly this type, PostgreSQL wants the longer one.
Id = BigInteger().with_variant(Integer(), "sqlite")


def _account() -> Column[int]:
    return Column("account", Id, ForeignKey("account.id"), nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _integer(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def _time(name: str) -> Column[float]:
    return Column(name, Float(53), nullable=False, server_default="0")


def joined(*names: str) -> str:
    """SQL for the fingerprint of texts, which PostgreSQL stores in an index because the texts may be too long for one.
    No name contains U+001F, so no two lists of names give the same joined text.
    """
    return f"md5({' || chr(31) || '.join(names)})"


def _once(table: Table, name: str, numbers: tuple[str, ...], texts: tuple[str, ...]) -> None:
    """A uniqueness constraint over these columns."""
    columns = [table.c[column] for column in (*numbers, *texts)]
    table.append_constraint(UniqueConstraint(*columns, name=name).ddl_if(dialect="sqlite"))
    Index(name, *columns[: len(numbers)], text(joined(*texts)), unique=True).ddl_if(dialect="postgresql")


def _index(table: Table, name: str, *columns: str, where: ColumnElement[bool]) -> None:
    """An index of some rows only."""
    Index(name, *(table.c[column] for column in columns), sqlite_where=where)


@compiles(CreateIndex, "postgresql")
def _of_some_rows(create: CreateIndex, compiler: Any, **options: Any) -> str:
    """The same there: to name both in `Index` would load that dialect, which a SQLite file need not pay for."""
    index = create.element
    if index.table is not None and index.table.metadata is metadata:
        index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
    made: str = compiler.visit_create_index(create, **options)
    return made


account = Table(
    "account",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    _text("lastfm_username"),
    _text("lastfm_user"),  # the same, case folded: plays and sign-ins are compared by it
    _text("lastfm_session_key"),  # sealed
    _text("lastfm_api_key"),  # the one that the session was created with
    Column("lastfm_scrobbling_enabled", Boolean, nullable=False),
    Column("lastfm_scrobble_threshold", Integer, nullable=False),
    Column("connection", Text, nullable=False),
    _time("wait_until"),
    _integer("fails"),
    _integer("soft_failures"),
    _integer("throttle_level"),
    _time("answered_at"),
    _text("trouble"),
    Column("reporter", Text),  # the first player that reported a play; it may have no name
    Column("several_reporters", Boolean, nullable=False, server_default="0"),
    _integer("budget"),
    _time("budget_at"),
    _time("backlog_until"),
    _text("lease_owner"),
    _time("lease_until"),
    _integer("lease_id"),
    _time("created_at"),
    Column("summed_until", BigInteger, nullable=False, server_default="0"),  # months before this are summed up
    Column("mirror_at", Float(53)),  # when the history at Last.fm is imported next; None if only on request
    Column("has_destinations", Boolean, nullable=False, server_default=false()),
    Column("has_rules", Boolean, nullable=False, server_default=false()),  # or had any: `reported_name` may have rows
)
_index(account, "account_mirrored", "mirror_at", where=account.c.mirror_at.is_not(None))

token = Table(
    "token",
    metadata,
    Column("hash", Text, primary_key=True),
    _account(),
    Column("kind", Text, nullable=False),
    _time("created_at"),
    Column("expires_at", Float(53)),
)

login = Table(
    "login",
    metadata,
    Column("hash", Text, primary_key=True),  # of Last.fm's token (desktop) or of our one-time value (web)
    _account(),
    Column("flow", Text, nullable=False),
    Column("state", Text, nullable=False),
    _text("api_key"),  # the key that it was begun with
    _time("asked_at"),
)

loved_sync = Table(
    "loved_sync",  # how hearts are merged with Last.fm's, if a listener has chosen anything
    metadata,
    Column("account", Id, ForeignKey("account.id"), primary_key=True, autoincrement=False),
    Column("mirror_at", Float(53)),  # when that happens next; None if only on request
    Column("rule", Text, nullable=False, server_default="latest"),  # `core.hearts.ConflictRule`
)

viewer = Table(
    "viewer",  # who may see a listener's plays
    metadata,
    _account(),
    Column("viewer", Id, ForeignKey("account.id"), nullable=False),
    PrimaryKeyConstraint("account", "viewer"),
    Index("viewer_by_viewer", "viewer"),
)

player = Table(
    "player",
    metadata,
    Column("id", Id, primary_key=True),
    _account(),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("secret_hash", Text, nullable=False, unique=True),
    _text("secret_sealed"),  # the MD5 of the secret, which some protocols need; "" if it can't be decrypted any more
    _time("created_at"),
    Column("revoked_at", Float(53)),
    _time("heard_at"),
    _text("program"),  # the program that reported last
    _time("refused_at"),
    _text("refused_reason"),
    Column("trial", Boolean, nullable=False, server_default=false()),  # its plays are answered, but not saved
    UniqueConstraint("account", "name", name="player_once"),
)

player_session = Table(
    "player_session",  # sessions of players; a player may have several
    metadata,
    Column("hash", Text, primary_key=True),
    Column("player", Id, ForeignKey("player.id"), nullable=False),
    _text("protocol"),  # and for Audioscrobbler the client
    _time("created_at"),
    Index("player_session_by_player", "player", "created_at"),
)

player_user = Table(
    "player_user",  # which user of a media server is which listener
    metadata,
    Column("player", Id, ForeignKey("player.id"), nullable=False),
    Column("their_user", Text, nullable=False),  # case folded
    _account(),
    PrimaryKeyConstraint("player", "their_user"),
)

app_key = Table(
    "app_key",  # API keys issued by this service, each for a player
    metadata,
    Column("api_key", Text, primary_key=True),
    Column("player", Id, ForeignKey("player.id"), nullable=False),
    _account(),
    Column("secret_sealed", Text, nullable=False),
)

approval = Table(
    "approval",  # programs that ask to report for somebody, until they fetch their session
    metadata,
    Column("hash", Text, primary_key=True),  # of the token
    _text("program"),
    _time("asked_at"),
    Column("player", Id, ForeignKey("player.id")),  # the player that it may report as; None until a listener allows it
    Index("approval_by_age", "asked_at"),
)

device_clock = Table(
    "device_clock",  # what devices play through media servers, and how much of it was heard
    metadata,
    Column("player", Id, ForeignKey("player.id"), nullable=False),
    _account(),
    Column("their_user", Text, nullable=False),
    Column("device", Text, nullable=False),
    _text("program"),
    _text("device_name"),
    _time("at"),  # of the last notice
    Column("ended", Boolean, nullable=False),
    Column("clock", JSON, nullable=False),
    _integer("version"),  # raised by each notice
    PrimaryKeyConstraint("player", "account", "their_user", "device"),
)
_index(device_clock, "device_clock_open", "at", where=~device_clock.c.ended)

heart = Table(
    "heart",  # what is loved here and at Last.fm: the latest change of each track, and what Last.fm doesn't have yet
    metadata,
    Column("id", Id, primary_key=True),
    _account(),
    Column("artist", Text, nullable=False),
    Column("track", Text, nullable=False),
    Column("artist_key", Text, nullable=False),  # `core.hearts.heart_key`
    Column("track_key", Text, nullable=False),
    Column("recording", Text, nullable=False),  # an MBID, or an id of ours, if no names are known; "" otherwise
    _text("mbid"),
    Column("loved", Boolean, nullable=False),
    _time("said_at"),
    Column("player", Id),  # as with plays
    _text("owner"),  # the Last.fm user that it is for, case folded; "" if nobody was signed in
    Column("there", Boolean),  # the state at that user's Last.fm, as far as is known
    _time("loved_there_at"),  # only a love that Last.fm dates later was given there since
    Column("walk", Id, nullable=False, server_default="0"),  # the import during which it was changed
    Column("listed_in", Id, nullable=False, server_default="0"),  # the last import that has listed it
    _text("state"),  # waiting, sending or rejected; "" if there is nothing to send
    _integer("tries"),
    _integer("refusals"),
    _time("due_at"),
    _text("reason"),  # why it waits or was rejected
)
_once(heart, "heart_once", ("account",), ("artist_key", "track_key", "recording"))
_index(heart, "heart_owed", "account", "due_at", where=heart.c.state != literal("", literal_execute=True))
HEART_LISTED = and_(heart.c.loved == true(), heart.c.recording == literal("", literal_execute=True))
"""What is listed as loved, as the index has it."""
_index(heart, "heart_listed", "account", "said_at", "id", where=HEART_LISTED)


def _frozen() -> list[Column[Any]]:
    """The facts of a play, as they were when it was reported."""
    return [
        Column("artist", Text, nullable=False),
        Column("track", Text, nullable=False),
        Column("timestamp", BigInteger, nullable=False),
        _text("album"),
        _text("album_artist"),
        Column("track_number", Integer),
        _text("mbid"),
        Column("duration", Float(53)),
        Column("played", Float(53), nullable=False),
        Column("chosen_by_user", Boolean, nullable=False),
    ]


play = Table(
    "play",
    metadata,
    Column("id", Id, primary_key=True),
    _account(),
    *_frozen(),
    _text("counted_reason"),  # whether it counted, in words
    Column("reported_timestamp", BigInteger, nullable=False),  # the start before it was corrected
    _text("restamp_reason"),  # why the start was corrected
    _integer("restamped_by"),  # the part of the correction due to our wrong clock, in seconds
    _text("left_out"),  # optional fields that could not be read
    _text("owner"),  # the Last.fm user it was reported for, case folded; "" if nobody was signed in
    _text("reporter"),
    Column("fate", Text, nullable=False),
    _text("reason"),
    Column("code", Integer),
    Column("correction", JSON(none_as_null=True)),
    _time("reported_at"),
    Column("settled_at", Float(53)),
    Column("unanswered", Boolean, nullable=False, server_default=false()),  # an answer was lost or inconclusive
    Column("instead_of", Id),  # the play that the listener has replaced by this one, with other names
    Column("counted", Boolean, nullable=False, server_default=true()),  # by the listener's rule, or sent by hand
    Column("player", Id),  # the player that reported it, None for a program with an API token
    _text("searched"),  # its names in the form used by search: `core.search`
    Column("import_id", Id),  # the import that added it, None for a report
    Column("precision", Integer),  # precision of its start in seconds, None for one second
    Column("stamp", Text),  # the moment that its source names: end or unknown, None for the start
    Column("earliest", BigInteger),  # when it may have begun already, if it was paused, None if its source doesn't say
)
# Each play is written twice, with each index. So only the queue's indexes contain what waits, and a start that was not
# corrected is found by the index of starts.
_index(
    play, "play_by_reported_start", "account", "reported_timestamp", where=play.c.reported_timestamp != play.c.timestamp
)
_index(play, "play_corrected", "account", where=play.c.correction.is_not(null()))
_index(play, "play_by_fate", "account", "fate", "settled_at", where=play.c.settled_at.is_not(None))
_index(play, "play_by_fate_and_start", "account", "fate", "timestamp", "id", where=play.c.settled_at.is_not(None))
_index(play, "play_replaced", "account", "instead_of", where=play.c.instead_of.is_not(None))
_index(play, "play_skipped", "account", "timestamp", where=~play.c.counted)
_once(play, "play_once", ("account", "timestamp"), ("artist", "track"))  # in this order it finds times, too

scrobble_queue = Table(
    "scrobble_queue",
    metadata,
    # Both as in the history, whose row this one is copied from: `queue.enqueue`. Foreign keys would cost a look-up
    # each.
    Column("id", Id, nullable=False, autoincrement=False),
    Column("account", Id, nullable=False),
    *_frozen(),
    Column("owner", Text, nullable=False),  # the Last.fm user it was reported for: never sent to another
    Column("live", Boolean, nullable=False),  # reported while it was played
    Column("state", Text, nullable=False),
    _integer("retry_count"),
    _time("next_attempt_at"),
    _text("last_error"),
    _integer("batch"),
    Column("split_group", Id, nullable=False, server_default="0"),
    _time("split_at"),  # when the first of these refusals with the latest reason was
    _integer("too_new"),
    _integer("refusals"),  # counts requests with this play alone, since there was last an answer for it
    _time("enqueued_at"),
    # The steady counter and the boot of the machine at the report, if Last.fm's time was not known then.
    Column("counter", Float(53)),
    _text("boot"),
    PrimaryKeyConstraint("account", "id"),
    Index("scrobble_queue_by_start", "account", "timestamp", "id"),
    sqlite_with_rowid=False,  # an account's rows lie together, so that a batch is on few pages
)
# A batch is read in this order, and the index alone answers which accounts have something to send.
Index(
    "scrobble_queue_by_turn",
    scrobble_queue.c.account,
    scrobble_queue.c.state,
    scrobble_queue.c.owner,
    scrobble_queue.c.live.desc(),
    scrobble_queue.c.timestamp,
    scrobble_queue.c.id,
    scrobble_queue.c.next_attempt_at,
)

destination = Table(
    "destination",  # other services that a listener's plays are sent to; Last.fm's own state is on the account
    metadata,
    Column("id", Id, primary_key=True),
    _account(),
    Column("kind", Text, nullable=False),  # `core.destination.Kind`
    Column("url", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("user_folded", Text, nullable=False),  # the same, case folded
    _text("secret_sealed"),  # "" once it is removed
    _text("pace_key"),  # its row in `pace`: kind, address and a hash of the secret
    Column("policy", JSON, nullable=False),  # `core.policy.Policy`
    _time("created_at"),
    Column("paused_at", Float(53)),  # by its listener
    Column("removed_at", Float(53)),  # what it has received is still known, in case it is added again
    Column("backlog_at", BigInteger),  # how far the history is queued, if it was requested; None once all of it is
    Column("backlog_id", Id, nullable=False, server_default="0"),
    Column("backlog_last", Id, nullable=False, server_default="0"),  # the last play of the history then
    # As on the account.
    Column("connection", Text, nullable=False),
    _time("wait_until"),
    _integer("fails"),
    _integer("soft_failures"),
    _integer("throttle_level"),
    _time("answered_at"),
    _text("trouble"),
    _integer("budget"),
    _time("budget_at"),
    _time("backlog_until"),
    _text("lease_owner"),
    _time("lease_until"),
    _integer("lease_id"),
)
_once(destination, "destination_once", ("account",), ("kind", "url", "user_folded"))

destination_heart = Table(
    "destination_heart",  # the latest change of each track, sent or to be sent to a destination
    metadata,
    Column("id", Id, primary_key=True),
    Column("destination", Id, ForeignKey("destination.id"), nullable=False),
    Column("artist", Text, nullable=False),
    Column("track", Text, nullable=False),
    Column("artist_key", Text, nullable=False),  # `core.hearts.heart_key`
    Column("track_key", Text, nullable=False),
    Column("recording", Text, nullable=False),  # as of `heart`
    _text("mbid"),
    Column("loved", Boolean, nullable=False),
    _time("said_at"),
    _text("state"),  # waiting, sending or rejected; "" once the destination has it
    _integer("tries"),
    _integer("refusals"),
    _time("due_at"),
    _text("reason"),  # why it waits or was rejected
)
_once(destination_heart, "destination_heart_once", ("destination",), ("artist_key", "track_key", "recording"))
_owed_there = destination_heart.c.state != literal("", literal_execute=True)
_index(destination_heart, "destination_heart_owed", "destination", "due_at", where=_owed_there)

destination_queue = Table(
    "destination_queue",  # the plays that wait for a destination, as they are sent to it
    metadata,
    Column("destination", Id, ForeignKey("destination.id"), nullable=False),
    Column("id", Id, nullable=False, autoincrement=False),  # of the play
    Column("account", Id, nullable=False),
    *_frozen(),
    Column("live", Boolean, nullable=False),  # reported while it was played
    Column("state", Text, nullable=False),
    _integer("retry_count"),
    _time("next_attempt_at"),
    _text("last_error"),
    _integer("batch"),
    Column("split_group", Id, nullable=False, server_default="0"),
    _time("split_at"),
    _integer("too_new"),
    _integer("refusals"),
    _time("enqueued_at"),
    Column("counter", Float(53)),
    _text("boot"),
    Column("unanswered", Boolean, nullable=False, server_default=false()),  # an answer was lost
    PrimaryKeyConstraint("destination", "id"),
    sqlite_with_rowid=False,
)
Index(
    "destination_queue_by_turn",
    destination_queue.c.destination,
    destination_queue.c.state,
    destination_queue.c.live.desc(),
    destination_queue.c.timestamp,
    destination_queue.c.id,
    destination_queue.c.next_attempt_at,
)

delivery = Table(
    "delivery",  # what happened to a play at a destination, once that is known
    metadata,
    Column("destination", Id, ForeignKey("destination.id"), nullable=False),
    Column("play", Id, nullable=False, autoincrement=False),
    Column("fate", Text, nullable=False),
    _text("reason"),
    Column("code", Integer),
    Column("correction", JSON(none_as_null=True)),
    _time("settled_at"),
    _integer("attempts"),  # failed attempts before that
    Column("sent", JSON(none_as_null=True)),  # the play's facts as they were sent, if it may be there
    PrimaryKeyConstraint("destination", "play"),
    sqlite_with_rowid=False,
)
_index(
    delivery,
    "delivery_not_accepted",
    "destination",
    "fate",
    "settled_at",
    where=delivery.c.fate != literal("accepted", literal_execute=True),
)

attempt = Table(
    "attempt",  # a request in which not all plays were accepted
    metadata,
    Column("id", Id, primary_key=True),
    _account(),
    _time("at"),
    Column("verdict", Text, nullable=False),
    Column("error_code", Integer),
    _text("message"),
    Index("attempt_by_age", "at"),
)

attempt_play = Table(
    "attempt_play",  # the plays of an attempt
    metadata,
    Column("play", Id, ForeignKey("play.id"), primary_key=True),
    Column("attempt", Id, ForeignKey("attempt.id"), primary_key=True),
    Index("attempt_play_by_attempt", "attempt"),
)

library = Table(
    "library",
    metadata,
    Column("id", Id, primary_key=True),
    _account(),
    Column("path", Text, nullable=False),
    Column("artist", Text, nullable=False),  # the credit as it is shown: "Alice & Bob"
    Column("artists", JSON(none_as_null=True)),  # the names in it, if the file lists them: ["Alice", "Bob"]
    Column("title", Text, nullable=False),
    _text("album"),
    _text("album_artist"),
    Column("duration", Float(53)),
    Column("track_number", Integer),
    _text("mbid"),
    Column("lastfm_loved", Boolean, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("ctime_ns", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    _text("unreadable_reason"),
    Column("keyed", Boolean, nullable=False, server_default=false()),  # whether `library_key` has its keys
)
_once(library, "library_path_once", ("account",), ("path",))
_index(library, "library_unkeyed", "account", where=~library.c.keyed)
_index(
    library,
    "library_readable",
    "account",
    where=library.c.unreadable_reason == literal("", literal_execute=True),
)

library_key = Table(
    "library_key",  # files by the keys of their names: `core.name_keys`. A change of the keys makes all files unkeyed
    metadata,
    _account(),
    Column("key", BigInteger, nullable=False),
    Column("file", Id, nullable=False, autoincrement=False),
    PrimaryKeyConstraint("account", "key", "file"),
    Index("library_key_by_file", "file"),
    sqlite_with_rowid=False,
)

song = Table(
    "song",  # what Last.fm knows about the songs of libraries, by the names in their files; no listener's own
    metadata,
    Column("id", Id, primary_key=True),
    Column("artist", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("known", Boolean, nullable=False),
    _text("mbid"),
    _text("artist_mbid"),
    _text("album_mbid"),
    Column("listeners", BigInteger),
    Column("playcount", BigInteger),
    Column("tags", JSON),
    _time("fetched_at"),
    UniqueConstraint("artist", "title", name="song_once").ddl_if(dialect="sqlite"),
    Index("song_once", text(joined("artist", "title")), unique=True).ddl_if(dialect="postgresql"),
)

loved = Table(
    "loved",
    metadata,
    Column("id", Id, primary_key=True),
    _account(),
    Column("artist", Text, nullable=False),
    Column("track", Text, nullable=False),
    _text("mbid"),
    _time("loved_at"),
    Column("outcome", Text, nullable=False),
    Column("candidates", JSON),  # of a doubtful match: [id, doubt] each, the most likely first
    Column("chosen", Id),  # the listener's choice, 0 for none of them
    Column("last_import", Id, nullable=False, server_default="0"),  # the last import in which it was listed
    Column("artist_key", BigInteger),  # `core.name_keys.learning_key`, None if it is not known yet
    Index("loved_by_artist", "account", "artist_key"),
    Index("loved_by_outcome", "account", "outcome", "loved_at", "id"),  # read backwards
)
_once(loved, "loved_once", ("account",), ("artist", "track"))
_index(loved, "loved_chosen", "account", where=loved.c.chosen.is_not(None))

job_run = Table(
    "job_run",
    metadata,
    Column("id", Id, primary_key=True),
    _account(),
    Column("kind", Text, nullable=False),
    _text("owner"),  # the Last.fm user whose list it reads, case folded
    Column("state", Text, nullable=False),
    _integer("cursor"),
    _integer("done"),
    _integer("total"),
    Column("counts", JSON),
    _text("failure"),
    Column("error_code", Integer),  # Last.fm's error code
    _time("started_at"),
    _time("updated_at"),
    Index("job_run_by_account", "account", "kind"),
)
_running = job_run.c.state == literal("running", literal_execute=True)
Index("job_run_running", job_run.c.account, job_run.c.kind, unique=True, sqlite_where=_running)

pace = Table(
    "pace",
    metadata,
    Column("key", Text, primary_key=True),  # one row per API key, and `destination.pace_key`
    _time("tat"),
    _time("throttle_until"),
    _text("throttle_reason"),
    Column("throttle_refused", Boolean, nullable=False),
    _integer("throttle_level"),
    _time("throttle_since"),
    Column("throttle_outage", Boolean, nullable=False, server_default=false()),  # several accounts met the same outage
    _text("outage_accounts"),  # the accounts that have met it since the last answer
    _time("probed_at"),  # when a listener requested a probe by hand
)

history_import = Table(
    "history_import",  # imports of past plays, so that each can be undone
    metadata,
    Column("id", Id, primary_key=True),
    _account(),
    Column("source", Text, nullable=False),  # the kind of file, or Last.fm
    _text("name"),  # of the files, or the Last.fm user
    _text("digest"),  # a hash of the files: after an interruption, an import of the same files continues
    Column("state", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("first_play", Id, nullable=False, server_default="0"),  # all of its plays have ids above this one
    _time("started_at"),
    _time("updated_at"),
    Index("history_import_by_account", "account", "id"),
)

import_share = Table(
    "import_share",  # plays added by another import that an import of a Last.fm user has found as well
    metadata,
    Column("import_id", Id, nullable=False, autoincrement=False),
    Column("play", Id, nullable=False, autoincrement=False),
    PrimaryKeyConstraint("import_id", "play"),
    Index("import_share_by_play", "play"),
    sqlite_with_rowid=False,
)


def _names() -> list[Column[bytes]]:
    """`core.figures.NameCounts`, packed."""
    return [Column(name, LargeBinary) for name in ("artists", "albums", "tracks")]


month_summary = Table(
    "month_summary",  # sums of a month's plays (UTC); writing a play into the month makes it stale
    metadata,
    _account(),
    Column("month", Integer, nullable=False),  # `core.figures.month_of`
    Column("stamp", BigInteger, nullable=False),  # of the sum, or of the process that is computing it; 0 if it is stale
    Column("made", Boolean, nullable=False),
    Column("until", BigInteger, nullable=False),  # the end of the month, or of yesterday for the current one
    *(_integer(name) for name in ("plays", "heard", "untimed", "skipped")),
    Column("sessions", JSON),  # `core.figures.Sessions`
    PrimaryKeyConstraint("account", "month"),
)

month_part = Table(
    "month_part",  # the long parts of the months' summaries, one per row, so that each can be read alone
    metadata,
    _account(),
    Column("part", Text, nullable=False),  # artists, albums, tracks (`NameCounts`), quarters, hours (`Quarters`)
    Column("month", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("account", "part", "month"),
)

year_summary = Table(
    "year_summary",  # the names of a whole year, or of all months
    metadata,
    _account(),
    Column("year", Integer, nullable=False),  # 0 for all
    Column("made_of", Text, nullable=False),  # the months that it is made from, with their stamps
    *_names(),
    PrimaryKeyConstraint("account", "year"),
)

renamed_name = Table(
    "renamed_name",  # names that a listener has merged or renamed, only for figures: plays that were sent don't change
    metadata,
    _account(),
    Column("kind", Text, nullable=False),
    Column("spellings", BigInteger, nullable=False),  # the number of all spellings of the name: `core.figures.numbers`
    Column("artist", Text, nullable=False),
    _text("title"),
    Column("to_artist", Text, nullable=False),
    _text("to_title"),
    _time("renamed_at"),
    PrimaryKeyConstraint("account", "kind", "spellings"),
)

edit_rule = Table(
    "edit_rule",  # a listener's rules: edits made every time, before plays are queued: `core.edit_rules`
    metadata,
    Column("id", Id, primary_key=True),
    _account(),
    Column("scope", Text, nullable=False),
    Column("artist", Text, nullable=False),
    Column("track", Text, nullable=False),
    _text("album"),
    _text("album_artist"),
    Column("to_artist", Text, nullable=False),
    Column("to_track", Text, nullable=False),
    _text("to_album"),
    _text("to_album_artist"),
    _time("made_at"),
    Index("edit_rule_by_account", "account", "id"),
    sqlite_autoincrement=True,  # ids aren't reused, so that a page that is still open can't undo another rule
)

reported_name = Table(
    "reported_name",  # the names that players sent, for plays that rules have changed
    metadata,
    Column("play", Id, primary_key=True, autoincrement=False),
    Column("account", Id, nullable=False, autoincrement=False),
    Column("timestamp", BigInteger, nullable=False),  # the start as it was reported
    Column("artist", Text, nullable=False),
    Column("track", Text, nullable=False),
    _text("album"),
    _text("album_artist"),
    Index("reported_name_by_start", "account", "timestamp"),
)

summary_name = Table(
    "summary_name",  # the names in summaries, by number
    metadata,
    _account(),
    Column("spelling", BigInteger, nullable=False),
    Column("artist", Text, nullable=False),
    _text("title"),
    PrimaryKeyConstraint("account", "spelling"),
)

erasure = Table(
    "erasure",  # listeners whose plays are being erased in parts: up to this id
    metadata,
    Column("account", Id, ForeignKey("account.id"), primary_key=True, autoincrement=False),
    Column("last_play_id", Id, nullable=False),
)

periodic_task = Table(
    "periodic_task",  # periodic tasks, each done by one of all processes
    metadata,
    Column("name", Text, primary_key=True),
    _time("done_at"),
)

paused_kind = Table(
    "paused_kind",  # paused kinds of jobs
    metadata,
    Column("kind", Text, primary_key=True),
    _time("since"),
)

secret_check = Table(
    "secret_check",  # proves which secret the sessions are encrypted with: one row
    metadata,
    Column("name", Text, primary_key=True),
    Column("nonce", Text, nullable=False),
    Column("digest", Text, nullable=False),
)

job_failure = Table(
    "job_failure",  # jobs that failed, and when they are retried
    metadata,
    Column("kind", Text, nullable=False),
    Column("account", Id, nullable=False, autoincrement=False),  # for kind `destination`, the destination's id
    _integer("tries"),
    _time("at"),
    _time("retry_at"),
    _text("message"),
    PrimaryKeyConstraint("kind", "account"),
)

_EVERY_TABLE = union_all(*(select(literal(1)).select_from(one).where(false()) for one in metadata.sorted_tables))


def every_table(db: Connection) -> None:
    """Return if every table is there; otherwise raises the database's error."""
    db.execute(_EVERY_TABLE)
