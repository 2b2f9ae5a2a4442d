"""Between N-Triples terms and rdflib terms, without rdflib's rewriting of literals."""

from __future__ import annotations

import rdflib
from rdflib.term import Node

from tmkb.model.graphs import Triple
from tmkb.terms import lexical, literal

rdflib.NORMALIZE_LITERALS = False

RdflibTriple = tuple[Node, Node, Node]


def node(term: str) -> Node:
    """Return the rdflib term of an N-Triples term."""
    if term.startswith("<"):
        return rdflib.URIRef(term[1:-1])
    if term.startswith("_:"):
        return rdflib.BNode(term[2:])
    tail = term[term.rindex('"') + 1 :]
    if tail.startswith("@"):
        return rdflib.Literal(lexical(term), lang=tail[1:])
    kind = rdflib.URIRef(tail[3:-1]) if tail.startswith("^^") else None
    return rdflib.Literal(lexical(term), datatype=kind)


def to_rdflib(triple: Triple) -> RdflibTriple:
    """Return the rdflib form of a triple."""
    return node(triple[0]), node(triple[1]), node(triple[2])


def text(term: Node) -> str:
    """Return the N-Triples form of an rdflib term; plain and xsd:string literals are the same."""
    if isinstance(term, rdflib.URIRef):
        return f"<{term}>"
    if isinstance(term, rdflib.Literal):
        plain = literal(str(term))
        if term.language:
            return f"{plain}@{term.language}"
        if term.datatype is not None and not str(term.datatype).endswith("#string"):
            return f"{plain}^^<{term.datatype}>"
        return plain
    return f"_:{term}"


def from_rdflib(s: Node, p: Node, o: Node) -> Triple:
    """Return the N-Triples form of an rdflib triple."""
    return text(s), text(p), text(o)


def graph_of(triples: object) -> rdflib.Graph:
    """Return an rdflib graph of N-Triples triples."""
    graph = rdflib.Graph()
    for triple in triples:  # type: ignore[attr-defined]
        graph.add(to_rdflib(triple))
    return graph
