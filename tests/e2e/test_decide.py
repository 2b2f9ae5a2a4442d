"""Decisions are written whole, in order, by one writer at a time, and nothing that was written is ever changed."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOY = Path(__file__).resolve().parent / "toy"
ON = "2026-11-23"
FILE = "devices/toy/1/decisions.ttl"
HOST = ["TOY-TA7WYA", "TOY-GOG357", "TOY-53HCG7", "TOY-QK32SU"]
BLOCK = re.compile(r"^<[^>]*decision-[^>]*> a tm:Decision ;\n(?:    .*\n)+", re.M)


def decide(run, kb: Path, *ids: str, what: str = "accept", reason: str = "Checked.", on: str = ON, **options: str):  # type: ignore[no-untyped-def]
    """Decide about threats of the toy device."""
    extra = [part for key, value in options.items() for part in (f"--{key}", value)]
    return run("decide", *ids, what, "--reason", reason, "--owner", "tester", "--kb", kb, "--on", on, *extra)


def blocks(text: str) -> list[str]:
    """Return the blocks of decisions in a file, each a subject with its statements."""
    return BLOCK.findall(text)


def test_only_added_sorted_and_shown(inside, toy: Path, toy_rows) -> None:
    """Old blocks keep their bytes, new ones stand in order, and the threat shows its decision; no number changes."""
    path = toy / FILE
    before = path.read_text(encoding="utf-8")
    rated = {r["id"]: (r["inherent"], r["residual"]) for r in toy_rows.values() if r["device"] == "toy"}
    done = decide(inside, toy, HOST[0], reason='Flood is "noticed"; \\ and ends.\nSecond line.', expires="2027-01-31")
    assert done.returncode == 0, done.stderr
    once = path.read_text(encoding="utf-8")
    assert decide(inside, toy, HOST[1], HOST[2], HOST[1], what="mitigate").returncode == 0
    twice = path.read_text(encoding="utf-8")
    for old, new in ((before, once), (once, twice)):
        assert [b for b in blocks(new) if b in blocks(old)] == blocks(old), "an old block was lost, changed or moved"
        position = 0
        for line in old.splitlines():
            position = new.find(line, position)
            assert position >= 0, f"old line gone: {line}"
    assert (len(blocks(once)), len(blocks(twice))) == (2, 4)
    subjects = [b.split(" ")[0] for b in blocks(twice)]
    assert subjects == sorted(subjects)
    inside._kept.clear()
    rows = {
        r["id"]: r
        for r in json.loads(inside("threats", "--kb", toy, "--device", "toy", "--on", ON, "--format", "json").stdout)
    }
    assert rows[HOST[0]]["decision"] == {
        "id": rows[HOST[0]]["decision"]["id"], "disposition": "accept", "reason": 'Flood is "noticed"; \\ and ends.\nSecond line.',
        "owner": "tester", "decided_on": ON, "expires": "2027-01-31", "live": True,
    }  # fmt: skip
    assert {rows[i]["decision"]["disposition"] for i in HOST[1:3]} == {"mitigate"}
    assert rows[HOST[3]]["decision"] is None
    assert {i: (r["inherent"], r["residual"]) for i, r in rows.items()} == rated
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []


def test_decision_of_a_release_without_file(inside, toy: Path) -> None:
    """The first decision makes the file, with its purpose on top."""
    assert (
        inside("threats", "--kb", toy, "--device", "toy", "--on", ON).returncode == 0
    )  # rated once, before the file goes
    (toy / FILE).unlink()
    assert decide(inside, toy, HOST[0]).returncode == 0
    text = (toy / FILE).read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert len(blocks(text)) == 1


def test_every_disposition(inside, toy: Path) -> None:
    """Each of the five can be written, and nothing else."""
    for day, what in enumerate(("accept", "mitigate", "transfer", "eliminate", "not-applicable"), start=23):
        assert decide(inside, toy, HOST[0], what=what, on=f"2026-11-{day}").returncode == 0
    assert set(re.findall(r"tm:disposition-([a-z-]+)", (toy / FILE).read_text(encoding="utf-8"))) == {
        "accept", "mitigate", "transfer", "eliminate", "not-applicable",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ids", "options"),
    [
        ([HOST[0]], {"expires": "2026-11-22"}), ([HOST[0]], {"expires": "never"}), ([HOST[0]], {"reason": "  "}), ([HOST[0]], {"owner": ""}),
        ([HOST[0]], {"what": "ignore"}), (["TOY-AAAAAA"], {}), ([HOST[0], "TOY-AAAAAA"], {}), ([HOST[0], "TWI-JWNCVF"], {}), (["../x"], {}),
    ],
    ids=["expired-before-made", "no-date", "no-reason", "no-owner", "no-disposition", "unknown", "one-unknown", "two-devices", "no-id"],
)  # fmt: skip
def test_refused_and_nothing_written(inside, toy: Path, fingerprint, ids: list[str], options: dict[str, str]) -> None:
    """Exit 2, a sentence, and the knowledge base as it was; also when only one of several threats is wrong."""
    before = fingerprint(toy)
    done = decide(inside, toy, *ids, **options)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "tmkb: " in done.stderr
    assert fingerprint(toy) == before


@pytest.mark.parametrize("what", ["accept", "mitigate"])
@pytest.mark.parametrize("fresh", [False, True], ids=["seen-in-the-file", "seen-in-the-model"])
def test_second_decision_of_a_day_is_refused(inside, toy: Path, fingerprint, what: str, fresh: bool) -> None:
    """The same or another answer on the same day: exit 2, the place of the first, nothing written for any threat."""
    assert decide(inside, toy, HOST[0]).returncode == 0
    if fresh:
        inside._kept.clear()
    before = fingerprint(toy)
    done = decide(inside, toy, HOST[1], HOST[0], what=what)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"[E-PARAM] {HOST[0]} was decided on {ON} already" in done.stderr
    place = re.search(
        r"a decision of the same day stands at (\S+decisions\.ttl):(\d+); take it back by hand", done.stderr
    )
    assert place is not None
    assert (toy / FILE).as_posix().endswith(place[1])
    lines = (toy / FILE).read_text(encoding="utf-8").splitlines()
    assert f"decision-{HOST[0].lower()}-{ON}" in lines[int(place[2]) - 1]
    assert fingerprint(toy) == before
    assert decide(inside, toy, HOST[1], HOST[0], what=what, on="2026-11-24").returncode == 0


def test_second_decision_of_a_day_is_refused_where_the_first_stands_in_another_file(inside, toy: Path) -> None:
    """A decision that a person wrote into another file of the release counts as well."""
    path = toy / FILE
    assert decide(inside, toy, HOST[0]).returncode == 0
    path.rename(path.with_name("judgements.ttl"))
    inside._kept.clear()
    done = decide(inside, toy, HOST[0], what="mitigate")
    assert done.returncode == 2
    assert "judgements.ttl:" in done.stderr
    assert not path.exists()


def test_expiry_on_the_day_itself_is_taken(inside, toy: Path) -> None:
    """A decision may hold for one day."""
    assert decide(inside, toy, HOST[0], expires=ON).returncode == 0


def test_the_bundled_example_is_read_only(run) -> None:
    """Without --kb nothing is written into the program's own folder."""
    done = run("decide", "INS-AAAAAA", "accept", "--reason", "r", "--owner", "o")
    assert done.returncode == 2
    assert "read-only" in done.stderr


def test_damaged_file_is_not_made_worse(inside, toy: Path) -> None:
    """A decisions file that is not valid is named and keeps its bytes."""
    path = toy / FILE
    damaged = path.read_text(encoding="utf-8").replace("a tm:Decision ;", "a tm:Decision")
    path.write_text(damaged, encoding="utf-8")
    done = decide(inside, toy, HOST[0])
    assert done.returncode == 2
    assert "decisions.ttl:" in done.stderr
    assert path.read_text(encoding="utf-8") == damaged


def test_read_only_folder_is_said(inside, toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be written ends in a sentence, with the old bytes."""
    before = (toy / FILE).read_bytes()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    done = decide(inside, toy, HOST[0])
    assert done.returncode == 2
    assert "E-WRITE" in done.stderr
    assert (toy / FILE).read_bytes() == before


def test_orphan_and_expired_decisions_are_shown(inside, toy: Path) -> None:
    """A decision on what is not derived stays, and check and the named query say so; so do expired ones."""
    path = toy / FILE
    head = "<https://tmkb.example/device/toy/decision-toy-aaaaaa-2026-02-01-000000> a tm:Decision ;\n"
    orphan = head + "".join(
        f"    {line} ;\n" for line in (
            "tm:asset :flash", "tm:entry :beeper.link", "tm:pattern lib:T-0003", "tm:disposition tm:disposition-accept",
            'tm:reason "r"', 'tm:owner "o"', 'tm:decidedOn "2026-02-01"^^xsd:date',
        )
    ) + '    tm:expires "2026-11-22"^^xsd:date .\n'  # fmt: skip
    path.write_text(path.read_text(encoding="utf-8") + "\n" + orphan, encoding="utf-8")
    base = ("--kb", toy, "--device", "toy", "--on", ON)
    found = json.loads(inside("query", "expired-or-orphaned-decisions", *base, "--format", "json").stdout)
    assert {(row["decision"].rsplit("/", 1)[1], row["problem"]) for row in found} == {
        ("decision-toy-aaaaaa-2026-02-01-000000", "expired"),
        ("decision-toy-aaaaaa-2026-02-01-000000", "names no derived threat"),
    }
    shapes = {
        row["shape"]
        for row in json.loads(inside("check", *base, "--fail-on", "never", "--format", "json").stdout)
        if "decision-toy-aaaaaa" in row["focus"]
    }
    assert {"tms:decision-has-threat", "tms:decision-live"} <= shapes
    later = json.loads(
        inside("query", "expired-or-orphaned-decisions", *base[:-1], "2027-06-01", "--format", "json").stdout
    )
    assert len(later) == 3


def test_expired_decision_is_no_matter_after_a_later_one(inside, toy: Path) -> None:
    """Check and the named query are silent about an expired decision while a later one on the threat is in force."""
    assert decide(inside, toy, HOST[0], on="2026-11-01", expires="2026-11-10").returncode == 0
    assert decide(inside, toy, HOST[0], on="2026-11-23", expires="2026-11-25").returncode == 0

    def said(on: str) -> tuple[list[str], list[str]]:
        base = ("--kb", toy, "--device", "toy", "--on", on, "--format", "json")
        inside._kept.clear()
        asked = json.loads(inside("query", "expired-or-orphaned-decisions", *base).stdout)
        checked = json.loads(inside("check", *base, "--fail-on", "never").stdout)
        found = [row["decision"] for row in asked if row["problem"] == "expired"]
        shaped = [
            row["focus"] for row in checked if row["shape"] == "tms:decision-live" and row["severity"] == "warning"
        ]
        return (sorted(re.findall(r"2026-\d\d-\d\d", " ".join(nodes))) for nodes in (found, shaped))  # type: ignore[return-value]

    for on, expected in {
        "2026-11-10": [], "2026-11-11": ["2026-11-01"], "2026-11-23": [], "2026-11-25": [],
        "2026-11-26": ["2026-11-01", "2026-11-23"],
    }.items():  # fmt: skip
        assert list(said(on)) == [expected, expected], on


@pytest.mark.parametrize(
    ("on", "words"),
    [
        ("2026-11-22", "accept (not in force: only from 2026-11-23)"), ("2026-11-23", "accept"),
        ("2027-01-01", "mitigate (not in force: expired 2026-12-31)"),
    ],
    ids=["not-yet", "in-force", "expired"],
)  # fmt: skip
def test_why_and_threats_say_alike_whether_a_decision_holds(inside, toy: Path, on: str, words: str) -> None:
    """A decision that is not in force is not shown as if it were."""
    given = {"what": "mitigate", "expires": "2026-12-31"} if words.startswith("mitigate") else {}
    assert decide(inside, toy, HOST[0], **given).returncode == 0
    inside._kept.clear()
    rows = csv.DictReader(
        inside("threats", "--kb", toy, "--device", "toy", "--on", on, "--format", "csv").stdout.splitlines()
    )
    assert {row["decision"] for row in rows if row["id"] == HOST[0]} == {words}
    why = inside("why", HOST[0], "--kb", toy, "--on", on).stdout
    assert f"  {words}: Checked. (tester, 2026-11-23, until {given.get('expires', 'revoked')})" in why


def test_waiver_with_a_date_that_nobody_can_read_does_not_hold(inside, toy: Path) -> None:
    """The waiver is a structural error with its place, not a fault of the program."""
    path = toy / FILE
    waiver = """
:w-soon a tm:Waiver ; tm:waivedShape <https://tmkb.example/shapes#asset-reached> ; tm:waivedNode :flash ;
    tm:reason "r" ; tm:owner "o" ; tm:decidedOn "2026-01-02"^^xsd:date ; tm:expires "next year" .
"""
    path.write_text(path.read_text(encoding="utf-8") + waiver, encoding="utf-8")
    done = inside("threats", "--kb", toy, "--device", "toy", "--on", ON)
    assert (done.returncode, done.stdout) == (2, "")
    assert "E-STRUCTURE" in done.stderr
    assert "decisions.ttl:" in done.stderr


SCRIPT = """
import os, sys
sys.path.insert(0, {root!r})
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from tmkb import decisions
number = sys.argv[1]
print("ready", flush=True)
sys.stdin.readline()
for turn in range(int(sys.argv[2])):
    what = decisions.Judgement("accept", "writer " + number + " turn " + str(turn), "tester", date(2026, 11, 23), None)
    base = "https://tmkb.example/device/toy/"
    one = "dose" if sys.argv[3] == "same" else "dose-" + str(os.getpid()) + "-" + str(turn)
    node = dict(device=base, asset=base + one, entry=base + "beeper.link", pattern="https://tmkb.example/library/T-0003")
    decisions.append(Path({folder!r}), [SimpleNamespace(id="TOY-NIUQDT")], [node], what)
"""


def writers(folder: Path, number: int, turns: int, threat: str = "own") -> list[subprocess.Popen]:
    """Start writers that go off together, each turn on a threat of its *own*, or all on the *same*."""
    code = SCRIPT.format(root=str(ROOT), folder=str(folder))
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(n), str(turns), threat],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if threat == "same" else None,
            text=True,
        )
        for n in range(number)
    ]
    for one in started:
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
    return started


def go(one: subprocess.Popen) -> None:
    assert one.stdin is not None
    one.stdin.write("\n")
    one.stdin.flush()


def test_many_writers_lose_nothing(toy: Path) -> None:
    """Eight writers with five decisions each leave forty more decisions, each once, in order, in valid Turtle."""
    folder = (toy / FILE).parent
    started = writers(folder, 8, 5)
    for one in started:
        go(one)
    for one in started:
        assert one.wait(timeout=60) == 0
    text = (toy / FILE).read_text(encoding="utf-8")
    said = re.findall(r'"(writer \d turn \d)"', text)
    assert sorted(said) == sorted(f"writer {w} turn {t}" for w in range(8) for t in range(5))
    subjects = [b.split(" ")[0] for b in blocks(text)]
    assert len(subjects) == len(set(subjects)) == 41
    assert subjects == sorted(subjects)
    import pyoxigraph as ox

    assert len({q.subject for q in ox.parse(text.encode(), format=ox.RdfFormat.TURTLE)}) == 41


def test_of_many_writers_on_one_threat_and_day_one_wins(toy: Path) -> None:
    """The first writes its decision; each other one is refused, though none knew of it when it started."""
    folder = (toy / FILE).parent
    started = writers(folder, 6, 1, "same")
    for one in started:
        go(one)
    said = [one.communicate(timeout=60)[1] for one in started]
    assert sorted(one.returncode for one in started) == [0, 1, 1, 1, 1, 1]
    assert sum("decided on 2026-11-23 already" in text for text in said) == 5
    assert len(blocks((toy / FILE).read_text(encoding="utf-8"))) == 2


def test_two_programs_at_once_lose_nothing(run, toy: Path) -> None:
    """The verb itself, started twice at the same moment, writes both decisions."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "tmkb",
        "decide",
        "accept",
        "--owner",
        "o",
        "--kb",
        str(toy),
        "--on",
        ON,
        "--reason",
    ]
    both = [
        subprocess.Popen(
            [*command[:4], HOST[n], *command[4:], f"reason {n}"], env=environment, cwd="/", stderr=subprocess.DEVNULL
        )
        for n in (1, 2)
    ]
    assert [one.wait(timeout=120) for one in both] == [0, 0]
    text = (toy / FILE).read_text(encoding="utf-8")
    assert '"reason 1"' in text
    assert '"reason 2"' in text


def test_killed_writers_leave_whole_files(toy: Path) -> None:
    """Eighteen kills at any moment: the file is always a whole one, old blocks stay, and the next writer can write."""
    import pyoxigraph as ox

    path = toy / FILE
    folder = path.parent
    kept = blocks(path.read_text(encoding="utf-8"))
    for round_ in range(3):
        started = writers(folder, 6, 1000)
        for n, one in enumerate(started):
            go(one)
            time.sleep(0.002 * (round_ + 1) + 0.001 * n)
        for one in started:
            one.send_signal(signal.SIGKILL)
            one.wait()
        text = path.read_text(encoding="utf-8")
        list(ox.parse(text.encode(), format=ox.RdfFormat.TURTLE))
        now = blocks(text)
        assert [b for b in now if b in set(kept)] == kept
        kept = now
    final = writers(folder, 1, 1)[0]
    go(final)
    assert final.wait(timeout=30) == 0
    assert len(blocks(path.read_text(encoding="utf-8"))) == len(kept) + 1
    assert len(kept) > 1, "no writer got as far as writing; the test proved nothing"


def test_left_over_temporary_files_are_not_read(inside, toy: Path) -> None:
    """What a killed writer leaves behind is hidden and has no name that is read."""
    (toy / "devices/toy/1/.abc.tmp").write_text("half a fi", encoding="utf-8")
    assert inside("devices", "--kb", toy).returncode == 0


def test_link_out_is_not_followed(inside, toy: Path, tmp_path: Path) -> None:
    """Where decisions.ttl is a link, what it points to is not rewritten behind the user's back, or the link is kept."""
    elsewhere = tmp_path / "elsewhere.ttl"
    shutil.move(toy / FILE, elsewhere)
    (toy / FILE).symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    done = decide(inside, toy, HOST[0])
    assert elsewhere.read_bytes() == before or (toy / FILE).is_symlink()
    assert done.returncode == 2 or len(blocks((toy / FILE).read_text(encoding="utf-8"))) == 2


def test_many_at_once_become_single_decisions(inside, toy: Path) -> None:
    """Chosen by pattern, asset and entry: each open threat gets a block of its own, closed ones are left out."""
    rows = json.loads(inside("threats", "--kb", toy, "--device", "toy", "--on", ON, "--format", "json").stdout)
    of_link = [r for r in rows if r["entry"] == "beeper.link"]
    waiting = {r["id"] for r in of_link if r["residual"]["acceptance"] != "acceptable" and not r["decision"]}
    assert waiting and len(waiting) < len(rows)
    before = blocks((toy / FILE).read_text(encoding="utf-8"))
    done = decide(inside, toy, device="toy", entry="beeper.li*")
    assert done.returncode == 0, done.stderr
    new = [b for b in blocks((toy / FILE).read_text(encoding="utf-8")) if b not in before]
    assert {re.search(r"decision-(\w+-\w+)-20", b)[1].upper() for b in new} == waiting  # type: ignore[index]
    inside._kept.clear()
    assert "[E-THREAT] no open threat of toy@1" in decide(inside, toy, device="toy", entry="beeper.li*").stderr
    assert decide(inside, toy, device="toy", entry="beeper.li*").returncode == 2


def worse(kb: Path) -> None:
    """Let a late dose be deadly, and say nothing about what a silent chip does."""
    path = kb / "devices/toy/1/impacts.ttl"
    text = path.read_text(encoding="utf-8")
    head, mark, tail = text.partition(":imp-dose-a-safety a tm:Impact ;")
    text = head + mark + tail.replace("tm:severity-2", "tm:severity-5", 1)
    changed = re.sub(r":imp-beeper\.chip-a-safety a tm:Impact ;\n(?:    .*\n)+", "", text)
    assert mark and changed != text
    path.write_text(changed, encoding="utf-8")


def waiting(inside, kb: Path, device: str = "toy") -> dict[str, list[dict]]:  # type: ignore[no-untyped-def]
    """Return the threats that ask for a decision and have none: rated unknown, not acceptable, and the others."""
    rows = json.loads(inside("threats", "--kb", kb, "--device", device, "--on", ON, "--format", "json").stdout)
    found: dict[str, list[dict]] = {"unknown": [], "not acceptable": [], "acceptable with a decision": []}
    for row in rows:
        kind = "unknown" if row["residual"]["rating"] == "unknown" else row["residual"]["acceptance"]
        if kind in found and not row["decision"]:
            found[kind].append(row)
    return found


def written(done, what: str) -> dict[str, str]:  # type: ignore[no-untyped-def]
    """Return the rating of each decision that an answer lists, by id."""
    return dict(re.findall(rf"^  (\w+-\w{{6}})  ([\w ]+)  {what}$", done.stderr, re.M))


@pytest.mark.parametrize("what", ["accept", "not-applicable", "mitigate", "transfer", "eliminate"])
def test_many_at_once_never_leave_what_the_policy_does_not_accept(inside, toy: Path, what: str) -> None:
    """No unknown rating is decided in bulk; one that is not acceptable only by what takes the risk away."""
    worse(toy)
    rows = waiting(inside, toy)
    assert all(rows.values()), rows
    taken = [
        *rows["acceptable with a decision"],
        *([] if what in ("accept", "not-applicable") else rows["not acceptable"]),
    ]
    before = blocks((toy / FILE).read_text(encoding="utf-8"))
    done = decide(inside, toy, device="toy", pattern="T-*", what=what)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.startswith(f"{len(taken)} decisions ({what}) written to ")
    assert written(done, what) == {row["id"]: row["residual"]["rating"] for row in taken}
    new = [b for b in blocks((toy / FILE).read_text(encoding="utf-8")) if b not in before]
    assert {re.search(r"decision-(\w+-\w+)-20", b)[1].upper() for b in new} == set(written(done, what))  # type: ignore[index]
    (left,) = [line for line in done.stderr.splitlines() if line.startswith("left out: ")]
    assert f"{len(rows['unknown'])} rated unknown" in left
    for rating in {row["residual"]["rating"] for row in rows["not acceptable"]}:
        assert (f"rated {rating}, which the policy does not accept" in left) == (
            len(taken) == len(rows["acceptable with a decision"])
        )


def test_many_at_once_with_nothing_left_say_why(inside, toy: Path) -> None:
    """The refusal counts what it left out; by its id such a threat can be decided all the same."""
    worse(toy)
    rows = waiting(inside, toy)
    before = (toy / FILE).read_bytes()
    for kind, reason in (("unknown", "rated unknown"), ("not acceptable", "which the policy does not accept")):
        row = rows[kind][0]
        asked = {part: row[part] for part in ("pattern", "asset", "entry")}
        done = decide(inside, toy, device="toy", **asked)
        assert done.returncode == 2 and "[E-THREAT] no open threat of toy@1" in done.stderr
        assert re.search(rf"left out: 1 [^;]*{reason}", done.stderr), done.stderr
    assert (toy / FILE).read_bytes() == before
    row = rows["unknown"][0]
    assert written(decide(inside, toy, row["id"], what="mitigate"), "mitigate") == {row["id"]: "unknown"}


def test_many_at_once_leave_the_rows_of_a_member_to_the_member(inside, toy: Path) -> None:
    """In a system only what none of its members has by itself is decided."""
    shutil.copytree(TOY.parent / "duo", toy / "devices" / "duo")
    open_rows = waiting(inside, toy, "duo")["acceptable with a decision"]
    of_member = [row for row in open_rows if row["member_row"]]
    assert of_member and len(of_member) < len(open_rows)
    done = decide(inside, toy, device="duo", asset="*")
    assert done.returncode == 0, done.stderr
    assert set(written(done, "accept")) == {row["id"] for row in open_rows if not row["member_row"]}
    assert f"left out: {len(of_member)} that a member has by itself (decide at the member)" in done.stderr


@pytest.mark.parametrize(
    ("ids", "options", "said"),
    [
        ((), {}, "which threats to accept?"),
        ((HOST[0],), {"pattern": "T-0001"}, "which threats to accept?"),
        ((), {"pattern": "T-0001"}, "decided for one device"),
        ((), {"pattern": "T-9999", "device": "toy"}, "no open threat"),
    ],
)
def test_many_at_once_must_be_said_clearly(inside, toy: Path, ids, options, said: str) -> None:  # type: ignore[no-untyped-def]
    """Ids or a choice, one device, and at least one threat: anything else is refused and nothing is written."""
    before = (toy / FILE).read_bytes()
    done = decide(inside, toy, *ids, **options)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert (toy / FILE).read_bytes() == before
