"""JSON documents of any size, one entry at a time, with the line that each begins on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from json import JSONDecoder

from tonearm.history.play import EntryLine

CHUNK = 2**16
LARGEST_ENTRY = 2**24
"""Characters of one entry; Last.fm exporters put 1,000 plays into one."""

MEMBERS = 100
"""Members of an object that is an entry; no service has as many."""

_BLANKS = " \t\r\n\ufeff"


class Damaged(ValueError):
    """The document can't be read from this line on, which is an EntryLine if it is in an entry."""

    def __init__(self, line: int, cut_off: bool) -> None:
        super().__init__("the file ends in the middle of an entry" if cut_off else "this is not valid JSON")
        self.line = line


class JsonStream:
    """Walks over a JSON document. Raises Damaged if it isn't one."""

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read = read
        self._buffer = ""
        self._at = 0
        self._ended = False
        self._decode = JSONDecoder().raw_decode
        self.line = 1
        self._entry = 0

    def entries(self, *names: str) -> Iterator[tuple[int, object]]:
        """The entries of the array at this place, or of the members with one of these names that are arrays.

        A single object is read as an array of one if an array is wanted. Documents that follow, as in files that were
        joined, are read as well.
        """
        yield from self._document(names)
        while self._peek():
            yield from self._document(names)

    def _document(self, names: tuple[str, ...]) -> Iterator[tuple[int, object]]:
        match self._peek():
            case "[":
                yield from self._array()
            case "{":
                yield from self._members(names)
            case _:
                raise self._damaged(cut_off=self._ended and not self._peek())

    def _members(self, names: tuple[str, ...]) -> Iterator[tuple[int, object]]:
        """The entries of the members with these names; an object that has none of them is an entry itself."""
        self._take("{")
        line, found, others = self.line, False, dict[object, object]()
        while self._peek() not in ("}", ""):
            name = self._value()
            self._take(":")
            if name in names and self._peek() in ("[", "{"):
                found = True
                yield from self._document(names)
            else:
                value = self._value()
                if len(others) < MEMBERS:
                    others[name] = value
            if self._peek() == ",":
                self._take(",")
        self._take("}")
        if not found:
            self._entry += 1
            yield EntryLine(line, self._entry), others

    def _array(self) -> Iterator[tuple[int, object]]:
        self._take("[")
        while self._peek() != "]":
            self._entry += 1
            line = EntryLine(self.line, self._entry)
            yield line, self._value()
            if self._peek() != "]":
                self._take(",")
        self._take("]")

    def _value(self) -> object:
        self._peek()
        while True:
            try:
                value, end = self._decode(self._buffer, self._at)
            except RecursionError:
                raise self._damaged(cut_off=False) from None
            except ValueError:
                end = -1
            if end >= 0 and (end < len(self._buffer) or self._ended):  # a number at the end may have more digits
                self._advance(end)
                return value
            if self._ended or len(self._buffer) - self._at > LARGEST_ENTRY:
                raise self._damaged(cut_off=self._ended)
            self._more()

    def _peek(self) -> str:
        """The next character that isn't a blank; "" at the end."""
        while True:
            buffer, at, size = self._buffer, self._at, len(self._buffer)
            while at < size and buffer[at] in _BLANKS:
                at += 1
            self._advance(at)
            if at < size:
                return buffer[at]
            if self._ended:
                return ""
            self._more()

    def _take(self, sign: str) -> None:
        if (found := self._peek()) != sign:
            raise self._damaged(cut_off=not found)
        self._at += 1

    def _damaged(self, *, cut_off: bool) -> Damaged:
        return Damaged(EntryLine(self.line, self._entry) if self._entry else self.line, cut_off)

    def _advance(self, to: int) -> None:
        self.line += self._buffer.count("\n", self._at, to)
        self._at = to

    def _more(self) -> None:
        remaining = self._buffer[self._at :]
        more = self._read(max(CHUNK, len(remaining)))
        self._ended = not more
        self._buffer, self._at = remaining + more, 0
