"""The default reasoner: the schema is closed and compiled once, and each release is closed over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from operator import itemgetter

from tmkb.engines.rl_close import Base, close
from tmkb.engines.rl_refused import BUILT_IN, AxiomError, refuse
from tmkb.engines.rl_rules import compile_schema
from tmkb.model.graphs import Triple
from tmkb.terms import bare, is_literal, owl, rdf

ClosedSchema = Callable[[Set[Triple]], frozenset[Triple]]
_HARMLESS = {owl.NamedIndividual, owl.Thing}


class CompiledReasoner:
    """The default: the schema is closed once and compiled, and each release is closed over it."""

    name = "compiled rules"

    def __init__(self, closed_schema: ClosedSchema) -> None:
        """Take the function that gives schema and conclusions of a schema."""
        self._closed_schema = closed_schema
        self._kept: tuple[Set[Triple], Base, frozenset[Triple], frozenset[Triple]] | None = None

    def close(self, schema: Set[Triple], data: Iterable[Triple]) -> Set[Triple]:
        """Return all that follows from schema and data, with some of what they say themselves.

        Raises:
            AxiomError: schema or data use a construct that is not compiled; names it.
        """
        base, anew, concluded = self._base(schema)
        told = list(data)
        words = set(map(itemgetter(1), told)) | {o for _, p, o in told if p == rdf.type}
        axioms = {word for word in words if bare(word).startswith(BUILT_IN)} - {rdf.type} - _HARMLESS
        for s, p, o in told if axioms else ():
            if (p in axioms and o not in _HARMLESS) or (p == rdf.type and o in axioms):
                why = "axioms belong to the ontology or the library, not to the data of a release"
                raise AxiomError((s, p, o), why)
        return close(base, [*anew, *told]) | concluded

    def _base(self, schema: Set[Triple]) -> tuple[Base, frozenset[Triple], frozenset[Triple]]:
        """Return what all releases share, what is told anew to each, and what the schema alone concludes.

        What follows about a value is not kept in RDF, and that a thing is a Thing is noise: where an axiom asks for
        either, it is concluded again.
        """
        if self._kept is None or self._kept[0] != schema:
            refuse(schema)
            closed = self._closed_schema(schema)
            program = compile_schema(closed)
            things = owl.Thing in program.classes
            anew = frozenset(t for t in closed if is_literal(t[2]) or (things and t[1] == rdf.type))
            self._kept = (schema, Base(program, closed - anew), anew, closed - schema)
        return self._kept[1:]
