"""Strict Turtle reading by pyoxigraph, line by line, so that every statement knows the line where it ends."""

from __future__ import annotations

import io

import pyoxigraph as ox

from tmkb.errors import SourceError
from tmkb.model.graphs import Triple


class _LineFeed(io.RawIOBase):
    """Hands the parser one line a read and counts: what comes out was complete at the current line."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._lines = data.splitlines(keepends=True)
        self._rest = b""
        self.line = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            if self.line >= len(self._lines):
                return b""
            self._rest = self._lines[self.line]
            self.line += 1
        end = len(self._rest) if size is None or size < 0 else size
        part, self._rest = self._rest[:end], self._rest[end:]
        return part


def parse(data: bytes, *, name: str) -> list[tuple[Triple, int]]:
    """Return the triples of a Turtle file with the line where each ends.

    Blank nodes keep the labels the parser gives them; the caller replaces them.

    Raises:
        SourceError: the file is not valid Turtle; names file, line and column.
    """
    feed = _LineFeed(data)
    found: list[tuple[Triple, int]] = []
    try:
        for quad in ox.parse(feed, format=ox.RdfFormat.TURTLE):  # type: ignore[arg-type]
            triple = (str(quad.subject), str(quad.predicate), str(quad.object))
            if any(term.startswith("<<") for term in triple):
                raise SourceError(
                    "E-SYNTAX",
                    "a triple as subject or object is not supported",
                    where=f"{name}:{feed.line}",
                    hint="state the facts as separate triples",
                )
            found.append((triple, feed.line))
    except SyntaxError as error:
        raise SourceError(
            "E-SYNTAX",
            f"not valid Turtle: {_reason(error)}",
            where=f"{name}:{error.lineno or feed.line}:{error.offset or 1}",
            hint="check the statement that ends here: missing '.', ';' or quote, undeclared prefix, stray character",
        ) from None
    except (ValueError, OSError) as error:
        raise SourceError("E-SYNTAX", f"not readable: {error}", where=f"{name}:{feed.line}") from None
    return found


def _reason(error: SyntaxError) -> str:
    text = error.msg or str(error)
    head, _, tail = text.partition(": ")
    return tail if head.startswith("Parser error") else text
