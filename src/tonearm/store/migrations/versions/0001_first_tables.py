"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT, FLOAT, INTEGER, BIG = sa.Text(), sa.Float(precision=53), sa.Integer(), sa.BigInteger()
BOOLEAN, JSON, BINARY = sa.Boolean(), sa.JSON(), sa.LargeBinary()


def column(name: str, kind: sa.types.TypeEngine[Any], default: Any = None) -> sa.Column[Any]:
    return sa.Column(name, kind, server_default=default, nullable=False)


def maybe(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def on_postgres() -> bool:
    return op.get_context().dialect.name == "postgresql"


def once(name: str, *columns: str) -> list[sa.UniqueConstraint]:
    return [] if on_postgres() else [sa.UniqueConstraint(*columns, name=name)]


def index_some(name: str, table: str, columns: list[str], where: str) -> None:
    rows = sa.text(where)
    op.create_index(name, table, columns, unique=False, sqlite_where=rows, postgresql_where=rows)


def upgrade() -> None:
    op.create_table(
        "account",
        column("id", ID),
        column("name", TEXT),
        column("lastfm_username", TEXT, ""),
        column("lastfm_user", TEXT, ""),
        column("lastfm_session_key", TEXT, ""),
        column("lastfm_api_key", TEXT, ""),
        column("lastfm_scrobbling_enabled", BOOLEAN),
        column("lastfm_scrobble_threshold", INTEGER),
        column("connection", TEXT),
        column("wait_until", FLOAT, "0"),
        column("fails", INTEGER, "0"),
        column("soft_failures", INTEGER, "0"),
        column("throttle_level", INTEGER, "0"),
        column("answered_at", FLOAT, "0"),
        column("trouble", TEXT, ""),
        maybe("reporter", TEXT),
        column("several_reporters", BOOLEAN, "0"),
        column("budget", INTEGER, "0"),
        column("budget_at", FLOAT, "0"),
        column("backlog_until", FLOAT, "0"),
        column("lease_owner", TEXT, ""),
        column("lease_until", FLOAT, "0"),
        column("lease_id", INTEGER, "0"),
        column("created_at", FLOAT, "0"),
        column("summed_until", BIG, "0"),
        maybe("mirror_at", FLOAT),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    index_some("account_mirrored", "account", ["mirror_at"], "mirror_at IS NOT NULL")
    op.create_table(
        "pace",
        column("key", TEXT),
        column("tat", FLOAT, "0"),
        column("throttle_until", FLOAT, "0"),
        column("throttle_reason", TEXT, ""),
        column("throttle_refused", BOOLEAN),
        column("throttle_level", INTEGER, "0"),
        column("throttle_since", FLOAT, "0"),
        column("throttle_outage", BOOLEAN, sa.false()),
        column("outage_accounts", TEXT, ""),
        column("probed_at", FLOAT, "0"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "song",
        column("id", ID),
        column("artist", TEXT),
        column("title", TEXT),
        column("known", BOOLEAN),
        column("mbid", TEXT, ""),
        column("artist_mbid", TEXT, ""),
        column("album_mbid", TEXT, ""),
        maybe("listeners", BIG),
        maybe("playcount", BIG),
        maybe("tags", JSON),
        column("fetched_at", FLOAT, "0"),
        sa.PrimaryKeyConstraint("id"),
        *once("song_once", "artist", "title"),
    )
    op.create_table(
        "attempt",
        column("id", ID),
        column("account", ID),
        column("at", FLOAT, "0"),
        column("verdict", TEXT),
        maybe("error_code", INTEGER),
        column("message", TEXT, ""),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("attempt_by_age", "attempt", ["at"], unique=False)
    op.create_table(
        "library",
        column("id", ID),
        column("account", ID),
        column("path", TEXT),
        column("artist", TEXT),
        maybe("artists", JSON),
        column("title", TEXT),
        column("album", TEXT, ""),
        column("album_artist", TEXT, ""),
        maybe("duration", FLOAT),
        maybe("track_number", INTEGER),
        column("mbid", TEXT, ""),
        column("lastfm_loved", BOOLEAN),
        column("mtime_ns", BIG),
        column("ctime_ns", BIG),
        column("size", BIG),
        column("unreadable_reason", TEXT, ""),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
        *once("library_path_once", "account", "path"),
    )
    op.create_table(
        "login",
        column("hash", TEXT),
        column("account", ID),
        column("flow", TEXT),
        column("state", TEXT),
        column("api_key", TEXT, ""),
        column("asked_at", FLOAT, "0"),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "loved",
        column("id", ID),
        column("account", ID),
        column("artist", TEXT),
        column("track", TEXT),
        column("mbid", TEXT, ""),
        column("loved_at", FLOAT, "0"),
        column("outcome", TEXT),
        maybe("candidates", JSON),
        maybe("chosen", ID),
        column("last_import", ID, "0"),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
        *once("loved_once", "account", "artist", "track"),
    )
    op.create_table(
        "play",
        column("id", ID),
        column("account", ID),
        column("artist", TEXT),
        column("track", TEXT),
        column("timestamp", BIG),
        column("album", TEXT, ""),
        column("album_artist", TEXT, ""),
        maybe("track_number", INTEGER),
        column("mbid", TEXT, ""),
        maybe("duration", FLOAT),
        column("played", FLOAT),
        column("chosen_by_user", BOOLEAN),
        column("counted_reason", TEXT, ""),
        column("reported_timestamp", BIG),
        column("restamp_reason", TEXT, ""),
        column("restamped_by", INTEGER, "0"),
        column("left_out", TEXT, ""),
        column("owner", TEXT, ""),
        column("reporter", TEXT, ""),
        column("fate", TEXT),
        column("reason", TEXT, ""),
        maybe("code", INTEGER),
        maybe("correction", JSON),
        column("reported_at", FLOAT, "0"),
        maybe("settled_at", FLOAT),
        column("unanswered", BOOLEAN, sa.false()),
        maybe("instead_of", ID),
        column("counted", BOOLEAN, sa.true()),
        maybe("player", ID),
        column("searched", TEXT, ""),
        maybe("import_id", ID),
        maybe("precision", INTEGER),
        maybe("stamp", TEXT),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
        *once("play_once", "account", "timestamp", "artist", "track"),
    )
    index_some("play_by_reported_start", "play", ["account", "reported_timestamp"], "reported_timestamp != timestamp")
    index_some("play_corrected", "play", ["account"], "correction IS NOT NULL")
    index_some("play_by_fate", "play", ["account", "fate", "settled_at"], "settled_at IS NOT NULL")
    index_some("play_replaced", "play", ["account", "instead_of"], "instead_of IS NOT NULL")
    index_some("play_skipped", "play", ["account", "timestamp"], "NOT counted" if on_postgres() else "counted = 0")
    index_some("play_by_fate_and_start", "play", ["account", "fate", "timestamp", "id"], "settled_at IS NOT NULL")
    op.create_table(
        "history_import",
        column("id", ID),
        column("account", ID),
        column("source", TEXT),
        column("name", TEXT, ""),
        column("digest", TEXT, ""),
        column("state", TEXT),
        column("counts", JSON),
        column("first_play", ID, "0"),
        column("started_at", FLOAT, "0"),
        column("updated_at", FLOAT, "0"),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("history_import_by_account", "history_import", ["account", "id"], unique=False)
    op.create_table(
        "month_summary",
        column("account", ID),
        column("month", INTEGER),
        column("stamp", BIG),
        column("made", BOOLEAN),
        column("until", BIG),
        column("plays", INTEGER, "0"),
        column("heard", INTEGER, "0"),
        column("untimed", INTEGER, "0"),
        column("skipped", INTEGER, "0"),
        maybe("sessions", JSON),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("account", "month"),
    )
    op.create_table(
        "month_part",
        column("account", ID),
        column("part", TEXT),
        column("month", INTEGER),
        column("data", BINARY),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("account", "part", "month"),
    )
    op.create_table(
        "year_summary",
        column("account", ID),
        column("year", INTEGER),
        column("made_of", TEXT),
        maybe("artists", BINARY),
        maybe("albums", BINARY),
        maybe("tracks", BINARY),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("account", "year"),
    )
    op.create_table(
        "summary_name",
        column("account", ID),
        column("spelling", BIG),
        column("artist", TEXT),
        column("title", TEXT, ""),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("account", "spelling"),
    )
    op.create_table(
        "job_run",
        column("id", ID),
        column("account", ID),
        column("kind", TEXT),
        column("owner", TEXT, ""),
        column("state", TEXT),
        column("cursor", INTEGER, "0"),
        column("done", INTEGER, "0"),
        column("total", INTEGER, "0"),
        maybe("counts", JSON),
        column("failure", TEXT, ""),
        maybe("error_code", INTEGER),
        column("started_at", FLOAT, "0"),
        column("updated_at", FLOAT, "0"),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("job_run_by_account", "job_run", ["account", "kind"], unique=False)
    running = sa.text("state = 'running'")
    op.create_index(
        "job_run_running", "job_run", ["account", "kind"], unique=True, sqlite_where=running, postgresql_where=running
    )
    op.create_table(
        "token",
        column("hash", TEXT),
        column("account", ID),
        column("kind", TEXT),
        column("created_at", FLOAT, "0"),
        maybe("expires_at", FLOAT),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "scrobble_queue",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        column("account", ID),
        column("artist", TEXT),
        column("track", TEXT),
        column("timestamp", BIG),
        column("album", TEXT, ""),
        column("album_artist", TEXT, ""),
        maybe("track_number", INTEGER),
        column("mbid", TEXT, ""),
        maybe("duration", FLOAT),
        column("played", FLOAT),
        column("chosen_by_user", BOOLEAN),
        column("owner", TEXT),
        column("live", BOOLEAN),
        column("state", TEXT),
        column("retry_count", INTEGER, "0"),
        column("next_attempt_at", FLOAT, "0"),
        column("last_error", TEXT, ""),
        column("batch", INTEGER, "0"),
        column("split_group", ID, "0"),
        column("split_at", FLOAT, "0"),
        column("too_new", INTEGER, "0"),
        column("refusals", INTEGER, "0"),
        column("enqueued_at", FLOAT, "0"),
        maybe("counter", FLOAT),
        column("boot", TEXT, ""),
        sa.PrimaryKeyConstraint("account", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("scrobble_queue_by_start", "scrobble_queue", ["account", "timestamp", "id"], unique=False)
    op.create_index(
        "scrobble_queue_by_turn",
        "scrobble_queue",
        ["account", "state", "owner", sa.literal_column("live DESC"), "timestamp", "id", "next_attempt_at"],
        unique=False,
    )
    op.create_table(
        "attempt_play",
        column("play", ID),
        column("attempt", ID),
        sa.ForeignKeyConstraint(["attempt"], ["attempt.id"]),
        sa.ForeignKeyConstraint(["play"], ["play.id"]),
        sa.PrimaryKeyConstraint("play", "attempt"),
    )
    op.create_index("attempt_play_by_attempt", "attempt_play", ["attempt"], unique=False)
    if on_postgres():
        names = "md5(artist || chr(31) || track)"
        op.execute(f"CREATE UNIQUE INDEX play_once ON play (account, timestamp, {names})")
        op.execute("CREATE UNIQUE INDEX song_once ON song (md5(artist || chr(31) || title))")
        op.execute("CREATE UNIQUE INDEX library_path_once ON library (account, md5(path))")
        op.execute(f"CREATE UNIQUE INDEX loved_once ON loved (account, {names})")
        op.execute("ALTER TABLE account SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)")
        op.execute("ALTER TABLE pace SET (fillfactor = 10)")
        op.execute(
            "ALTER TABLE scrobble_queue SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02,"
            " autovacuum_analyze_scale_factor = 0.02)"
        )
        op.execute(
            "ALTER TABLE play SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05,"
            " autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)"
        )
    op.create_table(
        "erasure",
        sa.Column("account", ID, autoincrement=False, nullable=False),
        column("last_play_id", ID),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "periodic_task",
        column("name", TEXT),
        column("done_at", FLOAT, "0"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "paused_kind",
        column("kind", TEXT),
        column("since", FLOAT, "0"),
        sa.PrimaryKeyConstraint("kind"),
    )
    op.create_table(
        "secret_check",
        column("name", TEXT),
        column("nonce", TEXT),
        column("digest", TEXT),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "job_failure",
        column("kind", TEXT),
        column("account", ID),
        column("tries", INTEGER, "0"),
        column("at", FLOAT, "0"),
        column("retry_at", FLOAT, "0"),
        column("message", TEXT, ""),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("kind", "account"),
    )
    _players()


def _players() -> None:
    """Players, and what they have reported beside plays."""
    op.create_table(
        "player",
        column("id", ID),
        column("account", ID),
        column("name", TEXT),
        column("kind", TEXT),
        column("secret_hash", TEXT),
        column("secret_sealed", TEXT, ""),
        column("created_at", FLOAT, "0"),
        maybe("revoked_at", FLOAT),
        column("heard_at", FLOAT, "0"),
        column("program", TEXT, ""),
        column("refused_at", FLOAT, "0"),
        column("refused_reason", TEXT, ""),
        column("trial", BOOLEAN, sa.false()),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "name", name="player_once"),
        sa.UniqueConstraint("secret_hash"),
    )
    op.create_table(
        "player_session",
        column("hash", TEXT),
        column("player", ID),
        column("protocol", TEXT, ""),
        column("created_at", FLOAT, "0"),
        sa.ForeignKeyConstraint(["player"], ["player.id"]),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("player_session_by_player", "player_session", ["player", "created_at"], unique=False)
    op.create_table(
        "player_user",
        column("player", ID),
        column("their_user", TEXT),
        column("account", ID),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.ForeignKeyConstraint(["player"], ["player.id"]),
        sa.PrimaryKeyConstraint("player", "their_user"),
    )
    op.create_table(
        "app_key",
        column("api_key", TEXT),
        column("player", ID),
        column("account", ID),
        column("secret_sealed", TEXT),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.ForeignKeyConstraint(["player"], ["player.id"]),
        sa.PrimaryKeyConstraint("api_key"),
    )
    op.create_table(
        "approval",
        column("hash", TEXT),
        column("program", TEXT, ""),
        column("asked_at", FLOAT, "0"),
        maybe("player", ID),
        sa.ForeignKeyConstraint(["player"], ["player.id"]),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("approval_by_age", "approval", ["asked_at"], unique=False)
    op.create_table(
        "device_clock",
        column("player", ID),
        column("account", ID),
        column("their_user", TEXT),
        column("device", TEXT),
        column("program", TEXT, ""),
        column("device_name", TEXT, ""),
        column("at", FLOAT, "0"),
        column("ended", BOOLEAN),
        column("clock", JSON),
        column("version", INTEGER, "0"),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.ForeignKeyConstraint(["player"], ["player.id"]),
        sa.PrimaryKeyConstraint("player", "account", "their_user", "device"),
    )
    index_some("device_clock_open", "device_clock", ["at"], "NOT ended" if on_postgres() else "ended = 0")
    op.create_table(
        "heart",
        column("id", ID),
        column("account", ID),
        column("artist", TEXT),
        column("track", TEXT),
        column("artist_key", TEXT),
        column("track_key", TEXT),
        column("recording", TEXT),
        column("mbid", TEXT, ""),
        column("loved", BOOLEAN),
        column("said_at", FLOAT, "0"),
        maybe("player", ID),
        column("owner", TEXT, ""),
        maybe("there", BOOLEAN),
        column("loved_there_at", FLOAT, "0"),
        column("walk", ID, "0"),
        column("listed_in", ID, "0"),
        column("state", TEXT, ""),
        column("tries", INTEGER, "0"),
        column("refusals", INTEGER, "0"),
        column("due_at", FLOAT, "0"),
        column("reason", TEXT, ""),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
        *once("heart_once", "account", "artist_key", "track_key", "recording"),
    )
    if on_postgres():
        key = "md5(artist_key || chr(31) || track_key || chr(31) || recording)"
        op.execute(f"CREATE UNIQUE INDEX heart_once ON heart (account, {key})")
    index_some("heart_owed", "heart", ["account", "due_at"], "state <> ''" if on_postgres() else "state != ''")
    index_some("heart_loved", "heart", ["account", "said_at"], "loved")
