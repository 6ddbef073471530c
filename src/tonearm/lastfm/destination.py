"""A server that speaks Last.fm's API as one of a listener's destinations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote

from tonearm.core.destination import Rules, TokenCheck, Turn
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Cause, SessionEnded, Verdict
from tonearm.http_exchange import PATIENCE, HttpClient, Patience
from tonearm.lastfm.like import GrantedSession, LastFmLikeClient, SignInPage
from tonearm.lastfm.request import Keys
from tonearm.lastfm.servers import OPEN_KEYS


@dataclass(frozen=True, slots=True)
class LastFmAccess:
    """What is needed to send plays, and what is stored of it: `secret` is a session key, or a token until it has been
    exchanged for one. `keys` are the listener's own, if the server issues API keys, and `approval_page` is the page
    where its listeners approve, if it isn't at the usual address. `str` joins the parts with blanks.
    """

    secret: str = field(default="", repr=False)
    keys: Keys | None = None
    approval_page: str = ""

    def __str__(self) -> str:
        keys = (self.keys.api_key, self.keys.api_secret) if self.keys else ()
        return " ".join(map(quote, (self.secret, *keys, *([self.approval_page] if self.approval_page else ()))))

    @classmethod
    def of(cls, text: str) -> LastFmAccess:
        """The access from what `str` returned."""
        secret, *rest = map(unquote, text.split(" "))
        keys = Keys(rest[0], rest[1]) if len(rest) > 1 else None
        return cls(secret, keys, rest[-1] if len(rest) % 2 else "")


class LastFmDestination:
    """A server that speaks Last.fm's API. Never raises for anything that the server or the network does.

    `url` is the address as a listener enters it (ValueError says what is wrong with it). A token is the text of a
    `LastFmAccess` here.
    """

    def __init__(
        self,
        url: str,
        *,
        http: HttpClient,
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
        """The address of its API."""
        return self._usual.address

    @property
    def rules(self) -> Rules:
        """What it accepts."""
        return self._usual.rules

    async def begin(self, access: LastFmAccess) -> tuple[str, LastFmAccess] | TokenCheck:
        """The page on which a listener approves, and the access to finish with after that; or why there is none. Raises
        ValueError if `approval_page` is not a valid address.
        """
        begun = await self._client(access).begin_sign_in()
        return (begun.url, replace(access, secret=begun.token)) if isinstance(begun, SignInPage) else begun

    async def finish(self, begun: LastFmAccess) -> tuple[str, LastFmAccess] | TokenCheck:
        """Exchange an approved token: whose session it is, and the access to store; or why there is none. Works only
        once.
        """
        return _kept(begun, await self._client(begun).finish_sign_in(begun.secret))

    async def sign_in(self, access: LastFmAccess, name: str, password: str) -> tuple[str, LastFmAccess] | TokenCheck:
        """The same with a name and a password. The password is not kept."""
        return _kept(access, await self._client(access).sign_in(name, password))

    async def submit(self, plays: Sequence[Play], token: str, *, live: bool) -> Verdict:
        """Send plays."""
        access = LastFmAccess.of(token)
        return await self._client(access).submit(plays, access.secret, live=live) if access.secret else self._none()

    async def playing_now(self, track: Track, token: str) -> Verdict:
        """Report what is playing."""
        access = LastFmAccess.of(token)
        return await self._client(access).playing_now(track, access.secret) if access.secret else self._none()

    @property
    def hearts(self) -> bool:
        """It supports hearts, as Last.fm does."""
        return True

    async def feedback(self, track: Track, token: str, *, loved: bool, turn: Turn | None = None) -> Verdict:
        """Love or unlove a track."""
        access = LastFmAccess.of(token)
        if not access.secret:
            return self._none()
        return await self._client(access).feedback(track, access.secret, loved=loved)

    async def validate(self, token: str) -> TokenCheck:
        """These servers have no call that says whose a session is."""
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
