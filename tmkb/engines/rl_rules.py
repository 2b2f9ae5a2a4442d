"""The OWL 2 RL/RDF rules, one row each, and the compiler from a closed schema to what the evaluator runs.

The rows follow Tables 4 to 9 of the W3C recommendation "OWL 2 Profiles" (second edition, 2012-12-11). A rule is
compiled (it is run for every release), done once (owlrl has closed the schema under it), a contradiction (a query in
queries/check/ names the statements), noise (it concludes only what ``infer.is_noise`` drops), or refused by name: a
schema that uses it stops the compiler. Nothing is dropped in silence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tmkb.engines.rl_refused import BUILT_IN, AxiomError, refuse
from tmkb.model.graphs import Triple
from tmkb.terms import OWL, bare, is_iri, owl, rdf, rdfs

COMPILED, ONCE, CONTRADICTION, NOISE, REFUSED = "compiled", "done once", "contradiction", "noise", "refused"


class Rule(NamedTuple):
    """One rule: its name in the recommendation, the table it stands in, how it is treated, and by what."""

    name: str
    table: int
    treatment: str
    by: str


def _rules(table: int, treatment: str, by: str, names: str) -> list[Rule]:
    return [Rule(name, table, treatment, by) for name in names.split()]


_SAME = "owl:sameAs between named things is never concluded nor taken in"
RULES: tuple[Rule, ...] = (
    *_rules(4, NOISE, "everything is the same as itself", "eq-ref"),
    *_rules(4, REFUSED, _SAME, "eq-sym eq-trans eq-rep-s eq-rep-p eq-rep-o"),
    *_rules(4, CONTRADICTION, "clash-different-same", "eq-diff1"),
    *_rules(4, CONTRADICTION, "clash-all-different", "eq-diff2 eq-diff3"),
    *_rules(5, NOISE, "it speaks of terms of OWL only", "prp-ap"),
    *_rules(5, COMPILED, "", "prp-dom prp-rng"),
    *_rules(5, CONTRADICTION, "clash-functional-values: two values are a contradiction, never one", "prp-fp"),
    *_rules(5, CONTRADICTION, "clash-inverse-functional: two subjects are a contradiction, never one", "prp-ifp"),
    *_rules(5, CONTRADICTION, "clash-irreflexive", "prp-irp"),
    *_rules(5, COMPILED, "", "prp-symp"),
    *_rules(5, CONTRADICTION, "clash-asymmetric", "prp-asyp"),
    *_rules(5, COMPILED, "", "prp-trp prp-spo1 prp-spo2"),
    *_rules(5, COMPILED, "prp-spo1, over what scm-eqp1 concludes", "prp-eqp1 prp-eqp2"),
    *_rules(5, CONTRADICTION, "clash-disjoint-properties", "prp-pdw"),
    *_rules(5, CONTRADICTION, "clash-all-disjoint-properties", "prp-adp"),
    *_rules(5, COMPILED, "", "prp-inv1 prp-inv2"),
    *_rules(5, REFUSED, "owl:hasKey", "prp-key"),
    *_rules(5, CONTRADICTION, "clash-negative-assertion", "prp-npa1 prp-npa2"),
    *_rules(6, NOISE, "it speaks of terms of OWL only", "cls-thing cls-nothing1"),
    *_rules(6, CONTRADICTION, "clash-nothing", "cls-nothing2"),
    *_rules(6, COMPILED, "", "cls-int1"),
    *_rules(6, COMPILED, "cax-sco, over what scm-int concludes", "cls-int2"),
    *_rules(6, COMPILED, "cax-sco, over what scm-uni concludes", "cls-uni"),
    *_rules(6, CONTRADICTION, "clash-complement", "cls-com"),
    *_rules(6, COMPILED, "", "cls-svf1 cls-svf2 cls-avf cls-hv1 cls-hv2"),
    *_rules(6, CONTRADICTION, "clash-none-allowed", "cls-maxc1 cls-maxqc1 cls-maxqc2"),
    *_rules(6, CONTRADICTION, "clash-one-allowed", "cls-maxc2 cls-maxqc3 cls-maxqc4"),
    *_rules(6, ONCE, "the members stand in the schema", "cls-oo"),
    *_rules(7, COMPILED, "", "cax-sco"),
    *_rules(7, COMPILED, "cax-sco, over what scm-eqc1 concludes", "cax-eqc1 cax-eqc2"),
    *_rules(7, CONTRADICTION, "clash-disjoint-classes", "cax-dw"),
    *_rules(7, CONTRADICTION, "clash-all-disjoint-classes", "cax-adc"),
    *_rules(8, NOISE, "it speaks of datatypes and literals; axioms that ask for them are refused", "dt-type1 dt-type2"),
    *_rules(8, REFUSED, "literals are compared as they are written; " + _SAME, "dt-eq"),
    *_rules(8, CONTRADICTION, "clash-functional-values: two literals of one functional property", "dt-diff"),
    *_rules(8, REFUSED, "an ill-typed literal is refused when its file is read", "dt-not-type"),
    *_rules(9, ONCE, "", "scm-cls scm-sco scm-eqc1 scm-eqc2 scm-op scm-dp scm-spo scm-eqp1 scm-eqp2"),
    *_rules(9, ONCE, "", "scm-dom1 scm-dom2 scm-rng1 scm-rng2 scm-hv scm-svf1 scm-svf2 scm-avf1 scm-avf2"),
    *_rules(9, ONCE, "", "scm-int scm-uni"),
)
#: the rules that the compiler writes out itself; the others marked compiled rest on these
OWN_RULES = tuple(r.name for r in RULES if r.treatment == COMPILED and not r.by)


@dataclass
class ClassRules:
    """What follows when something is found to belong to a class."""

    wider: list[str] = field(default_factory=list)
    values: list[tuple[str, str]] = field(default_factory=list)
    meets: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    some: list[tuple[str, str]] = field(default_factory=list)
    every: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class PropertyRules:
    """What follows when two things are found to stand in a relation."""

    wider: list[str] = field(default_factory=list)
    inverse: list[str] = field(default_factory=list)
    transitive: bool = False
    subject_classes: list[str] = field(default_factory=list)
    object_classes: list[str] = field(default_factory=list)
    some: list[tuple[str, str]] = field(default_factory=list)
    every: list[tuple[str, str]] = field(default_factory=list)
    values: dict[str, list[str]] = field(default_factory=dict)
    chains: list[tuple[tuple[str, ...], int, str]] = field(default_factory=list)


@dataclass
class Program:
    """The compiled schema: rules by the class or relation that sets them off, and the relations they look up."""

    classes: dict[str, ClassRules]
    properties: dict[str, PropertyRules]
    joined: frozenset[str]


class _Schema:
    """The axioms of a closed schema by predicate."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        self.by: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for s, p, o in sorted(t for t in triples if bare(t[1]).startswith(BUILT_IN)):
            self.by[p][s].append(o)

    def pairs(self, predicate: str) -> Iterable[tuple[str, str]]:
        """Yield subject and object of every axiom with *predicate*."""
        return ((s, o) for s, objects in self.by[predicate].items() for o in objects)

    def members(self, head: str) -> tuple[str, ...]:
        """Return the members of a list in its order.

        Raises:
            AxiomError: the list has a gap, two tails or no end.
        """
        found: list[str] = []
        seen: set[str] = set()
        while head != rdf.nil:
            first, rest = (self.by[part].get(head, ()) for part in (rdf.first, rdf.rest))
            if head in seen or len(first) != 1 or len(rest) != 1:
                raise AxiomError(
                    (head, rdf.rest, next(iter(rest), rdf.nil)), "no list: it has a gap, two tails or no end"
                )
            seen.add(head)
            found.append(first[0])
            head = rest[0]
        return tuple(found)

    def restrictions(self, kind: str) -> Iterable[tuple[str, str, str]]:
        """Yield class expression, relation and filler of every restriction of a kind."""
        for expression, filler in self.pairs(kind):
            for relation in self.by[owl.onProperty][expression]:
                yield expression, relation, filler


def compile_schema(closed: Iterable[Triple], *, leave_out: Collection[str] = ()) -> Program:
    """Return the rules that a closed schema gives, each named as in the recommendation; some may be left out.

    Raises:
        AxiomError: the schema uses a construct that is refused; names it.
    """
    triples = list(closed)
    refuse(triples)
    schema = _Schema(triples)
    classes: dict[str, ClassRules] = defaultdict(ClassRules)
    properties: dict[str, PropertyRules] = defaultdict(PropertyRules)
    _class_axioms(schema, classes, leave_out)
    _property_axioms(schema, properties, leave_out)
    _restrictions(schema, classes, properties, leave_out)
    _everything(schema, classes)
    joined = {p for r in properties.values() for links, _, _ in r.chains for p in links}
    joined |= {p for p, r in properties.items() if r.transitive or r.some or r.every}
    return Program(_useful(classes), dict(properties), frozenset(joined))


def _useful(classes: dict[str, ClassRules]) -> dict[str, ClassRules]:
    """Leave out wider classes that are noise and set nothing off; owl:Nothing is a contradiction."""
    for rules in classes.values():
        plain = (c for c in rules.wider if is_iri(c) and bare(c).startswith(BUILT_IN) and c != owl.Nothing)
        dull = {c for c in plain if c not in classes}
        rules.wider = [c for c in rules.wider if c not in dull]
    return dict(classes)


def _class_axioms(schema: _Schema, classes: dict[str, ClassRules], leave_out: Collection[str]) -> None:
    if "cls-int1" not in leave_out:
        for whole, head in schema.pairs(owl.intersectionOf):
            members = schema.members(head)
            for member in dict.fromkeys(members):
                classes[member].meets.append((whole, tuple(m for m in members if m != member)))
    if "cax-sco" not in leave_out:
        for narrow, wide in schema.pairs(rdfs.subClassOf):
            if narrow != wide:
                classes[narrow].wider.append(wide)


def _everything(schema: _Schema, classes: dict[str, ClassRules]) -> None:
    """Let every declared class lie below owl:Thing (scm-cls) when an axiom asks who belongs to it; else it is noise."""
    asked = any(owl.Thing in pair for kind in (owl.disjointWith, f"<{OWL}complementOf>") for pair in schema.pairs(kind))
    if asked or owl.Thing in classes or any(owl.Thing == o for _, o in schema.pairs(rdf.first)):
        for declared in (s for s, kinds in schema.by[rdf.type].items() if owl.Class in kinds and s != owl.Thing):
            classes[declared].wider.append(owl.Thing)
        classes.setdefault(owl.Thing, ClassRules())


def _property_axioms(schema: _Schema, properties: dict[str, PropertyRules], leave_out: Collection[str]) -> None:
    plain = (
        ("prp-dom", rdfs.domain, "subject_classes"),
        ("prp-rng", rdfs.range, "object_classes"),
        ("prp-spo1", rdfs.subPropertyOf, "wider"),
        ("prp-inv1", owl.inverseOf, "inverse"),
    )
    for rule, predicate, part in plain:
        if rule not in leave_out:
            for relation, other in schema.pairs(predicate):
                if predicate != rdfs.subPropertyOf or relation != other:
                    getattr(properties[relation], part).append(other)
    if "prp-inv2" not in leave_out:
        for relation, other in schema.pairs(owl.inverseOf):
            properties[other].inverse.append(relation)
    kinds = schema.by[rdf.type]
    for relation in sorted(kinds):
        if owl.SymmetricProperty in kinds[relation] and "prp-symp" not in leave_out:
            properties[relation].inverse.append(relation)
        if owl.TransitiveProperty in kinds[relation] and "prp-trp" not in leave_out:
            properties[relation].transitive = True
    if "prp-spo2" not in leave_out:
        for whole, head in schema.pairs(owl.propertyChainAxiom):
            links = schema.members(head)
            for place, link in enumerate(links):
                properties[link].chains.append((links, place, whole))


def _restrictions(
    schema: _Schema, classes: dict[str, ClassRules], properties: dict[str, PropertyRules], leave_out: Collection[str]
) -> None:
    for expression, relation, value in schema.restrictions(owl.hasValue):
        if "cls-hv1" not in leave_out:
            classes[expression].values.append((relation, value))
        if "cls-hv2" not in leave_out:
            properties[relation].values.setdefault(value, []).append(expression)
    for expression, relation, filler in schema.restrictions(owl.someValuesFrom):
        if filler == owl.Thing and "cls-svf2" not in leave_out:
            properties[relation].subject_classes.append(expression)
        elif filler != owl.Thing and "cls-svf1" not in leave_out:
            classes[filler].some.append((relation, expression))
            properties[relation].some.append((filler, expression))
    for expression, relation, filler in schema.restrictions(owl.allValuesFrom):
        if "cls-avf" not in leave_out:
            classes[expression].every.append((relation, filler))
            properties[relation].every.append((expression, filler))
