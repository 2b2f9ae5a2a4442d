"""The table of OWL 2 RL rules is whole, and what the compiled rules do not follow is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tmkb import infer
from tmkb.engines import turtle
from tmkb.engines.owl import OwlrlReasoner
from tmkb.engines.owl_compiled import CompiledReasoner
from tmkb.engines.rl_refused import AxiomError
from tmkb.engines.rl_rules import COMPILED, CONTRADICTION, NOISE, ONCE, OWN_RULES, REFUSED, RULES
from tmkb.infer import closed_schema, is_noise
from tmkb.model.graphs import Triple
from tmkb.terms import rdfs

ROOT = Path(__file__).resolve().parents[2]
PREFIXES = """
@prefix : <https://tmkb.example/test/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
TABLES = {  # W3C, OWL 2 Profiles (second edition), section 4.3
    4: "eq-ref eq-sym eq-trans eq-rep-s eq-rep-p eq-rep-o eq-diff1 eq-diff2 eq-diff3",
    5: """prp-ap prp-dom prp-rng prp-fp prp-ifp prp-irp prp-symp prp-asyp prp-trp prp-spo1 prp-spo2 prp-eqp1 prp-eqp2
          prp-pdw prp-adp prp-inv1 prp-inv2 prp-key prp-npa1 prp-npa2""",
    6: """cls-thing cls-nothing1 cls-nothing2 cls-int1 cls-int2 cls-uni cls-com cls-svf1 cls-svf2 cls-avf cls-hv1
          cls-hv2 cls-maxc1 cls-maxc2 cls-maxqc1 cls-maxqc2 cls-maxqc3 cls-maxqc4 cls-oo""",
    7: "cax-sco cax-eqc1 cax-eqc2 cax-dw cax-adc",
    8: "dt-type1 dt-type2 dt-eq dt-diff dt-not-type",
    9: """scm-cls scm-sco scm-eqc1 scm-eqc2 scm-op scm-dp scm-spo scm-eqp1 scm-eqp2 scm-dom1 scm-dom2 scm-rng1 scm-rng2
          scm-hv scm-svf1 scm-svf2 scm-avf1 scm-avf2 scm-int scm-uni""",
}


def triples(text: str) -> frozenset[Triple]:
    return frozenset(t for t, _ in turtle.parse((PREFIXES + text).encode(), name="test.ttl"))


def test_every_rule_of_the_recommendation_has_one_row() -> None:
    """78 rules in six tables: none is missing, none is there twice, each stands in its table."""
    listed = sorted((table, name) for table, names in TABLES.items() for name in names.split())
    assert len(listed) == 78
    assert sorted((rule.table, rule.name) for rule in RULES) == listed
    assert {rule.treatment for rule in RULES} == {COMPILED, CONTRADICTION, NOISE, ONCE, REFUSED}


@pytest.mark.parametrize("rule", [r for r in RULES if r.treatment == CONTRADICTION], ids=lambda r: r.name)
def test_every_contradiction_has_its_query(rule) -> None:  # type: ignore[no-untyped-def]
    """The query that finds it is named in the row and is there."""
    assert (ROOT / "queries" / "check" / (rule.by.partition(":")[0] + ".rq")).is_file()


def test_every_check_stands_in_the_table() -> None:
    """No query of queries/check/ looks for something that is no rule."""
    named = {rule.by.partition(":")[0] for rule in RULES if rule.treatment == CONTRADICTION}
    assert named == {path.stem for path in (ROOT / "queries" / "check").glob("*.rq")}


def test_a_compiled_rule_is_written_out_or_rests_on_one_that_is() -> None:
    """The rule on which it rests is one of the compiler's own, over conclusions that are done once."""
    for rule in RULES:
        if rule.treatment == COMPILED and rule.by:
            own, once = rule.by.split(", over what ")
            assert own in OWN_RULES
            assert next(r for r in RULES if r.name == once.split(" ")[0]).treatment == ONCE


NOISY = {
    "eq-ref": ":a :p :b .",
    "prp-ap": "",
    "cls-thing": "",
    "cls-nothing1": "",
    "dt-type1": "",
    "dt-type2": ':a :p "1"^^xsd:integer .',
}


@pytest.mark.parametrize("rule", [r.name for r in RULES if r.treatment == NOISE])
def test_noise_rules_conclude_only_noise(rule: str) -> None:
    """Where no other rule can fire, all that owlrl adds is noise; and it does add something."""
    given = triples(NOISY[rule])
    added = OwlrlReasoner().close(given, ()) - given
    assert added
    assert all(is_noise(t) for t in added)


REFUSALS = {
    "the same": ":a owl:sameAs :b .",
    "a wider sameness": ":p rdfs:subPropertyOf owl:sameAs .",
    "a key": ":C owl:hasKey ( :p ) .",
    "a type of values": ":C rdfs:subClassOf [ owl:onProperty :p ; owl:someValuesFrom xsd:integer ] .",
    "a union of types of values": ":D owl:unionOf ( xsd:integer xsd:string ) .",
    "a list of values": ':D owl:oneOf ( "a" "b" ) .',
    "a list without end": ":C owl:intersectionOf :l . :l rdf:first :D ; rdf:rest :l .",
    "a list with two tails": ":p owl:propertyChainAxiom :l . :l rdf:first :q ; rdf:rest ( :q ) , ( :r ) .",
    "a list with a gap": ":p owl:propertyChainAxiom :l . :l rdf:rest ( :q ) .",
    "types as a narrower relation": "rdf:type rdfs:subPropertyOf :p .",
    "types in a chain": ":p owl:propertyChainAxiom ( rdf:type :q ) .",
    "types in a class": ":C rdfs:subClassOf [ owl:onProperty rdf:type ; owl:hasValue :D ] .",
    "axioms out of data": ":p rdfs:subPropertyOf rdfs:subClassOf .",
    "axioms out of data, turned round": ":p owl:inverseOf rdfs:subClassOf .",
    "a class of relations": ":C rdfs:subClassOf owl:TransitiveProperty .",
    "a range of a built-in term": "rdfs:subClassOf rdfs:range :C .",
    "a built-in term as transitive": "rdfs:seeAlso a owl:TransitiveProperty .",
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_not_compiled_is_refused_by_name(case: str) -> None:
    """E-REASONER with the axiom in it; nothing is read and then left out."""
    schema = named(triples(REFUSALS[case]))
    with pytest.raises(AxiomError) as error:
        CompiledReasoner(lambda schema: frozenset(schema)).close(schema, ())
    assert error.value.code == "E-REASONER"
    assert error.value.exit_code == 2
    assert error.value.triple in schema or "list" in error.value.message
    assert "is not compiled" in error.value.message


def named(found: frozenset[Triple]) -> frozenset[Triple]:
    return frozenset(tuple(f"<https://tmkb.example/node/{t[2:]}>" if t[:2] == "_:" else t for t in s) for s in found)  # type: ignore[misc]


DATA = {
    "a class": ":a a owl:Class .",
    "a hierarchy": ":C rdfs:subClassOf :D .",
    "sameness": ":a owl:sameAs :b .",
    "difference": ":a owl:differentFrom :b .",
    "a domain": ":p rdfs:domain :C .",
}


@pytest.mark.parametrize("case", DATA)
def test_axioms_in_the_data_of_a_release_are_refused(case: str) -> None:
    """The compiled rules are those of the schema: what a release adds would be read and have no effect."""
    reasoner = CompiledReasoner(closed_schema)
    with pytest.raises(AxiomError, match="data of a release") as error:
        reasoner.close(triples(":p rdfs:range :C ."), triples(DATA[case]))
    assert error.value.triple in triples(DATA[case])
    assert reasoner.close(triples(":p rdfs:range :C ."), triples(":a a owl:NamedIndividual , owl:Thing ; :p :b ."))


def test_a_schema_may_say_that_something_is_below_label_or_type() -> None:
    """Relations narrower than rdfs:label or rdf:type only conclude labels and types."""
    schema = triples(":p rdfs:subPropertyOf rdf:type . :q rdfs:subPropertyOf rdfs:label . :C rdfs:subClassOf :D .")
    found = CompiledReasoner(closed_schema).close(schema, triples(":a :p :C ; :q :b ."))
    assert triples(":a a :C , :D ; rdfs:label :b .") <= found


@pytest.mark.parametrize("harm", [lambda text: text[text.index("\n") + 1 :], lambda text: text[:-40], lambda text: ""])
def test_a_damaged_closed_schema_is_never_used(monkeypatch: pytest.MonkeyPatch, harm: Callable[[str], str]) -> None:
    """A line less in the file as shipped must not be a threat less: the schema is closed again."""
    schema = frozenset({("<x:A>", rdfs.subClassOf, "<x:B>"), ("<x:B>", rdfs.subClassOf, "<x:C>")})
    text = infer.conclusions(schema)
    whole = f"{infer.closed_head(infer.schema_digest(schema), text)}\n"
    monkeypatch.setenv("TMKB_CACHE", "")
    monkeypatch.setattr(infer.resources, "closed_schema", lambda: whole + harm(text))
    assert ("<x:A>", rdfs.subClassOf, "<x:C>") in infer.closed_schema(schema)
