"""Questions over all products: what covers what, and where the same weakness may sit."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest

ON = "2026-11-23"
STACK = """
:stack a tm:BluetoothStack ; rdfs:label "radio stack"@en ; tm:runsOn :cpu .
:flaw a tm:Vulnerability ; rdfs:label "overlong frame"@en ; tm:sitsIn :stack ; tm:weakness lib:CWE-121 ;
    tm:exploits lib:T-0041 ; tm:tier tm:tier-1 ; tm:vexStatus tm:vex-affected .
:ctl-log a tm:Control ; rdfs:label "log"@en ; tm:ofControlType lib:C-0017 ; tm:protects :usb ;
    tm:status tm:status-STATUS ; tm:introducesNoHazard "None."@en ; tm:usabilityCost "None."@en .
"""


def ask(inside, kb: Path, *arguments: str) -> list[dict]:  # type: ignore[no-untyped-def]
    inside._kept.clear()
    done = inside("same-weakness", *arguments, "--kb", kb, "--on", ON, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def with_stack(toy: Path) -> Path:
    path = toy / "devices/toy/1/architecture.ttl"
    path.write_text(path.read_text("utf-8") + STACK.replace("STATUS", "implemented"), encoding="utf-8")
    return toy


def test_component_class_with_the_vectors_that_reach_its_host(inside, with_stack: Path) -> None:
    """One row for each vector that opens the host of the software, with its flaw, and only in the product that has it."""
    rows = ask(inside, with_stack, "--component", "BluetoothStack")
    assert {(r["device"], r["component"], r["vector"]) for r in rows} == {("toy device", "radio stack", "service port")}
    assert "overlong frame (CWE-121, affected)" in rows[0]["flaws"]


def test_all_releases_are_looked_at(inside, with_stack: Path) -> None:
    """An older release in the field has the weakness too."""
    old = with_stack / "devices/toy/1"
    new = with_stack / "devices/toy/2"
    new.mkdir()
    for path in old.glob("*.ttl"):
        text = path.read_text("utf-8").replace("toy/release/1>", "toy/release/2>").replace('version "1"', 'version "2"')
        (new / path.name).write_text(text.split("\n:stack")[0], encoding="utf-8")
    rows = ask(inside, with_stack, "--component", "BluetoothStack")
    assert {r["release"] for r in rows} == {"1"}


def test_lacking_keeps_what_no_control_in_force_protects(inside, with_stack: Path) -> None:
    """A control that is only planned is none."""
    category = ask(inside, with_stack, "--component", "BluetoothStack")[0]["controls"].split(", ")
    assert len(category) >= 1
    assert ask(inside, with_stack, "--component", "BluetoothStack", "--lacking", category[0]) == []
    path = with_stack / "devices/toy/1/architecture.ttl"
    path.write_text(
        path.read_text("utf-8").replace(
            "status-implemented ; tm:introducesNoHazard", "status-planned ; tm:introducesNoHazard"
        ),
        "utf-8",
    )
    after = ask(inside, with_stack, "--component", "BluetoothStack", "--lacking", category[0])
    assert [r["component"] for r in after] == ["radio stack"]


def test_weakness_by_known_flaw_and_by_pattern(inside, with_stack: Path) -> None:
    """A flaw of a narrower weakness counts; a threat counts if its pattern exploits the weakness or one just above."""
    rows = ask(inside, with_stack, "--cwe", "CWE-119")
    how = {(r["component"], r["vector"]): r["how"] for r in rows}
    assert "known flaw" in how["radio stack", "service port"]
    assert any("threats by T-0041" in said for said in how.values())
    assert not any("known flaw" in r["how"] for r in ask(inside, with_stack, "--cwe", "CWE-798"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "which weakness?"),
        (("--lacking", "authentication"), "which weakness?"),
        (("--component", "BluetoothStak"), "no class"),
        (("--vector", "UsbVectr"), "no class"),
        (("--component", "UsbVector"), "no class that a component has"),
        (("--vector", "ProcessingUnit"), "no class that a vector has"),
        (("--cwe", "CWE-1"), "no weakness"),
        (("--vector", "UsbVector", "--lacking", "luck"), "no category"),
    ],
)
def test_unknown_names_are_refused(inside, toy: Path, arguments: tuple[str, ...], said: str) -> None:
    """Nothing that is not there is answered with an empty table."""
    done = inside("same-weakness", *arguments, "--kb", toy, "--on", ON)
    assert (done.returncode, done.stdout) == (2, "") and said in done.stderr, done.stderr


def test_coverage_counts_the_threats_and_names_empty_cells(inside, toy: Path) -> None:
    """The counts are those of the threat list; what is zero is named, and nothing else."""
    done = inside("coverage", "--kb", toy, "--on", ON, "--format", "json")
    assert done.returncode == 0, done.stderr
    tables = json.loads(done.stdout)
    rows = json.loads(inside("threats", "--kb", toy, "--on", ON, "--format", "json").stdout)
    by_pattern = next(t["rows"] for t in tables if "by pattern" in t["title"])
    for row in by_pattern:
        assert row["toys"] == sum(r["pattern"] == row["key"] for r in rows)
    idle = {r["pattern"] for t in tables if t["title"].startswith("Patterns") for r in t["rows"]}
    assert not idle & {r["pattern"] for r in rows}
    empty = next(t["rows"] for t in tables if t["title"].startswith("Empty"))
    assert empty and all(r["family"] == "toys" for r in empty)


def test_coverage_as_csv(inside, toy: Path) -> None:
    """Every table can be read by a program."""
    text = inside("coverage", "--kb", toy, "--on", ON, "--format", "csv").stdout
    assert len(list(csv.reader(io.StringIO(text)))) > 20


TWO_RADIOS = """
:beeper.two a tm:Integration ; rdfs:label "second radio"@en ; tm:module <https://tmkb.example/module/beeper2/> .
"""
AIR = """
:air a tm:BluetoothInterface ; rdfs:label "broadcast"@en ; tm:connects :cpu, :phone ; tm:carries :dose ;
    tm:authentication tm:auth-none ; tm:cryptography tm:crypto-none ; tm:interfaceState tm:state-active .
:vul-air a tm:Vulnerability ; rdfs:label "clear text dose"@en ; tm:sitsIn :air ; tm:weakness lib:CWE-319 ;
    tm:exploits lib:T-0004 ; tm:tier tm:tier-1 ; tm:vexStatus tm:vex-affected .
"""
NEW_FLAW = """
:vul-new a tm:Vulnerability ; rdfs:label "new flaw"@en ; tm:sitsIn :cpu ; tm:exploits lib:T-0045 ; tm:tier tm:tier-1 .
"""


def write(kb: Path, more: str = "", **changed: str) -> Path:
    """Add to the architecture of the toy device; *changed* replaces words in the files of these names."""
    for name, change in ({"architecture": ""} | changed).items():
        path = kb / f"devices/toy/1/{name}.ttl"
        text = path.read_text("utf-8")
        old, _, new = change.partition(" -> ")
        assert old in text
        path.write_text((text.replace(old, new) if old else text) + more * (name == "architecture"), encoding="utf-8")
    return kb


def test_vector_without_reach_is_one_row(inside, toy: Path) -> None:
    """What is not said about a vector is left open, not filled with all that could be said."""
    kb = write(toy, architecture="\n    tm:reach tm:reach-physical .->".replace("->", " -> ."))
    rows = ask(inside, kb, "--component", "PersistentStore")
    assert [(r["component"], r["vector"], r["reach"] or "") for r in rows] == [("flash", "service port", "")]


def test_flaw_without_weakness_or_status_is_no_other_flaw(inside, toy: Path) -> None:
    """A new flaw whose weakness and status nobody has stated yet is shown once, and found under no weakness."""
    kb = write(toy, NEW_FLAW)
    rows = ask(inside, kb, "--component", "ProcessingUnit", "--vector", "UsbVector")
    assert {r["flaws"] for r in rows if r["component"] == "processor"} == {"new flaw"}
    assert not any("known flaw" in r["how"] for r in ask(inside, kb, "--cwe", "CWE-798"))


def test_vector_that_only_carries_is_a_place(inside, toy: Path) -> None:
    """It opens no component: a row without one, which no class of component fits."""
    kb = write(toy, AIR)
    rows = ask(inside, kb, "--vector", "BluetoothVector")
    assert [r["vector"] for r in rows if not r["component"]] == ["broadcast"]
    known = [r for r in ask(inside, kb, "--cwe", "CWE-319") if r["vector"] == "broadcast"]
    assert len(known) == 1 and known[0]["how"].startswith("known flaw") and "T-0001" in known[0]["how"]
    assert "clear text dose (CWE-319, affected)" in known[0]["flaws"]
    rows = ask(inside, kb, "--component", "RadioUnit", "--vector", "BluetoothVector")
    assert {(r["device"], r["vector"]) for r in rows} == {("toy device", "beeper link"), ("twin device", "beeper link")}


def test_part_of_what_a_vector_opens_is_reached(inside, with_stack: Path) -> None:
    """A port that opens the board reaches what is on the board, and what runs on it; once each."""
    kb = write(with_stack, architecture="tm:givesAccessTo :cpu, :flash ; -> tm:givesAccessTo :board, :cpu ;")
    rows = ask(inside, kb, "--component", "Component", "--vector", "UsbVector")
    found = sorted(r["component"] for r in rows)
    assert found == ["beeper chip", "flash", "main board", "processor", "radio stack"]
    assert not [
        r for r in ask(inside, kb, "--component", "PersistentStore") if not r["vector"] and r["device"] == "toy device"
    ]


def test_module_is_that_of_the_nearest_integration(inside, toy: Path) -> None:
    """One row for a component, even if the id of its integration begins with that of another."""
    other = toy / "modules/beeper2/module.ttl"
    other.parent.mkdir()
    text = (toy / "modules/beeper/module.ttl").read_text("utf-8")
    other.write_text(
        text.replace("module/beeper/", "module/beeper2/").replace("beeper chip", "second chip"), encoding="utf-8"
    )
    rows = ask(inside, write(toy, TWO_RADIOS), "--component", "RadioUnit")
    modules = sorted((r["component"], r["module"]) for r in rows if r["device"] == "toy device")
    assert modules == [("beeper chip", "beeper"), ("second chip", "beeper2")]


def test_not_applicable_threats_count_nowhere(inside, toy: Path) -> None:
    """A threat that is closed by declaration is neither covered nor a sign of a weakness."""
    assert [r for r in ask(inside, toy, "--cwe", "CWE-494") if r["device"] == "toy device"]
    inside._kept.clear()
    path = toy / "devices/toy/1/impacts.ttl"
    cells = path.read_text("utf-8").split("\n\n")
    kept = [cell for cell in cells if not re.match(r":(imp|none)-(firmware|flash|cpu|dose|delivery)-", cell)]
    none = [
        f""":none-{asset}-{p[0]} a tm:NoImpact ; tm:onAsset :{asset} ; tm:ofProperty tm:property-{p} ;
    tm:axis tm:axis-safety, tm:axis-privacy, tm:axis-operation ; tm:reason "Nothing follows in a test."@en ."""
        for asset in ("firmware", "flash", "cpu", "dose", "delivery")
        for p in ("confidentiality", "integrity", "availability")
    ]
    path.write_text("\n\n".join([*kept, *none]) + "\n", encoding="utf-8")
    rows = json.loads(inside("threats", "--kb", toy, "--on", ON, "--format", "json").stdout)
    closed = {r["pattern"] for r in rows if r["not_applicable"]}
    assert closed
    done = inside("coverage", "--kb", toy, "--on", ON, "--format", "json")
    by_pattern = {
        r["key"]: r["toys"] for r in next(t["rows"] for t in json.loads(done.stdout) if "by pattern" in t["title"])
    }
    for pattern in closed:
        assert by_pattern.get(pattern, 0) == sum(r["pattern"] == pattern and not r["not_applicable"] for r in rows)
    assert not [r for r in ask(inside, toy, "--cwe", "CWE-494") if r["device"] == "toy device"]


def test_title_counts_releases_by_key(inside, toy: Path) -> None:
    """Two devices that are called the same have two releases."""
    path = toy / "devices/twin/1/release.ttl"
    path.write_text(path.read_text("utf-8").replace("twin device", "toy device"), encoding="utf-8")
    inside._kept.clear()
    done = inside("same-weakness", "--component", "RadioUnit", "--kb", toy, "--on", ON)
    assert "2 places in 2 releases" in done.stdout


def test_controls_of_members_count_once(inside, toy: Path) -> None:
    """A system takes over the controls of its members; they are counted where they are stated."""

    def by_category() -> list[dict]:
        inside._kept.clear()
        tables = json.loads(inside("coverage", "--kb", toy, "--on", ON, "--format", "json").stdout)
        return next(t["rows"] for t in tables if "by control category" in t["title"])

    before = by_category()
    assert sum(r["toys"] for r in before)
    shutil.copytree(Path(__file__).parent / "duo", toy / "devices/duo")
    assert by_category() == before
