"""House rules over the library: every pattern and type of control whole, every reference real, every medium thought of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rdflib import BNode, Graph, Literal, Node, URIRef
from rdflib.collection import Collection
from rdflib.namespace import DCTERMS, OWL, RDF, RDFS, SKOS

ROOT = Path(__file__).resolve().parents[2]
KB = ROOT / "kb"
TM = "https://tmkb.example/ontology#"
LIB = "https://tmkb.example/library/"
LIBRARY = sorted((KB / "library").rglob("*.ttl"))
TOPICS = sorted((ROOT / "ontology").glob("*.ttl"))


def tm(name: str) -> URIRef:
    """Return a term of the ontology."""
    return URIRef(TM + name)


def read(paths: list[Path]) -> Graph:
    """Return one graph with what *paths* say."""
    graph = Graph()
    for path in paths:
        graph.parse(path, format="turtle")
    return graph


ALL = read([*TOPICS, *LIBRARY])
WITH_INTENT = sorted(ALL.subjects(RDF.type, tm("AdversarialPattern")))
WITHOUT = sorted(ALL.subjects(RDF.type, tm("NonAdversarialPattern")))
PATTERNS = [*WITH_INTENT, *WITHOUT]
TYPES = sorted(ALL.subjects(RDF.type, tm("ControlType")))
ADVISORIES = sorted(ALL.subjects(RDF.type, tm("Advisory")))
WEAKNESSES = sorted(ALL.subjects(RDF.type, tm("Weakness")))
PROPERTIES = sorted(ALL.subjects(RDF.type, tm("SecurityProperty")))
MEDIA = sorted(ALL.subjects(RDF.type, tm("Medium")))


def short(node: object) -> str:
    """Return the local part of an IRI."""
    return re.split(r"[#/]", str(node))[-1]


def all_of(node: Node, name: str) -> set[Node]:
    """Return the values of a tm: property."""
    return set(ALL.objects(node, tm(name)))


def restricted(prop: str, pattern: Node) -> set[Node]:
    """Return the classes that state *pattern* by a hasValue restriction on *prop*."""
    return {
        c for r in ALL.subjects(OWL.hasValue, pattern) if (r, OWL.onProperty, tm(prop)) in ALL
        for c in ALL.subjects(RDFS.subClassOf, r)
    }  # fmt: skip


def wider(cls: Node) -> set[Node]:
    """Return a class with every wider one, also through definitions by intersection."""
    seen, todo = set(), [cls]
    while todo:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        todo += [c for c in ALL.objects(node, RDFS.subClassOf) if isinstance(c, URIRef)]
        for made in ALL.objects(node, OWL.equivalentClass):
            todo += list(Collection(ALL, ALL.value(made, OWL.intersectionOf)))
    for vector in VECTORS:
        if VECTORS[vector] <= seen:
            seen.add(vector)
    return seen


VECTORS: dict[Node, set[Node]] = {
    c: set(Collection(ALL, ALL.value(made, OWL.intersectionOf)))
    for c, made in ALL.subject_objects(OWL.equivalentClass)
    if ALL.value(made, OWL.intersectionOf) is not None
}


@pytest.mark.parametrize("pattern", PATTERNS, ids=short)
def test_pattern_is_whole(pattern: URIRef) -> None:
    """Everything that docs/modelling.md asks of a pattern is there, once where it must be once."""
    once = ["via", "strideReason", "basis", "detection", "response", "knownGaps", "easeOfDiscovery", "threatSource"]
    many = ["violates", "stride", "counteredBy"]
    if pattern in WITH_INTENT:
        once.append("defaultTier")
        many += ["exploitsWeakness", "reference"]
        assert all_of(pattern, "threatSource") == {tm("source-adversary")}
        assert not all_of(pattern, "defaultBand")
    else:
        once.append("defaultBand")
        assert not all_of(pattern, "defaultTier")
        assert tm("source-adversary") not in all_of(pattern, "threatSource")
        assert 1 <= int(str(ALL.value(pattern, tm("defaultBand")))) <= 5
    assert {n: len(all_of(pattern, n)) for n in once} == dict.fromkeys(once, 1)
    assert all(all_of(pattern, n) for n in many), [n for n in many if not all_of(pattern, n)]
    assert len(list(ALL.objects(pattern, RDFS.label))) == len(list(ALL.objects(pattern, SKOS.definition))) == 1
    assert list(ALL.objects(pattern, DCTERMS.source))
    assert all_of(pattern, "via") <= {tm(v) for v in ("carriedOver", "storedBehind", "handles", "itself")}


@pytest.mark.parametrize("pattern", PATTERNS, ids=short)
def test_pattern_can_be_derived(pattern: URIRef) -> None:
    """Some class admits it and some kind of asset is susceptible; both are of the sort that its relation needs."""
    vectors, kinds = restricted("admits", pattern), restricted("susceptibleTo", pattern)
    assert vectors
    assert kinds
    relation = ALL.value(pattern, tm("via"))
    if relation == tm("itself"):
        assert pattern in WITHOUT
        assert all(tm("Component") in wider(v) for v in vectors)
        assert all(tm("Component") in wider(k) for k in kinds)
    else:
        assert all(tm("AttackVector") in wider(v) for v in vectors), vectors
        wanted = tm("Component") if relation == tm("handles") else tm("InformationAsset")
        assert all(wanted in wider(k) for k in kinds), kinds


@pytest.mark.parametrize("pattern", PATTERNS, ids=short)
def test_what_counters_a_pattern_helps(pattern: URIRef) -> None:
    """Each countering type upholds a property that the pattern violates, or says why it forces nothing."""
    for kind in all_of(pattern, "counteredBy"):
        assert all_of(kind, "upholds") & all_of(pattern, "violates") or all_of(kind, "forcesNothing"), short(kind)


@pytest.mark.parametrize("pattern", WITH_INTENT, ids=short)
def test_every_lost_property_can_be_upheld(pattern: URIRef) -> None:
    """For each property that a pattern with intent violates, some countering type upholds it with an effect."""
    for lost in all_of(pattern, "violates"):
        helping = [
            k for k in all_of(pattern, "counteredBy") if lost in all_of(k, "upholds")
            and (all_of(k, "forcesTier") or all_of(k, "capsSeverity")
                 or any(pattern in all_of(p, "pattern") for p in ALL.subjects(tm("ofControlType"), k)))
        ]  # fmt: skip
        assert helping, short(lost)


def test_no_two_patterns_say_the_same() -> None:
    """Vectors, kinds, relation and cause together are different for every two patterns."""
    seen: dict[object, list[str]] = {}
    for pattern in PATTERNS:
        key = (
            frozenset(restricted("admits", pattern)), frozenset(restricted("susceptibleTo", pattern)),
            ALL.value(pattern, tm("via")), pattern in WITH_INTENT, frozenset(all_of(pattern, "violates")),
        )  # fmt: skip
        seen.setdefault(key, []).append(short(pattern))
    assert [ids for ids in seen.values() if len(ids) > 1] == []


def test_patterns_of_equal_reach_lose_different_things() -> None:
    """Two patterns of one cause with the same vectors, kinds and relation would count one threat twice, unless listed with a reason."""
    seen: dict[object, list[str]] = {}
    for pattern in PATTERNS:
        key = (
            frozenset(restricted("admits", pattern)),
            frozenset(restricted("susceptibleTo", pattern)),
            ALL.value(pattern, tm("via")),
            pattern in WITH_INTENT,
        )
        seen.setdefault(key, []).append(short(pattern))
    assert {frozenset(ids) for ids in seen.values() if len(ids) > 1} - EQUAL_REACH == set()


EQUAL_REACH: set[frozenset[str]] = set()


def test_every_stride_category_has_patterns() -> None:
    """Spoofing to elevation: none of the six is empty."""
    categories = set(ALL.subjects(RDF.type, tm("STRIDECategory")))
    assert len(categories) == 6
    assert {c for p in PATTERNS for c in all_of(p, "stride")} == categories


def test_every_tier_in_use_and_every_relation() -> None:
    """All four relations occur, and more than one default tier."""
    assert {short(v) for p in PATTERNS for v in all_of(p, "via")} == {
        "carriedOver",
        "storedBehind",
        "handles",
        "itself",
    }
    assert len({v for p in PATTERNS for v in all_of(p, "defaultTier")}) >= 3


def admitted(vector: Node) -> set[Node]:
    """Return the patterns that come in through every vector of a class."""
    return {p for p in PATTERNS for c in restricted("admits", p) if c in wider(vector)}


@pytest.mark.parametrize("prop", PROPERTIES, ids=short)
@pytest.mark.parametrize("medium", MEDIA, ids=short)
def test_every_medium_and_property_is_thought_of(medium: URIRef, prop: URIRef) -> None:
    """A pattern for the vector kind of the medium, or a stated gap with its reason; never both, never neither.

    Custody is a phase rather than a way in: a gap may stand where only its phases have patterns of their own.
    """
    interface = [
        c
        for r in ALL.subjects(OWL.hasValue, medium)
        if (r, OWL.onProperty, tm("medium")) in ALL
        for c in ALL.subjects(RDFS.subClassOf, r)
    ]
    assert len(interface) == 1
    vector = [v for v, parts in VECTORS.items() if parts == {tm("AttackVector"), interface[0]}]
    assert len(vector) == 1
    covered = any(prop in all_of(p, "violates") for p in admitted(vector[0]))
    gaps = [
        g
        for g in ALL.subjects(RDF.type, tm("LibraryGap"))
        if all_of(g, "ofMedium") == {medium} and prop in all_of(g, "ofProperty") and not all_of(g, "onClass")
    ]
    assert covered != bool(gaps), "both" if covered else "neither"
    assert len(gaps) <= 1
    for gap in gaps:
        assert len(str(ALL.value(gap, tm("reason")))) > 40
        for named in re.findall(r"T-\d{4}", str(ALL.value(gap, tm("reason")))):
            assert URIRef(LIB + named) in PATTERNS, named


@pytest.mark.parametrize("kind", TYPES, ids=short)
def test_type_of_control_is_whole(kind: URIRef) -> None:
    """Name, definition, category, what it upholds, source, an effect or the reason for none, and a basis for the effect."""
    for name in (RDFS.label, SKOS.definition):
        assert len(list(ALL.objects(kind, name))) == 1
    assert list(ALL.objects(kind, DCTERMS.source))
    assert all_of(kind, "category")
    assert all_of(kind, "upholds")
    pairs = [p for p in ALL.subjects(RDF.type, tm("ForcedTier")) if kind in all_of(p, "ofControlType")]
    effects = [n for n in ("forcesTier", "capsBand", "capsSeverity") if all_of(kind, n)]
    assert bool(effects or pairs) != bool(all_of(kind, "forcesNothing"))
    if effects:
        assert all_of(kind, "basis")
    for name in ("forcesTier", "capsBand", "capsSeverity", "forcesNothing"):
        assert len(all_of(kind, name)) <= 1
    if all_of(kind, "capsSeverity"):
        assert all_of(kind, "capsAxis")
    assert any(kind in all_of(p, "counteredBy") for p in PATTERNS), "counters nothing"


def test_forced_tiers_of_pairs_are_whole() -> None:
    """A tier for a pair names one type, one pattern that it counters, one tier and a basis; no pair twice."""
    pairs = []
    for pair in ALL.subjects(RDF.type, tm("ForcedTier")):
        assert (
            len(all_of(pair, "ofControlType")) == len(all_of(pair, "pattern")) == len(all_of(pair, "forcesTier")) == 1
        )
        kind, pattern = ALL.value(pair, tm("ofControlType")), ALL.value(pair, tm("pattern"))
        assert kind in all_of(pattern, "counteredBy"), pair
        assert all_of(pair, "basis") or all_of(pair, "reason")
        pairs.append((kind, pattern))
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("advisory", ADVISORIES, ids=short)
def test_advisory_is_evidence_for_a_class(advisory: URIRef) -> None:
    """Id, class, pattern, status and source; no maker is named as at fault."""
    assert short(advisory) == "A-" + str(ALL.value(advisory, tm("advisoryId")))
    assert all_of(advisory, "onClass")
    assert all_of(advisory, "evidenceFor") <= set(PATTERNS)
    assert all_of(advisory, "evidenceFor")
    assert all_of(advisory, "evidenceStatus")
    assert list(ALL.objects(advisory, DCTERMS.source))


@pytest.mark.parametrize("weakness", WEAKNESSES, ids=short)
def test_weakness_is_whole(weakness: URIRef) -> None:
    """Number, name, definition, source, parents that exist, and no circle."""
    assert short(weakness) == str(ALL.value(weakness, tm("weaknessId")))
    assert ALL.value(weakness, RDFS.label)
    assert ALL.value(weakness, SKOS.definition)
    assert list(ALL.objects(weakness, DCTERMS.source))
    above = set(ALL.transitive_objects(weakness, tm("parentWeakness"))) - {weakness}
    assert above <= set(WEAKNESSES)
    assert not any(weakness in all_of(w, "parentWeakness") for w in above)


def test_every_reference_exists() -> None:
    """Whatever the library names by id is there."""
    used = {t for triple in ALL for t in triple if isinstance(t, URIRef) and str(t).startswith(LIB)}
    assert sorted(short(t) for t in used if (t, RDF.type, None) not in ALL) == []


@pytest.mark.parametrize("reference", sorted({str(r) for p in PATTERNS for r in all_of(p, "reference")}))
def test_outside_references_have_the_form_of_their_list(reference: str) -> None:
    """CAPEC, ATT&CK, EMB3D, D3FEND, CWE and CVE ids are written as their lists write them."""
    forms = (
        r"CAPEC-\d{1,3}",
        r"ATT&CK T[A-Z]?\d{4}(\.\d{3})?",
        r"ATT&CK (ICS|Mobile|Enterprise) T\d{4}(\.\d{3})?",
        r"EMB3D TID-\d{3}",
        r"D3FEND D3-[A-Z]+",
        r"CWE-\d+",
        r"CVE-\d{4}-\d{4,}",
    )
    assert any(re.fullmatch(form, reference) for form in forms), reference


@pytest.mark.parametrize(
    "path",
    [p for p in LIBRARY if p.parent.name in ("threats", "controls", "weaknesses", "advisories")],
    ids=lambda p: p.stem,
)
def test_file_name_is_the_id(path: Path) -> None:
    """A file holds the one entry that its name says (compound vector kinds and pairs beside it)."""
    stem = path.stem
    expected = {
        "threats": stem[:6],
        "controls": stem[:6],
        "weaknesses": stem.replace("W-", "CWE-"),
        "advisories": stem,
    }[path.parent.name]
    graph = read([path])
    main = {tm(n) for n in ("AdversarialPattern", "NonAdversarialPattern", "ControlType", "Weakness", "Advisory")}
    entries = [short(s) for s, o in graph.subject_objects(RDF.type) if o in main]
    assert entries == [expected]
    if path.parent.name in ("threats", "controls"):
        assert re.fullmatch(r"[TC]-\d{4}-[a-z0-9]+(-[a-z0-9]+)*", stem)


@pytest.mark.parametrize("path", [p for p in LIBRARY if p.parent.name == "threats"], ids=lambda p: p.stem)
def test_threat_file_keeps_to_its_pattern(path: Path) -> None:
    """The axioms in a file are about the pattern of that file, and each compound kind is used in it."""
    graph = read([path])
    pattern = URIRef(LIB + path.stem[:6])
    assert set(graph.objects(None, OWL.hasValue)) == {pattern}
    for kind in graph.subjects(RDF.type, OWL.Class):
        if isinstance(kind, BNode):
            continue
        assert short(kind).startswith("V-")
        one_way = [c for c in graph.subjects(RDFS.subClassOf, kind) if (c, OWL.intersectionOf, None) in graph]
        assert (kind, OWL.equivalentClass, None) in graph or one_way
        assert kind in restricted("admits", pattern)


TEXTS = [(short(s), str(o)) for s, _, o in ALL if isinstance(o, Literal) and o.language] + [
    (f"{p.relative_to(KB)}:{short(s)}", str(o))
    for p in sorted(KB.rglob("*.ttl")) if "library" not in p.parts
    for s, _, o in read([p]) if isinstance(o, Literal) and o.language
]  # fmt: skip


def test_nothing_claims_to_comply() -> None:
    """No text says that something complies or conforms with a standard, or is compliant or certified."""
    claim = re.compile(r"\b(compl(y|ies|iant|iance)|conform(s|ant|ity|ance)?|certified)\b", re.I)
    assert [(where, text) for where, text in TEXTS if claim.search(text)] == []


def test_likelihood_is_no_probability() -> None:
    """No text states a band or tier as a probability or a percentage."""
    claim = re.compile(r"\bprobabilit(y|ies)\b.*\d|\d\s*%\s*(chance|likel)", re.I)
    assert [(where, text) for where, text in TEXTS if claim.search(text)] == []


@pytest.mark.parametrize("path", sorted(KB.rglob("*.ttl")), ids=lambda p: p.relative_to(KB).as_posix())
def test_files_begin_with_their_purpose(path: Path) -> None:
    """Two comment lines, then the prefixes; unix line ends, a last line that ends, no tabs."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0].startswith("# ")
    assert lines[1].startswith("# ")
    assert lines[2].startswith("prefix ")
    assert text.endswith("\n")
    assert "\t" not in text
    assert "\r" not in text
