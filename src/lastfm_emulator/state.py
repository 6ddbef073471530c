"""The state in a file: users with their plays and loved tracks, keys, tokens, sessions and corrections, as JSON. Faults
and the log are not saved: a restart begins without them.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from lastfm_emulator.account import Loved, NowPlaying, Play, User
from lastfm_emulator.credentials import ApiKey, Session, Token

if TYPE_CHECKING:
    from lastfm_emulator.world import World

VERSION: Final = 1


class BadState(ValueError):
    """The file contains no state that this version can read."""


def load(world: World, file: str) -> None:
    """Load the state from the file; does nothing if there is no such file. Raises BadState and OSError."""
    try:
        with open(file, encoding="utf-8") as opened:
            kept = json.load(opened)
    except FileNotFoundError:
        return
    except ValueError:
        raise BadState(f"{file}: not a state file") from None
    if not isinstance(kept, dict) or kept.get("version") != VERSION:
        raise BadState(f"{file}: not a state file of version {VERSION}")
    try:
        with world.lock:
            _restore(world, kept)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise BadState(f"{file}: damaged") from None


def save(world: World, file: str) -> None:
    """Write everything at once, readable only by its owner: a crash leaves the file as it was. Raises OSError."""
    with world.lock:
        text = json.dumps(_kept(world), ensure_ascii=False)
    folder = os.path.dirname(os.path.abspath(file))
    try:
        number, unfinished = tempfile.mkstemp(dir=folder, prefix=".lastfm-emulator-")
    except OSError as trouble:
        raise OSError(trouble.errno, trouble.strerror, file) from None
    try:
        with os.fdopen(number, "w", encoding="utf-8", errors="surrogatepass") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(number)
        os.replace(unfinished, file)
    except BaseException:
        os.unlink(unfinished)
        raise


def _kept(world: World) -> dict[str, Any]:
    return {
        "version": VERSION,
        "users": [_user(user) for user in world.users.values()],
        "keys": [asdict(key) for key in world.keys.values()],
        "tokens": [asdict(token) for token in world.tokens.values()],
        "sessions": [asdict(session) for session in world.sessions.values()],
        "artist_corrections": world.artist_corrections,
        "track_corrections": [[*pair, *right] for pair, right in world.track_corrections.items()],
    }


def _user(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "password": user.password,
        "private": user.private,
        "registered": user.registered,
        "plays": [asdict(play) for play in user.plays],
        "loved": [asdict(one) for one in user.loved.values()],
        "tags": [[*thing, tags] for thing, tags in user.tags.items()],
        "friends": user.friends,
        "playing": None if user.playing is None else asdict(user.playing),
        "accepted_at": list(user.accepted_at),
    }


def _restore(world: World, kept: dict[str, Any]) -> None:
    users = [_read_user(one) for one in kept["users"]]
    keys = [ApiKey(**one) for one in kept["keys"]]
    tokens = [Token(**one) for one in kept["tokens"]]
    sessions = [Session(**one) for one in kept["sessions"]]
    corrections = {(a.casefold(), t.casefold()): (b, u) for a, t, b, u in kept["track_corrections"]}
    world.users |= {user.name.casefold(): user for user in users}
    world.keys = {key.key: key for key in keys} | world.keys  # what was given at the start takes precedence
    world.tokens |= {token.value: token for token in tokens}
    world.sessions |= {session.key: session for session in sessions}
    world.artist_corrections |= kept["artist_corrections"]
    world.track_corrections |= corrections
    # Otherwise the same seed would draw the same tokens again.
    world.chance.seed(f"{world.seed}/{len(tokens)}/{len(sessions)}/{world.now()}")


def _read_user(kept: dict[str, Any]) -> User:
    user = User(kept["name"], kept["password"], kept["private"], kept["registered"])
    for play in kept["plays"]:
        user.keep(Play(**play))
    for loved in kept["loved"]:
        one = Loved(**loved)
        user.heart(one.artist, one.track, one.timestamp)
    user.tags = {(kind, artist, title): tags for kind, artist, title, tags in kept["tags"]}
    user.friends = list(kept["friends"])
    user.playing = None if kept["playing"] is None else NowPlaying(**kept["playing"])
    user.accepted_at.extend(kept["accepted_at"])
    return user
