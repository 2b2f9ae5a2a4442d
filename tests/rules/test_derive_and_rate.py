"""The two stages around the rules: collisions, broken rules, kept results."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import rules_fixture as fx

from tmkb import cli, release
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


def test_a_link_to_a_row_that_the_member_does_not_have_is_taken_back() -> None:
    """Without knowledge of the members every link stays; with it, those that lead to a threat of that very member."""
    every = {t for t in derive(fx.closed(), fx.rules("derive")).firings if t[1] == tm.memberThreat}
    assert len(every) == 3
    kept = next(t for t in sorted(every) if t[0].startswith(fx.term(":threat/")[:-1]))
    part, second = fx.term(":part"), fx.term(":second-part")
    member = next(m for m in (part, second) if derived_with({(m, kept[2])}))
    assert derived_with({(member, kept[2])}) == {kept[0]}
    assert derived_with({(second if member == part else part, kept[2])}) == set()
    assert derived_with(set()) == set()


def derived_with(own: set[tuple[str, str]]) -> set[str]:
    """Return the threats that have link and row of a member when the members have the threats *own*."""
    firings = derive(fx.closed(), fx.rules("derive"), own).firings
    linked = {s for s, p, o in firings if p == tm.memberThreat}
    assert linked == {s for s, p, o in firings if p == tm.memberRow}
    return linked


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
    shipped = release.rules
    monkeypatch.setenv("TMKB_CACHE", "")
    monkeypatch.setattr(
        release, "rules", lambda kind: [replace(r, text="CONSTRUKT") if kind == "assemble" else r for r in shipped(kind)]
    )  # fmt: skip
    kb = fx.ROOT / "tests" / "hand" / "kb"
    monkeypatch.setattr(sys, "argv", ["tmkb", "threats", "--kb", str(kb), "--on", "2026-11-23"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 3
    assert "queries/assemble/10-zone.rq" in said.err and "Traceback" not in said.err and said.out == ""
