"""Rules for names: an edit that the listener wants made every time. Values in, values out.

A rule matches the names that a player sends, whatever their case, accents and blanks, and replaces them before a play
is queued.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import assert_never

from tonearm.core.cleaning import clean
from tonearm.core.name_caches import remembering
from tonearm.core.play import MissingName, Track
from tonearm.core.spelling import plain


@dataclass(frozen=True, slots=True)
class PlayNames:
    """The names of a play that can be edited."""

    artist: str
    title: str
    album: str = ""
    album_artist: str = ""

    @classmethod
    def of(cls, track: Track) -> PlayNames:
        """The names of a track."""
        return cls(track.artist, track.title, track.album, track.album_artist)

    def cleaned(self) -> PlayNames:
        """The names without invisible characters and superfluous blanks."""
        return PlayNames(clean(self.artist), clean(self.title), clean(self.album), clean(self.album_artist))

    def on(self, track: Track) -> Track:
        """The track with these names; with another artist or title it is another recording, without an MBID."""
        same = (self.artist, self.title) == (track.artist, track.title)
        return replace(
            track,
            artist=self.artist,
            title=self.title,
            album=self.album,
            album_artist=self.album_artist,
            mbid=track.mbid if same else "",
        )


class RuleScope(StrEnum):
    """Which plays a rule applies to: all by an artist, those from one of the artist's albums, or those of one track."""

    ARTIST = "artist"
    ALBUM = "album"
    TRACK = "track"


class BadRule(ValueError):
    """The rule would change nothing, or more than its scope allows; the message says what to do."""


@dataclass(frozen=True, slots=True)
class EditRule:
    """Plays in `scope` with the names `seen` get the names `to`. Create it with `edit_rule`, which checks it."""

    scope: RuleScope
    seen: PlayNames
    to: PlayNames

    @property
    def changes(self) -> dict[str, tuple[str, str]]:
        """The names that differ, each with the old and the new one."""
        both = {
            field.name: (getattr(self.seen, field.name), getattr(self.to, field.name)) for field in fields(PlayNames)
        }
        return {name: (old, new) for name, (old, new) in both.items() if old != new}

    @property
    def wanted(self) -> dict[str, str]:
        """The names that a play must have for the rule to match."""
        match self.scope:
            case RuleScope.ARTIST:
                return {"artist": self.seen.artist}
            case RuleScope.ALBUM:
                return {"artist": self.seen.artist, "album": self.seen.album}
            case RuleScope.TRACK:
                return {"artist": self.seen.artist, "title": self.seen.title}
            case _:
                assert_never(self.scope)

    @property
    def matches_as(self) -> tuple[RuleScope, tuple[str, ...]]:
        """The same for two rules that match the same plays and names."""
        return self.scope, tuple(_compared(getattr(self.seen, field.name)) for field in fields(PlayNames))

    def applied(self, track: Track, sent: Track | None = None) -> Track:
        """The track with the rule's names; each name is replaced only if the track has the one in `seen`. What the
        player `sent` counts as well, if other rules have changed the track already.
        """
        both = (track, sent or track)

        def has(name: str, value: str) -> bool:
            return any(_same(getattr(one, name), value) for one in both)

        if not all(has(name, value) for name, value in self.wanted.items()):
            return track
        new = {name: to for name, (old, to) in self.changes.items() if has(name, old)}
        return replace(PlayNames.of(track), **new).on(track)


@remembering(2**12)
def _compared(name: str) -> str:
    """A name as rules compare it: without case, accents and the kind of its blanks, quotes and dashes. Other signs
    stay, since they may be all that distinguishes two titles.
    """
    return " ".join(plain(name).split())


def _same(name: str, other: str) -> bool:
    return name == other or (bool(compared := _compared(name)) and compared == _compared(other))


def edit_rule(scope: RuleScope, seen: PlayNames, to: PlayNames) -> EditRule:
    """The rule that makes this edit every time, with clean names. Raises MissingName and BadRule. A title is only
    needed for a single track.
    """
    rule = EditRule(scope, seen.cleaned(), to.cleaned())
    if not rule.seen.artist or not rule.to.artist:
        raise MissingName("artist")
    if not rule.to.title and (rule.seen.title or scope is RuleScope.TRACK):
        raise MissingName("track")
    if scope is RuleScope.ALBUM and not rule.seen.album:
        raise BadRule("enter an album")
    if not rule.changes:
        raise BadRule("change a name first")
    if scope not in scopes(rule.seen, rule.to):
        raise BadRule(f"this changes more than the {scope}: choose a smaller scope")
    return rule


def scopes(seen: PlayNames, to: PlayNames) -> list[RuleScope]:
    """The scopes that an edit can have, the narrowest first: a title can't be the same for a whole album."""
    possible = [RuleScope.TRACK]
    if seen.title != to.title:
        return possible
    if seen.album:
        possible.append(RuleScope.ALBUM)
    if seen.album == to.album:
        possible.append(RuleScope.ARTIST)
    return possible


def ruled(track: Track, rules: Iterable[EditRule]) -> Track:
    """The track after all rules, each applied once, in the order in which they were made: the latest wins."""
    sent = track
    for rule in rules:
        track = rule.applied(track, sent)
    return track
