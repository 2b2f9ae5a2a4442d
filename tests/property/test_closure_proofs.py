"""Each conclusion of the compiled rules has a proof, in random schemas and in the shipped releases alike."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import made
import pytest
from closure_schemas import Case, cases, named
from hypothesis import Phase, given, settings

from tmkb import load, pipeline, sources
from tmkb.assemble import assemble
from tmkb.engines.owl_compiled import CompiledReasoner
from tmkb.engines.rl_rules import RULES
from tmkb.infer import closed_schema
from tmkb.model.graphs import AssembledGraph, AssertedGraph, ClosedGraph, Origin, Statement
from tmkb.prove import Prover, Step
from tmkb.release import close_release
from tmkb.terms import is_iri

ROOT = Path(__file__).resolve().parents[2]
BOTH_WAYS = {"prp-inv": "prp-inv1", "cax-eqc": "cax-eqc1"}  # one name for a rule and its mirror image
NAMES = {rule.name for rule in RULES} | set(BOTH_WAYS)


def closed(case: Case) -> ClosedGraph:
    """Return the closure with all that the compiled rules find, noise too."""
    schema = named(case.schema)
    library, device = (Origin(f"kb/{role}.ttl", 1, role) for role in ("library", "device"))
    core, local = (Statement(t, library) for t in schema), (Statement(t, device) for t in case.data)
    graph = AssembledGraph("toy@1", "<x:d>", "<x:r>", tuple(core), tuple(local))
    found = CompiledReasoner(closed_schema).close(schema, case.data)
    return ClosedGraph(graph, frozenset(found - schema - case.data))


def look(step: Step, graph: ClosedGraph, above: frozenset[object] = frozenset()) -> None:
    """Fail unless each step is stated, or follows by a rule of the table from steps that do not rest on it."""
    assert step.triple in graph.triples
    assert step.triple not in above
    assert step.rule in NAMES if step.premises else step.origin is not None
    for premise in step.premises:
        look(premise, graph, above | {step.triple})


@settings(max_examples=60, phases=(Phase.explicit, Phase.generate))
@given(cases(exclusions=False, most=6))
def test_each_conclusion_of_a_random_schema_has_a_proof(case: Case) -> None:
    """Every rule that is compiled or done once can be a step; no proof rests on itself."""
    graph = closed(case)
    prover = Prover(graph)
    for triple in sorted(graph.entailed):
        step = prover.prove(triple)
        assert step is not None, triple
        look(step, graph)


@cache
def shipped() -> AssertedGraph:
    return load.load(sources.find_sources(ROOT / "kb"))


SHIPPED = made.sample()


@pytest.mark.parametrize("key", SHIPPED)
def test_each_conclusion_of_a_shipped_release_has_a_proof(key: str) -> None:
    """All that is entailed, schema and data, can be proved from what is written."""
    assembled = assemble(shipped(), key, pipeline.rules("assemble"))
    graph = close_release(assembled, CompiledReasoner(closed_schema))
    prover = Prover(graph)
    assert len(graph.entailed) > 1000
    assert not [triple for triple in sorted(graph.entailed) if prover.prove(triple) is None]


def test_something_follows_in_most_random_schemas() -> None:
    """The property above is not shown on schemas without conclusions."""
    seen = []

    @settings(max_examples=40)
    @given(cases(exclusions=False, most=6))
    def draw(case: Case) -> None:
        graph = closed(case)
        seen.append({s.rule for t in graph.entailed if is_iri(t[0]) and (s := Prover(graph).prove(t))})

    draw()
    assert sum(bool(rules) for rules in seen) > 30
    assert len(set().union(*seen)) > 20, sorted(set().union(*seen))
