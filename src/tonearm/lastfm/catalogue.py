"""Every method of Last.fm's, named once for both faces of the client.

Each is awaited on the async face and not on the other. They are plain functions with the words and parameters of what
they ask, so that `help()` shows them; for the type checker each is an attribute that knows on which face it is called.
"""

from __future__ import annotations

import re
from functools import update_wrapper
from inspect import Parameter, signature
from typing import TYPE_CHECKING

from tonearm.lastfm.methods import album, artist, auth, charts, tag, tagging, track, user

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Generic, ParamSpec, Self, TypeVar, overload

    from tonearm.core.verdict import Verdict
    from tonearm.lastfm.client import LastFm, LastFmSync
    from tonearm.lastfm.paging import Listing
    from tonearm.lastfm.request import Request
    from tonearm.lastfm.walk import SyncWalk, Walk

    P = ParamSpec("P")
    T = TypeVar("T")

    class _asked(Generic[P, T]):
        """A read: its answer, or a LastFmError."""

        def __init__(self, ask: Callable[P, Request[T]]) -> None: ...
        @overload
        def __get__(self, face: None, kind: type[object]) -> Self: ...
        @overload
        def __get__(self, face: LastFm, kind: type[object]) -> Callable[P, Coroutine[object, object, T]]: ...
        @overload
        def __get__(self, face: LastFmSync, kind: type[object]) -> Callable[P, T]: ...
        def __get__(self, face: object, kind: type[object]) -> object: ...

    class _told(Generic[P]):
        """A write: what became of it."""

        def __init__(self, tell: Callable[P, Request[track.TrackWrite]]) -> None: ...
        @overload
        def __get__(self, face: None, kind: type[object]) -> Self: ...
        @overload
        def __get__(self, face: LastFm, kind: type[object]) -> Callable[P, Coroutine[object, object, Verdict]]: ...
        @overload
        def __get__(self, face: LastFmSync, kind: type[object]) -> Callable[P, Verdict]: ...
        def __get__(self, face: object, kind: type[object]) -> object: ...

    class _walked(Generic[P, T]):
        """A list in pages: a walk over it."""

        def __init__(self, ask: Callable[P, Listing[T]]) -> None: ...
        @overload
        def __get__(self, face: None, kind: type[object]) -> Self: ...
        @overload
        def __get__(self, face: LastFm, kind: type[object]) -> Callable[P, Walk[T]]: ...
        @overload
        def __get__(self, face: LastFmSync, kind: type[object]) -> Callable[P, SyncWalk[T]]: ...
        def __get__(self, face: object, kind: type[object]) -> object: ...

else:

    def _asked(ask):
        return _method(ask, lambda self, /, *args, **named: self.ask(ask(*args, **named)))

    def _told(tell):
        return _method(tell, lambda self, /, *args, **named: self.tell(tell(*args, **named)))

    def _walked(ask):
        return _method(ask, lambda self, /, *args, **named: self.walk(ask(*args, **named)))


def _method(asks: Callable[..., object], call: Callable[..., object]) -> Callable[..., object]:
    """The call with the words and parameters of what it asks, and its answer as what it returns."""
    update_wrapper(call, asks)
    shown = signature(asks)
    answer = re.sub(r"^Request\[(.+)\]$", r"\1", str(shown.return_annotation))
    answer = answer.replace("Listing[", "Walk[").replace("TrackWrite", "Verdict")
    itself = Parameter("self", Parameter.POSITIONAL_ONLY)
    parameters = [itself, *shown.parameters.values()]
    vars(call)["__signature__"] = shown.replace(parameters=parameters, return_annotation=answer)
    return call


class Catalogue:
    """The methods of Last.fm's API. They check their arguments before anything is sent, and raise ValueError.

    Reads raise a LastFmError, writes never do: they say what became of it. Lists that come in pages are walks.
    """

    scrobble = _told(track.scrobble)
    now_playing = _told(track.now_playing)
    love = _told(track.love)
    unlove = _told(track.unlove)
    add_artist_tags = _told(tagging.add_artist_tags)
    add_album_tags = _told(tagging.add_album_tags)
    add_track_tags = _told(tagging.add_track_tags)
    remove_artist_tag = _told(tagging.remove_artist_tag)
    remove_album_tag = _told(tagging.remove_album_tag)
    remove_track_tag = _told(tagging.remove_track_tag)

    get_token = _asked(auth.token)
    get_session = _asked(auth.session)
    get_mobile_session = _asked(auth.mobile_session)

    artist_info = _asked(artist.info)
    artist_similar = _asked(artist.similar)
    artist_tags = _asked(artist.tags)
    artist_top_tags = _asked(artist.top_tags)
    artist_top_albums = _walked(artist.top_albums)
    artist_top_tracks = _walked(artist.top_tracks)
    artist_search = _walked(artist.search)
    artist_correction = _asked(artist.correction)

    album_info = _asked(album.info)
    album_tags = _asked(album.tags)
    album_top_tags = _asked(album.top_tags)
    album_search = _walked(album.search)

    track_info = _asked(track.info)
    track_similar = _asked(track.similar)
    track_tags = _asked(track.tags)
    track_top_tags = _asked(track.top_tags)
    track_search = _walked(track.search)
    track_correction = _asked(track.correction)

    tag_info = _asked(tag.info)
    tag_similar = _asked(tag.similar)
    tag_top_artists = _walked(tag.top_artists)
    tag_top_albums = _walked(tag.top_albums)
    tag_top_tracks = _walked(tag.top_tracks)
    top_tags = _asked(tag.top_tags)
    tag_weeks = _asked(tag.weeks)

    chart_top_artists = _walked(charts.chart_top_artists)
    chart_top_tags = _walked(charts.chart_top_tags)
    chart_top_tracks = _walked(charts.chart_top_tracks)
    geo_top_artists = _walked(charts.geo_top_artists)
    geo_top_tracks = _walked(charts.geo_top_tracks)

    user_info = _asked(user.info)
    friends = _walked(user.friends)
    recent_tracks = _walked(user.recent_tracks)
    track_scrobbles = _walked(user.track_scrobbles)
    loved_tracks = _walked(user.loved_tracks)
    library_artists = _walked(charts.library_artists)
    user_top_artists = _walked(charts.user_top_artists)
    user_top_albums = _walked(charts.user_top_albums)
    user_top_tracks = _walked(charts.user_top_tracks)
    user_top_tags = _asked(charts.user_top_tags)
    tagged_artists = _walked(tagging.tagged_artists)
    tagged_albums = _walked(tagging.tagged_albums)
    tagged_tracks = _walked(tagging.tagged_tracks)
    user_weeks = _asked(charts.weeks)
    weekly_artist_chart = _asked(charts.weekly_artist_chart)
    weekly_album_chart = _asked(charts.weekly_album_chart)
    weekly_track_chart = _asked(charts.weekly_track_chart)


METHODS = tuple(name for name in vars(Catalogue) if not name.startswith("_"))
"""The names of all of them."""

for _name in METHODS:
    vars(Catalogue)[_name].__name__ = _name
    vars(Catalogue)[_name].__qualname__ = f"Catalogue.{_name}"
