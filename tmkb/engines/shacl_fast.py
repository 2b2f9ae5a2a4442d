"""The fast engine for shapes: the ``shacl`` package for constraints of SHACL Core, pyoxigraph for SPARQL constraints.

Both parts are compared with the reference on every specimen of tests/shapes; the SPARQL part of ``shacl`` itself is
not used, because it finds no row where a date is compared and no value where a text is put together. A number that a
query returns as value comes back in its shortest form (1 for 01), as from every other query of the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyoxigraph as ox
import shacl

from tmkb.engines.shacl import RawResult, Run, ShapeGraph, targets, word
from tmkb.engines.sparql import Store, document, term_of
from tmkb.errors import EngineError
from tmkb.model.graphs import Triple
from tmkb.terms import SH, is_iri, lexical, rdf, rdfs, sh

# The words for which the specimens prove the same results as the reference; a test holds this list to the shapes.
# fmt: off
WORDS = frozenset({
    "targetClass", "targetSubjectsOf", "targetObjectsOf", "severity", "message", "property", "sparql",
    "path", "inversePath", "alternativePath", "oneOrMorePath", "class", "datatype", "nodeKind", "pattern",
    "in", "hasValue", "minInclusive", "maxInclusive", "minCount", "maxCount",
    "qualifiedValueShape", "qualifiedMinCount", "qualifiedMaxCount", "or", "and", "not", "xone",
    "prefixes", "declare", "prefix", "namespace", "select",
})
# fmt: on
_IN_QUERY = {word("prefixes"), word("select"), rdf.type}
_UNKNOWN = re.compile(r"[?$](PATH|currentShape|shapesGraph|failure|message)\b")
_MASKED = re.compile(r"""<[^<>"{}|^`\\\s]*>|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|#[^\n]*""")
_GROUP = re.compile(r"(\w*)\s*\{")
_GIVES_THIS = re.compile(r"\s*SELECT\s+(DISTINCT\s+)?([?$]\w+\s+)*[?$]this\s+([?$]\w+\s+)*(WHERE\s*)?", re.I)
_PLACE = re.compile(r"\{[?$](\w+)\}")


class FastEngine:
    """Gives the results of the reference, twenty to thirty times faster."""

    @property
    def name(self) -> str:
        """Engines and versions."""
        return f"shacl {shacl.__version__}, pyoxigraph {ox.__version__}"

    def compile(self, shapes: ShapeGraph) -> Run:
        """Return what validates data against *shapes*.

        Raises:
            EngineError: a shape is broken, or uses a word whose results were never compared with the reference.
        """
        _refuse(shapes)
        queries, parts = _queries(shapes)
        core = [t for t in shapes.triples if t[1] != word("sparql") and t[0] not in parts]
        seen = {term for t in core for term in t if is_iri(term)} | {rdf.type, rdfs.subClassOf}
        compiled = shacl.Shapes.from_text(document(core), "ntriples")
        if len(compiled) < len(shapes.node_shapes):
            raise EngineError("E-SHACL", f"{len(shapes.node_shapes)} shapes were given and {len(compiled)} understood")

        def run(data: Sequence[Triple], store: Store | None = None) -> Iterator[RawResult]:
            yield from _core(shapes, compiled, [t for t in data if t[1] in seen])
            yield from _constraints(shapes, queries, data, store)

        return run


def _refuse(shapes: ShapeGraph) -> None:
    """Raise for what this engine would pass over in silence or do in a way of its own."""
    for subject, predicate, value in shapes.triples:
        if predicate.startswith(f"<{SH}") and predicate[len(SH) + 1 : -1] not in WORDS:
            raise _broken(subject, f"{predicate} was never compared with the reference engine")
        if predicate.startswith(word("target")[:-1]) and subject not in shapes.node_shapes:
            raise _broken(subject, "it has a target and is not called a sh:NodeShape")
        if predicate == word("property") and len(shapes.objects(value, word("path"))) != 1:
            raise _broken(subject, f"its property shape {value} has not exactly one path")
    for shape in shapes.node_shapes:
        for part in (shape, *shapes.objects(shape, word("property"))):
            if not is_iri(part) or len(shapes.objects(part, word("message"))) != 1:
                raise _broken(shape, f"{part} has no id or not exactly one message")


def _broken(shape: str, reason: str) -> EngineError:
    return EngineError("E-SHACL", f"shape {shape}: {reason}", hint="correct the shape, or use the engine 'pyshacl'")


def _core(shapes: ShapeGraph, compiled: shacl.Shapes, data: Sequence[Triple]) -> Iterator[RawResult]:
    """Run the constraints of SHACL Core on the triples that they can see."""
    for found in compiled.validate_text(document(data), "ntriples").results:
        source, path = found.source_shape or "", found.path or ""
        yield RawResult(
            shapes.owner(source),
            found.focus_node,
            path if path.startswith("<") and path.find(">") == len(path) - 1 else "",
            found.value or "",
            f"<{found.severity_iri}>",
            shapes.one(source, word("message")),
            f"<{found.component_iri}>",
        )


@dataclass(frozen=True)
class _Query:
    """One SPARQL constraint with the shape that states it."""

    shape: str
    text: str
    prefixes: Mapping[str, str]
    severity: str
    message: str


def _queries(shapes: ShapeGraph) -> tuple[list[_Query], set[str]]:
    """Return the SPARQL constraints and their nodes."""
    found, parts = [], set()
    used = {o for _, p, o in shapes.triples if p != word("sparql")}
    for shape, predicate, part in shapes.triples:
        if predicate != word("sparql"):
            continue
        parts.add(part)
        if shape not in shapes.node_shapes or shape in used:
            raise _broken(shape, "a query is only known on a node shape that no other shape uses")
        if others := {p for s, p, _ in shapes.triples if s == part} - _IN_QUERY:
            raise _broken(part, f"beside the query it says {', '.join(sorted(others))}")
        selects = shapes.objects(part, word("select"))
        if len(selects) != 1 or _UNKNOWN.search(selects[0]):
            raise _broken(part, "it has not exactly one query, or the query uses a variable that is not known here")
        severity = shapes.one(shape, word("severity")) or sh.Violation
        message = lexical(shapes.one(shape, word("message")))
        found.append(_Query(shape, lexical(selects[0]), _prefixes(shapes, part), severity, message))
    return found, parts


def _prefixes(shapes: ShapeGraph, part: str) -> dict[str, str]:
    return {
        lexical(shapes.one(declared, word("prefix"))): lexical(shapes.one(declared, word("namespace")))
        for holder in shapes.objects(part, word("prefixes"))
        for declared in shapes.objects(holder, word("declare"))
    }


def _constraints(
    shapes: ShapeGraph, queries: Sequence[_Query], data: Sequence[Triple], store: Store | None
) -> Iterator[RawResult]:
    """Run each query once for each focus node, which stands in it in place of $this."""
    foci = targets(shapes, data)
    if store is None:
        store = Store()
        store.add(data)
    for query in queries:
        for text, bound in _runs(query.text, sorted(foci[query.shape]) or [query.shape]):
            rows = store.query(text, query.prefixes, bound)
            if not isinstance(rows, ox.QuerySolutions):
                raise _broken(query.shape, "its query is no SELECT")
            names = [variable.value for variable in rows.variables]
            # With no node to look at the query is run on the shape itself, so that a broken one stops; no row counts.
            for row in rows if foci[query.shape] else ():
                terms = {name: str(row[name]) for name in names if row[name] is not None}
                yield _found(query, terms, "".join(map(str, bound.values())))


def _runs(text: str, foci: Sequence[str]) -> Iterator[tuple[str, dict[ox.Variable, ox.NamedNode | ox.Literal]]]:
    """Yield what has to be run, so that each focus node once stands in place of $this.

    That is one run for each node; or one for all of them, where the query is a single group and gives $this back:
    there joining the nodes first says the same, and the text is read once.
    """
    plain = _MASKED.sub(lambda found: "_" * len(found[0]), text)
    head, _, body = plain.partition("{")
    alone = all(word.upper() == "EXISTS" for word in _GROUP.findall(body)) and body.rstrip().endswith("}")
    if alone and _GIVES_THIS.fullmatch(head) and "select" not in body.lower():
        at = len(head) + 1
        yield f"{text[:at]} VALUES $this {{ {' '.join(foci)} }} {text[at:]}", {}
    else:
        for focus in foci:
            yield text, {ox.Variable("this"): term_of(focus)}


def _found(query: _Query, terms: dict[str, str], focus: str) -> RawResult:
    """Return the result for one row; *focus* where it names no $this, and $this where it names no value."""
    focus = terms.setdefault("this", focus)
    value = terms.setdefault("value", focus)
    message = _PLACE.sub(lambda place: lexical(terms[place[1]]) if place[1] in terms else place[0], query.message)
    component = word("SPARQLConstraintComponent")
    said = str(ox.Literal(message))
    return RawResult(query.shape, focus, terms.get("path", ""), value, query.severity, said, component)
