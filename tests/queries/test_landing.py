"""The landing rule on small lists: what lands by what, how far up, and each way to be missed; the same in both engines."""

from __future__ import annotations

from pathlib import Path

import pytest
import rdflib
from rdflib.plugins.sparql import prepareQuery

from tmkb import advisories, headers, query
from tmkb.engines.convert import node, to_rdflib
from tmkb.engines.sparql import Store
from tmkb.engines.turtle import parse
from tmkb.model.graphs import Triple
from tmkb.model.tables import Cell
from tmkb.terms import CORE_GRAPH, CROSSWALK_GRAPH

SPEC = headers.read(Path(__file__).resolve().parents[2] / "queries/report/advisory-landing.rq")
THEIRS = prepareQuery(SPEC.text)
RELEASE = "<https://x.example/release/1>"
PREFIXES = """
prefix tm: <https://tmkb.example/ontology#>
prefix lib: <https://tmkb.example/library/>
prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#>
prefix owl: <http://www.w3.org/2002/07/owl#>
prefix : <https://x.example/>
"""
# 90 Pillar > 80 Class > 70 Base > 60 Base > 50 Variant > 40 Variant; 81 beside 80 under the pillar
LIST = """
lib:CWE-90 a tm:Weakness ; tm:weaknessId "CWE-90" ; tm:abstraction "Pillar" .
lib:CWE-80 a tm:Weakness ; tm:weaknessId "CWE-80" ; tm:abstraction "Class" ; tm:parentWeakness lib:CWE-90 .
lib:CWE-81 a tm:Weakness ; tm:weaknessId "CWE-81" ; tm:abstraction "Class" ; tm:parentWeakness lib:CWE-90 .
lib:CWE-70 a tm:Weakness ; tm:weaknessId "CWE-70" ; tm:abstraction "Base" ; tm:parentWeakness lib:CWE-80 .
lib:CWE-60 a tm:Weakness ; tm:weaknessId "CWE-60" ; tm:abstraction "Base" ; tm:parentWeakness lib:CWE-70 .
lib:CWE-50 a tm:Weakness ; tm:weaknessId "CWE-50" ; tm:abstraction "Variant" ; tm:parentWeakness lib:CWE-60 .
lib:CWE-40 a tm:Weakness ; tm:weaknessId "CWE-40" ; tm:abstraction "Variant" ; tm:parentWeakness lib:CWE-50 .
lib:CWE-16 a tm:WeaknessGroup ; tm:weaknessId "CWE-16" .
"""
REACHES = """
tm:reach-physical tm:attackVectorCode "P" ; rdfs:label "physical" .
tm:reach-local tm:attackVectorCode "L" ; rdfs:label "local" .
tm:reach-adjacent tm:attackVectorCode "A" ; rdfs:label "adjacent" .
tm:reach-network tm:attackVectorCode "N" ; rdfs:label "network" .
tm:NetworkServiceVector tm:reachableFrom tm:reach-adjacent, tm:reach-network .
tm:ServiceVector tm:reachableFrom tm:reach-physical, tm:reach-network .
lib:V-both rdfs:subClassOf tm:NetworkServiceVector, tm:ServiceVector, :r-both .
tm:NetworkServiceVector rdfs:subClassOf :r-net .
:r-net owl:onProperty tm:admits ; owl:hasValue lib:T-1 .
:r-both owl:onProperty tm:admits ; owl:hasValue lib:T-2 .
"""
NETWORK = 'tm:cvssVector "CVSS:3.1/AV:N/AC:L/PR:N"'
Row = dict[str, Cell]


def triples(text: str) -> list[Triple]:
    """Return the triples of a piece of Turtle."""
    return [triple for triple, _ in parse((PREFIXES + text).encode(), name="test")]


def land(core: str, flaw: str, release: str = "") -> list[Row]:
    """Return the rows of one advisory with one flaw, after both engines gave the same."""
    said = (
        f':adv a tm:Advisory ; tm:advisoryId "ADV" .\n:f a tm:Flaw ; tm:ofAdvisory :adv ; tm:cveId "CVE-1" ; {flaw} .\n'
    )
    parts = {CORE_GRAPH: REACHES + core + said, CROSSWALK_GRAPH: LIST, RELEASE: release}
    store, dataset = Store(), rdflib.Dataset(default_union=False)
    for name, text in parts.items():
        store.add(triples(text), graph=name)
        graph = dataset.graph(node(name))
        for triple in triples(text):
            graph.add(to_rdflib(triple))
    names, ours = store.select(SPEC.text)
    theirs = dataset.query(THEIRS)
    assert len(ours) == len(list(theirs))
    rows = [dict(zip(names, query.plain(row, SPEC), strict=True)) for row in ours]
    for row, other in zip(rows, theirs, strict=True):
        values = [None if v is None else v.toPython() if isinstance(v, rdflib.Literal) else str(v) for v in other]
        assert list(row.values()) == values
    return rows


def one(core: str, flaw: str, release: str = "") -> Row:
    """Return the only row."""
    (row,) = land(core, flaw, release)
    return row


@pytest.mark.parametrize(
    ("named", "asked", "step"),
    [
        ("70", "70", 0),
        ("60", "50", 1),
        ("70", "50", 2),
        ("80", "60", 2),
        ("60", "40", 2),
        ("90", "90", 0),
        ("40", "40", 0),
    ],
)
def test_a_pattern_meets_a_weakness_or_one_close_above(named: str, asked: str, step: int) -> None:
    """The weakness itself, whatever its abstraction; a base or class one or two steps up."""
    row = one(f"lib:T-1 tm:exploitsWeakness lib:CWE-{named} .", f'tm:weaknessId "CWE-{asked}" ; {NETWORK}')
    assert (row["landed"], row["by"], row["step"], row["patterns"], row["threats"]) == (True, "patterns", step, 1, 0)
    assert (row["reach"], row["reason"], row["advisory"], row["cve"]) == ("network", None, "ADV", "CVE-1")


@pytest.mark.parametrize(
    ("named", "asked"),
    [("80", "50"), ("90", "80"), ("90", "70"), ("50", "40"), ("81", "80"), ("60", "70")],
    ids=["three steps", "pillar", "pillar two up", "variant above", "beside", "below"],
)
def test_not_further_up_not_by_a_pillar_not_by_a_variant(named: str, asked: str) -> None:
    """What would say too much is no landing: far ancestors, pillars, narrower or neighbouring weaknesses."""
    row = one(f"lib:T-1 tm:exploitsWeakness lib:CWE-{named} .", f'tm:weaknessId "CWE-{asked}" ; {NETWORK}')
    assert (row["landed"], row["by"], row["step"]) == (False, None, None)
    assert row["reason"] == "no pattern names the weakness or one close above it"


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        (NETWORK, "names no weakness"),
        (f'tm:weaknessId "CWE-16" ; {NETWORK}', "names a category or view, no weakness"),
        (f'tm:weaknessId "NVD-CWE-noinfo" ; {NETWORK}', "names no weakness of the list"),
        ('tm:weaknessId "CWE-70"', "has no vector with a reach"),
        ('tm:weaknessId "CWE-70" ; tm:cvssVector "CVSS:3.1/AC:L/MAV:N"', "has no vector with a reach"),
        (
            'tm:weaknessId "CWE-70" ; tm:cvssVector "CVSS:3.1/AV:P"',
            "patterns name the weakness but come in from elsewhere",
        ),
        (f'tm:weaknessId "CWE-81" ; {NETWORK}', "no pattern names the weakness or one close above it"),
    ],
)
def test_each_way_to_be_missed_is_told(flaw: str, reason: str) -> None:
    """A flaw that does not land says why; it never drops out of the table."""
    row = one("lib:T-1 tm:exploitsWeakness lib:CWE-70 .", flaw)
    assert (row["landed"], row["reason"]) == (False, reason)


@pytest.mark.parametrize(
    "vector",
    ["AV:N/AC:L/Au:N/C:P/I:P/A:P", "CVSS:4.0/AV:N/AC:L/AT:N", "CVSS:3.0/AC:L/AV:N/PR:N", "CVSS:3.1/MAV:P/AV:N"],
)
def test_each_version_of_the_vector_is_read(vector: str) -> None:
    """Versions 2 to 4, and the metric in another place than the first."""
    row = one("lib:T-1 tm:exploitsWeakness lib:CWE-70 .", f'tm:weaknessId "CWE-70" ; tm:cvssVector "{vector}"')
    assert (row["landed"], row["reach"]) == (True, "network")


@pytest.mark.parametrize(("letter", "landed"), [("N", True), ("A", False), ("P", False), ("L", False)])
def test_a_compound_kind_has_only_what_all_its_kinds_have(letter: str, landed: bool) -> None:
    """A network service that also is a service interface is used over the network, not by touch."""
    row = one(
        "lib:T-2 tm:exploitsWeakness lib:CWE-70 .", f'tm:weaknessId "CWE-70" ; tm:cvssVector "CVSS:3.1/AV:{letter}"'
    )
    assert row["landed"] is landed


THREAT = """
:t a tm:Threat ; tm:pattern lib:T-1 ; tm:entry :e ; tm:ofDevice :d . :e tm:reach tm:reach-{reach} . :d tm:family :narrow .
"""
FAMILIES = ":narrow tm:family :wide . :other tm:family :wide . lib:T-1 tm:exploitsWeakness lib:CWE-70 . lib:T-2 tm:exploitsWeakness lib:CWE-60 . "


@pytest.mark.parametrize(
    ("family", "reach", "by"),
    [
        (":narrow", "network", "threats"),
        (":wide", "network", "threats"),
        (":other", "network", "patterns"),
        ("", "network", "threats"),
        (":narrow", "adjacent", "patterns"),
        (":other, :narrow", "network", "threats"),
    ],
)
def test_threats_of_the_family_come_first(family: str, reach: str, by: str) -> None:
    """A threat counts in a product of the family, below it too, at an entry of just that reach; else the patterns do."""
    core = FAMILIES + (f":adv tm:affectsFamily {family} ." if family else "")
    row = one(core, f'tm:weaknessId "CWE-60" ; {NETWORK}', THREAT.format(reach=reach))
    assert (row["landed"], row["by"], row["patterns"]) == (True, by, 2)
    assert (row["threats"], row["step"]) == ((1, 1) if by == "threats" else (0, 0))


def test_one_row_for_each_weakness_and_reach() -> None:
    """A flaw with two weaknesses or two vectors is asked for each of them."""
    flaw = f'tm:weaknessId "CWE-70", "CWE-81" ; {NETWORK}, "CVSS:3.1/AV:P/AC:L"'
    rows = land("lib:T-1 tm:exploitsWeakness lib:CWE-70 .", flaw)
    assert [(r["cwe"], r["reach"], r["landed"]) for r in rows] == [
        ("CWE-70", "network", True),
        ("CWE-70", "physical", False),
        ("CWE-81", "network", False),
        ("CWE-81", "physical", False),
    ]


def test_an_advisory_from_outside_is_asked_alone() -> None:
    """In a graph of its own it lands as one of the library does, and the question can be about it only."""
    found = advisories.advisory("NEW-1", ("<https://x.example/narrow>",), [("CVE-9", ["CWE-60"], ["AV:N/AC:L"])])
    store = Store()
    known = ':adv a tm:Advisory ; tm:advisoryId "ADV" . :f a tm:Flaw ; tm:ofAdvisory :adv ; tm:cveId "CVE-1" .'
    store.add(triples(REACHES + FAMILIES + known), graph=CORE_GRAPH)
    store.add(triples(LIST), graph=CROSSWALK_GRAPH)
    store.add(triples(THREAT.format(reach="network")), graph=RELEASE)
    store.add(found.statements, graph=found.notice)
    names, rows = store.select(SPEC.text, {"notice": found.notice})
    (row,) = [dict(zip(names, query.plain(one, SPEC), strict=True)) for one in rows]
    assert (row["advisory"], row["cve"], row["by"], row["step"]) == ("NEW-1", "CVE-9", "threats", 1)
