"""Lists of others, entry by entry: whole, each entry answered or with a reason, and at one with the library."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rdflib import Graph, Literal, Node, URIRef
from rdflib.namespace import DCTERMS, OWL, RDF, RDFS

ROOT = Path(__file__).resolve().parents[2]
TM = "https://tmkb.example/ontology#"
LIB = "https://tmkb.example/library/"
LISTS = "https://tmkb.example/crosswalks/"


def tm(name: str) -> URIRef:
    """Return a term of the ontology."""
    return URIRef(TM + name)


def read(*paths: Path) -> Graph:
    """Return one graph with what *paths* say."""
    graph = Graph()
    for path in paths:
        graph.parse(path, format="turtle")
    return graph


def short(node: object) -> str:
    """Return the local part of an IRI."""
    return re.split(r"[#/]", str(node))[-1]


FOLDER = ROOT / "kb/crosswalks"
LIBRARY = read(*sorted((ROOT / "ontology").glob("*.ttl")), *sorted((ROOT / "kb/library").rglob("*.ttl")))
TB7, EMB3D = read(FOLDER / "tb7.ttl"), read(FOLDER / "emb3d.ttl")
MEASURES, CELLS = read(FOLDER / "measures.ttl"), read(FOLDER / "stride-per-element.ttl")
EVERY = {"tb7": TB7, "emb3d": EMB3D, "measures": MEASURES, "stride-per-element": CELLS}
PATTERNS = set(LIBRARY.subjects(RDF.type, tm("AdversarialPattern"))) | set(
    LIBRARY.subjects(RDF.type, tm("NonAdversarialPattern"))
)
TYPES = set(LIBRARY.subjects(RDF.type, tm("ControlType")))
MATCHES = ("matchesPattern", "matchesElsewhere", "matchesClass", "matchesControlType")
STRIDE = {
    "Spoofing": "spoofing",
    "Tampering": "tampering",
    "Repudiation": "repudiation",
    "Information Disclosure": "information-disclosure",
    "Denial Of Service": "denial-of-service",
    "Elevation Of Privilege": "elevation-of-privilege",
}
OTHER = ["Patient Safety", "Abuse", "Privacy"]


def entries(graph: Graph, kind: str) -> list[Node]:
    """Return the entries of a list that are of a kind, sorted."""
    return sorted(graph.subjects(RDF.type, tm(kind)))


def strides(pattern: Node) -> set[Node]:
    """Return the STRIDE categories under which the library files a pattern."""
    return set(LIBRARY.objects(pattern, tm("stride")))


def listed(graph: Graph) -> list[Node]:
    """Return the entries of a list whatever their kind, cells of STRIDE per element excepted."""
    return [e for kind in ("ListedThreat", "ListedElement", "ListedMeasure") for e in entries(graph, kind)]


# -- each list is whole --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("graph", "kind", "start", "number"),
    [
        (TB7, "ListedThreat", "", 125),
        (TB7, "ListedElement", "", 87),
        (EMB3D, "ListedThreat", "TID-", 81),
        (MEASURES, "ListedMeasure", "MID-", 89),
        (MEASURES, "ListedMeasure", "M0", 51),
        (CELLS, "ElementCell", "", 24),
    ],
)
def test_list_has_as_many_entries_as_its_source(graph: Graph, kind: str, start: str, number: int) -> None:
    """As counted in the source, which is not part of the repository; each with one id and name, no id twice."""
    found = [e for e in entries(graph, kind) if short(e).startswith(start)]
    assert len(found) == number
    assert all(len(list(graph.objects(e, RDFS.label))) == 1 for e in found)
    if kind != "ElementCell":
        ids = [str(graph.value(e, tm("listedId"))) for e in found]
        assert [short(e) for e in found] == ids and len(set(ids)) == number


def test_template_has_its_categories() -> None:
    """The threat types by category of the template; each STRIDE category is also said in our own terms."""
    count = dict.fromkeys([*STRIDE, *OTHER], 0)
    for entry in entries(TB7, "ListedThreat"):
        (category,) = (str(o) for o in TB7.objects(entry, tm("listedCategory")))
        count[category] += 1
        said = {short(o) for o in TB7.objects(entry, tm("stride"))}
        assert said == ({f"stride-{STRIDE[category]}"} if category in STRIDE else set()), short(entry)
    assert count == dict(zip([*STRIDE, *OTHER], [16, 27, 13, 21, 17, 12, 12, 6, 1], strict=True))


def test_lists_hold_ids_and_names_of_others_only() -> None:
    """What is longer than a name is our own reason; nothing but the allowed statements occurs."""
    allowed = {RDF.type, RDFS.label, DCTERMS.source}
    allowed |= {
        tm(n) for n in (*MATCHES, "listedId", "listedCategory", "stride", "noMatch", "reason", "evidenceStatus")
    }
    allowed |= {tm(n) for n in ("publisher", "edition", "location", "readStatus", "elementKind", "isTaught")}
    for graph in EVERY.values():
        assert set(graph.predicates()) <= allowed
        assert max(len(str(o)) for o in graph.objects(None, RDFS.label)) < 90
        for _, prop, value in graph:
            assert prop == tm("reason") or not isinstance(value, Literal) or len(str(value)) < 90


@pytest.mark.parametrize("name", ["tb7", "emb3d", "measures"])
def test_entries_say_from_which_list_they_are(name: str) -> None:
    """One source, which the file describes with edition and how far it was read."""
    graph = EVERY[name]
    for entry in listed(graph):
        (source,) = graph.objects(entry, DCTERMS.source)
        assert (source, RDF.type, tm("Source")) in graph, short(entry)
        assert all(graph.value(source, tm(n)) for n in ("publisher", "edition", "location", "readStatus")), short(
            source
        )


# -- each entry is answered ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tb7", "emb3d", "measures"])
def test_entries_have_a_match_or_a_reason(name: str) -> None:
    """Something of ours, or a kind of no match; what is not simply matched says why in own words, once."""
    graph = EVERY[name]
    for entry in listed(graph):
        same = {o for p in MATCHES if p != "matchesElsewhere" for o in graph.objects(entry, tm(p))}
        elsewhere, lack = set(graph.objects(entry, tm("matchesElsewhere"))), list(graph.objects(entry, tm("noMatch")))
        assert same or elsewhere or lack, short(entry)
        assert not same & elsewhere, short(entry)
        assert len(lack) <= 1 and all((o, RDF.type, tm("NoMatch")) in LIBRARY for o in lack), short(entry)
        reasons = [str(o) for o in graph.objects(entry, tm("reason"))]
        assert len(reasons) == (1 if elsewhere or lack else 0), short(entry)
        assert all(len(r) > 20 and r.endswith(".") for r in reasons), short(entry)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_what_is_named_exists(name: str) -> None:
    """Patterns, types of control and classes, in statements and in reasons."""
    graph = EVERY[name]
    assert {o for p in MATCHES[:2] for o in graph.objects(None, tm(p))} <= PATTERNS
    assert set(graph.objects(None, tm("matchesControlType"))) <= TYPES
    assert all((o, RDF.type, OWL.Class) in LIBRARY for o in graph.objects(None, tm("matchesClass")))
    for reason in graph.objects(None, tm("reason")):
        assert {URIRef(LIB + i) for i in re.findall(r"[TC]-\d{4}", str(reason))} <= PATTERNS | TYPES, reason


def test_no_pattern_is_named_that_never_fits_the_category() -> None:
    """A match shares the STRIDE category of the threat type; what does not is named as filed elsewhere."""
    for entry in entries(TB7, "ListedThreat"):
        asked = set(TB7.objects(entry, tm("stride")))
        for pattern in TB7.objects(entry, tm("matchesPattern")):
            assert not asked or asked & strides(pattern), (short(entry), short(pattern))
        for pattern in TB7.objects(entry, tm("matchesElsewhere")):
            assert asked and not asked & strides(pattern), (short(entry), short(pattern))


# -- STRIDE per element --------------------------------------------------------------------------------------------


def test_every_kind_has_every_category() -> None:
    """Four kinds times six categories, each once; asked is what the playbook teaches."""
    letter = {f"stride-{v}": k[0] for k, v in STRIDE.items()}
    taught: dict[str, set[str]] = {}
    seen = []
    for cell in entries(CELLS, "ElementCell"):
        (kind,), (category,) = CELLS.objects(cell, tm("elementKind")), CELLS.objects(cell, tm("stride"))
        seen.append((str(kind), short(category)))
        if str(CELLS.value(cell, tm("isTaught"))) == "true":
            taught.setdefault(str(kind), set()).add(letter[short(category)])
    assert len(seen) == len(set(seen)) == 24
    assert taught == {
        "external entity": set("SR"),
        "process": set("STRIDE"),
        "data store": set("TRID"),
        "data flow": set("TID"),
    }


def test_each_cell_has_patterns_of_its_category_or_a_reason() -> None:
    """A cell that is asked has patterns; one that is not says why; none has a pattern of another category."""
    for cell in entries(CELLS, "ElementCell"):
        patterns = set(CELLS.objects(cell, tm("matchesPattern")))
        assert all(CELLS.value(cell, tm("stride")) in strides(p) for p in patterns), short(cell)
        if str(CELLS.value(cell, tm("isTaught"))) == "true":
            assert patterns, short(cell)
        else:
            assert CELLS.value(cell, tm("reason")), short(cell)


def test_every_pattern_stands_under_each_of_its_categories() -> None:
    """A new pattern has to be put into the table: one cell at least for each of its categories."""
    stands = {(p, CELLS.value(cell, tm("stride"))) for cell, p in CELLS.subject_objects(tm("matchesPattern"))}
    missing = {(short(p), short(c)) for p in PATTERNS for c in strides(p) if (p, c) not in stands}
    assert missing == set(), "add these to kb/crosswalks/stride-per-element.ttl"


# -- ids of outside catalogues ---------------------------------------------------------------------------------------


def test_threats_and_patterns_say_the_same_of_each_other() -> None:
    """A pattern that refers to a threat of EMB3D is among its matches; the name is the same in both files."""
    references = read(FOLDER / "references.ttl")
    of = {
        str(references.value(r, tm("reference"))): str(references.value(r, RDFS.label)) for r in references.subjects()
    }
    for pattern, reference in LIBRARY.subject_objects(tm("reference")):
        if str(reference).startswith("EMB3D "):
            threat = URIRef(f"{LISTS}emb3d/{str(reference).removeprefix('EMB3D ')}")
            assert (threat, tm("matchesPattern"), pattern) in EMB3D, (short(pattern), reference)
            assert str(EMB3D.value(threat, RDFS.label)) == of[str(reference)]


def test_each_measure_and_threat_is_marked() -> None:
    """Verified or not is said of each id of a list that was looked up."""
    for graph, kind in ((EMB3D, "ListedThreat"), (MEASURES, "ListedMeasure")):
        for entry in entries(graph, kind):
            assert (entry, tm("evidenceStatus"), tm("evidence-verified")) in graph


# -- the page ------------------------------------------------------------------------------------------------------

PAGE = (ROOT / "docs/crosswalks.md").read_text(encoding="utf-8")
LACKS = ("gap", "no-threat", "safety", "inside", "outside")


def figures(graph: Graph, kind: str, source: str) -> list[int]:
    """Return how many entries there are, are answered, answered in part, and not, by kind of no match."""
    count = dict.fromkeys(("all", "answered", "in part", *LACKS), 0)
    for entry in entries(graph, kind):
        if graph.value(entry, DCTERMS.source) != URIRef(LISTS + source):
            continue
        lack = [short(o).removeprefix("nomatch-") for o in graph.objects(entry, tm("noMatch"))]
        answered = any(graph.value(entry, tm(p)) for p in MATCHES)
        count["all"] += 1
        count["answered" if not lack else "in part" if answered else lack[0]] += 1
    return list(count.values())


@pytest.mark.parametrize(
    ("graph", "kind", "source", "name"),
    [
        (TB7, "ListedThreat", "tb7", "medical device template, threat types"),
        (TB7, "ListedElement", "tb7", "medical device template, element classes"),
        (EMB3D, "ListedThreat", "emb3d", "EMB3D, threats"),
        (MEASURES, "ListedMeasure", "attack-ics-mitigations", "ATT&CK for industrial control systems, mitigations"),
        (MEASURES, "ListedMeasure", "emb3d-mitigations", "EMB3D, mitigations"),
        (MEASURES, "ListedMeasure", "d3fend", "D3FEND, chosen techniques"),
    ],
)
def test_page_has_the_figures(graph: Graph, kind: str, source: str, name: str) -> None:
    """The table on the page counts what the files hold."""
    assert "| " + " | ".join(map(str, [name, *figures(graph, kind, source)])) + " |" in PAGE


def test_page_names_every_gap() -> None:
    """Each entry for which the library lacks something is on the page, by its id."""
    for graph in (TB7, EMB3D, MEASURES):
        for entry in graph.subjects(tm("noMatch"), tm("nomatch-gap")):
            listed_id = str(graph.value(entry, tm("listedId")))
            assert f"`{listed_id if len(listed_id) < 12 else listed_id[:8]}`" in PAGE, listed_id


def test_page_names_what_has_no_counterpart_outside() -> None:
    """Patterns and types of control that no entry of these lists leads to are on the page, and no others."""
    met = {o for g in (TB7, EMB3D) for p in MATCHES[:2] for o in g.objects(None, tm(p))}
    with_measure = set(MEASURES.objects(None, tm("matchesControlType")))
    for start, missing in (("Patterns:", PATTERNS - met), ("Types of control:", TYPES - with_measure)):
        (line,) = [text for text in PAGE.splitlines() if text.startswith(f"- {start}")]
        assert re.findall(r"[TC]-\d{4}", line) == sorted(map(short, missing)), start


def test_page_has_the_table_of_cells() -> None:
    """A number where the method asks, a dash where it does not, in brackets what the library has all the same."""
    of = {
        (str(kind), short(CELLS.value(cell, tm("stride")))): cell
        for cell, kind in CELLS.subject_objects(tm("elementKind"))
    }
    for kind in sorted({kind for kind, _ in of}):
        row = [kind]
        for category in STRIDE.values():
            cell = of[kind, f"stride-{category}"]
            number = len(list(CELLS.objects(cell, tm("matchesPattern"))))
            asked = str(CELLS.value(cell, tm("isTaught"))) == "true"
            row.append(str(number) if asked else f"– ({number})" if number else "–")
        assert "| " + " | ".join(row) + " |" in PAGE
