"""P13 and P16: what the closure under OWL 2 RL must be, on small random graphs and on the shipped releases."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tmkb import load, sources
from tmkb.engines.owl_compiled import CompiledReasoner
from tmkb.infer import closed_schema, is_noise
from tmkb.terms import OWL, owl, rdf, rdfs

ROOT = Path(__file__).resolve().parents[2]
Triple = tuple[str, str, str]


def x(name: str) -> str:
    return f"<https://tmkb.example/test/{name}>"


def _list(name: str, *members: str) -> list[Triple]:
    nodes = [x(f"{name}{n}") for n in range(len(members))] + [rdf.nil]
    pairs = [(nodes[n], rdf.first, member) for n, member in enumerate(members)]
    return [*pairs, *((nodes[n], rdf.rest, nodes[n + 1]) for n in range(len(members)))]


ONTOLOGY: frozenset[Triple] = frozenset(
    [
        # the forms that ontology/ and kb/library/ use: hierarchy, transitivity, inverse, chain, intersection, hasValue
        (x("Cpu"), rdfs.subClassOf, x("Part")), (x("Part"), rdfs.subClassOf, x("Asset")),
        (x("partOf"), rdf.type, owl.TransitiveProperty),
        (x("handles"), owl.inverseOf, x("opens")),
        (x("heldBy"), rdfs.subPropertyOf, x("within")),
        (x("within"), owl.propertyChainAxiom, x("a0")), *_list("a", x("heldBy"), x("partOf")),
        (x("stored"), owl.propertyChainAxiom, x("b0")), *_list("b", x("within"), x("handles")),
        (x("Vector"), owl.equivalentClass, x("meet")), (x("meet"), owl.intersectionOf, x("c0")), *_list("c", x("Radio"), x("some")),
        (x("some"), owl.onProperty, x("crosses")), (x("some"), owl.someValuesFrom, x("Border")),
        (x("Vector"), rdfs.subClassOf, x("value")), (x("value"), owl.onProperty, x("admits")), (x("value"), owl.hasValue, x("T1")),
    ]
)  # fmt: skip
_NODES = [x(f"n{n}") for n in range(5)]
_PROPERTIES = [x(p) for p in ("partOf", "opens", "heldBy", "crosses", "handles")]
_CLASSES = [x(c) for c in ("Cpu", "Part", "Radio", "Border")]
_facts = st.one_of(
    st.tuples(st.sampled_from(_NODES), st.sampled_from(_PROPERTIES), st.sampled_from(_NODES)),
    st.tuples(st.sampled_from(_NODES), st.just(rdf.type), st.sampled_from(_CLASSES)),
)
graphs = st.frozensets(_facts, min_size=1, max_size=12)


REASONER = CompiledReasoner(closed_schema)


def closure(data: frozenset[Triple]) -> frozenset[Triple]:
    """Return what infer.close keeps: the asserted triples and every conclusion that is not noise."""
    told = ONTOLOGY | data
    everything = REASONER.close(ONTOLOGY, data - ONTOLOGY)
    return told | frozenset(t for t in everything - told if not is_noise(t))


@given(graphs)
def test_closing_a_closed_graph_adds_nothing(graph: frozenset[Triple]) -> None:
    """P13: closure(closure(G)) = closure(G)."""
    once = closure(graph)
    assert once > graph | ONTOLOGY
    named = {x(f"n{n}") for n in range(5)}
    assert closure(frozenset(t for t in once if t[0] in named)) == once


@given(graphs, graphs)
def test_more_statements_take_no_conclusion_away(graph: frozenset[Triple], more: frozenset[Triple]) -> None:
    """P13: G ⊆ H ⇒ closure(G) ⊆ closure(H)."""
    assert closure(graph) <= closure(graph | more)


def test_the_small_ontology_concludes_what_derivation_needs() -> None:
    """P13: the two properties above are not shown on graphs without conclusions: hasValue and both chains do fire."""
    told = frozenset(
        [
            (_NODES[0], rdf.type, x("Radio")), (_NODES[0], x("crosses"), _NODES[1]), (_NODES[1], rdf.type, x("Border")),
            (_NODES[2], x("heldBy"), _NODES[3]), (_NODES[3], x("partOf"), _NODES[4]), (_NODES[0], x("opens"), _NODES[4]),
        ]
    )  # fmt: skip
    found = closure(told)
    assert (_NODES[0], x("admits"), x("T1")) in found
    assert (_NODES[2], x("stored"), _NODES[0]) in found


# What OWL 2 RL needs to conclude sameAs between two names (W3C tables 4 to 6), beside sameAs itself
MERGING = [
    f"<{OWL}{name}>" for name in (
        "sameAs", "FunctionalProperty", "InverseFunctionalProperty", "hasKey", "maxCardinality", "maxQualifiedCardinality",
        "cardinality", "qualifiedCardinality", "oneOf",
    )
]  # fmt: skip


def test_nothing_that_is_shipped_can_make_two_individuals_the_same() -> None:
    """P16: no file of ontology, library, policy, module or release uses a form from which sameAs could ever follow."""
    asserted = load.load(sources.find_sources(ROOT / "kb"))
    stated = [*asserted.core, *asserted.modules, *(s for release in asserted.releases.values() for s in release)]
    assert len(asserted.releases) >= 3
    assert not [str(s.origin) for s in stated if set(s.triple) & set(MERGING)]


def test_inference_makes_no_two_named_individuals_the_same(shipped) -> None:  # type: ignore[no-untyped-def]
    """P16: the closure of a shipped release has no sameAs, so no two tiers, levels, controls or threats are merged."""
    [rated] = shipped("insulin-pump@1.0").rated
    closed = rated.derived.closed
    assert closed.entailed, "there are conclusions to look at"
    assert not [t for t in closed.triples if t[1] == owl.sameAs]
    assert [t for t in rated.derived.firings if t[1] == rdf.type and t[2].endswith("#Threat>")]
