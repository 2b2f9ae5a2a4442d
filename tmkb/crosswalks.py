"""Lists of others that single questions ask: read when such a question comes, and part of no release."""

from __future__ import annotations

from functools import cache

from tmkb import resources
from tmkb.engines import turtle
from tmkb.engines.sparql import Store
from tmkb.model.graphs import Triple
from tmkb.terms import CROSSWALK_GRAPH


def asked(store: Store, question: str) -> Store:
    """Return the store, with the crosswalks in their graph when the text of the question names it."""
    if CROSSWALK_GRAPH in question:
        store.add(_shipped(), graph=CROSSWALK_GRAPH)
    return store


@cache
def _shipped() -> tuple[Triple, ...]:
    files = sorted((resources.bundled_kb() / "crosswalks").glob("*.ttl"))
    return tuple(triple for path in files for triple, _ in turtle.parse(path.read_bytes(), name=path.name))
