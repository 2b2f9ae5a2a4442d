"""Devices that work together: a system is rated as one, each fact keeps its member, and no other device notices.

``duo/`` is a system of the two toy devices: the twin's processor is what the toy calls a phone, and the twin's radio
carries a command of the toy.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tmkb import load, pipeline, sources
from tmkb.assemble import assemble
from tmkb.errors import TmkbError
from tmkb.model.graphs import AssembledGraph
from tmkb.terms import bare, literal, tm

HERE = Path(__file__).resolve().parent
TOY, DUO = HERE / "toy", HERE / "duo"
ON = "2026-11-23"
MEMBERS = "devices/duo/1/members.ttl"
BASE = "https://tmkb.example/device/"
Rows = dict[str, dict]


def node(text: str, device: str = "duo") -> str:
    """Return the term of an element of a device."""
    return f"<{BASE}{device}/{text}>"


def add(kb: Path, name: str, text: str) -> None:
    """Append to a file of a knowledge base."""
    path = kb / name
    path.write_text(path.read_text(encoding="utf-8") + "\n" + text, encoding="utf-8")


def assembled(kb: Path, key: str = "duo@1") -> AssembledGraph:
    """Return one release as it is after stage 2; no reasoning."""
    return assemble(load.load(sources.find_sources(kb, [key])), key, pipeline.rules("assemble"))


@pytest.fixture
def duo(toy: Path) -> Path:
    """A copy of the toy knowledge base with the system in it."""
    shutil.copytree(DUO, toy / "devices" / "duo")
    return toy


@pytest.fixture(scope="module")
def duo_kb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, for tests that change nothing."""
    kb = shutil.copytree(TOY, tmp_path_factory.mktemp("duo") / "toy")
    shutil.copytree(DUO, kb / "devices" / "duo")
    return kb


@pytest.fixture(scope="module")
def duo_rows(rows, duo_kb: Path) -> Rows:
    return rows(duo_kb, "--device", "duo")


def by_key(rows: Rows) -> dict[tuple[str, str, str], dict]:
    """Return rows by asset, entry and pattern."""
    return {(r["asset"], r["entry"], r["pattern"]): r for r in rows.values()}


# -- what follows from members together ----------------------------------------------------------------------------


def test_a_threat_follows_from_facts_of_two_devices(duo_rows: Rows, toy_rows: Rows) -> None:
    """The toy's command can be forged on the twin's radio; neither device has that threat, and both ends are shown."""
    row = by_key(duo_rows)["toy.dose", "twin.beeper.link", "T-0004"]
    assert (row["asset_member"], row["asset_member_name"]) == ("toy", "toy")
    assert (row["entry_member"], row["entry_member_name"]) == ("twin", "twin")
    assert row["member_row"] is None and row["member_release"] is None
    assert row["device"] == "duo" and row["id"].startswith("DUO-") and row["iri"].startswith(f"{BASE}duo/threat/")
    assert row["inherent"]["rating_by_axis"]["safety"] == "medium"
    assert row["iri"] not in {r["iri"] for r in toy_rows.values()}
    assert {r["device"] for r in duo_rows.values()} == {"duo"}


def test_a_row_within_one_member_names_the_members_own_row(duo_rows: Rows, toy_rows: Rows) -> None:
    """Each row of the two devices comes back under its own id, with the same tier before controls; across, none does."""
    own = {
        (f"{r['device']}.{r['asset']}", f"{r['device']}.{r['entry']}", r["pattern"]): r for r in toy_rows.values()
    }  # fmt: skip
    within = {k: r for k, r in by_key(duo_rows).items() if r["asset_member"] == r["entry_member"]}
    assert set(within) == set(own)
    for key, row in within.items():
        assert (row["member_row"], row["member_release"]) == (own[key]["id"], f"{own[key]['device']}@1")
        assert row["inherent"] == own[key]["inherent"] and row["residual"] == own[key]["residual"]
    across = [r for r in duo_rows.values() if r["asset_member"] != r["entry_member"]]
    assert across and all(r["member_row"] is None for r in across)


def test_a_threat_that_only_the_system_brings_about_within_one_member_has_no_row_there(rows, duo: Path) -> None:
    """A fact of the system about two elements of the toy makes a threat that the toy alone does not have: no link."""
    add(duo, MEMBERS, ":toy.beeper.link tm:givesAccessTo :toy.cpu .\n")
    found = by_key(rows(duo, "--device", "duo"))
    new = [r for k, r in found.items() if k[:2] == ("toy.cpu", "toy.beeper.link")]
    assert new and all(r["asset_member"] == r["entry_member"] == "toy" and r["member_row"] is None for r in new)
    assert found["toy.firmware", "toy.usb", "T-0025"]["member_row"]


def test_decisions_and_controls_of_a_member_come_along(duo_rows: Rows, toy_rows: Rows) -> None:
    """The toy's control still decides on the toy's link, and nowhere else; its decision stands at the row of the system."""
    found = by_key(duo_rows)
    assert [c["id"] for c in found["toy.dose", "toy.beeper.link", "T-0004"]["controls"] if c["decides"]] == [
        "toy.ctl-auth"
    ]
    assert not [c for c in found["toy.dose", "twin.beeper.link", "T-0004"]["controls"] if c["decides"]]
    decided = found["toy.dose", "toy.beeper.link", "T-0006"]["decision"]
    assert decided["id"].startswith("toy.decision-") and decided["disposition"] == "accept"


def test_a_control_on_one_copy_of_a_device_does_not_count_for_another(rows, duo: Path) -> None:
    """Two copies of the toy take part; what protects the link of one lowers its risk and leaves the other as it was."""
    add(
        duo, MEMBERS, f':spare a tm:Membership ; rdfs:label "spare toy"@en ; tm:memberRelease <{BASE}toy/release/1> .\n'
    )
    before = by_key(rows(duo, "--device", "duo"))
    add(duo, MEMBERS, """:ctl-fresh a tm:Control ;
    rdfs:label "commands are counted"@en ; tm:ofControlType lib:C-0030 ; tm:protects :toy.beeper.link ;
    tm:status tm:status-implemented ; tm:introducesNoHazard "None."@en ; tm:usabilityCost "None."@en .
""")  # fmt: skip
    after = by_key(rows(duo, "--device", "duo"))
    assert set(after) == set(before)
    changed = {k for k in after if after[k]["residual"] != before[k]["residual"]}
    assert changed and {k[1] for k in changed} == {"toy.beeper.link"}
    spare = after["spare.dose", "spare.beeper.link", "T-0003"]
    assert spare["asset_member_name"] == "spare toy" and not [c for c in spare["controls"] if c["decides"]]
    assert spare["member_row"] == after["toy.dose", "toy.beeper.link", "T-0003"]["member_row"]


# -- other devices -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["table", "csv", "json"])
def test_a_system_changes_no_byte_of_any_other_device(inside, duo_kb: Path, style: str) -> None:
    """With and without the system in the knowledge base, toy and twin give the same answer."""
    for device in ("toy", "twin"):
        said = [
            inside("threats", "--kb", kb, "--device", device, "--on", ON, "--format", style).stdout
            for kb in (TOY, duo_kb)
        ]
        assert said[0] == said[1] and said[0]


def test_the_fields_of_systems_are_empty_for_other_devices(toy_rows: Rows, inside) -> None:
    """JSON has the fields for every device; tables of other devices have no column more."""
    fields = ("asset_member", "asset_member_name", "entry_member", "entry_member_name", "member_row", "member_release")
    assert all(row[field] is None for row in toy_rows.values() for field in fields)
    header = inside("threats", "--kb", TOY, "--on", ON, "--format", "csv").stdout.partition("\n")[0]
    assert "member" not in header


def test_the_whole_is_the_union_of_its_parts(rows, duo_kb: Path, duo_rows: Rows, toy_rows: Rows) -> None:
    """Without --device, the system stands beside the devices, each rated as alone."""
    assert rows(duo_kb) == toy_rows | duo_rows


# -- what people see -----------------------------------------------------------------------------------------------


def test_tables_name_the_member_beside_each_element(inside, duo_kb: Path) -> None:
    """'dose command [toy]', and in the last column the row that the member has by itself."""
    done = inside("threats", "--kb", duo_kb, "--device", "duo", "--on", ON, "--format", "csv")
    assert "dose command [toy],S,beeper link [twin]," in done.stdout
    assert re.search(r"dose command \[toy\],S,beeper link \[toy\],.*,TOY-[A-Z2-7]{6} \(toy@1\),", done.stdout)
    for verb in (("risk",), ("safety",), ("table", "vectors", "duo"), ("check", "--fail-on", "never")):
        device = () if verb[0] == "table" else ("--device", "duo")
        done = inside(*verb, *device, "--kb", duo_kb, "--on", ON)
        assert done.returncode == 0 and done.stdout, done.stderr


def test_why_leads_to_the_member_and_to_the_place_of_integration(inside, duo_kb: Path, duo_rows: Rows) -> None:
    """The proof names the line in the module, where the member integrates it, and where the system names the member."""
    row = by_key(duo_rows)["toy.dose", "toy.beeper.link", "T-0004"]
    said = inside("why", row["id"], "--kb", duo_kb, "--on", ON).stdout
    members = r"toy/devices/duo/1/members\.ttl:13"
    assert re.search(
        rf"toy/modules/beeper/module\.ttl:\d+ \(integrated at toy/devices/toy/1/architecture\.ttl:\d+ \(integrated at {members}",
        said,
    )
    assert re.search(rf"toy/devices/toy/1/assets\.ttl:\d+ \(integrated at {members}\)", said)


def test_a_decision_on_a_threat_of_the_system_is_written_in_its_folder(run, rows, duo: Path, duo_rows: Rows) -> None:
    """The members' files keep their bytes."""
    row = by_key(duo_rows)["toy.dose", "twin.beeper.link", "T-0004"]
    before = {p: p.read_bytes() for p in duo.rglob("*.ttl")}
    done = run("decide", row["id"], "mitigate", "--reason", "r", "--owner", "o", "--kb", duo, "--on", ON)
    assert done.returncode == 0, done.stderr
    assert {p: p.read_bytes() for p in before} == before and (duo / "devices/duo/1/decisions.ttl").is_file()
    after = by_key(rows(duo, "--device", "duo"))["toy.dose", "twin.beeper.link", "T-0004"]
    assert after["decision"]["disposition"] == "mitigate"


# -- how members come in -------------------------------------------------------------------------------------------


def test_who_is_stood_for_vanishes_and_its_relations_go_over(duo_kb: Path) -> None:
    """The toy's link ends at the twin's processor, the toy's boundary lies at the twin's zone; nothing names the phone."""
    graph = assembled(duo_kb)
    found = graph.local_triples
    named = {term for triple in found for term in triple}
    assert not named & {node("toy.phone"), node("toy.zone-out"), tm.standsFor}
    assert (node("toy.beeper.link"), tm.connects, node("twin.cpu")) in found
    assert {o for s, p, o in found if (s, p) == (node("toy.b-out"), tm.between)} == {
        node("toy.zone-in"),
        node("twin.zone-in"),
    }
    assert {o for s, p, o in found if (s, p) == (node("twin.cpu"), tm.inZone)} == {node("twin.zone-in")}
    place = str(graph.origins[node("toy.usb"), tm.connects, node("twin.cpu")])
    assert re.fullmatch(
        r"toy/devices/toy/1/architecture\.ttl:\d+ \(integrated at (\S+):13 \(integrated at \1:19\)\)", place
    )


def test_a_member_is_copied_whole_but_for_device_release_waivers_and_slots(duo_kb: Path) -> None:
    """Each other node of the member is there under its new name, with its member, its key, and the system as device."""
    graph = assembled(duo_kb)
    kinds = {(s, o) for s, p, o in graph.local_triples if p.endswith("#type>")}
    assert {s for s, o in kinds if o in (tm.Device, tm.Release)} == {graph.device, graph.release}
    assert not [s for s, o in kinds if o == tm.Slot]
    twin = assembled(duo_kb, "twin@1")
    slots = {s for s, p, o in twin.local_triples if o == tm.Slot} | {twin.device, twin.release}
    mine = {t for t in twin.local_triples if t[1] == tm.keyId and t[0] not in slots}
    for subject, _, key in mine:
        copy = f"<{BASE}duo/twin.{bare(subject).removeprefix(bare(twin.device))}>"
        assert (copy, tm.member, node("twin")) in graph.local_triples
        assert (copy, tm.memberKey, key) in graph.local_triples
        assert (copy, tm.ofDevice, graph.device) in graph.local_triples
    assert (node("twin"), tm.memberCode, literal("TWI")) in graph.local_triples


def test_a_former_id_of_a_member_stays_the_key(rows, duo: Path, duo_rows: Rows) -> None:
    """The toy renames its command: the rows of the system keep their ids, and so do the rows they are linked to."""
    for path in [*duo.glob("devices/toy/1/*.ttl"), *duo.glob("devices/toy/1/*.ttl")]:
        text = re.sub(r":dose\b(?!-)", ":command", path.read_text(encoding="utf-8"))
        path.write_text(
            text.replace(":command a tm:TherapyCommand ;", ':command a tm:TherapyCommand ; tm:formerly "dose" ;')
        )
    after = rows(duo, "--device", "duo")
    assert set(after) == set(duo_rows)
    assert {k: r["member_row"] for k, r in after.items()} == {k: r["member_row"] for k, r in duo_rows.items()}
    assert {r["asset"] for r in after.values()} >= {"toy.command"}
    assert literal("toy.dose") in {o for s, p, o in assembled(duo).local_triples if p == tm.keyId}


def test_what_is_said_of_the_party_outside_is_not_said_of_the_real_one(duo: Path) -> None:
    """Names, kind and 'no impact' go with it; an impact that somebody stated stays, and so do relations."""
    add(duo, "devices/toy/1/assets.ttl", """:hub a tm:BackendSystem ;
    rdfs:label "hub"@en ; tm:protectionNeed "Outside."@en ; tm:zone :zone-out ; tm:perceivedGain tm:grade-low .
:imp-hub a tm:Impact ; tm:onAsset :hub ; tm:ofProperty tm:property-integrity ; tm:axis tm:axis-operation ;
    tm:impactGroup tm:group-operation ; tm:words "Hub is lost."@en ; tm:level tm:severity-2 .
:none-hub a tm:NoImpact ; tm:onAsset :hub ; tm:ofProperty tm:property-integrity ; tm:axis tm:axis-privacy ; tm:reason "No."@en .
:none-both a tm:NoImpact ; tm:onAsset :hub, :cpu ; tm:ofProperty tm:property-integrity ; tm:axis tm:axis-privacy ; tm:reason "No."@en .
:delivery tm:dependsOn :hub .
""")  # fmt: skip
    add(duo, MEMBERS, ":twin.cpu tm:standsFor :toy.hub .\n")
    found = assembled(duo).local_triples
    about = {(p, o) for s, p, o in found if s == node("twin.cpu")}
    assert not {o for p, o in about if "hub" in o or o == literal("Outside.") or "grade-low" in o or "Backend" in o}
    assert (node("toy.imp-hub"), tm.onAsset, node("twin.cpu")) in found
    assert not [t for t in found if node("toy.none-hub") in t]
    assert {o for s, p, o in found if (s, p) == (node("toy.none-both"), tm.onAsset)} == {node("toy.cpu")}
    assert [t for t in found if t[0] == node("toy.delivery") and t[2] == node("twin.cpu")]


def test_a_boundary_may_stand_for_the_same_line_seen_from_the_other_side(duo: Path) -> None:
    """Both models state the line between them; in the system it is one, and what protected the other protects it."""
    add(duo, "devices/twin/1/architecture.ttl", ":wall a tm:Control ; tm:protects :b-out .\n")
    add(duo, MEMBERS, ":toy.zone-in tm:standsFor :twin.zone-out .\n:toy.b-out tm:standsFor :twin.b-out .\n")
    found = assembled(duo).local_triples
    assert (node("twin.wall"), tm.protects, node("toy.b-out")) in found
    assert {o for s, p, o in found if (s, p) == (node("toy.b-out"), tm.between)} == {
        node("toy.zone-in"),
        node("twin.zone-in"),
    }
    assert not [t for t in found if node("twin.b-out") in t]


def test_links_follow_a_member_in_what_the_system_replaces(rows, duo: Path, duo_rows: Rows) -> None:
    """The toy says that its phone is inside: alone it has no vectors any more. The system has the same rows, without links."""
    path = duo / "devices/toy/1/architecture.ttl"
    text = path.read_text(encoding="utf-8")
    phone = "    tm:zone :zone-out ;\n    tm:fillsSlot :beeper.peer ."
    assert phone in text
    path.write_text(text.replace(phone, phone.replace("zone-out", "zone-in")), encoding="utf-8")
    after = rows(duo, "--device", "duo")
    assert set(after) == set(duo_rows)
    for key, row in after.items():
        vector_of_toy = row["entry_member"] == "toy" and row["vector"]
        assert row["member_row"] == (None if vector_of_toy else duo_rows[key]["member_row"])
        assert row["residual"] == duo_rows[key]["residual"]


# -- what is refused -----------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[str, str, str, str]] = {
    "there is no such release": ("toy/release/1>", "toy/release/9>", "E-MEMBER", "no release"),
    "there is no such device": ("toy/release/1>", "tow/release/1>", "E-MEMBER", "no release"),
    "that is the IRI of no release": ("toy/release/1>", "toy>", "E-MEMBER", "no release"),
    "the folder describes another release": ("<https://tmkb.example/device/toy", "<https://else.example/device/toy", "E-MEMBER", "no release"),
    "a system is no member": ("toy/release/1>", "duo/release/1>", "E-MEMBER", "is a system itself"),
    "one release for each membership": ("twin/release/1> .", "twin/release/1>, <https://tmkb.example/device/toy/release/1> .", "E-MEMBER", "two releases"),
    "the member has no such element": (":twin.beeper.link tm:carries", ":twin.beeper.lnk tm:carries", "E-MEMBER", "beeper.lnk"),
    "the member has that element": (":twin.beeper.link tm:carries", ":twin.cpu a tm:ProcessingUnit .\n:twin.beeper.link tm:carries", "E-CLASH", "twin.cpu"),
    "a membership has the name of an element": (":twin.beeper.link tm:carries", ":toy.board a tm:Membership .\n:twin.beeper.link tm:carries", "E-CLASH", "toy.board"),
    "no part of a member can be stood for": ("tm:standsFor :toy.phone", "tm:standsFor :toy.cpu", "E-MEMBER", "cannot stand for"),
    "nothing can be stood for by a zone but a zone": (":twin.zone-in tm:standsFor :toy.zone-out", ":twin.cpu tm:standsFor :toy.zone-out", "E-MEMBER", "cannot stand for"),
    "what stands for another must be there": (":twin.cpu tm:standsFor", ":nobody tm:standsFor", "E-MEMBER", "cannot stand for"),
    "two cannot stand for one": (":twin.zone-in tm:standsFor :toy.zone-out", ":twin.board tm:standsFor :toy.phone", "E-MEMBER", "stand for"),
    "who stands for another is not stood for": (":twin.zone-in tm:standsFor :toy.zone-out", ":toy.phone tm:standsFor :twin.phone", "E-MEMBER", "is stood for"),
    "what is worked out is not written": (":twin.beeper.link tm:carries", ":twin.cpu tm:member :toy .\n:twin.beeper.link tm:carries", "E-ROLE", "worked out"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_system_that_does_not_fit_is_refused_with_its_place(duo: Path, case: str) -> None:
    """Code, file and line in the system's own file, and a hint; nothing is derived."""
    old, new, code, said = REFUSED[case]
    path = duo / MEMBERS
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(TmkbError) as caught:
        assembled(duo)
    error = caught.value
    assert (error.code, error.exit_code) == (code, 2) and said in error.message, str(error)
    assert re.fullmatch(r"toy/devices/duo/1/members\.ttl:\d+", error.where) and error.hint


def test_an_in_scope_boundary_is_not_replaced_by_one_out_of_scope(duo: Path) -> None:
    """That would make vectors vanish without a word."""
    add(duo, "devices/duo/1/members.ttl", ":case a tm:OutOfScopeBoundary .\n:case tm:standsFor :toy.b-out .\n")
    with pytest.raises(TmkbError) as caught:
        assembled(duo)
    assert caught.value.code == "E-MEMBER" and "cannot stand for" in caught.value.message


def test_a_device_with_members_is_a_system(inside, duo: Path) -> None:
    """A membership in a plain device is a structural error that says so."""
    path = duo / "devices/duo/1/release.ttl"
    path.write_text(path.read_text(encoding="utf-8").replace("tm:Device, tm:System", "tm:Device"), encoding="utf-8")
    done = inside("threats", "--kb", duo, "--device", "duo", "--on", ON)
    assert done.returncode == 2 and "E-STRUCTURE" in done.stderr and "type it as tm:Device and tm:System" in done.stderr


def test_nothing_stands_for_anything_in_a_plain_device(inside, duo: Path) -> None:
    """In a device without members nothing would be replaced; that is said, not passed over."""
    add(duo, "devices/toy/1/architecture.ttl", ":board tm:standsFor :phone .\n")
    done = inside("threats", "--kb", duo, "--device", "toy", "--on", ON)
    assert done.returncode == 2 and "E-STRUCTURE" in done.stderr and "tm:standsFor" in done.stderr


def test_order_and_splitting_of_files_change_nothing(rows, duo: Path, duo_rows: Rows) -> None:
    """The memberships in reverse order and in a file of their own: same rows."""
    path = duo / MEMBERS
    head, _, body = path.read_text(encoding="utf-8").partition(":toy a tm:Membership")
    blocks = (":toy a tm:Membership" + body).strip().split("\n\n")
    path.write_text(head + "\n\n".join(reversed(blocks[:2])) + "\n", encoding="utf-8")
    (path.parent / "facts.ttl").write_text(head + "\n\n".join(reversed(blocks[2:])) + "\n", encoding="utf-8")
    assert rows(duo, "--device", "duo") == duo_rows


def test_a_file_of_a_member_that_would_not_be_read_is_refused(run, duo: Path) -> None:
    """What is refused for the member alone is refused for the system."""
    folder = duo / "devices" / "toy" / "1" / "more"
    folder.mkdir()
    (folder / "extra.ttl").write_text("", encoding="utf-8")
    done = run("threats", "--kb", duo, "--device", "duo")
    assert done.returncode == 2 and "E-UNREAD" in done.stderr and done.stdout == ""
