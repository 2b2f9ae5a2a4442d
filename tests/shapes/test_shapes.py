"""Each shape answers for itself: its pass fixture is clean, its fail fixture is caught.

A shape that cannot fail protects nobody, and a misspelt target silently conforms; so every
shape brings a fixture on which it must speak, and every term it uses must exist.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pyshacl
import pytest
from rdflib import BNode, Graph, Literal, Node, URIRef
from rdflib.namespace import DCTERMS, OWL, RDF, RDFS, SH

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = Path(__file__).resolve().parent
SHAPES = ROOT / "ontology" / "shapes"
TM = "https://tmkb.example/ontology#"
TMS = "https://tmkb.example/shapes#"
LIB = "https://tmkb.example/library/"
FINDING_KIND = URIRef(TM + "findingKind")
STRUCTURAL = URIRef(TM + "finding-structural")
COMPLETENESS = URIRef(TM + "finding-completeness")
SEVERITIES = {SH.Violation, SH.Warning, SH.Info}
WORD = re.compile(r"\b(tm|tms):([A-Za-z][\w-]*)")


def read(paths: list[Path]) -> Graph:
    """Return one graph with everything that *paths* say."""
    graph = Graph()
    for path in sorted(paths):
        graph.parse(path)
    return graph


SHAPE_FILES = [SHAPES / "prefixes.ttl", *SHAPES.glob("authoring/*.ttl"), *SHAPES.glob("assurance/*.ttl")]
ALL_SHAPES = read(SHAPE_FILES)
ONTOLOGY = read([*(ROOT / "ontology").glob("*.ttl"), ROOT / "kb/library/sources/sources.ttl"])
NODE_SHAPES = sorted(s for s in ALL_SHAPES.subjects(RDF.type, SH.NodeShape) if isinstance(s, URIRef))
NAMES = [str(shape)[len(TMS) :] for shape in NODE_SHAPES]
TARGETS = (SH.targetClass, SH.targetSubjectsOf, SH.targetObjectsOf, SH.targetNode)


def reachable(shape: Node) -> Graph:
    """Return the part of the shapes graph that *shape* needs, so that no other shape runs."""
    part, todo, seen = Graph(), [shape, URIRef(TMS + "prefixes")], set()
    while todo:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        for triple in ALL_SHAPES.triples((node, None, None)):
            part.add(triple)
            todo.append(triple[2])
    return part


def sources(shape: Node) -> list[Node]:
    """Return what produces results for *shape*: its property shapes, or the shape itself."""
    properties = list(ALL_SHAPES.objects(shape, SH.property))
    own = set(ALL_SHAPES.predicates(shape)) & {
        SH.sparql,
        SH["or"],
        SH["not"],
        SH.xone,
        SH["and"],
        SH["class"],
        SH.node,
        SH.nodeKind,
        SH.pattern,
    }
    return [*properties, *([shape] if own else [])]


@functools.cache
def data(name: str, kind: str) -> Graph:
    """Return the ontology together with one fixture."""
    graph = Graph()
    graph += ONTOLOGY
    return graph.parse(FIXTURES / name / f"{kind}.ttl")


@functools.cache
def results(name: str, kind: str) -> Graph:
    """Return the report of the shape called *name*, alone, on one of its fixtures."""
    _, report, _ = pyshacl.validate(
        data(name, kind),
        shacl_graph=reachable(URIRef(TMS + name)),
        inference="none",
        advanced=False,
        allow_warnings=False,
    )
    return report


def targets(shape: Node, graph: Graph) -> set[Node]:
    """Return the nodes of *graph* that *shape* looks at."""
    found: set[Node] = set(ALL_SHAPES.objects(shape, SH.targetNode))
    for cls in ALL_SHAPES.objects(shape, SH.targetClass):
        for kind in graph.transitive_subjects(RDFS.subClassOf, cls):
            found.update(graph.subjects(RDF.type, kind))
    for relation in ALL_SHAPES.objects(shape, SH.targetSubjectsOf):
        found.update(graph.subjects(relation, None))
    for relation in ALL_SHAPES.objects(shape, SH.targetObjectsOf):
        found.update(graph.objects(None, relation))
    return found


def names_used(shape: Node) -> set[str]:
    """Return every tm: term that *shape* names, in its triples or in its queries."""
    used = set()
    for triple in reachable(shape):
        for term in triple:
            if isinstance(term, URIRef) and str(term).startswith(TM):
                used.add(str(term)[len(TM) :])
        if triple[1] == SH.select:
            used.update(word for prefix, word in WORD.findall(str(triple[2])) if prefix == "tm")
    return used


@pytest.mark.parametrize("name", NAMES)
def test_fixtures_exist(name: str) -> None:
    """Each shape has a specimen that meets it and one that breaks it."""
    assert (FIXTURES / name / "pass.ttl").is_file()
    assert (FIXTURES / name / "fail.ttl").is_file()


def test_folders_belong_to_shapes() -> None:
    """No fixture outlives its shape."""
    folders = {path.name for path in FIXTURES.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))}
    assert folders == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_pass_fixture_is_clean(name: str) -> None:
    """The shape is silent on its pass fixture."""
    report = results(name, "pass")
    found = [
        (str(f), str(m))
        for r in report.subjects(RDF.type, SH.ValidationResult)
        for f in report.objects(r, SH.focusNode)
        for m in report.objects(r, SH.resultMessage)
    ]
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_fail_fixture_is_caught(name: str) -> None:
    """The shape reports exactly the nodes that the first lines of its fail fixture name."""
    text = (FIXTURES / name / "fail.ttl").read_text(encoding="utf-8")
    expected = set(re.findall(r"^# focus: (\S+)$", text, flags=re.M))
    assert text.startswith("# focus: ")
    report = results(name, "fail")
    assert {str(f) for f in report.objects(None, SH.focusNode)} == expected


@pytest.mark.parametrize("name", NAMES)
def test_each_part_of_a_shape_can_fail(name: str) -> None:
    """Every property shape and constraint speaks on the fail fixture, with severity and message of its own."""
    report, shape = results(name, "fail"), URIRef(TMS + name)
    assert set(report.objects(None, SH.sourceShape)) == set(sources(shape))
    assert set(report.objects(None, SH.resultSeverity)) == {ALL_SHAPES.value(shape, SH.severity)}
    for result in report.subjects(RDF.type, SH.ValidationResult):
        messages = list(report.objects(result, SH.resultMessage))
        assert len(messages) == 1
        assert "{" not in str(messages[0])


@pytest.mark.parametrize("name", NAMES)
def test_pass_fixture_is_no_empty_promise(name: str) -> None:
    """The pass fixture holds something the shape looks at, unless the shape forbids its target as such."""
    shape = URIRef(TMS + name)
    before = targets(shape, ONTOLOGY)
    forbids = name in {"derived-kind-stated", "derived-relation-stated"}
    assert forbids or targets(shape, data(name, "pass")) - before


@pytest.mark.parametrize("name", NAMES)
def test_shape_is_whole(name: str) -> None:
    """A shape says its name, kind, severity, source and what to do; its parts have ids and say the same."""
    shape = URIRef(TMS + name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert ALL_SHAPES.value(shape, RDFS.label)
    assert ALL_SHAPES.value(shape, FINDING_KIND, any=False) in {STRUCTURAL, COMPLETENESS}
    assert any((shape, target, None) in ALL_SHAPES for target in TARGETS)
    cited = list(ALL_SHAPES.objects(shape, DCTERMS.source))
    assert cited and all((source, RDF.type, URIRef(TM + "Source")) in ONTOLOGY for source in cited)
    severity = ALL_SHAPES.value(shape, SH.severity, any=False)
    assert severity in SEVERITIES
    if ALL_SHAPES.value(shape, FINDING_KIND) == STRUCTURAL:
        assert severity == SH.Violation
    for part in [shape, *sources(shape)]:
        assert isinstance(part, URIRef) and str(part).startswith(str(shape))
        assert ALL_SHAPES.value(part, SH.severity, any=False) == severity
        message = ALL_SHAPES.value(part, SH.message, any=False)
        assert isinstance(message, Literal) and len(message) > 30
        assert ";" in message or ":" in message, "says what is wrong; and what to do"
    for query in ALL_SHAPES.objects(shape, SH.sparql):
        assert isinstance(query, URIRef)
        assert list(ALL_SHAPES.objects(query, SH.prefixes)) == [URIRef(TMS + "prefixes")]


@pytest.mark.parametrize("name", NAMES)
def test_terms_are_declared(name: str) -> None:
    """Targets, paths and queries use terms of the ontology only; a misspelt one would conform in silence."""
    unknown = {term for term in names_used(URIRef(TMS + name)) if (URIRef(TM + term), RDF.type, None) not in ONTOLOGY}
    assert unknown == set()


def test_references_cover_the_ontology() -> None:
    """Each object property is checked for dangling and mistyped targets, or may not be stated at all."""
    looked_at = set()
    for shape in NODE_SHAPES:
        if str(shape).startswith((TMS + "references-", TMS + "derived-relation-stated")):
            looked_at.update(ALL_SHAPES.objects(shape, SH.targetSubjectsOf))
            assert {ALL_SHAPES.value(p, SH.path) for p in ALL_SHAPES.objects(shape, SH.property)} == set(
                ALL_SHAPES.objects(shape, SH.targetSubjectsOf)
            )
    elsewhere = {FINDING_KIND, URIRef(TM + "ofDevice")}  # on shapes only; written by the program
    declared = {p for p in ONTOLOGY.subjects(RDF.type, OWL.ObjectProperty) if str(p).startswith(TM)}
    assert declared - looked_at - elsewhere == set()


def test_exclusive_kinds_are_those_of_the_ontology() -> None:
    """The pairs in kinds-go-together are the disjoint classes of the ontology."""
    pairs = set()
    for shape in (URIRef(TMS + "kinds-go-together"),):
        for negated in ALL_SHAPES.objects(shape, SH["not"]):
            members = ALL_SHAPES.items(ALL_SHAPES.value(negated, SH["and"]))
            pairs.add(frozenset(ALL_SHAPES.value(member, SH["class"]) for member in members))
    stated = {frozenset((a, b)) for a, b in ONTOLOGY.subject_objects(OWL.disjointWith)}
    other_shapes = {
        frozenset((URIRef(TM + "DiscretePart"), URIRef(TM + "Asset"))),
        frozenset((URIRef(TM + "AdversarialPattern"), URIRef(TM + "NonAdversarialPattern"))),
    }
    assert pairs == stated - other_shapes


def test_kinds_with_a_medium_are_those_of_the_ontology() -> None:
    """Each kind of interface that fixes a medium, or a wider one, is accepted by interface-medium-known."""
    listed = {
        ALL_SHAPES.value(one, SH["class"])
        for one in ALL_SHAPES.items(ALL_SHAPES.value(URIRef(TMS + "interface-medium-known"), SH["or"]))
    }
    fixing = {
        kind
        for restriction in ONTOLOGY.subjects(OWL.onProperty, URIRef(TM + "medium"))
        for kind in ONTOLOGY.subjects(RDFS.subClassOf, restriction)
    }
    assert fixing
    assert [k for k in fixing if not listed & set(ONTOLOGY.transitive_objects(k, RDFS.subClassOf))] == []


def test_derived_kinds_are_those_of_the_ontology() -> None:
    """Every class defined by conditions is among the kinds that nobody may state."""
    forbidden = set(ALL_SHAPES.objects(URIRef(TMS + "derived-kind-stated"), SH.targetClass))
    defined = {c for c in ONTOLOGY.subjects(OWL.equivalentClass, None) if not isinstance(c, BNode)}
    assert defined <= forbidden
