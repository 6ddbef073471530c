"""One user's tags: addTags and removeTag, getTags, user.getTopTags and user.getPersonalTags."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

from lastfm_emulator import shelf
from lastfm_emulator.method import Method, Needs
from lastfm_emulator.refusal import Refusal

if TYPE_CHECKING:
    from lastfm_emulator.account import User
    from lastfm_emulator.method import Call
    from lastfm_emulator.render import Body, Value

MAX_TAGS: Final = 10
KINDS: Final = ("artist", "album", "track")


def _thing(call: Call, kind: str) -> tuple[str, str, str]:
    """What is tagged: its kind, its artist, and its title if it is no artist."""
    return kind, call.required("artist"), "" if kind == "artist" else call.required(kind)


def _own(user: User, thing: tuple[str, str, str]) -> dict[str, str]:
    """The tags of that thing, which is found in upper or lower case."""
    kind, artist, title = thing
    for known in user.tags:
        if known[0] == kind and [part.casefold() for part in known[1:]] == [artist.casefold(), title.casefold()]:
            return user.tags[known]
    return user.tags.setdefault(thing, {})


def add_tags(call: Call, kind: str) -> Body:
    """A comma-separated list of at most ten."""
    tags = [tag.strip() for tag in call.required("tags").split(",") if tag.strip()]
    if not 1 <= len(tags) <= MAX_TAGS:
        raise Refusal(6)
    call.tally.items = 1
    own = _own(call.writer(), _thing(call, kind))
    for tag in tags:
        own.setdefault(tag.casefold(), tag)
    return {}


def remove_tag(call: Call, kind: str) -> Body:
    call.tally.items = 1
    tag = call.required("tag")
    _own(call.writer(), _thing(call, kind)).pop(tag.strip().casefold(), None)
    return {}


def get_tags(call: Call, kind: str) -> Body:
    """The tags of the named user, otherwise of the session's user."""
    user = call.named_user() if call.user is None or call.params.get("user") else call.user
    thing = _thing(call, kind)
    tags = list(_own(user, thing).values())
    about = {"artist": thing[1]} | ({kind: thing[2]} if thing[2] else {})
    if not tags:
        return {"tags": {"#text": " ", "@attr": about}}
    return {"tags": {"tag": shelf.tags(tags), "@attr": about}}


def top_tags(call: Call) -> Body:
    user = call.named_user()
    counts: Counter[str] = Counter(tag for tags in user.tags.values() for tag in tags.values())
    found = counts.most_common(call.bounded("limit", 50, 1000))
    listed: list[Value] = [{"name": name, "count": str(count), "url": shelf.tag_url(name)} for name, count in found]
    return {"toptags": {"tag": listed, "@attr": {"user": user.name}}}


def personal_tags(call: Call) -> Body:
    user, tag, kind = call.named_user(), call.required("tag"), call.required("taggingtype")
    if kind not in KINDS:
        raise Refusal(6, "taggingtype param invalid")
    bear = [thing for thing, tags in user.tags.items() if thing[0] == kind and tag.casefold() in tags]
    entries: list[Value] = [_entry(*thing) for thing in bear]
    listed, facts = shelf.cut(call, entries, user=user.name, tag=tag)
    return {"taggings": {f"{kind}s": {kind: listed}, "@attr": facts}}


def _entry(kind: str, artist: str, title: str) -> dict[str, Value]:
    if kind == "artist":
        return shelf.artist_entry(artist)
    if kind == "album":
        return shelf.album_entry(artist, title)
    return shelf.track_entry(artist, title, duration="FIXME")


METHODS = (
    *[Method(f"{kind}.addTags", partial(add_tags, kind=kind), Needs.SESSION, old=True) for kind in KINDS],
    *[Method(f"{kind}.removeTag", partial(remove_tag, kind=kind), Needs.SESSION, old=True) for kind in KINDS],
    *[Method(f"{kind}.getTags", partial(get_tags, kind=kind), old=True) for kind in KINDS],
    Method("user.getTopTags", top_tags, old=True),
    Method("user.getPersonalTags", personal_tags, old=True),
)
