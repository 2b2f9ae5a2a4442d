"""SHACL validation behind one interface: what a result is, what the shapes look at, and which engine runs them.

No engine is imported here; ``engine`` loads the one that is asked for. Two engines must give equal results.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import pyoxigraph as ox

from tmkb.engines.sparql import Store
from tmkb.errors import EngineError, ParameterError
from tmkb.model.graphs import Triple
from tmkb.terms import RDFS, SH, owl, rdf, rdfs

FAST, REFERENCE = "fast", "pyshacl"


@dataclass(frozen=True, order=True)
class RawResult:
    """One validation result; ``shape`` is the node shape, terms are N-Triples."""

    shape: str
    focus: str
    path: str
    value: str
    severity: str
    message: str
    component: str


Run = Callable[[Sequence[Triple], Store | None], Iterable[RawResult]]


class ShapesEngine(Protocol):
    """Runs shapes on data; every engine gives the same results for the same shapes and data."""

    @property
    def name(self) -> str:
        """Engine and version, for the cache and ``tmkb doctor``."""

    def compile(self, shapes: ShapeGraph) -> Run:
        """Return what validates data; a broken shape or a word that the engine does not know raises."""


def word(name: str) -> str:
    """Return the term of the SHACL vocabulary called *name*."""
    return f"<{SH}{name}>"


class ShapeGraph:
    """The triples of some shapes, by subject and predicate. Blank nodes are labels that no two files share."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        """Index *triples*, and find the node shape that each part belongs to."""
        self.triples = tuple(triples)
        self._facts: dict[tuple[str, str], list[str]] = defaultdict(list)
        for s, p, o in self.triples:
            self._facts[s, p].append(o)
        self.node_shapes = tuple(sorted({s for s, p, o in self.triples if p == rdf.type and o == word("NodeShape")}))
        self._owner = {
            part: shape
            for shape in self.node_shapes
            for link in ("property", "sparql")
            for part in self.objects(shape, word(link))
        }

    @classmethod
    def read(cls, paths: Sequence[Path]) -> ShapeGraph:
        """Return the shapes of Turtle files.

        Raises:
            EngineError: a file is not valid Turtle.
        """
        found: list[Triple] = []
        for path in paths:
            try:
                for quad in ox.parse(path.read_bytes(), format=ox.RdfFormat.TURTLE, rename_blank_nodes=True):
                    found.append((str(quad.subject), str(quad.predicate), str(quad.object)))
            except SyntaxError as error:
                raise EngineError("E-SHACL", f"the shapes could not be read: {error}", where=path.name) from error
        return cls(found)

    def objects(self, subject: str, predicate: str) -> list[str]:
        """Return what *subject* says with *predicate*, sorted."""
        return sorted(self._facts.get((subject, predicate), ()))

    def one(self, subject: str, predicate: str) -> str:
        """Return the first thing that *subject* says with *predicate*, or nothing."""
        return next(iter(self.objects(subject, predicate)), "")

    def owner(self, part: str) -> str:
        """Return the node shape of a property shape or constraint; other shapes belong to themselves."""
        return self._owner.get(part, part)


class Shapes:
    """A set of shapes, read once, with the engine that runs them."""

    def __init__(self, paths: Sequence[Path], chosen: ShapesEngine | None = None) -> None:
        """Read the shape files; without *chosen*, the engine is the one that ``engine`` prefers."""
        self._set(ShapeGraph.read(paths), chosen)

    @classmethod
    def of(cls, triples: Iterable[Triple], chosen: ShapesEngine | None = None) -> Shapes:
        """Return the shapes that *triples* state."""
        shapes = cls.__new__(cls)
        shapes._set(ShapeGraph(triples), chosen)
        return shapes

    def _set(self, graph: ShapeGraph, chosen: ShapesEngine | None) -> None:
        self.graph = graph
        self._engine = chosen or engine()
        self._run: Run | None = None

    def structural(self, kind: str, structural_kind: str) -> frozenset[str]:
        """Return the node shapes whose *kind* property has the value *structural_kind*."""
        return frozenset(s for s, p, o in self.graph.triples if p == kind and o == structural_kind)

    def foci(self, data: Iterable[Triple]) -> dict[str, frozenset[str]]:
        """Return the nodes of *data* that each node shape looks at; none means that it checked nothing."""
        return targets(self.graph, data)

    def validate(self, data: Iterable[Triple], store: Store | None = None) -> list[RawResult]:
        """Return every result of every shape on *data*, sorted; a *store* that holds the same saves loading it.

        Raises:
            EngineError: the engine failed or a shape is broken; that is never a clean result.
        """
        try:
            if self._run is None:
                self._run = self._engine.compile(self.graph)
            return sorted(set(self._run(list(data), store)))
        except (KeyboardInterrupt, SystemExit, EngineError):
            raise
        except BaseException as error:  # a panic of an engine is no Exception; each kind means that nothing was checked
            raise EngineError("E-SHACL", f"the shapes could not be run: {error}") from error


def targets(shapes: ShapeGraph, data: Iterable[Triple]) -> dict[str, frozenset[str]]:
    """Return the focus nodes of each node shape on *data*, as asserted there: no inference but subclasses.

    Raises:
        EngineError: a shape chooses its nodes in a way that is not known here.
    """
    if unknown := sorted({s for s, p, _ in shapes.triples if p == word("target")}):
        raise EngineError("E-SHACL", f"targets by query are not supported: {', '.join(unknown)}")
    wanted = {o for s, p, o in shapes.triples if p in (word("targetSubjectsOf"), word("targetObjectsOf"))}
    kinds, below = defaultdict(set), defaultdict(set)
    subjects, objects = defaultdict(set), defaultdict(set)
    for s, p, o in data:
        if p == rdf.type:
            kinds[o].add(s)
        elif p == rdfs.subClassOf:
            below[o].add(s)
        if p in wanted:
            subjects[p].add(s)
            objects[p].add(o)
    found = {}
    for shape in shapes.node_shapes:
        nodes = set(shapes.objects(shape, word("targetNode")))
        for cls in _classes(shapes, shape):
            nodes.update(*(kinds[kind] for kind in _closure(cls, below)))
        nodes.update(*(subjects[p] for p in shapes.objects(shape, word("targetSubjectsOf"))))
        nodes.update(*(objects[p] for p in shapes.objects(shape, word("targetObjectsOf"))))
        found[shape] = frozenset(nodes)
    return found


def _classes(shapes: ShapeGraph, shape: str) -> list[str]:
    """Return the classes whose members a shape looks at; a shape that is a class itself looks at its own."""
    itself = {f"<{RDFS}Class>", owl.Class} & set(shapes.objects(shape, rdf.type))
    return [*shapes.objects(shape, word("targetClass")), *([shape] if itself else [])]


def _closure(cls: str, below: Mapping[str, set[str]]) -> set[str]:
    seen, todo = {cls}, [cls]
    while todo:
        new = below.get(todo.pop(), set()) - seen
        seen |= new
        todo.extend(new)
    return seen


class Reference:
    """pyshacl, imported when it has to run and not to be named."""

    @property
    def name(self) -> str:
        """Engines and versions."""
        from importlib.metadata import version

        return f"pyshacl {version('pyshacl')}, rdflib {version('rdflib')}"

    def compile(self, shapes: ShapeGraph) -> Run:
        """Return what validates data against *shapes*."""
        from tmkb.engines.shacl_pyshacl import compile_shapes

        return compile_shapes(shapes)


def engine(name: str | None = None) -> ShapesEngine:
    """Return the engine called *name*; without a name the fast one, or the reference where that is not installed.

    Raises:
        ParameterError: there is no such engine, or the fast one is asked for and not installed.
    """
    if name not in (None, FAST, REFERENCE):
        raise ParameterError("E-PARAM", f"no shapes engine {name!r}", hint=f"give {FAST} or {REFERENCE}")
    if name == FAST and not installed():
        raise ParameterError("E-PARAM", "the fast shapes engine is not installed", hint=f"give {REFERENCE}")
    if name == REFERENCE or not installed():
        return Reference()
    from tmkb.engines.shacl_fast import FastEngine

    return FastEngine()


def installed() -> bool:
    """Tell whether the package of the fast engine is there; it has no wheel for some platforms."""
    return find_spec("shacl") is not None


def __getattr__(name: str) -> str:
    """Return ``NAME``, the name of the preferred engine, without loading it before it is asked for."""
    if name == "NAME":
        note = "" if installed() else " (reference; the fast engine is not installed)"
        return engine().name + note
    raise AttributeError(name)
