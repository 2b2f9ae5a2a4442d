"""How many flaws of public advisories the knowledge base speaks of, and how many it would by chance.

``python -m benchmarks.landing`` prints the figures of docs/landing.md; with ``--write-docs`` they go into the page.
The rule is the query ``advisory-landing``; nothing here knows a weakness, a reach or a pattern.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from statistics import mean, median

from tmkb import advisories, load, pipeline, query, resources, sources
from tmkb.engines import turtle
from tmkb.headers import QuerySpec
from tmkb.model.graphs import Triple
from tmkb.model.tables import Cell
from tmkb.terms import TM, lexical, rdfs, tm

BEGIN, END = "<!-- results: written by benchmarks/landing.py -->", "<!-- end of results -->"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "landing.md"
SHUFFLES, SEED, DAY = 1000, 20261123, date(2026, 11, 23)
NOWHERE = ("<urn:family:of-no-product>",)

Row = dict[str, Cell]
Case = tuple[str, str, tuple[str, ...]]  # weakness, reach, families of the advisory


@dataclass(frozen=True)
class Rate:
    """A share of flaws over many shuffles: its mean, the least and the most."""

    mean: float
    least: float
    most: float


@dataclass(frozen=True)
class Figures:
    """What is on the page: each flaw, the shares by chance, and the share of all weaknesses there are."""

    flaws: tuple[Row, ...]
    landed: Rate
    by_threats: Rate
    patterns: float
    reach_only: Rate
    anything: float
    as_published: Rate
    pillars: int
    products: int


class Facts:
    """What ontology and library say, by predicate."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        """Sort the triples by predicate and subject."""
        self._of: dict[str, dict[str, list[str]]] = {}
        for s, p, o in triples:
            self._of.setdefault(p, {}).setdefault(s, []).append(o)

    def of(self, predicate: str) -> dict[str, list[str]]:
        """Return the values of a predicate by subject."""
        return self._of.get(predicate, {})


def measure(kb: query.KnowledgeBase) -> Figures:
    """Return all figures; the cases that chance makes are put into the store of the knowledge base as well."""
    core, _ = load.load_core(sources.find_sources(resources.bundled_kb(), []).core)
    facts = Facts(s.triple for s in core)
    codes = {lexical(facts.of(rdfs.label)[s][0]): lexical(o[0]) for s, o in facts.of(f"<{TM}attackVectorCode>").items()}
    families = {s: tuple(sorted(facts.of(tm.affectsFamily).get(s, ()))) for s in facts.of(tm.advisoryId)}
    spec = pipeline.named_queries(pipeline.Options(resources.bundled_kb()))["advisory-landing"]
    flaws = [row for row in _rows(kb, spec) if row["notice"] in families]
    cases: list[Case] = [(str(r["cwe"]), str(r["reach"]), families[str(r["notice"])]) for r in flaws]
    some = product({c for c, _, _ in cases}, codes, {f for _, _, f in cases})
    every: list[Case] = [(weakness, reach, NOWHERE) for weakness, reach in product(_weaknesses(), codes)]
    found = _tried(kb, spec, [*some, *every], codes)
    mixed = [_mixed(cases, random.Random(SEED + n)) for n in range(SHUFFLES)]
    moved = [_mixed(cases, random.Random(SEED + n), weaknesses=False) for n in range(SHUFFLES)]
    return Figures(
        tuple(flaws),
        _rate([[bool(found[c]["landed"]) for c in one] for one in mixed]),
        _rate([[found[c]["by"] == "threats" for c in one] for one in mixed]),
        mean(median(_patterns(found[c] for c in one)) for one in mixed),
        _rate([[bool(found[c]["landed"]) for c in one] for one in moved]),
        mean(bool(found[c]["landed"]) for c in every),
        _rate([[c[:2] in {d[:2] for d in cases} for c in one] for one in mixed]),
        sum(bool(row["landed"]) and row["cwe"] in _weaknesses("Pillar") for row in flaws),
        len(kb.releases),
    )


def _rows(kb: query.KnowledgeBase, spec: QuerySpec) -> list[Row]:
    names = [column.name for column in spec.columns]
    plain = [dict(zip(names, query.plain(row, spec), strict=True)) for row in query.select(kb.store, spec)]
    return [row | {"notice": f"<{row['notice']}>"} for row in plain]


def _weaknesses(abstraction: str = "") -> list[str]:
    """Return the ids of all weaknesses of the list that are in force, or of those of one abstraction."""
    path = resources.bundled_kb() / "crosswalks" / "cwe.ttl"
    facts = Facts(triple for triple, _ in turtle.parse(path.read_bytes(), name=path.name))
    status = facts.of(f"<{TM}listStatus>")
    kinds = {s: lexical(o[0]) for s, o in facts.of(f"<{TM}abstraction>").items()}
    known = [s for s in kinds if lexical(status[s][0]) != "Deprecated" and abstraction in ("", kinds[s])]
    return sorted(lexical(facts.of(tm.weaknessId)[s][0]) for s in known)


def _tried(kb: query.KnowledgeBase, spec: QuerySpec, cases: Sequence[Case], codes: dict[str, str]) -> dict[Case, Row]:
    """Return what the rule says of each case, all asked at once as flaws of made-up advisories, one for each family."""
    groups: dict[tuple[str, ...], list[Case]] = {}
    for case in cases:
        groups.setdefault(case[2], []).append(case)
    asked: dict[tuple[str, str], Case] = {}
    for number, (families, group) in enumerate(sorted(groups.items())):
        flaws = [(f"case {n}", [weakness], [f"AV:{codes[reach]}"]) for n, (weakness, reach, _) in enumerate(group)]
        made = advisories.advisory(f"chance-{number}", families, flaws)
        kb.store.add(made.statements, graph=made.notice)
        asked |= {(made.notice, name): case for (name, _, _), case in zip(flaws, group, strict=True)}
    answers = {(str(row["notice"]), str(row["cve"])): row for row in _rows(kb, spec)}
    return {case: answers[key] for key, case in asked.items()}


def _mixed(cases: Sequence[Case], chance: random.Random, *, weaknesses: bool = True) -> list[Case]:
    """Return the cases with weaknesses and reaches dealt out anew; the families stay where they are."""
    named, reached = [c for c, _, _ in cases], [r for _, r, _ in cases]
    if weaknesses:
        chance.shuffle(named)
    chance.shuffle(reached)
    return [(w, r, f) for w, r, (_, _, f) in zip(named, reached, cases, strict=True)]


def _rate(tries: Sequence[Sequence[bool]]) -> Rate:
    shares = [mean(one) for one in tries]
    return Rate(mean(shares), min(shares), max(shares))


def _patterns(rows: Iterable[Row]) -> list[int]:
    return [int(str(row["patterns"])) for row in rows]


# -- the page ------------------------------------------------------------------------------------------------------


def text(found: Figures) -> str:
    """Return the figures as Markdown."""
    number = len(found.flaws)
    landed = [row for row in found.flaws if row["landed"]]
    threats = [row for row in landed if row["by"] == "threats"]
    above = [row for row in landed if row["step"]]
    rates = [
        ["landed", _of(landed, number), _range(found.landed), _range(found.reach_only)],
        ["by threats of the family", _of(threats, number), _range(found.by_threats), ""],
        ["by an ancestor only", _of(above, number), "", ""],
        ["by a pillar that is named outright", f"{found.pillars} of {number}", "", ""],
        ["pair of weakness and reach is among the published", "100 %", _range(found.as_published), ""],
        ["patterns for each flaw, median", f"{median(_patterns(found.flaws)):g}", f"{found.patterns:.1f}", ""],
    ]
    head = ("", "As published", "Weakness and reach shuffled", "Reach shuffled")
    told = (
        f"{number} flaws, {found.products} products, {SHUFFLES:,} shuffles: mean (least to most). Of all weaknesses of "
        f"the list, each with all four reaches, {_percent(found.anything)} land on a pattern."
    )
    return "\n\n".join([told, _table("Rates", head, rates), _by_advisory(found), _by_flaw(found)])


def _by_advisory(found: Figures) -> str:
    rows = []
    for name in dict.fromkeys(str(row["advisory"]) for row in found.flaws):
        own = [row for row in found.flaws if row["advisory"] == name]
        by = Counter(str(row["by"]) for row in own)
        missed = [f"{row['cve']} ({row['cwe']}, {row['reach']}): {row['reason']}" for row in own if not row["landed"]]
        counts = [str(n) for n in (len(own), by["threats"], by["patterns"], len(missed))]
        rows.append([name, *counts, f"{median(_patterns(own)):g}", "; ".join(missed)])
    head = ("Advisory", "Flaws", "By threats", "By patterns", "Missed", "Patterns, median", "Missed, and why")
    return _table("Advisories", head, rows)


def _by_flaw(found: Figures) -> str:
    keys = ("advisory", "cve", "cwe", "reach", "by", "step", "patterns")
    rows = [["" if row[key] is None else str(row[key]) for key in keys] for row in found.flaws]
    rows = [[*row[:4], row[4] or "missed", *row[5:]] for row in rows]
    return _table("Flaws", ("Advisory", "Flaw", "Weakness", "Reach", "By", "Steps up", "Patterns"), rows)


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join([f"**{title}**", "", *lines])


def _of(rows: Sequence[Row], number: int) -> str:
    return f"{len(rows)} of {number} ({_percent(len(rows) / number)})"


def _range(rate: Rate) -> str:
    return f"{_percent(rate.mean)} ({_percent(rate.least)} to {_percent(rate.most)})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def main() -> None:
    """Print the figures of the bundled knowledge base, or write them into the page."""
    shown = text(measure(pipeline.build(pipeline.Options(resources.bundled_kb(), on=DAY))))
    if "--write-docs" not in sys.argv[1:]:
        print(shown)
        return
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(f"{PAGE.name} has no place for the results: '{BEGIN}' and '{END}'")
    PAGE.write_text(f"{before}{BEGIN}\n\n{shown}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
