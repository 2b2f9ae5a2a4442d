"""Stage 4: from asserted to closed: all that OWL 2 RL concludes, kept apart from what people wrote.

Path of the data: the logical part of the assembled graph → reasoner → noise filter → contradiction checks
(queries/check/) → ClosedGraph. Contradictions stop the build and name statements and files; the marks that an
engine leaves for them are not relied on, because owlrl misses some (docs/decisions/0003).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tmkb import cache
from tmkb.engines.owl import Reasoner
from tmkb.engines.sparql import Store
from tmkb.errors import InconsistencyError
from tmkb.headers import QuerySpec
from tmkb.model.graphs import AssembledGraph, ClosedGraph, Statement, Triple
from tmkb.terms import FOR_PEOPLE, OWL, RDF, RDFS, XSD, bare, is_iri, is_literal, owl, rdf, rdfs, shown

_PLAIN = (OWL, RDF, RDFS, XSD)
_REFLEXIVE = {owl.sameAs, owl.equivalentClass, owl.equivalentProperty, rdfs.subClassOf, rdfs.subPropertyOf}
Premises = Callable[[ClosedGraph, Triple], Sequence[Statement]]


def logical_part(triples: Iterable[Triple]) -> set[Triple]:
    """Return the triples that can have consequences.

    Left out are statements with an annotation property, and statements with a datatype property that no axiom
    mentions: no OWL 2 RL rule can use them.
    """
    triples = list(triples)
    silent = set(FOR_PEOPLE) | {s for s, p, o in triples if p == rdf.type and o == owl.AnnotationProperty}
    data = {s for s, p, o in triples if p == rdf.type and o == owl.DatatypeProperty}
    mentioned = {t for s, p, o in triples if p not in silent for t in (s, o) if t in data and p != rdf.type}
    silent |= data - mentioned
    return {t for t in triples if t[1] not in silent}


def is_noise(triple: Triple) -> bool:
    """Tell whether a concluded triple says nothing about the model.

    Noise: statements about the terms of RDF, RDFS, OWL and XSD themselves; everything being a Thing, Resource,
    Class or the like; everything being the same as, or below, itself; and marks of the engine.
    """
    s, p, o = triple
    if not is_iri(s) or bare(s).startswith(_PLAIN):
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
    """
    key = cache.digest("closure", reasoner.name, assembled.digest, *(clash.text for clash in clashes))
    kept = cache.get("closure", key)
    if kept is not None:
        return ClosedGraph(assembled, frozenset(_read(kept)))
    asserted = assembled.core_triples | assembled.local_triples
    everything = reasoner.close(logical_part(asserted))
    entailed = frozenset(t for t in everything - asserted if not is_noise(t))
    closed = ClosedGraph(assembled, entailed)
    _refuse_clashes(closed, everything | asserted, clashes, premises)
    cache.put("closure", key, "".join(f"{s} {p} {o}\n" for s, p, o in sorted(entailed)))
    return closed


def _read(text: str) -> Iterable[Triple]:
    for line in text.split("\n")[:-1]:
        s, p, o = line.split(" ", 2)
        yield s, p, o


def _refuse_clashes(
    closed: ClosedGraph, everything: set[Triple] | frozenset[Triple], clashes: Sequence[QuerySpec], premises: Premises
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
