"""Exports of services in JSON: a function for each reads one entry of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tonearm.core.play import SHORTEST_TRACK
from tonearm.history.json_stream import Damaged, JsonStream
from tonearm.history.play import (
    DID_NOT_COUNT,
    NOT_COUNTED,
    PLACEHOLDER,
    Entry,
    PastPlay,
    SkippedLine,
    Unreadable,
    placeholder,
)
from tonearm.history.text import mbid, moment, number, seconds, shown, text_of, unix, whole

TOO_SHORT = f"played for less than {SHORTEST_TRACK:.0f} seconds"
PRIVATE = "played in a private session (add --private to import these too)"
NO_TIME = "has no time that can be read"
NOT_A_PLAY = "not a play"
NOT_A_SONG = "not a song (a podcast, an audiobook, or removed by Spotify)"

Read = Callable[[int, Mapping[str, Any]], Iterator[Entry]]


def entries(stream: JsonStream, read: Read, *names: str) -> Iterator[Entry]:
    """The plays in a document: in its array, or in a member with one of the known names."""
    try:
        for line, entry in stream.entries(*names):
            yield from one(line, entry, read)
    except Damaged as damage:
        yield Unreadable(damage.line, str(damage))


def one(line: int, entry: object, read: Read) -> Iterator[Entry]:
    """Read one entry; Unreadable if it doesn't have the shape of its kind."""
    if not isinstance(entry, dict):
        yield Unreadable(line, "is an unexpected entry", shown(repr(entry)))
        return
    try:
        yield from read(line, entry)
    except (AttributeError, TypeError, ValueError, KeyError, IndexError, OverflowError):
        yield Unreadable(line, "is an unexpected entry", shown(repr(entry)))


def lastfm(line: int, entry: Mapping[str, Any]) -> Iterator[Entry]:
    """Pages of user.getRecentTracks as exporters save them, or single plays from them."""
    content = entry.get("recenttracks", entry)
    tracks = content["track"] if isinstance(content.get("track"), (list, dict)) else [content]
    for track in tracks if isinstance(tracks, list) else [tracks]:
        date = track.get("date")
        if not date:
            yield SkippedLine(line, "was playing at the time of the export")
        elif (at := unix(date["uts"] if isinstance(date, dict) else date)) is None:
            yield Unreadable(line, NO_TIME, shown(repr(date)))
        else:
            yield PastPlay(
                at,
                _text(track["artist"]),
                text_of(track.get("name")),
                _text(track.get("album")),
                mbid=mbid(track.get("mbid")),
                line=line,
            )


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return text_of(value.get("#text") or value.get("name"))
    return text_of(value)


def listenbrainz(line: int, entry: Mapping[str, Any]) -> Iterator[Entry]:
    """A listen of ListenBrainz. The time is the start, except for listens from Spotify's archives."""
    if "track_metadata" not in entry or "listened_at" not in entry:
        yield SkippedLine(line, NOT_A_PLAY)
        return
    at = unix(entry["listened_at"])
    if at is None:
        yield Unreadable(line, NO_TIME, shown(repr(entry["listened_at"])))
        return
    yield _listen(line, at, entry["track_metadata"])


def _listen(line: int, at: int, track: Mapping[str, Any]) -> PastPlay:
    more, mapping = track.get("additional_info") or {}, track.get("mbid_mapping") or {}
    played = seconds(more.get("ms_played"), 1000)
    from_spotify = more.get("music_service") == "spotify.com" and "ms_played" in more
    end = from_spotify or text_of(more.get("submission_client")).endswith("Archive Importer")
    stamp = more.get("tonearm_stamp")
    return PastPlay(
        at - round(played or 0) if end else at,
        text_of(track["artist_name"]),
        text_of(track["track_name"]),
        text_of(track.get("release_name")),
        text_of(more.get("release_artist_name")),
        seconds(more.get("duration_ms"), 1000) or seconds(more.get("duration")),
        whole(more.get("tracknumber")),
        mbid(more.get("recording_mbid")) or mbid(mapping.get("recording_mbid")),
        played or seconds(more.get("duration_played")),
        60 if more.get("tonearm_precision") == 60 else 1,
        "end" if end else stamp if stamp in ("end", "unknown") else "start",
        line,
        earliest=unix(more.get("tonearm_earliest")) or 0,
    )


def rhythmbox_listens(stream: JsonStream) -> Iterator[Entry]:
    """Rhythmbox's waiting listens: `[[time, {track}], …]`."""

    def pair(line: int, entry: Mapping[str, Any]) -> Iterator[Entry]:
        at = unix(entry["time"])
        yield Unreadable(line, NO_TIME) if at is None else _listen(line, at, entry["track"])

    try:
        for line, entry in stream.entries():
            named = dict(zip(("time", "track"), entry, strict=False)) if isinstance(entry, list) else entry
            yield from one(line, named, pair)
    except Damaged as damage:
        yield Unreadable(damage.line, str(damage))


def spotify(private: bool) -> Read:
    """Spotify's extended history: `ts` is the end of a stream, and `offline_timestamp` is about when it began, or
    earlier.
    """

    def read(line: int, entry: Mapping[str, Any]) -> Iterator[Entry]:
        title, played = entry.get("master_metadata_track_name"), number(entry["ms_played"])
        found = moment(entry["ts"])
        if title is None:
            yield SkippedLine(line, NOT_A_SONG)
        elif played is None or found is None:
            yield _no_start(line, found, entry["ts"], entry["ms_played"])
        elif played < SHORTEST_TRACK * 1000:
            yield SkippedLine(line, TOO_SHORT)
        elif entry.get("incognito_mode") is True and not private:
            yield SkippedLine(line, PRIVATE)
        else:
            artist = text_of(entry.get("master_metadata_album_artist_name"))
            album = text_of(entry.get("master_metadata_album_album_name"))
            start = found[0] - round(played / 1000)
            begun = unix(entry.get("offline_timestamp")) or 0
            play = PastPlay(start, artist, text_of(title), album, artist, played=played / 1000, stamp="end", line=line)
            yield play._replace(earliest=begun) if 0 < begun < start else play

    return read


def _no_start(line: int, found: tuple[int, int] | None, end: object, played: object) -> Unreadable:
    """The start is missing because the end can't be read or, if that was `found`, the time played."""
    if found is None:
        return Unreadable(line, NO_TIME, shown(repr(end)))
    return Unreadable(line, "has no listening time that can be read", shown(repr(played)))


def spotify_account(line: int, entry: Mapping[str, Any]) -> Iterator[Entry]:
    """Spotify's account data: the end in minutes. Podcasts and audiobooks have files of their own."""
    if entry.keys().isdisjoint(("artistName", "trackName")):
        yield SkippedLine(line, NOT_A_SONG)
        return
    played, found = number(entry["msPlayed"]), moment(entry["endTime"])
    if played is None or found is None:
        yield _no_start(line, found, entry["endTime"], entry["msPlayed"])
    elif played < SHORTEST_TRACK * 1000:
        yield SkippedLine(line, TOO_SHORT)
    elif placeholder(*(names := (text_of(entry["artistName"]), text_of(entry["trackName"])))):
        yield SkippedLine(line, PLACEHOLDER)
    else:
        start = found[0] - round(played / 1000)
        yield PastPlay(start, *names, played=played / 1000, precision=60, stamp="end", line=line)


def maloja(line: int, entry: Mapping[str, Any]) -> Iterator[Entry]:
    """A scrobble of Maloja, whose imports from Spotify have the end, and those from Last.fm made-up seconds."""
    track, origin = entry["track"], text_of(entry.get("origin"))
    at = unix(entry["time"])
    if at is None:
        yield Unreadable(line, NO_TIME, shown(repr(entry["time"])))
        return
    minutes, end = origin.startswith("import:lastfm"), origin.startswith("import:spotify")
    played = seconds(entry.get("duration"))
    album = track.get("album") or {}
    yield PastPlay(
        at - at % 60 if minutes else at - round(played or 0) if end else at,
        ", ".join(text_of(artist) for artist in track["artists"]),
        text_of(track["title"]),
        text_of(album.get("albumtitle")),
        ", ".join(text_of(artist) for artist in album.get("artists") or ()),
        seconds(track.get("length")),
        played=played,
        precision=60 if minutes else 1,
        stamp="end" if end else "start",
        line=line,
    )


def koito(line: int, entry: Mapping[str, Any]) -> Iterator[Entry]:
    """A listen of Koito: each name is the alias that is marked as primary."""
    track, found = entry["track"], moment(entry["listened_at"])
    if found is None:
        yield Unreadable(line, NO_TIME, shown(repr(entry["listened_at"])))
        return
    artists = entry["artists"]
    first = [artist for artist in artists if artist.get("is_primary")] or artists
    yield PastPlay(
        found[0],
        _alias(first[0]["aliases"]),
        _alias(track["aliases"]),
        _alias((entry.get("album") or {}).get("aliases") or ()),
        duration=seconds(track.get("duration")),
        mbid=mbid(track.get("mbid")),
        line=line,
    )


def _alias(aliases: Any) -> str:
    found = [text_of(one["alias"]) for one in aliases if one.get("is_primary")]
    return found[0] if found else text_of(aliases[0]["alias"]) if aliases else ""


def pano(line: int, entry: Mapping[str, Any]) -> Iterator[Entry]:
    """An event of Pano Scrobbler; loves are among them."""
    at = unix(entry["timeMs"])
    if entry.get("event", "scrobble") != "scrobble":
        yield SkippedLine(line, NOT_A_PLAY)
    elif at is None:
        yield Unreadable(line, NO_TIME, shown(repr(entry["timeMs"])))
    else:
        names = _named(entry, "artist", "track", "album", "albumArtist")
        yield PastPlay(at, *names, duration=seconds(entry.get("durationMs"), 1000), line=line)


def strawberry(line: int, entry: Mapping[str, Any]) -> Iterator[Entry]:
    """A waiting play of Strawberry, whose lengths are nanoseconds."""
    at = unix(entry["timestamp"])
    if at is None:
        yield Unreadable(line, NO_TIME, shown(repr(entry["timestamp"])))
        return
    names = _named(entry, "artist", "song", "album", "albumartist")
    length = seconds(entry.get("duration"), 1e9)
    yield PastPlay(at, *names, duration=length, track_number=whole(entry.get("track")), line=line)


def _named(entry: Mapping[str, Any], *keys: str) -> tuple[str, str, str, str]:
    artist, title, album, album_artist = (text_of(entry.get(key)) for key in keys)
    return artist, title, album, album_artist


def tonearm(line: int, entry: Mapping[str, Any]) -> Iterator[Entry]:
    """A line of our own export."""
    if entry.get("fate") in NOT_COUNTED:
        yield SkippedLine(line, DID_NOT_COUNT)
        return
    at = unix(entry.get("uts", entry.get("timestamp")))
    if at is None:
        yield Unreadable(line, NO_TIME, shown(repr(entry)))
        return
    yield PastPlay(
        at,
        text_of(entry["artist"]),
        text_of(entry["track"]),
        text_of(entry.get("album")),
        text_of(entry.get("album_artist")),
        seconds(entry.get("duration")),
        whole(entry.get("track_number")),
        mbid(entry.get("recording_mbid", entry.get("mbid"))),
        seconds(entry.get("played")),
        60 if entry.get("precision") == 60 else 1,
        stamp if (stamp := entry.get("stamp")) in ("end", "unknown") else "start",
        line,
        earliest=unix(entry.get("earliest")) or 0,
    )
