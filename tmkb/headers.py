"""The ``#+ key: value`` header of a query file is its signature; here it is read and checked against the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tmkb.errors import QueryHeaderError
from tmkb.model.tables import Column

_LINE = re.compile(r"^#\+ ([a-z-]+): (.*)$")
_PARAM = re.compile(r"^(\w+) (iri|string|integer|date)(?: (.+))?$")
_COLUMN = re.compile(r'^(\w+) (iri|string|integer|boolean|date) "([^"]+)"$')
_PROJECTED = re.compile(
    r"SELECT\s+(?:DISTINCT\s+)?((?:\?\w+\s+|\([^()]*(?:\([^()]*\)[^()]*)*\)\s+)+)(?:WHERE\s*)?\{", re.I
)
KINDS = ("assemble", "derive", "rate", "check", "view", "report")
_RULE_KEYS = {"id", "title", "kind", "because", "emits", "known-gaps", "source"}


@dataclass(frozen=True)
class Param:
    """A parameter: name, kind of term, and class or note for people."""

    name: str
    kind: str
    note: str


@dataclass(frozen=True)
class QuerySpec:
    """A query file with its header: what it is for, what it takes, what it promises."""

    id: str
    title: str
    kind: str
    params: tuple[Param, ...]
    columns: tuple[Column, ...]
    because: str
    emits: str
    source: str
    text: str
    path: str


def read(path: Path) -> QuerySpec:
    """Return the query in *path* with its checked header.

    Raises:
        QueryHeaderError: id, kind, parameters or columns do not agree with file name, folder or text.
    """
    text = path.read_text(encoding="utf-8")
    where = f"{path.parent.parent.name}/{path.parent.name}/{path.name}"
    one: dict[str, str] = {}
    params: list[Param] = []
    columns: list[Column] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("#+"):
            continue
        match = _LINE.match(line)
        if not match:
            raise _wrong(where, number, f"header line not understood: {line}")
        key, value = match.groups()
        if key == "param":
            params.append(_param(value, where, number))
        elif key == "column":
            columns.append(_column(value, where, number))
        elif key in one or key not in _RULE_KEYS:
            raise _wrong(where, number, f"header key {key!r} is unknown or given twice")
        else:
            one[key] = value
    body = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    _check(one, params, columns, body, path, where)
    return QuerySpec(
        one["id"],
        one["title"],
        one["kind"],
        tuple(params),
        tuple(columns),
        one.get("because", ""),
        one.get("emits", ""),
        one["source"],
        text,
        where,
    )


def catalogue(folder: Path) -> tuple[QuerySpec, ...]:
    """Return every query of a folder in the order of the file names; the folder decides, no list is kept by hand."""
    return tuple(read(path) for path in sorted(folder.glob("*.rq")))


def _wrong(where: str, line: int, message: str) -> QueryHeaderError:
    return QueryHeaderError("E-HEADER", message, where=f"{where}:{line}", hint="see CONTRIBUTING.md, 'Add a query'")


def _param(value: str, where: str, number: int) -> Param:
    match = _PARAM.match(value)
    if not match:
        raise _wrong(where, number, f"parameter not understood: {value}")
    return Param(match[1], match[2], match[3] or "")


def _column(value: str, where: str, number: int) -> Column:
    match = _COLUMN.match(value)
    if not match:
        raise _wrong(where, number, f"column not understood: {value}")
    return Column(match[1], match[2], match[3])


def _check(one: dict[str, str], params: list[Param], columns: list[Column], body: str, path: Path, where: str) -> None:
    for key in ("id", "title", "kind", "source"):
        if not one.get(key):
            raise _wrong(where, 1, f"header lacks {key!r}")
    if one["id"] != path.stem:
        raise _wrong(where, 1, f"id {one['id']!r} differs from the file name")
    if one["kind"] not in KINDS or one["kind"] != path.parent.name:
        raise _wrong(where, 1, f"kind {one['kind']!r} differs from the folder {path.parent.name!r}")
    for param in params:
        if param.name not in [column.name for column in columns]:
            raise _wrong(
                where, 1, f"parameter {param.name!r} is not a column, so the answer would not say what was asked"
            )
    if one["kind"] in ("check", "view", "report"):
        projected = _PROJECTED.search(body)
        names = re.findall(r"\?(\w+)\s*\)?(?=\s|$)", _aliases(projected[1])) if projected else []
        if names != [column.name for column in columns]:
            raise _wrong(where, 1, f"columns {[c.name for c in columns]} differ from the projection {names}")
        if not re.search(r"ORDER\s+BY", body, re.I):
            raise _wrong(where, 1, "a SELECT needs ORDER BY, so that the same input gives the same bytes")
    elif not one.get("because") or not one.get("emits"):
        raise _wrong(where, 1, "a rule needs 'because' and 'emits'")


def _aliases(projection: str) -> str:
    """Reduce ``(expression AS ?name)`` to ``?name``, so that only projected names are left."""
    return re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\bAS\s+(\?\w+)\s*\)", r"\1 ", projection, flags=re.I)
