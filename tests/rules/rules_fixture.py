"""The fixture graph of the rule tests: asserted and closed by hand; any rule can be left out."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

from made import Made

from tmkb import pipeline, query, views
from tmkb.assemble import assemble
from tmkb.derive import derive, fire
from tmkb.engines import turtle
from tmkb.headers import QuerySpec
from tmkb.model.graphs import AssembledGraph, AssertedGraph, ClosedGraph, Origin, RatedGraph, Statement, Triple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEY = "fix@1"
STAGES = ("assemble", "derive", "rate")
TM = "https://tmkb.example/ontology#"
DEVICE = "https://tmkb.example/device/fix/"
PREFIXES = {
    "tm": TM,
    "lib": "https://tmkb.example/library/",
    "": DEVICE,
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}
_MISSING_CELL = "<https://tmkb.example/policy/four-factors/cell-1-4>"


@cache
def _shipped(kind: str) -> tuple[QuerySpec, ...]:
    return tuple(pipeline.rules(kind))


def rules(kind: str, without: str = "") -> list[QuerySpec]:
    """Return the rules of a folder, without the one of that id."""
    return [rule for rule in _shipped(kind) if rule.id != without]


def every_rule() -> list[tuple[str, str]]:
    """Return folder and id of every rule file; the folders decide."""
    return [(kind, path.stem) for kind in STAGES for path in sorted((ROOT / "queries" / kind).glob("*.rq"))]


def term(text: str) -> str:
    """Return ``tm:x``, ``lib:x`` or ``:x`` as N-Triples."""
    prefix, _, local = text.partition(":")
    return f"<{PREFIXES[prefix]}{local}>"


def _read(path: Path, role: str) -> list[Statement]:
    parsed = turtle.parse(path.read_bytes(), name=path.name)
    return [Statement(t, Origin(path.name, n, role)) for t, n in parsed if not (t[0] + t[2]).count("_:")]


@cache
def asserted() -> AssertedGraph:
    """Return ontology (without class expressions), fixture library, policy with factors and one cell missing."""
    core = [s for path in sorted((ROOT / "ontology").glob("*.ttl")) for s in _read(path, "ontology")]
    core += _read(HERE / "fixture" / "library.ttl", "library")
    policy = _read(ROOT / "kb" / "policy" / "four-factors.ttl", "policy")
    core += [s for s in policy if s.triple[0] != _MISSING_CELL]
    device = _read(HERE / "fixture" / "asserted.ttl", "device")
    return AssertedGraph(tuple(core), (), {KEY: tuple(device)})


@cache
def assembled(without: str = "") -> AssembledGraph:
    """Return the assembled fixture."""
    return assemble(asserted(), KEY, rules("assemble", without))


@cache
def closed() -> ClosedGraph:
    """Return the assembled fixture with what closed.ttl adds."""
    entailed = frozenset(s.triple for s in _read(HERE / "fixture" / "closed.ttl", "device"))
    return ClosedGraph(assembled(), entailed)


@cache
def rated(without: str = "") -> RatedGraph:
    """Return the fixture derived and rated; no cache is asked."""
    derived = derive(closed(), rules("derive", without))
    return RatedGraph(derived, fire(closed().triples | frozenset(derived.firings), rules("rate", without)))


def tables(graph: RatedGraph) -> dict[str, list[dict[str, object]]]:
    """Return the rows of every query that feeds the verbs (queries/view), by name of the query."""
    kb = query.KnowledgeBase((Made(graph),), {}, "", date(2026, 11, 23))
    return {spec.id: views.records(kb, spec) for spec in _shipped("view")}  # type: ignore[misc]


def made(rule: str) -> set[Triple]:
    """Return what one rule adds to the fixture."""
    if rule in {r.id for r in rules("assemble")}:
        return set(assembled().local_triples - assembled(rule).local_triples)
    graph = rated()
    return {t for t, by in {**graph.derived.firings, **graph.firings}.items() if by == rule}
