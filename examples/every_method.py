"""Every method of Last.fm's API, async and sync: its arguments, and the type of its result.

    LASTFM_API_KEY=… LASTFM_API_SECRET=… LASTFM_USER=… python examples/every_method.py

It only reads, unless LASTFM_SESSION_KEY is given. mypy checks this file: each line names the type that it gets.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from tonearm import (
    AlbumEntry,
    AlbumInfo,
    ArtistEntry,
    ArtistInfo,
    BadParameters,
    CorrectedTrack,
    Keys,
    LastFm,
    LastFmSync,
    LovedTrack,
    Page,
    PagePosition,
    Play,
    RecentTrack,
    Session,
    SimilarArtist,
    SimilarTrack,
    Tag,
    TagEntry,
    TagInfo,
    Track,
    TrackEntry,
    TrackInfo,
    UserInfo,
    Verdict,
    Week,
    WeeklyChart,
    user_agent,
)

KEYS = Keys(os.environ.get("LASTFM_API_KEY", "0" * 32), os.environ.get("LASTFM_API_SECRET", "0" * 32))
URL = os.environ.get("LASTFM_API_URL", "https://ws.audioscrobbler.com/2.0/")
USER = os.environ.get("LASTFM_USER", "RJ")
NAME = user_agent("example", "1.0", "you@example.org")  # Last.fm wants to know who is calling, and whom to contact


async def about_music(lastfm: LastFm) -> None:
    artist: ArtistInfo = await lastfm.artist_info("Nina Simone", user=USER, autocorrect=True)
    by_id: ArtistInfo = await lastfm.artist_info(mbid=artist.mbid) if artist.mbid else artist
    alike: tuple[SimilarArtist, ...] = await lastfm.artist_similar("Radiohead", limit=5)
    tags: tuple[Tag, ...] = await lastfm.artist_top_tags("Radiohead")
    right: ArtistEntry | None = await lastfm.artist_correction("guns and roses")
    print(by_id.name, artist.user_playcount, [one.match for one in alike], [tag.count for tag in tags], right)
    print(artist.bio.content if artist.bio else "no biography", artist.images.largest)

    albums: list[AlbumEntry] = [album async for album in lastfm.artist_top_albums("Radiohead", limit=3)]
    tracks: list[TrackEntry] = [track async for track in lastfm.artist_top_tracks("Radiohead", limit=3)]
    artists: list[ArtistEntry] = [found async for found in lastfm.artist_search("Radio", limit=3)]
    print([album.title for album in albums], [track.playcount for track in tracks], [one.name for one in artists])

    album: AlbumInfo = await lastfm.album_info("Can", "Ege Bamyasi")
    album_tags: tuple[Tag, ...] = await lastfm.album_top_tags("Can", "Ege Bamyasi")
    found_albums: Page[AlbumEntry] = await lastfm.album_search("e").page()
    print([(song.rank, song.title, song.duration) for song in album.tracks], album_tags, found_albums.total)

    track: TrackInfo = await lastfm.track_info("Can", "Vitamin C", user=USER)
    others: tuple[SimilarTrack, ...] = await lastfm.track_similar("Can", "Vitamin C")
    track_tags: tuple[Tag, ...] = await lastfm.track_top_tags("Can", "Vitamin C")
    spelt: CorrectedTrack | None = await lastfm.track_correction("bjork", "jóga")
    found_tracks: list[TrackEntry] = [one async for one in lastfm.track_search("Monkey", artist="Low", limit=3)]
    print(track.duration, track.user_loved, others[:1], track_tags[:1], spelt, found_tracks)


async def about_tags_and_charts(lastfm: LastFm) -> None:
    tag: TagInfo = await lastfm.tag_info("rock", lang="en")
    none_for_years: tuple[Tag, ...] = await lastfm.tag_similar("rock")
    common: tuple[TagEntry, ...] = await lastfm.top_tags(limit=3)
    artists: list[ArtistEntry] = [one async for one in lastfm.tag_top_artists("rock", limit=3)]
    albums: list[AlbumEntry] = [one async for one in lastfm.tag_top_albums("rock", limit=3)]
    tracks: list[TrackEntry] = [one async for one in lastfm.tag_top_tracks("rock", limit=3)]
    weeks: tuple[Week, ...] = await lastfm.tag_weeks("rock")
    print(tag.reach, none_for_years, common, artists, albums, tracks, weeks[0].start)

    most_heard: list[ArtistEntry] = [one async for one in lastfm.chart_top_artists(limit=3)]
    most_given: list[TagEntry] = [one async for one in lastfm.chart_top_tags(limit=3)]
    most_played: list[TrackEntry] = [one async for one in lastfm.chart_top_tracks(limit=3)]
    at_home: list[ArtistEntry] = [one async for one in lastfm.geo_top_artists("Germany", limit=3)]
    at_home_too: list[TrackEntry] = [one async for one in lastfm.geo_top_tracks("Germany", limit=3)]
    print(most_heard, most_given, most_played, at_home, at_home_too)


def about_a_listener(lastfm: LastFmSync) -> None:
    profile: UserInfo = lastfm.user_info(USER)
    week_ago = datetime.now(UTC) - timedelta(days=7)
    plays: list[RecentTrack] = list(lastfm.recent_tracks(USER, since=week_ago, extended=True, limit=500))
    loved: list[LovedTrack] = list(lastfm.loved_tracks(USER, limit=10))
    again: list[RecentTrack] = list(lastfm.track_scrobbles(USER, "Low", "Sunflower"))
    page: Page[RecentTrack] = lastfm.recent_tracks(USER, size=50).page(1)
    print(profile.playcount, len(plays), loved, len(again), page.total, page.now_playing)

    walk = lastfm.recent_tracks(USER, size=200)
    for number, some in enumerate(walk.pages()):
        print(len(some.items), "plays kept")
        if number == 1:
            break
    left_at: PagePosition = walk.position  # save it, and continue tomorrow
    print([play.title for play in lastfm.recent_tracks(USER, start=left_at, limit=3)])

    artists: list[ArtistEntry] = list(lastfm.user_top_artists(USER, period="12month", limit=3))
    albums: list[AlbumEntry] = list(lastfm.user_top_albums(USER, period="7day", limit=3))
    tracks: list[TrackEntry] = list(lastfm.user_top_tracks(USER, limit=3))
    library: list[ArtistEntry] = list(lastfm.library_artists(USER, limit=3))
    tags: tuple[Tag, ...] = lastfm.user_top_tags(USER)
    weeks: tuple[Week, ...] = lastfm.user_weeks(USER)
    week: WeeklyChart[ArtistEntry] = lastfm.weekly_artist_chart(USER)
    week_of_albums: WeeklyChart[AlbumEntry] = lastfm.weekly_album_chart(USER, start=weeks[-1].start, end=weeks[-1].end)
    week_of_tracks: WeeklyChart[TrackEntry] = lastfm.weekly_track_chart(USER, limit=10)
    print(artists, albums, tracks, library, tags, week, week_of_albums, week_of_tracks)

    given: tuple[Tag, ...] = lastfm.artist_tags("Low", user=USER)
    given_to_albums: tuple[Tag, ...] = lastfm.album_tags("Low", "The Great Destroyer", user=USER)
    given_to_tracks: tuple[Tag, ...] = lastfm.track_tags("Low", "Sunflower", user=USER)
    tagged: list[ArtistEntry] = list(lastfm.tagged_artists(USER, "slow"))
    tagged_albums: list[AlbumEntry] = list(lastfm.tagged_albums(USER, "slow"))
    tagged_tracks: list[TrackEntry] = list(lastfm.tagged_tracks(USER, "slow"))
    print(given, given_to_albums, given_to_tracks, tagged, tagged_albums, tagged_tracks)
    token: str = lastfm.get_token()  # the listener approves it, then: lastfm.get_session(token)
    print(len(token))


def write(lastfm: LastFmSync, session_key: str) -> None:
    track = Track("Low", "Sunflower", "Things We Lost in the Fire", duration=276)
    results: list[Verdict] = [
        lastfm.now_playing(track, session_key),
        lastfm.scrobble([Play(track, int(time.time()) - 300, 276)], session_key),
        lastfm.love("Low", "Sunflower", session_key),
        lastfm.unlove("Low", "Sunflower", session_key),
        lastfm.add_artist_tags("Low", ["slow", "quiet"], session_key),
        lastfm.add_album_tags("Low", "The Great Destroyer", ["loud"], session_key),
        lastfm.add_track_tags("Low", "Sunflower", ["slow"], session_key),
        lastfm.remove_artist_tag("Low", "quiet", session_key),
        lastfm.remove_album_tag("Low", "The Great Destroyer", "loud", session_key),
        lastfm.remove_track_tag("Low", "Sunflower", "slow", session_key),
    ]
    own: UserInfo = lastfm.user_info(session_key=session_key)
    with suppress(BadParameters):  # Last.fm's answer if there are no friends
        friends: list[UserInfo] = list(lastfm.friends(own.name))
        print([friend.name for friend in friends])
    print(results, own.name)


def sign_in(lastfm: LastFmSync, token: str) -> Session:
    """With the token that the listener approved."""
    return lastfm.get_session(token)


def sign_in_without_a_browser(lastfm: LastFmSync, username: str, password: str) -> Session:
    return lastfm.get_mobile_session(username, password)


async def main() -> None:
    async with LastFm(KEYS, URL, user_agent=NAME) as lastfm:
        await about_music(lastfm)
        await about_tags_and_charts(lastfm)


if __name__ == "__main__":
    asyncio.run(main())
    with LastFmSync(KEYS, URL, user_agent=NAME) as client:
        about_a_listener(client)
        if key := os.environ.get("LASTFM_SESSION_KEY"):
            write(client, key)
