"""A variant takes over its baseline; what it leaves out is said with a reason, and no threat is lost in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ON = "2026-11-23"
HEAD = """# A variant of the toy device.
# It is a test.
prefix :     <https://tmkb.example/device/mini/>
prefix tm:   <https://tmkb.example/ontology#>
prefix lib:  <https://tmkb.example/library/>
prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#>
prefix dct:  <http://purl.org/dc/terms/>
prefix xsd:  <http://www.w3.org/2001/XMLSchema#>

: a tm:Device ; rdfs:label "mini toy"@en ; tm:code "MIN" ; tm:fictional true ;
    tm:family <https://tmkb.example/family/toys> ; tm:release <https://tmkb.example/device/mini/release/1> .
<https://tmkb.example/device/mini/release/1> a tm:Release ; tm:ofDevice : ; tm:version "1" ;
    tm:variantOf <https://tmkb.example/device/toy/release/1> ;
    dct:date "2026-01-05"^^xsd:date ; tm:intendedUse "To test."@en .
"""
NO_USB = ':ex-usb a tm:Exclusion ; tm:excludes "usb" ; tm:reason "The mini has no port."@en .\n'


def variant(toy: Path, text: str = "", head: str = HEAD) -> Path:
    """Add the variant, with some more Turtle, to the toy knowledge base."""
    folder = toy / "devices" / "mini" / "1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "release.ttl").write_text(head + text, encoding="utf-8")
    return toy


def keys(run, kb: Path, device: str) -> set[tuple[str, str, str]]:  # type: ignore[no-untyped-def]
    done = run("threats", "--kb", kb, "--device", device, "--on", ON, "--format", "json")
    assert done.returncode == 0, done.stderr
    return {(r["entry"], r["pattern"], r["asset"]) for r in json.loads(done.stdout)}


def dropped(run, kb: Path) -> list[dict]:  # type: ignore[no-untyped-def]
    done = run("check", "--kb", kb, "--device", "mini", "--on", ON, "--format", "json", "--fail-on", "never")
    assert done.returncode == 0, done.stderr
    return [f for f in json.loads(done.stdout) if "dropped-threat" in f["shape"] and f["severity"] == "violation"]


def test_a_variant_that_changes_nothing_has_the_same_threats(run, toy: Path) -> None:
    """Same keys, own ids; what was decided about the baseline is not decided about the variant."""
    kb = variant(toy)
    assert keys(run, kb, "mini") == keys(run, kb, "toy")
    rows = json.loads(run("threats", "--kb", kb, "--device", "mini", "--on", ON, "--format", "json").stdout)
    assert {r["id"].split("-")[0] for r in rows} == {"MIN"} and not any(r["decision"] for r in rows)
    assert dropped(run, kb) == []


def test_an_excluded_element_goes_with_what_speaks_of_it_alone(run, toy: Path) -> None:
    """The port goes with its threats and the exclusion explains it; an excluded module goes whole."""
    kb = variant(toy, NO_USB)
    before = keys(run, kb, "toy")
    assert keys(run, kb, "mini") == {k for k in before if k[0] != "usb"} != before
    assert dropped(run, kb) == []
    variant(toy, NO_USB.replace('"usb"', '"beeper"'))
    assert keys(run, kb, "mini") == {k for k in before if not any("beeper" in part for part in k)}
    assert dropped(run, kb) == []


def test_a_threat_dropped_without_reason_is_a_finding(run, toy: Path) -> None:
    """The phone moved into the device: nothing crosses a boundary any more, and neither asset nor entry was excluded."""
    moved = ':ex-phone a tm:Exclusion ; tm:excludes "phone" ; tm:reason "It is built in."@en .\n'
    moved += ':phone a tm:Component ; rdfs:label "phone"@en ; tm:zone :zone-in ; tm:fillsSlot :beeper.peer .\n'
    kb = variant(toy, moved)
    gone = keys(run, kb, "toy") - keys(run, kb, "mini")
    assert gone and len(dropped(run, kb)) == len(gone)


def test_a_change_of_the_baseline_reaches_the_variant(run, toy: Path) -> None:
    """Nothing kept from before the change is used."""
    kb = variant(toy)
    assert keys(run, kb, "mini") == keys(run, kb, "toy")
    path = toy / "devices" / "toy" / "1" / "architecture.ttl"
    path.write_text(path.read_text("utf-8").replace("tm:UsbInterface, tm:UpdateInterface", "tm:UsbInterface"), "utf-8")
    after = keys(run, kb, "mini")
    assert after == keys(run, kb, "toy") and ("usb", "T-0025", "firmware") not in after


@pytest.mark.parametrize(
    ("text", "head", "said"),
    [
        (NO_USB.replace('"usb"', '"ubs"'), HEAD, "the baseline has no element 'ubs'"),
        (':usb a tm:UsbInterface ; rdfs:label "port"@en .\n', HEAD, "is described by the baseline too"),
        (NO_USB, HEAD.replace("tm:variantOf <https://tmkb.example/device/toy/release/1> ;", ""), "only a variant"),
        ("", HEAD.replace("toy/release/1>", "toy/release/9>"), "there is no release"),
        ("", HEAD.replace("device/toy/release/1>", "device/mini/release/1>"), "is a variant or a system itself"),
    ],
)
def test_what_does_not_fit_is_refused(run, toy: Path, text: str, head: str, said: str) -> None:
    """Exit 2 with the place, and no threats at all."""
    done = run("threats", "--kb", variant(toy, text, head), "--device", "mini", "--on", ON)
    assert (done.returncode, done.stdout) == (2, "") and said in done.stderr, done.stderr
    assert "devices/mini/1/release.ttl:" in done.stderr


def test_the_query_tells_own_taken_over_and_dropped(run, toy: Path) -> None:
    """Every threat of the variant once, every other one of the baseline with the reason of the exclusion."""
    extra = ':light a tm:UserDisplay ; rdfs:label "light"@en ; tm:protectionNeed "Shows."@en ; tm:dependsOn :cpu .\n'
    extra += ':pad a tm:OperatorPanel ; rdfs:label "pad"@en ; tm:protectionNeed "Is touched."@en ; tm:partOf :unit .\n'
    kb = variant(toy, NO_USB + extra)
    done = run("query", "variant-threats", "--kb", kb, "--on", ON, "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    mine, theirs = keys(run, kb, "mini"), keys(run, kb, "toy")
    told = {
        status: {
            tuple(r[part].rpartition("/")[2] for part in ("entry", "pattern", "asset"))
            for r in rows
            if r["status"] == status
        }
        for status in ("own", "taken over", "dropped")
    }
    assert told == {"own": mine - theirs, "taken over": mine & theirs, "dropped": theirs - mine}
    assert all(told.values())
    assert {r["reason"] for r in rows if r["status"] == "dropped"} == {"The mini has no port."}


def findings(run, kb: Path, shape: str) -> list[dict]:  # type: ignore[no-untyped-def]
    done = run("check", "--kb", kb, "--device", "mini", "--on", ON, "--format", "json", "--fail-on", "never")
    assert done.returncode == 0, done.stderr
    return [f for f in json.loads(done.stdout) if f["shape"] == f"tms:{shape}" and f["severity"] != "info"]


def extend(toy: Path, text: str) -> None:
    path = toy / "devices/toy/1/architecture.ttl"
    path.write_text(path.read_text("utf-8") + text, encoding="utf-8")


def test_an_id_with_a_dot_is_no_part_of_another(run, toy: Path) -> None:
    """Only elements of an integrated module go with their integration; of two, the longer name owns the element."""
    extend(
        toy,
        '\n:usb.service a tm:SerialInterface ; rdfs:label "second port"@en ; tm:connects :cpu, :phone ; tm:givesAccessTo :cpu .\n'
        ':beeper.two a tm:Integration ; rdfs:label "second radio"@en ; tm:module <https://tmkb.example/module/beeper/> .\n'
        ":board tm:fillsSlot :beeper.two.board . :phone tm:fillsSlot :beeper.two.peer . :dose tm:fillsSlot :beeper.two.payload .\n",
    )
    kb = variant(toy, NO_USB)
    assert {k for k in keys(run, kb, "toy") if k[0] == "usb.service"} <= keys(run, kb, "mini")
    variant(toy, NO_USB.replace('"usb"', '"beeper"'))
    second = {k for k in keys(run, kb, "toy") if any(part.startswith("beeper.two") for part in (k[0], k[2]))}
    assert second and second <= keys(run, kb, "mini")


def test_a_replaced_integration_has_its_new_elements(run, toy: Path) -> None:
    """The new module's elements are there; what the old one brought and the new one lacks is gone with a reason to look."""
    again = ':ex-b a tm:Exclusion ; tm:excludes "beeper" ; tm:reason "Another radio."@en .\n'
    again += (
        ':beeper a tm:Integration ; rdfs:label "other radio"@en ; tm:module <https://tmkb.example/module/beeper/> .\n'
    )
    again += (
        ":board tm:fillsSlot :beeper.board . :phone tm:fillsSlot :beeper.peer . :dose tm:fillsSlot :beeper.payload .\n"
    )
    kb = variant(toy, again)
    assert {k for k in keys(run, kb, "mini") if k[0] == "beeper.link"} == {
        k for k in keys(run, kb, "toy") if k[0] == "beeper.link"
    }


def test_what_defeats_a_control_that_stays_is_not_lost(run, toy: Path) -> None:
    """The condition sits at the excluded port and defeats a control at the radio: it stays and shows as incomplete."""
    extend(
        toy,
        '\n:cond-weak a tm:Condition ; rdfs:label "weak"@en ; tm:onElement :usb ; tm:eases lib:T-0004 ; tm:defeats :ctl-auth ;\n'
        '    tm:threatSource tm:source-adversary ; tm:reason "The key is on a label."@en .\n',
    )
    path = toy / "devices/toy/1/architecture.ttl"
    if "prefix lib:" not in path.read_text("utf-8"):
        path.write_text("prefix lib: <https://tmkb.example/library/>\n" + path.read_text("utf-8"), encoding="utf-8")
    kb = variant(toy, NO_USB)

    def credited(device: str) -> set[str]:
        rows = json.loads(run("threats", "--kb", kb, "--device", device, "--on", ON, "--format", "json").stdout)
        return {
            r["pattern"] for r in rows for c in r["controls"] if c["decides"] and c["name"] == "authenticated commands"
        }

    assert "T-0004" not in credited("toy") and "T-0004" not in credited("mini")
    assert findings(run, kb, "condition-complete")


def test_a_replacement_that_loses_a_threat_is_looked_at(run, toy: Path) -> None:
    """Asset and entry are both there, so the exclusion alone does not explain it: a warning for each threat."""
    new = NO_USB + (
        ':usb a tm:UsbInterface, tm:UpdateInterface ; rdfs:label "new port"@en ; tm:connects :cpu, :phone ;\n'
        '    tm:carries :firmware ; tm:givesAccessTo :flash ; tm:protocol "USB" ; tm:interfaceState tm:state-active .\n'
    )
    kb = variant(toy, new)
    gone = keys(run, kb, "toy") - keys(run, kb, "mini")
    assert gone and len(findings(run, kb, "dropped-threat-replaced")) == len(gone)
    assert dropped(run, kb) == []


def test_leaving_out_a_harm_is_shown(run, toy: Path) -> None:
    """No threat goes, but ratings fall: the check says so."""
    harm = next(p for p in (toy / "devices/toy/1").glob("*.ttl") if " a tm:Harm" in p.read_text("utf-8"))
    name = next(line.split()[0][1:] for line in harm.read_text("utf-8").splitlines() if " a tm:Harm" in line)
    kb = variant(toy, NO_USB.replace('"usb"', f'"{name}"'))
    done = run("check", "--kb", kb, "--device", "mini", "--on", ON, "--format", "json", "--fail-on", "never")
    told = [f for f in json.loads(done.stdout) if f["shape"] == "tms:exclusion-lowers"]
    assert keys(run, kb, "mini") == keys(run, kb, "toy") and [f["focus"].rpartition("/")[2] for f in told] == ["ex-usb"]


def test_software_is_neither_opened_nor_a_store(run, toy: Path) -> None:
    """The host's threats would be lost: refused with the place."""
    extend(toy, '\n:db a tm:DatabaseServer ; rdfs:label "database"@en ; tm:runsOn :cpu .\n')
    path = toy / "devices/toy/1/architecture.ttl"
    path.write_text(
        path.read_text("utf-8").replace("tm:givesAccessTo :cpu, :flash", "tm:givesAccessTo :db, :flash"), "utf-8"
    )
    done = run("threats", "--kb", toy, "--device", "toy", "--on", ON)
    assert done.returncode == 2 and "software component" in done.stderr
