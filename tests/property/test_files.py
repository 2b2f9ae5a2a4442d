"""P11, P15, P19 and P23: what files may change and what they may not, with the program as a user runs it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import tiny

from tmkb import answers, cache, load, pipeline, sources
from tmkb.engines import turtle
from tmkb.errors import SourceError, StructuralError, TmkbError
from tmkb.terms import TM, rdf

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 23)
ON = ("--on", DAY.isoformat())


def options(kb: Path) -> pipeline.Options:
    return pipeline.Options(kb, on=DAY)


def worked_out(kb: Path) -> frozenset[tuple[str, str, str]]:
    """Return every triple that was derived or rated."""
    [rated] = pipeline.build(options(kb)).rated
    return frozenset(rated.derived.firings) | frozenset(rated.firings)


def answer_of(kb: Path, **world: str) -> str:
    """Return the bytes of ``threats --format json`` as text, from a process of its own."""
    command = [sys.executable, "-m", "tmkb", "threats", "--kb", str(kb), "--format", "json", *ON]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | world
    done = subprocess.run(command, capture_output=True, env=environment, cwd=kb, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8")


def lines_of(kb: Path) -> dict[str, list[str]]:
    """Return the statements of each file of the tiny release as N-Triples lines."""
    found = {}
    for path in sorted((kb / "devices" / "tiny" / "1.0").glob("*.ttl")):
        parsed = turtle.parse(path.read_bytes(), name=path.name)
        found[path.name] = [f"{s} {p} {o} .\n" for (s, p, o), _ in parsed]
    return found


def rewrite(kb: Path, files: dict[str, str]) -> Path:
    folder = kb / "devices" / "tiny" / "1.0"
    for path in folder.glob("*.ttl"):
        path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return kb


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny knowledge base; no test changes it."""
    return tiny.write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A tiny knowledge base that a test may spoil."""
    return tiny.write(tmp_path)


# -- P11: the same statements written otherwise ------------------------------------------------------------------


def test_order_duplicates_and_prefixes_change_no_byte(small: Path, own: Path) -> None:
    """P11: with every file as shuffled, partly doubled statements without prefixes, the assembled graph and the JSON are equal."""
    dice = random.Random(7)
    files = {}
    for name, lines in lines_of(small).items():
        mixed = lines + dice.sample(lines, len(lines) // 2)
        dice.shuffle(mixed)
        files[name] = "".join(mixed)
    rewrite(own, files)
    pairs = [load.load(sources.find_sources(kb)).releases["tiny@1.0"] for kb in (small, own)]
    assert {s.triple for s in pairs[0]} == {s.triple for s in pairs[1]}
    assert answer_of(own) == answer_of(small)
    assert worked_out(own) == worked_out(small)


@pytest.mark.parametrize("how", ["joined", "split"])
def test_splitting_or_joining_files_changes_no_byte(small: Path, own: Path, how: str) -> None:
    """P11: one file for all, or one file for each few statements under names that sort otherwise: same threats, same JSON."""
    lines = [line for found in lines_of(small).values() for line in found]
    if how == "joined":
        rewrite(own, {"all.ttl": "".join(lines)})
    else:
        rewrite(own, {f"{99 - n:02}-part.ttl": "".join(lines[n::9]) for n in range(9)})
    assert answer_of(own) == answer_of(small)
    assert worked_out(own) == worked_out(small)


def test_labels_of_blank_nodes_do_not_matter(tmp_path: Path) -> None:
    """P11: class expressions written with brackets, with labels, or with the same labels swapped are the same statements."""
    pattern = """
lib:T-9001 a tm:AdversarialPattern ; rdfs:label "x"@en ; tm:via tm:carriedOver ; tm:violates tm:property-integrity ; tm:defaultTier tm:tier-2 .
prefix owl: <http://www.w3.org/2002/07/owl#>
"""
    ways = [
        "tm:RadioVector rdfs:subClassOf [ a owl:Restriction ; owl:onProperty tm:admits ; owl:hasValue lib:T-9001 ] .\n"
        "tm:TherapyCommand rdfs:subClassOf [ a owl:Restriction ; owl:onProperty tm:susceptibleTo ; owl:hasValue lib:T-9001 ] .\n",
        *(
            f"tm:TherapyCommand rdfs:subClassOf _:{a} . tm:RadioVector rdfs:subClassOf _:{b} .\n"
            f"_:{a} owl:hasValue lib:T-9001 ; owl:onProperty tm:susceptibleTo ; a owl:Restriction .\n"
            f"_:{b} owl:onProperty tm:admits ; a owl:Restriction ; owl:hasValue lib:T-9001 .\n"
            for a, b in (("one", "two"), ("two", "one"))
        ),
    ]
    found = []
    for number, way in enumerate(ways):
        kb = tiny.write(tmp_path / str(number))
        (kb / "library").mkdir()
        (kb / "library" / "own.ttl").write_text(tiny.PREFIXES + pattern + way, encoding="utf-8")
        found.append({s.triple for s in load.load(sources.find_sources(kb)).core})
    assert found[0] == found[1] == found[2]


def test_hash_seed_locale_time_zone_and_cache_change_no_byte(small: Path) -> None:
    """P11: a process with another hash seed, locale and time zone, and without any cache, answers byte for byte the same."""
    here = answer_of(small, PYTHONHASHSEED="0", LC_ALL="C", TZ="UTC")
    there = answer_of(small, PYTHONHASHSEED="4711", LC_ALL="tr_TR.UTF-8", TZ="Pacific/Kiritimati", TMKB_CACHE="")
    assert here == there
    assert len(json.loads(here)) > 5


# -- P15: conflicts are never passed over ------------------------------------------------------------------------

TWO_LEVELS = ("impacts.ttl", "tm:level tm:severity-5 .", "tm:level tm:severity-5, tm:severity-1 .", "imp-order-i")
TWO_STATES = (
    "controls.ttl",
    "tm:status tm:status-implemented",
    "tm:status tm:status-implemented, tm:status-retired",
    "ctl-mac",
)
BOTH_KINDS = ("architecture.ttl", ":board a tm:ProcessingUnit ;", ":board a tm:ProcessingUnit, tm:TrustZone ;", "board")
VERBS = {
    "threats": ["threats"], "threats-json": ["threats", "--format", "json"], "risk": ["risk"], "safety": ["safety"],
    "table": ["table", "threats", "tiny"], "why": ["why", "TNY-P6YVEW"], "query": ["query", "unacceptable-residual-risks"],
}  # fmt: skip
CASES = [("two-levels", TWO_LEVELS, verb) for verb in VERBS] + [
    ("two-states", TWO_STATES, "threats-json"), ("two-kinds", BOTH_KINDS, "threats"), ("two-kinds", BOTH_KINDS, "risk"),
]  # fmt: skip


@pytest.mark.parametrize(("spoilt", "verb"), [(c, v) for _, c, v in CASES], ids=[f"{n}-{v}" for n, _, v in CASES])
def test_no_rating_is_shown_over_a_conflict(
    own: Path, run: Callable[..., object], spoilt: tuple[str, ...], verb: str
) -> None:
    """P15: two values of a single-valued property, or disjoint kinds: each verb ends with 2, names the node, shows no rating."""
    name, before, after, node = spoilt
    path = own / "devices" / "tiny" / "1.0" / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    answer = run(*VERBS[verb], "--kb", str(own), *ON)
    assert answer.returncode == 2  # type: ignore[attr-defined]
    assert answer.stdout == ""  # type: ignore[attr-defined]
    assert node in answer.stderr  # type: ignore[attr-defined]
    assert name in answer.stderr  # type: ignore[attr-defined]


# -- P19: numbers that are none ----------------------------------------------------------------------------------

SHIPPED = (ROOT / "kb" / "policy" / "four-factors.ttl").read_text(encoding="utf-8")
XSD = "http://www.w3.org/2001/XMLSchema#"


DEFAULT = (
    (ROOT / "kb" / "policy" / "default.ttl").read_text(encoding="utf-8").replace("/policy/default/", "/policy/own/")
)


def policy_with(before: str, after: str) -> str:
    text = SHIPPED.replace("/policy/four-factors/", "/policy/own/")
    assert before in text
    return text.replace(before, after, 1)


@pytest.mark.parametrize(
    "value",
    [f'"{text}"^^<{XSD}{kind}>' for text, kind in (
        ("NaN", "double"), ("INF", "double"), ("-INF", "double"), ("NaN", "decimal"), ("five", "integer"), ("5.0", "integer"),
        ("", "integer"), ("INF", "float"), ("٥", "integer"),
    )],
)  # fmt: skip
def test_what_is_no_finite_number_is_refused_by_name_when_read(tmp_path: Path, value: str) -> None:
    """P19: NaN, infinity and ill-typed numbers in a policy never get beyond reading; file, line and value are named."""
    kb = tiny.write(tmp_path, policy=policy_with("tm:band 5 ", f"tm:band {value} "))
    with pytest.raises(SourceError) as refused:
        load.load(sources.find_sources(kb))
    assert refused.value.code == "E-LITERAL"
    assert re.search(r"own\.ttl:\d+", refused.value.where)
    assert repr(value.split('"')[1]) in str(refused.value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tm:band 5 ", "tm:band 6 "), ("tm:band 5 ", "tm:band 4.5 "), ("tm:band 5 ", "tm:band 1e400 "),
        ("tm:shift 1 ", "tm:shift -2 "), ("tm:band 5 ", 'tm:band "5" '),
    ],
)  # fmt: skip
def test_a_number_out_of_its_range_is_refused_by_name_before_any_rating(
    tmp_path: Path, before: str, after: str
) -> None:
    """P19: bands beyond 1 to 5, shifts beyond -1 to 1, fractions and texts are structural errors that name the policy line."""
    kb = tiny.write(tmp_path, policy=policy_with(before, after))
    with pytest.raises(StructuralError) as refused:
        pipeline.build(options(kb))
    assert "own.ttl" in str(refused.value)


@pytest.mark.parametrize("gap", ["cell-4-5", "band-2", "accept-high"])
def test_a_policy_with_a_gap_is_refused_by_name_and_rates_nothing(
    tmp_path: Path, run: Callable[..., object], gap: str
) -> None:
    """P1, P7: without a matrix cell, tier band or acceptance nothing is rated: exit 2, the policy file is named."""
    text, count = re.subn(rf"^:{gap} a .*?\.\n\n", "", DEFAULT, flags=re.S | re.M)
    assert count == 1
    answer = run("threats", "--kb", str(tiny.write(tmp_path, policy=text)), *ON)
    assert answer.returncode == 2  # type: ignore[attr-defined]
    assert answer.stdout == ""  # type: ignore[attr-defined]
    assert "own.ttl" in answer.stderr  # type: ignore[attr-defined]


# -- P23: nothing is written that was not asked for, and nothing by halves ---------------------------------------


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    """Return hash and time of change of every file, and that nothing else is there."""
    return {
        p.relative_to(folder).as_posix(): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns)
        for p in sorted(folder.rglob("*")) if p.is_file()
    }  # fmt: skip


def test_commands_that_only_read_change_no_byte(own: Path, run: Callable[..., object], tmp_path: Path) -> None:
    """P23: after every reading verb each file of the knowledge base has its bytes and its time, and none was added."""
    ask = tmp_path / "ask.rq"
    ask.write_text("SELECT ?s WHERE { GRAPH ?g { ?s a ?kind } }", encoding="utf-8")
    before = fingerprint(own)
    verbs = [
        ["devices"], ["check", *ON], ["threats", *ON], ["risk", *ON], ["safety", *ON], ["table", "assets", "tiny", *ON],
        ["query"], ["query", "open-hand-overs", *ON], ["sparql", str(ask), *ON], ["infer", "-o", str(tmp_path / "out.nt"), *ON],
        ["why", "TNY-P6YVEW", *ON], ["why-not", "--device", "tiny", "--vector", "link", "--pattern", "T-0001", *ON], ["doctor"],
    ]  # fmt: skip
    for verb in verbs:
        answer = run(*verb, "--kb", str(own))
        assert answer.returncode in (0, 1), (verb, answer.stderr)  # type: ignore[attr-defined]
        assert fingerprint(own) == before, verb


FAILING = {
    "bad-date": ["TNY-P6YVEW", "accept", "--reason", "r", "--owner", "o", "--expires", "2026-13-45"],
    "expired-at-birth": ["TNY-P6YVEW", "accept", "--reason", "r", "--owner", "o", "--expires", "2020-01-01"],
    "no-reason": ["TNY-P6YVEW", "accept", "--reason", " ", "--owner", "o"],
    "one-unknown-threat": ["TNY-P6YVEW", "TNY-AAAAAA", "accept", "--reason", "r", "--owner", "o"],
    "no-such-decision": ["TNY-P6YVEW", "forget", "--reason", "r", "--owner", "o"],
}


@pytest.mark.parametrize("why", FAILING)
def test_a_decision_that_is_refused_leaves_every_byte(own: Path, run: Callable[..., object], why: str) -> None:
    """P23: a refused decision ends with 2 and leaves the knowledge base as it was, also when only one of several is wrong."""
    before = fingerprint(own)
    answer = run("decide", *FAILING[why], "--kb", str(own), *ON)
    assert answer.returncode == 2, answer.stderr  # type: ignore[attr-defined]
    assert fingerprint(own) == before


def test_a_decision_on_a_broken_file_leaves_its_bytes(own: Path, run: Callable[..., object]) -> None:
    """P23: a decisions.ttl that is not valid Turtle is named and not touched."""
    path = own / "devices" / "tiny" / "1.0" / "decisions.ttl"
    path.write_bytes(path.read_bytes() + b"<<<<<<< ours\n:half a tm:Dec")
    before = fingerprint(own)
    answer = run("decide", "TNY-P6YVEW", "accept", "--reason", "r", "--owner", "o", "--kb", str(own), *ON)
    assert answer.returncode == 2  # type: ignore[attr-defined]
    assert "decisions.ttl" in answer.stderr  # type: ignore[attr-defined]
    assert fingerprint(own) == before


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_write_that_fails_midway_leaves_the_old_bytes(own: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """P23: when the disk fails before the new file is in place, the old one stays, whole, and no temporary file is left."""
    pipeline.build(options(own))  # caches are filled before the disk fails
    before = fingerprint(own)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, call, fail)
    with pytest.raises(TmkbError) as refused:
        answers.decide(options(own), ["TNY-P6YVEW"], {}, answers.Verdict("accept", "because", "me", ""))
    monkeypatch.undo()
    assert refused.value.exit_code == 2
    assert fingerprint(own) == before


def test_a_decision_that_is_taken_adds_its_block_and_changes_no_rating(own: Path, run: Callable[..., object]) -> None:
    """P23: the refusals above are not for want of a right command: this one is written, and moves no number."""
    before = fingerprint(own)
    rated = json.loads(answer_of(own))
    answer = run("decide", "TNY-P6YVEW", "accept", "--reason", "r", "--owner", "o", "--kb", str(own), *ON)
    assert answer.returncode == 0, answer.stderr  # type: ignore[attr-defined]
    after = fingerprint(own)
    assert {name for name in after if after[name] != before.get(name)} == {"devices/tiny/1.0/decisions.ttl"}
    stated = load.load(sources.find_sources(own)).releases["tiny@1.0"]
    assert [s for s in stated if s.triple[1:] == (rdf.type, f"<{TM}Decision>")]
    again = json.loads(answer_of(own))
    assert [(t["id"], t["inherent"], t["residual"]) for t in again] == [
        (t["id"], t["inherent"], t["residual"]) for t in rated
    ]
