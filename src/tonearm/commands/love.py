"""`tonearm love` and `tonearm unlove`: love or unlove a track from a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tonearm.commands.errors import Failed
from tonearm.commands.options import of_listener
from tonearm.commands.output import print_result

if TYPE_CHECKING:
    from tonearm.service.values import StoredHeart
    from tonearm.settings import Settings

WAIT = 10.0
"""Seconds to wait for Last.fm to accept a heart that this command sends itself."""

_ANSWERS = {
    "accepted": "Last.fm has it",
    "waiting": "saved; it's sent as soon as Last.fm accepts it",
    "rejected": "Last.fm rejected it",
    "kept": "saved here; sign in to Last.fm to send it with 'tonearm login'",
}


@click.command()
@of_listener
@click.option("--artist", required=True)
@click.option("--track", required=True)
def love(settings: Settings, listener: str, as_json: bool, artist: str, track: str) -> None:
    """Love a track, here and on Last.fm. The library's files of it are marked."""
    _set_heart(settings, listener, artist, track, True, as_json)


@click.command()
@of_listener
@click.option("--artist", required=True)
@click.option("--track", required=True)
def unlove(settings: Settings, listener: str, as_json: bool, artist: str, track: str) -> None:
    """Unlove a track, here and on Last.fm."""
    _set_heart(settings, listener, artist, track, False, as_json)


def _set_heart(settings: Settings, listener: str, artist: str, track: str, loved: bool, as_json: bool) -> None:
    from tonearm.commands.opening import run
    from tonearm.core.play import MissingName

    try:
        said = run(_send(settings, listener, artist, track, loved))
    except MissingName as nameless:
        raise Failed(str(nameless)) from None
    text = f"{'loved' if loved else 'not loved'}: {said.track.artist} – {said.track.title}: {_ANSWERS[said.status]}"
    if said.reason:
        text += f" ({said.reason})"
    facts = {
        "status": said.status,
        "artist": said.track.artist,
        "track": said.track.title,
        "loved": said.heart.loved,
        "message": said.reason,
    }
    print_result(facts, text, as_json)


async def _send(settings: Settings, name: str, artist: str, track: str, loved: bool) -> StoredHeart:
    from tonearm.commands.opening import Sends, deck_of, listener_of
    from tonearm.core.play import Track
    from tonearm.ingest.incoming import Heart

    async with deck_of(settings, Sends.IF_NOBODY_ELSE_DOES, creates=True) as deck:
        me = await listener_of(deck, name)
        [said] = await deck.hearts.say(me.id, [Heart(Track(artist, track), loved)])
        return await deck.hearts.settled(me.id, said, WAIT) if deck.delivers() else said
