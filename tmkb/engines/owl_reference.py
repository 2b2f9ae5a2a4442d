"""The door to owlrl, imported only when it runs."""

from __future__ import annotations

from collections.abc import Iterable

import owlrl
import rdflib

from tmkb.engines.convert import from_rdflib, graph_of
from tmkb.model.graphs import Triple


def expand(triples: Iterable[Triple]) -> frozenset[Triple]:
    """Return *triples* with all that owlrl concludes; owlrl edits the graph it is given, so it is given its own."""
    graph = graph_of(triples)
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics, axiomatic_triples=False, datatype_axioms=False).expand(graph)
    return frozenset(from_rdflib(s, p, o) for s, p, o in graph if isinstance(p, rdflib.URIRef))
