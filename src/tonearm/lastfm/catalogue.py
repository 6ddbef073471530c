"""Every method of Last.fm's API, named once for both the async and the sync client.

Each is awaited on the async client and not on the sync one. They are plain functions with the docstring and parameters
of their request, so that `help()` shows them; for the type checker, each is a descriptor that knows its client.
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
    from tonearm.lastfm.paging import Listing
    from tonearm.lastfm.request import Request
    from tonearm.lastfm.walk import SyncWalk, Walk

    P = ParamSpec("P")
    T = TypeVar("T")
    Awaited = Coroutine[object, object, T]

    class _read(Generic[P, T]):
        """A read: returns the answer, or raises a LastFmError."""

        def __init__(self, make_request: Callable[P, Request[T]]) -> None: ...
        @overload
        def __get__(self, face: None, kind: type[object]) -> Self: ...
        @overload
        def __get__(self, face: AsyncCatalogue, kind: type[object]) -> Callable[P, Awaited[T]]: ...
        @overload
        def __get__(self, face: SyncCatalogue, kind: type[object]) -> Callable[P, T]: ...
        def __get__(self, face: object, kind: type[object]) -> object: ...

    class _write(Generic[P]):
        """A write: returns the verdict on it."""

        def __init__(self, make_request: Callable[P, Request[track.TrackWrite]]) -> None: ...
        @overload
        def __get__(self, face: None, kind: type[object]) -> Self: ...
        @overload
        def __get__(self, face: AsyncCatalogue, kind: type[object]) -> Callable[P, Awaited[Verdict]]: ...
        @overload
        def __get__(self, face: SyncCatalogue, kind: type[object]) -> Callable[P, Verdict]: ...
        def __get__(self, face: object, kind: type[object]) -> object: ...

    class _list(Generic[P, T]):
        """A list in pages: returns a walk over it."""

        def __init__(self, make_request: Callable[P, Listing[T]]) -> None: ...
        @overload
        def __get__(self, face: None, kind: type[object]) -> Self: ...
        @overload
        def __get__(self, face: AsyncCatalogue, kind: type[object]) -> Callable[P, Walk[T]]: ...
        @overload
        def __get__(self, face: SyncCatalogue, kind: type[object]) -> Callable[P, SyncWalk[T]]: ...
        def __get__(self, face: object, kind: type[object]) -> object: ...

else:

    def _read(make_request):
        return _method(make_request, lambda self, /, *args, **named: self.ask(make_request(*args, **named)))

    def _write(make_request):
        return _method(make_request, lambda self, /, *args, **named: self.write(make_request(*args, **named)))

    def _list(make_request):
        return _method(make_request, lambda self, /, *args, **named: self.walk(make_request(*args, **named)))


def _method(make_request: Callable[..., object], call: Callable[..., object]) -> Callable[..., object]:
    """A method that makes the request and calls; it has the request's docstring and parameters."""
    update_wrapper(call, make_request)
    original = signature(make_request)
    answer = re.sub(r"^Request\[(.+)\]$", r"\1", str(original.return_annotation))
    answer = answer.replace("Listing[", "Walk[").replace("TrackWrite", "Verdict")
    itself = Parameter("self", Parameter.POSITIONAL_ONLY)
    parameters = [itself, *original.parameters.values()]
    vars(call)["__signature__"] = original.replace(parameters=parameters, return_annotation=answer)
    return call


class Catalogue:
    """The methods of Last.fm's API. They check their arguments before anything is sent, and raise ValueError.

    Reads raise a LastFmError; writes never do, but return a verdict. Lists that come in pages are returned as walks.
    """

    scrobble = _write(track.scrobble)
    now_playing = _write(track.now_playing)
    love = _write(track.love)
    unlove = _write(track.unlove)
    add_artist_tags = _write(tagging.add_artist_tags)
    add_album_tags = _write(tagging.add_album_tags)
    add_track_tags = _write(tagging.add_track_tags)
    remove_artist_tag = _write(tagging.remove_artist_tag)
    remove_album_tag = _write(tagging.remove_album_tag)
    remove_track_tag = _write(tagging.remove_track_tag)

    get_token = _read(auth.token)
    get_session = _read(auth.session)
    get_mobile_session = _read(auth.mobile_session)

    artist_info = _read(artist.info)
    artist_similar = _read(artist.similar)
    artist_tags = _read(artist.tags)
    artist_top_tags = _read(artist.top_tags)
    artist_top_albums = _list(artist.top_albums)
    artist_top_tracks = _list(artist.top_tracks)
    artist_search = _list(artist.search)
    artist_correction = _read(artist.correction)

    album_info = _read(album.info)
    album_tags = _read(album.tags)
    album_top_tags = _read(album.top_tags)
    album_search = _list(album.search)

    track_info = _read(track.info)
    track_similar = _read(track.similar)
    track_tags = _read(track.tags)
    track_top_tags = _read(track.top_tags)
    track_search = _list(track.search)
    track_correction = _read(track.correction)

    tag_info = _read(tag.info)
    tag_similar = _read(tag.similar)
    tag_top_artists = _list(tag.top_artists)
    tag_top_albums = _list(tag.top_albums)
    tag_top_tracks = _list(tag.top_tracks)
    top_tags = _read(tag.top_tags)
    tag_weeks = _read(tag.weeks)

    chart_top_artists = _list(charts.chart_top_artists)
    chart_top_tags = _list(charts.chart_top_tags)
    chart_top_tracks = _list(charts.chart_top_tracks)
    geo_top_artists = _list(charts.geo_top_artists)
    geo_top_tracks = _list(charts.geo_top_tracks)

    user_info = _read(user.info)
    friends = _list(user.friends)
    recent_tracks = _list(user.recent_tracks)
    track_scrobbles = _list(user.track_scrobbles)
    loved_tracks = _list(user.loved_tracks)
    library_artists = _list(charts.library_artists)
    user_top_artists = _list(charts.user_top_artists)
    user_top_albums = _list(charts.user_top_albums)
    user_top_tracks = _list(charts.user_top_tracks)
    user_top_tags = _read(charts.user_top_tags)
    tagged_artists = _list(tagging.tagged_artists)
    tagged_albums = _list(tagging.tagged_albums)
    tagged_tracks = _list(tagging.tagged_tracks)
    user_weeks = _read(charts.weeks)
    weekly_artist_chart = _read(charts.weekly_artist_chart)
    weekly_album_chart = _read(charts.weekly_album_chart)
    weekly_track_chart = _read(charts.weekly_track_chart)


METHODS = tuple(name for name in vars(Catalogue) if not name.startswith("_"))
"""The names of all of them."""

for _name in METHODS:
    vars(Catalogue)[_name].__name__ = _name
    vars(Catalogue)[_name].__qualname__ = f"Catalogue.{_name}"


class AsyncCatalogue(Catalogue):
    """The methods, each of them awaited."""


class SyncCatalogue(Catalogue):
    """The methods without `await`."""
