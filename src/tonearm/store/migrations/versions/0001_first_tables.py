"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


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
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lastfm_username", sa.Text(), server_default="", nullable=False),
        sa.Column("lastfm_user", sa.Text(), server_default="", nullable=False),
        sa.Column("lastfm_session_key", sa.Text(), server_default="", nullable=False),
        sa.Column("lastfm_api_key", sa.Text(), server_default="", nullable=False),
        sa.Column("lastfm_scrobbling_enabled", sa.Boolean(), nullable=False),
        sa.Column("lastfm_scrobble_threshold", sa.Integer(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("wait_until", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("fails", sa.Integer(), server_default="0", nullable=False),
        sa.Column("soft_failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("throttle_level", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answered_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("trouble", sa.Text(), server_default="", nullable=False),
        sa.Column("reporter", sa.Text(), nullable=True),
        sa.Column("several_reporters", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("budget", sa.Integer(), server_default="0", nullable=False),
        sa.Column("budget_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("backlog_until", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("lease_id", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("summed_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("mirror_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    index_some("account_mirrored", "account", ["mirror_at"], "mirror_at IS NOT NULL")
    op.create_table(
        "pace",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tat", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("throttle_until", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("throttle_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("throttle_refused", sa.Boolean(), nullable=False),
        sa.Column("throttle_level", sa.Integer(), server_default="0", nullable=False),
        sa.Column("throttle_since", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("throttle_outage", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("outage_accounts", sa.Text(), server_default="", nullable=False),
        sa.Column("probed_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "song",
        sa.Column("id", ID, nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("mbid", sa.Text(), server_default="", nullable=False),
        sa.Column("artist_mbid", sa.Text(), server_default="", nullable=False),
        sa.Column("album_mbid", sa.Text(), server_default="", nullable=False),
        sa.Column("listeners", sa.BigInteger(), nullable=True),
        sa.Column("playcount", sa.BigInteger(), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=True),
        sa.Column("fetched_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        *once("song_once", "artist", "title"),
    )
    op.create_table(
        "attempt",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("attempt_by_age", "attempt", ["at"], unique=False)
    op.create_table(
        "library",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("artists", sa.JSON(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("album", sa.Text(), server_default="", nullable=False),
        sa.Column("album_artist", sa.Text(), server_default="", nullable=False),
        sa.Column("duration", sa.Float(precision=53), nullable=True),
        sa.Column("track_number", sa.Integer(), nullable=True),
        sa.Column("mbid", sa.Text(), server_default="", nullable=False),
        sa.Column("lastfm_loved", sa.Boolean(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("ctime_ns", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("unreadable_reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        *once("library_path_once", "account", "path"),
    )
    op.create_table(
        "login",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("api_key", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "loved",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("track", sa.Text(), nullable=False),
        sa.Column("mbid", sa.Text(), server_default="", nullable=False),
        sa.Column("loved_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("candidates", sa.JSON(), nullable=True),
        sa.Column("chosen", ID, nullable=True),
        sa.Column("last_import", ID, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        *once("loved_once", "account", "artist", "track"),
    )
    op.create_table(
        "play",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("track", sa.Text(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("album", sa.Text(), server_default="", nullable=False),
        sa.Column("album_artist", sa.Text(), server_default="", nullable=False),
        sa.Column("track_number", sa.Integer(), nullable=True),
        sa.Column("mbid", sa.Text(), server_default="", nullable=False),
        sa.Column("duration", sa.Float(precision=53), nullable=True),
        sa.Column("played", sa.Float(precision=53), nullable=False),
        sa.Column("chosen_by_user", sa.Boolean(), nullable=False),
        sa.Column("counted_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("reported_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("restamp_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("restamped_by", sa.Integer(), server_default="0", nullable=False),
        sa.Column("left_out", sa.Text(), server_default="", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("reporter", sa.Text(), server_default="", nullable=False),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("correction", sa.JSON(), nullable=True),
        sa.Column("reported_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("settled_at", sa.Float(precision=53), nullable=True),
        sa.Column("unanswered", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("instead_of", ID, nullable=True),
        sa.Column("counted", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("player", ID, nullable=True),
        sa.Column("searched", sa.Text(), server_default="", nullable=False),
        sa.Column("import_id", ID, nullable=True),
        sa.Column("precision", sa.Integer(), nullable=True),
        sa.Column("stamp", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
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
        sa.Column("id", ID, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("digest", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("first_play", ID, server_default="0", nullable=False),
        sa.Column("started_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("history_import_by_account", "history_import", ["account", "id"], unique=False)
    op.create_table(
        "month_summary",
        sa.Column("account", ID, nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        sa.Column("made", sa.Boolean(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("plays", sa.Integer(), server_default="0", nullable=False),
        sa.Column("heard", sa.Integer(), server_default="0", nullable=False),
        sa.Column("untimed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("skipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sessions", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("account", "month"),
    )
    op.create_table(
        "month_part",
        sa.Column("account", ID, nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("account", "part", "month"),
    )
    op.create_table(
        "year_summary",
        sa.Column("account", ID, nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("made_of", sa.Text(), nullable=False),
        sa.Column("artists", sa.LargeBinary(), nullable=True),
        sa.Column("albums", sa.LargeBinary(), nullable=True),
        sa.Column("tracks", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("account", "year"),
    )
    op.create_table(
        "summary_name",
        sa.Column("account", ID, nullable=False),
        sa.Column("spelling", sa.BigInteger(), nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("account", "spelling"),
    )
    op.create_table(
        "job_run",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("counts", sa.JSON(), nullable=True),
        sa.Column("failure", sa.Text(), server_default="", nullable=False),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("job_run_by_account", "job_run", ["account", "kind"], unique=False)
    running = sa.text("state = 'running'")
    op.create_index(
        "job_run_running", "job_run", ["account", "kind"], unique=True, sqlite_where=running, postgresql_where=running
    )
    op.create_table(
        "token",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("expires_at", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "scrobble_queue",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("track", sa.Text(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("album", sa.Text(), server_default="", nullable=False),
        sa.Column("album_artist", sa.Text(), server_default="", nullable=False),
        sa.Column("track_number", sa.Integer(), nullable=True),
        sa.Column("mbid", sa.Text(), server_default="", nullable=False),
        sa.Column("duration", sa.Float(precision=53), nullable=True),
        sa.Column("played", sa.Float(precision=53), nullable=False),
        sa.Column("chosen_by_user", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("retry_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("batch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("split_group", ID, server_default="0", nullable=False),
        sa.Column("split_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("too_new", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("enqueued_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("counter", sa.Float(precision=53), nullable=True),
        sa.Column("boot", sa.Text(), server_default="", nullable=False),
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
        sa.Column("play", ID, nullable=False),
        sa.Column("attempt", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt"],
            ["attempt.id"],
        ),
        sa.ForeignKeyConstraint(
            ["play"],
            ["play.id"],
        ),
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
        sa.Column("last_play_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "periodic_task",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("done_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "paused_kind",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", sa.Float(precision=53), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("kind"),
    )
    op.create_table(
        "secret_check",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "job_failure",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("retry_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("kind", "account"),
    )
    _players()


def _players() -> None:
    """Players, and what they have reported beside plays."""
    op.create_table(
        "player",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("revoked_at", sa.Float(precision=53), nullable=True),
        sa.Column("heard_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("program", sa.Text(), server_default="", nullable=False),
        sa.Column("refused_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("refused_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("trial", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "name", name="player_once"),
        sa.UniqueConstraint("secret_hash"),
    )
    op.create_table(
        "player_session",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("player", ID, nullable=False),
        sa.Column("protocol", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["player"],
            ["player.id"],
        ),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("player_session_by_player", "player_session", ["player", "created_at"], unique=False)
    op.create_table(
        "player_user",
        sa.Column("player", ID, nullable=False),
        sa.Column("their_user", sa.Text(), nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["player"],
            ["player.id"],
        ),
        sa.PrimaryKeyConstraint("player", "their_user"),
    )
    op.create_table(
        "app_key",
        sa.Column("api_key", sa.Text(), nullable=False),
        sa.Column("player", ID, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["player"],
            ["player.id"],
        ),
        sa.PrimaryKeyConstraint("api_key"),
    )
    op.create_table(
        "approval",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("program", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("player", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["player"],
            ["player.id"],
        ),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("approval_by_age", "approval", ["asked_at"], unique=False)
    op.create_table(
        "device_clock",
        sa.Column("player", ID, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("their_user", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("program", sa.Text(), server_default="", nullable=False),
        sa.Column("device_name", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("clock", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["player"],
            ["player.id"],
        ),
        sa.PrimaryKeyConstraint("player", "account", "their_user", "device"),
    )
    index_some("device_clock_open", "device_clock", ["at"], "NOT ended" if on_postgres() else "ended = 0")
    op.create_table(
        "heart",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("track", sa.Text(), nullable=False),
        sa.Column("artist_key", sa.Text(), nullable=False),
        sa.Column("track_key", sa.Text(), nullable=False),
        sa.Column("recording", sa.Text(), nullable=False),
        sa.Column("mbid", sa.Text(), server_default="", nullable=False),
        sa.Column("loved", sa.Boolean(), nullable=False),
        sa.Column("said_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("player", ID, nullable=True),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("there", sa.Boolean(), nullable=True),
        sa.Column("loved_there_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("walk", ID, server_default="0", nullable=False),
        sa.Column("listed_in", ID, server_default="0", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        *once("heart_once", "account", "artist_key", "track_key", "recording"),
    )
    if on_postgres():
        key = "md5(artist_key || chr(31) || track_key || chr(31) || recording)"
        op.execute(f"CREATE UNIQUE INDEX heart_once ON heart (account, {key})")
    index_some("heart_owed", "heart", ["account", "due_at"], "state <> ''" if on_postgres() else "state != ''")
    index_some("heart_loved", "heart", ["account", "said_at"], "loved")
