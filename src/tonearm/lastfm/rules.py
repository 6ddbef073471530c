"""What Last.fm takes: the numbers of its documentation, and those that users have measured."""

from __future__ import annotations

from tonearm.core.destination import Concern, Ignoring, Rules
from tonearm.core.placeholder import placeholder
from tonearm.core.play import SHORTEST_TRACK, Play

ALREADY_THERE = 91
"""GNU FM's code for a repeat of a play that it has. Last.fm accepts such a repeat."""

OLDEST = 14 * 86400
"""Seconds; Last.fm ignores plays that are this old or older: measured by users, and answered with code 3."""

_BY_NAME = (1, 2)
"""Ignored codes of the filter, which blames the artist for other names, too."""


def true_reason(play: Play, code: int, message: str, now: float) -> str:
    """Why Last.fm left a play out: its code says "artist" for many things, so the facts are asked first."""
    track = play.track
    if LASTFM.too_old(play.timestamp, now):
        return LASTFM.too_old_reason
    if track.duration and track.duration < LASTFM.shortest:
        return f"the track is shorter than {LASTFM.shortest:.0f} seconds"
    if code in _BY_NAME and (found := placeholder(track)):
        return f"Last.fm's filter ignores placeholders such as the {found.field} {found.name!r}: correct the tags"
    quoted = f" ({message})" if message else ""
    match LASTFM.meaning(play, code, now):
        case Ignoring.TOO_OLD:
            return f"Last.fm says that the play is too old{quoted}"
        case Ignoring.TOO_NEW:
            return f"Last.fm said twice that this play starts in the future; is a clock wrong?{quoted}"
        case _ if code == 1:
            return f"Last.fm's filter ignored the artist {track.artist!r}{quoted}"
        case _ if code == 2:
            return f"Last.fm's filter ignored the track {track.title!r}{quoted}"
        case _:
            return f"Last.fm ignored it with code {code}{quoted}"


LASTFM = Rules(
    batch=50,  # https://www.last.fm/api/show/track.scrobble
    oldest=OLDEST,
    too_old_reason="older than 14 days: Last.fm doesn't accept plays that old",
    shortest=SHORTEST_TRACK,  # https://www.last.fm/api/scrobbling
    daily_limit=True,
    # Seconds after "too many scrobbles": the median recovery that users measured is two hours.
    account_ladder=(300.0, 900.0, 1800.0, 3600.0, 7200.0),
    # Seconds for everybody after "your IP has made too many requests".
    address_ladder=(60.0, 120.0, 300.0, 600.0),
    codes={  # https://www.last.fm/api/show/track.scrobble
        3: Ignoring.TOO_OLD,
        4: Ignoring.TOO_NEW,
        5: Ignoring.DAILY_LIMIT,
        # GNU FM's codes for a play that its own database could not store: nothing is wrong with the play.
        92: Ignoring.NOT_STORED,
        93: Ignoring.NOT_STORED,
    },
    errors={  # https://www.last.fm/api/errorcodes
        6: Concern.PLAY,
        7: Concern.PLAY,
        8: Concern.BACKEND,
        12: Concern.ACCOUNT,
        13: Concern.SIGNATURE,
        16: Concern.BACKEND,  # it was seen with the message of the database below
        18: Concern.ACCOUNT,
    },
    reason=true_reason,
)
"""Last.fm, and what speaks its protocol. The very same play sent again makes no second one: it drops the repeat."""
