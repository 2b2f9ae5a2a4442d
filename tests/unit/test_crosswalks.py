"""Lists of others are read for the questions that name them, and are part of no release."""

from __future__ import annotations

from pathlib import Path

from tmkb import crosswalks, resources, sources
from tmkb.engines.sparql import Store
from tmkb.terms import CROSSWALK_GRAPH


def number(store: Store) -> int:
    """Return how many statements stand in the graph of the crosswalks."""
    _, rows = store.select(f"SELECT ?s ?p ?o WHERE {{ GRAPH {CROSSWALK_GRAPH} {{ ?s ?p ?o }} }} ORDER BY ?s ?p ?o")
    return len(rows)


def test_only_a_question_that_names_them_brings_them() -> None:
    """Any other question finds the store as it was; asked twice, nothing is doubled."""
    store = Store()
    assert number(crosswalks.asked(store, "SELECT ?s WHERE { ?s ?p ?o }")) == 0
    found = number(crosswalks.asked(store, f"GRAPH {CROSSWALK_GRAPH}"))
    assert found > 4000
    assert number(crosswalks.asked(store, f"GRAPH {CROSSWALK_GRAPH}")) == found


def test_no_release_reads_them() -> None:
    """They are among the files of no release, and lie where the wheel takes them from."""
    found: list[Path] = [source.path for source in sources.find_sources(resources.bundled_kb(), []).core]
    assert found and not [path for path in found if "crosswalks" in path.parts]
