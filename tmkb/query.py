"""Stage 8: questions. The finished knowledge base as a read-only store, and named queries with checked parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Protocol

from tmkb import crosswalks
from tmkb.engines.sparql import Row, Store
from tmkb.errors import ParameterError
from tmkb.headers import Param, QuerySpec
from tmkb.model.findings import Finding
from tmkb.model.graphs import AssembledGraph, ClosedGraph, RatedGraph, Triple
from tmkb.model.tables import Cell, ResultTable
from tmkb.terms import BASE, CORE_GRAPH, LIB, PREFIXES, TM, label_rank, lexical, literal, rdf, rdfs


class Release(Protocol):
    """A release that can be asked: its key (``device@version``), its graphs, and the rows of a view on it."""

    key: str

    @property
    def closed(self) -> ClosedGraph:
        """The release with what OWL 2 RL concludes."""

    @property
    def rated(self) -> RatedGraph:
        """The release with its threats and ratings."""

    def rows(self, spec: QuerySpec) -> list[Row]:
        """Return the raw rows of a view on this release alone."""

    def forget(self) -> None:
        """Let go of what can be found again."""


@dataclass(frozen=True)
class KnowledgeBase:
    """Releases that can be asked, their findings, the line that names policy and library, and the day of judgement."""

    releases: tuple[Release, ...]
    reports: Mapping[str, Sequence[Finding]]
    policy: str
    day: date

    @property
    def rated(self) -> tuple[RatedGraph, ...]:
        """The rated graphs of all releases."""
        return tuple(release.rated for release in self.releases)

    @cached_property
    def store(self) -> Store:
        """The closed core in its graph and each release in the graph of its IRI."""
        return store_of(self.rated)

    def each(self) -> Iterator[KnowledgeBase]:
        """Yield one knowledge base for each release in turn, so that never all are held at once."""
        for release in self.releases:
            yield replace(self, releases=(release,))
            if len(self.releases) > 1:
                release.forget()


def store_of(graphs: Sequence[ClosedGraph | RatedGraph]) -> Store:
    """Return a store with the closed core in its graph and each release in the graph of its IRI.

    Rules that work on it see core and release as one. No question ever runs on a union of releases: two releases of a
    device have equal node IRIs.
    """
    store = Store(union=True, into=graphs[0].assembled.release if len(graphs) == 1 else "")
    core: set[Triple] = set()
    for release in graphs:
        core |= release.assembled.core_triples | add_local(store, release.assembled, release.local)
    store.add(core, graph=CORE_GRAPH)
    return store


def add_local(store: Store, assembled: AssembledGraph, local: frozenset[Triple]) -> frozenset[Triple]:
    """Add what is about the device to the graph of its release, and return the rest, which is about the core."""
    base = assembled.device[:-1]
    local = local - assembled.core_triples  # no triple stands in two graphs: rules would count it twice
    own = {t for t in one_label(local) if t[0].startswith(base) or t[2].startswith(base)}
    store.add(own, graph=assembled.release)
    return local - own


def one_label(triples: Iterable[Triple]) -> list[Triple]:
    """Return *triples* with one label for each node, the English one if there is one: rows must not multiply."""
    triples = list(triples)
    best: dict[str, str] = {}
    for s, p, o in triples:
        if p == rdfs.label:
            best[s] = min(best.get(s, o), o, key=label_rank)
    return [(s, p, o) for s, p, o in triples if p != rdfs.label or best[s] == o]


def run(kb: KnowledgeBase, spec: QuerySpec, given: Mapping[str, str] | None = None) -> ResultTable:
    """Return the rows of a named query; parameters are bound as terms.

    Raises:
        ParameterError: a parameter is missing, unknown, of the wrong kind, or names nothing in the KB.
    """
    given = dict(given or {})
    known = {p.name: p for p in spec.params}
    for name in given:
        if name not in known:
            raise ParameterError(
                "E-PARAM",
                f"query {spec.id} has no parameter {name!r}",
                hint="it takes: " + (", ".join(known) or "none"),
            )
    bindings: dict[str, str] = {}
    for name, param in known.items():
        if name in given:
            bindings[name] = _bound(kb, param, given[name])
        elif "optional" not in param.note:
            raise ParameterError(
                "E-PARAM", f"query {spec.id} needs {name} ({param.kind} {param.note})", hint=f"-p {name}=…"
            )
    return ResultTable(spec.title, spec.columns, tuple(plain(row, spec) for row in select(kb.store, spec, bindings)))


def rows(kb: KnowledgeBase, spec: QuerySpec) -> list[Row]:
    """Return the raw rows of a view on each release in turn, each row once."""
    return list(dict.fromkeys(row for one in kb.each() for release in one.releases for row in release.rows(spec)))


def select(store: Store, spec: QuerySpec, bindings: Mapping[str, str] | None = None) -> list[Row]:
    """Return the raw rows of a query, terms as N-Triples, in the order it asks for."""
    names, found = crosswalks.asked(store, spec.text).select(spec.text, bindings)
    order = [names.index(column.name) for column in spec.columns]
    return [tuple(row[i] for i in order) for row in found]


def plain(row: Row, spec: QuerySpec) -> tuple[Cell, ...]:
    """Return a row as plain values of the kinds that the columns promise."""
    cells: list[Cell] = []
    for term, column in zip(row, spec.columns, strict=True):
        if term is None:
            cells.append(None)
        elif column.kind == "integer":
            cells.append(int(lexical(term)))
        elif column.kind == "boolean":
            cells.append(lexical(term) == "true")
        else:
            cells.append(lexical(term))
    return tuple(cells)


def _bound(kb: KnowledgeBase, param: Param, value: str) -> str:
    if param.kind == "integer":
        if not re.fullmatch(r"[+-]?\d+", value):
            raise ParameterError("E-PARAM", f"{param.name}={value}: a whole number is needed")
        return literal(value, "integer")
    if param.kind == "date":
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise ParameterError("E-PARAM", f"{param.name}={value}: a date such as 2026-11-23 is needed")
        return literal(value, "date")
    if param.kind == "string":
        return literal(value)
    return _node(kb, param, value)


def _node(kb: KnowledgeBase, param: Param, value: str) -> str:
    prefix, _, local = value.partition(":")
    tries = [value] if "://" in value else []
    if prefix in PREFIXES and local:
        tries.append(PREFIXES[prefix] + local)
    tries += [TM + value, LIB + value, f"{BASE}family/{value}", f"{BASE}module/{value}/", f"{BASE}device/{value}/"]
    kind = param.note.split(" ")[0]
    for candidate in tries:
        if re.search(r'[\s<>"{}|\\^`]', candidate):
            continue
        if _is_a(kb, f"<{candidate}>", PREFIXES["tm"] + kind.removeprefix("tm:") if kind.startswith("tm:") else ""):
            return f"<{candidate}>"
    raise ParameterError(
        "E-PARAM",
        f"{param.name}={value}: no such {kind or 'node'} in the knowledge base",
        hint="give an id (lib:T-0003, tm:medium-wifi), a slug or a full IRI",
    )


def _is_a(kb: KnowledgeBase, node: str, kind: str) -> bool:
    for triples in (release.rated.triples for release in kb.releases):
        if (node, rdf.type, f"<{kind}>") in triples if kind else any(node in (s, o) for s, _, o in triples):
            return True
    return False
