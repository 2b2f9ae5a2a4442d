"""Stage 1: read the files of a knowledge base strictly; every statement keeps file and line.

Path of the data: the files that ``tmkb/sources.py`` lists → each is parsed, blank nodes (class expressions and lists
only) get a name made from their content, and unknown terms and ill-typed literals are refused, so that a typing error
never becomes a missing threat.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from tmkb.engines import turtle
from tmkb.errors import SourceError
from tmkb.model.graphs import AssertedGraph, Origin, Source, SourceSet, Statement, Triple
from tmkb.terms import BASE, SKOLEM, bare, is_iri, literal, rdf, tm
from tmkb.vocabulary import DATA_ROLES, Vocabulary


def load(sources: SourceSet) -> AssertedGraph:
    """Return what the files say, one set of statements per release.

    Raises:
        SourceError: syntax, unknown terms, ill-typed literals, or a library file that changes core terms.
    """
    core, vocabulary = load_core(sources.core)
    modules = load_files(sources.modules, "module", vocabulary)
    files = {**sources.members, **sources.releases}
    return AssertedGraph(core, modules, {key: load_files(some, "device", vocabulary) for key, some in files.items()})


def load_core(sources: Sequence[Source]) -> tuple[tuple[Statement, ...], Vocabulary]:
    """Return the statements of ontology, library, policy and families, and the terms that they declare.

    Raises:
        SourceError: as ``load``.
    """
    read = [(source, _statements(source)) for source in sources]
    vocabulary = Vocabulary([s for source, statements in read if source.role == "ontology" for s in statements])
    defined: dict[str, Origin] = {}
    for source, statements in read:
        if source.role != "ontology":
            vocabulary.learn(statements)
            _refuse_shadowing(statements, defined)
    for source, statements in read:
        vocabulary.check(statements, source.role)
    ordered = sorted(read, key=lambda pair: pair[0].role != "ontology")
    return tuple(s for _, statements in ordered for s in statements), vocabulary


def load_files(sources: Sequence[Source], role: str, vocabulary: Vocabulary) -> tuple[Statement, ...]:
    """Return the statements of files of one role, checked.

    Raises:
        SourceError: syntax, unknown terms or ill-typed literals.
    """
    return tuple(s for source in sources for s in vocabulary.check(_statements(source), role))


def _statements(source: Source) -> list[Statement]:
    parsed = _skolemised(turtle.parse(source.data, name=source.name), source.name)
    origins: dict[int, Origin] = {}
    found = [Statement(t, origins.setdefault(n, Origin(source.name, n, source.role))) for t, n in parsed]
    if source.role in DATA_ROLES and found:
        found += _stated_in(found, source)
    return found


def _stated_in(found: list[Statement], source: Source) -> list[Statement]:
    file = f"<{BASE}file/{re.sub(r'[^A-Za-z0-9./_-]', '-', source.name)}>"
    origin = Origin(source.name, 1, "computed")
    extra = [(file, rdf.type, tm.SourceFile), (file, tm.fileRole, literal(source.role))]
    extra += [
        (s, tm.statedIn, file) for s in dict.fromkeys(x.triple[0] for x in found) if not bare(s).startswith(SKOLEM)
    ]
    return [Statement(t, origin) for t in extra]


def _skolemised(parsed: list[tuple[Triple, int]], name: str) -> list[tuple[Triple, int]]:
    """Give each blank node an IRI made from what it says: same content, same name, whatever its label."""
    said: dict[str, list[tuple[str, str]]] = {}
    line_of: dict[str, int] = {}
    for (s, p, o), line in parsed:
        if s.startswith("_:"):
            said.setdefault(s, []).append((p, o))
            line_of.setdefault(s, line)
    names: dict[str, str] = {}

    def name_of(node: str) -> str:
        stack = [node]
        open_nodes: set[str] = set()
        while stack:
            current = stack[-1]
            if current in names:
                stack.pop()
                continue
            waiting = [o for _, o in said.get(current, []) if o.startswith("_:") and o not in names]
            if not waiting:
                content = "\n".join(sorted(f"{p} {names.get(o, o)}" for p, o in said.get(current, [])))
                names[current] = f"<{SKOLEM}{hashlib.sha256(content.encode()).hexdigest()[:32]}>"
            elif current in open_nodes:
                where = f"{name}:{line_of.get(current, 1)}"
                raise SourceError("E-BLANK", "blank nodes refer to each other in a circle", where=where)
            else:
                open_nodes.add(current)
                stack.extend(waiting)
        return names[node]

    def term(text: str) -> str:
        return name_of(text) if text.startswith("_:") else text

    return [((term(s), p, term(o)), line) for (s, p, o), line in parsed]


def _refuse_shadowing(statements: list[Statement], defined: dict[str, Origin]) -> None:
    for statement in statements:
        s, p, _ = statement.triple
        if p != rdf.type or not is_iri(s) or bare(s).startswith((SKOLEM, BASE + "file/")):
            continue
        first = defined.setdefault(s, statement.origin)
        if first.file != statement.origin.file:
            raise SourceError(
                "E-CLASH",
                f"{s} is already defined in {first}",
                where=str(statement.origin),
                hint="choose a new id; a changed copy of a shipped file goes, or gets ids of its own",
            )
