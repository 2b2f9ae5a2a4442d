"""Stage 4: from asserted to closed: all that OWL 2 RL concludes, kept apart from what people wrote.

Path of the data: contradiction checks (queries/check/) on what was written → schema and data without silent
properties → reasoner → contradiction checks on everything → noise filter → ClosedGraph. Contradictions stop the
build and name statements and files; marks of an engine are not relied on (docs/decisions/0003).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence, Set

from tmkb import cache, resources
from tmkb.engines.owl import OwlrlReasoner, Reasoner
from tmkb.engines.rl_refused import AxiomError
from tmkb.engines.sparql import Row, Store
from tmkb.errors import InconsistencyError
from tmkb.headers import QuerySpec
from tmkb.model.graphs import AssembledGraph, ClosedGraph, Statement, Triple
from tmkb.terms import FOR_PEOPLE, OWL, RDF, RDFS, XSD, bare, is_iri, is_literal, owl, rdf, rdfs, shown

_PLAIN = (OWL, RDF, RDFS, XSD)
_REFLEXIVE = {owl.sameAs, owl.equivalentClass, owl.equivalentProperty, rdfs.subClassOf, rdfs.subPropertyOf}
_SCHEMA = ("ontology", "library")
_ROWS = 20
Schema = tuple[frozenset[Triple], frozenset[str]]
Premises = Callable[[ClosedGraph, Triple], Sequence[Statement]]


def silent_properties(schema: Iterable[Triple]) -> frozenset[str]:
    """Return the properties whose statements have no consequences.

    These are annotations, and properties with literals as values that no axiom mentions: no OWL 2 RL rule uses them.
    """
    schema = list(schema)
    silent = set(FOR_PEOPLE) | {s for s, p, o in schema if p == rdf.type and o == owl.AnnotationProperty}
    data = {s for s, p, o in schema if p == rdf.type and o == owl.DatatypeProperty}
    told = {(s, p, o) for s, p, o in schema if p not in silent and (p, o) != (rdf.type, owl.DatatypeProperty)}
    mentioned = {t for s, _, o in told for t in (s, o) if t in data}
    return frozenset(silent | data - mentioned)


def is_noise(triple: Triple) -> bool:
    """Tell whether a concluded triple says nothing about the model.

    Noise: statements about the terms of RDF, RDFS, OWL and XSD themselves; everything being a Thing, Resource,
    Class or the like; everything being the same as, or below, itself; and marks of the engine.
    """
    s, p, o = triple
    if not is_iri(s) or bare(s).startswith(_PLAIN):
        return True
    if o.startswith("_:"):
        return True
    if p in _REFLEXIVE and (s == o or bare(o).startswith(_PLAIN)):
        return True
    if bare(p).startswith(_PLAIN) and (o == owl.Thing or (p == rdf.type and is_iri(o) and bare(o).startswith(_PLAIN))):
        return True
    return not bare(p).startswith(_PLAIN) and "://" not in p


def schema_of(core: Iterable[Statement]) -> Schema:
    """Return what ontology and library say that has consequences, and the properties that have none."""
    told = frozenset(s.triple for s in core if s.origin.role in _SCHEMA)
    silent = silent_properties(told)
    return frozenset(t for t in told if t[1] not in silent), silent


def close(
    assembled: AssembledGraph,
    *,
    reasoner: Reasoner,
    clashes: Sequence[QuerySpec],
    premises: Premises,
    schema: Schema | None = None,
) -> ClosedGraph:
    """Return *assembled* together with everything OWL 2 RL lets us conclude from it.

    The input is left as it was; conclusions are kept in ``entailed``, so that a reader can always tell what a
    person wrote from what a rule concluded. *schema* saves looking for it in the core again.

    Raises:
        InconsistencyError: two statements cannot both hold; names both and their files.
        SourceError: an axiom uses a construct that the compiled rules refuse; names it and its file.
    """
    axioms, silent = schema or schema_of(assembled.core)
    asserted = assembled.triples
    loud = {t for t in asserted if t[1] not in silent}
    check = Check(clashes, premises)
    check.refuse(ClosedGraph(assembled, frozenset()), loud)
    try:
        everything = reasoner.close(axioms, loud - axioms)
    except AxiomError as error:
        error.where = str(assembled.origins.get(error.triple, ""))
        raise
    found = frozenset(everything - asserted)
    check.refuse(ClosedGraph(assembled, found), found)
    return ClosedGraph(assembled, frozenset(t for t in found if not is_noise(t)))


def closed_schema(schema: Set[Triple]) -> frozenset[Triple]:
    """Return a schema with its conclusions under owlrl: as shipped if it is the shipped schema, else kept or made."""
    digest = schema_digest(schema)
    head, _, text = resources.closed_schema().partition("\n")
    if head != closed_head(digest, text):
        key = cache.digest(digest, OwlrlReasoner().name)
        kept = cache.get("schema", key)
        text = conclusions(schema) if kept is None else kept
        if kept is None:
            cache.put("schema", key, text)
    return frozenset(schema) | frozenset(_read(text))


def closed_head(digest: str, text: str) -> str:
    """Return the first line of a closed schema as shipped: hash of the schema, hash of the lines that follow."""
    return f"# {digest} {hashlib.sha256(text.encode()).hexdigest()}"


def schema_digest(schema: Iterable[Triple]) -> str:
    """Return the hash that tells one schema from another."""
    return hashlib.sha256("\n".join(sorted(" ".join(t) for t in schema)).encode()).hexdigest()


def conclusions(schema: Set[Triple]) -> str:
    """Return what owlrl concludes from a schema alone and later rules can use, as sorted N-Triples."""
    found = OwlrlReasoner().close(schema, ()) - schema
    return "".join(f"{s} {p} {o} .\n" for s, p, o in sorted(found) if _useful((s, p, o)))


def _useful(triple: Triple) -> bool:
    """Tell whether a conclusion is kept for later: all but noise, and the noise about the two outermost classes."""
    s, p, o = triple
    outermost = (o == owl.Nothing and not bare(s).startswith(_PLAIN)) or (s == owl.Thing and p == rdfs.subClassOf)
    return not is_noise(triple) or (is_iri(s) and is_iri(o) and s != o and outermost)


def _read(text: str) -> Iterable[Triple]:
    for line in text.split("\n")[:-1]:
        s, p, o = line.removesuffix(" .").split(" ", 2)
        yield s, p, o


class Check:
    """Looks for contradictions twice: among what was written, before an engine may merge things, and afterwards."""

    def __init__(self, clashes: Sequence[QuerySpec], premises: Premises) -> None:
        """Start with no statements."""
        self._clashes, self._premises = clashes, premises
        self._store = Store()

    def refuse(self, closed: ClosedGraph, more: Iterable[Triple]) -> None:
        """Take in *more* statements.

        Raises:
            InconsistencyError: two of the statements so far cannot both hold; names what was written.
        """
        self._store.add(t for t in more if is_iri(t[0]) and (is_iri(t[2]) or is_literal(t[2])))
        for clash in self._clashes:
            _, rows = self._store.select(clash.text)
            if rows:
                raise self._error(clash.title, closed, rows)

    def _error(self, title: str, closed: ClosedGraph, rows: Sequence[Row]) -> InconsistencyError:
        """Return the error for the first row that rests on written statements wholly, else for the first row."""
        found = []
        for row in rows[:_ROWS]:
            s1, p1, o1, s2, p2, o2 = (term or "" for term in row)
            pair = dict.fromkeys([(s1, p1, o1), (s2, p2, o2)])
            written = [self._premises(closed, triple) for triple in pair]
            found.append((not all(written), pair, [s.origin for one in written for s in one]))
        _, pair, origins = min(found, key=lambda one: one[0])
        places = sorted({str(origin) for origin in origins if origin.role not in ("ontology", "computed")})
        said = " and ".join(" ".join(map(shown, triple)) for triple in pair)
        return InconsistencyError(
            "E-CONTRADICTION",
            f"{title} Found: {said}; written at {'; '.join(places) or 'the ontology'}",
            where=places[0].split(" ")[0] if places else "",
            hint="one of these statements must go",
        )
