"""The question on lists of others: a row for each pattern of an entry, with the threats counted; the same in both engines."""

from __future__ import annotations

from pathlib import Path

import rdflib

from tmkb import headers, query
from tmkb.engines.convert import node, to_rdflib
from tmkb.engines.sparql import Store
from tmkb.engines.turtle import parse
from tmkb.model.tables import Cell
from tmkb.terms import CORE_GRAPH, CROSSWALK_GRAPH

SPEC = headers.read(Path(__file__).resolve().parents[2] / "queries/report/crosswalk-threats.rq")
PREFIXES = """
prefix tm: <https://tmkb.example/ontology#>
prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#>
prefix dct: <http://purl.org/dc/terms/>
prefix : <https://x.example/>
"""
CORE = ':p1 rdfs:label "one" . :p2 rdfs:label "two" . tm:nomatch-gap rdfs:label "gap" . :other rdfs:label "other" .'
LISTS = """
:list rdfs:label "list" .
:a a tm:ListedThreat ; tm:listedId "A" ; rdfs:label "both" ; tm:listedCategory "T" ; dct:source :list ;
    tm:matchesPattern :p1 ; tm:matchesElsewhere :p2 ; tm:reason "filed apart" .
:b a tm:ListedThreat ; tm:listedId "B" ; rdfs:label "none" ; tm:listedCategory "S" ; dct:source :list ;
    tm:noMatch tm:nomatch-gap ; tm:reason "missing" .
:c a tm:ListedElement ; tm:listedId "C" ; rdfs:label "no threat" ; dct:source :list .
"""
RELEASES = {
    "<https://x.example/release/1>": ":t1 a tm:Threat ; tm:pattern :p1 . :t2 a tm:Threat ; tm:pattern :p1 .",
    "<https://x.example/release/2>": ":t3 a tm:Threat ; tm:pattern :p1 . :t4 a tm:Threat ; tm:pattern :other .",
}


def answer() -> list[dict[str, Cell]]:
    """Return the rows of the question, after both engines gave the same."""
    store, dataset = Store(), rdflib.Dataset(default_union=False)
    for name, text in {CORE_GRAPH: CORE, CROSSWALK_GRAPH: LISTS, **RELEASES}.items():
        triples = [triple for triple, _ in parse((PREFIXES + text).encode(), name="test")]
        store.add(triples, graph=name)
        graph = dataset.graph(node(name))
        for triple in triples:
            graph.add(to_rdflib(triple))
    names, ours = store.select(SPEC.text)
    rows = [dict(zip(names, query.plain(row, SPEC), strict=True)) for row in ours]
    for row, other in zip(rows, dataset.query(SPEC.text), strict=True):
        values = [None if v is None else v.toPython() if isinstance(v, rdflib.Literal) else str(v) for v in other]
        assert list(row.values()) == values
    return rows


def test_an_entry_has_a_row_for_each_pattern() -> None:
    """What is filed elsewhere is said; threats of all products in the question are counted."""
    one, two, _ = answer()
    assert (one["listedId"], one["patternName"], one["elsewhere"], one["threats"]) == ("A", "one", False, 3)
    assert (two["listedId"], two["patternName"], two["elsewhere"], two["threats"]) == ("A", "two", True, 0)
    assert one["lack"] is None and one["reason"] == "filed apart" and one["list"] == "list"


def test_an_entry_without_pattern_has_one_row_with_the_reason() -> None:
    """No pattern, no threats, and why; an element of a list is no threat and has no row."""
    rows = answer()
    assert len(rows) == 3
    (none,) = [row for row in rows if row["listedId"] == "B"]
    assert (none["pattern"], none["elsewhere"], none["threats"]) == (None, None, 0)
    assert (none["lack"], none["reason"]) == ("gap", "missing")
