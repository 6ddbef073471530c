"""Sends requests to Last.fm with httpx2."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from tonearm.http_exchange import (
    CLOSED,
    PATIENCE,
    AsyncTransport,
    HttpClient,
    Patience,
    Received,
    Reply,
    TransportError,
    checked_address,
    checked_agent,
    opened,
    transport_error,
    transport_error_types,
)
from tonearm.lastfm.request import SignedRequest, Verb

if TYPE_CHECKING:
    import httpx2


class Endpoint:
    """An address and the User-Agent to send. Raises ValueError if no request can be made with them."""

    def __init__(self, url: str, user_agent: str, patience: Patience) -> None:
        checked_address(url)
        self._url = url
        self._patience = patience
        self._headers = {
            "User-Agent": checked_agent(user_agent),
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
        }

    def _request(self, sealed: SignedRequest) -> httpx2.Request:
        """Built here because a host's client would add its own parameters and cookies."""
        import httpx2

        within = self._patience.timeouts
        if sealed.verb is Verb.GET:
            url = f"{self._url}?{sealed.form}"
            return httpx2.Request("GET", url, headers=self._headers, extensions={"timeout": within})
        headers = {**self._headers, "Content-Type": "application/x-www-form-urlencoded"}
        return httpx2.Request(
            "POST", self._url, headers=headers, content=sealed.form.encode(), extensions={"timeout": within}
        )


class AsyncEndpoint(Endpoint):
    """Sends asynchronously. Closes only a client that it opened itself, and opens another if it is used after that."""

    def __init__(
        self, url: str, user_agent: str, http: HttpClient | None = None, patience: Patience = PATIENCE
    ) -> None:
        super().__init__(url, user_agent, patience)
        self._transport = AsyncTransport(http, patience)

    async def send(self, sealed: SignedRequest) -> Reply | TransportError:
        """The reply, or why there is none. Never raises for a network failure."""
        return await self._transport.send(lambda: self._request(sealed))

    async def close(self) -> None:
        await self._transport.close()


class SyncEndpoint(Endpoint):
    """Sends synchronously; threads may share it."""

    def __init__(
        self, url: str, user_agent: str, http: httpx2.Client | None = None, patience: Patience = PATIENCE
    ) -> None:
        super().__init__(url, user_agent, patience)
        self._hosts = http
        self._own_client: httpx2.Client | None = None
        self._opening = Lock()

    def send(self, sealed: SignedRequest) -> Reply | TransportError:
        """The reply, or why there is none. Never raises for a network failure."""
        http = self._hosts or self._own_client or self._open()
        if isinstance(http, TransportError) or http.is_closed:
            return http if isinstance(http, TransportError) else CLOSED
        incoming = Received(self._patience)
        try:
            response = http.send(self._request(sealed), stream=True, follow_redirects=False)
            try:
                for chunk in response.iter_bytes():
                    incoming.add(chunk)
            finally:
                response.close()
            return incoming.reply(response)
        except transport_error_types() as error:
            return transport_error(error)

    def _open(self) -> httpx2.Client | TransportError:
        with self._opening:
            if self._own_client:
                return self._own_client
            made = _sync_client()
            self._own_client = None if isinstance(made, TransportError) else made
            return made

    def close(self) -> None:
        client, self._own_client = self._own_client, None
        if client:
            client.close()


def _sync_client() -> httpx2.Client | TransportError:
    import httpx2

    return opened(httpx2.Client)
