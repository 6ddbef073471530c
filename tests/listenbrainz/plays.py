"""Plays, and a client that sends them."""

from __future__ import annotations

from tonearm.core.play import Play, Track
from tonearm.http_exchange import Patience
from tonearm.listenbrainz import KOITO_API, LISTENBRAINZ_API, Dialect, ListenBrainzClient, user_agent

AGENT = user_agent("me@example.org")
QUICK = Patience(connect=2.0, read=2.0, answer=2.0)
TOKEN = "0f9f1b4e-aaaa-bbbb-cccc-0123456789ab"
MBID = "83d91898-7763-47d7-b03b-b92132375c47"
NOW = 1_795_000_000

PLAYS = (
    Play(Track("Low", "Sunflower", "Things We Lost in the Fire", duration=276.4), NOW - 3000, 270.0),
    Play(Track("Can", "Vitamin C", "Ege Bamyasi", "Can & Friends", 214, 3, MBID), NOW - 2000, 214.0),
    Play(Track("Broadcast", "Tender Buttons"), NOW - 1000, 170.0),
)


def client(url: str, dialect: Dialect = LISTENBRAINZ_API) -> ListenBrainzClient:
    return ListenBrainzClient(url, user_agent=AGENT, dialect=dialect, patience=QUICK)


def koito(url: str) -> ListenBrainzClient:
    return client(url, KOITO_API)
