"""The forms for adding and changing a destination: the fields of each kind, and what was entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tonearm.core.destination import DestinationKind
from tonearm.service.destination_results import DestinationRefused, PolicyPreview
from tonearm.service.destinations import EVERYTHING
from tonearm.service.outlets import APPROVED, BY_APP_PASSWORD
from tonearm.web.view.formats import name, sentence

SHOWN_CHANGES = 8
"""Tracks whose names a preview shows."""

USUAL_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class KindChoice:
    """A kind of service to choose: its fields, and where the listener finds their values. `address` explains the
    address ("" if there is no such field), `needs_address` says that it is required, `secret` is the service's name for
    its token ("" if it has none, and its listener signs in on its page).
    """

    kind: DestinationKind
    label: str
    about: str
    address: str
    needs_address: bool
    secret: str
    where: str

    @property
    def signs_in(self) -> bool:
        """Whether its listener signs in on its page, or with a password."""
        return self.kind in APPROVED

    @property
    def by_app_password(self) -> bool:
        """Whether its listener signs in with a handle and an app password."""
        return self.kind in BY_APP_PASSWORD


_PUBLIC = "Public records in your Bluesky account, or another account of the AT Protocol."
_AT_BLUESKY = "At Bluesky, create one under Settings, Privacy and security. It is stored encrypted."

KINDS = (
    KindChoice(
        DestinationKind.LISTENBRAINZ,
        "ListenBrainz",
        "The open listening history of MetaBrainz.",
        "Address, if it isn't listenbrainz.org",
        False,
        "User token",
        "ListenBrainz shows it at listenbrainz.org/settings.",
    ),
    KindChoice(
        DestinationKind.MALOJA,
        "Maloja",
        "A scrobble server of your own.",
        "Address of your Maloja, such as https://maloja.example.org",
        True,
        "API key",
        "Maloja shows its API keys in its settings.",
    ),
    KindChoice(
        DestinationKind.KOITO,
        "Koito",
        "A scrobble server of your own.",
        "Address of your Koito, such as https://koito.example.org",
        True,
        "API key",
        "Koito makes API keys in its settings.",
    ),
    KindChoice(
        DestinationKind.LIBREFM,
        "Libre.fm or GNU FM",
        "Libre.fm, or another server that runs GNU FM.",
        "Address, if it isn't libre.fm",
        False,
        "",
        "",
    ),
    KindChoice(
        DestinationKind.LASTFM_LIKE,
        "Another server like Last.fm",
        "Any server that speaks Last.fm's API, or a second profile at Last.fm.",
        "Address of the server, such as https://fm.example.org",
        True,
        "",
        "",
    ),
    KindChoice(
        DestinationKind.TEALFM,
        "teal.fm",
        _PUBLIC,
        "Address of your account's server, if it isn't bsky.social",
        False,
        "App password",
        _AT_BLUESKY,
    ),
    KindChoice(
        DestinationKind.ROCKSKY,
        "Rocksky",
        f"{_PUBLIC} Plays without an album are left out.",
        "Address of your account's server, if it isn't bsky.social",
        False,
        "App password",
        _AT_BLUESKY,
    ),
)
BY_KIND = {choice.kind: choice for choice in KINDS}


@dataclass(frozen=True, slots=True)
class EnteredProfile:
    """What was entered to add a destination. `kept` is the encrypted secret, so that it doesn't have to be entered
    again.
    """

    url: str = ""
    username: str = ""
    api_key: str = ""
    approval_url: str = ""
    kept: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class HistoryChoice:
    """Which part of the history is sent: `nothing`, a number of `days`, or `everything`."""

    what: str = "nothing"
    days: float | None = USUAL_DAYS

    @property
    def asked(self) -> float:
        """The number of days, as the service expects it."""
        if self.what == "everything":
            return EVERYTHING
        return self.days or 0.0 if self.what == "days" else 0.0

    @property
    def problem(self) -> str:
        """What is wrong with it, for the reader; "" if nothing is."""
        wrong = self.what == "days" and not (self.days and 0 < self.days <= 36500)
        return "Enter a number of days." if wrong else ""

    @property
    def shown_days(self) -> str:
        """The value of the field."""
        return "" if self.days is None else f"{self.days:g}"


@dataclass(frozen=True, slots=True)
class ChangedNames:
    """A track as it was heard, and as a policy sends it."""

    heard: str
    sent: str
    title: str


@dataclass(frozen=True, slots=True)
class ShownPreview:
    """What a policy would have done to the latest plays, and how many plays of the history would follow. `more` further
    tracks would have been sent under other names, in addition to `changed`. `history` is None if none was requested.
    """

    plays: int
    kept: int
    changed: tuple[ChangedNames, ...]
    more: int
    history: int | None


def shown_preview(found: PolicyPreview, history: int | None) -> ShownPreview:
    """A preview as the page shows it."""
    changed = tuple(
        ChangedNames(
            name(heard.artist),
            name(sent.artist if sent.artist != heard.artist else f"{sent.artist} (without the album artist)"),
            name(heard.title),
        )
        for heard, sent in found.changed[:SHOWN_CHANGES]
    )
    return ShownPreview(found.plays, found.kept, changed, len(found.changed) - len(changed), history)


def where_it_is(kind: DestinationKind, address: str) -> str:
    """The name of a service before it is added: its host, if there are many servers of that kind."""
    return urlsplit(address).netloc if kind in APPROVED else kind.label


def problems(refused: DestinationRefused, signs_in: bool) -> dict[str, str]:
    """What is wrong, by field; under "" if it isn't about a field."""
    part = "" if refused.field in ("kind", "token") and signs_in else refused.field
    return {part: sentence(refused.reason)}


NO_PROBLEMS: Mapping[str, str] = {}
