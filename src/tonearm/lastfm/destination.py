"""A server that speaks Last.fm's API as one of a listener's destinations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tonearm.core.destination import Rules, TokenCheck
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Cause, SessionEnded, Verdict
from tonearm.http_exchange import PATIENCE, Patience, TransportError, unreachable
from tonearm.lastfm.client import USER_AGENT, LastFm
from tonearm.lastfm.methods import auth
from tonearm.lastfm.request import Keys
from tonearm.lastfm.response import Answer, Nonsense, Refusal
from tonearm.lastfm.servers import OPEN_KEYS, LastFmServer

if TYPE_CHECKING:
    import httpx2

_NOT_APPROVED, _EXPIRED, _UNKNOWN = 14, 15, 4
_AWAY = (8, 11, 16)


class LastFmDestination:
    """A server of that kind. Raises nothing for what the server or the network does.

    A secret is what a listener signs in with or has got for it: a token or a session key. If the server wants to know
    the program, an API key and its shared secret follow, after blanks.
    """

    def __init__(
        self,
        server: LastFmServer,
        *,
        http: httpx2.AsyncClient | None = None,
        user_agent: str = USER_AGENT,
        patience: Patience = PATIENCE,
    ) -> None:
        self._server = server
        self._http = http
        self._agent = user_agent
        self._patience = patience

    @property
    def address(self) -> str:
        """Where its API is."""
        return self._server.api_url

    @property
    def rules(self) -> Rules:
        """What it takes."""
        return self._server.rules

    async def begin(self, keys: str = "") -> tuple[str, str] | TokenCheck:
        """The address at which a listener allows us in, and the secret to sign in with then; or why there is none."""
        client, _, pair = self._client(f"- {keys}".strip())
        outcome = (await client.exchange(auth.token())).outcome
        if not isinstance(outcome, Answer):
            return self._trouble(outcome)
        address = auth.approval_url(pair.api_key, token=outcome.value, base=self._server.approval_url)
        return address, f"{outcome.value} {keys}".strip()

    async def sign_in(self, secret: str) -> tuple[TokenCheck, str]:
        """Whose session an allowed token has become, and the secret that is kept; or why there is none."""
        client, token, _ = self._client(secret)
        outcome = (await client.exchange(auth.session(token))).outcome
        if not isinstance(outcome, Answer):
            return self._trouble(outcome), ""
        return TokenCheck(user=outcome.value.name), " ".join((outcome.value.key, *secret.split()[1:]))

    async def submit(self, plays: Sequence[Play], token: str, *, live: bool) -> Verdict:
        """Send plays."""
        client, session, _ = self._client(token)
        return await client.scrobble(plays, session) if session else self._no_session()

    async def playing_now(self, track: Track, token: str) -> Verdict:
        """Say what plays."""
        client, session, _ = self._client(token)
        return await client.now_playing(track, session) if session else self._no_session()

    async def validate(self, token: str) -> TokenCheck:
        """As `sign_in`: the token is spent by it."""
        return (await self.sign_in(token))[0]

    def _client(self, secret: str) -> tuple[LastFm, str, Keys]:
        first, *pair = secret.split() or [""]
        keys = Keys(*pair) if len(pair) == 2 else OPEN_KEYS
        client = LastFm(
            keys,
            self._server.api_url,
            http=self._http,
            user_agent=self._agent,
            patience=self._patience,
            server=self._server,
        )
        return client, first, keys

    def _no_session(self) -> Verdict:
        return SessionEnded(Cause(None, "there is no session", self.rules.service))

    def _trouble(self, outcome: Refusal | Nonsense | TransportError) -> TokenCheck:
        service = self.rules.service
        match outcome:
            case TransportError():
                return TokenCheck(trouble=unreachable(outcome, self.address), passing=True)
            case Nonsense():
                return TokenCheck(trouble=f"what answers there isn't {service}: check the address")
            case Refusal(cause) if cause.error_code == _NOT_APPROVED:
                return TokenCheck(trouble=f"allow it at {service} first, then try again", passing=True)
            case Refusal(cause) if cause.error_code in (_EXPIRED, _UNKNOWN):
                return TokenCheck(trouble=f"that took too long, or was used already: begin again at {service}")
            case Refusal(cause):
                return TokenCheck(trouble=str(cause), passing=cause.error_code in _AWAY)
