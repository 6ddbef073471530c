"""Artists, albums and tracks in answers: the members that many answers share. Members are in the order of the XML
answers; JSON has no order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from lastfm_emulator.music import mbid, share

if TYPE_CHECKING:
    from lastfm_emulator.method import Call
    from lastfm_emulator.music import Artist, Record, Song
    from lastfm_emulator.render import Body, Value

SITE: Final = "https://www.last.fm"
SIZES: Final = (("small", "34s"), ("medium", "64s"), ("large", "174s"), ("extralarge", "300x300"))
_MORE_SIZES: Final = (*SIZES, ("mega", "300x300"), ("", "300x300"))
PICTURES: Final = "https://lastfm.freetls.fastly.net/i/u"
# What Last.fm has shown instead of an artist's image since May 2019.
_STAR: Final = "2a96cbd8b46e442fc41c2b86b821562f"


def star(*, many: bool = False) -> list[Value]:
    return pictures(_STAR, many=many)


def pictures(name: str, *, many: bool = False) -> list[Value]:
    return [
        {"size": size, "#text": f"{PICTURES}/{folder}/{name}.png"} for size, folder in (_MORE_SIZES if many else SIZES)
    ]


def cover(artist: str, title: str, *, many: bool = False) -> list[Value]:
    """A different image for each album."""
    name = (mbid("cover", artist, title) or mbid("cover", title, "of", artist) or "0" * 32).replace("-", "")
    return pictures(name, many=many)


def slug(name: str) -> str:
    return quote(name.replace("+", "%2B"), safe=" ()!'*,&.:").replace(" ", "+")


def artist_url(artist: str) -> str:
    return f"{SITE}/music/{slug(artist)}"


def track_url(artist: str, track: str) -> str:
    return f"{artist_url(artist)}/_/{slug(track)}"


def album_url(artist: str, album: str) -> str:
    return f"{artist_url(artist)}/{slug(album)}"


def tag_url(tag: str) -> str:
    return f"{SITE}/tag/{slug(tag)}"


def id_of(*names: str) -> dict[str, Value]:
    """The member `mbid`, which is left out if there is none."""
    found = mbid(*names)
    return {"mbid": found} if found else {}


def by(artist: str) -> Body:
    return {"name": artist, **id_of(artist), "url": artist_url(artist)}


def tags(names: tuple[str, ...] | list[str]) -> list[Value]:
    return [{"name": name, "url": tag_url(name)} for name in names]


def weighed(names: tuple[str, ...]) -> list[Value]:
    """Tags with their weights: 100 for the first, and less for each that follows."""
    return [{"count": max(100 - 17 * i, 1), "name": name, "url": tag_url(name)} for i, name in enumerate(names)]


def artist_entry(artist: str, **facts: Value) -> dict[str, Value]:
    return {
        "name": artist,
        **facts,
        "mbid": mbid(artist),
        "url": artist_url(artist),
        "streamable": "0",
        "image": star(),
    }


def album_entry(artist: str, title: str, **facts: Value) -> dict[str, Value]:
    return {
        "name": title,
        **facts,
        **id_of(artist, title, "album"),
        "url": album_url(artist, title),
        "artist": by(artist),
        "image": cover(artist, title),
    }


def track_entry(artist: str, title: str, **facts: Value) -> dict[str, Value]:
    return {
        "name": title,
        **facts,
        "mbid": mbid(artist, title),
        "url": track_url(artist, title),
        "streamable": {"fulltrack": "0", "#text": "0"},
        "artist": by(artist),
        "image": star(),
    }


def playcount(artist: Artist) -> int:
    return artist.listeners * 38


def song_facts(artist: Artist, song: Song) -> dict[str, Value]:
    listeners = share(artist, song.title)
    return {"playcount": str(listeners * 9), "listeners": str(listeners)}


def songs(artist: Artist) -> list[tuple[Song, Record]]:
    """All tracks of an artist, the most played first."""
    found = [(song, record) for record in artist.records for song in record.songs]
    return sorted(found, key=lambda one: (-share(artist, one[0].title), one[0].title))


def ranked(entries: list[dict[str, Value]], first: int = 1) -> list[Value]:
    return [entry | {"@attr": {"rank": str(i)}} for i, entry in enumerate(entries, first)]


def cut(call: Call, entries: list[Value], default: int = 50, **attributes: Value) -> tuple[list[Value], Body]:
    """One page of the entries, numbered through, and the attributes of their container."""
    page, limit = call.paging(default)
    total = len(entries)
    facts: Body = {
        **attributes,
        "page": str(page),
        "perPage": str(limit),
        "totalPages": str(-(-total // limit)),
        "total": str(total),
    }
    return entries[(page - 1) * limit : page * limit], facts


def wiki(text: str, url: str, published: str = "13 May 2015, 01:04") -> Body:
    """An article with a link to its page at the end, as at Last.fm; without a text there is only the link."""
    more = f'<a href="{url}">Read more on Last.fm</a>'
    terms = "User-contributed text is available under the Creative Commons By-SA License; additional terms may apply."
    if not text:
        return {"published": "01 Jan 1970, 00:00", "summary": f" {more}", "content": ""}
    first = text.partition("\n")[0]
    return {"published": published, "summary": f"{first} {more}", "content": f"{text} {more}. {terms}"}
