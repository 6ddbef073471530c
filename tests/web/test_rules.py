"""Edits that are made every time: from the page of a play, with a preview, and undone in the settings."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import Connection

import tonearm
from tests.web.conftest import House
from tonearm.store import edit_rules, plays, queue

pytestmark = pytest.mark.anyio

BJORK = {"artist": "Bjork", "track": "Joga", "album": "Homogenic", "album_artist": ""}
EDITED = BJORK | {"artist": "Björk"}


async def heard(house: House, artist: str = "Bjork", title: str = "Joga", ago: float = 900) -> int:
    track = tonearm.Track(artist, title, album="Homogenic", duration=200)
    return (await house.me.scrobble(track, started_at=house.deck.clock.now() - ago, played=200)).id


def text(page: str) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", page)).split())


async def test_an_edit_is_previewed_and_made_every_time(house: House) -> None:
    await house.connect()
    await heard(house, title="Hunter", ago=2000)
    play = await heard(house)
    assert "Do this every time…" in text(await house.page(f"/plays/{play}"))
    preview = await house.http.post(f"/plays/{play}/every-time", data=EDITED)
    assert preview.status_code == 200
    words = text(preview.text)
    assert "Artist: Bjork → Björk" in words
    assert "Joga by Bjork would have changed 1 play in your history" in words
    assert "Every track on Homogenic by Bjork would have changed 2 plays" in words
    assert "Everything by Bjork would have changed 2 plays" in words
    assert await house.deck.edit_rules.of(house.me.id) == []

    made = await house.http.post(f"/plays/{play}/rules", data=EDITED | {"scope": "artist", "edit": "true"})
    assert (made.status_code, made.headers["location"]) == (303, "/settings/rules")
    details = await house.deck.play_actions.details(house.me.id, play)
    assert details is not None
    assert details.stored.fate == "discarded"
    assert details.replaced_by is not None
    listed = await house.page("/settings/rules")
    assert "Everything by Bjork" in text(listed)
    later = await heard(house, title="Pluto", ago=300)
    story = text(await house.page(f"/plays/{later}"))
    assert "Names changed" in story
    assert "The player sent Bjork – Pluto, from Homogenic." in story
    assert "1 rule" in text(await house.page("/settings"))

    [rule] = await house.deck.edit_rules.of(house.me.id)
    undone = await house.http.post(f"/settings/rules/{rule.id}/undo")
    assert (undone.status_code, undone.headers["location"]) == (303, "/settings/rules")
    assert "No rules yet." in text(await house.page("/settings/rules"))
    assert (await house.http.post(f"/settings/rules/{rule.id}/undo")).status_code == 404


async def test_a_play_that_cant_be_edited_can_still_make_a_rule(house: House) -> None:
    await house.connect()
    play = await heard(house)
    await house.deck.store.write(lambda db: _accepted(db, play))
    page = text(await house.page(f"/plays/{play}"))
    assert "Use other names next time" in page
    assert "Edit and send again" not in page
    preview = await house.http.post(f"/plays/{play}/every-time", data=EDITED)
    assert "Also send this play" not in preview.text
    made = await house.http.post(f"/plays/{play}/rules", data=EDITED | {"scope": "track"})
    assert made.status_code == 303
    details = await house.deck.play_actions.details(house.me.id, play)
    assert details is not None
    assert (details.stored.fate, details.stored.play.track.artist) == ("accepted", "Bjork")


async def test_a_rule_from_a_play_that_was_edited_recognises_what_the_player_sends(house: House) -> None:
    await house.connect()
    play = await heard(house)
    album = BJORK | {"album": "Homogenic (Deluxe)"}
    edited = await house.http.post(f"/plays/{play}/correct", data=album)  # it stays the same play
    assert edited.headers["location"] == f"/plays/{play}"
    story = text(await house.page(f"/plays/{play}"))
    assert "The player sent Bjork – Joga, from Homogenic." in story
    edited = await house.http.post(f"/plays/{play}/correct", data=album | {"artist": "Björk Gudmundsdóttir"})
    instead = edited.headers["location"]
    form = album | {"artist": "Björk Gudmundsdóttir"}
    preview = await house.http.post(f"{instead}/every-time", data=form)
    words = text(preview.text)
    assert "Artist: Bjork → Björk Gudmundsdóttir" in words
    assert "Album: Homogenic → Homogenic (Deluxe)" in words
    assert (await house.http.post(f"{instead}/rules", data=form | {"scope": "album"})).status_code == 303
    later = await heard(house, artist="björk", title="Hunter", ago=300)
    details = await house.deck.play_actions.details(house.me.id, later)
    assert details is not None
    track = details.stored.play.track
    assert (track.artist, track.album) == ("Björk Gudmundsdóttir", "Homogenic (Deluxe)")


def _accepted(db: Connection, play: int) -> None:
    queue.remove(db, [play])
    plays.settle(db, [play], "accepted", 1.0)


async def test_a_form_that_is_refused_keeps_what_was_typed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.connect()
    play = await heard(house)
    for path in ("every-time", "rules"):
        scope = {"scope": "track"}
        same = await house.http.post(f"/plays/{play}/{path}", data=BJORK | scope)
        assert same.status_code == 422
        assert "Change a name first." in same.text
        empty = await house.http.post(f"/plays/{play}/{path}", data=EDITED | {"track": " "} | scope)
        assert empty.status_code == 422
        assert "Enter a track." in empty.text
        assert 'value="Björk"' in empty.text
        assert (await house.http.post(f"/plays/4242/{path}", data=EDITED | scope)).status_code == 404
    wide = await house.http.post(f"/plays/{play}/rules", data=EDITED | {"track": "Jóga", "scope": "artist"})
    assert wide.status_code == 422
    assert "choose a smaller scope" in wide.text
    await house.deck.store.write(lambda db: _accepted(db, play))
    late = await house.http.post(f"/plays/{play}/rules", data=EDITED | {"scope": "track", "edit": "true"})
    assert late.status_code == 422
    assert "Already on Last.fm" in late.text
    assert await house.deck.edit_rules.of(house.me.id) == []
    monkeypatch.setattr(edit_rules, "MAX_RULES", 0)
    full = await house.http.post(f"/plays/{play}/rules", data=EDITED | {"scope": "track"})
    assert full.status_code == 409
    assert "You have 500 rules, which is the limit" in full.text
    other = await heard(house, title="Hunter", ago=2000)
    edit = EDITED | {"track": "Hunter", "scope": "track", "edit": "true"}
    half = await house.http.post(f"/plays/{other}/rules", data=edit)
    assert half.status_code == 409
    assert "This play has its new names, but the rule wasn't made" in text(half.text)
    details = await house.deck.play_actions.details(house.me.id, other)
    assert details is not None
    assert details.replaced_by is not None


async def test_hostile_names_are_text_in_rules(house: House) -> None:
    await house.connect()
    play = await heard(house, artist="<script>alert(1)</script>")
    form = EDITED | {"artist": '"><img src=x onerror=alert(1)>'}
    preview = await house.http.post(f"/plays/{play}/every-time", data=form)
    assert "<script>alert" not in preview.text
    assert "<img src=x" not in preview.text
    await house.http.post(f"/plays/{play}/rules", data=form | {"scope": "artist"})
    listed = await house.page("/settings/rules")
    assert "<script>alert" not in listed
    assert "<img src=x" not in listed
