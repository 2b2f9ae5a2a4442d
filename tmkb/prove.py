"""Proofs: rebuilt backwards over the closed graph from the axioms, because no reasoner keeps a trace.

``Prover.prove(triple)`` returns a tree: each step is asserted (file and line), or follows by one OWL 2 RL rule
(named as in the W3C tables) or by one assembly rule from smaller steps. Shallow proofs are found first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tmkb.model.graphs import ClosedGraph, Origin, Statement, Triple
from tmkb.terms import OWL, owl, rdf, rdfs, tm

_DEPTH = 16
_ONE_OF = f"<{OWL}oneOf>"
# relations between axioms, with the narrower one and the rule that goes both ways
_NARROWER = {
    rdfs.subPropertyOf: (rdfs.subPropertyOf, "scm-spo"),
    owl.equivalentClass: (rdfs.subClassOf, "scm-eqc2"),
    owl.equivalentProperty: (rdfs.subPropertyOf, "scm-eqp2"),
}


@dataclass(frozen=True)
class Step:
    """One step of a proof: the triple, the rule that gives it, its premises; asserted steps have an origin."""

    triple: Triple
    rule: str
    premises: tuple[Step, ...] = ()
    origin: Origin | None = None

    def leaves(self) -> Iterator[Statement]:
        """Yield the asserted statements on which the step rests."""
        if self.origin is not None:
            yield Statement(self.triple, self.origin)
        for premise in self.premises:
            yield from premise.leaves()


class Prover:
    """Finds proofs in one closed graph."""

    def __init__(self, closed: ClosedGraph) -> None:
        """Index the closed graph by subject and predicate, both ways."""
        self._origins = closed.assembled.origins
        self._triples = closed.triples
        self._out: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._in: dict[tuple[str, str], list[str]] = defaultdict(list)
        for s, p, o in sorted(closed.triples):
            self._out[s, p].append(o)
            self._in[p, o].append(s)
        self._known: dict[Triple, Step] = {}
        self._failed: dict[Triple, int] = {}

    def prove(self, triple: Triple) -> Step | None:
        """Return a shallow proof of *triple*, or None if it does not follow."""
        for depth in range(1, _DEPTH + 1):
            step = self._prove(triple, depth)
            if step is not None:
                return step
        return None

    def _prove(self, goal: Triple, depth: int) -> Step | None:
        if goal in self._known:
            return self._known[goal]
        if goal not in self._triples or depth <= self._failed.get(goal, 0):
            return None
        origin = self._origins.get(goal)
        if origin is not None and origin.role != "computed":
            self._known[goal] = Step(goal, "stated", (), origin)
            return self._known[goal]
        if depth > 1:
            for rule, goals in self._ways(goal):
                premises = self._all(goals, depth - 1)
                if premises is not None:  # the way may lead past the goal itself, proved more shortly in between
                    return self._known.setdefault(goal, Step(goal, rule, premises))
        if origin is not None and goal[1] not in (tm.crosses, tm.inZone, tm.itself):
            self._known[goal] = Step(goal, "assembled", (), origin)
            return self._known[goal]
        self._failed[goal] = depth
        return None

    def _all(self, goals: Sequence[Triple], depth: int) -> tuple[Step, ...] | None:
        steps: list[Step] = []
        for goal in goals:
            step = self._prove(goal, depth)
            if step is None:
                return None
            steps.append(step)
        return tuple(steps)

    def _list(self, head: str) -> list[str]:
        items: list[str] = []
        while head != rdf.nil and self._out[head, rdf.first]:
            items.append(self._out[head, rdf.first][0])
            head = self._out[head, rdf.rest][0]
        return items

    def _ways(self, goal: Triple) -> Iterator[tuple[str, list[Triple]]]:
        s, p, o = goal
        if p == rdf.type:
            yield from self._class_ways(s, o)
        elif p == rdfs.subClassOf:
            yield from self._subclass_ways(s, o)
            yield from self._expression_ways(s, o)
        elif p in (rdfs.domain, rdfs.range):
            yield from self._end_ways(s, p, o)
        elif p in _NARROWER:
            yield from self._same_ways(s, p, o)
        elif p == tm.crosses:
            yield from self._crossing_ways(s, o)
        elif p == tm.inZone:
            yield "zone stated", [(s, tm.zone, o)]
            for link in (tm.partOf, tm.runsOn):
                for whole in self._out[s, link]:
                    yield "zone of the whole", [(s, link, whole), (whole, tm.inZone, o)]
        elif p == tm.itself:
            yield "itself", [(s, rdf.type, tm.Component)]
        else:
            yield from self._property_ways(s, p, o)

    def _class_ways(self, s: str, o: str) -> Iterator[tuple[str, list[Triple]]]:
        for head in self._out[o, owl.intersectionOf]:
            yield "cls-int1", [(o, owl.intersectionOf, head), *((s, rdf.type, member) for member in self._list(head))]
        for prop in self._out[o, owl.onProperty]:
            for filler in self._out[o, owl.someValuesFrom]:
                for value in self._out[s, prop]:
                    axiom = (o, owl.someValuesFrom, filler)
                    if filler == owl.Thing:
                        yield "cls-svf2", [axiom, (s, prop, value)]
                    else:
                        yield "cls-svf1", [axiom, (s, prop, value), (value, rdf.type, filler)]
            for value in self._out[o, owl.hasValue]:
                yield "cls-hv2", [(o, owl.hasValue, value), (s, prop, value)]
        yield from self._member_ways(s, o)
        for wider in sorted(self._in[owl.equivalentClass, o]) + self._out[o, owl.equivalentClass]:
            if wider != o and (s, rdf.type, wider) in self._triples:
                axiom = (wider, owl.equivalentClass, o)
                yield (
                    "cax-eqc",
                    [axiom if axiom in self._origins else (o, owl.equivalentClass, wider), (s, rdf.type, wider)],
                )
        for narrower in self._out[s, rdf.type]:
            if narrower != o and (narrower, rdfs.subClassOf, o) in self._triples:
                yield "cax-sco", [(s, rdf.type, narrower), (narrower, rdfs.subClassOf, o)]
        for prop in self._in[rdfs.domain, o]:
            for value in self._out[s, prop]:
                yield "prp-dom", [(prop, rdfs.domain, o), (s, prop, value)]
        for prop in self._in[rdfs.range, o]:
            for subject in self._in[prop, s]:
                yield "prp-rng", [(prop, rdfs.range, o), (subject, prop, s)]

    def _member_ways(self, s: str, o: str) -> Iterator[tuple[str, list[Triple]]]:
        for kind in self._out[s, rdf.type] if o == owl.Thing else ():
            yield "scm-cls", [(kind, rdf.type, owl.Class), (s, rdf.type, kind)]
        for head in self._out[o, owl.unionOf]:
            for member in self._list(head):
                yield "cls-uni", [(o, owl.unionOf, head), (s, rdf.type, member)]
        for head in self._out[o, _ONE_OF]:
            if s in self._list(head):
                yield "cls-oo", [(o, _ONE_OF, head)]
        for every in self._in[owl.allValuesFrom, o]:
            for prop in self._out[every, owl.onProperty]:
                for subject in self._in[prop, s]:
                    yield "cls-avf", [(every, owl.allValuesFrom, o), (subject, rdf.type, every), (subject, prop, s)]

    def _subclass_ways(self, s: str, o: str) -> Iterator[tuple[str, list[Triple]]]:
        yield "scm-eqc1", [(s, owl.equivalentClass, o)]
        yield "scm-eqc1", [(o, owl.equivalentClass, s)]
        for head in self._out[s, owl.intersectionOf]:
            if o in self._list(head):
                yield "scm-int", [(s, owl.intersectionOf, head)]
        for middle in self._out[s, rdfs.subClassOf]:
            if middle not in (s, o) and (s, rdfs.subClassOf, middle) in self._origins:
                yield "scm-sco", [(s, rdfs.subClassOf, middle), (middle, rdfs.subClassOf, o)]
        for middle in [*self._out[s, owl.equivalentClass], *self._out[s, rdfs.subClassOf]]:
            if middle not in (s, o):
                yield "scm-sco", [(s, rdfs.subClassOf, middle), (middle, rdfs.subClassOf, o)]

    def _expression_ways(self, s: str, o: str) -> Iterator[tuple[str, list[Triple]]]:
        for head in self._out[o, owl.unionOf]:
            if s in self._list(head):
                yield "scm-uni", [(o, owl.unionOf, head)]
        here, there = self._out[s, owl.onProperty], self._out[o, owl.onProperty]
        ends = [(narrow, wide) for narrow in here for wide in there]
        for form, name in ((owl.hasValue, "hv"), (owl.someValuesFrom, "svf"), (owl.allValuesFrom, "avf")):
            for one in self._out[s, form]:
                for other in self._out[o, form]:
                    axioms = [(s, form, one), (o, form, other)]
                    for narrow, wide in ends:
                        if narrow == wide and name != "hv":
                            yield f"scm-{name}1", [*axioms, *self._unless_same(one, rdfs.subClassOf, other)]
                        if one == other:
                            pair = (wide, narrow) if name == "avf" else (narrow, wide)
                            between = self._unless_same(pair[0], rdfs.subPropertyOf, pair[1])
                            yield f"scm-{name}" + ("" if name == "hv" else "2"), [*axioms, *between]

    @staticmethod
    def _unless_same(s: str, p: str, o: str) -> list[Triple]:
        return [] if s == o else [(s, p, o)]

    def _end_ways(self, s: str, p: str, o: str) -> Iterator[tuple[str, list[Triple]]]:
        name = "scm-dom" if p == rdfs.domain else "scm-rng"
        for narrower in self._out[s, p]:
            if narrower != o:
                yield f"{name}1", [(s, p, narrower), (narrower, rdfs.subClassOf, o)]
        for wider in self._out[s, rdfs.subPropertyOf]:
            if wider != s:
                yield f"{name}2", [(s, rdfs.subPropertyOf, wider), (wider, p, o)]

    def _same_ways(self, s: str, p: str, o: str) -> Iterator[tuple[str, list[Triple]]]:
        if p == rdfs.subPropertyOf:
            yield "scm-eqp1", [(s, owl.equivalentProperty, o)]
            yield "scm-eqp1", [(o, owl.equivalentProperty, s)]
            for middle in self._out[s, p]:
                if middle not in (s, o):
                    yield "scm-spo", [(s, p, middle), (middle, p, o)]
        else:
            yield _NARROWER[p][1], [(s, _NARROWER[p][0], o), (o, _NARROWER[p][0], s)]

    def _property_ways(self, s: str, p: str, o: str) -> Iterator[tuple[str, list[Triple]]]:
        for restriction in self._in[owl.hasValue, o]:
            if p in self._out[restriction, owl.onProperty]:
                axiom = (restriction, owl.hasValue, o)
                for kind in self._out[s, rdf.type]:
                    if (kind, rdfs.subClassOf, restriction) in self._origins:
                        yield "cls-hv1", [(s, rdf.type, kind), (kind, rdfs.subClassOf, restriction), axiom]
                yield "cls-hv1", [(s, rdf.type, restriction), axiom]
        for inverse in self._out[p, owl.inverseOf] + self._in[owl.inverseOf, p]:
            axiom = (p, owl.inverseOf, inverse)
            yield "prp-inv", [axiom if axiom in self._origins else (inverse, owl.inverseOf, p), (o, inverse, s)]
        for narrower in self._in[rdfs.subPropertyOf, p]:
            if narrower != p:
                yield "prp-spo1", [(narrower, rdfs.subPropertyOf, p), (s, narrower, o)]
        for head in self._out[p, owl.propertyChainAxiom]:
            links = self._list(head)
            for path in self._paths(s, links, o):
                yield "prp-spo2", [(p, owl.propertyChainAxiom, head), *path]
        if (p, rdf.type, owl.TransitiveProperty) in self._triples:
            for middle in self._out[s, p]:
                if middle not in (s, o):
                    yield "prp-trp", [(p, rdf.type, owl.TransitiveProperty), (s, p, middle), (middle, p, o)]
        if (p, rdf.type, owl.SymmetricProperty) in self._triples:
            yield "prp-symp", [(p, rdf.type, owl.SymmetricProperty), (o, p, s)]

    def _paths(self, s: str, links: list[str], o: str) -> Iterator[list[Triple]]:
        if len(links) == 1:
            if (s, links[0], o) in self._triples:
                yield [(s, links[0], o)]
            return
        for middle in self._out[s, links[0]]:
            for rest in self._paths(middle, links[1:], o):
                yield [(s, links[0], middle), *rest]

    def _crossing_ways(self, interface: str, boundary: str) -> Iterator[tuple[str, list[Triple]]]:
        if (boundary, tm.onInterface, interface) in self._triples:
            yield "scope exception", [(boundary, tm.onInterface, interface)]
        ends = self._out[interface, tm.connects]
        zones = set(self._out[boundary, tm.between])
        unstated = tm.UnstatedBoundary in self._out[boundary, rdf.type]
        for one in ends:
            for other in ends:
                for here in sorted(set(self._out[one, tm.inZone]) & zones):
                    for there in sorted(set(self._out[other, tm.inZone]) & zones - {here}):
                        yield (
                            "crossing unstated" if unstated else "crossing",
                            [
                                (interface, tm.connects, one),
                                (interface, tm.connects, other),
                                (one, tm.inZone, here),
                                (other, tm.inZone, there),
                                (boundary, tm.between, here),
                                (boundary, tm.between, there),
                            ],
                        )
        if unstated and not zones:
            yield "unplaced", [(interface, rdf.type, tm.Interface), *((interface, tm.connects, end) for end in ends)]


def premises(closed: ClosedGraph, triple: Triple) -> list[Statement]:
    """Return the asserted statements on which *triple* rests, each once, in the order of the proof."""
    step = Prover(closed).prove(triple)
    return list(dict.fromkeys(step.leaves())) if step else []
