"""Every derived threat has a proof that rests on what people wrote, to file and line, and on nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from tmkb import pipeline, views
from tmkb.derive import fire
from tmkb.engines.owl_compiled import CompiledReasoner
from tmkb.explain import Explainer, Line
from tmkb.infer import closed_schema, silent_properties
from tmkb.model.graphs import Origin, RatedGraph, Statement, Triple
from tmkb.model.threats import ThreatRow
from tmkb.prove import Prover, Step, premises
from tmkb.terms import OWL, RDF, RDFS, SKOLEM, TM, bare, is_literal, lexical, rdf, rdfs, tm

ROOT = Path(__file__).resolve().parents[2]
RELEASES = ("insulin-pump@1.0", "lvp@2.0")
WINDOW = 4
CARRIED, STORED, HANDLES = (f"<{TM}{name}>" for name in ("carriedOver", "storedBehind", "handles"))


@dataclass(frozen=True)
class Case:
    """One release with its threats and their proofs."""

    graph: RatedGraph
    explainer: Explainer
    rows: tuple[ThreatRow, ...]
    proofs: dict[str, tuple[Triple, Triple, Triple]]

    def halves(self, row: ThreatRow) -> list[Step]:
        """Return the proofs of the three halves."""
        found = [prover(self.graph).prove(goal) for goal in self.proofs[row.iri]]
        assert None not in found
        return [step for step in found if step is not None]


_PROVERS: dict[str, Prover] = {}


def prover(graph: RatedGraph) -> Prover:
    if graph.assembled.key not in _PROVERS:
        _PROVERS[graph.assembled.key] = Prover(graph.derived.closed)
    return _PROVERS[graph.assembled.key]


@pytest.fixture(scope="module")
def case(shipped: Callable[[str], object]) -> Callable[[str], Case]:
    """Return a function that gives a shipped release with the three goals of each threat."""

    @cache
    def one(key: str) -> Case:
        kb = shipped(key)
        graph = kb.rated[0]  # type: ignore[attr-defined]
        said: dict[tuple[str, str], str] = {}
        for s, p, o in graph.triples:
            if p in (tm.asset, tm.entry, tm.pattern, tm.via):
                said[s, p] = o
        goals = {}
        for threat in (s for s, p, o in graph.derived.firings if p == rdf.type and o == tm.Threat):
            asset, entry, pattern = (said[threat, p] for p in (tm.asset, tm.entry, tm.pattern))
            relation = said[pattern, tm.via]
            goals[bare(threat)] = (
                (entry, tm.admits, pattern), (asset, relation, entry), (asset, tm.susceptibleTo, pattern),
            )  # fmt: skip
        rows = tuple(views.threats(kb, pipeline.view))  # type: ignore[arg-type]
        return Case(graph, Explainer(kb, graph, pipeline.view), rows, goals)  # type: ignore[arg-type]

    return one


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest, case: Callable[[str], Case]) -> Case:
    return case(request.param)


@pytest.fixture
def pump(case: Callable[[str], Case]) -> Case:
    return case("insulin-pump@1.0")


# -- what a proof is ----------------------------------------------------------------------------------------------


def test_each_threat_has_a_proof_of_all_three_halves(release: Case) -> None:
    """Entry admits, asset stands in the relation, asset is susceptible: the Prover proves each."""
    assert len(release.rows) == len(release.proofs) > 50
    for row in release.rows:
        for goal in release.proofs[row.iri]:
            step = prover(release.graph).prove(goal)
            assert step is not None and step.triple == goal, (row.id, goal)


def test_why_shows_the_same_three_halves(release: Case) -> None:
    """Explainer.steps gives one proof for each half, in their order."""
    for row in release.rows:
        assert tuple(step.triple for step in release.explainer.steps(row)) == release.proofs[row.iri], row.id


def test_only_leaves_are_stated_and_every_other_step_has_premises(release: Case) -> None:
    """No step stands without reason: it is written somewhere, worked out while assembling, or follows by a rule."""

    def look(step: Step) -> None:
        if step.rule in ("stated", "assembled"):
            assert step.origin is not None and not step.premises
            assert step.triple in release.graph.assembled.origins
        else:
            assert step.origin is None and step.premises, step
            assert step.triple in release.graph.derived.closed.triples
        for premise in step.premises:
            look(premise)

    for row in release.rows:
        for step in release.halves(row):
            look(step)


def test_no_step_rests_on_itself(release: Case) -> None:
    """A proof is a tree without circles."""

    def look(step: Step, above: frozenset[Triple]) -> None:
        assert step.triple not in above, step.triple
        for premise in step.premises:
            look(premise, above | {step.triple})

    for row in release.rows:
        for step in release.halves(row):
            look(step, frozenset())


@cache
def _lines(file: str) -> list[str]:
    return (ROOT / file).read_text(encoding="utf-8").splitlines()


def _local(term: str) -> str:
    if is_literal(term):
        return lexical(term)
    return re.split(r"[#/]", bare(term).rstrip("/"))[-1]


def _written(origin: Origin, *terms: str) -> bool:
    lines = _lines(origin.file)
    assert 1 <= origin.line <= len(lines), origin
    near = "\n".join(lines[max(0, origin.line - WINDOW) : origin.line])
    return any(_local(term) in near for term in terms)


def test_every_leaf_is_stated_in_a_file_at_a_line_that_says_it(release: Case) -> None:
    """File and line exist, and that line or one just before holds the name of the predicate or of the object."""
    seen = 0
    for row in release.rows:
        for step in release.halves(row):
            for leaf in step.leaves():
                _, p, o = leaf.triple
                # what a slot stands for is written by its local name in the module: the predicate is still there
                assert leaf.origin.role in ("device", "module", "library", "ontology"), leaf
                assert _written(leaf.origin, p, o), leaf
                seen += 1
    assert seen > 1000


def test_a_component_that_is_its_own_entry_rests_on_what_is_written(pump: Case) -> None:
    """The leaf of the second half of such a threat has a file and a line too."""
    own = [row for row in pump.rows if row.vector is None]
    assert own
    for row in own:
        for step in pump.halves(row):
            assert all(leaf.origin.line for leaf in step.leaves()), row.id


def test_module_statements_name_the_module_file_and_the_line_of_the_integration(release: Case) -> None:
    """A leaf from a module shows where the module says it and where the device integrates the module."""
    leaves = {
        leaf
        for row in release.rows
        for step in release.halves(row)
        for leaf in step.leaves()
        if leaf.origin.role == "module"
    }
    assert leaves
    device = release.graph.assembled.key.replace("@", "/")
    for leaf in leaves:
        through = leaf.origin.through
        assert leaf.origin.file == "kb/modules/ble-radio/module.ttl" and through is not None
        assert through.file.startswith(f"kb/devices/{device}/") and through.role == "device"
        assert "tm:module <https://tmkb.example/module/ble-radio/>" in _lines(through.file)[through.line - 1]
        assert str(leaf.origin) == (
            f"{leaf.origin.file}:{leaf.origin.line} (integrated at {through.file}:{through.line})"
        )


def test_only_module_statements_have_an_integration(release: Case) -> None:
    """What a device says itself does not pretend to come from a module."""
    for statement in release.graph.assembled.local:
        if statement.origin.role == "computed":
            continue
        assert (statement.origin.through is not None) == (statement.origin.role == "module")


def test_premises_are_the_leaves_each_once(pump: Case) -> None:
    """The helper that error messages use gives the same statements as the tree; what does not follow has none."""
    goal = pump.proofs[pump.rows[0].iri][0]
    step = prover(pump.graph).prove(goal)
    assert step is not None
    assert premises(pump.graph.derived.closed, goal) == list(dict.fromkeys(step.leaves()))
    assert premises(pump.graph.derived.closed, (goal[2], tm.admits, goal[0])) == []


def test_what_does_not_follow_is_not_proved(pump: Case) -> None:
    """An entry, relation or kind that is not concluded has no proof: no proof is made up."""
    found = prover(pump.graph)
    known = pump.graph.derived.closed.triples
    goals = list(pump.proofs.values())
    tried = 0
    for (entry, admits, _), (asset, relation, _), _ in goals[::7]:
        for (other, _, pattern), (_, other_relation, _), _ in goals[::11]:
            for false in (
                (entry, admits, pattern),
                (asset, other_relation, other),
                (asset, relation, other),
                (asset, tm.susceptibleTo, pattern),
            ):
                if false not in known:
                    assert found.prove(false) is None
                    tried += 1
    assert tried > 100


# -- the proof is enough, and it is needed ------------------------------------------------------------------------


_REASONER = CompiledReasoner(closed_schema)


def _derived(core: Iterable[Triple], local: Iterable[Triple]) -> set[tuple[str, str, str]]:
    """Assemble the crossings, close by OWL 2 RL and derive: return asset, entry and pattern of each threat."""
    stated = frozenset(core) | frozenset(local)
    stated |= frozenset(fire(stated, pipeline.rules("assemble")))
    silent = silent_properties(stated)
    loud = {t for t in stated if t[1] not in silent}
    schema = frozenset(t for t in loud if _axiom(t))
    closed = frozenset(_REASONER.close(schema, loud - schema)) | stated
    closed = frozenset(t for t in closed if t[0].startswith("<") and t[2].startswith(("<", '"')))
    made = fire(closed, pipeline.rules("derive"))
    said: dict[str, dict[str, str]] = {}
    for s, p, o in made:
        said.setdefault(s, {})[p] = o
    return {(f[tm.asset], f[tm.entry], f[tm.pattern]) for f in said.values() if tm.pattern in f}


def _axiom(triple: Triple) -> bool:
    _, p, o = triple
    built_in = (OWL, RDF, RDFS)
    return bare(p).startswith(built_in) and (p != rdf.type or bare(o).startswith(built_in))


def _key(case: Case, row: ThreatRow) -> tuple[str, str, str]:
    (entry, _, pattern), (asset, _, _), _ = case.proofs[row.iri]
    return asset, entry, pattern


def _keys(case: Case, row: ThreatRow) -> set[Triple]:
    """Return what assembly says of the nodes in the proof: device and local id; and the relation of the pattern."""
    assembled = case.graph.assembled
    nodes = {term for step in case.halves(row) for leaf in step.leaves() for term in leaf.triple}
    own = {t for t in assembled.local_triples if t[0] in nodes and t[1] in (tm.ofDevice, tm.keyId)}
    return own | {t for t in assembled.core_triples if t[0] == _key(case, row)[2] and t[1] == tm.via}


def _whole(case: Case, leaves: Iterable[Triple]) -> set[Triple]:
    """Return *leaves* with their class expressions whole: a leaf names a restriction or list by its node only."""
    about: dict[str, list[Triple]] = {}
    for triple in case.graph.assembled.core_triples:
        if bare(triple[0]).startswith(SKOLEM):
            about.setdefault(triple[0], []).append(triple)
    found = set(leaves)
    todo = [node for s, _, o in found for node in (s, o)]
    seen: set[str] = set()
    while todo:
        node = todo.pop()
        if node in about and node not in seen:
            seen.add(node)
            found |= set(about[node])
            todo += [o for _, _, o in about[node]]
    return found


def _samples(case: Case) -> list[ThreatRow]:
    """Return one threat for each relation, and one at the vector of the module."""
    found: dict[str, ThreatRow] = {}
    for row in case.rows:
        relation = case.proofs[row.iri][1][1]
        if row.entry.startswith("ble.") and relation == HANDLES:
            found["module"] = row
        else:
            found.setdefault(relation, row)
    return list(found.values())


def test_the_leaves_of_a_proof_alone_give_the_threat_again(pump: Case) -> None:
    """The leaves, with device and local ids, closed and derived from scratch, give exactly this threat."""
    rows = _samples(pump)
    assert len(rows) == 5
    for row in rows:
        leaves = {leaf.triple for step in pump.halves(row) for leaf in step.leaves()}
        assert _derived(_whole(pump, leaves), _keys(pump, row)) == {_key(pump, row)}, row.id


@pytest.mark.parametrize("half", [0, 1, 2], ids=["entry", "relation", "kind"])
def test_without_the_leaves_of_one_half_the_proof_gives_nothing(pump: Case, half: int) -> None:
    """The leaves of two halves alone are not enough: each half carries weight."""
    for row in _samples(pump):
        steps = pump.halves(row)
        gone = {leaf.triple for leaf in steps[half].leaves()}
        kept = {leaf.triple for n, step in enumerate(steps) if n != half for leaf in step.leaves()} - gone
        assert _derived(_whole(pump, kept) - gone, _keys(pump, row)) == set(), row.id


def test_leaving_out_what_the_device_says_for_one_half_makes_the_threat_vanish(pump: Case) -> None:
    """In the whole asserted release: three threats lose one half each, all three vanish, untouched ones stay."""
    first = next(r for r in pump.rows if r.entry == "ble.link" and pump.proofs[r.iri][1][1] == CARRIED)
    second = next(r for r in pump.rows if pump.proofs[r.iri][1][1] == STORED)
    third = next(
        r
        for r in pump.rows
        if pump.proofs[r.iri][1][1] == HANDLES and not {r.entry, r.asset} & {first.entry, second.entry}
    )
    gone: set[Triple] = set()
    for half, row in enumerate((first, second, third)):
        said = [s for s in pump.halves(row)[half].leaves() if s.origin.role in ("device", "module")]
        assert said
        gone |= {s.triple for s in said}
    local = [
        s.triple
        for s in pump.graph.assembled.local
        if s.triple not in gone and (s.origin.role != "computed" or s.triple[1] in (tm.ofDevice, tm.keyId))
    ]
    after = _derived(pump.graph.assembled.core_triples, local)
    before = {_key(pump, row) for row in pump.rows}
    assert not after & {_key(pump, row) for row in (first, second, third)}
    untouched = {
        _key(pump, row)
        for row in pump.rows
        if not gone & {leaf.triple for step in pump.halves(row) for leaf in step.leaves()}
    }
    assert len(untouched) > 20
    assert untouched <= after
    lost = before - after
    assert lost and lost <= before - untouched


# -- why ----------------------------------------------------------------------------------------------------------


def _text(lines: Iterable[Line]) -> str:
    return "\n".join(f"{line.text} [{line.where}]" for line in lines)


def test_why_of_a_module_threat_names_the_module_file_and_the_integrating_file(pump: Case) -> None:
    """Somebody who asks why sees both places: what the module says, and the device that took it in."""
    row = next(r for r in pump.rows if r.entry == "ble.link")
    text = _text(pump.explainer.why(row))
    integration = next(
        s.origin for s in pump.graph.assembled.local if s.triple[1] == tm.module and s.triple[0].endswith("/ble>")
    )
    assert re.search(
        rf"kb/modules/ble-radio/module\.ttl:\d+ \(integrated at {re.escape(integration.file)}:{integration.line}\)",
        text,
    )
    assert row.id in text and row.pattern in text and "by rule derive/10-threat" in text


def test_why_has_a_place_for_every_stated_line(release: Case) -> None:
    """In the derivation, a line that says 'stated' has file and line; a line with a rule has none."""
    for row in release.rows[:: max(1, len(release.rows) // 6)]:
        lines = release.explainer.why(row)
        stated = [line for line in lines if line.rule == "stated"]
        assert stated
        for line in stated:
            assert re.fullmatch(r"\S+\.ttl:\d+( \(integrated at \S+\.ttl:\d+\))?", line.where), line


# -- why not ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Halves:
    """What is concluded in one release about entries, relations and kinds."""

    admits: set[tuple[str, str]]
    related: set[Triple]
    prone: set[tuple[str, str]]
    via: dict[str, str]


def _halves(case: Case) -> Halves:
    closed = case.graph.derived.closed.triples
    device = {s for s, p, o in closed if p == tm.ofDevice}
    via = {s: o for s, p, o in closed if p == tm.via}
    return Halves(
        {(s, o) for s, p, o in closed if p == tm.admits and s in device},
        {t for t in closed if t[1] in set(via.values()) and t[0] in device},
        {(s, o) for s, p, o in closed if p == tm.susceptibleTo and s in device},
        via,
    )


def _name(case: Case, node: str) -> str:
    return next(lexical(o) for s, p, o in case.graph.triples if s == node and p == rdfs.label)


def _verdicts(lines: list[Line]) -> list[str]:
    """Return which halves hold or are missing, in the order entry, kind, relation."""
    return [line.text.split(":")[0] for line in lines if line.text.startswith(("holds:", "MISSING:"))]


def test_why_not_names_a_missing_entry_half(pump: Case) -> None:
    """The asset is right and stands in the relation, but the entry does not admit the pattern."""
    known = _halves(pump)
    asset, entry, pattern = next(
        (a, e, p)
        for a, rel, e in sorted(known.related)
        for p in sorted(known.via)
        if known.via[p] == rel and (a, p) in known.prone and (e, p) not in known.admits
    )
    lines = pump.explainer.why_not(entry, pattern, asset)
    assert _verdicts(lines) == ["MISSING", "holds", "holds"]
    assert "kinds that do:" in _text(lines) and "the entry is:" in _text(lines)


def test_why_not_names_a_missing_asset_half(pump: Case) -> None:
    """The entry admits the pattern and carries or holds the asset, but the asset is of another kind."""
    known = _halves(pump)
    asset, entry, pattern = next(
        (a, e, p)
        for a, rel, e in sorted(known.related)
        for p in sorted(known.via)
        if known.via[p] == rel and (e, p) in known.admits and (a, p) not in known.prone
    )
    lines = pump.explainer.why_not(entry, pattern, asset)
    assert _verdicts(lines) == ["holds", "MISSING", "holds"]
    assert "kinds that are:" in _text(lines)


def test_why_not_names_a_missing_relation(pump: Case) -> None:
    """The entry admits the pattern and the asset is susceptible, but it does not stand in the relation."""
    known = _halves(pump)
    entry, pattern, asset = next(
        (e, p, a)
        for e, p in sorted(known.admits)
        for a, q in sorted(known.prone)
        if q == p and (a, known.via[p], e) not in known.related
    )
    lines = pump.explainer.why_not(entry, pattern, asset)
    assert _verdicts(lines) == ["holds", "holds", "MISSING"]
    assert f"'{_name(pump, known.via[pattern])}'" in _text(lines)


def test_why_not_says_that_an_interface_inside_one_zone_is_no_vector(pump: Case) -> None:
    """The bus within the pump crosses nothing; the zone of its ends is named."""
    closed = pump.graph.derived.closed.triples
    bus = pump.graph.assembled.device[:-1] + "ble.host-bus>"
    assert (bus, rdf.type, tm.Interface) in closed and (bus, rdf.type, tm.AttackVector) not in closed
    pattern = sorted(_halves(pump).via)[0]
    text = _text(pump.explainer.why_not(bus, pattern))
    assert "it is no attack vector: it crosses no boundary in scope" in text
    zones = {o for s, p, o in closed if p == tm.inZone if (bus, tm.connects, s) in closed}
    assert len(zones) == 1 and _name(pump, zones.pop()) in text


def test_why_not_of_a_derived_threat_names_its_id(pump: Case) -> None:
    """With and without the asset: yes, it is derived, and this is its id."""
    row = pump.rows[0]
    asset, entry, pattern = _key(pump, row)
    for lines in (pump.explainer.why_not(entry, pattern, asset), pump.explainer.why_not(entry, pattern)):
        assert len(lines) == 2 and row.id in lines[1].text and "it is derived" in lines[1].text


def test_why_not_agrees_with_the_threats(pump: Case) -> None:
    """For many (entry, pattern, asset) that are no threat, at least one half is missing; nothing is left unsaid."""
    known = _halves(pump)
    threats = {_key(pump, row) for row in pump.rows}
    for e, p in sorted(known.admits)[::40]:
        for a in sorted({a for a, _ in known.prone})[::9]:
            if (a, e, p) not in threats:
                verdicts = _verdicts(pump.explainer.why_not(e, p, a))
                assert len(verdicts) == 3 and "MISSING" in verdicts


# -- interfaces that cannot be placed -----------------------------------------------------------------------------


def test_why_explains_a_threat_at_an_interface_that_cannot_be_placed(tmp_path: Path) -> None:
    """One end is missing: its threats are derived, and `why` explains them without a fault of ours."""
    kb = tmp_path / "own"
    shutil.copytree(ROOT / "tests" / "hand" / "kb", kb)
    path = kb / "devices" / "drip" / "1.0" / "structure.ttl"
    text = path.read_text(encoding="utf-8")
    told = re.sub(r"(rdfs:label \"USB port\"@en ;\s+tm:connects :unit), :visitor ;", r"\1 ;", text)
    assert told != text
    path.write_text(told, encoding="utf-8")
    answer = pipeline.build(pipeline.Options(kb, "drip", on=date(2026, 11, 23)))
    row = next(r for r in views.threats(answer, pipeline.view) if r.entry == "usb")
    command = [sys.executable, "-m", "tmkb", "why", row.id, "--kb", str(kb), "--on", "2026-11-23"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


def test_a_stated_leaf_is_a_statement_with_its_origin(pump: Case) -> None:
    """Leaves are Statements of the assembled graph, triple and origin alike."""
    origins = pump.graph.assembled.origins
    for row in pump.rows[::10]:
        for step in pump.halves(row):
            for leaf in step.leaves():
                assert leaf == Statement(leaf.triple, origins[leaf.triple])
