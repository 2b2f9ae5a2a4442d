"""One release, from its files to its answers; everything on the way is kept and found again by content.

    files → fingerprint → assembled → findings of the authoring check
                              └→ closed → derived → rated → findings of the assurance check
                                                      └→ rows of the views

The fingerprint is a hash of all that the release follows from: its own files, the modules and members that it
integrates, ontology, library, policy and families, every rule and the program itself. What is kept under it may be
deleted at any time and is then made again (docs/decisions/0011).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from functools import cached_property

from tmkb import cache, load, prove, query, resources, systems, validate, variants
from tmkb.assemble import assemble
from tmkb.derive import derive, fire
from tmkb.engines.owl import Reasoner
from tmkb.engines.sparql import Row, Store
from tmkb.headers import QuerySpec, catalogue
from tmkb.infer import Schema, close
from tmkb.model.findings import Finding
from tmkb.model.graphs import (
    AssembledGraph,
    AssertedGraph,
    ClosedGraph,
    DerivedGraph,
    RatedGraph,
    Statement,
    Triple,
)
from tmkb.rate import rate
from tmkb.terms import CORE_GRAPH, XSD, bare, datatype, is_literal, lexical, rdf, tm
from tmkb.workshop import Workshop, digests, folder_of

_STAGES = ("assembled", "closed", "derived", "rated")


def rules(kind: str) -> Sequence[QuerySpec]:
    """Return the shipped queries of one kind in the order in which they run."""
    return catalogue(resources.queries() / kind)


class Release:
    """One release with everything that can be known of it; each part is found, or made, when it is asked for."""

    def __init__(self, key: str, shop: Workshop) -> None:
        """Name the release (``device@version``)."""
        self.key, self._shop = key, shop
        own = shop.files(key)
        self._sources = {key: own, **systems.needed_releases(own, shop.files)}
        self._benched = 0  # how many of _STAGES the store holds
        self._files = cache.digest(shop.digest, *(line for some in self._sources.values() for line in digests(some)))

    @cached_property
    def fingerprint(self) -> str:
        """The hash of everything the release follows from."""
        modules = [source for source in self._shop.sources.modules if folder_of(source.name) in self._needed]
        return cache.digest(self._files, *digests(modules))

    @cached_property
    def _needed(self) -> set[str]:
        """The folders of the modules that the release and its members integrate."""
        kept = cache.get("needs", self._files)
        if kept is None:
            said = (s.triple for some in self._read.values() for s in some)
            kept = json.dumps(sorted({o for _, p, o in said if p == tm.module}))
            cache.put("needs", self._files, kept)
        described = self._shop.described
        return {folder for module in json.loads(kept) for folder in described.get(module, ())}

    @cached_property
    def _read(self) -> Mapping[str, tuple[Statement, ...]]:
        """What the files of the release and of its members say."""
        self._shop.progress(f"{self.key}: reading and assembling")
        return {key: load.load_files(some, "device", self._shop.core[1]) for key, some in self._sources.items()}

    @cached_property
    def _fresh(self) -> AssembledGraph:
        """The release assembled from statements; it sees the modules of its fingerprint and no other."""
        modules = (
            tuple(s for s in self._shop.modules if folder_of(s.origin.file) in self._needed) if self._needed else ()
        )
        return assemble(AssertedGraph(self._shop.core[0], modules, self._read), self.key, rules("assemble"))

    @cached_property
    def assembled(self) -> AssembledGraph:
        """The release whole, with modules and members expanded and crossings computed."""
        kept = cache.get("assembled", self.fingerprint)
        if kept is None:
            cache.put("assembled", self.fingerprint, _packed(self._fresh))
            return self._fresh
        return _unpacked(kept, self._shop.core[0])

    @cached_property
    def head(self) -> Mapping[str, list[str]]:
        """Small facts: ``families`` (slugs, wider ones too) and ``dates`` that the release and its core state."""
        kept = cache.get("head", self.fingerprint)
        if kept is None:
            written = (*self.assembled.core, *self.assembled.local)
            dates = {s.triple[2] for s in written if is_literal(s.triple[2]) and datatype(s.triple[2]) == XSD + "date"}
            found = {"families": families(written, self.assembled.device), "dates": map(lexical, dates)}
            kept = json.dumps({name: sorted(values) for name, values in found.items()})
            cache.put("head", self.fingerprint, kept)
        return dict(json.loads(kept))

    @cached_property
    def closed(self) -> ClosedGraph:
        """The release with what OWL 2 RL concludes."""
        kept = cache.get("closed", self.fingerprint)
        if kept is not None:
            return ClosedGraph(self.assembled, frozenset(t for _, t in _read(kept)))
        self._shop.progress(f"{self.key}: inferring")
        closed = close_release(self.assembled, self._shop.reasoner, self._shop.schema)
        cache.put("closed", self.fingerprint, _written(dict.fromkeys(sorted(closed.entailed), "-")))
        return closed

    @cached_property
    def derived(self) -> DerivedGraph:
        """The release with its threats; those of a system that lie within one member are linked to that member's."""
        kept = cache.get("derived", self.fingerprint)
        if kept is not None:
            return DerivedGraph(self.closed, {t: rule for rule, t in _read(kept)})
        self._shop.progress(f"{self.key}: deriving")
        if len(self._sources) > 1:  # a system or variant; its links are sorted out after the rules, so not on the bench
            derived = derive(self.closed, rules("derive"), self._threats_of_members())
            derived = self._compared(derived)
        else:
            derived = derive(self.closed, rules("derive"), store=self._bench("closed"))
            self._benched = max(self._benched, 3)  # the rules have filled the bench
        cache.put("derived", self.fingerprint, _written(derived.firings))
        return derived

    def _compared(self, derived: DerivedGraph) -> DerivedGraph:
        """Return the threats of a variant with what became of those of its baseline."""
        stated = variants.named(self.assembled.local)
        if stated is None:
            return derived
        base = Release(variants.baseline_key(stated), self._shop).derived
        made = variants.compare(self.assembled, derived.firings, base.closed.assembled, base.firings)
        return DerivedGraph(self.closed, {**derived.firings, **dict.fromkeys(made, "variant")})

    def _threats_of_members(self) -> set[tuple[str, str]]:
        """Return (membership, threat) for each threat that a member has by itself."""
        found = set()
        for node, key in systems.members(self.assembled.local):
            alone = Release(key, self._shop)
            found |= {(node, s) for s, p, o in alone.derived.firings if (p, o) == (rdf.type, tm.Threat)}
        return found

    @cached_property
    def rated(self) -> RatedGraph:
        """The release with its threats and their ratings."""
        kept = cache.get("rated", self.fingerprint)
        if kept is not None:
            return RatedGraph(self.derived, {t: rule for rule, t in _read(kept)})
        derived = self.derived
        self._shop.progress(f"{self.key}: rating")
        rated = rate(derived, rules("rate"), fire=fire, store=self._bench("derived"))
        self._benched = max(self._benched, 4)
        cache.put("rated", self.fingerprint, _written(rated.firings))
        return rated

    def findings(self, kind: str) -> tuple[Finding, ...]:
        """Return the findings of the authoring or the assurance shapes as of the day of the run."""
        key = self._key_of_findings(kind)
        kept = cache.get(kind, key)
        if kept is None:
            self._shop.progress(f"{self.key}: {kind} check")
            triples = self.assembled.triples if kind == validate.AUTHORING else self.rated.triples
            store = self._bench("assembled" if kind == validate.AUTHORING else "rated")
            found = self._shop.checkers[kind].validate(self.assembled, triples, on=self._shop.day, store=store)
            kept = json.dumps([astuple(finding) for finding in found])
            cache.put(kind, key, kept)
        return tuple(Finding(*fields) for fields in json.loads(kept))

    def kept(self, *, check: bool, specs: Iterable[QuerySpec], family: str = "") -> bool:
        """Tell whether findings and rows are kept, or not wanted for a *family*; a quick look, nothing rests on it."""
        if not cache.has("needs", self._files) or not cache.has("head", self.fingerprint):
            return False
        if family and family not in self.head["families"]:
            return True
        kinds = (validate.AUTHORING, validate.ASSURANCE) if check else (validate.AUTHORING,)
        findings = all(cache.has(kind, self._key_of_findings(kind)) for kind in kinds)
        return findings and all(cache.has("rows", cache.digest(self.fingerprint, spec.text)) for spec in specs)

    def _key_of_findings(self, kind: str) -> str:
        return cache.digest(self.fingerprint, self._shop.checkers[kind].digest, self._standing())

    def _standing(self) -> str:
        """Return where the day stands among all dates that are stated: shapes only compare it with these."""
        day = self._shop.day.isoformat()
        dates = self.head["dates"]
        return f"{sum(d < day for d in dates)} before, {sum(d <= day for d in dates)} up to"

    def rows(self, spec: QuerySpec) -> list[Row]:
        """Return the rows of a view on this release alone, terms as N-Triples."""
        key = cache.digest(self.fingerprint, spec.text)
        kept = cache.get("rows", key)
        if kept is None:
            self._bench("rated")
            kept = json.dumps(query.select(self._store, spec))
            cache.put("rows", key, kept)
        return [tuple(row) for row in json.loads(kept)]

    def _bench(self, stage: str) -> Store | None:
        """Return one store that goes along with the stages and holds just what is known at this one.

        Each stage adds what it concluded, so nothing is loaded twice; None when a later stage has been there already.
        """
        graph = getattr(self, stage)  # made first: making it may take the bench to this stage
        if not self._benched:
            self._store, self._benched = query.store_of([ClosedGraph(self.assembled, frozenset())]), 1
        wanted = _STAGES.index(stage) + 1
        if self._benched > wanted:
            return None
        if self._benched < 2 <= wanted:
            rest = query.add_local(self._store, self.assembled, self.closed.entailed)
            self._store.add(rest, graph=CORE_GRAPH)
        if self._benched < 3 <= wanted:
            self._store.add(self.derived.firings)
        if self._benched < 4 <= wanted:
            self._store.add(graph.firings)
        self._benched = wanted
        return self._store

    def forget(self) -> None:
        """Let go of what was made; it is found or made again when it is asked for."""
        if "rated" in self.__dict__ and not cache.has("rated", self.fingerprint):
            return
        self._benched = 0
        for part in ("_read", "_fresh", "assembled", "closed", "derived", "rated", "_store"):
            self.__dict__.pop(part, None)


def close_release(assembled: AssembledGraph, reasoner: Reasoner, schema: Schema | None = None) -> ClosedGraph:
    """Return an assembled release with what OWL 2 RL concludes."""
    return close(assembled, reasoner=reasoner, clashes=rules("check"), premises=prove.premises, schema=schema)


def families(statements: Iterable[Statement], device: str) -> set[str]:
    """Return the slugs of the families of a device, with all their wider ones."""
    wider = {(s.triple[0], s.triple[2]) for s in statements if s.triple[1] == tm.family}
    found: set[str] = set()
    todo = {device}
    while todo := {o for s, o in wider if s in todo} - found:
        found |= todo
    return {bare(node).rstrip("/").rsplit("/", 1)[-1] for node in found}


def _packed(graph: AssembledGraph) -> str:
    return "\n".join([graph.key, graph.device, graph.release, cache.packed(graph.local)])


def _unpacked(text: str, core: tuple[Statement, ...]) -> AssembledGraph:
    key, device, release, local = text.split("\n", 3)
    return AssembledGraph(key, device, release, core, cache.unpacked(local))


def _written(made: Mapping[Triple, str]) -> str:
    return "".join([f"{rule} {s} {p} {o}\n" for (s, p, o), rule in made.items()])


def _read(text: str) -> Iterable[tuple[str, Triple]]:
    for line in text.split("\n")[:-1]:
        rule, s, p, o = line.split(" ", 3)
        yield rule, (s, p, o)
