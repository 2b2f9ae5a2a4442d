"""SPARQL by pyoxigraph: a working store for rules, and a read-only store for questions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyoxigraph as ox

from tmkb.errors import RuleError
from tmkb.model.graphs import Triple

NAME = f"pyoxigraph {ox.__version__}"
Row = tuple[str | None, ...]


def term_of(text: str) -> ox.NamedNode | ox.Literal:
    """Return the engine's own term for one in N-Triples, or in a short form of Turtle."""
    if text.startswith("<"):
        return ox.NamedNode(text[1:-1])
    found: ox.Literal = next(iter(ox.parse(f"<x:s> <x:p> {text} .".encode(), format=ox.RdfFormat.TURTLE))).object
    return found


def document(triples: Iterable[Triple]) -> str:
    """Return triples as an N-Triples document."""
    return "".join([f"{s} {p} {o} .\n" for s, p, o in triples])


@dataclass(frozen=True)
class _Template:
    """A CONSTRUCT as a SELECT of its variables, and its template by column: (subject, predicate, object).

    ``constants`` are the columns behind the variables.
    """

    select: str
    constants: tuple[str, ...]
    places: tuple[tuple[int, int, int], ...]


_PREFIX = re.compile(r"PREFIX\s+(\w*):\s*<([^<>]*)>")
# Prefixes and nothing else before CONSTRUCT, so that no comment and no text is taken for one
_PLAIN = re.compile(rf"(?P<head>(?:\s|{_PREFIX.pattern})*)CONSTRUCT\s*\{{(?P<made>[^{{}}\"'<>#]*)\}}\s*(?=WHERE\b)")


@lru_cache(maxsize=256)
def _template(text: str) -> _Template | None:
    """Return the SELECT form of a CONSTRUCT, None for one that is not plain: quotes, full IRIs, no variable."""
    if "'''" in text or '"""' in text:  # a line of a long text may begin like a comment
        return None
    body = "\n".join("" if line.startswith("#") else line for line in text.split("\n"))
    match = _PLAIN.match(body)
    if match is None:
        return None
    prefixes = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in _PREFIX.findall(match["head"]))
    turtle = prefixes + re.sub(r"\?(\w+)", r"<var:\1>", match["made"].rstrip(" .\n")) + " ."
    try:
        found = [quad.triple for quad in ox.parse(turtle.encode(), format=ox.RdfFormat.TURTLE)]
    except SyntaxError:
        return None
    triples = [(str(t.subject), str(t.predicate), str(t.object)) for t in found]
    terms = sorted(
        {term for triple in triples for term in triple}, key=lambda term: (not term.startswith("<var:"), term)
    )
    names = [term[5:-1] for term in terms if term.startswith("<var:")]
    if not names or any("_:" in s + o or p.startswith("<var:") for s, p, o in triples):
        return None
    select = f"{match['head']}SELECT {' '.join('?' + name for name in names)} {body[match.end() :]}"
    places = tuple((terms.index(s), terms.index(p), terms.index(o)) for s, p, o in triples)
    return _Template(select, tuple(terms[len(names) :]), places)


class _Cells(dict[str, str]):
    """From the cells of a TSV answer to N-Triples terms, each made once; an unbound cell is empty."""

    def __missing__(self, cell: str) -> str:
        plain = not cell or cell.startswith(("<", "_:"))
        self[cell] = term = cell if plain else str(term_of(cell))
        return term


def _rows(answer: object, cells: _Cells) -> list[list[str]]:
    """Return the rows of a SELECT as N-Triples terms; TSV, because one text costs less than an object for each term."""
    if not isinstance(answer, ox.QuerySolutions):
        raise TypeError("it is not a SELECT")
    table = answer.serialize(format=ox.QueryResultsFormat.TSV) or b""
    return [[cells[cell] for cell in line.split("\t")] for line in table.decode().split("\n")[1:-1]]


class Store:
    """Triples in memory, in a default graph and named graphs. Callers never see the engine's own terms.

    With *union*, rules see all graphs as one; questions name their graphs in any case. ``into`` is the graph that takes
    what is added without naming one.
    """

    def __init__(self, *, union: bool = False, into: str = "") -> None:
        """Start empty."""
        self._store, self._union, self.into = ox.Store(), union, into
        self._cells = _Cells()

    def add(self, triples: Iterable[Triple], *, graph: str = "") -> None:
        """Add *triples* to the named *graph*, else to the graph of the store."""
        name = graph or self.into
        target = ox.NamedNode(name[1:-1]) if name else None
        if text := document(triples):
            self._store.load(text.encode(), format=ox.RdfFormat.N_TRIPLES, to_graph=target, lenient=True)

    def construct(self, text: str, *, rule: str) -> set[Triple]:
        """Return the triples that a CONSTRUCT makes.

        Raises:
            RuleError: the query is not valid; a broken rule is never an absence of threats.
        """
        template = _template(text)
        try:
            if template is not None:
                return self._filled(template)
            answer = self._store.query(text, use_default_graph_as_union=self._union)
            return {(str(t.subject), str(t.predicate), str(t.object)) for t in answer}  # type: ignore[union-attr]
        except (SyntaxError, OSError, ValueError, AttributeError, TypeError) as error:
            raise RuleError("E-RULE", f"rule {rule} cannot be run: {error}", where=rule) from None

    def _filled(self, template: _Template) -> set[Triple]:
        """Return the triples of a template, from one row for each solution: a term is made once, not once a triple."""
        answer = self._store.query(template.select, use_default_graph_as_union=self._union)
        rows = [[*row, *template.constants] for row in _rows(answer, self._cells)]
        made: set[Triple] = set()
        for s, p, o in template.places:
            made.update([(row[s], row[p], row[o]) for row in rows if row[s][:1] == "<" and row[o]])
        return made

    def query(
        self, text: str, prefixes: Mapping[str, str], bound: Mapping[ox.Variable, ox.NamedNode | ox.Literal]
    ) -> object:
        """Return the engine's own answer to a query, for other engines that work on the same triples."""
        values: Any = bound
        return self._store.query(
            text, prefixes=dict(prefixes), substitutions=values, use_default_graph_as_union=self._union
        )

    def select(self, text: str, bindings: Mapping[str, str] | None = None) -> tuple[tuple[str, ...], list[Row]]:
        """Return variables and rows of a SELECT; *bindings* are put in as terms, never as text.

        Raises:
            RuleError: the query is not valid or is not a SELECT.
        """
        values = {ox.Variable(name): term_of(value) for name, value in (bindings or {}).items()}
        try:
            answer: Any = self._store.query(text, substitutions=values)  # type: ignore[arg-type]
            names = tuple(v.value for v in answer.variables)
            rows: list[Row] = [tuple([cell or None for cell in row]) for row in _rows(answer, _Cells())]
        except (SyntaxError, OSError, ValueError, AttributeError, TypeError, RuntimeError) as error:
            raise RuleError("E-RULE", f"query cannot be run: {error}") from None
        return names, rows

    def answer(self, text: str, *, rows: int) -> tuple[str, tuple[str, ...], list[Row]]:
        """Return kind (select, ask, graph), columns and at most *rows* + 1 rows of any read-only query.

        A DESCRIBE looks into all graphs; every other form names its graphs.
        """
        describe = re.search(r"^\s*DESCRIBE\b", text, re.I | re.M) is not None
        result = self._store.query(text, use_default_graph_as_union=describe)
        if isinstance(result, ox.QueryBoolean):
            return "ask", ("answer",), [('"true"' if bool(result) else '"false"',)]
        found: list[Row] = []
        if isinstance(result, ox.QueryTriples):
            for triple in result:
                found.append((str(triple.subject), str(triple.predicate), str(triple.object)))
                if len(found) > rows:
                    break
            return "graph", ("subject", "predicate", "object"), found
        names = tuple(v.value for v in result.variables)
        for solution in result:
            found.append(tuple(None if solution[n] is None else str(solution[n]) for n in names))
            if len(found) > rows:
                break
        return "select", names, found
