"""The fast engine gives what the reference gives: on every specimen, and on every shipped release."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import made
import pyoxigraph as ox
import pytest

from tmkb.engines import shacl
from tmkb.engines.shacl import RawResult, ShapeGraph, Shapes
from tmkb.engines.shacl_fast import WORDS
from tmkb.model.graphs import Triple
from tmkb.terms import RUN, SH, TMS, dct, literal

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = Path(__file__).resolve().parent
FOLDER = ROOT / "ontology" / "shapes"
KINDS = ("authoring", "assurance")
KEYS = made.sample()
ALL = ShapeGraph.read(sorted(FOLDER.glob("**/*.ttl")))
NAMES = [shape[len(TMS) + 1 : -1] for shape in ALL.node_shapes]


def triples_of(path: Path) -> set[Triple]:
    """Return what a file says; blank nodes get ids, as the loader gives them."""
    quads = ox.parse(path.read_bytes(), format=ox.RdfFormat.TURTLE, rename_blank_nodes=True)
    terms = ((str(q.subject), str(q.predicate), str(q.object)) for q in quads)
    return {tuple(f"<urn:node:{t[2:]}>" if t.startswith("_:") else t for t in triple) for triple in terms}


@functools.cache
def ontology() -> frozenset[Triple]:
    files = [*(ROOT / "ontology").glob("*.ttl"), ROOT / "kb/library/sources/sources.ttl"]
    return frozenset().union(*map(triples_of, files))


def reachable(name: str) -> list[Triple]:
    """Return the part of the shapes that the shape called *name* needs, so that no other shape runs."""
    about: dict[str, list[Triple]] = {}
    for triple in ALL.triples:
        about.setdefault(triple[0], []).append(triple)
    todo, seen = [f"<{TMS}{name}>", f"<{TMS}prefixes>"], set()
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(triple[2] for triple in about.get(node, ()))
    return [triple for triple in ALL.triples if triple[0] in seen]


def both(shapes: list[Triple], data: Iterable[Triple]) -> tuple[list[RawResult], list[RawResult]]:
    """Return the results of the reference and of the fast engine."""
    data = sorted(data)
    return tuple(Shapes.of(shapes, shacl.engine(name)).validate(data) for name in (shacl.REFERENCE, shacl.FAST))


@pytest.mark.parametrize("name", NAMES)
def test_engines_agree_on_the_specimens(name: str) -> None:
    """Shape, node, path, value, severity, message and component are equal, on what passes and on what fails."""
    shapes = reachable(name)
    for kind in ("pass", "fail"):
        reference, fast = both(shapes, ontology() | triples_of(FIXTURES / name / f"{kind}.ttl"))
        assert fast == reference
        assert bool(fast) == (kind == "fail")
        assert all(one.message and one.shape == f"<{TMS}{name}>" for one in fast)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", KINDS)
def test_engines_agree_on_the_releases(kind: str, key: str, shipped: Any) -> None:
    """The shapes of a stage, together, say the same of a shipped release on both engines."""
    release = shipped(key).releases[0]
    written = release.assembled.core_triples | release.assembled.local_triples
    data = {
        *(written if kind == "authoring" else release.rated.triples),
        (RUN, dct.date, literal("2027-11-23", "date")),
    }
    shapes = ShapeGraph.read(sorted([*FOLDER.glob("*.ttl"), *(FOLDER / kind).glob("*.ttl")])).triples
    reference, fast = both(list(shapes), data)
    assert fast == reference
    assert fast


def test_fast_engine_takes_only_words_that_were_compared() -> None:
    """Every SHACL word that the fast engine takes stands in a shape, so in a specimen; and the other way round."""
    used = {predicate[len(SH) + 1 : -1] for _, predicate, _ in ALL.triples if predicate.startswith(f"<{SH}")}
    assert used == WORDS


def test_targets_are_those_of_the_specimens() -> None:
    """Every node that a fail fixture names is looked at by its shape."""
    for name in NAMES:
        path = FIXTURES / name / "fail.ttl"
        named = {f"<{iri}>" for iri in re.findall(r"^# focus: (\S+)$", path.read_text(encoding="utf-8"), flags=re.M)}
        foci = shacl.targets(ALL, ontology() | triples_of(path))
        assert named <= foci[f"<{TMS}{name}>"], name
