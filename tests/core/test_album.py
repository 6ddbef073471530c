"""An album that was played as a whole: its tracks follow each other, and the last one ends when the album did."""

from __future__ import annotations

from tonearm.core.album import AlbumTrack, played_through

ENDED = 1_790_000_000.0


def test_tracks_follow_each_other_and_the_last_one_ends_with_the_album() -> None:
    tracks = [AlbumTrack("Low", "A", 1, 100.0, "an-mbid"), AlbumTrack("Low", "B", 2), AlbumTrack("Slow", "C", 3, 60.0)]
    plays = played_through(tracks, "One", "Low", ENDED)
    assert [play.timestamp - ENDED for play in plays] == [-400, -300, -60]
    assert [play.played for play in plays] == [100, 240, 60]
    assert [(play.track.artist, play.track.title, play.track.duration) for play in plays] == [
        ("Low", "A", 100.0),
        ("Low", "B", None),
        ("Slow", "C", 60.0),
    ]
    assert {(play.track.album, play.track.album_artist) for play in plays} == {("One", "Low")}
    assert (plays[0].track.mbid, plays[2].track.track_number) == ("an-mbid", 3)
    assert played_through([], "One", "Low", ENDED) == []
