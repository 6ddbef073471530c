"""The forms with which a destination is added and changed: what each kind is asked for, and what was entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tonearm.core.destination import DestinationKind
from tonearm.service.destinations import EVERYTHING, DestinationRefused, PolicyPreview
from tonearm.service.outlets import APPROVED
from tonearm.web.view.formats import name, sentence

SHOWN_CHANGES = 8
"""Tracks whose names a preview shows."""

USUAL_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class KindChoice:
    """A kind of service to choose: what is asked for, and where its listener finds that.

    `address` says what the address is ("" if none is asked for), `needs_address` that it can't be left out, `secret`
    is what the service calls its token ("" if it has none, and its listener signs in on its page).
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
)
BY_KIND = {choice.kind: choice for choice in KINDS}


@dataclass(frozen=True, slots=True)
class EnteredProfile:
    """What was entered to add a destination. `kept` is the secret, sealed, so that it need not be entered again."""

    url: str = ""
    username: str = ""
    api_key: str = ""
    approval_url: str = ""
    kept: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class HistoryChoice:
    """What of the history is to be sent: `nothing`, so many `days`, or `everything`."""

    what: str = "nothing"
    days: float | None = USUAL_DAYS

    @property
    def asked(self) -> float:
        """The days, as the service takes them."""
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
        """The days as the field shows them."""
        return "" if self.days is None else f"{self.days:g}"


@dataclass(frozen=True, slots=True)
class ChangedNames:
    """A track as it was heard, and as a policy sends it."""

    heard: str
    sent: str
    title: str


@dataclass(frozen=True, slots=True)
class ShownPreview:
    """What a policy would have done to the latest plays, and how many plays of the history are to follow.

    `more` tracks would have been sent under other names than are in `changed`. `history` is None if none was asked for.
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
            name(sent.artist if sent.artist != heard.artist else f"{sent.artist} (without the album's artist)"),
            name(heard.title),
        )
        for heard, sent in found.changed[:SHOWN_CHANGES]
    )
    return ShownPreview(found.plays, found.kept, changed, len(found.changed) - len(changed), history)


def where_it_is(kind: DestinationKind, address: str) -> str:
    """What a service is called before it is added: its host, if many servers are of that kind."""
    return urlsplit(address).netloc if kind in APPROVED else kind.label


def problems(refused: DestinationRefused, signs_in: bool) -> dict[str, str]:
    """What is wrong, by the field that it stands at; under "" if it is no field's."""
    part = "" if refused.field in ("kind", "token") and signs_in else refused.field
    return {part: sentence(refused.reason)}


NO_PROBLEMS: Mapping[str, str] = {}
