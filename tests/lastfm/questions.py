"""One question for each method of Last.fm's, and the emulator's world that answers them all."""

from __future__ import annotations

from lastfm_emulator import Emulator
from lastfm_emulator.account import Play as Kept
from tonearm.core.play import Track
from tonearm.lastfm.methods import album, artist, auth, charts, tag, tagging, track, user
from tonearm.lastfm.request import Request

from .bodies import PLAYS

WEEK = (1_700_000_000 - 7 * 86_400, 1_700_000_000 + 86_400)

READS: tuple[Request[object], ...] = (
    auth.token(),
    auth.session("t"),
    auth.mobile_session("Ada", "secret"),
    artist.info("Nina Simone", user="Ada", lang="de", autocorrect=True),
    artist.similar("Radiohead", limit=5),
    artist.tags("Low", user="Ada"),
    artist.top_tags("AC/DC"),
    artist.top_albums("Can").page(),
    artist.top_tracks("Can").page(),
    artist.search("a").page(),
    artist.correction("bjork"),
    album.info("Can", "Tago Mago", user="Ada"),
    album.tags("Can", "Tago Mago", user="Ada"),
    album.top_tags("Can", "Tago Mago"),
    album.search("a").page(),
    track.info("Can", "Vitamin C", user="Ada"),
    track.similar("Can", "Vitamin C"),
    track.tags("Can", "Vitamin C", user="Ada"),
    track.top_tags("Can", "Vitamin C"),
    track.search("s", artist="a").page(),
    track.correction("bjork", "jóga"),
    tag.info("rock"),
    tag.similar("rock"),
    tag.top_artists("rock").page(),
    tag.top_albums("rock").page(),
    tag.top_tracks("rock").page(),
    tag.top_tags(limit=5, offset=1),
    tag.weeks("rock"),
    charts.chart_top_artists().page(),
    charts.chart_top_tags().page(),
    charts.chart_top_tracks().page(),
    charts.geo_top_artists("Germany").page(),
    charts.geo_top_tracks("Germany").page(),
    charts.library_artists("Ada").page(),
    charts.user_top_artists("Ada").page(),
    charts.user_top_albums("Ada", period="12month").page(),
    charts.user_top_tracks("Ada", period="7day").page(),
    charts.user_top_tags("Ada", limit=10),
    charts.weeks("Ada"),
    charts.weekly_artist_chart("Ada", start=WEEK[0], end=WEEK[1]),
    charts.weekly_album_chart("Ada", start=WEEK[0], end=WEEK[1], limit=10),
    charts.weekly_track_chart("Ada", start=WEEK[0], end=WEEK[1]),
    user.info("Ada"),
    user.friends("Ada").page(),
    user.recent_tracks("Ada", extended=True).page(),
    user.loved_tracks("Ada").page(),
    user.track_scrobbles("Ada", "Low", "Sunflower").page(),
    tagging.tagged_artists("Ada", "slow").page(),
    tagging.tagged_albums("Ada", "slow").page(),
    tagging.tagged_tracks("Ada", "slow").page(),
)

WRITES = (
    track.scrobble(PLAYS, "sk"),
    track.now_playing(Track("Low", "Sunflower"), "sk"),
    track.love("Low", "Sunflower", "sk"),
    track.unlove("Low", "Sunflower", "sk"),
    tagging.add_artist_tags("Low", ["slow", "sad"], "sk"),
    tagging.add_album_tags("Low", "The Great Destroyer", ["slow"], "sk"),
    tagging.add_track_tags("Low", "Sunflower", ["slow"], "sk"),
    tagging.remove_artist_tag("Low", "sad", "sk"),
    tagging.remove_album_tag("Low", "The Great Destroyer", "sad", "sk"),
    tagging.remove_track_tag("Low", "Sunflower", "sad", "sk"),
)

QUESTIONS: tuple[Request[object], ...] = (*READS, *WRITES)


def furnish(emulator: Emulator) -> None:
    """Ada, who played, loved and tagged some things and follows two others."""
    emulator.befriend("Ada", "Bo", "Cy")
    ada = emulator.users["ada"]
    for i, (name, title, record) in enumerate(
        [
            ("Low", "Sunflower", "Things We Lost in the Fire"),
            ("Low", "Sunflower", "Things We Lost in the Fire"),
            ("Low", "Monkey", "The Great Destroyer"),
            ("Can", "Vitamin C", "Ege Bamyasi"),
            ("Nobody But Ada & 雪/+?#%", 'Hört "das" <hier>', ""),
        ]
    ):
        ada.keep(
            Kept(
                name,
                title,
                1_699_999_000 + 60 * i,
                record,
                duration=213 if i == 3 else None,
                sent_artist=name,
                sent_track=title,
            )
        )
    ada.heart("Can", "Vitamin C", 1_699_999_500)
    ada.tags |= {
        ("artist", "Low", ""): {"slow": "slow"},
        ("album", "Can", "Tago Mago"): {"slow": "Slow", "long": "long"},
        ("track", "Can", "Vitamin C"): {"slow": "slow"},
    }
