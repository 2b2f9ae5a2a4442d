"""Columns of text that fit a width: every answer in the format ``table`` is set by this.

Own code because it is on the way of every answer: the general library that it replaced took longer than deriving.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from itertools import zip_longest

_GAP = "   "
_WORD = 14  # no column is narrower than its words up to this length


def grid(head: Sequence[str], right: Sequence[bool], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the lines of a table: head, rule, rows; cells are folded so that lines are not longer than *width*.

    *right* tells which columns stand to the right. A word that is longer than its column is broken, never cut off.
    Without any column there are two empty lines.
    """
    if not head:
        return ["", ""]
    wide = [max(map(cells, column)) for column in zip(head, *rows, strict=True)]
    room = max(width - 2 - len(_GAP) * (len(wide) - 1), len(wide))
    words = [
        max((len(w) for cell in column for w in cell.split()), default=1) for column in zip(head, *rows, strict=True)
    ]
    fitted = _fitted(wide, [words, [min(word, _WORD) for word in words]], room)
    lines = [_line(parts, right, fitted) for parts in _folded(head, fitted, bottom=True)]
    lines.append(" " + "─" * (sum(fitted) + len(_GAP) * (len(fitted) - 1)))
    for row in rows:
        lines += [_line(parts, right, fitted) for parts in _folded(row, fitted)]
    return lines


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _fitted(wide: list[int], floors: list[list[int]], room: int) -> list[int]:
    """Return the widths, the widest taken from first: down to the longest word, then down to the last floor.

    There a table stays wider than its room: a terminal folds its lines, and ids can still be read and copied.
    """
    fitted = [max(w, 1) for w in wide]
    for floor in floors:
        while sum(fitted) > room:
            able = [n for n, w in enumerate(fitted) if w > floor[n]]
            if not able:
                break
            top = max(fitted[n] for n in able)
            tops = [n for n in able if fitted[n] == top]
            lower = max((fitted[n] for n in able if fitted[n] < top), default=1)
            for n in tops:
                fitted[n] = max(floor[n], lower, top - max(1, (sum(fitted) - room) // len(tops)))
    return fitted


def _folded(row: Sequence[str], widths: Sequence[int], *, bottom: bool = False) -> list[tuple[str, ...]]:
    parts = [fold(text, width) for text, width in zip(row, widths, strict=True)]
    if bottom:
        height = max(map(len, parts))
        parts = [[""] * (height - len(part)) + part for part in parts]
    return list(zip_longest(*parts, fillvalue=""))


def fold(text: str, width: int) -> list[str]:
    """Return a text as lines no longer than *width*, broken between words where that is possible."""
    if cells(text) <= width:
        return [text]
    if text.isascii():
        return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    lines, line = [], ""
    for word in text.split():
        whole = f"{line} {word}" if line else word
        if cells(whole) <= width:
            line = whole
            continue
        if line:
            lines.append(line)
        line = ""
        for char in word:
            if cells(line + char) > width and line:
                lines.append(line)
                line = ""
            line += char
    return [*lines, line]


def _line(parts: Sequence[str], right: Sequence[bool], widths: Sequence[int]) -> str:
    set_ = (
        " " * (width - cells(part)) + part if to_right else part + " " * (width - cells(part))
        for part, to_right, width in zip(parts, right, widths, strict=True)
    )
    return (" " + _GAP.join(set_)).rstrip()
