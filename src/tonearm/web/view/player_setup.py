"""How to connect a player: the setting or the file to paste, for the players that people use.

Texts hold `$base` (this service's address, without a slash at its end), its parts `$host` and `$path`, `$address` (what
the player reports to), `$user` and `$secret`, and, if a program needs a pair, `$api_key` and `$api_secret`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from urllib.parse import urlsplit

from tonearm.ingest import tautulli
from tonearm.service.players import MEDIA_SERVERS, NewPlayer, PlayerKind


@dataclass(frozen=True, slots=True)
class SetupStep:
    """What to do, and what to paste there ("" for nothing)."""

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class PlayerSetup:
    """How one player is connected. `slug` names it in addresses."""

    slug: str
    label: str
    kind: PlayerKind
    steps: tuple[SetupStep, ...]

    @property
    def several_users(self) -> bool:
        """Whether it reports what several people play, so that its users have to be mapped."""
        return self.kind in MEDIA_SERVERS

    @property
    def wants_app_key(self) -> bool:
        """Whether it gets an API key with a shared secret."""
        return any("$api_key" in step.code for step in self.steps)

    def fill_in(self, new: NewPlayer, base: str) -> list[SetupStep]:
        """The steps with the player's own address and secret in them; `base` as in the texts."""
        parts = urlsplit(base)
        values = {"base": base, "host": parts.netloc, "path": parts.path}
        values |= {"address": new.address(base), "user": new.player.user, "secret": new.secret}
        if pair := new.app_key:
            values |= {"api_key": pair.api_key, "api_secret": pair.shared_secret}
        return [
            SetupStep(Template(step.text).substitute(values), Template(step.code).substitute(values))
            for step in self.steps
        ]


def _literal(code: str) -> str:
    """Code with each `$` escaped."""
    return code.replace("$", "$$")


_NAVIDROME = """ND_LISTENBRAINZ_ENABLED=true
ND_LISTENBRAINZ_BASEURL=$base/1/"""
_MPDSCRIBBLE = """[tonearm]
url = $base/
username = $user
password = $secret
journal = ~/.mpdscribble/tonearm.journal"""
_RESCROBBLED = """[[listenbrainz]]
url = "$base/1/"
token = "$secret\""""
_SESSION_KEY = """curl $base/2.0/ -d method=auth.getMobileSession -d api_key=tonearm \\
  -d username=$user -d password=$secret -d format=json"""
_GOSCROBBLE = """[sinks.lastfm]
base_url = "$base/2.0/"
key = "$api_key"
secret = "$api_secret"
session_key = "THE KEY FROM THE ANSWER\""""
_PYLAST = """import time
import pylast

network = pylast.LastFMNetwork(api_key="$api_key", api_secret="$api_secret")
network.ws_server = ("$host", "$path/2.0/")
sign_in = pylast.SessionKeyGenerator(network)
network.session_key = sign_in.get_session_key("$user", pylast.md5("$secret"))
network.scrobble("Nina Simone", "Sinnerman", int(time.time()) - 700, duration=622)"""
_CURL = (
    """curl $base/1/submit-listens -H 'Authorization: Token $secret' -d '{"listen_type": "single", "payload":
  [{"listened_at": '"""
    + _literal("$(($(date +%s) - 700))")
    + """', "track_metadata": {"artist_name": "Nina Simone", "track_name": "Sinnerman"}}]}'"""
)
_HOME_ASSISTANT = """rest_command:
  tonearm:
    url: $base/1/submit-listens
    method: post
    headers: {Authorization: "Token $secret"}
    content_type: application/json
    payload: >
      {"listen_type": "single", "payload": [{"listened_at": {{ started }}, "track_metadata":
      {"artist_name": {{ artist | tojson }}, "track_name": {{ title | tojson }}}}]}"""

LISTENBRAINZ, AUDIOSCROBBLER, LASTFM = PlayerKind.LISTENBRAINZ, PlayerKind.AUDIOSCROBBLER, PlayerKind.LASTFM

PROTOCOLS: Mapping[str, str] = {
    PlayerKind.LISTENBRAINZ: "ListenBrainz",
    PlayerKind.AUDIOSCROBBLER: "Audioscrobbler",
    PlayerKind.LASTFM: "Last.fm API",
    PlayerKind.WEBSCROBBLER: "Web Scrobbler",
    PlayerKind.JELLYFIN: "Jellyfin",
    PlayerKind.PLEX: "Plex",
    PlayerKind.TAUTULLI: "Tautulli",
    PlayerKind.MALOJA: "Maloja",
}
"""The names of the protocols that players speak."""

SETUPS = (
    PlayerSetup(
        "navidrome",
        "Navidrome",
        LISTENBRAINZ,
        (
            SetupStep("Start Navidrome with these two settings:", _NAVIDROME),
            SetupStep("Under Personal, switch on “Scrobble to ListenBrainz”, and enter this token:", "$secret"),
        ),
    ),
    PlayerSetup(
        "jellyfin",
        "Jellyfin",
        PlayerKind.JELLYFIN,
        (
            SetupStep("Install the Webhook plugin, and add a Generic Destination with this address:", "$address"),
            SetupStep(
                "Tick Playback Start, Playback Progress and Playback Stop, the item type Songs, and “Send All"
                " Properties”."
            ),
        ),
    ),
    PlayerSetup(
        "plex",
        "Plex",
        PlayerKind.PLEX,
        (SetupStep("In your account's settings, under Webhooks (Plex Pass), add this address:", "$address"),),
    ),
    PlayerSetup(
        "tautulli",
        "Tautulli (for Plex)",
        PlayerKind.TAUTULLI,
        (
            SetupStep("Settings, Notification Agents: add a Webhook, method POST, with this address:", "$address"),
            SetupStep("Triggers: Playback Start, Playback Pause, Playback Resume and Playback Stop."),
            SetupStep("Data, for each of the four, as JSON data:", _literal(tautulli.BODY)),
        ),
    ),
    PlayerSetup(
        "music-assistant",
        "Music Assistant",
        LISTENBRAINZ,
        (
            SetupStep("Settings, Plugins, add the ListenBrainz Scrobbler with this token:", "$secret"),
            SetupStep("Its API address, without a path:", "$base"),
        ),
    ),
    PlayerSetup(
        "mpdscribble",
        "MPD with mpdscribble",
        AUDIOSCROBBLER,
        (SetupStep("Add this to mpdscribble.conf, and restart mpdscribble:", _MPDSCRIBBLE),),
    ),
    PlayerSetup(
        "quodlibet",
        "Quod Libet",
        AUDIOSCROBBLER,
        (
            SetupStep("Plugins, AudioScrobbler Submission, service “Other…”, with this address:", "$base/"),
            SetupStep("Username:", "$user"),
            SetupStep("Password:", "$secret"),
        ),
    ),
    PlayerSetup(
        "pano",
        "Pano Scrobbler",
        LISTENBRAINZ,
        (
            SetupStep("Settings, add an account of the kind Custom ListenBrainz, with this API address:", "$base"),
            SetupStep("Token:", "$secret"),
        ),
    ),
    PlayerSetup(
        "webscrobbler",
        "Web Scrobbler",
        PlayerKind.WEBSCROBBLER,
        (SetupStep("Options, Accounts, Webhook, add this address:", "$address"),),
    ),
    PlayerSetup(
        "rescrobbled",
        "rescrobbled",
        LISTENBRAINZ,
        (SetupStep("Add this to ~/.config/rescrobbled/config.toml:", _RESCROBBLED),),
    ),
    PlayerSetup(
        "goscrobble",
        "goscrobble",
        LASTFM,
        (
            SetupStep("goscrobble can only get a session from Last.fm itself, so make one for it:", _SESSION_KEY),
            SetupStep("Put the key from the answer into ~/.config/goscrobble/config.toml:", _GOSCROBBLE),
        ),
    ),
    PlayerSetup(
        "beets",
        "beets (BPD)",
        AUDIOSCROBBLER,
        (
            SetupStep(
                "Its server BPD speaks MPD's protocol. Let mpdscribble watch it, with this in its file:",
                _MPDSCRIBBLE,
            ),
            SetupStep("Or let tonearm watch it, which needs no secret on this machine:", "tonearm watch mpd"),
        ),
    ),
    PlayerSetup(
        "pylast",
        "pylast",
        LASTFM,
        (SetupStep("pylast speaks HTTPS only, so tonearm needs HTTPS in front of it. In Python:", _PYLAST),),
    ),
    PlayerSetup("curl", "curl, or a script", LISTENBRAINZ, (SetupStep("In a shell:", _CURL),)),
    PlayerSetup(
        "home-assistant",
        "Home Assistant",
        LISTENBRAINZ,
        (
            SetupStep("Add this to configuration.yaml:", _HOME_ASSISTANT),
            SetupStep(
                "Call rest_command.tonearm when a track has ended, with artist, title and started (its start, in Unix"
                " seconds)."
            ),
        ),
    ),
    PlayerSetup(
        "listenbrainz",
        "Another player that speaks ListenBrainz",
        LISTENBRAINZ,
        (SetupStep("API address, with or without /1/:", "$base/1/"), SetupStep("Token:", "$secret")),
    ),
    PlayerSetup(
        "audioscrobbler",
        "Another player that speaks Audioscrobbler 1.2",
        AUDIOSCROBBLER,
        (SetupStep("Address:", "$base/"), SetupStep("Username:", "$user"), SetupStep("Password:", "$secret")),
    ),
    PlayerSetup(
        "lastfm",
        "Another player that speaks Last.fm's API 2.0",
        LASTFM,
        (
            SetupStep("API address:", "$base/2.0/"),
            SetupStep("Username:", "$user"),
            SetupStep("Password:", "$secret"),
            SetupStep("If it asks for an API key:", "$api_key"),
            SetupStep("And for the key's shared secret:", "$api_secret"),
        ),
    ),
)
"""In the order in which they are offered."""

BY_SLUG = {setup.slug: setup for setup in SETUPS}
