"""What is played and tagged most: chart.*, geo.*, tag.*, library.*, and the charts of a user's own plays."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from lastfm_emulator import shelf
from lastfm_emulator.method import Method, digits
from lastfm_emulator.music import COUNTRIES, TAG_WIKI, Artist, mbid, share
from lastfm_emulator.reading import profile
from lastfm_emulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lastfm_emulator.account import Play, User
    from lastfm_emulator.method import Call
    from lastfm_emulator.music import Record, Song
    from lastfm_emulator.render import Body, Value

DAY: Final = 86_400
WEEK: Final = 7 * DAY
FIRST_WEEK: Final = 1_108_296_000
"""Sunday, 13 February 2005, 12:00 UTC: https://www.last.fm/api/show/user.getWeeklyChartList names it first."""
PERIODS: Final = {"overall": 0, "7day": 7, "1month": 30, "3month": 90, "6month": 180, "12month": 365}


def _numbers(artist: Artist) -> dict[str, Value]:
    return {"playcount": str(shelf.playcount(artist)), "listeners": str(artist.listeners)}


def _tracks(artists: Iterable[Artist]) -> list[tuple[Artist, Song]]:
    found = [(one, song) for one in artists for song, _ in shelf.songs(one)]
    return sorted(found, key=lambda pair: -share(pair[0], pair[1].title))


def chart_artists(call: Call) -> Body:
    entries: list[Value] = [shelf.artist_entry(one.name, **_numbers(one)) for one in call.world.music.ranked()]
    listed, facts = shelf.cut(call, entries)
    return {"artists": {"artist": listed, "@attr": facts}}


def chart_tracks(call: Call) -> Body:
    entries: list[Value] = [
        shelf.track_entry(one.name, song.title, duration=str(song.seconds), **shelf.song_facts(one, song))
        for one, song in _tracks(call.world.music.ranked())
    ]
    listed, facts = shelf.cut(call, entries)
    return {"tracks": {"track": listed, "@attr": facts}}


def _tags(call: Call) -> list[tuple[str, int, int]]:
    """Each tag with its reach (listeners) and how often it was given, the commonest first."""
    reach: Counter[str] = Counter()
    for one in call.world.music.artists.values():
        for i, name in enumerate(one.tags):
            reach[name] += one.listeners // (20 * (i + 1))
    return [(name, count, count * 9) for name, count in reach.most_common()]


def chart_tags(call: Call) -> Body:
    entries: list[Value] = [
        {
            "name": name,
            "url": shelf.tag_url(name),
            "reach": str(reach),
            "taggings": str(taggings),
            "streamable": "1",
            "wiki": {},
        }
        for name, reach, taggings in _tags(call)
    ]
    listed, facts = shelf.cut(call, entries)
    return {"tags": {"tag": listed, "@attr": facts}}


def top_tags(call: Call) -> Body:
    """Without pages, but with an offset: the only such list."""
    found = _tags(call)
    offset = digits(call.params.get("offset", "")) or 0
    many = call.bounded("num_res", 50, 1000)
    listed: list[Value] = [
        {"name": name, "count": taggings, "reach": reach} for name, reach, taggings in found[offset : offset + many]
    ]
    return {"toptags": {"@attr": {"offset": offset, "num_res": many, "total": len(found)}, "tag": listed}}


def _country(call: Call) -> str:
    wanted = call.params.get("country", "")
    if not wanted:
        raise Refusal(6, "country param required")
    country = next((one for one in COUNTRIES if one.casefold() == wanted.casefold()), None)
    if country is None:
        raise Refusal(6, "country param invalid")
    return country


def _heard_in(call: Call, country: str) -> list[tuple[Artist, int]]:
    """Every artist is heard everywhere, most at home."""
    found = [(one, one.listeners // (10 if one.country == country else 100)) for one in call.world.music.ranked()]
    return sorted(found, key=lambda pair: -pair[1])


def geo_artists(call: Call) -> Body:
    country = _country(call)
    entries = [shelf.artist_entry(one.name, listeners=str(listeners)) for one, listeners in _heard_in(call, country)]
    listed, facts = shelf.cut(call, shelf.ranked(entries), country=country)
    return {"topartists": {"artist": listed, "@attr": facts}}


def geo_tracks(call: Call) -> Body:
    """Ranks begin with 0 here, and nowhere else."""
    country = _country(call)
    entries = [
        shelf.track_entry(
            one.name, song.title, duration=str(song.seconds), listeners=str(share(one, song.title) // 100)
        )
        for one, song in _tracks([one for one, _ in _heard_in(call, country)])
    ]
    listed, facts = shelf.cut(call, shelf.ranked(entries, 0), country=country)
    return {"tracks": {"track": listed, "@attr": facts}}


def _tagged(call: Call) -> tuple[str, list[Artist]]:
    tag = call.required("tag")
    return tag, [one for one in call.world.music.ranked() if tag.casefold() in one.tags]


def tag_info(call: Call) -> Body:
    """An unknown tag is returned with its name and zeros."""
    wanted = call.required("tag")
    name, reach, total = next((one for one in _tags(call) if one[0] == wanted.casefold()), (wanted, 0, 0))
    article: Body = {"summary": "", "content": ""}
    if name in TAG_WIKI:
        article = shelf.wiki(TAG_WIKI[name], shelf.tag_url(name))
        article = {key: article[key] for key in ("summary", "content")}
    return {"tag": {"name": name, "total": total, "reach": reach, "wiki": article}}


def tag_similar(call: Call) -> Body:
    call.required("tag")
    return {"similartags": {"tag": [], "@attr": {"tag": "n/a"}}}


def tag_artists(call: Call) -> Body:
    tag, artists = _tagged(call)
    listed, facts = shelf.cut(call, shelf.ranked([shelf.artist_entry(one.name) for one in artists]), tag=tag)
    return {"topartists": {"artist": listed, "@attr": facts}}


def tag_albums(call: Call) -> Body:
    tag, artists = _tagged(call)
    records: list[tuple[Artist, Record]] = [(one, record) for one in artists for record in one.records]
    entries = [shelf.album_entry(one.name, record.title) for one, record in records]
    listed, facts = shelf.cut(call, shelf.ranked(entries), tag=tag)
    return {"albums": {"album": listed, "@attr": facts}}


def tag_tracks(call: Call) -> Body:
    tag, artists = _tagged(call)
    entries = [shelf.track_entry(one.name, song.title, duration=str(song.seconds)) for one, song in _tracks(artists)]
    listed, facts = shelf.cut(call, shelf.ranked(entries), tag=tag)
    return {"tracks": {"track": listed, "@attr": facts}}


def _weeks(call: Call) -> list[Value]:
    starts = range(FIRST_WEEK, int(call.now) - WEEK + 1, WEEK)
    return [{"from": str(start), "to": str(start + WEEK), "#text": ""} for start in starts]


def tag_weeks(call: Call) -> Body:
    call.required("tag")
    return {"weeklychartlist": {"chart": _weeks(call), "@attr": {}}}


def user_weeks(call: Call) -> Body:
    return {"weeklychartlist": {"chart": _weeks(call), "@attr": {"user": call.named_user().name}}}


def _counted(plays: Iterable[Play], kind: str) -> list[tuple[tuple[str, str], int]]:
    """Artist and title (of a track or an album) with their plays: the most played first, equal ones alphabetically."""
    names = Counter((play.artist, "" if kind == "artist" else getattr(play, kind)) for play in plays)
    if kind == "album":
        names = Counter({pair: count for pair, count in names.items() if pair[1]})
    return sorted(names.items(), key=lambda one: (-one[1], one[0]))


def _period(call: Call) -> tuple[User, list[Play]]:
    user = call.named_user()
    period = call.params.get("period", "overall")
    if period not in PERIODS:
        raise Refusal(6, "period param invalid")
    start, stop = user.between(int(call.now) - PERIODS[period] * DAY if PERIODS[period] else None, None)
    return user, user.plays[start:stop]


def user_artists(call: Call) -> Body:
    user, plays = _period(call)
    entries = [shelf.artist_entry(name, playcount=str(count)) for (name, _), count in _counted(plays, "artist")]
    listed, facts = shelf.cut(call, shelf.ranked(entries), user=user.name)
    return {"topartists": {"artist": listed, "@attr": facts}}


def user_albums(call: Call) -> Body:
    user, plays = _period(call)
    entries = [
        shelf.album_entry(*names, playcount=str(count)) | {"mbid": mbid(*names, "album")}
        for names, count in _counted(plays, "album")
    ]
    listed, facts = shelf.cut(call, shelf.ranked(entries), user=user.name)
    return {"topalbums": {"album": listed, "@attr": facts}}


def user_tracks(call: Call) -> Body:
    user, plays = _period(call)
    lengths = {(play.artist, play.track): play.duration or 0 for play in plays}
    entries = [
        shelf.track_entry(*names, duration=str(lengths[names]), playcount=str(count))
        for names, count in _counted(plays, "track")
    ]
    listed, facts = shelf.cut(call, shelf.ranked(entries), user=user.name)
    return {"toptracks": {"track": listed, "@attr": facts}}


def library_artists(call: Call) -> Body:
    user = call.named_user()
    entries: list[Value] = [
        shelf.artist_entry(name, playcount=str(count), tagcount="0")
        for (name, _), count in _counted(user.plays, "artist")
    ]
    listed, facts = shelf.cut(call, entries, user=user.name)
    return {"artists": {"artist": listed, "@attr": facts}}


def _week(call: Call, kind: str) -> tuple[list[tuple[tuple[str, str], int]], Body]:
    """What was played between `from` and `to`, which come together or not at all; otherwise in the last whole week."""
    user = call.named_user()
    first, last = (digits(call.params.get(name, "")) for name in ("from", "to"))
    if (first is None) != (last is None):
        raise Refusal(6, "from and to params must both be given")
    if first is None or last is None:
        last = FIRST_WEEK + (int(call.now) - FIRST_WEEK) // WEEK * WEEK
        first = last - WEEK
    start, stop = user.between(first, last)
    found = _counted(user.plays[start:stop], kind)[: call.bounded("limit", 1000, 1000)]
    return found, {"user": user.name, "from": str(first), "to": str(last)}


def week_artists(call: Call) -> Body:
    found, facts = _week(call, "artist")
    entries: list[dict[str, Value]] = [
        {"name": name, "mbid": mbid(name), "playcount": str(count), "url": shelf.artist_url(name)}
        for (name, _), count in found
    ]
    return {"weeklyartistchart": {"artist": shelf.ranked(entries), "@attr": facts}}


def week_albums(call: Call) -> Body:
    found, facts = _week(call, "album")
    entries: list[dict[str, Value]] = [
        {
            "artist": {"mbid": mbid(names[0]), "#text": names[0]},
            "name": names[1],
            "mbid": mbid(*names, "album"),
            "playcount": str(count),
            "url": shelf.album_url(*names),
        }
        for names, count in found
    ]
    return {"weeklyalbumchart": {"album": shelf.ranked(entries), "@attr": facts}}


def week_tracks(call: Call) -> Body:
    found, facts = _week(call, "track")
    entries: list[dict[str, Value]] = [
        {
            "artist": {"mbid": mbid(names[0]), "#text": names[0]},
            "name": names[1],
            "mbid": mbid(*names),
            "playcount": str(count),
            "image": shelf.star()[:3],
            "url": shelf.track_url(*names),
        }
        for names, count in found
    ]
    return {"weeklytrackchart": {"track": shelf.ranked(entries), "@attr": facts}}


def friends(call: Call) -> Body:
    """Having no friends is an error, as at Last.fm."""
    user = call.named_user()
    if not user.friends:
        raise Refusal(6, "no such page")
    known = [found for name in user.friends if (found := call.world.user(name))]
    listed, facts = shelf.cut(call, [profile(one, friend=True) for one in known], user=user.name)
    return {"friends": {"user": listed, "@attr": facts}}


METHODS = (
    Method("chart.getTopArtists", chart_artists, old=True),
    Method("chart.getTopTags", chart_tags, old=True),
    Method("chart.getTopTracks", chart_tracks, old=True),
    Method("geo.getTopArtists", geo_artists, old=True),
    Method("geo.getTopTracks", geo_tracks, old=True),
    Method("tag.getInfo", tag_info, old=True),
    Method("tag.getSimilar", tag_similar, old=True),
    Method("tag.getTopAlbums", tag_albums, old=True),
    Method("tag.getTopArtists", tag_artists, old=True),
    Method("tag.getTopTags", top_tags, old=True),
    Method("tag.getTopTracks", tag_tracks, old=True),
    Method("tag.getWeeklyChartList", tag_weeks, old=True),
    Method("library.getArtists", library_artists),
    Method("user.getFriends", friends),
    Method("user.getTopAlbums", user_albums),
    Method("user.getTopArtists", user_artists),
    Method("user.getTopTracks", user_tracks),
    Method("user.getWeeklyAlbumChart", week_albums),
    Method("user.getWeeklyArtistChart", week_artists),
    Method("user.getWeeklyTrackChart", week_tracks),
    Method("user.getWeeklyChartList", user_weeks, old=True),
)
