"""Turns the HTML of Last.fm's articles into plain text, and into HTML that is safe in any page.

Only text and the addresses of links are kept: the HTML is rebuilt from them.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_MARK = re.compile(r"<!--.*?(?:-->|\Z)|<(/?)([a-zA-Z][a-zA-Z0-9]*)\b([^<>]*)>", re.DOTALL)
"""A comment or a tag. It takes time in proportion to the text: html.parser takes quadratic time, or worse."""

_UNSEEN = frozenset({"script", "style", "template", "iframe", "object", "noscript", "title", "textarea", "svg"})
_LINES = frozenset({"br", "p", "div", "li", "tr"})
_HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))""", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f<>\"'\\]+", re.IGNORECASE)


def safe_address(address: str) -> str:
    """The address if it is an http(s) one without blanks, else ""."""
    address = address.strip()
    if not _ADDRESS.fullmatch(address):
        return ""
    try:
        return address if urlsplit(address).hostname else ""
    except ValueError:
        return ""


def read(html: str) -> tuple[str, str, str]:
    """Plain text, safe HTML, and the address of the full article. Only the HTML contains that link and the licence."""
    parts = _parts(html)
    end = next((i for i in reversed(range(len(parts))) if _reads_on(*parts[i])), None)
    plain = _tidy("".join([text for text, _ in parts[:end]]))
    link = "" if end is None else parts[end][1]
    return plain, "".join([_written(text, address) for text, address in parts]).strip(), link


def _reads_on(text: str, address: str) -> bool:
    """Whether it is the link that ends an article: "Read more on Last.fm", or once "Read more about … on Last.fm"."""
    return bool(address) and text.startswith("Read more ") and text.endswith("Last.fm")


def _parts(html: str) -> list[tuple[str, str]]:
    """Each piece of text with its link address ("" if it isn't a link); text that isn't shown is left out."""
    from html import unescape  # its table of names is large

    parts: list[tuple[str, str]] = []
    at, address = 0, ""
    while mark := _MARK.search(html, at):
        parts.append((unescape(html[at : mark.start()]), address))
        at = mark.end()
        closes, name, attributes = mark[1], (mark[2] or "").lower(), mark[3]
        if name in _UNSEEN and not closes:
            end = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(html, at)
            at = end.end() if end else len(html)
        elif name == "a":
            address = "" if closes else _leads_to(attributes)
        elif name in _LINES and not closes:
            parts.append(("\n", ""))
    return [*parts, (unescape(html[at:]), address)]


def _leads_to(attributes: str) -> str:
    from html import unescape

    found = _HREF.search(attributes)
    return safe_address(unescape(next(filter(None, found.groups()), ""))) if found else ""


def _written(text: str, address: str) -> str:
    from html import escape

    html = escape(text).replace("\n", "<br>\n")
    if not address:
        return html
    return f'<a href="{escape(address)}" rel="nofollow noopener noreferrer">{html}</a>'


def _tidy(text: str) -> str:
    """Lines without surrounding blanks, and never more than one empty line in a row."""
    lines = "\n".join([line.strip() for line in text.strip().splitlines()])
    return re.sub(r"\n{3,}", "\n\n", lines)
