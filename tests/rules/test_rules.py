"""No rule of queries/assemble, queries/derive and queries/rate is without effect, and none fires where it should not."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import rules_fixture as fx

from tmkb.derive import fire, short_id
from tmkb.model.graphs import RatedGraph, Triple


def parameters(*kinds: str) -> list[object]:
    found: list[object] = []
    for kind, rule in fx.every_rule():
        if kind in kinds:
            found.append(pytest.param(kind, rule, id=f"{kind}/{rule}"))
    return found


def whole() -> RatedGraph:
    return fx.rated()


@cache
def whole_tables() -> dict[str, list[dict[str, object]]]:
    return fx.tables(whole())


def test_the_folders_hold_the_rules_that_run() -> None:
    """Every .rq file of the three folders is a rule that the pipeline runs, and the other way round."""
    run = [(kind, rule.id) for kind in fx.STAGES for rule in fx.rules(kind)]
    assert run == fx.every_rule()
    assert len(run) > 30


@pytest.mark.parametrize(("kind", "rule"), parameters("assemble", "derive", "rate"))
def test_each_rule_fires_on_the_fixture(kind: str, rule: str) -> None:
    """A rule that makes nothing on a graph that has its case is broken."""
    assert fx.made(rule)


@pytest.mark.parametrize(("kind", "rule"), parameters("assemble"))
def test_leaving_out_an_assembly_rule_changes_the_assembled_graph(kind: str, rule: str) -> None:
    """The rule makes statements that no other rule makes; without 10-zone, what cannot be placed is not silent."""
    assert fx.assembled().local_triples - fx.assembled(rule).local_triples


@pytest.mark.parametrize(("kind", "rule"), parameters("derive", "rate"))
def test_leaving_out_a_rule_changes_what_the_verbs_show(kind: str, rule: str) -> None:
    """Without the rule some query of queries/view, which feeds every table and `why`, answers differently."""
    without = fx.tables(fx.rated(rule))
    assert without != whole_tables()


ASSEMBLED: list[tuple[str, str, str, str]] = [
    ("10-zone", ":flash", "tm:inZone", ":zone-a"),
    ("10-zone", ":plug", "tm:inZone", ":zone-b"),
    ("20-crossing", ":link", "tm:crosses", ":b-ab"),
    ("20-crossing", ":hatch", "tm:crosses", ":b-ad"),
    ("21-unstated-boundary", ":far", "tm:crosses", ":unstated.zone-a.zone-c"),
    ("21-unstated-boundary", ":unstated.zone-a.zone-c", "rdf:type", "tm:UnstatedBoundary"),
    ("22-unplaced-interface", ":loose", "tm:crosses", ":unstated.loose"),
    ("22-unplaced-interface", ":unstated.loose", "rdf:type", "tm:UnstatedBoundary"),
    ("23-scope-exception", ":hatch", "tm:crosses", ":sx"),
    ("30-itself", ":board", "tm:itself", ":board"),
]

# Rule → (what comes near, subject, predicate, object) that must not be there; an empty object stands for any.
NEAR_MISSES: dict[str, list[tuple[str, str, str, str]]] = {
    "10-zone": [
        ("a part with a zone of its own does not lie in that of its whole", ":plug", "tm:inZone", ":zone-a"),
        ("an interface has no zone", ":link", "tm:inZone", ""),
        ("what is information has no zone", ":message", "tm:inZone", ""),
    ],
    "20-crossing": [
        ("both ends in one zone cross nothing", ":bus", "tm:crosses", ""),
        ("a boundary between other zones is not crossed", ":link", "tm:crosses", ":b-ad"),
        ("zones without a stated boundary are not the business of this rule", ":far", "tm:crosses", ":b-ab"),
        ("one end alone crosses nothing stated", ":loose", "tm:crosses", ":b-ab"),
    ],
    "21-unstated-boundary": [
        ("a stated boundary is enough", ":link", "tm:crosses", ":unstated.zone-a.zone-b"),
        ("a boundary out of scope is stated too", ":hatch", "tm:crosses", ":unstated.zone-a.zone-d"),
        ("the pair of zones is named once", ":far", "tm:crosses", ":unstated.zone-c.zone-a"),
    ],
    "22-unplaced-interface": [
        ("an interface within one zone is placed", ":bus", "tm:crosses", ":unstated.bus"),
        ("an interface that states its boundary needs no ends", ":custody", "tm:crosses", ":unstated.custody"),
        ("an interface over an unstated boundary is placed", ":far", "tm:crosses", ":unstated.far"),
        ("a component without ends is no interface", ":unit", "tm:crosses", ""),
    ],
    "23-scope-exception": [
        ("a boundary that names an interface is no exception", ":bus", "tm:crosses", ":b-ad"),
        ("only the named interface is put back", ":link", "tm:crosses", ":sx"),
    ],
    "30-itself": [
        ("a person outside is no entry", ":peer", "tm:itself", ""),
        ("an interface is no component", ":link", "tm:itself", ""),
        ("information is no component", ":message", "tm:itself", ""),
        ("a component is not the entry of another", ":board", "tm:itself", ":unit"),
    ],
    "10-threat": [
        ("the entry admits nothing", ":bus", "lib:P-carried", ":message"),
        ("the asset is susceptible to nothing", ":link", "lib:P-carried", ":silence"),
        ("the asset is not carried there", ":far", "lib:P-carried", ":noise"),
        ("carried, but the pattern works on what is stored", ":far", "lib:P-stored", ":message"),
        ("stored, but the pattern works on what is carried", ":far", "lib:P-carried", ":record"),
        ("stored behind an entry that does not admit the pattern", ":hatch", "lib:P-stored", ":record"),
        ("susceptible and stored, but not behind this entry", ":far", "lib:P-stored", ":elsewhere"),
        ("what the opened host holds is consequence, no row", ":far", "lib:P-taken", ":record"),
    ],
    "20-consequence": [
        ("the target is no consequence of itself", "taken", "tm:consequence", ":board"),
        ("what another part holds does not suffer", "taken", "tm:consequence", ":elsewhere"),
        ("the whole does not suffer with the part", "taken", "tm:consequence", ":unit"),
        ("a carried asset on which nothing depends has none", "carried", "tm:consequence", ""),
    ],
    "30-member-threat": [
        ("asset and entry came in through different members", "taken", "tm:memberThreat", ""),
        ("the asset came in through a member, the entry did not", "loose", "tm:memberThreat", ""),
    ],
}  # fmt: skip


def test_each_rule_that_makes_structure_or_threats_has_a_near_miss() -> None:
    """A new rule in queries/assemble or queries/derive needs one in this file."""
    assert set(NEAR_MISSES) == {rule for kind, rule in fx.every_rule() if kind != "rate"}


def test_without_zones_every_interface_with_ends_counts_as_unplaced() -> None:
    """A lost zone never makes a vector vanish: what cannot be placed crosses an unstated boundary."""
    without = fx.assembled("10-zone").local_triples
    for name in (":link", ":far", ":loose", ":bus"):
        assert (fx.term(name), fx.term("tm:crosses"), fx.term(f":unstated.{name[1:]}")) in without


@pytest.mark.parametrize(("rule", "subject", "predicate", "value"), ASSEMBLED)
def test_the_rule_makes_what_it_should(rule: str, subject: str, predicate: str, value: str) -> None:
    """The statement is there because of this rule and of no other."""
    assert (fx.term(subject), fx.term(predicate), fx.term(value)) in fx.made(rule)


def near_misses() -> Iterator[object]:
    for rule, cases in NEAR_MISSES.items():
        for why, *case in cases:
            yield pytest.param(*case, id=f"{rule}: {why}")


def threats() -> dict[Triple, str]:
    """Return (entry, pattern, asset) → threat of the fixture."""
    return {
        (f"<{r['entry']}>", f"<{r['pattern']}>", f"<{r['asset']}>"): f"<{r['threat']}>"
        for r in whole_tables()["threats"]
    }


@pytest.mark.parametrize(("subject", "predicate", "value"), near_misses())
def test_a_near_miss_stays_silent(subject: str, predicate: str, value: str) -> None:
    """What comes near the case of a rule without being it makes nothing."""
    if predicate.startswith("lib:"):
        assert (fx.term(subject), fx.term(predicate), fx.term(value)) not in threats()
        return
    if subject in ("taken", "carried"):
        subjects = [t for (_, pattern, _), t in threats().items() if pattern == fx.term(f"lib:P-{subject}")]
    elif predicate == "tm:memberThreat":
        subjects = [t for (entry, _, _), t in threats().items() if entry == fx.term(f":{subject}")]
    else:
        subjects = [fx.term(subject)]
    assert subjects
    found = {o for s, p, o in whole().triples if s in subjects and p == fx.term(predicate)}
    assert (fx.term(value) not in found) if value else not found


def test_the_threats_of_the_fixture_are_these_and_no_others() -> None:
    """One row for each entry, pattern and asset whose three halves hold."""
    expected = {
        (":link", "lib:P-carried", ":message"), (":link", "lib:P-carried", ":noise"), (":link", "lib:P-vague", ":message"),
        (":far", "lib:P-carried", ":message"), (":far", "lib:P-stored", ":record"), (":far", "lib:P-taken", ":board"),
        (":loose", "lib:P-carried", ":message"), (":drawer", "lib:P-fails", ":drawer"),
    }  # fmt: skip
    assert set(threats()) == {tuple(map(fx.term, key)) for key in expected}


def test_the_consequences_of_a_taken_host_are_what_it_holds_contains_and_performs() -> None:
    """Stores in it, what rests in them, and the function that needs it."""
    taken = threats()[tuple(map(fx.term, (":far", "lib:P-taken", ":board")))]
    found = {o for s, p, o in whole().triples if s == taken and p == fx.term("tm:consequence")}
    assert found == {fx.term(":flash"), fx.term(":card"), fx.term(":record"), fx.term(":running")}


def test_a_threat_within_one_member_is_linked_to_the_members_own() -> None:
    """The IRI is the one that the member's device, keys and pattern give; the row shows id and release of that member."""
    found = {s: o for s, p, o in whole().triples if p == fx.term("tm:memberThreat")}
    other = "https://tmkb.example/device/oth/"
    expected = {}
    for entry, key, pattern, asset in (
        (":link", "message-key|link-key", "P-carried", ":message"), (":link", "message-key|link-key", "P-vague", ":message"),
        (":drawer", "drawer-key|drawer-key", "P-fails", ":drawer"),
    ):  # fmt: skip
        own = f"{other}|{key}|{fx.PREFIXES['lib']}{pattern}"
        threat = threats()[tuple(map(fx.term, (entry, f"lib:{pattern}", asset)))]
        expected[threat] = f"<{other}threat/{hashlib.sha256(own.encode()).hexdigest()}>"
    assert found == expected
    rows = {f"<{r['threat']}>": (r["memberRow"], r["memberRelease"]) for r in whole_tables()["threats"]}
    for threat, shown in rows.items():
        code, release = ("X", "2") if threats()[DRAWER] == threat else ("OTH", "1")
        wanted = (short_id(code, expected[threat]), f"{other}release/{release}") if threat in expected else (None, None)
        assert shown == wanted


DRAWER = tuple(map(fx.term, (":drawer", "lib:P-fails", ":drawer")))


def stage(entry: str, pattern: str, asset: str, at: str) -> dict[str, object]:
    """Return what the tables say of one threat at one stage: tier, band, unknown, ratings by axis, overall."""
    threat = threats()[tuple(map(fx.term, (entry, pattern, asset)))][1:-1]
    rows = whole_tables()
    at = fx.TM + at
    one = next(r for r in rows["exploitability"] if r["threat"] == threat and r["stage"] == at)
    overall = next(r for r in rows["overall"] if r["threat"] == threat and r["stage"] == at)
    axes = {r["axis"]: r["rating"] for r in rows["ratings"] if r["threat"] == threat and r["stage"] == at}
    severity = {r["axis"]: r["severity"] for r in rows["ratings"] if r["threat"] == threat and r["stage"] == at}
    return {**one, "axes": axes, "severity": severity, "rating": overall["rating"], "at_least": overall["atLeast"]}


INHERENT, VERIFIED, BUILT, PLANNED = "stage-inherent", "view-verified", "view-implemented", "view-planned"


def test_the_fixture_has_the_cases_of_the_rating_rules() -> None:
    """Vulnerability by parent weakness, override, condition, tier unknown in part and whole, two stores, caps."""
    link = (":link", "lib:P-carried", ":message")
    assert stage(*link, INHERENT)["tier"] == "tier II"  # the narrow flaw, through its parent
    assert stage(*link, VERIFIED)["tier"] == "tier V"  # the host's control
    assert (stage(*link, INHERENT)["severity"]["safety"], stage(*link, BUILT)["severity"]["safety"]) == (4, 2)  # type: ignore[index]
    assert stage(":far", "lib:P-carried", ":message", INHERENT)["tier"] == "tier VI"  # the override
    stored = (":far", "lib:P-stored", ":record")
    assert stage(*stored, INHERENT)["tier"] == "tier III"  # IV, eased by the condition
    assert stage(":loose", "lib:P-carried", ":message", INHERENT)["tierUnknown"] is True  # a flaw without tier
    assert stage(":loose", "lib:P-carried", ":message", INHERENT)["tier"] == "tier III"  # the known minimum
    assert stage(":link", "lib:P-vague", ":message", INHERENT)["atLeastBand"] == 1  # nothing known at all
    fails = (":drawer", "lib:P-fails", ":drawer")
    assert [stage(*fails, at)["band"] for at in (INHERENT, VERIFIED, BUILT)] == [4, 4, 2]
    assert stage(":far", "lib:P-taken", ":board", INHERENT)["severity"]["safety"] == 5  # type: ignore[index]
    assert stage(":link", "lib:P-carried", ":noise", INHERENT)["rating"] == "none"


def test_every_threat_has_one_rating_for_each_axis_and_stage() -> None:
    """Row count = threats × 3 axes × 4 stages, and threats × 4 stages overall."""
    rows = whole_tables()
    count = len(rows["threats"])
    assert len(rows["ratings"]) == len({(r["threat"], r["stage"], r["axis"]) for r in rows["ratings"]}) == count * 12
    assert len(rows["overall"]) == len(rows["exploitability"]) == count * 4


def test_deriving_and_rating_twice_adds_nothing() -> None:
    """The rules run once more over their own result make no new statement, in any of the two folders."""
    again = fire(whole().triples, [*fx.rules("derive"), *fx.rules("rate")])
    assert again == {}


def test_assembling_twice_adds_nothing() -> None:
    """The assembly rules run over an assembled release make no new statement."""
    done = fx.assembled()
    assert fire(done.core_triples | done.local_triples, fx.rules("assemble")) == {}


def test_the_order_of_rules_within_the_files_is_the_order_of_names() -> None:
    """Rules run by file name: a rule never needs what a later one makes (a second round would then add something)."""
    for kind in fx.STAGES:
        names = [rule.id for rule in fx.rules(kind)]
        assert names == sorted(names)
