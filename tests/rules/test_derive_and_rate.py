"""The two stages around the rules: collisions, broken rules, kept results."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import rules_fixture as fx

from tmkb import cli, pipeline
from tmkb import derive as stage
from tmkb.derive import derive, fire, short_id
from tmkb.errors import RuleError
from tmkb.rate import rate
from tmkb.terms import lexical, tm


def test_a_short_id_is_the_device_code_and_six_digits_of_the_threat() -> None:
    """The same threat has the same id on every run; different threats have different ones."""
    derived = derive(fx.closed(), fx.rules("derive"))
    ids = {s: lexical(o) for s, p, o in derived.firings if p == tm.shortId}
    assert all(short_id("FIX", threat) == short for threat, short in ids.items())
    assert all(short.startswith("FIX-") and len(short) == 10 for short in ids.values())
    assert len(set(ids.values())) == len(ids) == 8


def test_two_threats_with_one_short_id_are_refused_and_both_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collision stops the build with exit code 3; nobody ever gets the wrong threat by an id."""
    monkeypatch.setattr(stage, "short_id", lambda code, threat: f"{code}-AAAAAA")
    with pytest.raises(RuleError) as caught:
        derive(fx.closed(), fx.rules("derive"))
    assert caught.value.code == "E-COLLISION" and caught.value.exit_code == 3
    assert caught.value.message.count("/threat/") == 2 and "FIX-AAAAAA" in caught.value.message


@pytest.mark.parametrize("text", ["CONSTRUCT { ?s ?p ?o WHERE", "SELECT ?s WHERE { ?s ?p ?o }", "", "ASK { ?s ?p ?o }"])
def test_a_broken_rule_is_an_error_and_never_an_absence_of_threats(text: str) -> None:
    """Syntax errors and queries of another form stop the build with exit code 3 and name the rule."""
    broken = [replace(rule, text=text) for rule in fx.rules("derive")]
    with pytest.raises(RuleError) as caught:
        derive(fx.closed(), broken)
    assert caught.value.exit_code == 3 and "queries/derive/10-threat.rq" in str(caught.value)


def test_a_broken_rating_rule_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of one rating rule is not swallowed, and nothing is kept of the attempt."""
    monkeypatch.setenv("TMKB_CACHE", str(tmp_path))
    broken = fx.rules("rate")
    broken[3] = replace(broken[3], text=broken[3].text.replace("CONSTRUCT", "CONSTRUKT"))
    with pytest.raises(RuleError) as caught:
        rate(derive(fx.closed(), fx.rules("derive")), broken, fire=fire)
    assert caught.value.exit_code == 3 and broken[3].path in str(caught.value)
    assert list(tmp_path.rglob("*")) == []


def test_a_broken_rule_ends_the_program_with_exit_code_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through the command line: exit code 3, the rule named on stderr, no table on stdout."""
    shipped = pipeline.rules
    monkeypatch.setattr(
        pipeline, "rules", lambda kind: [replace(r, text="CONSTRUKT") if kind == "assemble" else r for r in shipped(kind)]
    )  # fmt: skip
    kb = fx.ROOT / "tests" / "hand" / "kb"
    monkeypatch.setattr(sys, "argv", ["tmkb", "threats", "--kb", str(kb), "--on", "2026-11-23"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 3
    assert "queries/assemble/10-zone.rq" in said.err and "Traceback" not in said.err and said.out == ""


def test_a_kept_rating_equals_a_fresh_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run reads what the first one kept; statements and the rule behind each are the same."""
    monkeypatch.setenv("TMKB_CACHE", str(tmp_path))
    derived = derive(fx.closed(), fx.rules("derive"))
    first = rate(derived, fx.rules("rate"), fire=fire)

    def never(*_: object) -> dict[object, str]:
        raise AssertionError("the kept result was not used")

    kept = rate(derived, fx.rules("rate"), fire=never)  # type: ignore[arg-type]
    assert kept.firings == first.firings == fire(fx.closed().triples | frozenset(derived.firings), fx.rules("rate"))


def test_a_damaged_or_foreign_kept_rating_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed byte, another rule text or another release: worked out anew."""
    monkeypatch.setenv("TMKB_CACHE", str(tmp_path))
    derived = derive(fx.closed(), fx.rules("derive"))
    first = rate(derived, fx.rules("rate"), fire=fire)
    (kept,) = [p for p in tmp_path.rglob("*") if p.is_file()]
    kept.write_bytes(kept.read_bytes()[:-2] + b"x\n")
    assert rate(derived, fx.rules("rate"), fire=fire).firings == first.firings
    without = rate(derived, fx.rules("rate", "41-credit-band"), fire=fire)
    assert without.firings != first.firings


def test_without_a_cache_folder_ratings_are_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty TMKB_CACHE turns the cache off."""
    monkeypatch.setenv("TMKB_CACHE", "")
    derived = derive(fx.closed(), fx.rules("derive"))
    assert rate(derived, fx.rules("rate"), fire=fire).firings
