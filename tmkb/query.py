"""Stage 8: questions. The finished knowledge base as a read-only store, and named queries with checked parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tmkb.engines.sparql import Row, Store
from tmkb.errors import ParameterError
from tmkb.headers import Param, QuerySpec
from tmkb.model.findings import ValidationReport
from tmkb.model.graphs import RatedGraph, Triple
from tmkb.model.tables import Cell, ResultTable
from tmkb.terms import BASE, CORE_GRAPH, LIB, PREFIXES, TM, lexical, literal, rdf, rdfs


@dataclass(frozen=True)
class KnowledgeBase:
    """Rated releases with their findings, and a store with one graph per release beside the core graph."""

    rated: tuple[RatedGraph, ...]
    reports: Mapping[str, ValidationReport]
    store: Store
    policy: str
    digests: Mapping[str, str]
    day: date


def store_of(rated: Sequence[RatedGraph]) -> Store:
    """Return a store with the closed core in its graph and each release in the graph of its IRI.

    No question ever runs on a union of releases: two releases of a device have equal node IRIs.
    """
    store = Store()
    core: set[Triple] = set()
    for release in rated:
        base = release.assembled.device[:-1]
        own = {t for t in one_label(release.local) if t[0].startswith(base) or t[2].startswith(base)}
        core |= release.assembled.core_triples | (release.local - own)
        store.add(own, graph=release.assembled.release)
    store.add(core, graph=CORE_GRAPH)
    return store


def one_label(triples: Iterable[Triple]) -> list[Triple]:
    """Return *triples* with one label for each node, the English one if there is one: rows must not multiply."""
    triples = list(triples)
    best: dict[str, tuple[bool, str]] = {}
    for s, p, o in triples:
        if p == rdfs.label:
            rank = (not o.endswith(("@en", '"')), o)
            best[s] = min(best.get(s, rank), rank)
    return [(s, p, o) for s, p, o in triples if p != rdfs.label or best[s][1] == o]


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
    return ResultTable(spec.title, spec.columns, tuple(plain(row, spec) for row in rows(kb, spec, bindings)))


def rows(kb: KnowledgeBase, spec: QuerySpec, bindings: Mapping[str, str] | None = None) -> list[Row]:
    """Return the raw rows of a query, terms as N-Triples, in the order it asks for."""
    names, found = kb.store.select(spec.text, bindings)
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
    for release in kb.rated:
        for triple in ((node, rdf.type, f"<{kind}>"),) if kind else ():
            if triple in release.triples:
                return True
        if not kind and any(node in (s, o) for s, _, o in release.triples):
            return True
    return False
