"""What follows when knowledge changes: the claims of the model, each shown by one edit of a copy.

Edits of a release cost a closure each, so each claim is shown on the smallest device that can show it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOY = Path(__file__).resolve().parent / "toy"
ON = "2026-11-23"
Rows = dict[str, dict]


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Change the text of a file; an edit that changes nothing is a broken test."""
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, encoding="utf-8")


def without(*subjects: str) -> Callable[[str], str]:
    """Return an edit that removes the blocks of some subjects."""

    def change(text: str) -> str:
        for subject in subjects:
            text, number = re.subn(rf"^{re.escape(subject)} a .*?\s\.\n", "", text, flags=re.M | re.S)
            assert number == 1, subject
        return text

    return change


def of(rows: Rows, device: str) -> Rows:
    """Return the rows of one device."""
    return {key: row for key, row in rows.items() if row["device"] == device}


def ratings(rows: Rows) -> dict[str, tuple]:
    """Return what is rated, without what only cites files or policy."""
    return {k: (r["inherent"], r["residual"], r["asset"], r["entry"], r["pattern"]) for k, r in rows.items()}


@pytest.fixture(scope="module")
def insulin(rows) -> Rows:
    return rows(ROOT / "kb", "--device", "insulin-pump")


@pytest.fixture(scope="module")
def lvp(rows) -> tuple[Rows, Rows]:
    """The two releases of the shipped large-volume pump."""
    return rows(ROOT / "kb", "--device", "lvp@1.0"), rows(ROOT / "kb", "--device", "lvp@2.0")


@pytest.mark.parametrize("end", [":board", ":unit"])
def test_moving_a_port_changes_no_threat(rows, toy: Path, toy_rows: Rows, end: str) -> None:
    """Where a port sits, on chip, board or device, is drawing; what it opens decides. Same threats, same numbers."""
    edit(
        toy / "devices/toy/1/architecture.ttl",
        lambda text: text.replace("tm:connects :cpu, :phone", f"tm:connects {end}, :phone"),
    )
    assert rows(toy, "--device", "toy") == of(toy_rows, "toy")


def test_a_pattern_of_ones_own_hits_every_device_that_fits(rows, toy: Path, toy_rows: Rows) -> None:
    """One file in library/ gives threats in each device that has the vector and the kind, and changes no other row."""
    (toy / "library/threats").mkdir(parents=True)
    (toy / "library/threats/T-9001-own.ttl").write_text(
        """# A threat found by people: a penetration test of a supplier.
# It comes in over Bluetooth and hits commands.
prefix tm:   <https://tmkb.example/ontology#>
prefix lib:  <https://tmkb.example/library/>
prefix owl:  <http://www.w3.org/2002/07/owl#>
prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#>
prefix skos: <http://www.w3.org/2004/02/skos/core#>
prefix dct:  <http://purl.org/dc/terms/>

lib:T-9001 a tm:AdversarialPattern ;
    rdfs:label "Commands out of order"@en ;
    skos:definition "Commands are held back and let go in another order."@en ;
    tm:via tm:carriedOver ;
    tm:violates tm:property-integrity ;
    tm:stride tm:stride-tampering ;
    tm:strideReason "The order is altered."@en ;
    tm:threatSource tm:source-adversary ;
    tm:defaultTier tm:tier-3 ;
    tm:basis "Needs a place between both ends."@en ;
    tm:exploitsWeakness lib:CWE-294 ;
    tm:reference "CAPEC-94" ;
    tm:counteredBy lib:C-0030 ;
    tm:detection "Counters jump."@en ;
    tm:response "Stop."@en ;
    tm:knownGaps "none known"@en ;
    tm:easeOfDiscovery tm:grade-low ;
    dct:source lib:S-0007 .

tm:BluetoothVector rdfs:subClassOf [ a owl:Restriction ; owl:onProperty tm:admits ; owl:hasValue lib:T-9001 ] .

tm:TherapyCommand rdfs:subClassOf [ a owl:Restriction ; owl:onProperty tm:susceptibleTo ; owl:hasValue lib:T-9001 ] .
""",
        encoding="utf-8",
    )
    after = rows(toy)
    new = {k: r for k, r in after.items() if k not in toy_rows}
    assert {(r["device"], r["asset"], r["entry"], r["pattern"]) for r in new.values()} == {
        ("toy", "dose", "beeper.link", "T-9001"), ("twin", "dose", "beeper.link", "T-9001"),
    }  # fmt: skip
    assert ratings({k: after[k] for k in toy_rows}) == ratings(toy_rows)
    assert all(r["inherent"]["tier"] for r in new.values())


def test_a_control_on_one_copy_of_a_module_stays_there(rows, toy: Path, toy_rows: Rows) -> None:
    """A control on the toy's copy of the shared module lowers risk there and changes nothing in the twin."""
    before = toy_rows
    edit(
        toy / "devices/toy/1/controls.ttl",
        lambda text: (
            text
            + """
:ctl-fresh a tm:Control ;
    rdfs:label "commands are counted"@en ;
    tm:ofControlType lib:C-0030 ;
    tm:protects :beeper.link ;
    tm:status tm:status-implemented ;
    tm:introducesNoHazard "A counter delays nothing."@en ;
    tm:usabilityCost "None."@en .
"""
        ),
    )
    after = rows(toy)
    assert of(after, "twin") == of(before, "twin")
    assert set(after) == set(before)
    changed = {k for k in of(after, "toy") if after[k]["residual"] != before[k]["residual"]}
    assert changed
    assert {after[k]["entry"] for k in changed} == {"beeper.link"}
    assert {k: r["inherent"] for k, r in after.items()} == {k: r["inherent"] for k, r in before.items()}
    replay = next(k for k in changed if after[k]["pattern"] == "T-0003")
    assert [c["id"] for c in after[replay]["controls"] if c["decides"]] == ["ctl-fresh"]


def test_the_shipped_pumps_share_a_module_and_nothing_else(insulin: Rows, lvp: tuple[Rows, Rows]) -> None:
    """The control that every product gets from the module stands in each one under its own name."""
    for found in (insulin, lvp[1]):
        assert any(c["id"].endswith(".ctl-link-encryption") for r in found.values() for c in r["controls"])
    assert not {r["iri"] for r in insulin.values()} & {r["iri"] for r in lvp[1].values()}


def test_deleting_an_impact_makes_unknown_and_removes_no_row(rows, kb: Path, insulin: Rows) -> None:
    """Of a shipped device: same rows; those that lose integrity of the asset, and what holds it, are unknown; no other changes."""
    edit(kb / "devices/insulin-pump/1.0/impacts.ttl", without(":imp-bolus-command-i-safety"))
    after = rows(kb, "--device", "insulin-pump")
    assert set(after) == set(insulin)
    hit = {k for k, r in after.items() if r["asset"] == "bolus-command" and "integrity" in r["violates"]}
    assert hit
    for key in hit:
        for stage in ("inherent", "residual"):
            assert after[key][stage]["rating"] == "unknown"
            assert after[key][stage]["rating_by_axis"]["safety"] == "unknown"
            assert after[key][stage]["acceptance"] == "not acceptable"
    changed = {k for k in after if ratings(after)[k] != ratings(insulin)[k]}
    assert hit <= changed
    assert {after[k]["inherent"]["rating"] for k in changed} == {"unknown"}
    names = {after[k]["asset"] for k in changed}
    assert "bolus-command" in names
    assert len(changed) < len(after) / 2


def test_deleting_a_boundary_is_no_silence(inside, toy: Path, toy_rows: Rows) -> None:
    """With the boundary gone, what crossed it is a vector of an unstated boundary: same threats, and a finding."""
    edit(toy / "devices/toy/1/architecture.ttl", without(":b-out"))
    done = inside("threats", "--kb", toy, "--device", "toy", "--on", ON, "--format", "json")
    after = {f"{r['device']}@{r['release']} {r['id']}": r for r in json.loads(done.stdout)}
    assert ratings(after) == ratings(of(toy_rows, "toy"))
    done = inside("check", "--kb", toy, "--device", "toy", "--on", ON, "--format", "json", "--fail-on", "never")
    found = [f for f in json.loads(done.stdout) if f["shape"] == "tms:boundary-stated"]
    assert found
    assert "zone-" in json.dumps(found)


def test_renaming_reordering_and_neighbours_change_nothing(rows, kb: Path, toy: Path, toy_rows: Rows) -> None:
    """Statements in reverse order, all in one file, other prefixes, other blank-node forms, and an unrelated device: same rows."""
    folder = toy / "devices/toy/1"
    blocks: list[str] = []
    for path in sorted(folder.glob("*.ttl")):
        text = path.read_text(encoding="utf-8")
        path.unlink()
        blocks += [b for b in re.split(r"\n\n+", text.partition("XMLSchema#>\n")[2]) if b.strip()]
    heads = """# Everything about the toy device in one file, from the end to the beginning.
# Other prefixes, same statements.
@prefix d: <https://tmkb.example/device/toy/> .
@prefix core: <https://tmkb.example/ontology#> .
@prefix l: <https://tmkb.example/library/> .
@prefix r: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix s: <http://www.w3.org/2004/02/skos/core#> .
@prefix t: <http://purl.org/dc/terms/> .
@prefix x: <http://www.w3.org/2001/XMLSchema#> .

"""
    names = {"tm:": "core:", "lib:": "l:", "rdfs:": "r:", "skos:": "s:", "dct:": "t:", "xsd:": "x:"}

    def renamed(block: str) -> str:
        parts = re.split(r'("(?:[^"\\]|\\.)*"|<[^>]*>)', block)
        for i in range(0, len(parts), 2):
            for old, new in names.items():
                parts[i] = re.sub(rf"\b{old}", new, parts[i])
            parts[i] = re.sub(r"(^|(?<=[\s,]))(?<![A-Za-z]):", "d:", parts[i])
        return "".join(parts)

    (folder / "all.ttl").write_text(heads + "\n\n".join(renamed(b) for b in reversed(blocks)) + "\n", encoding="utf-8")
    for path in toy.glob("devices/twin/1/*.ttl"):
        path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (kb / "devices/lvp").rename(toy / "devices/lvp")
    for part in ("ble-radio", "battery-module"):
        if (kb / "modules" / part).exists():
            (kb / "modules" / part).rename(toy / "modules" / part)
    (kb / "families/families.ttl").rename(toy / "families/shipped.ttl")
    after = rows(toy, "--device", "toy", TMKB_CACHE="")
    assert {k: r | {"basis": ""} for k, r in after.items()} == {
        k: r | {"basis": ""} for k, r in of(toy_rows, "toy").items()
    }


def test_ids_survive_a_release(lvp: tuple[Rows, Rows]) -> None:
    """Of the two pump releases: where device, asset, entry and pattern are the same, so is the id, and nowhere else."""
    one, two = (rows.values() for rows in lvp)
    first = {(r["asset"], r["entry"], r["pattern"]): (r["id"], r["iri"]) for r in one}
    second = {(r["asset"], r["entry"], r["pattern"]): (r["id"], r["iri"]) for r in two}
    common = first.keys() & second.keys()
    assert len(common) > 100
    assert all(first[key] == second[key] for key in common)
    ids = {v for k, v in first.items() if k not in common}
    assert not ids & set(second.values())


@pytest.mark.parametrize(
    "verb", [("threats", "--format", "json"), ("check", "--format", "csv", "--fail-on", "never")], ids=" ".join
)
def test_outputs_are_the_same_bytes_everywhere(run, verb: tuple[str, ...], tmp_path: Path) -> None:
    """Other hash seed, locale, time zone, home and working cache: same bytes."""
    base = (*verb, "--kb", TOY, "--device", "toy", "--on", ON)
    fresh = {"TMKB_CACHE": ""} if verb[0] == "threats" else {}
    worlds = (
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Pacific/Kiritimati", **fresh},
        {
            "PYTHONHASHSEED": "4242",
            "LC_ALL": "tr_TR.UTF-8",
            "TZ": "America/Anchorage",
            "HOME": str(tmp_path),
            "PYTHONUTF8": "0",
        },
    )
    first, second = (run(*base, **world) for world in worlds)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout
