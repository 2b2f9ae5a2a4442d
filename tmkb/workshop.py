"""What all releases of one run share: their files, the core that was read once, the shapes, the engines, the day."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property

from tmkb import cache, load, resources, validate
from tmkb.engines import sparql
from tmkb.engines.owl import OwlrlReasoner, Reasoner
from tmkb.infer import Schema, schema_of
from tmkb.model.graphs import Source, SourceSet, Statement
from tmkb.terms import rdf, tm
from tmkb.vocabulary import Vocabulary

Progress = Callable[[str], None]


class Workshop:
    """What all releases of one run share: their files, the core, the shapes, the reasoner and the day."""

    def __init__(
        self, sources: SourceSet, reasoner: Reasoner, day: date, progress: Progress, *, shapes_engine: str = ""
    ) -> None:
        """Take the files; nothing becomes statements before it is needed."""
        self.sources, self.reasoner, self.day, self.progress = sources, reasoner, day, progress
        self.checkers = {
            kind: validate.Checker(resources.ontology() / "shapes", kind, shapes_engine)
            for kind in (validate.AUTHORING, validate.ASSURANCE)
        }

    @cached_property
    def digest(self) -> str:
        """The hash of what every release follows from, its own files and modules apart."""
        return cache.digest(self.reasoner.name, OwlrlReasoner().name, self._core_digest)

    @cached_property
    def _core_digest(self) -> str:
        return cache.digest(sparql.NAME, *digests(self.sources.core))

    @cached_property
    def core(self) -> tuple[tuple[Statement, ...], Vocabulary]:
        """Statements and vocabulary of ontology, library, policy and families, checked."""
        kept = cache.get("core", self._core_digest)
        if kept is not None:
            statements = cache.unpacked(kept)
            return statements, Vocabulary.of(statements)
        statements, vocabulary = load.load_core(self.sources.core)
        cache.put("core", self._core_digest, cache.packed(statements))
        return statements, vocabulary

    @cached_property
    def schema(self) -> Schema:
        """What ontology and library say that has consequences, and the properties that have none."""
        return schema_of(self.core[0])

    @cached_property
    def modules(self) -> tuple[Statement, ...]:
        """Statements of all modules, checked."""
        return load.load_files(self.sources.modules, "module", self.core[1])

    @cached_property
    def described(self) -> Mapping[str, list[str]]:
        """The folders that describe each module; a fault in any file of a module shows here, kept results or not."""
        key = cache.digest(self._core_digest, *digests(self.sources.modules))
        kept = cache.get("modules", key)
        if kept is None:
            found: dict[str, list[str]] = {}
            for s in (s for s in self.modules if s.triple[1:] == (rdf.type, tm.Module)):
                found.setdefault(s.triple[0], []).append(folder_of(s.origin.file))
            kept = json.dumps(found)
            cache.put("modules", key, kept)
        return dict(json.loads(kept))

    def files(self, key: str) -> Sequence[Source]:
        """Return the files of a release that was read, chosen or member."""
        found = self.sources.releases
        return found[key] if key in found else self.sources.members[key]


def folder_of(file: str) -> str:
    """Return the folder of a file, as places show it."""
    return file.rsplit("/", 1)[0]


def digests(files: Iterable[Source]) -> list[str]:
    """Return one line for each file: role, name and hash, sorted."""
    return sorted(f"{source.role} {source.name} {source.sha256}" for source in files)
