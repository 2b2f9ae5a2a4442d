"""Every verb, in every format it has: exit code, what stands on stdout and what on stderr, and that all agree.

The table of verbs runs inside this process over the toy knowledge base, so that each format can be looked at in
milliseconds; each verb then runs once more as a process of its own, and a shipped device is asked for the promises
that matter most.
"""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOY = Path(__file__).resolve().parent / "toy"
ON = "2026-11-23"
RATINGS = ["none", "low", "medium", "high", "very high", "unknown"]
AXES = {"safety", "privacy", "operation"}
FORMATS = ("table", "json", "csv", "markdown")
TABLES = {
    "assets": {"id", "asset", "kind", "holder", "need", "confidentiality", "integrity", "availability"},
    "vectors": {"vector", "boundary", "medium", "reach"},
    "sources": {"source"},
    "stride": {"category"},
    "threats": {"id", "asset", "stride", "entry", "pattern", "source", "before", "controls", "after", "decision"},
    "controls": {"control", "status", "protects"},
}
QUERIES = {
    "advisory-landing", "controls-without-verification", "crosswalk-threats", "dormant-interfaces", "expired-or-orphaned-decisions", "open-hand-overs",
    "patterns-in-several-products", "safety-assets-reachable-by-radio", "threats-by-stride-and-family", "threats-of-module",
    "unacceptable-residual-risks", "variant-threats", "vector-class-without-control-category",
}  # fmt: skip
COUNT = "SELECT (COUNT(DISTINCT ?t) AS ?n) WHERE { GRAPH ?g { ?t a <https://tmkb.example/ontology#Threat> } }"
REPLAY = "TOY-NIUQDT"
KB = ("--kb", str(TOY))
JUDGED = ("--on", ON)
WHY_NOT = ("why-not", *KB, *JUDGED, "--device", "toy", "--vector", "usb", "--pattern", "T-0003", "--asset", "dose")

# verb and arguments → columns that every row must have; verbs that answer with several tables are marked
CASES: dict[str, tuple[tuple[str, ...], set[str], bool]] = {
    "devices": (("devices", *KB), {"device", "release", "name", "code", "family", "date"}, False),
    "threats": (("threats", *KB, *JUDGED, "--device", "toy"), TABLES["threats"], False),
    "threats-planned": (("threats", *KB, *JUDGED, "--device", "toy", "--view", "planned"), TABLES["threats"], False),
    "risk": (("risk", *KB, *JUDGED, "--device", "toy"), set(), True),
    "safety": (("safety", *KB, *JUDGED, "--device", "toy"), set(), True),
    "queries": (("query", *KB, *JUDGED), {"name", "question", "parameters"}, False),
    "why": (("why", REPLAY, *KB, *JUDGED), {"depth", "text", "where", "rule"}, False),
    "why-not": (WHY_NOT, {"depth", "text", "where", "rule"}, False),
    "doctor": (("doctor", *KB), {"what", "value"}, False),
    "coverage": (("coverage", *KB, *JUDGED), set(), True),
    "same-weakness": (
        ("same-weakness", "--vector", "UsbVector", *KB, *JUDGED),
        {"component", "vector", "controls"},
        False,
    ),
    **{f"table-{n}": (("table", n, "toy", *KB, *JUDGED), columns, False) for n, columns in TABLES.items()},
    **{f"query-{n}": (("query", n, *KB, *JUDGED), set(), False) for n in sorted(QUERIES)},
}


def tables_of_csv(text: str) -> list[list[dict[str, str]]]:
    """Return the rows of each table; tables are apart by an empty line outside quotes."""
    parts: list[list[list[str]]] = [[]]
    for line in csv.reader(io.StringIO(text)):
        if line:
            parts[-1].append(line)
        else:
            parts.append([])
    assert all(len({len(line) for line in part}) <= 1 for part in parts), "ragged rows"
    return [[dict(zip(part[0], line, strict=True)) for line in part[1:]] for part in parts if part]


def tables_of_markdown(text: str) -> list[int]:
    """Return the number of body rows of each table; every row has as many cells as its heading."""
    found = []
    for block in re.split(r"^### ", text, flags=re.M)[1:]:
        lines = [line for line in block.splitlines() if line.startswith("|")]
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
        assert len(cells) == 1, cells
        assert re.fullmatch(r"\|( --- \|)+", lines[1])
        found.append(len(lines) - 2)
    return found


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_every_verb_in_every_format(inside, case: str, style: str) -> None:
    """Exit 0; stdout is the answer in the wanted format with the promised columns; nothing else is on it."""
    arguments, columns, several = CASES[case]
    done = inside(*arguments, "--format", style)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.endswith("\n")
    assert "judged on" not in done.stdout
    if style == "json":
        value = json.loads(done.stdout)
        tables = [part["rows"] for part in value] if several else [value]
        if case.startswith("threats"):
            columns = {"id", "asset", "stride", "entry", "pattern"}
        assert all(columns <= set(row) for rows in tables for row in rows)
    elif style == "csv":
        tables = tables_of_csv(done.stdout)
        assert all(columns <= set(row) for rows in tables for row in rows)
    elif style == "markdown":
        assert tables_of_markdown(done.stdout)
    else:
        assert "\x1b" not in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 160 or case.startswith("why")


@pytest.mark.parametrize("case", [c for c in CASES if not CASES[c][2] and not c.startswith("threats")])
def test_formats_have_the_same_rows(inside, case: str) -> None:
    """JSON, CSV and Markdown of one answer have the same number of rows, and JSON and CSV the same columns."""
    arguments, _, _ = CASES[case]
    json_rows = json.loads(inside(*arguments, "--format", "json").stdout)
    csv_rows = [row for rows in tables_of_csv(inside(*arguments, "--format", "csv").stdout) for row in rows]
    markdown = tables_of_markdown(inside(*arguments, "--format", "markdown").stdout)
    assert len(json_rows) == len(csv_rows) == sum(markdown)
    if json_rows:
        assert list(json_rows[0]) == list(csv_rows[0])
    for one, other in zip(json_rows, csv_rows, strict=True):
        for key, cell in one.items():
            shown = "" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)
            assert other[key].lstrip("'") == shown.lstrip("'"), key


@pytest.mark.parametrize("case", ["risk", "safety"])
def test_answers_of_several_tables_keep_their_titles(inside, case: str) -> None:
    """The same titles, with as many rows, in JSON, Markdown and CSV."""
    arguments, _, _ = CASES[case]
    value = json.loads(inside(*arguments, "--format", "json").stdout)
    markdown = inside(*arguments, "--format", "markdown").stdout
    assert re.findall(r"^### (.*)$", markdown, re.M) == [part["title"] for part in value]
    assert tables_of_markdown(markdown) == [len(part["rows"]) for part in value]
    assert [len(t) for t in tables_of_csv(inside(*arguments, "--format", "csv").stdout)] == tables_of_markdown(markdown)


def test_query_list_is_the_ten_named_queries(inside) -> None:
    """The list has the ten questions, each with its parameters, and each one can be run by its name."""
    listed = json.loads(inside("query", *KB, "--format", "json").stdout)
    assert {row["name"] for row in listed} == QUERIES
    assert all(row["question"].endswith("?") for row in listed)


def test_query_takes_parameters(inside) -> None:
    """A module by slug narrows the answer to it; the same name in full gives the same rows."""
    every = json.loads(inside("query", "threats-of-module", *KB, *JUDGED, "--format", "json").stdout)
    short = inside("query", "threats-of-module", *KB, *JUDGED, "-p", "module=beeper", "--format", "json").stdout
    full = inside(
        "query",
        "threats-of-module",
        *KB,
        *JUDGED,
        "-p",
        "module=https://tmkb.example/module/beeper/",
        "--format",
        "json",
    ).stdout
    assert json.loads(short) == json.loads(full) == every
    assert {row["deviceName"] for row in every} == {"toy device", "twin device"}


def test_check_gates_by_severity(inside) -> None:
    """The toy devices have warnings and no violation: exit 0 by default, 1 from warning on, 0 when told never."""
    base = ("check", *KB, *JUDGED)
    assert inside(*base).returncode == 0
    assert inside(*base, "--fail-on", "warning").returncode == 1
    assert inside(*base, "--fail-on", "info").returncode == 1
    assert inside(*base, "--fail-on", "never").returncode == 0


@pytest.mark.parametrize("style", FORMATS)
def test_check_in_every_format(inside, style: str) -> None:
    """Findings say severity, release, shape, node, message and place, in each format."""
    done = inside("check", *KB, *JUDGED, "--format", style)
    assert done.returncode == 0
    if style == "json":
        found = json.loads(done.stdout)
        assert {"severity", "release", "shape", "focus", "message", "where", "waived_by"} <= set(found[0])
        assert {row["severity"] for row in found if "nothing in this release" not in row["message"]} == {"warning"}
        assert {row["release"] for row in found} == {"toy@1", "twin@1"}
        assert all(row["message"] for row in found)
    elif style == "csv":
        assert tables_of_csv(done.stdout)[0][0]["severity"] == "warning"
    else:
        assert "tms:medium-risk-decided" in re.sub(r"\s+", "", done.stdout) or style == "table"


def test_threats_json_has_the_promised_fields(run) -> None:
    """Each row of a shipped device is whole: identity, classification, both stages, controls, decision, evidence."""
    done = run("threats", "--kb", ROOT / "kb", "--device", "insulin-pump", *JUDGED, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads(done.stdout)
    assert len(rows) > 100
    assert len({row["id"] for row in rows}) == len({row["iri"] for row in rows}) == len(rows)
    assert len({(row["asset"], row["entry"], row["pattern"]) for row in rows}) == len(rows)
    for row in rows:
        assert re.fullmatch(r"INS-[A-Z2-7]{6}", row["id"])
        assert row["iri"].startswith("https://tmkb.example/device/insulin-pump/threat/")
        assert (row["device"], row["release"], row["path"]) == ("insulin-pump", "1.0", False)
        assert re.fullmatch(r"T-\d{4}", row["pattern"])
        assert row["vector"] in (None, row["entry"])
        for name in ("family", "stride", "violates", "sources", "controls", "advisories", "verification"):
            assert isinstance(row[name], list), name
        assert row["family"] and row["stride"] and row["violates"] and row["sources"]
        for stage in (row["inherent"], row["residual"]):
            assert {"tier", "band", "severity_by_axis", "rating_by_axis", "rating"} <= set(stage)
            assert set(stage["severity_by_axis"]) == set(stage["rating_by_axis"]) == AXES
            assert set(stage["rating_by_axis"].values()) <= set(RATINGS)
            assert stage["rating"] == max(stage["rating_by_axis"].values(), key=RATINGS.index)
            assert (stage["at_least"] is None) or stage["rating"] == "unknown"
        before, after = row["inherent"], row["residual"]
        assert RATINGS.index(after["rating"]) <= RATINGS.index(before["rating"])
        assert after["band"] <= before["band"]
        for control in row["controls"]:
            assert {"id", "name", "type", "status", "decides"} <= set(control)
        if row["decision"]:
            assert {"disposition", "reason", "owner", "decided_on", "expires"} <= set(row["decision"])
    assert any(row["decision"] for row in rows)
    assert any(row["advisories"] for row in rows)
    assert any(row["verification"] for row in rows)
    assert any(row["vector"] is None for row in rows)


def test_json_csv_table_markdown_and_sparql_agree(inside) -> None:
    """P21: the rating of each threat of a shipped device is the same wherever it is read."""
    base = ("--kb", ROOT / "kb", "--device", "insulin-pump", *JUDGED)
    rows = {row["id"]: row for row in json.loads(inside("threats", *base, "--format", "json").stdout)}
    live = {i: (r["inherent"]["rating"], r["residual"]["rating"]) for i, r in rows.items() if not r["not_applicable"]}
    listed = tables_of_csv(inside("threats", *base, "--format", "csv").stdout)
    assert {r["id"]: (r["before"].split(" (")[0], r["after"].split(" (")[0]) for r in listed[0]} == live
    assert {r["id"] for t in listed[1:] for r in t} == set(rows) - set(live)
    text = """PREFIX tm: <https://tmkb.example/ontology#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
        SELECT ?id ?before ?after WHERE { GRAPH ?g { ?t a tm:Threat ; tm:shortId ?id .
            ?b a tm:OverallRating ; tm:ofThreat ?t ; tm:stage tm:stage-inherent ; tm:rating ?x .
            ?a a tm:OverallRating ; tm:ofThreat ?t ; tm:stage tm:view-implemented ; tm:rating ?y }
          GRAPH <https://tmkb.example/core> { ?x rdfs:label ?before } GRAPH <https://tmkb.example/core> { ?y rdfs:label ?after } }"""
    done = inside("sparql", "-", *base, "--format", "json", stdin=text)
    assert done.returncode == 0, done.stderr
    told = {r["id"]: (r["before"], r["after"]) for r in json.loads(done.stdout)}
    assert told == {i: (r["inherent"]["rating"], r["residual"]["rating"]) for i, r in rows.items()}
    bad = json.loads(inside("query", "unacceptable-residual-risks", *base, "--format", "json").stdout)
    assert {r["id"] for r in bad} == {
        i
        for i, r in rows.items()
        if r["residual"]["acceptance"] == "not acceptable" and i in live and r["residual"]["rating"] != "unknown"
    }


def test_views_only_add_credit(inside) -> None:
    """Ratings after controls: planned ≤ implemented ≤ verified ≤ before, for every threat."""
    seen = {}
    for view in ("planned", "implemented", "verified"):
        rows = json.loads(inside("threats", *KB, *JUDGED, "--view", view, "--format", "json").stdout)
        seen[view] = {
            r["id"]: (RATINGS.index(r["inherent"]["rating"]), RATINGS.index(r["residual"]["rating"])) for r in rows
        }
    for threat, (before, verified) in seen["verified"].items():
        assert seen["planned"][threat][1] <= seen["implemented"][threat][1] <= verified <= before
    assert seen["planned"] != seen["implemented"]


def test_risk_counts_what_threats_lists(inside) -> None:
    """The counts by rating are those of the list of threats, and the matrix has each known pair once."""
    rows = json.loads(inside("threats", *KB, *JUDGED, "--device", "toy", "--format", "json").stdout)
    value = {
        part["title"]: part["rows"]
        for part in json.loads(inside("risk", *KB, *JUDGED, "--device", "toy", "--format", "json").stdout)
    }
    counts = next(t for title, t in value.items() if "by worst rating" in title)
    for row in counts:
        assert row["before"] == sum(r["inherent"]["rating"] == row["rating"] for r in rows)
        assert row["after"] == sum(r["residual"]["rating"] == row["rating"] for r in rows)
    for word, stage in (("before", "inherent"), ("after", "residual")):
        matrix = next(t for title, t in value.items() if f", {word} controls" in title)
        counted = sum(
            int(cell.split(" ")[0]) for row in matrix for key, cell in row.items() if key.startswith("severity")
        )
        assert counted == sum(s is not None for r in rows for s in r[stage]["severity_by_axis"].values())


def test_why_explains_with_places_and_ends_at_files(inside) -> None:
    """The proof names the three halves, the deciding flaw, and file and line of facts of device, module and library."""
    lines = json.loads(inside("why", REPLAY, *KB, *JUDGED, "--format", "json").stdout)
    places = " ".join(line["where"] for line in lines)
    for file in (
        "devices/toy/1/vulnerabilities.ttl:",
        "modules/beeper/module.ttl:",
        "library/threats/T-0003-replay.ttl:",
    ):
        assert file in places
    text = " ".join(line["text"] for line in lines)
    assert "commands can be sent again" in text
    for line in lines:
        for file, number in re.findall(r"toy/(\S+?\.ttl):(\d+)", line["where"]):
            assert int(number) <= len((TOY / file).read_text(encoding="utf-8").splitlines())


def test_why_not_names_the_missing_half(inside) -> None:
    """Replay does not come in at a wired port; the asset is susceptible, so the entry is the missing half."""
    done = inside(*WHY_NOT)
    assert done.returncode == 0
    assert "admit" in done.stdout


def test_families_narrow_and_unknown_ones_are_refused(run) -> None:
    """--family keeps the devices of that family; a family nobody belongs to is an error, not an empty answer."""
    assert "toy" in run("devices", *KB, "--family", "toys", "--format", "csv").stdout
    done = run("threats", *KB, *JUDGED, "--family", "cardiac")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cardiac" in done.stderr


# -- as a process of its own ---------------------------------------------------------------------------------------

VERBS = {
    "devices": CASES["devices"][0],
    "check": ("check", *KB, *JUDGED, "--device", "toy"),
    "threats": CASES["threats"][0],
    "risk": CASES["risk"][0],
    "safety": CASES["safety"][0],
    "table": CASES["table-threats"][0],
    "coverage": CASES["coverage"][0],
    "same-weakness": CASES["same-weakness"][0],
    "query": CASES["query-threats-of-module"][0],
    "why": CASES["why"][0],
    "why-not": WHY_NOT,
    "doctor": CASES["doctor"][0],
}


@pytest.mark.parametrize("verb", VERBS)
def test_the_process_prints_what_the_inside_says(run, inside, fingerprint, verb: str) -> None:
    """Same bytes as inside; no word on stderr when all was told; no byte of the knowledge base changed."""
    before = fingerprint(TOY)
    done = run(*VERBS[verb])
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == inside(*VERBS[verb]).stdout
    assert fingerprint(TOY) == before


def test_talk_goes_to_stderr(run) -> None:
    """Without --kb and --on the program says what it uses and which day it judges, never on stdout."""
    done = run("devices", "--format", "json")
    assert done.returncode == 0
    assert "bundled example" in done.stderr
    assert {row["device"] for row in json.loads(done.stdout)} == {p.name for p in (ROOT / "kb" / "devices").iterdir()}
    done = run("query", *KB, "--format", "json")
    assert re.fullmatch(r"judged on \d{4}-\d\d-\d\d\n", done.stderr)
    json.loads(done.stdout)


def test_sparql_forms(run) -> None:
    """SELECT and CONSTRUCT answer in rows, from a file and from standard input."""
    done = run("sparql", "-", *KB, "--device", "toy", *JUDGED, "--format", "json", stdin=COUNT)
    assert (done.returncode, json.loads(done.stdout)) == (0, [{"n": "17"}])
    made = COUNT.replace("SELECT (COUNT(DISTINCT ?t) AS ?n)", "CONSTRUCT { ?t a <https://x.example/T> }")
    done = run("sparql", "-", *KB, "--device", "toy", *JUDGED, "--format", "csv", stdin=made)
    assert done.returncode == 0
    assert len(tables_of_csv(done.stdout)[0]) == 17


def test_sparql_ask(run) -> None:
    """ASK answers true or false."""
    ask = "ASK { GRAPH ?g { ?t a <https://tmkb.example/ontology#Threat> } }"
    done = run("sparql", "-", *KB, "--device", "toy", *JUDGED, "--format", "json", stdin=ask)
    assert (done.returncode, json.loads(done.stdout)) == (0, [{"answer": "true"}])


def test_sparql_describe(run) -> None:
    """DESCRIBE of a node of a release says something about it."""
    done = run(
        "sparql",
        "-",
        *KB,
        "--device",
        "toy",
        *JUDGED,
        "--format",
        "json",
        stdin="DESCRIBE <https://tmkb.example/device/toy/dose>",
    )
    assert done.returncode == 0
    assert "dose command" in done.stdout


def test_sparql_reads_a_file(run, tmp_path: Path) -> None:
    """A file with a query is the same as standard input; a file that is not there is named."""
    (tmp_path / "q.rq").write_text(COUNT, encoding="utf-8")
    done = run("sparql", tmp_path / "q.rq", *KB, "--device", "toy", *JUDGED, "--format", "csv")
    assert done.stdout.split() == ["n", "17"]
    done = run("sparql", tmp_path / "none.rq", *KB, "--device", "toy", *JUDGED)
    assert (done.returncode, done.stdout) == (2, "")
    assert "none.rq" in done.stderr


def test_infer_writes_sorted_triples(run, tmp_path: Path) -> None:
    """The closure is a file of sorted N-Triples that a strict parser reads; stdout stays empty; it holds both kinds."""
    import pyoxigraph as ox

    target = tmp_path / "toy.nt"
    done = run("infer", *KB, *JUDGED, "--device", "toy", "-o", target)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(set(lines))
    triples = {
        (str(q.subject), str(q.predicate), str(q.object))
        for q in ox.parse(path=str(target), format=ox.RdfFormat.N_TRIPLES)
    }
    assert len(triples) == len(lines)
    device, tm = "<https://tmkb.example/device/toy/", "<https://tmkb.example/ontology#"
    kind = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
    assert (f"{device}beeper.link>", kind, f"{tm}AttackVector>") in triples
    assert (f"{device}dose>", f"{tm}heldBy>", f"{device}cpu>") in triples
    assert str(len(lines)) in done.stderr


def test_infer_needs_one_release(run, tmp_path: Path) -> None:
    """Releases share node names, so two are never closed into one file."""
    done = run("infer", *KB, *JUDGED, "-o", tmp_path / "x.nt")
    assert done.returncode == 2
    assert not (tmp_path / "x.nt").exists()
    assert "--device" in done.stderr


def test_decide_talks_on_stderr(run, toy: Path) -> None:
    """The verb that writes says where; stdout stays empty."""
    done = run("decide", REPLAY, "accept", "--reason", "r", "--owner", "o", "--kb", toy, *JUDGED)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "decisions.ttl" in done.stderr


ALL_VERBS = (
    "devices",
    "check",
    "threats",
    "risk",
    "safety",
    "table",
    "query",
    "sparql",
    "infer",
    "why",
    "why-not",
    "decide",
    "doctor",
    "coverage",
    "same-weakness",
)


def test_help_lists_every_verb(run) -> None:
    """The first page names each verb with a sentence."""
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for verb in ALL_VERBS:
        assert re.search(rf"^\s*{verb}\s+\w+.*", done.stdout, re.M), verb
    assert set(re.findall(r"^  ([a-z-]+)  ", done.stdout.partition("Commands:")[2], re.M)) == set(ALL_VERBS)


@pytest.mark.parametrize("verb", ALL_VERBS)
def test_help_of_every_verb(inside, verb: str) -> None:
    """Help is on stdout, exit 0, and every option has words beside it."""
    done = inside(verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage:" in done.stdout
    assert "--kb" in done.stdout
    for line in re.findall(r"^  (-{1,2}\S.*)$", done.stdout.partition("Options:")[2], re.M):
        assert re.search(r"\s{2,}\S", line) or len(line) > 24, line


@pytest.mark.parametrize(
    "arguments",
    [
        ("thraets",), ("threats", "--format", "yaml"), ("threats", "--on", "tomorrow", *KB), ("threats", "--on", "2026-02-30", *KB),
        ("table", "everything", "toy"), ("table", "assets"), ("why",), ("why", "nonsense", *KB), ("threats", "--view", "all"),
        ("check", "--fail-on", "sometimes"), ("sparql",), ("decide", REPLAY, "--reason", "r", "--owner", "o", *KB),
        ("decide", REPLAY, "ignore", "--reason", "r", "--owner", "o", *KB), ("query", "threats-of-module", "-p", "module", *KB),
        ("threats", "--kb", "/no/such/folder"), ("threats", "--kb", "/tmp"), ("sparql", "-", "--limit", "0"), ("why-not", "--device", "toy"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_use_is_exit_2(inside, arguments: tuple[str, ...]) -> None:
    """Wrong words end with exit 2, a sentence on stderr, nothing on stdout, no traceback."""
    done = inside(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip()) > 10
    assert "Traceback" not in done.stderr


def on_a_terminal(*arguments: str, **extra: str) -> str:
    """Return what the program writes when stdout is a terminal."""
    leader, follower = pty.openpty()
    environment = (
        {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
        | extra
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "tmkb", *arguments],
        stdout=follower,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=environment,
        cwd="/",
    )
    os.close(follower)
    parts = []
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    _, talk = process.communicate(timeout=60)
    os.close(leader)
    assert process.returncode == 0, talk
    return b"".join(parts).decode("utf-8")


def test_no_color_is_kept(run) -> None:
    """A terminal gets bold titles; with NO_COLOR, and in a pipe, there is no escape sequence and the same text."""
    shown = on_a_terminal("devices", *KB)
    plain = on_a_terminal("devices", *KB, NO_COLOR="1")
    assert "\x1b[" in shown
    assert "\x1b" not in plain
    strip = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert [line.strip() for line in strip.splitlines()] == [line.strip() for line in plain.splitlines()]
    assert "\x1b" not in run("devices", *KB).stdout


def test_a_closed_pipe_is_no_error() -> None:
    """A reader that stops early gets no traceback thrown after it."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = f"{sys.executable} -m tmkb threats --kb {TOY} --device toy --on {ON} --format json | head -c 10"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        text=True,
        env=environment,
        cwd="/",
        check=False,
        timeout=120,
    )
    assert done.stdout == "[\n  {\n    "
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr


@pytest.mark.parametrize("verb", ["check", "threats", "risk", "safety"])
def test_nothing_to_work_on_is_no_clean_result(run, tmp_path: Path, verb: str) -> None:  # type: ignore[no-untyped-def]
    """A knowledge base without a release is refused; a gate over nothing never passes."""
    (tmp_path / "devices").mkdir()
    done = run(verb, "--kb", str(tmp_path))
    assert done.returncode == 2 and "[E-KB]" in done.stderr and done.stdout == ""


def test_table_of_stride_counts_what_threats_lists(inside) -> None:
    """Each category counts the threats that bear it, and the patterns behind them; not a table of zeros."""
    rows = json.loads(inside("threats", *KB, "--device", "toy", *JUDGED, "--format", "json").stdout)
    counted = json.loads(inside("table", "stride", "toy", *KB, *JUDGED, "--format", "json").stdout)
    assert len(counted) == 6 and any(line["threats"] for line in counted)
    for line in counted:
        bearing = [row for row in rows if line["name"] in row["stride"]]
        assert (line["threats"], line["patterns"]) == (len(bearing), len({row["pattern"] for row in bearing}))


def test_an_answer_without_columns(run) -> None:
    """SELECT * of nothing has one empty solution and no column."""
    done = run("sparql", "-", *KB, *JUDGED, stdin="SELECT * WHERE {}")
    assert done.returncode == 0 and "Answer" in done.stdout


def test_doctor_says_what_a_newer_library_re_rates(inside, toy: Path) -> None:
    """Pinned to the version in force, to an older one, to one that nobody knows."""
    said = {}
    for pin in ("0.2.0", "0.1.0", "0.0.9"):
        (toy / "kb.toml").write_text(f'[kb]\nname = "toy"\nlibrary = "{pin}"\n', encoding="utf-8")
        rows = json.loads(inside("doctor", "--kb", toy, "--format", "json").stdout)
        said[pin] = next(row["value"] for row in rows if row["what"] == "library pinned")
    assert "the one in force" in said["0.2.0"] and "does not know" in said["0.0.9"]
    assert re.search(r"has \d+ new, \d+ changed entries and may add or re-rate \d+ of \d+ threats", said["0.1.0"])
    assert "T-0025" in said["0.1.0"]


def pinned(inside, kb: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, str]) -> str:  # type: ignore[no-untyped-def]
    """Return what doctor says of an older library when *found* is what became of its entries."""
    from tmkb import released

    monkeypatch.setattr(released, "differences", lambda *_: found)
    (kb / "kb.toml").write_text('[kb]\nname = "toy"\nlibrary = "0.1.0"\n', encoding="utf-8")
    done = inside("doctor", "--kb", kb, "--format", "json")
    assert done.returncode == 0, done.stderr
    return next(row["value"] for row in json.loads(done.stdout) if row["what"] == "library pinned")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"T-0998": "retired", "C-0998": "retired"}, "threats by C-0998, T-0998 (retired) may be gone or re-rated"),
        ({"W-79": "changed"}, "threats by W-79 (changed) may be gone or re-rated"),
        ({"T-0998": "changed", "T-0999": "new"}, "threats by T-0998 (changed) may be gone or re-rated"),
    ],
    ids=["retired", "weakness", "changed-without-a-row"],
)
def test_doctor_names_entries_whose_threats_may_be_gone(  # type: ignore[no-untyped-def]
    inside, toy: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, str], said: str
) -> None:
    """No row is left by a retired entry, and none names a weakness; that is no reason to say that nothing changes."""
    value = pinned(inside, toy, monkeypatch, dict(sorted(found.items())))
    assert said in value and "re-rates nothing" not in value


def test_doctor_says_when_nothing_is_re_rated(inside, toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new pattern without a row, or an advisory, moves no rating."""
    value = pinned(inside, toy, monkeypatch, {"A-1": "changed", "T-0999": "new"})
    assert value.endswith("has 1 new, 1 changed entries and re-rates nothing here")


def test_doctor_has_its_table_when_the_model_is_broken(inside, toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be said is said in its cell."""
    path = toy / "devices/toy/1/decisions.ttl"
    path.write_text(path.read_text(encoding="utf-8").replace("lib:T-0006", "lib:T-9999"), encoding="utf-8")
    value = pinned(inside, toy, monkeypatch, {"T-0003": "changed"})
    assert value.startswith("0.1.0; cannot say: E-STRUCTURE the model has structural errors")
