"""OWL 2 RL closure by owlrl, behind the interface that every reasoner shares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import owlrl
import rdflib

from tmkb.engines.convert import from_rdflib, to_rdflib
from tmkb.model.graphs import Triple


class Reasoner(Protocol):
    """Anything that closes triples under the OWL 2 RL rules."""

    name: str

    def close(self, triples: Iterable[Triple]) -> set[Triple]:
        """Return *triples* with all that follows; noise and error marks of the engine included."""


class OwlrlReasoner:
    """The reference: owlrl, which edits the graph it is given and marks contradictions as triples."""

    name = f"owlrl {owlrl.__version__}" if hasattr(owlrl, "__version__") else "owlrl"

    def close(self, triples: Iterable[Triple]) -> set[Triple]:
        """Return *triples* with all that owlrl concludes; statements with a literal as subject are left out."""
        graph = rdflib.Graph()
        for triple in triples:
            graph.add(to_rdflib(triple))
        owlrl.DeductiveClosure(owlrl.OWLRL_Semantics, axiomatic_triples=False, datatype_axioms=False).expand(graph)
        return {
            from_rdflib(s, p, o)
            for s, p, o in graph
            if isinstance(s, rdflib.URIRef) and isinstance(p, rdflib.URIRef) and not isinstance(o, rdflib.BNode)
        }
