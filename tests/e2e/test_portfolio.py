"""Questions over all products: what covers what, and where the same weakness may sit."""

from __future__ import annotations

import csv
import io
import json
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
