"""Random small schemas and data for both reasoners, written as people write them: class expressions are blank nodes.

Every construct that the compiled rules take occurs, and every sort of contradiction that merges nothing. What makes two
things one (functional properties and the like) is tested by hand in test_closure_clashes.py, because owlrl merges.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import NamedTuple

from hypothesis import strategies as st

from tmkb import load
from tmkb.terms import OWL, SKOLEM, literal, owl, rdf, rdfs

Triple = tuple[str, str, str]


def x(name: str) -> str:
    return f"<https://tmkb.example/test/{name}>"


def o(name: str) -> str:
    return f"<{OWL}{name}>"


CLASSES = [x(f"C{n}") for n in range(5)]
RELATIONS = [x(f"p{n}") for n in range(4)]
SHARED = [x(f"b{n}") for n in range(2)]  # things of the library
THINGS = [x(f"n{n}") for n in range(3)]  # things of a release
VALUES = [literal("a"), literal("1", "integer"), '"a"@en']


class Case(NamedTuple):
    """A schema with class expressions as blank nodes, and the data of one release."""

    schema: frozenset[Triple]
    data: frozenset[Triple]


def named(schema: Iterable[Triple]) -> frozenset[Triple]:
    """Return a schema with the names that the loader gives to blank nodes."""
    return frozenset(t for t, _ in load._skolemised([(t, 1) for t in sorted(schema)], "random.ttl"))


def blanked(schema: Iterable[Triple]) -> frozenset[Triple]:
    """Return a schema with blank nodes in place of the names that the loader gives."""
    mark = f"<{SKOLEM}"
    return frozenset(
        tuple(f"_:{term[len(mark) : -1]}" if term.startswith(mark) else term for term in triple)  # type: ignore[misc]
        for triple in schema
    )


class Writer:
    """Writes trees of class expressions as triples with fresh blank nodes."""

    def __init__(self) -> None:
        self.triples: set[Triple] = set()
        self._number = count()

    def fresh(self) -> str:
        return f"_:b{next(self._number)}"

    def listed(self, members: Iterable[str]) -> str:
        head = rdf.nil
        for member in reversed(list(members)):
            node = self.fresh()
            self.triples |= {(node, rdf.first, member), (node, rdf.rest, head)}
            head = node
        return head

    def relation(self, tree: object) -> str:
        if isinstance(tree, str):
            return tree
        node = self.fresh()
        self.triples.add((node, owl.inverseOf, tree[1]))  # type: ignore[index]
        return node

    def kind(self, tree: object) -> str:
        if isinstance(tree, str):
            return tree
        form, *parts = tree  # type: ignore[misc]
        node = self.fresh()
        if form in ("intersectionOf", "unionOf"):
            self.triples.add((node, o(form), self.listed([self.kind(part) for part in parts[0]])))
        elif form == "oneOf":
            self.triples.add((node, o(form), self.listed(parts[0])))
        elif form == "complementOf":
            self.triples.add((node, o(form), self.kind(parts[0])))
        else:
            said = self.kind(parts[1]) if form.endswith("From") else parts[1]
            self.triples |= {(node, owl.onProperty, self.relation(parts[0])), (node, o(form), said)}
            if form == "maxQualifiedCardinality":
                self.triples.add((node, o("onClass"), self.kind(parts[2])))
        return node


_relation = st.sampled_from(RELATIONS)
_class = st.sampled_from(CLASSES)
_end = st.one_of(_relation, st.tuples(st.just("inverse"), _relation))
_individual = st.sampled_from(SHARED + THINGS[:2])
_zero = st.just(literal("0", "nonNegativeInteger"))


def _wider(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    some = st.lists(inner, min_size=1, max_size=4)
    return st.one_of(
        st.tuples(st.sampled_from(("intersectionOf", "unionOf")), some),
        st.tuples(st.just("someValuesFrom"), _end, st.one_of(inner, st.just(owl.Thing))),
        st.tuples(st.just("allValuesFrom"), _end, inner),
    )


_has = st.tuples(st.just("hasValue"), _end, st.one_of(_individual, st.sampled_from(VALUES)))
_leaf = st.one_of(
    _class,
    _class,
    _has,
    st.tuples(st.just("oneOf"), st.lists(_individual, min_size=1, max_size=3)),
)
_tree = st.recursive(_leaf, _wider, max_leaves=4)
_members = st.lists(st.one_of(_class, _leaf), min_size=1, max_size=4)
_axiom = st.one_of(
    st.tuples(st.just("subClassOf"), _tree, _tree),
    st.tuples(st.just("subClassOf"), _class, st.one_of(_class, _has)),
    st.tuples(st.just("equivalentClass"), _class, _tree),
    st.tuples(st.just("equivalentClass"), _class, st.tuples(st.just("intersectionOf"), _members)),
    st.tuples(st.just("domain"), _relation, _tree),
    st.tuples(st.just("range"), _relation, _tree),
    st.tuples(st.sampled_from(("subPropertyOf", "equivalentProperty", "inverseOf")), _relation, _relation),
    st.tuples(st.just("kind"), _relation, st.just("SymmetricProperty")),
    st.tuples(st.just("kind"), _relation, st.just("TransitiveProperty")),
    st.tuples(st.just("chain"), _relation, st.lists(_relation, min_size=2, max_size=4)),
)
_empty = st.tuples(st.just("maxCardinality"), _relation, _zero)
_empty_of = st.tuples(st.just("maxQualifiedCardinality"), _relation, _zero, st.one_of(_class, st.just(owl.Thing)))
_exclusion = st.one_of(
    st.tuples(st.just("disjointWith"), _tree, st.one_of(_tree, st.just(owl.Thing))),
    st.tuples(st.just("subClassOf"), _class, st.tuples(st.just("complementOf"), st.one_of(_class, st.just(owl.Thing)))),
    st.tuples(st.sampled_from(("subClassOf", "equivalentClass")), _class, st.just(owl.Nothing)),
    st.tuples(st.just("subClassOf"), _class, st.one_of(_empty, _empty_of)),
    st.tuples(st.just("kind"), _relation, st.sampled_from(("AsymmetricProperty", "IrreflexiveProperty"))),
    st.tuples(st.just("propertyDisjointWith"), _relation, _relation),
    st.tuples(st.just("AllDisjointClasses"), st.lists(_tree, min_size=2, max_size=3)),
    st.tuples(st.just("AllDisjointProperties"), st.lists(_relation, min_size=2, max_size=3)),
    st.tuples(st.just("negative"), _individual, _relation, st.one_of(_individual, st.sampled_from(VALUES))),
)
_top = st.tuples(st.sampled_from(("subClassOf", "equivalentClass")), st.just(owl.Thing), _tree)


def _facts(things: list[str], others: list[str]) -> st.SearchStrategy[Triple]:
    one = st.sampled_from(things)
    return st.one_of(
        st.tuples(one, st.just(rdf.type), st.sampled_from([*CLASSES, owl.Thing])),
        st.tuples(one, _relation, st.sampled_from(others)),
        st.tuples(one, _relation, st.sampled_from(others)),
    )


_shared_facts = st.lists(_facts(SHARED, SHARED + VALUES), max_size=5)
_own_facts = st.frozensets(_facts(THINGS + SHARED, THINGS + SHARED + VALUES), min_size=3, max_size=9)


def _write(writer: Writer, axiom: tuple) -> None:  # type: ignore[type-arg]
    form, *parts = axiom
    if form in ("subPropertyOf", "equivalentProperty", "inverseOf", "propertyDisjointWith"):
        ends = {"subPropertyOf": rdfs.subPropertyOf}.get(form, o(form))
        writer.triples.add((parts[0], ends, parts[1]))
    elif form == "kind":
        writer.triples.add((parts[0], rdf.type, o(parts[1])))
    elif form == "chain":
        writer.triples.add((parts[0], owl.propertyChainAxiom, writer.listed(parts[1])))
    elif form in ("domain", "range"):
        writer.triples.add((parts[0], rdfs.domain if form == "domain" else rdfs.range, writer.kind(parts[1])))
    elif form.startswith("AllDisjoint"):
        node = writer.fresh()
        members = writer.listed([writer.kind(part) for part in parts[0]])
        writer.triples |= {(node, rdf.type, o(form)), (node, o("members"), members)}
    elif form == "negative":
        node = x(f"never-{len(writer.triples)}")
        target = o("targetIndividual" if parts[2].startswith("<") else "targetValue")
        writer.triples |= {(node, o("sourceIndividual"), parts[0]), (node, o("assertionProperty"), parts[1])}
        writer.triples.add((node, target, parts[2]))
    else:
        predicate = {"subClassOf": rdfs.subClassOf}.get(form, o(form))
        writer.triples.add((writer.kind(parts[0]), predicate, writer.kind(parts[1])))


@st.composite
def cases(draw: st.DrawFn, *, exclusions: bool = True, most: int = 9) -> Case:
    """Draw a schema of at most so many axioms, with things of the library, and the data of a release."""
    writer = Writer()
    for axiom in draw(st.lists(_axiom, min_size=3, max_size=most)):
        _write(writer, axiom)
    for axiom in draw(st.lists(st.one_of(_exclusion, _top), max_size=3)) if exclusions else ():
        _write(writer, axiom)
    writer.triples |= {(kind, rdf.type, owl.Class) for kind in draw(st.sets(_class))}
    writer.triples |= {(relation, rdf.type, owl.ObjectProperty) for relation in draw(st.sets(_relation))}
    writer.triples |= set(draw(_shared_facts))
    return Case(frozenset(writer.triples), draw(_own_facts))
