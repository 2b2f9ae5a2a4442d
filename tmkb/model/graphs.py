"""What each stage hands to the next. Terms are N-Triples strings; a statement always knows its file and line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

Triple = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a statement was written: file (relative to its root), line where it ends, and role of the file.

    ``through`` is the place of the integration when the statement was expanded from a module.
    """

    file: str
    line: int
    role: str
    through: Origin | None = None

    def __str__(self) -> str:
        """Return ``file:line``, with the integration when there is one."""
        own = f"{self.file}:{self.line}" if self.line else self.file
        return f"{own} (integrated at {self.through})" if self.through else own


@dataclass(frozen=True, slots=True)
class Statement:
    """One triple with its origin."""

    triple: Triple
    origin: Origin


@dataclass(frozen=True)
class Source:
    """One file to read: real path, shown name, role and, for device files, the release it belongs to."""

    path: Path
    name: str
    role: str
    release: str = ""
    sha256: str = ""
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class SourceSet:
    """All files one run reads, in a fixed order; ``members`` are releases that only take part in chosen systems."""

    kb: Path
    policy: str
    core: tuple[Source, ...]
    modules: tuple[Source, ...]
    releases: Mapping[str, tuple[Source, ...]]
    members: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class AssertedGraph:
    """What people wrote: core (ontology, library, policy, families), modules, and one set per release.

    Releases are keyed ``device@version``; those that only take part in a system are among them.
    """

    core: tuple[Statement, ...]
    modules: tuple[Statement, ...]
    releases: Mapping[str, tuple[Statement, ...]]


@dataclass(frozen=True)
class AssembledGraph:
    """One release with its modules expanded and its crossings computed; ``local`` excludes the core."""

    key: str
    device: str
    release: str
    core: tuple[Statement, ...]
    local: tuple[Statement, ...]

    @cached_property
    def core_triples(self) -> frozenset[Triple]:
        """The triples of the core."""
        return frozenset(s.triple for s in self.core)

    @cached_property
    def local_triples(self) -> frozenset[Triple]:
        """The triples of the release."""
        return frozenset(s.triple for s in self.local)

    @cached_property
    def triples(self) -> frozenset[Triple]:
        """Core and release together."""
        return self.core_triples | self.local_triples

    @cached_property
    def origins(self) -> Mapping[Triple, Origin]:
        """The origin of each triple; what a person wrote in the release comes before the core."""
        found: dict[Triple, Origin] = {}
        for statement in (*self.local, *self.core):
            found.setdefault(statement.triple, statement.origin)
        return found


@dataclass(frozen=True)
class ClosedGraph:
    """The assembled graph with all that OWL 2 RL concludes from it, kept apart from what was asserted."""

    assembled: AssembledGraph
    entailed: frozenset[Triple]

    @cached_property
    def local(self) -> frozenset[Triple]:
        """Everything about the release so far, without the core."""
        return self.assembled.local_triples | self.entailed

    @cached_property
    def triples(self) -> frozenset[Triple]:
        """Asserted and entailed triples together."""
        return self.assembled.triples | self.entailed


@dataclass(frozen=True)
class DerivedGraph:
    """The closed graph with the threats; ``firings`` names the rule for each derived triple."""

    closed: ClosedGraph
    firings: Mapping[Triple, str]


@dataclass(frozen=True)
class RatedGraph:
    """The derived graph with cells, candidates, credits and ratings; ``firings`` as before, ratings included."""

    derived: DerivedGraph
    firings: Mapping[Triple, str]

    @property
    def assembled(self) -> AssembledGraph:
        """The assembled graph at its root."""
        return self.derived.closed.assembled

    @cached_property
    def local(self) -> frozenset[Triple]:
        """Everything about the release: asserted, entailed, derived and rated, without the core."""
        return self.derived.closed.local | frozenset(self.derived.firings) | frozenset(self.firings)

    @cached_property
    def triples(self) -> frozenset[Triple]:
        """Everything, the core included."""
        return self.local | self.assembled.core_triples
