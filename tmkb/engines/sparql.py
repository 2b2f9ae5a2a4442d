"""SPARQL by pyoxigraph: a working store for rules, and a read-only store for questions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pyoxigraph as ox

from tmkb.errors import RuleError
from tmkb.model.graphs import Triple

NAME = f"pyoxigraph {ox.__version__}"
Row = tuple[str | None, ...]


def _term(text: str) -> ox.NamedNode | ox.Literal:
    if text.startswith("<"):
        return ox.NamedNode(text[1:-1])
    found: ox.Literal = next(iter(ox.parse(f"<x:s> <x:p> {text} .".encode(), format=ox.RdfFormat.N_TRIPLES))).object
    return found


def _document(triples: Iterable[Triple]) -> bytes:
    return "".join(f"{s} {p} {o} .\n" for s, p, o in triples).encode()


class Store:
    """Triples in memory, in a default graph and named graphs. Callers never see the engine's own terms."""

    def __init__(self) -> None:
        """Start empty."""
        self._store = ox.Store()

    def add(self, triples: Iterable[Triple], *, graph: str = "") -> None:
        """Add *triples* to the default graph, or to the named *graph*."""
        target = ox.NamedNode(graph[1:-1]) if graph else None
        self._store.bulk_load(_document(triples), format=ox.RdfFormat.N_TRIPLES, to_graph=target)

    def construct(self, text: str, *, rule: str) -> set[Triple]:
        """Return the triples that a CONSTRUCT makes from the default graph.

        Raises:
            RuleError: the query is not valid; a broken rule is never an absence of threats.
        """
        try:
            answer = self._store.query(text)
            return {(str(t.subject), str(t.predicate), str(t.object)) for t in answer}  # type: ignore[union-attr]
        except (SyntaxError, OSError, ValueError, AttributeError, TypeError) as error:
            raise RuleError("E-RULE", f"rule {rule} cannot be run: {error}", where=rule) from None

    def select(self, text: str, bindings: Mapping[str, str] | None = None) -> tuple[tuple[str, ...], list[Row]]:
        """Return variables and rows of a SELECT; *bindings* are put in as terms, never as text.

        Raises:
            RuleError: the query is not valid or is not a SELECT.
        """
        values = {ox.Variable(name): _term(value) for name, value in (bindings or {}).items()}
        try:
            answer = self._store.query(text, substitutions=values)  # type: ignore[arg-type]
            names = tuple(v.value for v in answer.variables)  # type: ignore[union-attr]
            rows = [tuple(None if row[n] is None else str(row[n]) for n in names) for row in answer]  # type: ignore
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
