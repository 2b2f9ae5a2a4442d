"""Which terms may be written where, and which literals are well-typed.

A misspelt term is an error with its place; it never becomes a missing threat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from tmkb.errors import SourceError, nearest
from tmkb.model.graphs import Origin, Statement
from tmkb.terms import (
    FOR_PEOPLE,
    LIB,
    OWL,
    RDF,
    RDFS,
    SKOLEM,
    TM,
    XSD,
    bare,
    datatype,
    is_iri,
    is_literal,
    lexical,
    owl,
    rdf,
    rdfs,
    shown,
    tm,
)

DATA_ROLES = ("policy", "family", "module", "device")
_PROPERTY_TYPES = {owl.ObjectProperty, owl.DatatypeProperty, owl.AnnotationProperty}
_PLAIN_PROPERTIES = FOR_PEOPLE | {rdf.type}
_LEXICAL = {
    "integer": re.compile(r"[+-]?[0-9]+"),
    "decimal": re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"),
    "double": re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"),
    "float": re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"),
    "boolean": re.compile(r"true|false"),
    "date": re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"),
    "string": re.compile(r".*", re.S),
}


_ONLY_IN = {
    **dict.fromkeys(
        (tm.RiskPolicy, tm.TierBand, tm.MatrixCell, tm.RatingAcceptance, tm.ViewRule, tm.FactorShift), "policy"
    ),
    **dict.fromkeys((tm.ThreatPattern, tm.AdversarialPattern, tm.NonAdversarialPattern), "library"),
    **dict.fromkeys((tm.ControlType, tm.ForcedTier, tm.Weakness, tm.LibraryGap), "library"),
    tm.DeviceFamily: "family",
}
_WORKED_OUT = {tm.inZone, tm.itself, tm.keyId, tm.statedIn, tm.fileRole} | {
    *(tm.member, tm.memberKey, tm.memberDevice, tm.memberCode, tm.memberThreat, tm.memberRow),
    *(tm.excludedKind, tm.excludedBy, tm.replacedBy, tm.baselineRow),
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

    @classmethod
    def of(cls, core: Iterable[Statement]) -> Vocabulary:
        """Return the vocabulary of a core that was checked before."""
        core = list(core)
        found = cls([s for s in core if s.origin.role == "ontology"])
        found.learn(core)
        return found

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
            _check_own(statements)
        for statement in statements:
            if statement.origin.role == "computed":
                continue
            s, p, o = statement.triple
            for term in (s, p, o):
                if is_iri(term) and bare(term).startswith(TM) and term not in self.declared:
                    raise self._unknown(term, statement.origin)
            if is_literal(o):
                _check_literal(o, statement.origin)
            if role != "ontology":
                _check_role(statement, role)
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


def _admitting(statements: list[Statement]) -> set[str]:
    """Return the restrictions by which a class may admit, or be susceptible to, a pattern."""
    on = {
        s.triple[0]
        for s in statements
        if s.triple[1] == owl.onProperty and s.triple[2] in (tm.admits, tm.susceptibleTo)
    }
    return on & {s.triple[0] for s in statements if s.triple[1] == owl.hasValue}


def _check_form(statements: list[Statement]) -> None:
    """Refuse whatever a library file could change a core term with.

    A class, core or own, may admit or be susceptible to a pattern; a class of its own may be an intersection, or lie
    below another class. Nothing else in OWL or RDFS is needed to add knowledge.
    """
    allowed = _admitting(statements)
    unions = {s.triple[0] for s in statements if s.triple[1] == owl.intersectionOf}
    defined = {s.triple[0] for s in statements if s.triple[1] == owl.equivalentClass}
    for statement in statements:
        s, p, o = statement.triple
        if bare(s).startswith(SKOLEM) or p in FOR_PEOPLE:
            continue
        core = bare(s).startswith(TM)
        fine = p == rdfs.subClassOf and (o in allowed or not (core or s in defined or bare(o).startswith(SKOLEM)))
        fine = fine or (p == owl.equivalentClass and not core and o in unions)
        fine = fine or (p == rdf.type and o == owl.Class and not core)
        about = core or bare(p).startswith((OWL, RDFS)) or (p == rdf.type and bare(o).startswith((OWL, RDF, RDFS)))
        if about and not fine:
            raise SourceError(
                "E-CORE",
                f"a library file says {shown(p)} {shown(o)} about {shown(s)}",
                where=str(statement.origin),
                hint="only rdfs:subClassOf a hasValue restriction on tm:admits or tm:susceptibleTo may be said of a "
                "core term; a class of your own may be an intersection or lie below another class",
            )


def _check_role(statement: Statement, role: str) -> None:
    """Refuse policy, library and family statements in files of another role, and what the program works out."""
    _, p, o = statement.triple
    only = _ONLY_IN.get(o, role) if p == rdf.type else role
    if only != role or (role == "family" and p == rdf.type and o != tm.DeviceFamily):
        raise SourceError(
            "E-ROLE",
            f"a {role} file may not describe a {shown(o)}",
            where=str(statement.origin),
            hint=f"write it in a {only} file" if only != role else "elements belong to devices or modules",
        )
    if p in _WORKED_OUT:
        hint = "leave it out; it follows from what is written about elements, zones and members"
        raise SourceError("E-ROLE", f"{shown(p)} is worked out, never written", where=str(statement.origin), hint=hint)


def _check_own(statements: list[Statement]) -> None:
    """Refuse a library file that adds to what another file defines."""
    own = {s.triple[0] for s in statements if s.triple[1] == rdf.type}
    allowed = _admitting(statements)
    for statement in statements:
        s = statement.triple[0]
        axiom = statement.triple[1] == rdfs.subClassOf and statement.triple[2] in allowed
        if bare(s).startswith(LIB) and s not in own and not axiom:
            raise SourceError(
                "E-CLASH",
                f"{shown(s)} is described here but defined elsewhere",
                where=str(statement.origin),
                hint="a library file describes its own entries only; add a new one under a new id",
            )


def _check_literal(term: str, origin: Origin) -> None:
    kind = datatype(term)
    if "\0" in lexical(term):
        raise SourceError("E-LITERAL", "a text contains a NUL character", where=str(origin), hint="take it out")
    if not kind.startswith(XSD):
        return
    form = _LEXICAL.get(kind[len(XSD) :])
    if form is None or not form.fullmatch(lexical(term)) or (kind == XSD + "date" and not _is_day(lexical(term))):
        raise SourceError(
            "E-LITERAL",
            f"{lexical(term)!r} is not a usable xsd:{kind[len(XSD) :]}",
            where=str(origin),
            hint="finite numbers, true/false and dates such as 2026-11-23",
        )


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
