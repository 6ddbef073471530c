"""Rules that make an edit every time: which plays they are about, and what they change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tonearm.core.edit_rules import BadRule, PlayNames, RuleScope, edit_rule, ruled, scopes
from tonearm.core.play import MissingName, Track

ARTIST, ALBUM, TRACK = RuleScope.ARTIST, RuleScope.ALBUM, RuleScope.TRACK

SEEN = PlayNames("Bjork", "Joga", "Homogenic", "Bjork")
TRACK_SENT = Track("Bjork", "Joga", "Homogenic", "Bjork", 305.0, 2, "an-mbid")


def names(track: Track) -> tuple[str, str, str, str]:
    return (track.artist, track.title, track.album, track.album_artist)


@pytest.mark.parametrize(
    ("scope", "to", "sent", "becomes"),
    [
        (ARTIST, {"artist": "Björk"}, {"title": "Hunter", "album": "Post"}, ("Björk", "Hunter", "Post", "Bjork")),
        (ARTIST, {"artist": "Björk"}, {"artist": " BJÖRK "}, ("Björk", "Joga", "Homogenic", "Bjork")),
        (ARTIST, {"artist": "Björk"}, {"artist": "Bjork!"}, ("Bjork!", "Joga", "Homogenic", "Bjork")),
        (ARTIST, {"artist": "Björk"}, {"artist": "Bjork 2"}, ("Bjork 2", "Joga", "Homogenic", "Bjork")),
        (
            ARTIST,
            {"artist": "Björk", "album_artist": "Björk"},
            {"album_artist": ""},
            ("Björk", "Joga", "Homogenic", ""),
        ),
        (ARTIST, {"album_artist": "Björk"}, {}, ("Bjork", "Joga", "Homogenic", "Björk")),
        (ARTIST, {"album_artist": "Björk"}, {"album_artist": "Various"}, ("Bjork", "Joga", "Homogenic", "Various")),
        (ALBUM, {"album": "Homogenic (Live)"}, {"title": "Hunter"}, ("Bjork", "Hunter", "Homogenic (Live)", "Bjork")),
        (ALBUM, {"album": ""}, {"album": "Post"}, ("Bjork", "Joga", "Post", "Bjork")),
        (ALBUM, {"album": "", "artist": "Björk"}, {}, ("Björk", "Joga", "", "Bjork")),
        (TRACK, {"title": "Jóga"}, {"album": "Greatest Hits"}, ("Bjork", "Jóga", "Greatest Hits", "Bjork")),
        (TRACK, {"title": "Jóga"}, {"title": "Hunter"}, ("Bjork", "Hunter", "Homogenic", "Bjork")),
        (TRACK, {"title": "Jóga", "album": "X"}, {"album": "Post"}, ("Bjork", "Jóga", "Post", "Bjork")),
    ],
)
def test_a_rule_changes_the_names_that_were_edited_of_the_plays_in_its_scope(
    scope: RuleScope, to: dict[str, str], sent: dict[str, str], becomes: tuple[str, str, str, str]
) -> None:
    rule = edit_rule(scope, SEEN, replace(SEEN, **to))
    assert names(rule.applied(replace(TRACK_SENT, **sent))) == becomes  # type: ignore[arg-type]  # texts


def test_another_artist_or_title_is_another_recording_and_another_album_is_not() -> None:
    renamed = edit_rule(TRACK, SEEN, replace(SEEN, title="Jóga")).applied(TRACK_SENT)
    assert (renamed.mbid, renamed.duration, renamed.track_number) == ("", 305.0, 2)
    assert edit_rule(ALBUM, SEEN, replace(SEEN, album="Post")).applied(TRACK_SENT).mbid == "an-mbid"


def test_a_rule_has_clean_names_and_changes_something() -> None:
    assert edit_rule(ARTIST, SEEN, replace(SEEN, artist=" Bj\u00f6rk\ufeff ")).to.artist == "Björk"
    with pytest.raises(MissingName) as missing:
        edit_rule(TRACK, SEEN, replace(SEEN, title=" "))
    assert missing.value.field == "track"
    with pytest.raises(MissingName) as missing:
        edit_rule(TRACK, PlayNames("Bjork", ""), PlayNames("Björk", ""))
    assert missing.value.field == "track"
    with pytest.raises(MissingName) as missing:
        edit_rule(ARTIST, PlayNames("", ""), PlayNames("Björk", ""))
    assert missing.value.field == "artist"
    with pytest.raises(BadRule, match=r"^change a name first$"):
        edit_rule(TRACK, SEEN, replace(SEEN, title="Joga "))


def test_a_rule_for_an_artist_or_an_album_needs_no_title() -> None:
    seen = PlayNames("Bjork", "")
    assert edit_rule(ARTIST, seen, replace(seen, artist="Björk")).applied(TRACK_SENT).artist == "Björk"
    with pytest.raises(BadRule, match=r"^enter an album$"):
        edit_rule(ALBUM, seen, replace(seen, artist="Björk"))


@pytest.mark.parametrize(
    ("seen", "to", "possible"),
    [
        ({}, {"artist": "Björk"}, [TRACK, ALBUM, ARTIST]),
        ({"album": ""}, {"artist": "Björk"}, [TRACK, ARTIST]),
        ({}, {"album": "Post"}, [TRACK, ALBUM]),
        ({"album": ""}, {"album": "Post"}, [TRACK]),
        ({}, {"title": "Jóga", "artist": "Björk"}, [TRACK]),
    ],
)
def test_a_scope_is_offered_only_if_all_of_its_plays_can_have_the_new_names(
    seen: dict[str, str], to: dict[str, str], possible: list[RuleScope]
) -> None:
    before = replace(SEEN, **seen)
    after = replace(before, **to)
    assert scopes(before, after) == possible
    for scope in RuleScope:
        if scope not in possible and not (scope is ALBUM and not before.album):
            with pytest.raises(BadRule, match=f"changes more than the {scope}"):
                edit_rule(scope, before, after)


def test_rules_apply_once_each_in_the_order_in_which_they_were_made() -> None:
    there = edit_rule(ARTIST, PlayNames("A", "x"), PlayNames("B", "x"))
    back = edit_rule(ARTIST, PlayNames("B", "x"), PlayNames("A", "x"))
    on = edit_rule(ARTIST, PlayNames("B", "x"), PlayNames("C", "x"))
    assert ruled(Track("A", "t"), [there, on]).artist == "C"
    assert ruled(Track("A", "t"), [there, back]).artist == "A"
    assert ruled(Track("B", "t"), [there, back]).artist == "A"
    assert ruled(Track("D", "t"), [there, back, on]) == Track("D", "t")


def test_a_rule_matches_what_was_sent_although_another_rule_has_changed_it() -> None:
    everything = edit_rule(ARTIST, PlayNames("A", ""), PlayNames("B", ""))
    one_track = edit_rule(TRACK, PlayNames("A", "t"), PlayNames("C", "u"))
    assert names(ruled(Track("A", "t"), [everything, one_track]))[:2] == ("C", "u")
    assert names(ruled(Track("a", "other"), [everything, one_track]))[:2] == ("B", "other")


def test_signs_that_distinguish_two_titles_distinguish_them_for_rules() -> None:
    rule = edit_rule(TRACK, PlayNames("Sigur Rós", "( )"), PlayNames("Sigur Rós", "Vaka"))
    assert rule.applied(Track("sigur ros", "(  )")).title == "Vaka"
    assert rule.applied(Track("Sigur Rós", "()")).title == "()"
    assert rule.applied(Track("Sigur Rós", "\u0301")).title == "\u0301"
