"""docs/landing.md shows what the rule says today of the advisories of the library."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks import landing
from tmkb import pipeline, resources
from tmkb.model.tables import Cell


def row(**given: Cell) -> landing.Row:
    """Return a row of the answer."""
    return {"advisory": "A", "cve": "C", "cwe": "CWE-1", "reach": "network", "patterns": 1} | given


def test_a_shuffle_keeps_weaknesses_reaches_and_families() -> None:
    """Dealing out anew loses and doubles nothing, and the same seed gives the same deal."""
    cases: list[landing.Case] = [(f"CWE-{n}", f"r{n % 3}", (f"f{n}",)) for n in range(20)]
    one, again = (landing._mixed(cases, landing.random.Random(7)) for _ in range(2))
    assert one == again != cases

    def column(some: Iterable[landing.Case], n: int) -> list[object]:
        return sorted((case[n] for case in some), key=str)

    assert [column(one, n) for n in range(3)] == [column(cases, n) for n in range(3)]
    assert [case[2] for case in one] == [case[2] for case in cases]
    moved = landing._mixed(cases, landing.random.Random(7), weaknesses=False)
    assert [case[0] for case in moved] == [case[0] for case in cases]


def test_figures_become_tables() -> None:
    """Shares, ranges and misses with their reasons."""
    flaws = (
        row(landed=True, by="threats", step=1, reason=None),
        row(landed=True, by="patterns", step=0, reason=None, patterns=3),
        row(landed=False, by=None, step=None, reason="names no weakness", cve="D", patterns=0),
    )
    rate = landing.Rate(0.5, 0.25, 1)
    text = landing.text(landing.Figures(flaws, rate, rate, 1.5, rate, 0.1, rate, 1, 2))
    assert "| landed | 2 of 3 (67 %) | 50 % (25 % to 100 %) |" in text
    assert "| by an ancestor only | 1 of 3 (33 %) |" in text
    assert "| A | 3 | 1 | 1 | 1 | 1 | D (CWE-1, network): names no weakness |" in text
    assert "| A | D | CWE-1 | network | missed |  | 0 |" in text


def test_the_page_shows_the_figures_of_today() -> None:
    """Run ``python -m benchmarks.landing --write-docs`` when library or products have changed."""
    kb = pipeline.build(pipeline.Options(resources.bundled_kb(), on=landing.DAY))
    page = landing.PAGE.read_text(encoding="utf-8")
    shown = page.partition(landing.BEGIN)[2].partition(landing.END)[0]
    assert shown.strip() == landing.text(landing.measure(kb))
