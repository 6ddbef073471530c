"""Reading about artists, albums, tracks and tags: https://www.last.fm/api.

Everything that anybody ever scrobbled exists, too: as an artist, album or track without tags, length or article.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lastfm_emulator import shelf
from lastfm_emulator.method import Method
from lastfm_emulator.music import CORRECTIONS, Artist, Record, Song, mbid, share
from lastfm_emulator.refusal import Refusal
from lastfm_emulator.render import one_or_many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lastfm_emulator.method import Call
    from lastfm_emulator.render import Body, Value

NO_ARTIST: Final = "The artist you supplied could not be found"
NO_ALBUM: Final = "Album not found"
NO_TRACK: Final = "Track not found"


def find_artist(call: Call) -> Artist:
    """The artist meant by `artist` or `mbid`, corrected if requested, else error 6."""
    wanted = call.params.get("mbid", "")
    if wanted:
        found = next((one for one in _everybody(call) if mbid(one.name) == wanted), None)
    else:
        found = _by_name(call, call.required("artist"))
    if found is None:
        raise Refusal(6, NO_ARTIST, 404 if call.params["method"].lower() == "artist.getinfo" else 0)
    return found


def _by_name(call: Call, name: str) -> Artist | None:
    if call.params.get("autocorrect") == "1":
        name = CORRECTIONS.get(name.casefold(), call.world.artist_corrections.get(name.casefold(), name))
    return call.world.music.find(name) or _scrobbled(call, name)


def _scrobbled(call: Call, name: str) -> Artist | None:
    """An artist that is known only from plays."""
    songs: dict[str, Song] = {}
    records: dict[str, dict[str, Song]] = {}
    listed, listeners = "", 0
    for user in call.world.users.values():
        plays = [play for play in user.plays if play.artist.casefold() == name.casefold()]
        listeners += bool(plays)
        for play in plays:
            listed = listed or play.artist
            song = songs.setdefault(play.track, Song(play.track, play.duration or 0))
            records.setdefault(play.album, {})[play.track] = song
    if not listed:
        return None
    albums = tuple([Record(title, tuple(found.values())) for title, found in records.items()])
    return Artist(listed, (), albums, listeners)


def _everybody(call: Call) -> Iterator[Artist]:
    yield from call.world.music.artists.values()
    names = {play.artist for user in call.world.users.values() for play in user.plays}
    for name in sorted(names):
        if call.world.music.find(name) is None and (found := _scrobbled(call, name)):
            yield found


def _record(call: Call) -> tuple[Artist, Record]:
    wanted = call.params.get("mbid", "")
    if wanted:
        pairs = ((one, record) for one in _everybody(call) for record in one.records)
        found = next((pair for pair in pairs if mbid(pair[0].name, pair[1].title, "album") == wanted), None)
        if found is None:
            raise Refusal(6, NO_ALBUM, 404)
        return found
    artist, title = _by_name(call, call.required("artist")), call.required("album")
    record = artist.record(title) if artist else None
    if artist is None or record is None:
        raise Refusal(6, NO_ALBUM, 404)
    return artist, record


def _song(call: Call) -> tuple[Artist, Song, Record]:
    wanted = call.params.get("mbid", "")
    if wanted:
        every = ((one, song, record) for one in _everybody(call) for song, record in shelf.songs(one))
        found = next((some for some in every if mbid(some[0].name, some[1].title) == wanted), None)
        if found is None:
            raise Refusal(6, NO_TRACK)
        return found
    artist, title = _by_name(call, call.required("artist")), call.required("track")
    song = artist.song(title) if artist else None
    if artist is None or song is None:
        raise Refusal(6, NO_TRACK)
    return artist, *song


def _listened(call: Call, artist: str, track: str | None = None, album: str | None = None) -> int | None:
    """How often the user named by `username` played it; None if none is named."""
    user = call.world.user(call.params.get("username", ""))
    if user is None:
        return None
    return sum(
        play.artist.casefold() == artist.casefold()
        and (track is None or play.track.casefold() == track.casefold())
        and (album is None or play.album.casefold() == album.casefold())
        for play in user.plays
    )


def artist_info(call: Call) -> Body:
    artist = find_artist(call)
    stats: dict[str, Value] = {"listeners": str(artist.listeners), "playcount": str(shelf.playcount(artist))}
    plays = _listened(call, artist.name)
    if plays is not None:
        stats["userplaycount"] = str(plays)
    similar: list[Value] = [
        {"name": other.name, "url": shelf.artist_url(other.name), "image": shelf.star(many=True)}
        for other, _ in call.world.music.alike(artist)[:5]
    ]
    url = shelf.artist_url(artist.name)
    link: Body = {"rel": "original", "href": f"https://last.fm/music/{shelf.slug(artist.name)}/+wiki", "#text": ""}
    return {
        "artist": {
            "name": artist.name,
            **shelf.id_of(artist.name),
            "url": url,
            "image": shelf.star(many=True),
            "streamable": "0",
            "ontour": "0",
            "stats": stats,
            "similar": {"artist": similar},
            "tags": {"tag": one_or_many(shelf.tags(artist.tags[:5]))},
            "bio": {"links": {"link": link}, **shelf.wiki(artist.bio, url)},
        }
    }


def artist_similar(call: Call) -> Body:
    artist = find_artist(call)
    found: list[Value] = [
        shelf.artist_entry(other.name, match=f"{like:.6g}") for other, like in call.world.music.alike(artist)
    ]
    return {"similarartists": {"artist": found[: call.bounded("limit", 100, 1000)], "@attr": {"artist": artist.name}}}


def artist_top_tags(call: Call) -> Body:
    artist = find_artist(call)
    return {"toptags": {"tag": shelf.weighed(artist.tags), "@attr": {"artist": artist.name}}}


def artist_top_tracks(call: Call) -> Body:
    artist = find_artist(call)
    entries = [
        shelf.track_entry(artist.name, song.title, **shelf.song_facts(artist, song)) for song, _ in shelf.songs(artist)
    ]
    listed, facts = shelf.cut(
        call, shelf.ranked([entry | {"streamable": "0"} for entry in entries]), artist=artist.name
    )
    return {"toptracks": {"track": listed, "@attr": facts}}


def artist_top_albums(call: Call) -> Body:
    artist = find_artist(call)
    records = sorted(artist.records, key=lambda one: (-share(artist, one.title), one.title))
    entries: list[Value] = [
        shelf.album_entry(artist.name, record.title, playcount=share(artist, record.title) * 12)
        for record in records
        if record.title
    ]
    listed, facts = shelf.cut(call, entries, artist=artist.name)
    return {"topalbums": {"album": listed, "@attr": facts}}


def artist_correction(call: Call) -> Body:
    name = call.required("artist")
    right = CORRECTIONS.get(name.casefold(), call.world.artist_corrections.get(name.casefold()))
    found = call.world.music.find(name)
    if right is None and found is None:
        return {"corrections": "\n   "}
    listed: Body = shelf.by(right or (found.name if found else name))
    return {"corrections": {"correction": {"artist": listed, "@attr": {"index": "0"}}}}


def album_info(call: Call) -> Body:
    artist, record = _record(call)
    url = shelf.album_url(artist.name, record.title)
    tracks: list[Value] = [
        {
            "name": song.title,
            "url": f"{url}/{shelf.slug(song.title)}",
            "duration": song.seconds or None,
            "streamable": {"fulltrack": "0", "#text": "0"},
            "artist": shelf.by(artist.name),
            "@attr": {"rank": i},
        }
        for i, song in enumerate(record.songs, 1)
    ]
    listeners = share(artist, record.title)
    album: dict[str, Value] = {
        "name": record.title,
        "artist": artist.name,
        **shelf.id_of(artist.name, record.title, "album"),
        "url": url,
        "image": shelf.cover(artist.name, record.title, many=True),
        "listeners": str(listeners),
        "playcount": str(listeners * 12),
        "tags": {"tag": one_or_many(shelf.tags(artist.tags[:5]))} if artist.tags else "",
    }
    plays = _listened(call, artist.name, album=record.title)
    if plays is not None:
        album["userplaycount"] = plays
    if tracks:
        album["tracks"] = {"track": one_or_many(tracks)}
    if artist.bio:
        album["wiki"] = shelf.wiki(f"{record.title} is a record by {artist.name}.", url)
    return {"album": album}


def album_top_tags(call: Call) -> Body:
    artist, record = _record(call)
    return {"toptags": {"tag": shelf.weighed(artist.tags), "@attr": {"artist": artist.name, "album": record.title}}}


def track_info(call: Call) -> Body:
    artist, song, record = _song(call)
    listed: dict[str, Value] = {
        "name": song.title,
        **shelf.id_of(artist.name, song.title),
        "url": shelf.track_url(artist.name, song.title),
        "duration": str(song.seconds * 1000),
        "streamable": {"fulltrack": "0", "#text": "0"},
        **{name: shelf.song_facts(artist, song)[name] for name in ("listeners", "playcount")},
        "artist": shelf.by(artist.name),
    }
    if record.title:
        listed["album"] = {
            "artist": artist.name,
            "title": record.title,
            **shelf.id_of(artist.name, record.title, "album"),
            "url": shelf.album_url(artist.name, record.title),
            "image": shelf.cover(artist.name, record.title),
            "@attr": {"position": str(record.songs.index(song) + 1)},
        }
    plays = _listened(call, artist.name, song.title)
    user = call.world.user(call.params.get("username", ""))
    if user is not None:
        listed["userplaycount"] = str(plays)
        listed["userloved"] = "1" if user.loves(artist.name, song.title) else "0"
    listed["toptags"] = {"tag": shelf.tags(artist.tags[:5])}
    if artist.bio:
        about = f"{song.title} is a song by {artist.name}."
        listed["wiki"] = shelf.wiki(about, shelf.track_url(artist.name, song.title), "04 Mar 2024, 09:30")
    return {"track": listed}


def track_similar(call: Call) -> Body:
    try:
        artist, song, _ = _song(call)
    except Refusal as refusal:
        if refusal.text != NO_TRACK:
            raise
        return {"similartracks": {"track": [], "@attr": {"artist": call.params.get("artist", "")}}}
    own = [(artist, other, 1.0) for other, _ in shelf.songs(artist) if other is not song]
    others = [(one, other, like / 2) for one, like in call.world.music.alike(artist) for other, _ in shelf.songs(one)]
    found: list[Value] = [
        {
            **shelf.track_entry(one.name, other.title),
            "playcount": share(one, other.title) * 9,
            "match": like,
            **({"duration": other.seconds} if other.seconds else {}),
        }
        for one, other, like in [*own, *others]
    ]
    return {"similartracks": {"track": found[: call.bounded("limit", 100, 1000)], "@attr": {"artist": artist.name}}}


def track_top_tags(call: Call) -> Body:
    artist, song, _ = _song(call)
    return {"toptags": {"tag": shelf.weighed(artist.tags), "@attr": {"artist": artist.name, "track": song.title}}}


def track_correction(call: Call) -> Body:
    sent = call.required("artist"), call.required("track")
    artist, title = call.world.corrected(*sent)
    artist = CORRECTIONS.get(artist.casefold(), artist)
    known = call.world.music.find(artist)
    song = known.song(title) if known else None
    if known and song:
        artist, title = known.name, song[0].title
    elif (artist, title) == sent:
        return {"corrections": "\n   "}
    changed = {"artistcorrected": str(int(artist != sent[0])), "trackcorrected": str(int(title != sent[1]))}
    listed: Body = {
        "name": title,
        **shelf.id_of(artist, title),
        "url": shelf.track_url(artist, title),
        "artist": shelf.by(artist),
    }
    return {"corrections": {"correction": {"track": listed, "@attr": {"index": "0", **changed}}}}


def _found(call: Call, kind: str, entries: list[Value], terms: str) -> Body:
    page, limit = call.paging(30)
    listed = entries[(page - 1) * limit : page * limit]
    query: Body = {"role": "request", "searchTerms": terms, "startPage": str(page), "#text": ""}
    return {
        "results": {
            "opensearch:Query": query,
            "opensearch:totalResults": str(len(entries)),
            "opensearch:startIndex": str((page - 1) * limit),
            "opensearch:itemsPerPage": str(limit),
            f"{kind}matches": {kind: listed},
            "@attr": {"for": terms},
        }
    }


def _search(
    call: Call, wanted: str, entries: Callable[[Artist], Iterator[tuple[str, dict[str, Value]]]]
) -> list[Value]:
    """Entries that contain the words; exact matches come first, then the most played."""
    words = wanted.casefold()
    ranked = sorted(_everybody(call), key=lambda one: -one.listeners)
    hits = [(name, entry) for one in ranked for name, entry in entries(one) if words in name.casefold()]
    return [entry for _, entry in sorted(hits, key=lambda hit: hit[0].casefold() != words)]


def artist_search(call: Call) -> Body:
    def entries(artist: Artist) -> Iterator[tuple[str, dict[str, Value]]]:
        yield artist.name, shelf.artist_entry(artist.name, listeners=str(artist.listeners))

    wanted = call.required("artist")
    return _found(call, "artist", _search(call, wanted, entries), wanted)


def album_search(call: Call) -> Body:
    def entries(artist: Artist) -> Iterator[tuple[str, dict[str, Value]]]:
        for record in artist.records:
            if record.title:
                entry = shelf.album_entry(artist.name, record.title)
                mark = {"artist": artist.name, "streamable": "0", "mbid": mbid(artist.name, record.title, "album")}
                yield record.title, entry | mark

    wanted = call.required("album")
    return _found(call, "album", _search(call, wanted, entries), wanted)


def track_search(call: Call) -> Body:
    narrowed = call.params.get("artist", "").casefold()

    def entries(artist: Artist) -> Iterator[tuple[str, dict[str, Value]]]:
        for song, _ in shelf.songs(artist) if narrowed in artist.name.casefold() else []:
            entry = shelf.track_entry(artist.name, song.title, listeners=str(share(artist, song.title)))
            yield song.title, entry | {"artist": artist.name, "streamable": "FIXME"}

    wanted = call.required("track")
    return _found(call, "track", _search(call, wanted, entries), wanted)


METHODS = (
    Method("artist.getInfo", artist_info, old=True),
    Method("artist.getSimilar", artist_similar, old=True),
    Method("artist.getTopTags", artist_top_tags, old=True),
    Method("artist.getTopTracks", artist_top_tracks, old=True),
    Method("artist.getTopAlbums", artist_top_albums, old=True),
    Method("artist.getCorrection", artist_correction, old=True),
    Method("artist.search", artist_search, old=True),
    Method("album.getInfo", album_info),
    Method("album.getTopTags", album_top_tags, old=True),
    Method("album.search", album_search, old=True),
    Method("track.getInfo", track_info, old=True),
    Method("track.getSimilar", track_similar, old=True),
    Method("track.getTopTags", track_top_tags, old=True),
    Method("track.getCorrection", track_correction, old=True),
    Method("track.search", track_search, old=True),
)
