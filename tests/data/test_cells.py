"""Every cell of vector medium, lost property and kind of asset has a pattern of the library or a stated reason for none."""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from pathlib import Path

from rdflib import Graph, Node, URIRef
from rdflib.collection import Collection
from rdflib.namespace import OWL, RDF, RDFS

ROOT = Path(__file__).resolve().parents[2]
TM = "https://tmkb.example/ontology#"
FILES = [*sorted((ROOT / "ontology").glob("*.ttl")), *sorted((ROOT / "kb" / "library").rglob("*.ttl"))]
REFERENCES = ROOT / "kb" / "crosswalks" / "references.ttl"


def tm(name: str) -> URIRef:
    """Return a term of the ontology."""
    return URIRef(TM + name)


def short(node: object) -> str:
    """Return the local part of an IRI."""
    return re.split(r"[#/]", str(node))[-1]


def read(paths: list[Path]) -> Graph:
    """Return one graph with what *paths* say."""
    graph = Graph()
    for path in paths:
        graph.parse(path, format="turtle")
    return graph


ALL = read(FILES)
MEDIA = list(ALL.subjects(RDF.type, tm("Medium")))
PROPERTIES = list(ALL.subjects(RDF.type, tm("SecurityProperty")))
MADE_OF: dict[Node, list[Node]] = {
    cls: list(Collection(ALL, parts))
    for cls, made in ALL.subject_objects(OWL.equivalentClass)
    for parts in ALL.objects(made, OWL.intersectionOf)
}


@cache
def wider(cls: Node) -> frozenset[Node]:
    """Return a class with every wider one, also through definitions by intersection."""
    seen: set[Node] = set()
    todo = [cls]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += [*ALL.objects(node, RDFS.subClassOf), *MADE_OF.get(node, [])]
    return frozenset(seen)


@cache
def below(root: Node) -> frozenset[URIRef]:
    """Return the classes of the ontology below *root*."""
    named = [c for c in ALL.subjects(RDF.type, OWL.Class) if isinstance(c, URIRef) and str(c).startswith(TM)]
    return frozenset(c for c in named if root in wider(c) and c != root)


def stating(prop: str, value: Node) -> set[Node]:
    """Return the classes that state *value* by a hasValue restriction on *prop*."""
    said = [r for r in ALL.subjects(OWL.hasValue, value) if (r, OWL.onProperty, tm(prop)) in ALL]
    return {c for r in said for c in ALL.subjects(RDFS.subClassOf, r)}


INTERFACE = {medium: next(iter(stating("medium", medium))) for medium in MEDIA}
BEARERS = [c for c in below(tm("Interface")) if any(c in wider(i) or i in wider(c) for i in INTERFACE.values())]
RELATIONS = {
    tm("carriedOver"): below(tm("InformationAsset")),
    tm("storedBehind"): below(tm("InformationAsset")),
    tm("handles"): below(tm("PartAsset")) | below(tm("EnvironmentAsset")),
}


@cache
def fits(vector: Node, medium: Node) -> bool:
    """Whether an interface of the medium, with suitable roles, can be such a vector."""
    return all(
        c in wider(INTERFACE[medium]) or INTERFACE[medium] in wider(c)
        for c in BEARERS
        if c in wider(vector) and c != tm("AttackVector") and tm("AttackVector") not in wider(c)
    )


PATTERNS = [
    (via, set(ALL.objects(p, tm("violates"))), stating("susceptibleTo", p), stating("admits", p))
    for p, via in ALL.subject_objects(tm("via"))
    if (p, RDF.type, tm("LibraryGap")) not in ALL
]


def covered(via: Node, medium: Node, prop: Node, kind: Node) -> bool:
    """Whether some pattern takes the property from the kind of asset over the medium, in the relation."""
    return any(
        relation == via and prop in lost and kinds & wider(kind) and any(fits(v, medium) for v in vectors)
        for relation, lost, kinds, vectors in PATTERNS
    )


def cells() -> set[tuple[Node, ...]]:
    """Return every relation, medium, property and kind of asset that can stand in the relation."""
    return {
        (via, medium, prop, kind)
        for via, kinds in RELATIONS.items()
        for medium, prop, kind in product(MEDIA, PROPERTIES, kinds)
    }


GAPS = [g for g in ALL.subjects(RDF.type, tm("LibraryGap")) if (g, tm("onClass"), None) in ALL]


def cells_of(gap: Node) -> set[tuple[Node, ...]]:
    """Return the cells of which a gap speaks."""
    return set(product(*(list(ALL.objects(gap, tm(n))) for n in ("via", "ofMedium", "ofProperty", "onClass"))))


def named(cell: tuple[Node, ...]) -> str:
    """Return a cell in words."""
    return " ".join(short(part) for part in cell)


def test_every_cell_has_a_pattern_or_a_reason() -> None:
    """Neither is a hole in the library; both is a reason that no longer holds."""
    with_pattern = {cell for cell in cells() if covered(*cell)}
    with_reason = {cell for gap in GAPS for cell in cells_of(gap)}
    assert sorted(map(named, cells() - with_pattern - with_reason)) == []
    assert sorted(map(named, with_pattern & with_reason)) == []
    assert sorted(map(named, with_reason - cells())) == []
    assert len(with_pattern) > 500


def test_no_cell_has_two_reasons() -> None:
    """A cell is in one gap at most."""
    said = [cell for gap in GAPS for cell in cells_of(gap)]
    assert len(said) == len(set(said))


def test_functions_have_a_reason() -> None:
    """Functions stand in no relation to an entry; one gap says so of every kind and medium."""
    gaps = [g for g in GAPS if not list(ALL.objects(g, tm("via")))]
    assert len(gaps) == 1
    assert set(ALL.objects(gaps[0], tm("onClass"))) == below(tm("FunctionAsset"))
    assert set(ALL.objects(gaps[0], tm("ofMedium"))) == set(MEDIA)
    assert set(ALL.objects(gaps[0], tm("ofProperty"))) == set(PROPERTIES)


def test_each_reason_is_one_and_names_patterns_that_exist() -> None:
    """A gap has one reason of some length; what it refers to is in the library."""
    for gap in GAPS:
        reasons = [str(o) for o in ALL.objects(gap, tm("reason"))]
        assert len(reasons) == 1, short(gap)
        assert len(reasons[0]) > 60, short(gap)
        for pattern in re.findall(r"T-\d{4}", reasons[0]):
            assert (URIRef("https://tmkb.example/library/" + pattern), RDF.type, None) in ALL, pattern


def test_outside_references_are_listed_with_their_name() -> None:
    """Each id that a pattern refers to is listed once, with name, status and source; nothing else is listed."""
    listed = read([REFERENCES])
    used = {str(r) for r in ALL.objects(None, tm("reference"))}
    entries = list(listed.subjects(RDF.type, tm("ExternalReference")))
    assert sorted(str(listed.value(e, tm("reference"))) for e in entries) == sorted(used)
    for entry in entries:
        assert str(listed.value(entry, RDFS.label))
        status = listed.value(entry, tm("evidenceStatus"))
        assert status in {tm("evidence-verified"), tm("evidence-unverified")}
        assert (listed.value(entry, URIRef("http://purl.org/dc/terms/source")), RDF.type, tm("Source")) in ALL
