"""What Last.fm accepts: the numbers from its documentation, and those that users have measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from tonearm.core.destination import Concern, Ignoring, Rules
from tonearm.core.placeholder import placeholder
from tonearm.core.play import SHORTEST_TRACK, Play

ALREADY_THERE = 91
"""GNU FM's code for a repeat of a play that it has. Last.fm accepts such a repeat."""

OLDEST = 14 * 86400
"""Seconds; Last.fm ignores plays that are this old or older: measured by users, and answered with code 3."""

_BY_NAME = (1, 2)
"""Ignored codes of the filter, which blames the artist for other names, too."""


NOT_STORED = (92, 93)
"""GNU FM's codes for a play that its own database could not store."""

NAME_TOO_LONG = 94
"""Our own code: a play that GNU FM could not store because a name is too long for its database (255 letters)."""

_LASTFMS_CODES = {  # https://www.last.fm/api/show/track.scrobble
    3: Ignoring.TOO_OLD,
    4: Ignoring.TOO_NEW,
    5: Ignoring.DAILY_LIMIT,
    **dict.fromkeys(NOT_STORED, Ignoring.NOT_STORED),  # the play itself is fine
}

_GNU_FMS_CODES = {**_LASTFMS_CODES, 3: Ignoring.TOO_NEW, 4: Ignoring.TOO_OLD}
"""GNU FM swaps 3 and 4."""


def true_reason(play: Play, code: int, message: str, now: float) -> str:
    """Why Last.fm ignored a play: its code says "artist" for many things, so the play's facts are checked first."""
    return _true_reason(LASTFM, play, code, message, now, by_name=_BY_NAME)


def _true_reason(rules: Rules, play: Play, code: int, message: str, now: float, *, by_name: Collection[int]) -> str:
    """Why a play was ignored. `by_name` are the codes of a filter that ignores placeholder names."""
    track, service = play.track, rules.service
    if rules.too_old(play.timestamp, now):
        return rules.too_old_reason
    if track.duration and track.duration < rules.shortest:
        return f"the track is shorter than {rules.shortest:.0f} seconds"
    if code in by_name and (found := placeholder(track)):
        return f"{service}'s filter ignores placeholders such as the {found.field} {found.name!r}: correct the tags"
    quoted = f" ({message})" if message else ""
    match rules.meaning(play, code, now):
        case Ignoring.TOO_OLD:
            return f"{service} says that the play is too old{quoted}"
        case Ignoring.TOO_NEW:
            return f"{service} said twice that this play starts in the future; is a clock wrong?{quoted}"
        case _ if code == 1:
            return f"{service}'s filter ignored the artist {track.artist!r}{quoted}"
        case _ if code == 2:
            return f"{service}'s filter ignored the track {track.title!r}{quoted}"
        case _ if code == NAME_TOO_LONG:
            return f"its names are too long for {service}"
        case _:
            return f"{service} ignored it with code {code}{quoted}"


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
    codes=_LASTFMS_CODES,
    errors={  # https://www.last.fm/api/errorcodes
        6: Concern.PLAY,
        7: Concern.PLAY,
        8: Concern.BACKEND,
        12: Concern.ACCOUNT,
        13: Concern.SIGNATURE,
        16: Concern.BACKEND,  # it has been seen with the database's error as its message
        18: Concern.ACCOUNT,
    },
    reason=true_reason,
)
"""Last.fm's own rules. An identical play sent again makes no second one: Last.fm drops the repeat."""


def like_lastfm(service: str, codes: Mapping[int, Ignoring] = _LASTFMS_CODES) -> Rules:
    """The rules of another server that speaks Last.fm's protocol: plays of any age and length, without a daily limit.

    `service` is its name for people.
    """

    def reason(play: Play, code: int, message: str, now: float) -> str:
        return _true_reason(rules, play, code, message, now, by_name=())

    rules = replace(
        LASTFM,
        oldest=None,
        too_old_reason=f"{service} accepts plays of any age",
        shortest=0.0,
        daily_limit=False,
        codes=codes,
        reason=reason,
        service=service,
    )
    return rules


def gnu_fm(service: str) -> Rules:
    """The rules of a server that runs GNU FM: an identical play sent again is stored once, and answered with 91."""
    return like_lastfm(service, _GNU_FMS_CODES)


LIBREFM = gnu_fm("Libre.fm")
