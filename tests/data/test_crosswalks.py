"""The list of weaknesses as data, and the flaws of advisories: whole, free of copied text, and at one with the library."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rdflib import Graph, Literal, Node, URIRef
from rdflib.namespace import DCTERMS, OWL, RDF, RDFS

ROOT = Path(__file__).resolve().parents[2]
TM = "https://tmkb.example/ontology#"
LIB = "https://tmkb.example/library/"


def tm(name: str) -> URIRef:
    """Return a term of the ontology."""
    return URIRef(TM + name)


def read(*paths: Path) -> Graph:
    """Return one graph with what *paths* say."""
    graph = Graph()
    for path in paths:
        graph.parse(path, format="turtle")
    return graph


LIST = read(ROOT / "kb/crosswalks/cwe.ttl")
LIBRARY = read(*sorted((ROOT / "ontology").glob("*.ttl")), *sorted((ROOT / "kb/library").rglob("*.ttl")))
ENTRIES = set(LIST.subjects(RDF.type, tm("Weakness")))
FLAWS = sorted(LIBRARY.subjects(RDF.type, tm("Flaw")))
ADVISORIES = sorted(LIBRARY.subjects(RDF.type, tm("Advisory")))


def short(node: object) -> str:
    """Return the local part of an IRI."""
    return re.split(r"[#/]", str(node))[-1]


# -- the list of weaknesses ----------------------------------------------------------------------------------------


def test_list_holds_ids_names_and_relations_only() -> None:
    """No description, example or other text of the list was copied."""
    allowed = {RDF.type, RDFS.label, DCTERMS.source}
    allowed |= {tm(n) for n in ("weaknessId", "abstraction", "listStatus", "parentWeakness")}
    assert set(LIST.predicates()) == allowed
    assert max(len(str(o)) for o in LIST.objects() if isinstance(o, Literal)) < 200
    assert (ROOT / "kb/crosswalks/cwe-terms-of-use.txt").is_file()


def test_list_is_whole() -> None:
    """Every weakness has id, name, status and one of five abstractions; groups have none and no parents."""
    assert len(ENTRIES) > 900
    for entry in ENTRIES:
        assert str(LIST.value(entry, tm("weaknessId"))) == short(entry)
        assert str(LIST.value(entry, tm("abstraction"))) in {"Pillar", "Class", "Base", "Variant", "Compound"}
        assert LIST.value(entry, RDFS.label) and LIST.value(entry, tm("listStatus"))
    for group in LIST.subjects(RDF.type, tm("WeaknessGroup")):
        assert group not in ENTRIES
        assert not set(LIST.predicates(group)) & {tm("abstraction"), tm("parentWeakness")}


def test_parents_lead_to_a_pillar() -> None:
    """Each weakness in force has a way up to a pillar, without a circle; a pillar has no parents."""
    for entry in ENTRIES:
        parents = set(LIST.objects(entry, tm("parentWeakness")))
        assert parents <= ENTRIES
        above = {node for parent in parents for node in LIST.transitive_objects(parent, tm("parentWeakness"))}
        assert entry not in above
        pillar, status = str(LIST.value(entry, tm("abstraction"))) == "Pillar", str(LIST.value(entry, tm("listStatus")))
        assert (
            pillar
            or status == "Deprecated"
            or any(str(LIST.value(node, tm("abstraction"))) == "Pillar" for node in above)
        ), entry
        assert not (pillar and parents)


@pytest.mark.parametrize("weakness", sorted(LIBRARY.subjects(RDF.type, tm("Weakness"))), ids=short)
def test_weaknesses_of_the_library_agree_with_the_list(weakness: Node) -> None:
    """Same name; what the library calls a parent lies above it in the list; none of them is deprecated."""
    assert weakness in ENTRIES
    assert str(LIBRARY.value(weakness, RDFS.label)) == str(LIST.value(weakness, RDFS.label))
    above = set(LIST.transitive_objects(weakness, tm("parentWeakness"))) - {weakness}
    assert set(LIBRARY.objects(weakness, tm("parentWeakness"))) <= above
    assert str(LIST.value(weakness, tm("listStatus"))) != "Deprecated"


# -- the flaws of advisories ---------------------------------------------------------------------------------------


def test_every_advisory_has_flaws() -> None:
    """No advisory is there by its name only."""
    assert set(LIBRARY.objects(None, tm("ofAdvisory"))) == set(ADVISORIES)
    assert len(ADVISORIES) >= 13 and len(FLAWS) >= 65


@pytest.mark.parametrize("flaw", FLAWS, ids=short)
def test_flaw_is_whole(flaw: Node) -> None:
    """A flaw has one advisory, one id that its name repeats, a weakness of the list, and one vector."""
    (advisory,) = LIBRARY.objects(flaw, tm("ofAdvisory"))
    (cve,) = LIBRARY.objects(flaw, tm("cveId"))
    assert short(flaw) == f"{short(advisory)}.{cve}"
    assert re.fullmatch(r"CVE-\d{4}-\d{4,}", str(cve))
    assert {str(w) for w in LIBRARY.objects(flaw, tm("weaknessId"))} <= {short(entry) for entry in ENTRIES}
    assert len(list(LIBRARY.objects(flaw, tm("cvssVector")))) == 1


@pytest.mark.parametrize("advisory", ADVISORIES, ids=short)
def test_families_of_advisories_are_there(advisory: Node) -> None:
    """A family that an advisory concerns is one of the shipped ones, so that its products are found."""
    shipped = set(read(*sorted((ROOT / "kb/families").glob("*.ttl"))).subjects(RDF.type, tm("DeviceFamily")))
    assert set(LIBRARY.objects(advisory, tm("affectsFamily"))) <= shipped


# -- from where a vector is used -----------------------------------------------------------------------------------


def test_each_reach_has_its_letter() -> None:
    """The four letters of the metric stand for the four reaches."""
    letters = {str(o): short(s) for s, o in LIBRARY.subject_objects(tm("attackVectorCode"))}
    assert letters == {"P": "reach-physical", "L": "reach-local", "A": "reach-adjacent", "N": "reach-network"}


def test_each_kind_of_vector_has_a_reach() -> None:
    """Each interface kind of the ontology, and what lies below it, is used from somewhere; a narrower kind from no more."""
    stated = {k: set(LIBRARY.objects(k, tm("reachableFrom"))) for k in LIBRARY.subjects(tm("reachableFrom"))}
    for kind in stated:
        assert (kind, OWL.equivalentClass, None) in LIBRARY, kind
    interface: dict[Node, Node] = {}
    for kind, made in LIBRARY.subject_objects(OWL.equivalentClass):
        parts = list(LIBRARY.items(LIBRARY.value(made, OWL.intersectionOf)))
        if tm("AttackVector") in parts and len(parts) == 2:
            interface[kind] = parts[1]
    of = {i: kind for kind, i in interface.items()}
    for kind, i in interface.items():
        above = [of[w] for w in LIBRARY.transitive_objects(i, RDFS.subClassOf) if w in of and of[w] in stated]
        if kind != tm("LifeCycleVector"):  # no phase by itself: its three phases have reaches of their own
            assert above, f"{short(kind)} is used from nowhere; add tm:reachableFrom in ontology/advisory.ttl"
