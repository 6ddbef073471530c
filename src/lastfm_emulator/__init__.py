"""An emulator of Last.fm that answers over HTTP, with its rules, its quirks, and its failures on request."""

from lastfm_emulator.account import Loved, NowPlaying, Play
from lastfm_emulator.app import ConnectionDropped, create_app
from lastfm_emulator.emulator import Emulator
from lastfm_emulator.faults import Fault, Kind
from lastfm_emulator.journal import Entry
from lastfm_emulator.method import Call, Method, Needs
from lastfm_emulator.music import Artist, Music, Record, Song
from lastfm_emulator.refusal import Refusal
from lastfm_emulator.request import Hangup, Reply, Request
from lastfm_emulator.server import Address, run, serve
from lastfm_emulator.signature import signature
from lastfm_emulator.world import API_KEY, API_SECRET

__all__ = [
    "API_KEY",
    "API_SECRET",
    "Address",
    "Artist",
    "Call",
    "ConnectionDropped",
    "Emulator",
    "Entry",
    "Fault",
    "Hangup",
    "Kind",
    "Loved",
    "Method",
    "Music",
    "Needs",
    "NowPlaying",
    "Play",
    "Record",
    "Refusal",
    "Reply",
    "Request",
    "Song",
    "create_app",
    "run",
    "serve",
    "signature",
]
