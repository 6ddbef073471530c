"""What listeners wrote about music, from Last.fm's HTML to plain text and to HTML that is safe in any page.

Nothing is kept of what came but text and the addresses of links: the HTML is written anew.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

_UNSEEN = frozenset(
    {"script", "style", "template", "iframe", "object", "noscript", "title", "textarea", "select", "svg"}
)
_LINES = frozenset({"br", "p", "div", "li", "tr"})
_READ_MORE = re.compile(r"Read more\b.*\bLast\.fm")
_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f<>\"'\\]+", re.IGNORECASE)


class _Reader(HTMLParser):
    """The text in its parts: what is to be read, and what leads elsewhere."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[tuple[str, str]] = []
        """Each text with its address, "" where it leads nowhere."""
        self._unseen: list[str] = []
        self._address = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen.append(tag)
        elif tag == "a":
            self._address = safe_address(dict(attrs).get("href") or "")
        elif tag in _LINES:
            self.parts.append(("\n", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            del self._unseen[self._unseen.index(tag) :]
        elif tag == "a":
            self._address = ""

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append((data, self._address))


def safe_address(address: str) -> str:
    """The address if it is an http(s) one and of one piece, else ""."""
    address = address.strip()
    if not _ADDRESS.fullmatch(address):
        return ""
    try:
        return address if urlsplit(address).hostname else ""
    except ValueError:
        return ""


def read(html: str) -> tuple[str, str, str]:
    """Plain text, safe HTML, and the address where Last.fm has more. Only the HTML names that and the licence."""
    parts = _parts(html)
    end = next((i for i in reversed(range(len(parts))) if parts[i][1] and _READ_MORE.search(parts[i][0])), None)
    plain = _tidy("".join([text for text, _ in parts[:end]]))
    link = "" if end is None else parts[end][1]
    return plain, "".join([_written(text, address) for text, address in parts]).strip(), link


def _parts(html: str) -> list[tuple[str, str]]:
    if "<" not in html and "&" not in html:
        return [(html, "")]
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.parts


def _written(text: str, address: str) -> str:
    shown = escape(text).replace("\n", "<br>\n")
    if not address:
        return shown
    return f'<a href="{escape(address)}" rel="nofollow noopener noreferrer">{shown}</a>'


def _tidy(text: str) -> str:
    """Lines without margins, and never more than one empty line."""
    lines = "\n".join([line.strip() for line in text.strip().splitlines()])
    return re.sub(r"\n{3,}", "\n\n", lines)
