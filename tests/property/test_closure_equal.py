"""The compiled closure equals owlrl's: on random schemas and data, on each shipped release, and on all devices at once.

TMKB_CLOSURES says how many random examples are drawn; TMKB_CLOSURE_SEED draws other ones.
"""

from __future__ import annotations

import os
from pathlib import Path

import made
import pytest
from closure_schemas import Case, blanked, cases, named
from hypothesis import Phase, given, seed, settings

from tmkb import load, pipeline, sources
from tmkb.assemble import assemble
from tmkb.engines.owl import OwlrlReasoner
from tmkb.engines.owl_compiled import CompiledReasoner
from tmkb.engines.rl_close import Base, close
from tmkb.engines.rl_rules import OWN_RULES, compile_schema
from tmkb.engines.sparql import Store
from tmkb.infer import closed_schema, is_noise, schema_of
from tmkb.model.graphs import Triple
from tmkb.terms import SKOLEM

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = int(os.environ.get("TMKB_CLOSURES", "60"))
SEED = int(os.environ.get("TMKB_CLOSURE_SEED", "0"))
# random graphs are small, and owlrl is too slow for making failing ones smaller
RANDOM = settings(settings(derandomize=not SEED), phases=(Phase.explicit, Phase.generate))
Triples = frozenset[Triple] | set[Triple]


def full(schema: Triples, data: Triples) -> frozenset[Triple]:
    """Return what owlrl has at the end."""
    return frozenset(OwlrlReasoner().close(schema, data))


def fast(schema: Triples, data: Triples) -> frozenset[Triple]:
    """Return what the compiled rules have at the end."""
    return frozenset(schema | data | CompiledReasoner(closed_schema).close(schema, data))


def told(found: Triples) -> frozenset[Triple]:
    """Return what is said about named things and classes."""
    blank = ("_:", f"<{SKOLEM}")
    return frozenset(t for t in found if not is_noise(t) and not any(term.startswith(blank) for term in t))


def clashes(found: Triples) -> dict[str, set[tuple[str | None, ...]]]:
    """Return what each check of queries/check/ finds."""
    store = Store()
    store.add(t for t in found if t[0].startswith("<"))
    return {spec.id: rows for spec in pipeline.rules("check") if (rows := set(store.select(spec.text)[1]))}


def differs(ours: Triples, theirs: Triples) -> str:
    """Return the difference in words; empty when there is none."""
    lines = [f"missing: {' '.join(t)}" for t in sorted(theirs - ours)]
    return "\n".join([*lines, *(f"too many: {' '.join(t)}" for t in sorted(ours - theirs))])


def compare(case: Case, *, blank: bool) -> None:
    """Fail unless both closures say the same, and both have the same contradictions."""
    schema = named(case.schema)
    ours, theirs = fast(schema, case.data), full(blanked(schema) if blank else schema, case.data)
    if blank:
        assert not differs(told(ours), told(theirs))
        return
    found, expected = clashes(ours), clashes(theirs)
    if "clash-nothing" in expected:  # owlrl lets what belongs to the empty class belong to every class as well
        assert "clash-nothing" in found
        return
    assert not differs(*({t for t in found if not is_noise(t)} for found in (ours, theirs)))
    assert found == expected


@seed(SEED)
@settings(RANDOM, max_examples=EXAMPLES)
@given(cases())
def test_compiled_closure_equals_owlrl_on_random_graphs(case: Case) -> None:
    """Every construct of OWL 2 RL that merges nothing, with contradictions: equal conclusions and equal contradictions."""
    compare(case, blank=False)


@seed(SEED)
@settings(RANDOM, max_examples=EXAMPLES // 3)
@given(cases(exclusions=False))
def test_names_for_class_expressions_change_no_conclusion(case: Case) -> None:
    """owlrl over blank nodes says the same of named things as the compiled rules over the names that loading gives."""
    compare(case, blank=True)


@pytest.fixture(scope="module")
def parts() -> tuple[frozenset[Triple], dict[str, frozenset[Triple]]]:
    """The shipped schema, and what each shipped release says that has consequences."""
    asserted = load.load(sources.find_sources(ROOT / "kb"))
    schema, silent = schema_of(asserted.core)
    core = frozenset(s.triple for s in asserted.core if s.triple[1] not in silent)
    found = {}
    for key in sorted(asserted.releases):
        assembled = assemble(asserted, key, pipeline.rules("assemble"))
        found[key] = frozenset(t for t in assembled.local_triples if t[1] not in silent) | core - schema
    return schema, found


SHIPPED = made.sample()


@pytest.mark.parametrize("key", SHIPPED)
def test_compiled_closure_equals_owlrl_on_each_release(parts, key: str) -> None:  # type: ignore[no-untyped-def]
    """No difference as sets, noise left out; and there is something to conclude."""
    schema, releases = parts
    same_on_shipped(schema, releases[key])


def test_compiled_closure_equals_owlrl_on_all_devices_at_once(parts) -> None:  # type: ignore[no-untyped-def]
    """One graph of releases of all families, the newest of each device."""
    schema, releases = parts
    newest = {key.partition("@")[0]: key for key in sorted(SHIPPED, key=sources.version_key)}
    assert len(newest) >= 2
    same_on_shipped(schema, frozenset().union(*(releases[key] for key in newest.values())))


def same_on_shipped(schema: frozenset[Triple], data: frozenset[Triple]) -> None:
    ours, theirs = ({t for t in r(schema, data) if not is_noise(t)} for r in (fast, full))
    assert not differs(ours, theirs)
    assert len(ours - schema - data) > 500


def test_random_graphs_need_each_compiled_rule() -> None:
    """Equality means something: without any one of the rules, some random graph loses a conclusion about its things."""
    missed = set(OWN_RULES)

    @settings(RANDOM, max_examples=80)
    @given(cases())
    def draw(case: Case) -> None:
        base = closed_schema(named(case.schema))
        whole = close(Base(compile_schema(base), base), case.data)
        for rule in sorted(missed):
            if close(Base(compile_schema(base, leave_out={rule}), base), case.data) < whole:
                missed.discard(rule)

    draw()
    assert not missed
