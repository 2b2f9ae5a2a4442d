"""Stage 4: from asserted to closed: all that OWL 2 RL concludes, kept apart from what people wrote.

Path of the data: the logical part of the assembled graph → reasoner → noise filter → contradiction checks
(queries/check/) → ClosedGraph. Contradictions stop the build and name statements and files; the marks that an
engine leaves for them are not relied on, because owlrl misses some (docs/decisions/0003).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence, Set

from tmkb import cache, resources
from tmkb.engines.owl import OwlrlReasoner, Reasoner
from tmkb.engines.sparql import Store
from tmkb.errors import InconsistencyError
from tmkb.headers import QuerySpec
from tmkb.model.graphs import AssembledGraph, ClosedGraph, Statement, Triple
from tmkb.terms import FOR_PEOPLE, OWL, RDF, RDFS, XSD, bare, is_iri, is_literal, owl, rdf, rdfs, shown

_PLAIN = (OWL, RDF, RDFS, XSD)
_REFLEXIVE = {owl.sameAs, owl.equivalentClass, owl.equivalentProperty, rdfs.subClassOf, rdfs.subPropertyOf}
_SCHEMA = ("ontology", "library")
Premises = Callable[[ClosedGraph, Triple], Sequence[Statement]]


def silent_properties(schema: Iterable[Triple]) -> frozenset[str]:
    """Return the properties whose statements have no consequences.

    These are annotations, and properties with literals as values that no axiom mentions: no OWL 2 RL rule uses them.
    """
    schema = list(schema)
    silent = set(FOR_PEOPLE) | {s for s, p, o in schema if p == rdf.type and o == owl.AnnotationProperty}
    data = {s for s, p, o in schema if p == rdf.type and o == owl.DatatypeProperty}
    mentioned = {t for s, p, o in schema if p not in silent for t in (s, o) if t in data and p != rdf.type}
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
    if p == rdf.type and is_iri(o) and bare(o).startswith(_PLAIN):
        return True
    return not bare(p).startswith(_PLAIN) and "://" not in p


def close(
    assembled: AssembledGraph, *, reasoner: Reasoner, clashes: Sequence[QuerySpec], premises: Premises
) -> ClosedGraph:
    """Return *assembled* together with everything OWL 2 RL lets us conclude from it.

    The input is left as it was; conclusions are kept in ``entailed``, so that a reader can always tell what a
    person wrote from what a rule concluded.

    Raises:
        InconsistencyError: two statements cannot both hold; names both and their files.
        EngineError: an axiom uses a construct that the compiled rules refuse.
    """
    key = cache.digest("closure", reasoner.name, assembled.digest, *(clash.text for clash in clashes))
    kept = cache.get("closure", key)
    if kept is not None:
        return ClosedGraph(assembled, frozenset(_read(kept)))
    schema = frozenset(s.triple for s in assembled.core if s.origin.role in _SCHEMA)
    silent = silent_properties(schema)
    asserted = assembled.core_triples | assembled.local_triples
    loud = {t for t in asserted if t[1] not in silent}
    everything = reasoner.close(frozenset(schema & loud), loud - schema)
    entailed = frozenset(t for t in everything - asserted if not is_noise(t))
    closed = ClosedGraph(assembled, entailed)
    _refuse_clashes(closed, everything | asserted, clashes, premises)
    cache.put("closure", key, "".join(f"{s} {p} {o}\n" for s, p, o in sorted(entailed)))
    return closed


def closed_schema(schema: Set[Triple]) -> frozenset[Triple]:
    """Return a schema with its conclusions under owlrl: as shipped if it is the shipped schema, else kept or made."""
    key = schema_digest(schema)
    head, _, shipped = resources.closed_schema().partition("\n")
    if head == f"# {key}":
        return frozenset(schema) | frozenset(_read(shipped.replace(" .\n", "\n")))
    kept = cache.get("schema", cache.digest(key))
    if kept is None:
        kept = conclusions(schema)
        cache.put("schema", cache.digest(key), kept)
    return frozenset(schema) | frozenset(_read(kept.replace(" .\n", "\n")))


def schema_digest(schema: Iterable[Triple]) -> str:
    """Return the hash that tells one schema and one version of owlrl from another."""
    lines = sorted(" ".join(t) for t in schema)
    return hashlib.sha256("\n".join([OwlrlReasoner.name, *lines]).encode()).hexdigest()


def conclusions(schema: Set[Triple]) -> str:
    """Return what owlrl concludes from a schema alone, as sorted N-Triples without noise."""
    found = OwlrlReasoner().close(schema, ()) - schema
    return "".join(f"{s} {p} {o} .\n" for s, p, o in sorted(found) if not is_noise((s, p, o)))


def _read(text: str) -> Iterable[Triple]:
    for line in text.split("\n")[:-1]:
        s, p, o = line.split(" ", 2)
        yield s, p, o


def _refuse_clashes(
    closed: ClosedGraph, everything: Set[Triple], clashes: Sequence[QuerySpec], premises: Premises
) -> None:
    store = Store()
    store.add(t for t in everything if is_iri(t[0]) and (is_iri(t[2]) or is_literal(t[2])))
    for clash in clashes:
        _, rows = store.select(clash.text)
        for row in rows:
            s1, p1, o1, s2, p2, o2 = (term or "" for term in row)
            pair = [(s1, p1, o1), (s2, p2, o2)]
            written = [s for t in pair for s in premises(closed, t)]
            places = sorted({str(s.origin) for s in written if s.origin.role not in ("ontology", "computed")})
            said = " and ".join(" ".join(map(shown, t)) for t in dict.fromkeys(pair))
            raise InconsistencyError(
                "E-CONTRADICTION",
                f"{clash.title} Found: {said}; written at {'; '.join(places) or 'the ontology'}",
                where=places[0].split(" ")[0] if places else "",
                hint="one of these statements must go",
            )
