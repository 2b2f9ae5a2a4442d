"""Synthetic portfolios: any number of distinct devices, grown from the shipped products.

Device *i* is the same in every portfolio: its number chooses the product it grows from and seeds all that is varied.
What is varied: words, statuses, severities, tiers, authentication and the like (each value is one that some shipped
product has in that place), parts that are left out with all that speaks of them, parts that stand there twice.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tmkb import resources, sources
from tmkb.engines import turtle
from tmkb.terms import BASE, LIB, PREFIXES, TM, XSD, bare, is_iri, is_literal, lexical, literal, rdf, rdfs, tm

VERSION = "1.0"
SHARE = 0.12
"""How many of the places that may vary do."""

VARIED = ("status", "level", "tier", "authentication", "cryptography", "perceivedGain", "reach", "vexStatus")
LEFT_OUT = ("Control", "Vulnerability", "Condition", "Decision", "Waiver")
NEEDED = ("onAsset", "onElement", "onInterface", "asset", "entry", "protects", "sitsIn", "waivedNode")
"""A node that loses its last value of one of these says nothing any more and goes too."""

_SHORT = {"": "", "xsd": XSD, "skos": "http://www.w3.org/2004/02/skos/core#", "dct": "http://purl.org/dc/terms/"}

Facts = dict[str, list[str]]


def term(name: str) -> str:
    """Return the term of the ontology called *name*."""
    return f"<{TM}{name}>"


@dataclass
class Draft:
    """A release that may still change: file → node → property → values; ``base`` is the IRI of its device."""

    base: str
    files: dict[str, dict[str, Facts]] = field(default_factory=dict)

    def nodes(self) -> dict[str, Facts]:
        """Return what is said of each node, files put together; a view to read."""
        found: dict[str, Facts] = {}
        for said in self.files.values():
            for node, facts in said.items():
                for p, values in facts.items():
                    found.setdefault(node, {}).setdefault(p, []).extend(values)
        return found

    def drop(self, node: str) -> None:
        """Take out a node, all that points at it, and what then has nothing left to speak of."""
        gone = [node]
        while gone:
            node = gone.pop()
            for said in self.files.values():
                said.pop(node, None)
                for other, facts in said.items():
                    for p in [p for p, values in facts.items() if node in values]:
                        facts[p] = [value for value in facts[p] if value != node]
                        if not facts[p]:
                            del facts[p]
                            gone += [other] if p in map(term, NEEDED) else []

    def double(self, node: str, suffix: str) -> None:
        """Put a second node beside *node* that says the same under another name, with copies of its impacts."""
        for said in self.files.values():
            for one, facts in list(said.items()):
                if one == node or node in facts.get(tm.onAsset, ()):
                    copy = {p: [f"<{bare(v)}{suffix}>" if v == node else v for v in vs] for p, vs in facts.items()}
                    copy.pop(tm.formerly, None)
                    name = lexical(copy[rdfs.label][0]) if rdfs.label in copy else ""
                    said[f"<{bare(one)}{suffix}>"] = copy | ({rdfs.label: [_words(f"{name}, second")]} if name else {})


def shipped() -> list[Path]:
    """Return the newest release of each shipped product that is whole by itself: no system, no variant."""
    kb = resources.bundled_kb()
    newest = [kb / "devices" / name / versions[-1] for name, versions in sources.releases(kb).items()]
    marks = [bare(p).rpartition("#")[2].encode() for p in (tm.memberRelease, tm.variantOf)]
    return [
        folder
        for folder in newest
        if not any(mark in path.read_bytes() for path in folder.glob("*.ttl") for mark in marks)
    ]


def grow(folder: Path, count: int) -> list[str]:
    """Write a knowledge base of *count* devices into *folder*; returns its releases (``device@version``)."""
    kb = resources.bundled_kb()
    for part in ("modules", "families"):
        shutil.copytree(kb / part, folder / part, dirs_exist_ok=True)
    (folder / "kb.toml").write_text(f'[kb]\nname = "portfolio of {count}"\npolicy = "default"\n', encoding="utf-8")
    keys = []
    for number in range(1, count + 1):
        draft = variant(number)
        slug = draft.base.rstrip("/").rpartition("/")[2]
        target = folder / "devices" / slug / VERSION
        target.mkdir(parents=True, exist_ok=True)
        for name, said in draft.files.items():
            (target / name).write_text(_document(draft.base, said), encoding="utf-8")
        keys.append(f"{slug}@{VERSION}")
    return keys


def variant(number: int) -> Draft:
    """Return device *number*: one of the shipped products under a new name, varied by chance that repeats."""
    choice = random.Random(number)
    products = shipped()
    product = products[(number - 1) % len(products)]
    draft = _renamed(product, f"{product.parent.name}-{number:04}", f"D{number:04}")
    _vary_values(draft, choice)
    _leave_out(draft, choice)
    _double(draft, choice)
    _vary_words(draft, choice, number)
    return draft


@cache
def _read(product: Path) -> dict[str, tuple[tuple[str, str, str], ...]]:
    """Return the triples of each file of a shipped release."""
    return {
        path.name: tuple(triple for triple, _ in turtle.parse(path.read_bytes(), name=path.name))
        for path in sorted(product.glob("*.ttl"))
    }


def _renamed(product: Path, slug: str, code: str) -> Draft:
    """Return a shipped release as release 1.0, without a release before, of a device of another name."""
    old, new = f"{BASE}device/{product.parent.name}/", f"{BASE}device/{slug}/"
    release = (f"<{new}release/{product.name}>", f"<{new}release/{VERSION}>")
    fixed = {tm.code: literal(code), tm.version: literal(VERSION)}
    draft = Draft(new)
    for name, triples in _read(product).items():
        said = draft.files.setdefault(name, {})
        for triple in triples:
            s, p, o = (f"<{new}{t[len(old) + 1 :]}" if t.startswith(f"<{old}") else t for t in triple)
            s, o = (release[1] if t == release[0] else t for t in (s, o))
            if p != term("previousRelease"):
                said.setdefault(s, {}).setdefault(p, []).append(fixed.get(p, o))
    return draft


@cache
def _in_use() -> dict[str, list[str]]:
    """Return the values that the shipped products have for each property that varies."""
    found: dict[str, set[str]] = {term(name): set() for name in VARIED}
    for product in shipped():
        for triples in _read(product).values():
            for _, p, o in triples:
                if p in found:
                    found[p].add(o)
    return {p: sorted(values) for p, values in found.items()}


def _vary_values(draft: Draft, choice: random.Random) -> None:
    """Change some values to others that are in use in their place."""
    for said in draft.files.values():
        for facts in said.values():
            for p, values in _in_use().items():
                if p in facts and choice.random() < SHARE:
                    facts[p] = [choice.choice(values)]


def _candidates(draft: Draft, fits: Callable[[Facts], bool]) -> list[str]:
    """Return the nodes of the device that fit and that no module needs."""
    nodes = draft.nodes().items()
    return sorted(node for node, facts in nodes if tm.fillsSlot not in facts and fits(facts))


def _is_interface(facts: Facts) -> bool:
    return tm.connects in facts


def _is_information(facts: Facts) -> bool:
    return term("heldBy") in facts


def _leave_out(draft: Draft, choice: random.Random) -> None:
    """Leave out a few interfaces and pieces of information, controls, flaws and decisions."""
    kinds = {term(name) for name in LEFT_OUT}
    some: Sequence[tuple[Callable[[Facts], bool], int]] = (
        (_is_interface, 2),
        (_is_information, 2),
        (lambda facts: not kinds.isdisjoint(facts.get(rdf.type, ())), 6),
    )
    for fits, most in some:
        found = _candidates(draft, fits)
        for node in choice.sample(found, min(choice.randint(0, most), max(len(found) - 3, 0))):
            draft.drop(node)


def _double(draft: Draft, choice: random.Random) -> None:
    """Let a few interfaces and pieces of information stand there twice."""
    for fits in (_is_interface, _is_information):
        found = _candidates(draft, fits)
        for node in choice.sample(found, min(choice.randint(0, 2), len(found))):
            draft.double(node, "-second")


def _vary_words(draft: Draft, choice: random.Random, number: int) -> None:
    """Give device and release their number, and some parts another label."""
    for said in draft.files.values():
        for facts in said.values():
            identity = {tm.Device, tm.Release} & set(facts.get(rdf.type, ()))
            if rdfs.label in facts and (identity or choice.random() < SHARE):
                facts[rdfs.label] = [_words(f"{lexical(facts[rdfs.label][0])} {number}")]


def _words(text: str) -> str:
    return literal(text) + "@en"


def _document(base: str, said: dict[str, Facts]) -> str:
    """Return nodes as Turtle, one property a line."""
    prefixes = PREFIXES | _SHORT | {"": base, "lib": LIB}
    lines = [f"prefix {name}: <{full}>" for name, full in sorted(prefixes.items())]
    for node, facts in said.items():
        rows = [f"{_short(p, prefixes)} {_list(values, prefixes)}" for p, values in facts.items()]
        lines += ["", f"{_short(node, prefixes)} " + " ;\n    ".join(rows) + " ."]
    return "\n".join(lines) + "\n"


def _list(values: Iterable[str], prefixes: dict[str, str]) -> str:
    return ", ".join(_short(value, prefixes) for value in values)


def _short(value: str, prefixes: dict[str, str]) -> str:
    """Return a term as people write it in Turtle."""
    if is_literal(value):
        typed = re.fullmatch(r'(".*"\^\^)(<[^<>"]*>)', value, re.S)
        return typed[1] + _short(typed[2], prefixes) if typed else value
    if value == rdf.type:
        return "a"
    for name, full in prefixes.items() if is_iri(value) else ():
        local = bare(value)[len(full) :]
        if bare(value).startswith(full) and re.fullmatch(r"(\w[\w-]*(\.[\w-]+)*)?", local):
            return f"{name}:{local}"
    return value


def main() -> None:
    """Write a portfolio to look at."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write the knowledge base")
    parser.add_argument("count", type=int, help="how many devices")
    given = parser.parse_args()
    print(f"{len(grow(given.folder, given.count))} devices written")


if __name__ == "__main__":
    main()
