"""A server that speaks Last.fm's API as one of a listener's destinations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from tonearm.core.destination import Rules, TokenCheck
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Cause, SessionEnded, Verdict
from tonearm.http_exchange import PATIENCE, Patience
from tonearm.lastfm.like import GrantedSession, LastFmLikeClient, SignInPage
from tonearm.lastfm.request import Keys
from tonearm.lastfm.servers import OPEN_KEYS

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True)
class LastFmAccess:
    """What an access needs, and what is kept of it: `secret` is a session key, or a token until it has become one.

    `keys` are the listener's own, if the server hands out some, and `approval_page` is where it asks its listeners,
    if that is elsewhere. As text the parts are between blanks.
    """

    secret: str = field(default="", repr=False)
    keys: Keys | None = None
    approval_page: str = ""

    def __str__(self) -> str:
        keys = (self.keys.api_key, self.keys.api_secret) if self.keys else ()
        return " ".join(map(quote, (self.secret, *keys, *([self.approval_page] if self.approval_page else ()))))

    @classmethod
    def of(cls, text: str) -> LastFmAccess:
        """What `str` has made of it."""
        secret, *rest = map(unquote, text.split(" "))
        keys = Keys(rest[0], rest[1]) if len(rest) > 1 else None
        return cls(secret, keys, rest[-1] if len(rest) % 2 else "")


class LastFmDestination:
    """A server of that kind. Raises nothing for what the server or the network does.

    `url` is the address that a listener was given (ValueError says what is wrong with it). A token is here the text of
    a `LastFmAccess`.
    """

    def __init__(
        self,
        url: str,
        *,
        http: httpx2.AsyncClient,
        user_agent: str,
        gnu_fm: bool = False,
        patience: Patience = PATIENCE,
    ) -> None:
        self._url = url
        self._http = http
        self._agent = user_agent
        self._gnu_fm = gnu_fm
        self._patience = patience
        self._usual = self._client(LastFmAccess())

    @property
    def address(self) -> str:
        """Where its API is."""
        return self._usual.address

    @property
    def rules(self) -> Rules:
        """What it takes."""
        return self._usual.rules

    async def begin(self, access: LastFmAccess) -> tuple[str, LastFmAccess] | TokenCheck:
        """The page on which a listener approves, and the access to finish with then; or why there is none.

        Raises ValueError if the page of the access cannot be one.
        """
        begun = await self._client(access).begin_sign_in()
        return (begun.url, replace(access, secret=begun.token)) if isinstance(begun, SignInPage) else begun

    async def finish(self, begun: LastFmAccess) -> tuple[str, LastFmAccess] | TokenCheck:
        """Whose session an approved token has become, and the access that is kept; or why there is none. Once only."""
        return _kept(begun, await self._client(begun).finish_sign_in(begun.secret))

    async def sign_in(self, access: LastFmAccess, name: str, password: str) -> tuple[str, LastFmAccess] | TokenCheck:
        """The same for a name and a password, which is not kept."""
        return _kept(access, await self._client(access).sign_in(name, password))

    async def submit(self, plays: Sequence[Play], token: str, *, live: bool) -> Verdict:
        """Send plays."""
        access = LastFmAccess.of(token)
        return await self._client(access).submit(plays, access.secret, live=live) if access.secret else self._none()

    async def playing_now(self, track: Track, token: str) -> Verdict:
        """Say what plays."""
        access = LastFmAccess.of(token)
        return await self._client(access).playing_now(track, access.secret) if access.secret else self._none()

    @property
    def hearts(self) -> bool:
        """It keeps hearts, as Last.fm does."""
        return True

    async def feedback(self, track: Track, token: str, *, loved: bool) -> Verdict:
        """Give a heart to a track, or take it away."""
        access = LastFmAccess.of(token)
        if not access.secret:
            return self._none()
        return await self._client(access).feedback(track, access.secret, loved=loved)

    async def validate(self, token: str) -> TokenCheck:
        """Nobody can be asked whose a session is."""
        return TokenCheck(trouble=f"{self.rules.service} has no tokens: sign in there")

    def _client(self, access: LastFmAccess) -> LastFmLikeClient:
        return LastFmLikeClient(
            self._url,
            user_agent=self._agent,
            keys=access.keys or OPEN_KEYS,
            approval_page=access.approval_page,
            http=self._http,
            patience=self._patience,
            gnu_fm=self._gnu_fm,
        )

    def _none(self) -> Verdict:
        return SessionEnded(Cause(None, "there is no session", self.rules.service))


def _kept(access: LastFmAccess, granted: GrantedSession | TokenCheck) -> tuple[str, LastFmAccess] | TokenCheck:
    if isinstance(granted, TokenCheck):
        return granted
    return granted.user, replace(access, secret=granted.key)
