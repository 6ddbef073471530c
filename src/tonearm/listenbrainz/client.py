"""The client for ListenBrainz: pace, send, parse, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit

from tonearm.core.destination import Rules, TokenCheck, Turn
from tonearm.core.play import MBID, Play, Track
from tonearm.core.verdict import Answered, Cause, ItemAnswer, Later, SessionEnded, Unsure, Verdict
from tonearm.http_exchange import (
    PATIENCE,
    HttpClient,
    Patience,
    Reply,
    ServiceClient,
    TransportError,
    base_address,
    checked_agent,
    fits_a_header,
)
from tonearm.listenbrainz import answer, listen
from tonearm.listenbrainz.rules import KOITO, LISTENBRAINZ, ListenCode
from tonearm.version import __version__

API_URL = "https://api.listenbrainz.org"
_WEBSITE = ("listenbrainz.org", "www.listenbrainz.org")
_SPARE_ENDS = ("/submit-listens", "/1")
"""What people paste with the address: players disagree on how much of it they need."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server implements ListenBrainz's API. `path` is the API's path on a host that is given without one.
    `hearts` says whether it supports them. `state` is set if "unauthorized" may also be a failure of the server: it is
    what to read then, below the API's address, without a token. If that is answered, the token is wrong.
    """

    rules: Rules
    path: str = ""
    hearts: bool = True
    state: str = ""


LISTENBRAINZ_API = Dialect(LISTENBRAINZ)
KOITO_API = Dialect(KOITO, "/apis/listenbrainz", hearts=False, state="../web/v1/listens?limit=1")
"""Koito answers 401 also when it can't ask its database whose key it is; without the database it lists no listens."""


def user_agent(contact: str) -> str:
    """The User-Agent "tonearm/VERSION ( contact )": MetaBrainz blocks addresses whose requests don't name a contact.
    Raises ValueError for a contact that can't be in a header. https://musicbrainz.org/doc/MusicBrainz_API/Rate_Limiting
    """
    if not contact.strip() or set(contact) & set("()\\"):
        raise ValueError(f"contact must be a mail or web address in printable ASCII, without brackets, not {contact!r}")
    return checked_agent(f"tonearm/{__version__} ( {contact.strip()} )")


class ListenBrainzClient(ServiceClient):
    """ListenBrainz for async code. Never raises for anything that the server or the network does.

    `url` is the address as a listener enters it, with or without "/1": ValueError says what is wrong with it, and
    `address` is the one that is used. Without `http`, it opens an httpx2 client of its own with the first request; one
    that is passed in is never closed. `pace` is awaited before each request, and `on_date` is called with the server's
    Unix time and the round trip in seconds after each answer of the API.
    """

    def __init__(
        self,
        url: str = API_URL,
        *,
        user_agent: str,
        dialect: Dialect = LISTENBRAINZ_API,
        http: HttpClient | None = None,
        pace: Callable[[], Awaitable[None]] | None = None,
        on_date: Callable[[float, float], None] | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self.address = _root(url, dialect.path)
        self.dialect = dialect
        super().__init__(user_agent, http, pace, on_date, patience)

    @property
    def rules(self) -> Rules:
        """What this server accepts."""
        return self.dialect.rules

    @property
    def hearts(self) -> bool:
        """Whether this server supports hearts."""
        return self.dialect.hearts

    async def submit(self, plays: Sequence[Play], token: str, *, live: bool) -> Verdict:
        """Send plays: one that was played just now (`live`) as a single, all others as an import.

        Raises ValueError unless there are 1 to `rules.batch` of them. Plays that it can never accept are answered
        without being sent. Sending the same plays again makes no second listens.
        """
        if not 1 <= len(plays) <= self.rules.batch:
            raise ValueError(f"a batch holds 1 to {self.rules.batch} plays, not {len(plays)}")
        listens = [listen.packed(play) for play in plays]
        good = [one for one in listens if isinstance(one, bytes)]
        verdict: Verdict = Answered((), from_server=False)
        if good:
            kind = "single" if live and len(plays) == 1 else "import"
            verdict = await self._write("submit-listens", listen.body(kind, good), token, len(good))
        if not isinstance(verdict, Answered):
            return verdict
        items = iter(verdict.items)
        answers = tuple(next(items) if isinstance(one, bytes) else self._left_out(one) for one in listens)
        return Answered(answers, verdict.at, verdict.from_server)

    async def playing_now(self, track: Track, token: str) -> Verdict:
        """Report what is playing now. It expires after the track's length, or in ten minutes if that is unknown."""
        playing = listen.encoded({"track_metadata": listen.listen_of(track)})
        return await self._write("submit-listens", listen.body("playing_now", [playing]), token, 1)

    async def feedback(self, track: Track, token: str, *, loved: bool, turn: Turn | None = None) -> Verdict:
        """Love or unlove a track's recording. Doing so twice is fine.

        Without an MBID the recording is looked up by its names, and `turn` is awaited after that. If there is none, the
        answer is an item with the code `ListenCode.UNKNOWN_RECORDING`.
        """
        if not self.dialect.hearts:
            return Answered((self._left_out(ListenCode.NO_HEARTS),), from_server=False)
        known = MBID.fullmatch(track.mbid)
        mbid = track.mbid.lower() if known else await self._recording(track, token)
        if not isinstance(mbid, str):
            return mbid
        if not mbid:
            return Answered((self._left_out(ListenCode.UNKNOWN_RECORDING),))
        if turn and not known:
            await turn()
        heart = listen.encoded({"recording_mbid": mbid, "score": 1 if loved else 0})
        return await self._write("feedback/recording-feedback", heart, token, 1)

    async def validate(self, token: str) -> TokenCheck:
        """Whose token it is, or, in words for the listener, why it can't be used."""
        if not fits_a_header(token):
            return TokenCheck(trouble="enter the token: letters, digits and signs without blanks")
        reply = await self._send("GET", "validate-token", token)
        return answer.token_check(reply, token, self.address, self.rules.service)

    async def _recording(self, track: Track, token: str) -> str | Verdict:
        """The MBID of a track's recording, "" if there is none, or why that isn't known. Changes nothing."""
        names = {"artist_name": track.artist, "recording_name": track.title, "release_name": track.album}
        query = urlencode({name: value for name, value in names.items() if value}, errors="ignore")
        if not fits_a_header(token):
            return self._unusable()
        reply = await self._send("GET", f"metadata/lookup/?{query}", token)
        found = None if isinstance(reply, TransportError) else answer.recording_of(reply)
        if found is not None:
            return found
        match self._verdict(reply, token, 1):
            case Unsure(cause, wait):  # a look-up changes nothing
                return Later(cause, wait)
            case Answered():
                return Later(Cause(None, "an unrelated answer", self.rules.service))
            case verdict:
                return verdict

    async def _write(self, path: str, body: bytes, token: str, sent: int) -> Verdict:
        if not fits_a_header(token):
            return self._unusable()
        verdict = self._verdict(await self._send("POST", path, token, body), token, sent)
        if isinstance(verdict, SessionEnded) and self.dialect.state:
            url = urljoin(f"{self.address}/", self.dialect.state)
            return answer.of_a_token_in_doubt(verdict, await self._send("GET", url, ""))
        return verdict

    def _verdict(self, reply: Reply | TransportError, token: str, sent: int) -> Verdict:
        return answer.verdict_on(reply, sent, token, self.address, self.rules.service)

    async def _send(self, method: str, path: str, token: str, body: bytes | None = None) -> Reply | TransportError:
        authorization = f"Token {token}" if token else ""
        return await self._exchange(method, urljoin(f"{self.address}/1/", path), body, authorization)

    def _left_out(self, code: ListenCode) -> ItemAnswer:
        return answer.left_out(code, self.rules.service)

    def _unusable(self) -> SessionEnded:
        return SessionEnded(Cause(None, "the stored token has characters that tokens never have", self.rules.service))


def _root(url: str, path: str) -> str:
    address = base_address(url)
    for end in _SPARE_ENDS:
        address = address.removesuffix(end).rstrip("/")
    parts = urlsplit(address)
    if parts.hostname in _WEBSITE:
        return API_URL
    return address if parts.path.strip("/") else address + path
