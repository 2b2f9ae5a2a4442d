"""The benchmarks measure what they say: distinct, valid devices that stay the same, and numbers for every promise.

No time is asserted; what is fast on one machine is slow on another.
"""

from __future__ import annotations

import json
import re
import sys
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import portfolio, processes, report, run, stages  # noqa: E402
from tmkb import pipeline  # noqa: E402
from tmkb.model.graphs import Triple  # noqa: E402

COUNT = 10


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("portfolio")
    return folder, portfolio.grow(folder, COUNT)


def content(number: int) -> frozenset[Triple]:
    """Return what is written about a device, its name, code and labels apart."""
    draft = portfolio.variant(number)
    apart = {portfolio.tm.code, portfolio.rdfs.label}
    facts = ((s, p, o) for said in draft.files.values() for s, f in said.items() for p, os in f.items() for o in os)
    return frozenset((s.replace(draft.base, ""), p, o.replace(draft.base, "")) for s, p, o in facts if p not in apart)


def test_no_two_devices_are_equal_in_content() -> None:
    """Names, codes and labels apart, a hundred devices say a hundred different things."""
    assert len({content(number) for number in range(1, 101)}) == 100


def test_a_device_is_the_same_in_every_portfolio(grown: tuple[Path, list[str]], tmp_path: Path) -> None:
    """The files of the first devices of a small portfolio are those of a larger one, byte for byte."""
    folder, keys = grown
    assert len(set(keys)) == COUNT
    assert portfolio.grow(tmp_path, 3) == keys[:3]
    for path in sorted((tmp_path / "devices").rglob("*.ttl")):
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes()


def test_what_is_written_is_what_was_varied(grown: tuple[Path, list[str]]) -> None:
    """Reading the files gives the statements of the draft: names are shortened without loss."""
    folder, keys = grown
    for number, key in enumerate(keys, 1):
        draft = portfolio.variant(number)
        for name, said in draft.files.items():
            data = (folder / "devices" / key.replace("@", "/") / name).read_bytes()
            read = {triple for triple, _ in portfolio.turtle.parse(data, name=name)}
            assert read == {(s, p, o) for s, facts in said.items() for p, os in facts.items() for o in os}


def test_grown_devices_are_valid(grown: tuple[Path, list[str]]) -> None:
    """No device has structural errors or contradictions: a build that closes each one does not stop."""
    folder, keys = grown
    kb = pipeline.build(pipeline.Options(folder, on=date(2026, 11, 23)))
    assert [release.key for release in kb.releases] == sorted(keys)
    for one in kb.each():
        assert one.releases[0].closed.entailed


def test_nothing_points_at_what_was_left_out() -> None:
    """Taking out an asset takes out its impacts and decisions, and every mention elsewhere."""
    draft = portfolio._renamed(next(p for p in portfolio.shipped() if p.parent.name == "lvp"), "pump", "P")
    asset = f"<{draft.base}patient-data>"
    assert asset in draft.nodes()
    draft.drop(asset)
    left = draft.nodes()
    assert asset not in left and not [node for node in left if "imp-patient-data-" in node]
    assert all(asset not in values and values for facts in left.values() for values in facts.values())
    assert f"<{draft.base}front-panel>" in left


def test_each_edit_is_a_new_one(grown: tuple[Path, list[str]], tmp_path: Path) -> None:
    """The edits that are timed never lead back to a content that was seen before."""
    path = tmp_path / "devices" / "one" / "1.0" / "impacts.ttl"
    path.parent.mkdir(parents=True)
    path.write_bytes(next((grown[0] / "devices").glob("*/1.0/impacts.ttl")).read_bytes())
    seen = {path.read_text()}
    for number in range(5):
        processes.edit(tmp_path, "one@1.0", number)
        seen.add(path.read_text())
    assert len(seen) == 6


def test_quick_run_writes_what_is_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run on one device has every stage, limit, closure and command, and tables of them; it leaves nothing behind."""
    path = tmp_path / "results.json"
    run.main(["--quick", "--sizes", "1", "--json", str(path), "--work", str(tmp_path)])
    results = json.loads(path.read_text())
    assert set(results) == {"machine", "sizes", "growth"} and set(results["sizes"]) == {"1"}
    found = results["sizes"]["1"]
    commands = {"cold check of all", "warm threats", "threats after an edit"}
    assert found["devices"] == 1 and set(found["stages"]) == set(stages.STAGES)
    assert set(found["processes"]) == commands and found["checks"] is None
    assert {"input", "output", "total", "limit", "limit_ratio", "closure", "peak_mib"} <= set(found)
    assert found["output"]["threats"] and found["closure"]["compiled"] and found["limit"]["total"]
    timed = [*found["stages"].values(), *found["processes"].values()]
    assert all(one["seconds"] > 0 and one["peak_mib"] >= 0 for one in timed)
    said = capsys.readouterr().out
    assert all(f"\n| {name} |" in said for name in (*stages.STAGES, *commands, "all stages / physical limit"))
    assert list(tmp_path.iterdir()) == [path]


def test_growth_is_the_exponent() -> None:
    """Ten times the devices in a hundred times the time is growth by the second power; the same time is none."""
    small = {
        "stages": {"rate": {"seconds": 1}},
        "processes": {"ask": {"seconds": 2}},
        "total": 3,
        "limit": {"total": 4},
    }
    large = {
        "stages": {"rate": {"seconds": 100}},
        "processes": {"ask": {"seconds": 2}},
        "total": 30,
        "limit": {"total": 4},
    }
    found = run.growth({"10": small, "100": large})
    assert found == {"10 to 100": pytest.approx({"rate": 2, "ask": 0, "total": 1, "limit": 0})}


def test_reference_engines_stand_in_the_ratios() -> None:
    """The table of ratios names what differs; owlrl given up is told as a least ratio."""
    both = {"owlrl": 60, "compiled": 2, "prepare": 1, "ratio": 30, "triples": 9, "missing": 0, "extra": 0}
    check = {"pyshacl": 8, "fast": 2, "ratio": 4}
    told = {"total": 1, "limit": {"total": 1}, "limit_ratio": 1, "processes": {"cold check of all": {"seconds": 40}}}
    checks = {"different": 1, "authoring": check, "assurance": check}
    given_up = {"compiled": 2, "owlrl_given_up_after_minutes": 1}
    text = report._ratios(
        {
            "sizes": {
                "10": told | {"closure": both, "checks": checks},
                "20": told | {"closure": given_up, "checks": None},
            }
        }
    )
    assert "| owlrl / closure | 10 | 60.00 | 2.00 | 30.0 | 9 triples, equal;" in text
    assert "| owlrl / closure | 20 | 60.00 | 2.00 | 30.0 | owlrl given up after 1 minutes; at least" in text
    assert "| cold check of all / physical limit | 10 | 40.00 | 1.00 | 40.0 |" in text
    assert "| pyshacl / assurance check | 10 | 8.00 | 2.00 | 4.0 | DIFFERENT results |" in text


def test_tables_go_between_the_marks(tmp_path: Path) -> None:
    """The page keeps everything else; a page without marks is refused."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    report.write("new", page)
    assert page.read_text(encoding="utf-8") == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    page.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no place for the results"):
        report.write("new", page)
    text = report.PAGE.read_text(encoding="utf-8")
    assert text.index(report.BEGIN) < text.index(report.END)


def test_page_names_every_option() -> None:
    """The options of the run are those that the page explains."""
    page = report.PAGE.read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(--[a-z-]+)", page, re.M))
    given = {f"--{name.replace('_', '-')}" for name in vars(run._options([]))}
    assert told == given
