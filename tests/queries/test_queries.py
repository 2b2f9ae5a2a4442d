"""Every query file: header and text agree, both engines give the same, each check can fail, each report answers.

The rules run on pyoxigraph; rdflib is the second opinion. Both get the same triples: one shipped release for assembly and
derivation, and for the rating rules the threats of one entry of it, beside a toy release that has something for every
rule. rdflib joins slowly in a few rules (rating by cell takes it minutes on a whole release), so these see a few threats.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
import rdflib

from tmkb import crosswalks, headers, load, pipeline, query, sources
from tmkb.assemble import assemble
from tmkb.derive import derive
from tmkb.engines.convert import from_rdflib, graph_of, node, text, to_rdflib
from tmkb.engines.owl_compiled import CompiledReasoner
from tmkb.engines.sparql import Store
from tmkb.errors import QueryHeaderError
from tmkb.infer import closed_schema
from tmkb.model.graphs import Triple
from tmkb.release import close_release
from tmkb.terms import CROSSWALK_GRAPH

ROOT = Path(__file__).resolve().parents[2]
QUERIES = ROOT / "queries"
TOY = ROOT / "tests/e2e/toy"
KINDS = ("assemble", "derive", "rate", "check", "view", "report")
FILES = sorted(QUERIES.rglob("*.rq"))
TM = "https://tmkb.example/ontology#"
OWL = "http://www.w3.org/2002/07/owl#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
CORE = "<https://tmkb.example/core>"
DAY = date(2026, 11, 23)


def rules(*kinds: str) -> list[headers.QuerySpec]:
    """Return the shipped queries of some kinds."""
    return [spec for kind in kinds for spec in headers.catalogue(QUERIES / kind)]


def name(spec: headers.QuerySpec) -> str:
    """Return how a query is called in test ids."""
    return f"{spec.kind}-{spec.id}"


# -- headers and style ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_folder_is_a_catalogue(kind: str) -> None:
    """Each folder can be read; no file lies elsewhere."""
    assert headers.catalogue(QUERIES / kind)
    assert {p.parent.name for p in FILES} == set(KINDS)
    assert all(p.suffix == ".rq" for folder in QUERIES.iterdir() if folder.is_dir() for p in folder.iterdir())


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_file_keeps_the_house_rules(path: Path) -> None:
    """Kebab-case name, a title that asks or (for checks) says the rule, a source that exists, no star, ORDER BY on SELECT."""
    spec = headers.read(path)
    assert re.fullmatch(r"(\d\d-)?[a-z0-9]+(-[a-z0-9]+)*", path.stem)
    assert spec.title.endswith("." if spec.kind == "check" else "?")
    for source in re.findall(r"lib:(S-\d{4})", spec.source):
        assert f"lib:{source} a tm:Source" in (ROOT / "kb/library/sources/sources.ttl").read_text(encoding="utf-8")
    assert re.search(r"lib:S-\d{4}", spec.source)
    body = "\n".join(line for line in spec.text.splitlines() if not line.startswith("#"))
    assert not re.search(r"SELECT\s+(DISTINCT\s+)?\*", body, re.I)
    assert not re.search(r"\b(SERVICE|FROM|INSERT|DELETE|LOAD|NOW|RAND|UUID|STRUUID|BNODE)\b", body)
    if spec.kind in ("assemble", "derive", "rate"):
        assert body.count("CONSTRUCT") == 1
        assert spec.because.endswith(".")
        assert "_:" not in body
        assert "[]" not in body
    else:
        assert "ORDER BY" in body
        assert all(c.title for c in spec.columns)
    used = set(re.findall(r"\b([a-z]+):[A-Za-z]", re.sub(r"<[^>]*>|\"[^\"]*\"", " ", body)))
    assert used <= set(re.findall(r"PREFIX (\w+):", body))


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_terms_of_a_query_are_declared(path: Path) -> None:
    """A misspelt term would match nothing, in silence."""
    if not DECLARED:
        files = [s for s in sources.find_sources(ROOT / "kb", []).core if s.role == "ontology"]
        DECLARED.update(s.triple[0] for source in files for s in load._statements(source))
    body = "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    used = {f"<{TM}{t}>" for t in re.findall(r"\btm:([A-Za-z][\w-]*)", body)}
    assert used <= DECLARED, used - DECLARED


DECLARED: set[str] = set()


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if p.parent.name in ("view", "report", "check")],
    ids=lambda p: f"{p.parent.name}-{p.stem}",
)
def test_order_is_total(path: Path) -> None:
    """ORDER BY names the first column or a key; with DISTINCT or GROUP BY no variable outside the answer is sorted by."""
    body = path.read_text(encoding="utf-8")
    order = re.findall(r"\?(\w+)", body.rpartition("ORDER BY")[2])
    assert order
    if spec_columns := [c.name for c in headers.read(path).columns]:
        grouped = re.search(r"GROUP BY|DISTINCT", body)
        assert not grouped or set(order) <= set(spec_columns) | {"rank"}


BROKEN_HEADERS = {
    "id": ("#+ id: same", "#+ id: other"), "kind": ("#+ kind: report", "#+ kind: view"), "no source": ("#+ source: lib:S-0007\n", ""),
    "column": ('#+ column: a iri "A"', '#+ column: b iri "B"'), "order": ("ORDER BY ?a", ""), "key": ("#+ source", "#+ sauce"),
    "star": ("SELECT ?a", "SELECT *"), "type": ("a iri", "a number"), "twice": ("#+ id: same", "#+ id: same\n#+ id: same"),
    "parameter": ('#+ column: a iri "A"', '#+ column: a iri "A"\n#+ param: z iri tm:Device'),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN_HEADERS)
def test_header_check_can_fail(case: str, tmp_path: Path) -> None:
    """Each break of a good header is refused with file and line."""
    good = '#+ id: same\n#+ title: What?\n#+ kind: report\n#+ column: a iri "A"\n#+ source: lib:S-0007\nSELECT ?a WHERE { ?a ?b ?c }\nORDER BY ?a\n'
    path = tmp_path / "report" / "same.rq"
    path.parent.mkdir()
    path.write_text(good, encoding="utf-8")
    assert headers.read(path).id == "same"
    path.write_text(good.replace(*BROKEN_HEADERS[case], 1), encoding="utf-8")
    with pytest.raises(QueryHeaderError) as error:
        headers.read(path)
    assert re.search(r"same\.rq:\d+$", error.value.where)


# -- rules in both engines -----------------------------------------------------------------------------------------


@dataclass
class Stages:
    """What goes into each kind of rule for one release."""

    assemble: set[Triple]
    derive: set[Triple]
    rate: set[Triple]


def stages(kb: Path, key: str, entry: str = "") -> Stages:
    """Return the inputs of the rules of a release; with *entry*, only the threats of that entry are rated."""
    asserted = load.load(sources.find_sources(kb, [key]))
    assembled = assemble(asserted, key, ())
    plain = set(assembled.core_triples | assembled.local_triples)
    closed = close_release(assemble(asserted, key, pipeline.rules("assemble")), CompiledReasoner(closed_schema))
    firings = set(derive(closed, pipeline.rules("derive")).firings)
    if entry:
        wanted = {s for s, p, o in firings if p == f"<{TM}entry>" and o.endswith(f"/{entry}>")}
        assert wanted
        firings = {t for t in firings if t[0] in wanted}
    return Stages(plain, set(closed.triples), set(closed.triples) | firings)


RICH = """
:over a tm:TierOverride ; tm:entry :usb ; tm:pattern lib:T-0045 ; tm:tier tm:tier-4 ; tm:reason "locked away"@en .
:over-without a tm:TierOverride ; tm:entry :usb ; tm:pattern lib:T-0049 ; tm:reason "no tier said"@en .
:vul-untold a tm:Vulnerability ; tm:sitsIn :usb ; tm:weakness lib:CWE-306 ; tm:exploits lib:T-0025 ; tm:vexStatus tm:vex-affected .
:sx a tm:ScopeException ; tm:onInterface :usb ; tm:reason "test"@en .
:zone-new a tm:TrustZone .
:stranger a tm:ExternalEntity ; tm:zone :zone-new .
:radio-two a tm:WiFiInterface ; tm:connects :cpu, :stranger ; tm:carries :dose ; tm:givesAccessTo :flash ; tm:reach tm:reach-adjacent .
:radio-lost a tm:BluetoothInterface ; tm:carries :dose ; tm:givesAccessTo :cpu .
:ctl-limits a tm:Control ; tm:ofControlType lib:C-0032 ; tm:protects :beeper.link, :dose, :cpu ; tm:status tm:status-implemented .
:ctl-erase a tm:Control ; tm:ofControlType lib:C-0005, lib:C-0021, lib:C-0020 ; tm:protects :flash, :usb, :cpu ; tm:status tm:status-implemented .
:ctl-beaten a tm:Control ; tm:ofControlType lib:C-0030 ; tm:protects :beeper.link ; tm:status tm:status-implemented .
:cond-beats a tm:Condition ; tm:onElement :beeper.link ; tm:eases lib:T-0004 ; tm:defeats :ctl-beaten ; tm:reason "test"@en .
:dose tm:perceivedGain tm:grade-high .
: a tm:System .
:second a tm:Membership ; tm:memberRelease <https://tmkb.example/device/twin/release/1> .
"""


def rich(folder: Path) -> Path:
    """Return a toy knowledge base in which every rule finds something: factors, gaps, overrides, caps, lost ends."""
    kb = shutil.copytree(TOY, folder / "toy")
    path = kb / "devices/toy/1/architecture.ttl"
    path.write_text(path.read_text(encoding="utf-8") + RICH, encoding="utf-8")
    path = kb / "devices/toy/1/impacts.ttl"
    gone = re.sub(r":imp-firmware-i-safety a tm:Impact ;.*? \.\n", "", path.read_text(encoding="utf-8"), flags=re.S)
    path.write_text(gone.replace("tm:onAsset :delivery", "tm:onAsset :flash"), encoding="utf-8")
    (kb / "kb.toml").write_text('[kb]\npolicy = "four-factors"\n', encoding="utf-8")
    return kb


@dataclass
class Answers:
    """What a rule makes in each engine."""

    ours: set[Triple]
    theirs: set[Triple]


SLOW = {
    "80-rating-known": 4,
    "81-rating-unknown": 1,
    "91-overall-at-least": 4,
    "93-credited-control": 4,
    "70-severity": 4,
}  # threats


def run_both(found: Stages) -> dict[str, Answers]:
    """Run every rule in order over the same triples in both engines; slow ones see three threats."""
    answers = {}
    for kind in ("assemble", "derive", "rate"):
        triples = set(getattr(found, kind))
        store, graph = Store(), graph_of(triples)
        store.add(triples)
        for spec in rules(kind):
            if spec.id in SLOW:
                few = fewer(triples, SLOW[spec.id])
                small = Store()
                small.add(few)
                ours = small.construct(spec.text, rule=spec.path)
                theirs = {from_rdflib(*t) for t in graph_of(few).query(spec.text)}
            else:
                ours = store.construct(spec.text, rule=spec.path)
                theirs = {from_rdflib(*t) for t in graph.query(spec.text)}
            answers[name(spec)] = Answers(ours, theirs)
            made = store.construct(spec.text, rule=spec.path) - triples
            triples |= made
            store.add(sorted(made))
            for triple in made:
                graph.add(to_rdflib(triple))
    return answers


def fewer(triples: set[Triple], number: int) -> set[Triple]:
    """Return what is about a few of the threats, chosen so that all kinds of ratings occur, and about everything else."""
    threats = sorted({s for s, p, o in triples if o == f"<{TM}Threat>"})
    credited = {o for s, p, o in triples if p == f"<{TM}ofThreat>" and "/credit/" in s}
    unsure = {s for s, p, o in triples if p == f"<{TM}tierUnknown>" and s in threats}
    asset = {s: o for s, p, o in triples if p == f"<{TM}asset>"}
    gaps = {
        o
        for s, p, o in triples
        if p == f"<{TM}onAsset>"
        and (s, f"<{TM}missing>", '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>') in triples
    }
    lists = ([t for t in threats if asset.get(t) in gaps], sorted(unsure), sorted(credited), threats)
    kept = {next(iter(one), threats[0]) for one in lists[:number]}
    keys = {re.search(r"/threat/([0-9a-f]{64})", t)[1] for t in kept}  # type: ignore[index]

    def about(term: str) -> bool:
        match = re.search(r"/threat/([0-9a-f]{64})", term)
        return match is None or match[1] in keys

    return {t for t in triples if about(t[0]) and about(t[2])}


@pytest.fixture(scope="module")
def on_toy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answers]:
    return run_both(stages(rich(tmp_path_factory.mktemp("rich")), "toy@1"))


@pytest.fixture(scope="module")
def on_shipped() -> dict[str, Answers]:
    return run_both(stages(ROOT / "kb", "lvp@1.0", "ble.link"))


# Rules that find nothing even in the rich toy release, with the reason.
SILENT: dict[str, str] = {
    "rate-92-not-applicable": "no threat of the toy has all cells declared none; a test of the rating rules has one",
    "rate-65-exploitability-unknown": "every threat of the toy has at least one candidate with a tier or a band",
}


@pytest.mark.parametrize("rule", [name(s) for s in rules("assemble", "derive", "rate")])
def test_both_engines_agree_on_a_toy_release(on_toy: dict[str, Answers], rule: str) -> None:
    """The same triples; and something, so that agreement means something."""
    answer = on_toy[rule]
    assert answer.ours == answer.theirs
    assert answer.ours or rule in SILENT


@pytest.mark.parametrize("rule", [name(s) for s in rules("assemble", "derive", "rate")])
def test_both_engines_agree_on_a_shipped_release(on_shipped: dict[str, Answers], rule: str) -> None:
    """The same triples from a whole release for assembly and derivation, from one entry's threats for the rating."""
    answer = on_shipped[rule]
    assert answer.ours == answer.theirs


# -- questions in both engines -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_kb() -> query.KnowledgeBase:
    return pipeline.build(pipeline.Options(TOY, on=DAY))


@pytest.fixture(scope="module")
def small_dataset(small_kb: query.KnowledgeBase) -> rdflib.Dataset:
    dataset = rdflib.Dataset(default_union=False)
    names = [CORE, CROSSWALK_GRAPH, *(r.assembled.release for r in small_kb.rated)]
    store = crosswalks.asked(small_kb.store, CROSSWALK_GRAPH)
    for graph in names:
        _, found = store.select(f"SELECT ?s ?p ?o WHERE {{ GRAPH {graph} {{ ?s ?p ?o }} }} ORDER BY ?s ?p ?o")
        target = dataset.graph(node(graph))
        for s, p, o in found:
            assert s is not None and p is not None and o is not None
            target.add(to_rdflib((s, p, o)))
    return dataset


def rows_of(answer: Iterable[rdflib.query.ResultRow], columns: list[str]) -> list[tuple[str | None, ...]]:
    """Return rdflib's rows as N-Triples terms."""
    return [tuple(None if row[c] is None else text(row[c]) for c in columns) for row in answer]  # type: ignore[index]


def loose(rows: list[tuple[str | None, ...]]) -> list[tuple[str, ...]]:
    """Return rows sorted, unbound as nothing."""
    return sorted(tuple(cell or "" for cell in row) for row in rows)


@pytest.mark.parametrize("spec", rules("view", "report"), ids=name)
def test_questions_have_the_same_answer_in_both_engines(
    small_kb: query.KnowledgeBase, small_dataset: rdflib.Dataset, spec: headers.QuerySpec
) -> None:
    """The same rows from rdflib and pyoxigraph over the same graphs."""
    given = (
        {"on": '"2026-11-23"^^<http://www.w3.org/2001/XMLSchema#date>'}
        if any(p.name == "on" for p in spec.params)
        else {}
    )
    ours = query.select(small_kb.store, spec, given)
    theirs = small_dataset.query(spec.text, initBindings={k: node(v) for k, v in given.items()})
    assert loose(ours) == loose(rows_of(theirs, [c.name for c in spec.columns]))


@pytest.mark.parametrize("spec", rules("view"), ids=name)
def test_views_have_what_their_columns_promise(small_kb: query.KnowledgeBase, spec: headers.QuerySpec) -> None:
    """Rows, each cell of the kind in the header, in an order that has no ties but equal rows."""
    rows = query.select(small_kb.store, spec)
    assert rows
    for row in rows:
        for cell, column in zip(row, spec.columns, strict=True):
            if cell is None:
                continue
            assert cell.startswith("<") == (column.kind == "iri"), column
            if column.kind in ("integer", "boolean", "date"):
                assert cell.endswith(f"#{column.kind}>"), (column, cell)


# -- checks --------------------------------------------------------------------------------------------------------

HEAD = f"""prefix owl: <{OWL}>
prefix rdf: <{RDF}>
prefix : <https://x.example/>
"""
# query → a specimen it finds, and a near miss that it leaves alone
SPECIMENS = {
    "clash-all-different": (
        "[] a owl:AllDifferent ; owl:distinctMembers ( :a :b :c ) . :b owl:sameAs :c . :c owl:sameAs :b .",
        "[] a owl:AllDifferent ; owl:distinctMembers ( :a :b ) . :b owl:sameAs :b . :c owl:sameAs :a .",
    ),
    "clash-all-disjoint-classes": (
        "[] a owl:AllDisjointClasses ; owl:members ( :A :B :C ) . :x a :B, :C .",
        "[] a owl:AllDisjointClasses ; owl:members ( :A :B :C ) . :x a :B, :D . :y a :C .",
    ),
    "clash-asymmetric": (
        ":p a owl:AsymmetricProperty . :x :p :y . :y :p :x .",
        ":p a owl:AsymmetricProperty . :x :p :y . :y :q :x ; :p :z .",
    ),
    "clash-complement": (":A owl:complementOf :B . :x a :A, :B .", ":A owl:complementOf :B . :x a :A . :y a :B ."),
    "clash-different-same": (
        ":x owl:differentFrom :y ; owl:sameAs :y .",
        ":x owl:differentFrom :y ; owl:sameAs :x, :z .",
    ),
    "clash-all-disjoint-properties": (
        "[] a owl:AllDisjointProperties ; owl:members ( :p :q :r ) . :x :q :y ; :r :y .",
        "[] a owl:AllDisjointProperties ; owl:members ( :p :q :r ) . :x :q :y ; :r :z ; :s :y .",
    ),
    "clash-disjoint-classes": (
        ":A owl:disjointWith :B . :x a :A, :B .",
        ":A owl:disjointWith :B . :x a :A, :C . :y a :B .",
    ),
    "clash-disjoint-properties": (
        ":p owl:propertyDisjointWith :q . :x :p :y ; :q :y .",
        ":p owl:propertyDisjointWith :q . :x :p :y ; :q :z . :y :q :x .",
    ),
    "clash-functional-values": (
        ':p a owl:FunctionalProperty . :x :p "1", "2" .',
        ':p a owl:FunctionalProperty . :x :p "1" . :y :p "2" . :z :q :a, :b .',
    ),
    "clash-inverse-functional": (
        ":p a owl:InverseFunctionalProperty . :x :p :v . :y :p :v .",
        ":p a owl:InverseFunctionalProperty . :x :p :v, :w . :y :q :v .",
    ),
    "clash-irreflexive": (
        ":p a owl:IrreflexiveProperty . :x :p :x .",
        ":p a owl:IrreflexiveProperty . :x :p :y ; :q :x .",
    ),
    "clash-negative-assertion": (
        "[] owl:sourceIndividual :x ; owl:assertionProperty :p ; owl:targetIndividual :y . :x :p :y .",
        "[] owl:sourceIndividual :x ; owl:assertionProperty :p ; owl:targetIndividual :y . :x :p :z ; :q :y . :y :p :x .",
    ),
    "clash-none-allowed": (
        ":C owl:onProperty :p ; owl:maxQualifiedCardinality 0 ; owl:onClass :K . :x a :C ; :p :y . :y a :K .",
        ":C owl:onProperty :p ; owl:maxQualifiedCardinality 0 ; owl:onClass :K . :x a :C ; :p :z ; :q :y . :y a :K .",
    ),
    "clash-one-allowed": (
        ":C owl:onProperty :p ; owl:maxCardinality 1 . :x a :C ; :p :y, :z .",
        ":C owl:onProperty :p ; owl:maxCardinality 1 . :x a :C ; :p :y . :w :p :y, :z .",
    ),
    "clash-nothing": (":x a owl:Nothing .", ":x a owl:Thing ."),
}


def specimen(data: str) -> tuple[Store, rdflib.Graph]:
    """Return one specimen in both engines; blank nodes get names, as the loader gives them."""
    graph = rdflib.Graph().parse(data=HEAD + data, format="turtle").skolemize()
    store = Store()
    store.add(from_rdflib(*t) for t in graph)
    return store, graph


def test_every_check_has_a_specimen() -> None:
    """No check is without proof that it can fail, and no specimen is left over."""
    assert {s.id for s in rules("check")} == set(SPECIMENS)


@pytest.mark.parametrize("spec", rules("check"), ids=name)
def test_check_finds_its_specimen(spec: headers.QuerySpec) -> None:
    """Rows on the clash, naming its subject; the same in both engines."""
    store, graph = specimen(SPECIMENS[spec.id][0])
    _, ours = store.select(spec.text)
    assert ours
    assert all(row[0] is not None and row[0].startswith("<https://x.example/") for row in ours)
    assert loose(ours) == loose(rows_of(graph.query(spec.text), [c.name for c in spec.columns]))


@pytest.mark.parametrize("spec", rules("check"), ids=name)
def test_check_is_silent_on_the_near_miss(spec: headers.QuerySpec) -> None:
    """No row where nothing clashes."""
    store, graph = specimen(SPECIMENS[spec.id][1])
    assert store.select(spec.text)[1] == []
    assert list(graph.query(spec.text)) == []


# -- reports on what is shipped ------------------------------------------------------------------------------------

# Reports that answer with no row on the shipped releases, and why that is right.
EMPTY: dict[str, str] = {
    "open-hand-overs": "the shipped models have handed over everything",
}


@pytest.fixture(scope="module")
def shipped_kb() -> query.KnowledgeBase:
    return pipeline.build(pipeline.Options(ROOT / "kb", on=DAY))


@pytest.mark.parametrize("spec", rules("report"), ids=name)
def test_report_answers_on_what_is_shipped(shipped_kb: query.KnowledgeBase, spec: headers.QuerySpec) -> None:
    """Rows, none twice, with the promised columns; or none, for the stated reason."""
    given = {p.name: "2026-11-23" for p in spec.params if p.kind == "date"}
    table = query.run(shipped_kb, spec, given)
    assert [c.name for c in table.columns] == [c.name for c in spec.columns]
    assert len(table.rows) == len(set(table.rows))
    assert bool(table.rows) != (spec.id in EMPTY), table.rows[:3]


def test_expired_decisions_come_out_later(shipped_kb: query.KnowledgeBase) -> None:
    """The empty answer above is no empty promise: years later, decisions have expired."""
    spec = next(s for s in rules("report") if s.id == "expired-or-orphaned-decisions")
    assert query.run(shipped_kb, spec, {"on": "2040-01-01"}).rows


def test_optional_parameters_narrow(shipped_kb: query.KnowledgeBase) -> None:
    """With a parameter the answer is the part of the whole answer that has its value."""
    spec = next(s for s in rules("report") if s.id == "vector-class-without-control-category")
    every = query.run(shipped_kb, spec)
    wanted = every.rows[0][0]
    narrowed = query.run(shipped_kb, spec, {"vectorClass": str(wanted)})
    assert narrowed.rows == tuple(row for row in every.rows if row[0] == wanted)
    assert 0 < len(narrowed.rows) < len(every.rows)
