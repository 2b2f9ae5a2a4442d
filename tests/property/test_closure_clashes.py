"""Each contradiction stops the build on both paths, and names the statements and files on which it rests.

In each case the last member of a list, or a value that owlrl does not compare, is among what clashes; where owlrl would
make two things one, the statements named are those that were written.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tmkb import headers, prove, resources
from tmkb.engines import turtle
from tmkb.engines.owl import OwlrlReasoner, Reasoner
from tmkb.engines.owl_compiled import CompiledReasoner
from tmkb.errors import InconsistencyError, SourceError
from tmkb.infer import close, closed_schema
from tmkb.load import _skolemised
from tmkb.model.graphs import AssembledGraph, ClosedGraph, Origin, Statement

PREFIXES = """@prefix : <https://tmkb.example/test/> . @prefix owl: <http://www.w3.org/2002/07/owl#> . \
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . \
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
LIBRARY, FIRST, SECOND = "kb/library/own.ttl", "kb/devices/toy/1/first.ttl", "kb/devices/toy/1/second.ttl"
REASONERS: dict[str, Callable[[], Reasoner]] = {
    "compiled": lambda: CompiledReasoner(closed_schema),
    "owlrl": OwlrlReasoner,
}
CHECKS = headers.catalogue(resources.queries() / "check")


def statements(text: str, file: str) -> list[Statement]:
    role = "library" if file == LIBRARY else "device"
    parsed = _skolemised(list(turtle.parse((PREFIXES + text).encode(), name=file)), file)
    return [Statement(t, Origin(file, line - 1, role)) for t, line in parsed]


def closing(reasoner: str, schema: str, first: str, second: str = "") -> ClosedGraph:
    """Close two files of a release over one library file."""
    local = (*statements(first, FIRST), *statements(second, SECOND))
    graph = AssembledGraph("toy@1", "<x:d>", "<x:r>", tuple(statements(schema, LIBRARY)), local)
    return close(graph, reasoner=REASONERS[reasoner](), clashes=CHECKS, premises=prove.premises)


# check: library, first file, second file, the statements that must be named
ALL = "[] a owl:AllDisjointClasses ; owl:members ( :X :Y :C :D ) ."
CASES = {
    "disjoint-classes": (":C owl:disjointWith :D .", ":a a :C .", ":a a :D .", ("a a C", "a a D")),
    "disjoint-classes concluded": (
        ":C owl:disjointWith :D . :E rdfs:subClassOf :D . :p rdfs:domain :C .", ":a :p :b .", ":a a :E .",
        ("a a C", "a a D"),
    ),
    "complement": (":C owl:complementOf :D .", ":a a :C .", ":a a :D .", ("a a C", "a a D")),
    "complement of everything": (":C owl:disjointWith owl:Thing .", ":a a :C .", ":a a owl:Thing .", ("a a C",)),
    "all-disjoint-classes": (ALL, ":a a :C .", ":a a :D .", ("a a C", "a a D")),
    "all-disjoint-classes concluded": (
        ALL + " :p rdfs:range :D . :E owl:unionOf ( :F :G ) ; rdfs:subClassOf :C .", ":a a :G .", ":b :p :a .",
        ("a a C", "a a D"),
    ),
    "nothing": (":C rdfs:subClassOf :D . :D owl:equivalentClass owl:Nothing .", ":a a :C .", "", ("a a owl:Nothing",)),
    "disjoint-properties": (":p owl:propertyDisjointWith :q .", ":a :p :b .", ":a :q :b .", ("a p b", "a q b")),
    "all-disjoint-properties": (
        "[] a owl:AllDisjointProperties ; owl:members ( :x :y :p :q ) .", ":a :p :b .", ":a :q :b .",
        ("a p b", "a q b"),
    ),
    "all-disjoint-properties concluded": (
        "[] a owl:AllDisjointProperties ; owl:members ( :x :p :q ) . :r owl:inverseOf :q .", ":a :p :b .",
        ":b :r :a .", ("a p b", "a q b"),
    ),
    "asymmetric": (":p a owl:AsymmetricProperty .", ":a :p :b .", ":b :p :a .", ("a p b", "b p a")),
    "irreflexive concluded": (
        ":p a owl:IrreflexiveProperty , owl:TransitiveProperty .", ":a :p :b .", ":b :p :a .", ("a p a",),
    ),
    "functional-values literals": (":p a owl:FunctionalProperty .", ':a :p "x" .', ':a :p "y" .', ("a p x", "a p y")),
    "functional-values": (":p a owl:FunctionalProperty .", ":a :p :b .", ":a :p :c .", ("a p b", "a p c")),
    "functional-values concluded": (
        ":p a owl:FunctionalProperty . :q rdfs:subPropertyOf :p . :r owl:inverseOf :q .", ":a :p :b .", ":c :r :a .",
        ("a p b", "a p c"),
    ),
    "inverse-functional": (":p a owl:InverseFunctionalProperty .", ":a :p :c .", ":b :p :c .", ("a p c", "b p c")),
    "inverse-functional concluded": (
        ":p a owl:InverseFunctionalProperty . :q rdfs:subPropertyOf :p .", ":a :q :c .", ":b :q :c .",
        ("a p c", "b p c"),
    ),
    "negative-assertion": (
        ":never owl:sourceIndividual :a ; owl:assertionProperty :p ; owl:targetIndividual :b . :q rdfs:subPropertyOf :p .",
        ":a :q :b .", "", ("a p b", "never owl:sourceIndividual a"),
    ),
    "negative-assertion of a value": (
        ':never owl:sourceIndividual :a ; owl:assertionProperty :p ; owl:targetValue "x" .', ':a :p "x" .', "",
        ("a p x",),
    ),
    "none-allowed": (
        ':C rdfs:subClassOf :N . :N owl:onProperty :p ; owl:maxCardinality "0"^^xsd:nonNegativeInteger .', ":a a :C .",
        ":a :p :b .", ("a p b", "a a N"),
    ),
    "none-allowed of a kind": (
        ':N owl:onProperty :p ; owl:onClass :K ; owl:maxQualifiedCardinality "0"^^xsd:nonNegativeInteger .',
        ":a a :N ; :p :b .", ":b a :K .", ("a p b", "a a N"),
    ),
    "none-allowed of everything": (
        ':N owl:onProperty :p ; owl:onClass owl:Thing ; owl:maxQualifiedCardinality "0"^^xsd:nonNegativeInteger .',
        ":a a :N .", ":a :p :b .", ("a p b", "a a N"),
    ),
    "one-allowed": (
        ':N owl:onProperty :p ; owl:maxCardinality "1"^^xsd:nonNegativeInteger .', ":a a :N ; :p :b .", ":a :p :c .",
        ("a p b", "a p c"),
    ),
    "one-allowed concluded": (
        ':N owl:onProperty :p ; owl:maxCardinality "1"^^xsd:nonNegativeInteger . :q rdfs:subPropertyOf :p ; rdfs:domain :N .',
        ":a :q :b .", ":a :q :c .", ("a p b", "a p c"),
    ),
    "one-allowed of a kind": (
        ':N owl:onProperty :p ; owl:onClass :K ; owl:maxQualifiedCardinality "1"^^xsd:nonNegativeInteger .',
        ":a a :N ; :p :b . :b a :K .", ":a :p :c . :c a :K .", ("a p b", "a p c"),
    ),
    "one-allowed of everything": (
        ':N owl:onProperty :p ; owl:onClass owl:Thing ; owl:maxQualifiedCardinality "1"^^xsd:nonNegativeInteger .',
        ":a a :N ; :p :b .", ":a :p :c .", ("a p b", "a p c"),
    ),
}  # fmt: skip
# sameness can be written in the library only, and owlrl alone would take it
SAME = {
    "different-same": (":a owl:sameAs :b ; owl:differentFrom :b .", ("a owl:sameAs b", "a owl:differentFrom b")),
    "all-different": (
        ":b owl:sameAs :a . :a owl:sameAs :b . [] a owl:AllDifferent ; owl:members ( :c :a :b ) .",
        ("a owl:sameAs b",),
    ),
    "all-different, the other word": (
        ":a owl:sameAs :b . [] a owl:AllDifferent ; owl:distinctMembers ( :c :a :b ) .", ("a owl:sameAs b",),
    ),
    "different things of the library": (
        ":p a owl:FunctionalProperty . :a :p :b , :c . [] a owl:AllDifferent ; owl:members ( :x :b :c ) .",
        ("a p b", "a p c"),
    ),
}  # fmt: skip


def said(message: str) -> str:
    return message.replace("https://tmkb.example/test/", "")


@pytest.mark.parametrize("reasoner", REASONERS)
@pytest.mark.parametrize("case", CASES)
def test_a_contradiction_names_statements_and_files(reasoner: str, case: str) -> None:
    """E-CONTRADICTION with both statements, and the file and line of what each rests on."""
    schema, first, second, named = CASES[case]
    with pytest.raises(InconsistencyError) as error:
        closing(reasoner, schema, first, second)
    assert error.value.code == "E-CONTRADICTION"
    message = said(str(error.value))
    found = message.partition("Found: ")[2].partition("; written at ")[0]
    assert all(statement in found for statement in named), message
    assert f"{FIRST}:1" in message
    assert f"{SECOND}:1" in message or not second or case.endswith((" kind", "everything")), message
    assert error.value.where


@pytest.mark.parametrize("reasoner", REASONERS)
@pytest.mark.parametrize("case", SAME)
def test_a_contradiction_in_the_library_names_it(reasoner: str, case: str) -> None:
    """What is written is looked at before an engine merges it or refuses it; the last member of a list counts."""
    schema, named = SAME[case]
    with pytest.raises(InconsistencyError) as error:
        closing(reasoner, schema, ":a a :C .")
    message = said(str(error.value))
    found = message.partition("Found: ")[2].partition("; written at ")[0]
    assert all(statement in found for statement in named), message
    assert f"{LIBRARY}:1" in message


@pytest.mark.parametrize("reasoner", REASONERS)
@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][2] and "everything" not in case])
def test_one_of_the_two_files_alone_is_no_contradiction(reasoner: str, case: str) -> None:
    """The near miss: the axiom and half of the statements."""
    schema, first, second, _ = CASES[case]
    for half in (first, second):
        assert closing(reasoner, schema, half).entailed is not None


@pytest.mark.parametrize("reasoner", REASONERS)
def test_every_check_has_a_case(reasoner: str) -> None:
    """A new query in queries/check/ needs a case here."""
    tried = {case.split(" ")[0].rstrip(",") for case in (*CASES, *SAME)}
    assert {spec.id.removeprefix("clash-") for spec in CHECKS} <= tried


@pytest.mark.parametrize("axiom", [":a owl:sameAs :b .", ":C owl:hasKey ( :p ) ."])
def test_what_makes_two_things_one_is_refused_with_its_place(axiom: str) -> None:
    """E-REASONER names the file of the axiom; nothing is merged."""
    with pytest.raises(SourceError) as error:
        closing("compiled", f":C rdfs:subClassOf :D .\n{axiom}", ":a a :C .")
    assert (error.value.code, error.value.where) == ("E-REASONER", f"{LIBRARY}:2")


def test_an_axiom_in_a_release_is_refused_with_its_place() -> None:
    """Data with axioms: E-REASONER names the file of the release."""
    with pytest.raises(SourceError) as error:
        closing("compiled", ":C rdfs:subClassOf :D .", ":D rdfs:subClassOf :E .")
    assert (error.value.code, error.value.where) == ("E-REASONER", f"{FIRST}:1")
