"""The evaluator: closes the statements of a release under a compiled schema, over the closed schema as it stands.

Semi-naive, one new statement at a time: each is joined with everything found before it, so every pair of premises
meets exactly when the later of the two arrives. Statements of the shared base are never joined with each other,
because the base is closed already.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set

from tmkb.engines.rl_rules import ClassRules, Program, PropertyRules
from tmkb.model.graphs import Triple
from tmkb.terms import rdf

_Index = dict[tuple[str, str], list[str]]


class Base:
    """A closed set of statements that many releases share, indexed for what the rules look up."""

    def __init__(self, program: Program, triples: Set[Triple]) -> None:
        """Index the classes of things, and both ends of the relations that rules join."""
        self.program, self.triples = program, triples
        self.types: dict[str, set[str]] = defaultdict(set)
        self.out: _Index = defaultdict(list)
        self.into: _Index = defaultdict(list)
        for s, p, o in triples:
            if p == rdf.type:
                self.types[s].add(o)
            elif p in program.joined:
                self.out[s, p].append(o)
                self.into[p, o].append(s)


def close(base: Base, data: Iterable[Triple]) -> set[Triple]:
    """Return all that follows from *data* and the base, with statements of the data that set something off.

    What the base holds is left out; what the data say themselves may be among it.
    """
    collecting = gc.isenabled()
    gc.disable()  # nothing made here is a cycle, and looking for some doubles the time
    try:
        return _Closing(base).run(data)
    finally:
        if collecting:
            gc.enable()


class _Closing:
    def __init__(self, base: Base) -> None:
        self._base, self._program = base, base.program
        self._types: dict[str, set[str]] = {}
        self._out: _Index = defaultdict(list)
        self._into: _Index = defaultdict(list)

    def run(self, data: Iterable[Triple]) -> set[Triple]:
        known, a = self._base.triples, rdf.type
        classes, properties, joined = self._program.classes, self._program.properties, self._program.joined
        heard = {a, *properties, *joined}  # most statements set nothing off, and need no look
        queue = [triple for triple in data if triple[1] in heard]
        found = set[Triple]()
        while queue:
            triple = queue.pop()
            if triple in found or triple in known:
                continue
            found.add(triple)
            s, p, o = triple
            if p == a:
                self._kinds(s).add(o)
                if o in classes:
                    queue += self._of_class(classes[o], s)
                continue
            if p in joined:
                self._out[s, p].append(o)
                self._into[p, o].append(s)
            if p in properties:
                queue += self._of_property(properties[p], s, p, o)
        return found

    def _kinds(self, node: str) -> set[str]:
        """Return the classes of a node found so far, those of the base included; may be added to."""
        kinds = self._types.get(node)
        if kinds is None:
            kinds = self._types[node] = set(self._base.types.get(node, ()))
        return kinds

    def _objects(self, s: str, p: str) -> list[str]:
        return _both(self._base.out, self._out, (s, p))

    def _subjects(self, p: str, o: str) -> list[str]:
        return _both(self._base.into, self._into, (p, o))

    def _of_class(self, rules: ClassRules, s: str) -> Iterator[Triple]:
        for wider in rules.wider:  # cax-sco
            yield s, rdf.type, wider
        for relation, value in rules.values:  # cls-hv1
            yield s, relation, value
        kinds = self._kinds(s)
        for whole, others in rules.meets:  # cls-int1
            if kinds.issuperset(others):
                yield s, rdf.type, whole
        for relation, expression in rules.some:  # cls-svf1, the class known last
            for subject in self._subjects(relation, s):
                yield subject, rdf.type, expression
        for relation, filler in rules.every:  # cls-avf, the class known last
            for value in self._objects(s, relation):
                yield value, rdf.type, filler

    def _of_property(self, rules: PropertyRules, s: str, p: str, o: str) -> Iterator[Triple]:
        for wider in rules.wider:  # prp-spo1
            yield s, wider, o
        for inverse in rules.inverse:  # prp-inv1, prp-inv2, prp-symp
            yield o, inverse, s
        for kind in rules.subject_classes:  # prp-dom, cls-svf2
            yield s, rdf.type, kind
        for kind in rules.object_classes:  # prp-rng
            yield o, rdf.type, kind
        for expression in rules.values.get(o, ()):  # cls-hv2
            yield s, rdf.type, expression
        for filler, expression in rules.some:  # cls-svf1, the relation known last
            if filler in self._kinds(o):
                yield s, rdf.type, expression
        for expression, filler in rules.every:  # cls-avf, the relation known last
            if expression in self._kinds(s):
                yield o, rdf.type, filler
        if rules.transitive:  # prp-trp
            for further in self._objects(o, p):
                yield s, p, further
            for before in self._subjects(p, s):
                yield before, p, o
        for links, place, whole in rules.chains:  # prp-spo2
            for start in self._back(s, links[:place]):
                for end in self._forth(o, links[place + 1 :]):
                    yield start, whole, end

    def _back(self, node: str, links: tuple[str, ...]) -> set[str]:
        nodes = {node}
        for link in reversed(links):
            nodes = {s for n in nodes for s in self._subjects(link, n)}
        return nodes

    def _forth(self, node: str, links: tuple[str, ...]) -> set[str]:
        nodes = {node}
        for link in links:
            nodes = {o for n in nodes for o in self._objects(n, link)}
        return nodes


def _both(base: Mapping[tuple[str, str], list[str]], own: _Index, key: tuple[str, str]) -> list[str]:
    return [*base.get(key, ()), *own.get(key, ())]
