"""OWL 2 RL closure behind one interface: the compiled rules by default, owlrl as the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from importlib.metadata import version
from typing import Protocol

from tmkb.engines.rl_close import Base, close
from tmkb.engines.rl_rules import compile_schema
from tmkb.errors import EngineError
from tmkb.model.graphs import Triple
from tmkb.terms import OWL, RDF, RDFS, bare, owl, rdf, shown

ClosedSchema = Callable[[Set[Triple]], Set[Triple]]
_BUILT_IN = (OWL, RDF, RDFS)
_HARMLESS = {owl.NamedIndividual, owl.Thing}


class Reasoner(Protocol):
    """Anything that closes statements under the OWL 2 RL rules."""

    name: str

    def close(self, schema: Set[Triple], data: Iterable[Triple]) -> Set[Triple]:
        """Return what follows from *schema* and *data* together; may hold either of them, noise and marks too."""


class OwlrlReasoner:
    """The reference: owlrl over everything at once. It merges and marks; the caller looks for contradictions."""

    name = f"owlrl {version('owlrl')}"

    def close(self, schema: Set[Triple], data: Iterable[Triple]) -> Set[Triple]:
        """Return all that owlrl has at the end; a literal as subject is possible."""
        from tmkb.engines.owl_reference import expand

        return expand({*schema, *data})


class CompiledReasoner:
    """The default: the schema is closed once and compiled, and each release is closed over it."""

    def __init__(self, closed_schema: ClosedSchema) -> None:
        """Take the function that gives schema and conclusions of a schema."""
        self.name = f"compiled rules over {OwlrlReasoner.name}"
        self._closed_schema = closed_schema
        self._kept: tuple[Set[Triple], Base] | None = None

    def close(self, schema: Set[Triple], data: Iterable[Triple]) -> Set[Triple]:
        """Return the closed schema with the closed data.

        Raises:
            EngineError: schema or data use a construct that is not compiled; names it.
        """
        base = self._base(schema)
        told = list(data)
        for s, p, o in told:
            axiom = bare(p).startswith(_BUILT_IN) and (p != rdf.type or bare(o).startswith(_BUILT_IN))
            if axiom and o not in _HARMLESS:
                raise EngineError(
                    "E-REASONER",
                    f"{shown(s)} {shown(p)} {shown(o)} is an axiom in the data of a release",
                    hint="axioms belong to the ontology or the library; --reasoner owlrl takes them",
                )
        return base.triples | close(base, told)

    def _base(self, schema: Set[Triple]) -> Base:
        if self._kept is None or self._kept[0] != schema:
            closed = self._closed_schema(schema)
            self._kept = (schema, Base(compile_schema(closed), closed))
        return self._kept[1]
