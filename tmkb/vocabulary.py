"""Which terms may be written where, and which literals are well-typed.

A misspelt term is an error with its place; it never becomes a missing threat.
"""

from __future__ import annotations

import re

from tmkb.errors import SourceError, nearest
from tmkb.model.graphs import Origin, Statement
from tmkb.terms import OWL, RDF, RDFS, TM, XSD, bare, datatype, is_iri, is_literal, lexical, owl, rdf, rdfs, tm

DATA_ROLES = ("policy", "family", "module", "device")
_PROPERTY_TYPES = {owl.ObjectProperty, owl.DatatypeProperty, owl.AnnotationProperty}
_PLAIN_PROPERTIES = {rdf.type, rdfs.label, rdfs.comment, rdfs.seeAlso, rdfs.isDefinedBy}
_LEXICAL = {
    "integer": re.compile(r"[+-]?[0-9]+"),
    "decimal": re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"),
    "double": re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"),
    "float": re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"),
    "boolean": re.compile(r"true|false"),
    "date": re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"),
    "string": re.compile(r".*", re.S),
}


class Vocabulary:
    """The terms that may be used, and the check that nothing else is."""

    def __init__(self, ontology: list[Statement]) -> None:
        """Start with the terms that the ontology declares."""
        self.properties = set(_PLAIN_PROPERTIES)
        self.classes: set[str] = set()
        self.declared: set[str] = set()
        self.learn(ontology)
        self.declared = {s.triple[0] for s in ontology}

    def learn(self, statements: list[Statement]) -> None:
        """Take up the classes and properties that ontology or library declare."""
        for statement in statements:
            s, p, o = statement.triple
            if p == rdf.type and o in _PROPERTY_TYPES:
                self.properties.add(s)
            elif p == rdf.type and o == owl.Class:
                self.classes.add(s)

    def check(self, statements: list[Statement], role: str) -> list[Statement]:
        """Return *statements* when every term in them is known and every literal well-typed."""
        if role == "library":
            _check_form(statements)
        for statement in statements:
            if statement.origin.role == "computed":
                continue
            s, p, o = statement.triple
            for term in (s, p, o):
                if is_iri(term) and bare(term).startswith(TM) and term not in self.declared:
                    raise self._unknown(term, statement.origin)
            if is_literal(o):
                _check_literal(o, statement.origin)
            if role not in ("ontology", "library") or not bare(p).startswith((OWL, RDF, RDFS)):
                if p not in self.properties:
                    raise self._unknown(p, statement.origin)
                if p == rdf.type and o not in self.classes and not bare(o).startswith(OWL):
                    raise self._unknown(o, statement.origin)
                if p == rdf.type and bare(o).startswith(OWL) and role in DATA_ROLES:
                    raise self._unknown(o, statement.origin)
        return statements

    def _unknown(self, term: str, origin: Origin) -> SourceError:
        local = re.split(r"[#/]", bare(term))[-1]
        known = sorted({re.split(r"[#/]", bare(t))[-1] for t in self.declared | self.properties})
        return SourceError(
            "E-TERM", f"{term} is not a term of the ontology", where=str(origin), hint=nearest(local, known)
        )


def _check_form(statements: list[Statement]) -> None:
    """Refuse whatever a library file says about a core term, other than what it admits or is susceptible to."""
    allowed = {
        s.triple[0]
        for s in statements
        if s.triple[1] == owl.onProperty and s.triple[2] in (tm.admits, tm.susceptibleTo)
    } & {s.triple[0] for s in statements if s.triple[1] == owl.hasValue}
    for statement in statements:
        s, p, o = statement.triple
        if is_iri(s) and bare(s).startswith(TM) and not (p == rdfs.subClassOf and o in allowed):
            raise SourceError(
                "E-CORE",
                f"a library file says {p} about the core term {s}",
                where=str(statement.origin),
                hint="only rdfs:subClassOf a hasValue restriction on tm:admits or tm:susceptibleTo is allowed",
            )


def _check_literal(term: str, origin: Origin) -> None:
    kind = datatype(term)
    if not kind.startswith(XSD):
        return
    form = _LEXICAL.get(kind[len(XSD) :])
    if form is None or not form.fullmatch(lexical(term)):
        raise SourceError(
            "E-LITERAL",
            f"{lexical(term)!r} is not a usable xsd:{kind[len(XSD) :]}",
            where=str(origin),
            hint="finite numbers, true/false and dates such as 2026-11-23",
        )
