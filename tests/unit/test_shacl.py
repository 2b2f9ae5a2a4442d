"""The shapes engines: choice, refusal, targets, and nothing imported that is not needed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyoxigraph as ox
import pytest

from tmkb.engines import shacl, shacl_fast
from tmkb.engines.shacl import RawResult, Run, ShapeGraph, Shapes
from tmkb.errors import EngineError, ParameterError
from tmkb.model.graphs import Triple

ROOT = Path(__file__).resolve().parents[2]
PREFIXES = """
prefix sh: <http://www.w3.org/ns/shacl#>
prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#>
prefix owl: <http://www.w3.org/2002/07/owl#>
prefix xsd: <http://www.w3.org/2001/XMLSchema#>
prefix : <https://x.example/>
"""
HEAD = ':shape a sh:NodeShape ; sh:targetClass :Kind ; sh:severity sh:Warning ; sh:message "wrong: {?value}; mend it"@en ; '
QUERY = "sh:sparql :query . :query a sh:SPARQLConstraint ; sh:prefixes :p ; sh:select "
DATA = ":a a :Kind ; :is 1 . :b a :Below ; :is 2 . :Below rdfs:subClassOf :Kind ."
ENGINES = (shacl.REFERENCE, shacl.FAST)


def read(text: str) -> list[Triple]:
    quads = ox.parse(PREFIXES + text, format=ox.RdfFormat.TURTLE)
    return [(str(q.subject), str(q.predicate), str(q.object)) for q in quads]


def results(shapes: str, data: str, name: str) -> list[RawResult]:
    return Shapes.of(read(shapes), shacl.engine(name)).validate(read(data))


def short(iri: str) -> str:
    return iri.removeprefix("<https://x.example/").removesuffix(">")


BROKEN = {
    "query is no SPARQL": HEAD + QUERY + '"SELEC nonsense" .',
    "prefix is not declared": HEAD + QUERY + '"SELECT $this WHERE { $this zz:p ?v }" .',
    "query is missing": HEAD + "sh:sparql :query . :query a sh:SPARQLConstraint .",
    "property shape without path": HEAD + 'sh:property :part . :part sh:minCount 2 ; sh:message "m" .',
    "property shape with two paths": HEAD
    + 'sh:property :part . :part sh:path :p, :q ; sh:minCount 2 ; sh:message "m" .',
    "property shape that is not there": HEAD + "sh:property :nowhere .",
    "count is no number": HEAD + 'sh:property :part . :part sh:path :p ; sh:minCount "x" ; sh:message "m" .',
    "path is no path": HEAD
    + 'sh:property :part . :part sh:path [ sh:inversePth :p ] ; sh:minCount 2 ; sh:message "m" .',
    "pattern is no pattern": HEAD + 'sh:property :part . :part sh:path :is ; sh:pattern "(" ; sh:message "m" .',
    "or without list": HEAD + "sh:or :nothing .",
}
BEYOND = {
    "word that was never compared": HEAD + 'sh:property :part . :part sh:path :p ; sh:lessThan :q ; sh:message "m" .',
    "misspelt word": HEAD + 'sh:property :part . :part sh:path :p ; sh:minCuont 2 ; sh:message "m" .',
    "switched off": HEAD + "sh:deactivated true .",
    "shape without its type": ":shape sh:targetClass :Kind ; sh:nodeKind sh:Literal .",
    "shape without message": ":shape a sh:NodeShape ; sh:targetClass :Kind ; sh:class :Other .",
    "in without list": HEAD + 'sh:property :part . :part sh:path :is ; sh:in :nothing ; sh:message "m" .',
    "kind of node that is none": HEAD + 'sh:property :part . :part sh:path :is ; sh:nodeKind :odd ; sh:message "m" .',
    "query on a property shape": HEAD
    + 'sh:property :part . :part sh:path :is ; sh:message "m" ; sh:sparql :query . :query sh:select "SELECT $this WHERE { $this :is 1 }" .',
    "query with a message of its own": HEAD + QUERY + '"SELECT $this WHERE { $this a ?k }" ; sh:message "other" .',
    "variable of the shapes graph": HEAD + QUERY + '"SELECT $this WHERE { $this a ?k FILTER ($currentShape = ?k) }" .',
    "query that does not give back its node": HEAD + QUERY + '"SELECT ?k WHERE { $this a ?k }" .',
    "query that selects nothing": HEAD + QUERY + '"ASK { $this a ?k }" .',
}


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("case", BROKEN)
def test_broken_shape_is_no_clean_result(case: str, name: str) -> None:
    """Both engines refuse a broken shape with E-SHACL."""
    with pytest.raises(EngineError) as caught:
        results(BROKEN[case], DATA, name)
    assert caught.value.code == "E-SHACL"


@pytest.mark.parametrize("case", [*BROKEN, *BEYOND])
@pytest.mark.parametrize("data", ["", DATA])
def test_fast_engine_refuses_what_it_would_pass_over(case: str, data: str) -> None:
    """Also where there is no node to look at."""
    with pytest.raises(EngineError) as caught:
        results((BROKEN | BEYOND)[case], data, shacl.FAST)
    assert caught.value.code == "E-SHACL"


class _Panic(BaseException):
    """What an engine written in Rust raises when it panics is no Exception."""


class _Failing:
    name = "failing"

    def __init__(self, error: BaseException, late: bool) -> None:
        self.error, self.late = error, late

    def compile(self, shapes: ShapeGraph) -> Run:
        def run(data: Sequence[Triple], store: object = None) -> list[RawResult]:
            raise self.error

        if not self.late:
            raise self.error
        return run


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("error", [_Panic("panicked"), ValueError("odd"), RecursionError(), MemoryError()])
def test_failing_engine_is_no_clean_result(error: BaseException, late: bool) -> None:
    """Whatever the engine raises, when it reads the shapes or when it runs them, is E-SHACL."""
    with pytest.raises(EngineError) as caught:
        Shapes.of([], _Failing(error, late)).validate([])
    assert caught.value.code == "E-SHACL" and caught.value.exit_code == 3


def test_user_can_interrupt() -> None:
    """Ctrl-C is no fault of the engine."""
    with pytest.raises(KeyboardInterrupt):
        Shapes.of([], _Failing(KeyboardInterrupt(), True)).validate([])


def test_shape_file_that_is_no_turtle(tmp_path: Path) -> None:
    """A shape file that cannot be read names itself."""
    path = tmp_path / "odd.ttl"
    path.write_text("this is no turtle")
    with pytest.raises(EngineError, match=r"odd\.ttl.*E-SHACL"):
        Shapes([path])


def test_blank_nodes_of_two_files_stay_apart(tmp_path: Path) -> None:
    """The same label in two files means two nodes."""
    for n in (1, 2):
        text = PREFIXES + f":s{n} sh:or ( _:x ) . _:x sh:path :p{n} ."
        (tmp_path / f"{n}.ttl").write_text(text)
    graph = ShapeGraph.read(sorted(tmp_path.glob("*.ttl")))
    assert len({s for s, p, _ in graph.triples if p == shacl.word("path")}) == 2


FOCI = {
    "sh:targetClass :Kind": {"a", "b"},
    "sh:targetClass :Below": {"b"},
    "sh:targetClass :Nobody": set(),
    "sh:targetNode :z": {"z"},
    "sh:targetSubjectsOf :is": {"a", "b"},
    "sh:targetObjectsOf :knows": {"b", '"word"@en'},
    "sh:targetClass :Nobody ; sh:targetSubjectsOf :knows": {"a"},
    "a owl:Class": {"s"},
    "sh:property :other": set(),
}


@pytest.mark.parametrize("target", FOCI)
def test_nodes_that_a_shape_looks_at(target: str) -> None:
    """Each kind of target, subclasses included; the reference complains about exactly these nodes."""
    shapes = f':shape a sh:NodeShape ; sh:message "m"@en ; {target} ; sh:not [ sh:nodeKind sh:IRIOrLiteral ] .'
    data = DATA + ' :a :knows :b, "word"@en . :s a :shape .'
    foci = Shapes.of(read(shapes)).foci(read(data))
    assert {short(node) for node in foci["<https://x.example/shape>"]} == FOCI[target]
    if target != "sh:property :other":
        assert {short(one.focus) for one in results(shapes, data, shacl.REFERENCE)} == FOCI[target]


def test_targets_by_query_are_refused() -> None:
    """What is looked at is never guessed."""
    with pytest.raises(EngineError):
        Shapes.of(read(":shape a sh:NodeShape ; sh:target [ sh:select 'SELECT ?this WHERE {}' ] .")).foci([])


ODD_TEXTS = (
    r'"plain"', r'"tab\there"', r'"line\nbreak\r"', r'"quote \" and \\ back"', r'"bell\u0007 and \u0080"', r'"ünïcödé 漢 \U0001F600"',
    r'"word"@en', r'"Wort"@de-AT', r'"typed"^^xsd:string', r'"{?value}"', r'"2026-11-23"^^xsd:date', r"<https://x.example/é>",
)  # fmt: skip
ODD_NUMBERS = (r'"01"^^xsd:integer', r'"1.50"^^xsd:decimal', r'"+3"^^xsd:integer', r'"1e0"^^xsd:double')
CORE = HEAD + 'sh:property :part . :part sh:path :odd ; sh:maxCount 0 ; sh:in ( ) ; sh:message "m"@en .'
ROWS = HEAD + QUERY + '"SELECT $this ?value WHERE { $this <https://x.example/odd> ?value }" .'


@pytest.mark.parametrize("odd", ODD_TEXTS)
@pytest.mark.parametrize("shapes", [CORE, ROWS], ids=["core", "query"])
def test_engines_write_terms_alike(shapes: str, odd: str) -> None:
    """Escapes and languages come back as the data have them, by both parts of the fast engine."""
    data = DATA + f":a :odd {odd} ."
    reference, fast = (results(shapes, data, name) for name in ENGINES)
    assert fast == reference
    assert {one.value for one in fast} - {""} == {read(f":a :odd {odd} .")[0][2]}


@pytest.mark.parametrize("odd", ODD_NUMBERS)
def test_engines_write_numbers_alike_but_for_queries(odd: str) -> None:
    """A number keeps its form; only as the value of a query it comes in the shortest, as from every store query."""
    data = DATA + f":a :odd {odd} ."
    reference, fast = (results(CORE, data, name) for name in ENGINES)
    assert fast == reference
    (one,), (other,) = (results(ROWS, data, name) for name in ENGINES)
    assert one.focus == other.focus
    assert float(one.value.split('"')[1]) == float(other.value.split('"')[1])


X = "<https://x.example/"
ONE_RUN = {
    "pattern": f"SELECT $this ?value WHERE {{ $this {X}is> ?value }}",
    "no value": f"SELECT DISTINCT $this {{ ?this {X}is> ?n FILTER ( ?n < 2 ) }}",
    "filters": f"SELECT $this WHERE {{ $this a ?k . FILTER NOT EXISTS {{ $this {X}is> ?n . FILTER EXISTS {{ $this {X}is> 2 }} }} }}",
    "bind": f"SELECT $this ?value WHERE {{ BIND (STR($this) AS ?value) ?any {X}is> 2 . FILTER ( $this != ?any ) }}",
    "words and braces in texts": f"SELECT $this ?value WHERE {{ # {{ UNION }}\n $this {X}is> ?n BIND ('{{ OPTIONAL }}' AS ?value) }}",
    "fewer nodes than targets": f"SELECT $this WHERE {{ $this {X}is> 2 }}",
}
MANY_RUNS = {
    "union": f"SELECT $this ?value WHERE {{ {{ BIND (1 AS ?value) }} UNION {{ $this {X}is> ?value }} }}",
    "optional": f"SELECT $this ?value WHERE {{ $this a ?k OPTIONAL {{ ?other {X}is> ?value FILTER ( ?other = $this ) }} }}",
    "limit": f"SELECT $this ?value WHERE {{ $this {X}is> ?value }} ORDER BY ?value LIMIT 1",
    "count": f"SELECT $this (COUNT(?n) AS ?value) WHERE {{ $this {X}is> ?n }} GROUP BY $this HAVING (COUNT(?n) > 0)",
}


@pytest.mark.parametrize("query", [*ONE_RUN, *MANY_RUNS])
def test_one_run_for_all_nodes_says_the_same_as_one_for_each(query: str) -> None:
    """Both ways agree with the reference; and which way is taken depends on the form of the query alone."""
    text = (ONE_RUN | MANY_RUNS)[query]
    reference, fast = (results(HEAD + QUERY + f'"""{text}""" .', DATA, name) for name in ENGINES)
    assert fast == reference
    assert fast
    runs = list(shacl_fast._runs(text, ["<https://x.example/a>", "<https://x.example/b>"]))
    assert len(runs) == (1 if query in ONE_RUN else 2)


def test_choice_of_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast where it is installed, else the reference; a name that is none is refused."""
    assert isinstance(shacl.engine(), shacl_fast.FastEngine)
    assert shacl.engine("pyshacl").name.startswith("pyshacl ")
    assert shacl.engine("fast").name == shacl.NAME
    with pytest.raises(ParameterError):
        shacl.engine("other")
    monkeypatch.setattr(shacl, "installed", lambda: False)
    assert shacl.engine().name.startswith("pyshacl ")
    assert "not installed" in shacl.NAME
    with pytest.raises(ParameterError):
        shacl.engine("fast")


def test_fast_engine_needs_no_slow_library() -> None:
    """A release is checked without rdflib, pyshacl, owlrl or numpy being loaded."""
    code = (
        "import sys; from pathlib import Path; from tmkb.engines import shacl; "
        "shapes = shacl.Shapes(sorted(Path('ontology/shapes').glob('**/*.ttl'))); "
        "shapes.validate([]); shapes.foci([]); "
        "print(shacl.NAME.split()[0], [m for m in ('rdflib', 'pyshacl', 'owlrl', 'numpy') if m in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "shacl []"
