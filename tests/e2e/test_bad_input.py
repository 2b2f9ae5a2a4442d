"""Bad input is refused by name: exit 2, file and line, what to do; nothing on stdout, nothing changed.

Every case breaks a copy of the toy knowledge base in one place. ``at`` is the text on the line that must be named;
an empty ``at`` with a file means that the file has no line to name.
"""

from __future__ import annotations

import csv
import http.server
import io
import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TOY = Path(__file__).resolve().parent / "toy"
ON = "2026-11-23"
FOLDER = "devices/toy/1/"
ARCHITECTURE, ASSETS, CONTROLS, RELEASE = (
    FOLDER + f"{n}.ttl" for n in ("architecture", "assets", "controls", "release")
)
FLAWS, SAFETY = FOLDER + "vulnerabilities.ttl", FOLDER + "safety.ttl"
OWN = "library/threats/T-9001-own.ttl"
PREFIXES = """# A pattern of the user's own.
# It is broken.
prefix tm:   <https://tmkb.example/ontology#>
prefix lib:  <https://tmkb.example/library/>
prefix owl:  <http://www.w3.org/2002/07/owl#>
prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#>

"""
PATTERN = """lib:T-9001 a tm:AdversarialPattern ; rdfs:label "own"@en ; tm:via tm:carriedOver ; tm:violates tm:property-integrity ;
    tm:stride tm:stride-tampering ; tm:counteredBy lib:C-0001 ; tm:defaultTier tm:tier-2 ; tm:basis "test"@en .
"""


@dataclass(frozen=True)
class Case:
    """One break: file, what stands there, what is put in its place (nothing there: added at the end), what must be said."""

    file: str
    old: str
    new: str
    at: str
    code: str
    says: str = ""


CASES = {
    # broken Turtle
    "no semicolon": Case(ASSETS, ":cpu a tm:ProcessingUnit ;", ":cpu a tm:ProcessingUnit", 'rdfs:label "processor"@en', "E-SYNTAX"),
    "undeclared prefix": Case(ASSETS, ":cpu a tm:ProcessingUnit ;", ":cpu a tmx:ProcessingUnit ;", "tmx:", "E-SYNTAX", "tmx"),
    "merge conflict": Case(ASSETS, ":cpu a tm:", "<<<<<<< HEAD\n:cpu a tm:", "<<<<<<< HEAD", "E-SYNTAX"),
    "merge conflict end": Case(ASSETS, "    tm:partOf :board .\n\n:flash", "    tm:partOf :board .\n>>>>>>> other\n\n:flash", ">>>>>>> other", "E-SYNTAX"),
    "not UTF-8": Case(ASSETS, '"firmware"@en', '"firm\udce9ware"@en', 'ware"@en', "E-SYNTAX", "UTF-8"),
    "NUL outside text": Case(ASSETS, "tm:heldBy :flash", "tm:heldBy :fla\0sh", "tm:heldBy :fla", "E-SYNTAX"),
    "space in an IRI": Case(ASSETS, ":firmware a", "<https://tmkb.example/device/toy/a b> a", "a b>", "E-SYNTAX"),
    "relative IRI": Case(ASSETS, ":firmware a", "<firmware> a", "<firmware> a", "E-SYNTAX"),
    "blank nodes in a circle": Case(ASSETS, "", "_:a tm:heldBy _:b . _:b tm:heldBy _:a .\n", "_:a tm:heldBy", "E-BLANK"),
    # terms and literals
    "misspelt class": Case(ASSETS, "a tm:SoftwareImage", "a tm:SoftwareImages", "", "E-TERM", "SoftwareImage"),
    "misspelt value": Case(FLAWS, "tm:tier-1", "tm:tier-7", "", "E-TERM", "tier-7"),
    "unknown predicate": Case(ASSETS, "tm:heldBy :flash", "tm:heldIn :flash", "tm:heldIn", "E-TERM", "heldBy"),
    "foreign predicate": Case(ASSETS, "tm:heldBy :flash", "<https://x.example/heldBy> :flash", "x.example", "E-TERM"),
    "ill-typed integer": Case(RELEASE, "tm:patients-one", '"many"^^xsd:integer', "many", "E-LITERAL", "many"),
    "NaN": Case(CONTROLS, 'tm:usabilityCost "None."@en .', 'tm:usabilityCost "NaN"^^xsd:double .', "NaN", "E-LITERAL", "NaN"),
    "infinity": Case(CONTROLS, 'tm:usabilityCost "None."@en .', 'tm:usabilityCost "INF"^^xsd:double .', "INF", "E-LITERAL", "INF"),
    "ill-typed date": Case(RELEASE, '"2026-01-05"^^xsd:date', '"26-1-5"^^xsd:date', "26-1-5", "E-LITERAL", "26-1-5"),
    # data that speaks about core terms
    "core class redefined": Case(ASSETS, "", "tm:TherapyCommand rdfs:subClassOf tm:AuditLog .\n", "tm:AuditLog", "E-TERM", "subClassOf"),
    "two things made one": Case(ASSETS, "", ":cpu <http://www.w3.org/2002/07/owl#sameAs> :flash .\n", "sameAs", "E-TERM"),
    "shape switched off": Case(ASSETS, "", "<https://tmkb.example/shapes#part-of-tree> <http://www.w3.org/ns/shacl#deactivated> true .\n", "deactivated", "E-TERM"),
    "core class redefined by a library file": Case(OWN, "", PREFIXES + "tm:TherapyCommand rdfs:subClassOf tm:AuditLog .\n", "tm:TherapyCommand", "E-CORE", "TherapyCommand"),
    "core class restricted otherwise": Case(OWN, "", PREFIXES + "tm:TherapyCommand rdfs:subClassOf [ a owl:Restriction ; owl:onProperty tm:heldBy ; owl:hasValue lib:T-0003 ] .\n", "tm:TherapyCommand rdfs", "E-CORE"),
    "shipped pattern shadowed": Case(OWN, "", PREFIXES + PATTERN.replace("T-9001", "T-0003"), "lib:T-0003 a", "E-CLASH", "T-0003"),
    "shipped policy shadowed": Case("policy/default.ttl", "", PREFIXES + "lib:own a tm:RiskPolicy .\n", "", "E-CLASH", "default"),
    # release
    "folder and version differ": Case(RELEASE, 'tm:version "1"', 'tm:version "2"', 'tm:version "2"', "E-RELEASE", "2"),
    "two devices in a folder": Case(RELEASE, "", "<https://tmkb.example/device/x/> a tm:Device .\n", "", "E-RELEASE", "2"),
    "unknown module": Case(ARCHITECTURE, "module/beeper/", "module/beepr/", "module/beepr/", "E-MODULE", "beepr"),
    "former id in use": Case(ASSETS, ":cpu a tm:ProcessingUnit ;", ':cpu a tm:ProcessingUnit ; tm:formerly "flash" ;', "", "E-RENAME", "flash"),
    # settings
    "unknown policy": Case("kb.toml", '"default"', '"defalt"', "", "E-POLICY", "default"),
    "unknown setting": Case("kb.toml", "policy", "polcy", "", "E-SETTINGS", "polcy"),
    "settings broken": Case("kb.toml", "[kb]", "[kb", "", "E-SETTINGS", "line 2"),
}  # fmt: skip

STRUCTURAL = {
    "dangling reference": Case(ASSETS, "tm:heldBy :flash", "tm:heldBy :flush", "tm:heldBy :flush", "E-STRUCTURE", "heldBy"),
    "dangling library reference": Case(CONTROLS, "lib:C-0001", "lib:C-9999", "lib:C-9999", "E-STRUCTURE", "ofControlType"),
    "mistyped reference": Case(ASSETS, "tm:heldBy :flash", "tm:heldBy :zone-in", "tm:heldBy :zone-in", "E-STRUCTURE", "heldBy"),
    "cyclic partOf": Case(ARCHITECTURE, ":unit a tm:Component ;", ":unit a tm:Component ; tm:partOf :board ;", "", "E-STRUCTURE", "part of itself"),
    "two tiers on one pattern": Case(OWN, "", PREFIXES + PATTERN.replace("tier-2", "tier-2, tm:tier-5"), "", "E-STRUCTURE", "defaultTier"),
    "two tiers on one flaw": Case(FLAWS, "tm:tier-1", "tm:tier-1, tm:tier-5", "", "E-STRUCTURE", "tier"),
    "vector asserted": Case(ARCHITECTURE, "a tm:UsbInterface,", "a tm:AttackVector, tm:UsbInterface,", "", "E-STRUCTURE", "by hand"),
    "rating asserted": Case(ASSETS, "", ":made-up a tm:OverallRating .\n", ":made-up", "E-STRUCTURE", "by hand"),
    "look-alike id": Case(ASSETS, "", '<https://tmkb.example/device/toy/сpu> a tm:ProcessingUnit ; rdfs:label "processor"@en .\n', "сpu", "E-STRUCTURE", "kebab"),
    "core term labelled": Case(ASSETS, "", 'tm:TherapyCommand rdfs:label "harmless"@en .\n', "", "E-STRUCTURE", "speaks about"),
}  # fmt: skip


def break_it(kb: Path, case: Case) -> tuple[Path, str]:
    """Put the break into *kb*; return the file and its text."""
    path = kb / case.file
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    assert not case.old or text.count(case.old) >= 1
    text = text.replace(case.old, case.new, 1) if case.old else text + ("\n" if text else "") + case.new
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path, text


def refused(done, code: str) -> str:  # type: ignore[no-untyped-def]
    """Assert that the program refused as it should, and return what it said."""
    assert done.returncode == 2, (done.returncode, done.stderr[-600:])
    assert done.stdout == ""
    assert f"[{code}]" in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def check_case(case: Case, toy: Path, inside: Callable, fingerprint: Callable) -> None:
    """Break, run, and look at everything that is promised."""
    _, text = break_it(toy, case)
    before = fingerprint(toy)
    said = refused(inside("threats", "--kb", toy, "--device", "toy", "--on", ON), case.code)
    assert f"toy/{case.file}" in said or case.code == "E-POLICY"
    if case.at:
        numbers = [n for n, line in enumerate(text.split("\n"), 1) if case.at in line]
        assert len(numbers) == 1, "the case must name one line"
        named = [int(n) for n in re.findall(rf"{re.escape(case.file)}:(\d+)", said)]
        subject_line = next(n for n in range(numbers[0], 0, -1) if not text.split("\n")[n - 1].startswith(" "))
        assert any(subject_line <= n <= numbers[0] for n in named), (named, numbers)
    assert case.says in said
    assert fingerprint(toy) == before


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused(name: str, toy: Path, inside, fingerprint) -> None:
    """Exit 2 with file, line and code; no traceback; the knowledge base is left as it was; a hint says what to do."""
    check_case(CASES[name], toy, inside, fingerprint)


@pytest.mark.parametrize("name", STRUCTURAL)
def test_structural_errors_are_refused(name: str, toy: Path, inside, fingerprint) -> None:
    """The same for what only the shapes can see; nothing is derived."""
    check_case(STRUCTURAL[name], toy, inside, fingerprint)


@pytest.mark.parametrize("name", [*CASES, *STRUCTURAL])
def test_each_case_is_a_change(name: str) -> None:
    """No case is vacuous: the text to be replaced stands in the toy knowledge base."""
    case = (CASES | STRUCTURAL)[name]
    assert not case.old or case.old in (TOY / case.file).read_text(encoding="utf-8")


def test_hints_say_what_to_do(inside, toy: Path) -> None:
    """Samples of every kind of refusal carry a hint."""
    for name in (
        "no semicolon",
        "misspelt class",
        "NaN",
        "folder and version differ",
        "unknown module",
        "unknown setting",
        "core class restricted otherwise",
    ):
        kb = shutil.copytree(TOY, toy.parent / name.replace(" ", "-"))
        break_it(kb, CASES[name])
        assert "hint: " in inside("threats", "--kb", kb, "--device", "toy", "--on", ON).stderr, name


def test_unknown_device_and_release(inside, toy: Path, fingerprint) -> None:
    """Exit 2 with the names that are nearest; nothing is read from elsewhere."""
    before = fingerprint(toy)
    assert "toy" in refused(inside("threats", "--kb", toy, "--device", "toi"), "E-DEVICE").partition("hint:")[2]
    assert "1" in refused(inside("threats", "--kb", toy, "--device", "toy@9"), "E-RELEASE").partition("hint:")[2]
    for name in ("../../../etc", "toy@../../twin/1", "@1", "*", "toy@1@1", "toy\0"):
        assert inside("threats", "--kb", toy, "--device", name, "--on", ON).returncode == 2, name
    assert fingerprint(toy) == before


def test_unknown_threat_query_and_parameter(inside) -> None:
    """Names that are not there are named, with what is near."""
    base = ("--kb", TOY, "--on", ON)
    refused(inside("why", "toy-abc", *base), "E-THREAT")
    refused(inside("why", "XYZ-ABCDEF", *base), "E-THREAT")
    assert "TOY-AAAAAA" in refused(inside("why", "TOY-AAAAAA", *base), "E-THREAT")
    assert "threats-of-module" in refused(inside("query", "threats-of-modul", *base), "E-QUERY").partition("hint:")[2]
    query = ("query", "threats-of-module", *base, "--device", "toy", "-p")
    assert "module" in refused(inside(*query, "modul=beeper"), "E-PARAM").partition("hint:")[2]
    refused(inside(*query, "module=nowhere"), "E-PARAM")
    refused(inside(*query, "module=> } INSERT DATA { <x:a> <x:b> <x:c> } #"), "E-PARAM")
    refused(inside("query", "expired-or-orphaned-decisions", *base, "--device", "toy", "-p", "on=soon"), "E-PARAM")
    assert "dose" in refused(
        inside("why-not", *base, "--device", "toy", "--vector", "dos", "--pattern", "T-0003"), "E-NODE"
    )


def test_process_says_the_same(run, inside, toy: Path) -> None:
    """As a process of its own the program says the same words and ends with the same code."""
    break_it(toy, CASES["unknown predicate"])
    arguments = ("threats", "--kb", toy, "--device", "toy", "--on", ON)
    assert run(*arguments).stderr == inside(*arguments).stderr
    assert run(*arguments).returncode == 2


def test_missing_impact_is_unknown_and_a_finding(inside, toy: Path) -> None:
    """A deleted impact: `threats` exits 0 and shows unknown; `check`, which was clean before, exits 1."""
    path = toy / FOLDER / "impacts.ttl"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r":imp-dose-i-safety a tm:Impact ;.*? \.\n", "", text, flags=re.S), encoding="utf-8")
    base = ("--kb", toy, "--device", "toy", "--on", ON)
    done = inside("threats", *base, "--format", "json")
    assert done.returncode == 0
    assert any(row["residual"]["rating"] == "unknown" for row in json.loads(done.stdout))
    assert inside("check", "--kb", TOY, "--device", "toy", "--on", ON).returncode == 0
    done = inside("check", *base, "--format", "csv")
    assert done.returncode == 1
    assert "impact-cells-filled" in done.stdout


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.ttl", b""),
        ("comment.ttl", b"# nothing here"),
        ("crlf.ttl", b"# a\r\n# b\r\nprefix tm: <https://tmkb.example/ontology#>\r\n"),
    ],
    ids=["empty", "comment", "crlf"],
)
def test_harmless_files_do_no_harm(inside, toy: Path, name: str, data: bytes) -> None:
    """Empty files and foreign line ends are no error."""
    (toy / FOLDER / name).write_bytes(data)
    assert inside("devices", "--kb", toy).returncode == 0


def test_odd_files_are_refused_or_left_alone(inside, toy: Path) -> None:
    """A truncated, mislabelled or missing file and a folder with a file's name are errors; editors' files are not read."""
    path = toy / ASSETS
    text = path.read_bytes()
    (toy / FOLDER / "assets.ttl~").write_text("not Turtle", encoding="utf-8")
    (toy / FOLDER / "#assets.ttl#").write_text("not Turtle", encoding="utf-8")
    assert inside("devices", "--kb", toy).returncode == 0
    for data in (
        text[: len(text) // 2],
        text.decode().encode("utf-16"),
        b'{"@context": {}}',
        b"\x89PNG\r\n\x1a\n",
        b"<?xml version='1.0'?><a/>",
    ):
        path.write_bytes(data)
        assert "assets.ttl:" in refused(inside("devices", "--kb", toy), "E-SYNTAX")
    path.unlink()
    path.symlink_to(toy / "nowhere.ttl")
    refused(inside("devices", "--kb", toy), "E-FILE")
    path.unlink()
    path.mkdir()
    refused(inside("devices", "--kb", toy), "E-FILE")


def test_long_lines_are_read(run, toy: Path) -> None:
    """A definition of several thousand characters on one line is a label like any other."""
    path = toy / ASSETS
    path.write_text(
        path.read_text(encoding="utf-8").replace("Does everything.", "Does everything. " * 500), encoding="utf-8"
    )
    done = run("devices", "--kb", toy)
    assert (done.returncode, done.stderr) == (0, "")


def test_deep_nesting_is_refused_or_read(run, toy: Path) -> None:
    """5,000 nested brackets end in a sentence, not in a crash."""
    path = toy / ASSETS
    path.write_text(
        path.read_text(encoding="utf-8")
        + "\n:cpu tm:heldBy\n"
        + "[ tm:heldBy\n" * 5000
        + ":flash\n"
        + "]\n" * 5000
        + ".\n",
        encoding="utf-8",
    )
    assert run("devices", "--kb", toy).returncode in (0, 2)


def test_nul_in_text_is_refused(run, toy: Path) -> None:
    """A NUL in a label is a damaged file."""
    break_it(toy, Case(ASSETS, '"firmware"@en', '"firm\0ware"@en', "", ""))
    refused(run("devices", "--kb", toy), "E-LITERAL")


def test_a_day_that_is_none_is_refused_without_noise(run, toy: Path) -> None:
    """30 February is named as such; no traceback of a library is shown."""
    break_it(toy, Case(RELEASE, '"2026-01-05"^^xsd:date', '"2026-02-30"^^xsd:date', "", ""))
    done = run("threats", "--kb", toy, "--device", "toy", "--on", ON)
    assert done.returncode == 2
    assert "release.ttl:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "lib:T-0003 owl:sameAs lib:T-0004 .",
        "tm:tier-1 owl:sameAs tm:tier-6 .",
        'lib:K a owl:Class ; rdfs:label "k"@en ; owl:hasKey ( tm:heldBy ) .',
        "lib:V-bad a owl:Class ; rdfs:subClassOf tm:AuditLog ; owl:equivalentClass tm:TherapyCommand .",
        "lib:V-bad a owl:Class ; owl:equivalentClass tm:Interface ; rdfs:subClassOf tm:AttackVector .",
        "lib:V-bad a owl:Class ; owl:disjointWith tm:TherapyCommand .",
        "lib:p a owl:ObjectProperty ; rdfs:subPropertyOf tm:carries ; owl:inverseOf tm:partOf .",
        "lib:T-0003 tm:violates tm:property-confidentiality .",
        "lib:C-0001 tm:upholds tm:property-availability .",
    ],
    ids=["patterns-the-same", "tiers-the-same", "has-key", "equivalent-core-class", "all-interfaces-vectors", "disjoint", "property", "pattern-changed", "control-type-changed"],
)  # fmt: skip
def test_a_library_of_ones_own_changes_nothing_shipped(inside, toy: Path, statement: str) -> None:
    """User files add and never shadow: no merge, no key, no axiom that widens a core term, no word more about a shipped entry."""
    path = toy / OWN
    path.parent.mkdir(parents=True)
    path.write_text(PREFIXES + PATTERN + "\n" + statement + "\n", encoding="utf-8")
    done = inside("devices", "--kb", toy)
    assert done.returncode == 2, statement
    assert f"toy/{OWN}:" in done.stderr


def test_another_devices_node_is_not_spoken_about(inside, toy: Path) -> None:
    """A file of one device that says something about another device's node is refused, or at least a finding."""
    break_it(toy, Case(ASSETS, "", '<https://tmkb.example/device/twin/cpu> rdfs:label "mine"@en .\n', "", ""))
    done = inside("check", "--kb", toy, "--device", "toy", "--on", ON, "--format", "csv")
    assert done.returncode in (1, 2) or "device/twin/cpu" in done.stdout


def test_core_statement_names_its_own_line(inside, toy: Path) -> None:
    """The line named is the one where the word about the core term stands."""
    case = STRUCTURAL["core term labelled"]
    _, text = break_it(toy, case)
    line = next(n for n, one in enumerate(text.split("\n"), 1) if "harmless" in one)
    assert f"{ASSETS}:{line}:" in inside("threats", "--kb", toy, "--device", "toy", "--on", ON).stderr


# -- SPARQL --------------------------------------------------------------------------------------------------------

BASE = ("sparql", "-", "--kb", TOY, "--device", "toy", "--on", ON, "--format", "json")
REFUSED = {
    "service": "SELECT ?s WHERE { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }",
    "service silent": "SELECT ?s WHERE { SERVICE SILENT <http://127.0.0.1:9/> { ?s ?p ?o } }",
    "service close": "SELECT ?s WHERE { BIND(1 < 2 AS ?q)SERVICE<http://127.0.0.1:9/>{ ?s ?p ?o } }",
    "service in small letters": "select ?s where { service ?x { ?s ?p ?o } }",
    "from": "SELECT ?s FROM <file:///etc/passwd> WHERE { ?s ?p ?o }",
    "from named": "SELECT ?s FROM NAMED <file:///etc/passwd> WHERE { GRAPH ?g { ?s ?p ?o } }",
    "insert": "INSERT DATA { <x:a> <x:b> <x:c> }",
    "delete behind prefix": "PREFIX a: <x:> DELETE WHERE { ?s ?p ?o }",
    "drop behind comment": "# SELECT\nDROP ALL",
    "load": "LOAD <http://127.0.0.1:9/>",
    "two operations": "SELECT ?s WHERE { ?s ?p ?o } ; DROP ALL",
    "deep nesting": "SELECT * { " + "{" * 200 + "?s ?p ?o" + "}" * 200 + " }",
    "deep brackets": "SELECT * { FILTER(" + "(" * 5000 + "1" + ")" * 5000 + ") }",
    "too long": "SELECT ?s WHERE { ?s ?p ?o } #" + "x" * 30_000,
    "broken": "SELECT ?s { ?s ?p ",
    "empty": "",
    "not a query": "hello",
}


@pytest.mark.parametrize("name", REFUSED)
def test_sparql_is_read_only_and_bounded(inside, name: str) -> None:
    """What writes, reaches out, or is too long or deep is refused with a sentence."""
    assert len(refused(inside(*BASE, stdin=REFUSED[name]), "E-SPARQL")) < 2000


def test_sparql_words_in_text_are_no_offence(inside) -> None:
    """Keywords inside strings, comments, names and IRIs are data."""
    query = """PREFIX p: <x:from#> # SERVICE <http://x/>
        SELECT ('SERVICE <http://x/>' AS ?service) ("FROM" AS ?from) (p:SERVICE AS ?x) WHERE {}"""
    done = inside(*BASE, stdin=query)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"service": "SERVICE <http://x/>", "from": "FROM", "x": "x:from#SERVICE"}]


def test_sparql_rows_and_time_are_bounded(inside) -> None:
    """More rows than asked for are an error, not a cut answer; a query without end ends after the given seconds."""
    refused(inside(*BASE, "--limit", "5", stdin="SELECT ?s WHERE { GRAPH ?g { ?s ?p ?o } }"), "E-SPARQL")
    product = "SELECT (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?a ?b ?c } GRAPH ?h { ?d ?e ?f } GRAPH ?i { ?j ?k ?l } }"
    start = time.monotonic()
    refused(inside(*BASE, "--timeout", "1", stdin=product), "E-SPARQL")
    assert time.monotonic() - start < 60


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine that notes who calls."""
    calls: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_error(500)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", calls
    server.shutdown()


@pytest.mark.parametrize(
    "before",
    ["1", "true", "1.5", "1e3", '"x"', "<x:o>", "?o ."],
    ids=["integer", "boolean", "decimal", "double", "text", "iri", "dot"],
)
def test_sparql_never_calls_out(inside, listener, before: str) -> None:
    """SERVICE is seen wherever the engine would see it, also straight behind a number or a word."""
    url, calls = listener
    done = inside(
        *BASE,
        stdin=f"SELECT * WHERE {{ VALUES ?o {{ 1 }} OPTIONAL {{ GRAPH ?g {{ ?s ?p {before}SERVICE<{url}> {{ ?a ?b ?c }} }} }} }}",
    )
    assert calls == []
    refused(done, "E-SPARQL")


@pytest.mark.parametrize("name", ["p:a\\'", "p:a\\#", 'p:\\"'], ids=["quote", "hash", "double-quote"])
def test_sparql_never_calls_out_behind_an_escape(inside, listener, name: str) -> None:
    """An escaped quote or hash in a name opens neither string nor comment in which SERVICE could hide."""
    url, calls = listener
    query = f"PREFIX p:<x:> SELECT * WHERE {{ OPTIONAL {{ ?s {name} ?o }} SERVICE <{url}> {{ ?a ?b 'c', \"c\" }}\n}}"
    done = inside(*BASE, stdin=query)
    assert calls == []
    refused(done, "E-SPARQL")


# -- text that would act -------------------------------------------------------------------------------------------

ACTS = {
    "formula": '=HYPERLINK(\\"http://x.example\\")',
    "plus": "+1+cmd|' /C calc'!A0",
    "at": "@SUM(1)",
    "minus": "-2+3",
    "escape": "\\u001B[31mred\\u001B]0;title\\u0007",
    "bidi": "safe\\u202Eexe.txt",
    "zero width": "fir\\u200Bmware",
    "lines": "one\\ntwo\\r\\nthree",
    "markup": "<script>alert(1)</script> | *x* `y`",
    "tab first": "\\t=1+1",
}


@pytest.fixture(scope="module")
def acting(tmp_path_factory: pytest.TempPathFactory, inside) -> dict[str, str]:
    """The threats of a device whose asset has all these texts as labels, in each format; one asset per text."""
    kb = shutil.copytree(TOY, tmp_path_factory.mktemp("acts") / "toy")
    path = kb / ASSETS
    extra = "".join(
        f':cmd-{n} a tm:TherapyCommand ; rdfs:label "{text}"@en ; tm:protectionNeed "x"@en ; tm:heldBy :cpu ; tm:fillsSlot :beeper.payload .\n\n'
        for n, text in enumerate(ACTS.values())
    )
    path.write_text(path.read_text(encoding="utf-8") + "\n" + extra, encoding="utf-8")
    found = {}
    for style in ("table", "csv", "json", "markdown"):
        done = inside("threats", "--kb", kb, "--device", "toy", "--on", ON, "--format", style)
        assert done.returncode == 0, done.stderr
        found[style] = done.stdout
    return found


ACTING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("style", ["table", "csv", "markdown"])
def test_control_and_direction_characters_are_shown_not_done(acting: dict[str, str], style: str) -> None:
    """No terminal escape, no character that turns the direction of text, no invisible one reaches the reader."""
    assert not ACTING.search(acting[style])
    squeezed = re.sub(r"\s", "", acting[style])
    for mark in ("u001b", "u202e", "u200b"):
        assert mark in squeezed, mark


def test_json_keeps_text_as_it_is(acting: dict[str, str]) -> None:
    """JSON is for machines: the label comes out as it was written."""
    names = {row["asset_name"] for row in json.loads(acting["json"])}
    for text in ACTS.values():
        assert text.encode().decode("unicode_escape") in names


def test_csv_holds_no_formula(acting: dict[str, str]) -> None:
    """No cell starts as a spreadsheet formula would."""
    for line in csv.reader(io.StringIO(acting["csv"])):
        for cell in line:
            assert not re.match(r"\s*[=+@-]", cell), cell


def test_markdown_holds_no_markup(acting: dict[str, str]) -> None:
    """No tag, and no bar that would open a cell of its own."""
    assert "<script" not in acting["markdown"]
    cells = {len(re.findall(r"(?<!\\)\|", line)) for line in acting["markdown"].splitlines() if line.startswith("|")}
    assert len(cells) == 1
