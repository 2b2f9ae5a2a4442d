"""House rules over the ontology: inside OWL 2 RL, every term named, defined, cited, and known to the program by its name.

The profile check knows the constructs that occur and refuses all others, so a new construct needs a new line here,
with a look at what the reasoner makes of it (docs of owlrl's faults: /docs/decisions, 7.4 of the design).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from rdflib import BNode, Graph, Literal, Node, URIRef
from rdflib.collection import Collection
from rdflib.namespace import DCTERMS, OWL, RDF, RDFS, SKOS

import tmkb
from tmkb import terms

ROOT = Path(__file__).resolve().parents[2]
TM = "https://tmkb.example/ontology#"
LIB = "https://tmkb.example/library/"
IRI = URIRef("https://tmkb.example/ontology")
TOPICS = sorted((ROOT / "ontology").glob("*.ttl"))
LIBRARY = sorted((ROOT / "kb/library").rglob("*.ttl"))
PROPERTY_KINDS = {OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty}


def read(paths: list[Path]) -> Graph:
    """Return one graph with what *paths* say."""
    graph = Graph()
    for path in paths:
        graph.parse(path, format="turtle")
    return graph


ONTOLOGY = read(TOPICS)
ALL = read([*TOPICS, *LIBRARY])
TERMS = sorted({s for s in ONTOLOGY.subjects(RDF.type, None) if isinstance(s, URIRef) and str(s).startswith(TM)})
CLASSES = {s for s in ALL.subjects(RDF.type, OWL.Class) if isinstance(s, URIRef)}
OBJECT = set(ALL.subjects(RDF.type, OWL.ObjectProperty))


# -- the profile ---------------------------------------------------------------------------------------------------


class Profile:
    """Says of every axiom of a graph whether OWL 2 RL has it, and remembers which class expressions were looked at."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.seen: set[Node] = set()
        self.wrong: list[str] = []

    def parts(self, node: Node) -> dict[URIRef, Node]:
        """Return what a class expression says; two values of one part are refused."""
        found: dict[URIRef, Node] = {}
        for _, p, o in self.graph.triples((node, None, None)):
            if p in found and p not in (RDFS.subClassOf, RDF.type):
                self.refuse(node, f"two values of {p}")
            found[p] = o
        return found

    def refuse(self, node: Node, why: str) -> None:
        self.wrong.append(f"{node if isinstance(node, URIRef) else 'expression'}: {why}")

    def members(self, head: Node, at: Node) -> list[Node]:
        found = list(Collection(self.graph, head))
        if len(found) < 2:
            self.refuse(at, "a list of fewer than two")
        return found

    def expression(self, node: Node, position: str) -> None:
        """Check a class expression in position sub, super or equivalent (tables 2 to 4 of the OWL 2 profiles)."""
        if isinstance(node, URIRef):
            if node not in CLASSES or node == OWL.Thing:
                self.refuse(node, f"is no declared class ({position})")
            return
        self.seen.add(node)
        parts = self.parts(node)
        allowed = {
            RDF.type,
            RDFS.subClassOf,
            OWL.intersectionOf,
            OWL.unionOf,
            OWL.onProperty,
            OWL.someValuesFrom,
            OWL.hasValue,
        }
        for other in set(parts) - allowed:
            self.refuse(node, f"{other} is not among the constructs in use")
        if OWL.intersectionOf in parts:
            for member in self.members(parts[OWL.intersectionOf], node):
                self.expression(member, position)
        elif OWL.unionOf in parts:
            if position != "sub":
                self.refuse(node, f"unionOf in position {position}")
            for member in self.members(parts[OWL.unionOf], node):
                self.expression(member, "sub")
        elif OWL.hasValue in parts:
            self.restriction(node, parts)
            if not isinstance(parts[OWL.hasValue], URIRef):
                self.refuse(node, "hasValue of something without a name")
        elif OWL.someValuesFrom in parts:
            self.restriction(node, parts)
            if position != "sub":
                self.refuse(node, f"someValuesFrom in position {position}")
            self.expression(parts[OWL.someValuesFrom], "sub")
        else:
            self.refuse(node, "unknown class expression")

    def restriction(self, node: Node, parts: dict[URIRef, Node]) -> None:
        if (node, RDF.type, OWL.Restriction) not in self.graph or parts.get(OWL.onProperty) not in OBJECT:
            self.refuse(node, "restriction without type or on something else than a declared object property")

    def check(self) -> list[str]:
        """Return everything that is outside the profile or outside the constructs in use."""
        for sub, sup in self.graph.subject_objects(RDFS.subClassOf):
            self.expression(sub, "sub")
            self.expression(sup, "super")
        for one, other in self.graph.subject_objects(OWL.equivalentClass):
            if not isinstance(one, URIRef):
                self.refuse(one, "an equivalence starts at a name")
            self.expression(one, "equivalent")
            self.expression(other, "equivalent")
        for one, other in self.graph.subject_objects(OWL.disjointWith):
            self.expression(one, "sub")
            self.expression(other, "sub")
        for kind in (RDFS.domain, RDFS.range):
            for prop, target in self.graph.subject_objects(kind):
                if prop in OBJECT:
                    self.expression(target, "super")
        for relation in (RDFS.subPropertyOf, OWL.inverseOf):
            for one, other in self.graph.subject_objects(relation):
                if not {one, other} <= OBJECT:
                    self.refuse(one, f"{relation} between other things than declared object properties")
        for prop, chain in self.graph.subject_objects(OWL.propertyChainAxiom):
            links = self.members(chain, prop)
            if len(links) != 2 or not {prop, *links} <= OBJECT:
                self.refuse(prop, "a chain is two declared object properties")
        for node in set(self.graph.subjects(RDF.type, OWL.Class)) | set(self.graph.subjects(RDF.type, OWL.Restriction)):
            if isinstance(node, BNode) and node not in self.seen:
                self.refuse(node, "a class expression that no axiom uses")
        for name in CLASSES:
            for construct in (
                OWL.intersectionOf,
                OWL.unionOf,
                OWL.oneOf,
                OWL.complementOf,
                OWL.onProperty,
                OWL.hasValue,
            ):
                if (name, construct, None) in self.graph:
                    self.refuse(name, "a construct on a name instead of an equivalence")
        return self.wrong


FORBIDDEN = {
    OWL.hasKey, OWL.AllDifferent, OWL.AllDisjointClasses, OWL.AllDisjointProperties, OWL.members, OWL.distinctMembers,
    OWL.FunctionalProperty, OWL.InverseFunctionalProperty, OWL.sameAs, OWL.cardinality, OWL.maxCardinality, OWL.minCardinality,
    OWL.qualifiedCardinality, OWL.maxQualifiedCardinality, OWL.minQualifiedCardinality, OWL.disjointUnionOf, OWL.hasSelf,
    OWL.ReflexiveProperty, OWL.imports, OWL.allValuesFrom, OWL.complementOf, OWL.oneOf, OWL.NegativePropertyAssertion,
    OWL.onDatatype, OWL.withRestrictions, OWL.datatypeComplementOf, OWL.bottomObjectProperty, OWL.topObjectProperty,
}  # fmt: skip
IN_USE = {
    OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty, OWL.NamedIndividual, OWL.Restriction, OWL.Ontology,
    OWL.TransitiveProperty, OWL.SymmetricProperty, OWL.AsymmetricProperty, OWL.IrreflexiveProperty, OWL.onProperty, OWL.hasValue,
    OWL.someValuesFrom, OWL.intersectionOf, OWL.unionOf, OWL.equivalentClass, OWL.disjointWith, OWL.differentFrom, OWL.inverseOf,
    OWL.propertyChainAxiom, OWL.versionIRI, OWL.versionInfo, OWL.deprecated,
}  # fmt: skip


def test_every_axiom_is_inside_the_profile() -> None:
    """Ontology and library together use OWL 2 RL only, each construct where the profile has it."""
    assert Profile(ALL).check() == []


def test_nothing_rests_on_what_the_engine_does_wrong() -> None:
    """No keys, no lists of different or disjoint things, no functional properties, no sameAs, nothing new unseen."""
    used = {t for triple in ALL for t in triple if isinstance(t, URIRef)}
    assert used & FORBIDDEN == set()
    assert {t for t in used if str(t).startswith(str(OWL))} - IN_USE == set()


@pytest.mark.parametrize(
    "axiom",
    [
        "tm:Asset owl:equivalentClass [ a owl:Restriction ; owl:onProperty tm:crosses ; owl:someValuesFrom tm:InScopeBoundary ] .",
        "tm:Asset rdfs:subClassOf [ a owl:Restriction ; owl:onProperty tm:crosses ; owl:someValuesFrom tm:InScopeBoundary ] .",
        "tm:Asset rdfs:subClassOf [ a owl:Class ; owl:unionOf ( tm:Interface tm:Threat ) ] .",
        "tm:Asset rdfs:subClassOf [ a owl:Restriction ; owl:onProperty tm:crosses ; owl:minCardinality 1 ] .",
        "tm:Asset rdfs:subClassOf [ a owl:Restriction ; owl:onProperty tm:rank ; owl:hasValue 1 ] .",
        "tm:Asset owl:intersectionOf ( tm:Interface tm:Threat ) .",
        "tm:within owl:propertyChainAxiom ( tm:heldBy tm:partOf tm:partOf ) .",
        "tm:Asset rdfs:subClassOf tm:Nowhere .",
        "[] a owl:Class ; owl:intersectionOf ( tm:Interface tm:Threat ) .",
    ],
)
def test_profile_check_can_fail(axiom: str) -> None:
    """The check above is no empty promise: each of these axioms is refused."""
    graph = Graph()
    graph += ALL
    head = "".join(f"prefix {p}: <{n}>\n" for p, n in (("tm", TM), ("owl", OWL), ("rdfs", RDFS)))
    graph.parse(data=head + axiom, format="turtle")
    assert Profile(graph).check() != []


# -- the terms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("term", TERMS, ids=lambda t: str(t).rpartition("#")[2])
def test_every_term_is_named_defined_and_cited(term: URIRef) -> None:
    """One English label, one definition that is a sentence, a source that exists, and the ontology it belongs to."""
    labels = list(ONTOLOGY.objects(term, RDFS.label))
    assert [x.language for x in labels if isinstance(x, Literal)] == ["en"]
    definitions = list(ONTOLOGY.objects(term, SKOS.definition))
    assert len(definitions) == 1
    assert str(definitions[0]).strip().endswith(".")
    assert str(definitions[0])[:1].isupper() or not str(definitions[0])[:1].isalpha()
    sources = list(ONTOLOGY.objects(term, DCTERMS.source))
    assert sources
    assert all((s, RDF.type, URIRef(TM + "Source")) in ALL for s in sources)
    assert list(ONTOLOGY.objects(term, RDFS.isDefinedBy)) == [IRI]


@pytest.mark.parametrize("term", TERMS, ids=lambda t: str(t).rpartition("#")[2])
def test_every_term_is_one_kind_of_thing(term: URIRef) -> None:
    """A term is a class, or one kind of property, or an individual; its form tells which."""
    kinds = set(ONTOLOGY.objects(term, RDF.type))
    local = str(term).rpartition("#")[2]
    if OWL.Class in kinds:
        assert not kinds & PROPERTY_KINDS
        assert local[0].isupper()
    elif kinds & PROPERTY_KINDS:
        assert len(kinds & PROPERTY_KINDS) == 1
        assert local[0].islower()
        assert "-" not in local
    elif SKOS.ConceptScheme in kinds:
        assert local.endswith("Scheme")
    else:
        assert OWL.NamedIndividual in kinds or kinds - {SKOS.Concept}
        assert local == local.lower()


def test_labels_are_not_shared() -> None:
    """No two classes and no two properties have the same name for people."""
    for group in (CLASSES, OBJECT | set(ALL.subjects(RDF.type, OWL.DatatypeProperty))):
        names: dict[str, list[str]] = {}
        for term in group:
            if str(term).startswith(TM):
                names.setdefault(str(ONTOLOGY.value(term, RDFS.label)).lower(), []).append(str(term))
        assert {n: t for n, t in names.items() if len(t) > 1} == {}


def test_terms_are_stated_once() -> None:
    """Each term is declared in one topic file; the header file defines none."""
    where: dict[Node, list[str]] = {}
    for path in TOPICS:
        graph = read([path])
        for term in set(graph.subjects(RDFS.isDefinedBy, IRI)):
            where.setdefault(term, []).append(path.name)
    assert {str(t): files for t, files in where.items() if len(files) > 1} == {}
    assert not any("tmkb.ttl" in files for files in where.values())


def test_every_term_used_is_declared() -> None:
    """Ontology and library use no tm: or lib: name that nobody defines."""
    used = {t for triple in ALL for t in triple if isinstance(t, URIRef) and str(t).startswith((TM, LIB))}
    assert {str(t) for t in used if (t, RDF.type, None) not in ALL} == set()


SCALES = (
    "Tier",
    "SeverityLevel",
    "RatingValue",
    "SecurityProperty",
    "ImpactAxis",
    "Medium",
    "STRIDECategory",
    "ControlStatus",
    "ControlView",
    "Acceptance",
)


@pytest.mark.parametrize("scale", SCALES)
def test_values_of_a_scale_are_different(scale: str) -> None:
    """Tiers, levels, ratings and the like are pairwise stated to differ, so that a clash can be seen."""
    members = sorted(ONTOLOGY.subjects(RDF.type, URIRef(TM + scale)))
    assert len(members) > 1, f"{scale} has no values"
    missing = [
        (one, other) for one, other in combinations(members, 2)
        if (one, OWL.differentFrom, other) not in ONTOLOGY and (other, OWL.differentFrom, one) not in ONTOLOGY
    ]  # fmt: skip
    assert missing == []


@pytest.mark.parametrize(("scale", "count"), [("Tier", 6), ("SeverityLevel", 5), ("RatingValue", 6)])
def test_ranks_are_a_scale(scale: str, count: int) -> None:
    """Ranks of tiers, levels and ratings are different whole numbers in a row."""
    ranks = sorted(
        int(str(r))
        for m in ONTOLOGY.subjects(RDF.type, URIRef(TM + scale))
        for r in ONTOLOGY.objects(m, URIRef(TM + "rank"))
    )
    assert len(ranks) == count
    assert ranks == list(range(ranks[0], ranks[0] + count))


def names_in_python() -> Iterator[tuple[str, str]]:
    """Return every name that the program knows, with its IRI."""
    for name, value in vars(terms.tm).items():
        yield name, value[1:-1]


@pytest.mark.parametrize(("name", "iri"), names_in_python())
def test_names_in_python_are_terms(name: str, iri: str) -> None:
    """tmkb/terms.py names only what the ontology has."""
    assert (URIRef(iri), RDF.type, None) in ONTOLOGY, name


def test_a_misspelt_term_is_an_error() -> None:
    """The namespace in Python is closed."""
    with pytest.raises(AttributeError):
        _ = terms.tm.partOff


def test_versions_agree() -> None:
    """Ontology version, version IRI and package version are the same; versions never enter term IRIs."""
    assert str(ONTOLOGY.value(IRI, OWL.versionInfo)) == tmkb.__version__
    assert str(ONTOLOGY.value(IRI, OWL.versionIRI)) == f"{IRI}/{tmkb.__version__}"
    assert not any(tmkb.__version__ in str(t) for t in TERMS)


@pytest.mark.parametrize("path", TOPICS, ids=lambda p: p.name)
def test_files_begin_with_their_purpose(path: Path) -> None:
    """Two comment lines, then the prefixes."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert lines[1].startswith(("# ", "prefix "))
