"""What a schema may not say when it is compiled: each axiom that the compiled rules would not follow, with the reason.

The compiled rules take relations and classes of a schema, and nothing about the terms of RDF, RDFS and OWL themselves.
An axiom that asks for more is refused by name: it is never read and then left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from tmkb.errors import SourceError
from tmkb.model.graphs import Triple
from tmkb.terms import FOR_PEOPLE, OWL, RDF, RDFS, XSD, bare, is_iri, is_literal, owl, rdf, rdfs, shown

BUILT_IN = (OWL, RDF, RDFS)
_KEYS = {f"<{OWL}{name}>" for name in ("hasKey", "sameAs")}
_BETWEEN_RELATIONS = {rdfs.subPropertyOf, owl.equivalentProperty, owl.inverseOf}
_ABOUT_RELATIONS = {*_BETWEEN_RELATIONS, rdfs.domain, rdfs.range, owl.propertyChainAxiom}
_BETWEEN_CLASSES = {
    rdfs.subClassOf, owl.equivalentClass, owl.someValuesFrom, owl.disjointWith, rdf.first, f"<{OWL}complementOf>",
}  # fmt: skip
_TEXTS = {f"<{RDFS}Literal>", f"<{RDF}langString>", f"<{RDF}PlainLiteral>"}
_ENDS = {owl.Thing, owl.Nothing}


class AxiomError(SourceError):
    """An axiom that the compiled rules do not follow; ``triple`` is the axiom, or the part of it that is at fault."""

    def __init__(self, triple: Triple, why: str) -> None:
        """Name the axiom and the reason."""
        said = " ".join(map(shown, triple))
        super().__init__("E-REASONER", f"{said} is not compiled: {why}", hint="say it otherwise; see docs/errors.md")
        self.triple = triple


def refuse(triples: Iterable[Triple]) -> None:
    """Do nothing for axioms that the compiler follows.

    Raises:
        AxiomError: the schema cannot be compiled with one of them; names the first by the alphabet.
    """
    wrong = [(triple, why) for triple in triples if (why := _reason(*triple))]
    if wrong:
        raise AxiomError(*min(wrong))


def _reason(s: str, p: str, o: str) -> str:
    """Return why an axiom is not compiled; nothing when it is."""
    if s != o and not _KEYS.isdisjoint((s, p, o)):
        return "two things are never made one"
    if p in _BETWEEN_CLASSES and (_datatype(s) or _datatype(o) or (p == rdf.first and is_literal(o))):
        return "nothing is concluded from the type of a value or from lists of values"
    if p in (rdfs.subClassOf, owl.equivalentClass) and _kind_of_relation(o):
        return "what kind a relation is of must be stated about the relation"
    if _built_in(s) and (p in _ABOUT_RELATIONS or (p == rdf.type and _kind_of_relation(o))):
        return "it changes a term of RDF, RDFS or OWL"
    if p in _BETWEEN_RELATIONS and _built_in(o) and (p != rdfs.subPropertyOf or o not in {rdf.type, *FOR_PEOPLE}):
        return "an axiom cannot follow from data"
    if p in (owl.onProperty, rdf.first) and _built_in(o) and o not in _ENDS:
        return "no rule is set off by a term of RDF, RDFS or OWL"
    return ""


def _built_in(term: str) -> bool:
    return is_iri(term) and bare(term).startswith(BUILT_IN)


def _datatype(term: str) -> bool:
    return term in _TEXTS or (is_iri(term) and bare(term).startswith(XSD))


def _kind_of_relation(term: str) -> bool:
    return _built_in(term) and term.endswith("Property>") and "Annotation" not in term
