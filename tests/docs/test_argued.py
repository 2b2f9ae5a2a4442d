"""docs/argued.md: the threats that it argues for are derived, and those that it argues against are not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tmkb import pipeline, views

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "argued.md").read_text(encoding="utf-8")


def rows(title: str) -> list[list[str]]:
    """Return the cells of a table of the page, without its head and its last column, which is the argument."""
    lines = TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0].splitlines()
    cells = [re.split(r"\s*\|\s*", line.strip("| ")) for line in lines if line.startswith("| `")]
    assert all(len(row[-1]) > 60 for row in cells)
    return [[cell.strip("`") for cell in row[:-1]] for row in cells]


DERIVED, NOT_DERIVED = rows("Derived"), rows("Not derived")


def test_ten_of_each_from_several_families() -> None:
    assert (len(DERIVED), len(NOT_DERIVED)) == (10, 10)
    assert len({row[0].partition("@")[0] for row in DERIVED}) >= 8


@pytest.mark.parametrize("row", DERIVED, ids=" ".join)
def test_what_is_argued_for_is_derived(row: list[str], shipped) -> None:  # type: ignore[no-untyped-def]
    product, *threat = row
    found = views.threats(shipped(product), pipeline.view)
    assert [t.id for t in found if [t.entry, t.pattern, t.asset] == threat and not t.not_applicable]


@pytest.mark.parametrize("row", NOT_DERIVED, ids=" ".join)
def test_what_is_argued_against_is_not(row: list[str], shipped) -> None:  # type: ignore[no-untyped-def]
    """Entry and pattern exist, so that the row could be there; no threat has both."""
    product, entry, pattern = row
    kb = shipped(product)
    interfaces = {s.triple[0] for s in kb.releases[0].assembled.local if s.triple[1].endswith("#connects>")}
    assert any(node.endswith(f"/{entry}>") for node in interfaces)
    assert any(r["pattern"].endswith(f"/{pattern}") for r in views.records(kb, pipeline.view("pattern-names")))  # type: ignore[union-attr]
    assert [t.id for t in views.threats(kb, pipeline.view) if (t.entry, t.pattern) == (entry, pattern)] == []
