"""Stages 3 and 7: the shapes. Authoring shapes see what people wrote, before inference; assurance shapes see the
rated graph. Structural findings stop the build; completeness findings never do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path

from tmkb.engines import shacl
from tmkb.engines.sparql import Store
from tmkb.model.findings import NOTHING_TO_CHECK, Finding
from tmkb.model.graphs import AssembledGraph, Origin, Triple
from tmkb.terms import BASE, LIB, RUN, TMS, bare, dct, label_rank, lexical, literal, rdf, rdfs, sh, tm

AUTHORING, ASSURANCE = "authoring", "assurance"
_SEVERITY = {sh.Violation: "violation", sh.Warning: "warning", sh.Info: "info"}
_DATA_FIRST = {"device": 0, "module": 1, "policy": 2, "family": 3, "library": 4, "ontology": 5, "computed": 6}


class Checker:
    """The shapes of one folder, ready to run on any release."""

    def __init__(self, folder: Path, kind: str, engine: str = "") -> None:
        """Name the shape files, which are read when first needed, and the engine (the preferred one without a name)."""
        self.kind = kind
        self._engine = shacl.engine(engine or None)
        self._paths = sorted([*folder.glob("*.ttl"), *(folder / kind).glob("*.ttl")])
        self._shapes: shacl.Shapes | None = None

    @cached_property
    def digest(self) -> str:
        """The hash of shapes and engine."""
        files = b"\0".join(p.read_bytes() for p in self._paths)
        return hashlib.sha256(self._engine.name.encode() + files).hexdigest()

    def validate(
        self, assembled: AssembledGraph, triples: Iterable[Triple], *, on: date, store: Store | None = None
    ) -> tuple[Finding, ...]:
        """Return the findings of these shapes on *triples*, sorted, with places, waivers as of *on* applied.

        A shape that had no node to look at gives a finding too: silence about nothing is no clean result. A *store*
        that holds *triples* saves loading them; it takes the day as well.
        """
        if self._shapes is None:
            self._shapes = shacl.Shapes(self._paths, self._engine)
        triples = list(triples)
        today = (RUN, dct.date, literal(on.isoformat(), "date"))
        if store is not None:
            store.add([today], graph=RUN)
        results = self._shapes.validate([*triples, today], store)
        structural = self._shapes.structural(tm.findingKind, tm.finding_structural)
        places = Places(assembled.origins)
        shared, names = Names(assembled.core_triples), Names(triples)
        entries = {s: o for s, p, o in triples if p == tm.entry}
        waivers = _waivers(assembled.local_triples, on)
        findings = [
            Finding(
                assembled.key,
                _SEVERITY[r.severity],
                r.shape,
                r.focus,
                r.path,
                r.value,
                _short(r.message, assembled.device, shared),
                r.shape in structural,
                places.find(r.focus, r.path, r.value) or places.find(entries.get(r.focus, "")),
                "" if r.shape in structural else waivers.get((r.shape, r.focus), ""),
                r.component,
                names.of(r.focus),
                names.of(r.value),
            )
            for r in results
        ]
        idle = (shape for shape, nodes in self._shapes.foci(triples).items() if not nodes)
        here, said = assembled.release, "nothing in this release is of the kind that this shape looks at"
        nothing = [
            Finding(assembled.key, "info", shape, here, "", "", said, component=NOTHING_TO_CHECK, name=names.of(here))
            for shape in idle
        ]
        return tuple(sorted(findings + nothing))


class Names:
    """What nodes are called: by label; a threat by id, pattern, asset and entry, in a system with their members."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        """Index labels and what threats consist of."""
        self._label: dict[str, str] = {}
        self._facts: dict[tuple[str, str], str] = {}
        for s, p, o in triples:
            if p == rdfs.label:
                self._label[s] = min(self._label.get(s, o), o, key=label_rank)
            elif p in (tm.shortId, tm.pattern, tm.asset, tm.entry, tm.member):
                self._facts[s, p] = o

    def of(self, node: str) -> str:
        """Return the name of a node, or nothing."""
        if (node, tm.shortId) not in self._facts:
            return self._plain(node)
        parts = (self._facts.get((node, part), "") for part in (tm.pattern, tm.asset, tm.entry))
        pattern, asset, entry = map(self._whole, parts)
        return f"{lexical(self._facts[node, tm.shortId])} {pattern}: {asset} via {entry}"

    def _plain(self, node: str) -> str:
        return lexical(self._label[node]) if node in self._label else ""

    def _whole(self, node: str) -> str:
        name = self._plain(node) or (re.split(r"[#/]", bare(node))[-1] if node else "")
        member = self._plain(self._facts.get((node, tm.member), ""))
        return f"{name} [{member}]" if member else name


class Places:
    """Where a node or statement was written; what people wrote about a device comes first."""

    def __init__(self, origins: Mapping[Triple, Origin]) -> None:
        """Index the origins by subject."""
        self._origins = origins
        self._first: dict[str, Origin] = {}
        for triple, origin in origins.items():
            best = self._first.get(triple[0])
            if origin.line and (best is None or _order(origin) < _order(best)):
                self._first[triple[0]] = origin

    def find(self, focus: str, path: str = "", value: str = "") -> str:
        """Return the place of the statement (focus, path, value), else of focus, else of value; or nothing."""
        exact = self._origins.get((focus, path, value))
        if exact is not None and exact.line:
            return str(exact)
        nodes = ((focus, tuple(_DATA_FIRST)), (value, ("device", "module", "family", "policy")))
        for node, roles in reversed(nodes) if bare(focus).startswith(BASE + "file/") else nodes:
            if node in self._first and self._first[node].role in roles:
                return str(self._first[node])
        return ""


def _short(message: str, device: str, shared: Names) -> str:
    """Return a message with labels in place of IRIs that have one, and local ids in place of the device's own."""
    text = re.sub(
        r"https?://[^\s,;\"]*[\w/]", lambda m: shared.of(f"<{m[0]}>") or m[0], lexical(message) if message else ""
    )
    return text.replace(bare(device), "").replace(LIB, "lib:").replace(TMS, "tms:")


def _order(origin: Origin) -> tuple[int, str, int]:
    return (_DATA_FIRST[origin.role], origin.file, origin.line)


def _waivers(triples: Iterable[Triple], on: date) -> dict[tuple[str, str], str]:
    """Return (shape, node) → waiver for the waivers that hold on a day; one without expiry or with a day that cannot
    be read holds never.
    """
    said: dict[str, dict[str, list[str]]] = {}
    kinds = set()
    for s, p, o in triples:
        said.setdefault(s, {}).setdefault(p, []).append(o)
        if p == rdf.type and o == tm.Waiver:
            kinds.add(s)
    found: dict[tuple[str, str], str] = {}
    for waiver in sorted(kinds):
        facts = said[waiver]
        made, ends = ([_day(day) for day in facts.get(prop, ())] for prop in (tm.decidedOn, tm.expires))
        live = bool(made and ends) and all(d and d <= on for d in made) and all(d and d >= on for d in ends)
        if live and facts.get(tm.reason) and facts.get(tm.owner):
            for shape in facts.get(tm.waivedShape, []):
                for node in facts.get(tm.waivedNode, []):
                    found[(shape, node)] = bare(waiver)
    return found


def _day(term: str) -> date | None:
    """Return the day that a literal names, or nothing when it names none."""
    try:
        return date.fromisoformat(lexical(term))
    except ValueError:
        return None
