"""Tables: what queries answer and what every output format is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | bool | None


@dataclass(frozen=True)
class Column:
    """One column: name for machines, kind (iri, string, integer, boolean, date), title for people."""

    name: str
    kind: str
    title: str


@dataclass(frozen=True)
class ResultTable:
    """Typed columns and rows in a stable order; ``notes`` are said on stderr."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def table(title: str, columns: list[tuple[str, str]], rows: Sequence[tuple[Cell, ...]], *notes: str) -> ResultTable:
    """Return a table whose columns are text unless their cells are numbers; columns are (name, title)."""
    return ResultTable(title, tuple(Column(n, "string", t) for n, t in columns), tuple(rows), notes)
