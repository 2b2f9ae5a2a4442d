"""P20: a rating follows from its listed premises alone, and from no fewer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made import Made

from tmkb import pipeline, views
from tmkb.derive import derive, fire
from tmkb.explain import Explainer
from tmkb.model.graphs import AssembledGraph, ClosedGraph, RatedGraph, Statement
from tmkb.model.threats import ThreatRow
from tmkb.query import KnowledgeBase
from tmkb.rate import rate
from tmkb.release import close_release
from tmkb.terms import bare, is_iri, rdf, tm

KEY = "insulin-pump@1.0"


def rated_again(closed: ClosedGraph) -> RatedGraph:
    return rate(derive(closed, pipeline.rules("derive")), pipeline.rules("rate"), fire=fire)


def knowledge(whole: KnowledgeBase, rated: RatedGraph) -> KnowledgeBase:
    return replace(whole, releases=(Made(rated),))


def row_of(kb: KnowledgeBase, iri: str, view: str = "implemented") -> ThreatRow | None:
    return next((r for r in views.threats(kb, pipeline.view, stage=view) if r.iri == iri), None)


def numbers(row: ThreatRow | None) -> object:
    """Return all that is worked out about one threat, and the controls that decide."""
    return row and (row.inherent, row.residual, row.not_applicable, [c.iri for c in row.controls if c.decides])


def from_premises(whole: KnowledgeBase, premises: list[Statement]) -> RatedGraph:
    """Close, derive and rate *premises* and the core, and no more than the name of the release, to show rows by."""
    [full] = whole.rated
    one = full.assembled
    named = tuple(s for s in one.local if s.triple[0] == one.release)
    alone = AssembledGraph(one.key, one.device, one.release, one.core, (*premises, *named))
    return rated_again(close_release(alone, pipeline.REASONERS["compiled"]()))


def without(rated: RatedGraph, node: str) -> RatedGraph:
    """Rate again without a record (impact, control, vulnerability), from which the closure concludes nothing else."""
    closed = rated.derived.closed
    kept = tuple(s for s in closed.assembled.local if node not in (s.triple[0], s.triple[2]))
    entailed = frozenset(t for t in closed.entailed if node not in (t[0], t[2]))
    less = ClosedGraph(replace(closed.assembled, local=kept), entailed)
    return rated_again(less)


@pytest.fixture(scope="module")
def chosen(shipped) -> list[ThreatRow]:  # type: ignore[no-untyped-def]
    """One threat in transit that a control lowers, one on stored data, one without intent; the first by id of each."""
    rows = views.threats(shipped(KEY), pipeline.view)
    facts = {s: o for s, p, o in shipped(KEY).rated[0].triples if p == tm.via}

    def via(row: ThreatRow) -> str:
        return bare(facts[f"<{views.library_iri(row.pattern)}>"]).rsplit("#", 1)[-1]

    lowered = next(
        r for r in rows if via(r) == "carriedOver" and r.residual.rating != r.inherent.rating and r.inherent.tier
    )
    stored = next(r for r in rows if via(r) == "storedBehind" and r.inherent.tier)
    failing = next(r for r in rows if r.inherent.tier is None and r.vector is None)
    return [lowered, stored, failing]


@pytest.mark.parametrize("number", [0, 1, 2], ids=["in-transit", "stored", "without-intent"])
def test_a_rating_replays_from_its_listed_premises_alone_and_not_from_fewer(shipped, chosen, number: int) -> None:  # type: ignore[no-untyped-def]
    """P20: premises + core, closed and rated anew, give the same row in each view; without a deciding one they do not."""
    whole, row = shipped(KEY), chosen[number]
    explainer = Explainer(whole, whole.rated[0], pipeline.view)
    premises = explainer.premises(row)
    assert len(premises) < len(whole.rated[0].assembled.local)
    again = from_premises(whole, premises)
    replayed = knowledge(whole, again)
    for view in views.VIEWS:
        assert numbers(row_of(replayed, row.iri, view)) == numbers(row_of(whole, row.iri, view)), view

    def deciding(kind: str, prop: str, values: set[str]) -> list[str]:
        said = {(s.triple[0], s.triple[1], s.triple[2]) for s in premises}
        kinds = {s for s, p, o in said if p == rdf.type and o.endswith(f"#{kind}>")}
        return sorted({s for s, p, o in said if s in kinds and p == prop and o in values})

    facts = {p: o for s, p, o in whole.rated[0].triples if s == f"<{row.iri}>"}
    records = deciding("Impact", tm.onAsset, {facts[tm.asset]})
    records += [f"<{bare(whole.rated[0].assembled.device)}{c.iri}>" for c in row.controls if c.decides]
    assert records, "something decides"
    original = [line.text for line in explainer.why(row)]
    changed = 0
    for node in records:
        assert is_iri(node)
        less = without(again, node)
        partial = knowledge(whole, less)
        now = row_of(partial, row.iri)
        assert now is not None
        said = [line.text for line in Explainer(partial, less, pipeline.view).why(now)]
        rating_moves = numbers(now) != numbers(row)
        changed += rating_moves
        violated = {s.triple[2] for s in premises if s.triple[0] == node and s.triple[1] == tm.ofProperty}
        if not violated or any(bare(v).endswith(p) for v in violated for p in row.violates):
            assert rating_moves or said != original, f"leaving out {node} changes neither rating nor explanation"
    assert changed, "at least one premise decides the rating"


def test_without_a_premise_of_its_derivation_a_threat_is_gone(shipped, chosen) -> None:  # type: ignore[no-untyped-def]
    """P20: the statement that the asset is in transit on the entry is left out: the threat is no longer derived."""
    whole, row = shipped(KEY), chosen[0]
    explainer = Explainer(whole, whole.rated[0], pipeline.view)
    leaves = [leaf for step in explainer.steps(row) for leaf in step.leaves()]
    [carried] = {leaf.triple for leaf in leaves if leaf.triple[1] == tm.carries}
    less = [s for s in explainer.premises(row) if s.triple != carried]
    assert row_of(knowledge(whole, from_premises(whole, less)), row.iri) is None
