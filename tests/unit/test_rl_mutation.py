"""Each compiled rule carries weight: without it, its specimen loses a conclusion; with it, the closure equals owlrl's."""

from __future__ import annotations

import importlib.util
from itertools import permutations
from pathlib import Path

import pytest

from tmkb.engines.owl import OwlrlReasoner
from tmkb.engines.rl_close import Base, close
from tmkb.engines.rl_rules import COMPILED, OWN_RULES, RULES, compile_schema
from tmkb.infer import closed_schema, is_noise
from tmkb.model.graphs import Triple

_spec = importlib.util.spec_from_file_location("rl_table", Path(__file__).with_name("test_rl_rules.py"))
assert _spec is not None and _spec.loader is not None
_table = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_table)

# rule: schema, data, conclusion; class expressions have names, so that each conclusion can be named
SPECIMENS = {
    "prp-dom": (":p rdfs:domain :C .", ":a :p :b .", ":a a :C ."),
    "prp-rng": (":p rdfs:range :C .", ":a :p :b .", ":b a :C ."),
    "prp-symp": (":p a owl:SymmetricProperty .", ":a :p :b .", ":b :p :a ."),
    "prp-trp": (":p a owl:TransitiveProperty .", ":a :p :b . :b :p :c . :c :p :d .", ":a :p :d ."),
    "prp-spo1": (":p rdfs:subPropertyOf :q .", ":a :p :b .", ":a :q :b ."),
    "prp-spo2": (":q owl:propertyChainAxiom ( :p :r :p ) .", ":a :p :b . :b :r :c . :c :p :d .", ":a :q :d ."),
    "prp-inv1": (":p owl:inverseOf :q .", ":a :p :b .", ":b :q :a ."),
    "prp-inv2": (":p owl:inverseOf :q .", ":a :q :b .", ":b :p :a ."),
    "cls-int1": (":C owl:intersectionOf ( :D :E :F ) .", ":a a :D , :E , :F .", ":a a :C ."),
    "cls-svf1": (":C owl:onProperty :p ; owl:someValuesFrom :D .", ":a :p :b . :b a :D .", ":a a :C ."),
    "cls-svf2": (":C owl:onProperty :p ; owl:someValuesFrom owl:Thing .", ":a :p :b .", ":a a :C ."),
    "cls-avf": (":C owl:onProperty :p ; owl:allValuesFrom :D .", ":a a :C . :a :p :b .", ":b a :D ."),
    "cls-hv1": (":C owl:onProperty :p ; owl:hasValue :v .", ":a a :C .", ":a :p :v ."),
    "cls-hv2": (":C owl:onProperty :p ; owl:hasValue :v .", ":a :p :v .", ":a a :C ."),
    "cax-sco": (":C rdfs:subClassOf :D .", ":a a :C .", ":a a :D ."),
    "prp-eqp1": (":p owl:equivalentProperty :q .", ":a :p :b .", ":a :q :b ."),
    "prp-eqp2": (":p owl:equivalentProperty :q .", ":a :q :b .", ":a :p :b ."),
    "cls-int2": (":C owl:intersectionOf ( :D :E ) .", ":a a :C .", ":a a :D , :E ."),
    "cls-uni": (":C owl:unionOf ( :D :E ) .", ":a a :E .", ":a a :C ."),
    "cax-eqc1": (":C owl:equivalentClass :D .", ":a a :C .", ":a a :D ."),
    "cax-eqc2": (":C owl:equivalentClass :D .", ":a a :D .", ":a a :C ."),
}


def closed(schema: frozenset[Triple], data: list[Triple], *leave_out: str) -> set[Triple]:
    """Return what the compiled rules have at the end, some rules left out."""
    base = closed_schema(schema)
    return {*base, *close(Base(compile_schema(base, leave_out=leave_out), base), data)}


def test_there_is_a_specimen_for_each_compiled_rule() -> None:
    """A rule that becomes compiled needs its specimen here."""
    assert set(SPECIMENS) == {rule.name for rule in RULES if rule.treatment == COMPILED} >= set(OWN_RULES)


@pytest.mark.parametrize("name", SPECIMENS)
def test_without_the_rule_its_specimen_loses_a_conclusion(name: str) -> None:
    """With all rules: what owlrl concludes, whatever the order of the statements. Without this one: less."""
    by = next(rule.by for rule in RULES if rule.name == name)
    blank, data, conclusion = (_table.triples(text) for text in SPECIMENS[name])
    schema = _table.named(blank)
    expected = {t for t in OwlrlReasoner().close(schema, data) if not is_noise(t)}
    assert conclusion <= expected
    assert not conclusion & (schema | data)
    for order in permutations(data):
        assert {t for t in closed(schema, list(order)) if not is_noise(t)} == expected
    assert not conclusion & closed(schema, list(data), by.split(",")[0] or name)


@pytest.mark.parametrize("name", OWN_RULES)
def test_without_another_rule_the_specimen_loses_nothing(name: str) -> None:
    """A specimen is about its own rule: leaving out all others changes none of its conclusion."""
    blank, data, conclusion = (_table.triples(text) for text in SPECIMENS[name])
    others = [rule for rule in OWN_RULES if rule != name]
    assert conclusion <= closed(_table.named(blank), list(data), *others)


# what the release says joins with what the library says of its own things: one premise in the base, one in the data
SHARED = {
    "prp-trp": (":b :p :c . :p a owl:TransitiveProperty .", ":a :p :b .", ":a :p :c ."),
    "prp-spo2": (":b :r :c . :q owl:propertyChainAxiom ( :p :r ) .", ":a :p :b .", ":a :q :c ."),
    "prp-spo2 the other way": (":a :p :b . :q owl:propertyChainAxiom ( :p :r ) .", ":b :r :c .", ":a :q :c ."),
    "cls-svf1": (":b a :D . :C owl:onProperty :p ; owl:someValuesFrom :D .", ":a :p :b .", ":a a :C ."),
    "cls-svf1 the other way": (":a :p :b . :C owl:onProperty :p ; owl:someValuesFrom :D .", ":b a :D .", ":a a :C ."),
    "cls-avf": (":a a :C . :C owl:onProperty :p ; owl:allValuesFrom :D .", ":a :p :b .", ":b a :D ."),
    "cls-avf the other way": (":a :p :b . :C owl:onProperty :p ; owl:allValuesFrom :D .", ":a a :C .", ":b a :D ."),
    "cls-int1": (":a a :D . :C owl:intersectionOf ( :D :E ) .", ":a a :E .", ":a a :C ."),
    "a value": (
        ':s :p "v" . :p rdfs:range :D . :C owl:onProperty :q ; owl:someValuesFrom :D .', ':a :q "v" .', ":a a :C .",
    ),
    "everything": (
        ":D a owl:Class . :C owl:intersectionOf ( owl:Thing :E ) .", ":a a :D , :E .", ":a a :C .",
    ),
    "a thing of the library": (
        ":b a :D . :D a owl:Class . :C owl:intersectionOf ( owl:Thing :E ) .", ":a :p :b . :b a :E .", ":b a :C .",
    ),
    "its own inverse": (":p owl:inverseOf :p .", ":a :p :b .", ":b :p :a ."),
    "a class of itself": (":C owl:onProperty :p ; owl:someValuesFrom :C .", ":a :p :b . :b a :C .", ":a a :C ."),
}  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_premises_of_the_library_join_with_those_of_the_release(name: str) -> None:
    """Equal to owlrl over both together."""
    blank, data, conclusion = (_table.triples(text) for text in SHARED[name])
    schema = _table.named(blank)
    from tmkb.engines.owl_compiled import CompiledReasoner

    given = frozenset(schema) | frozenset(data)
    found = {t for t in CompiledReasoner(closed_schema).close(schema, data) | given if not is_noise(t)}
    assert conclusion <= found
    assert found == {t for t in OwlrlReasoner().close(schema, data) if not is_noise(t)}
