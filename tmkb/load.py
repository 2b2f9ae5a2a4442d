"""Stage 1: find the files of a knowledge base and read them strictly; every statement keeps file and line.

Path of the data: ``find_sources`` lists files by role (ontology, library, policy, family, module, device) →
``load`` parses each, gives blank nodes (class expressions and lists only) a name made from their content, and
refuses unknown terms and ill-typed literals, so that a typing error never becomes a missing threat.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from tmkb import resources
from tmkb.engines import turtle
from tmkb.errors import SourceError, UnknownNameError, nearest
from tmkb.model.graphs import AssertedGraph, Origin, Source, SourceSet, Statement, Triple
from tmkb.terms import BASE, SKOLEM, bare, is_iri, literal, rdf, tm
from tmkb.vocabulary import DATA_ROLES, Vocabulary


def version_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key by which release names sort as people count: 2.0 before 10.0."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"[.\-_]", name))


def releases(kb: Path) -> dict[str, list[str]]:
    """Return the releases of each device folder, oldest first."""
    found: dict[str, list[str]] = {}
    for device in sorted(p for p in (kb / "devices").glob("*") if p.is_dir()):
        names = [p.name for p in device.iterdir() if p.is_dir() and any(p.glob("*.ttl"))]
        if names:
            found[device.name] = sorted(names, key=version_key)
    return found


def settings(kb: Path) -> dict[str, str]:
    """Return the ``[kb]`` table of kb.toml; a folder without one has the defaults.

    Raises:
        SourceError: kb.toml is not valid TOML or has unknown or ill-typed keys.
    """
    known = {"name": kb.name, "policy": "default", "library": ""}
    path = kb / "kb.toml"
    if path.is_file():
        try:
            read = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SourceError("E-SETTINGS", f"kb.toml is not valid: {error}", where=f"{kb.name}/kb.toml") from None
        table = read.get("kb", {})
        wrong = [k for k in read if k != "kb"] + [
            k for k, v in table.items() if k not in known or not isinstance(v, str)
        ]
        if wrong:
            hint = "only a table [kb] with " + ", ".join(known) + " as text is understood"
            raise SourceError("E-SETTINGS", f"kb.toml has {wrong[0]!r}", where=f"{kb.name}/kb.toml", hint=hint)
        known |= table
    return known


def find_sources(kb: Path, wanted: Iterable[str] | None = None) -> SourceSet:
    """Return the files to read for the releases *wanted* (``device@version``; None means all).

    Raises:
        UnknownNameError: the policy is not there, or the folder is no knowledge base.
        SourceError: a file cannot be read.
    """
    policy = settings(kb)["policy"]
    if not (kb / "devices").is_dir():
        raise UnknownNameError(
            "E-KB", f"no devices/ folder in {kb}", hint="point --kb at a folder with devices/<slug>/<release>/*.ttl"
        )
    shipped = resources.bundled_kb()
    own = kb.resolve() != shipped.resolve()
    core = list(_files(resources.ontology(), "*.ttl", "ontology"))
    core += _files(shipped / "library", "**/*.ttl", "library")
    if own:
        core += _files(kb / "library", "**/*.ttl", "library")
    policies = [p for p in (kb / "policy" / f"{policy}.ttl", shipped / "policy" / f"{policy}.ttl") if p.is_file()]
    if not policies:
        names = sorted({p.stem for base in (kb, shipped) for p in (base / "policy").glob("*.ttl")})
        raise UnknownNameError(
            "E-POLICY", f"no policy named {policy!r}", where=f"{_shown(kb)}/kb.toml", hint=nearest(policy, names)
        )
    if own and len({p.read_bytes() for p in policies}) > 1:
        raise _clash(policies[0], kb, f"policy {policy!r} has the name of a shipped one")
    core += [_read(policies[0], "policy", kb if policies[0].is_relative_to(kb) else shipped)]
    core += _files(kb / "families", "*.ttl", "family")
    _refuse_unread(kb)
    modules = tuple(_files(kb / "modules", "*/*.ttl", "module"))
    keys = sorted(wanted) if wanted is not None else [f"{d}@{v}" for d, vs in releases(kb).items() for v in vs]
    chosen = {key: tuple(_files(kb / "devices" / key.replace("@", "/"), "*.ttl", "device", kb)) for key in keys}
    return SourceSet(kb, policy, _once(core), modules, chosen)


def _refuse_unread(kb: Path) -> None:
    """Refuse files that look like part of the knowledge base but would not be read."""
    depth = {"devices": 3, "modules": 2, "families": 1, "policy": 1}
    for part, level in depth.items():
        for path in sorted((kb / part).rglob("*")):
            inside = path.relative_to(kb / part).parts
            rdf_like = path.suffix.lower() in (".ttl", ".rdf", ".nt", ".nq", ".n3", ".trig", ".jsonld", ".owl", ".xml")
            if path.is_file() and rdf_like and (len(inside) != level or path.suffix != ".ttl"):
                place = f"{_shown(kb)}/{path.relative_to(kb).as_posix()}"
                hint = f"files ending in .ttl, {level} level{'s' if level > 1 else ''} below {part}/, are read"
                raise SourceError("E-UNREAD", "this file would not be read", where=place, hint=hint)


def _files(folder: Path, pattern: str, role: str, root: Path | None = None) -> Iterator[Source]:
    base = root or (folder.parent if role not in ("ontology",) else folder)
    for path in sorted(folder.glob(pattern)):
        if role != "ontology" or path.parent == folder:
            yield _read(path, role, base)


def _shown(root: Path) -> str:
    """Return the name of a root folder in places; never that of the shipped one for another folder."""
    shipped = resources.bundled_kb()
    clash = root.resolve().name == shipped.name and root.resolve() != shipped.resolve()
    return f"{root.resolve().parent.name}/{root.resolve().name}" if clash else root.resolve().name


def _read(path: Path, role: str, root: Path) -> Source:
    name = f"{_shown(root)}/{path.relative_to(root).as_posix()}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError("E-FILE", f"cannot be read: {error.strerror}", where=name) from None
    return Source(path.resolve(), name, role, sha256=hashlib.sha256(data).hexdigest(), data=data)


def _once(sources: list[Source]) -> tuple[Source, ...]:
    """Keep one of each file: a copy of a shipped file, unchanged, is the shipped file."""
    return tuple({(source.sha256, source.path.name): source for source in reversed(sources)}.values())[::-1]


def _clash(path: Path, kb: Path, what: str) -> SourceError:
    return SourceError(
        "E-CLASH", what, where=f"{kb.name}/{path.relative_to(kb).as_posix()}", hint="add under a new name; never shadow"
    )


def load(sources: SourceSet) -> AssertedGraph:
    """Return what the files say, one set of statements per release.

    Raises:
        SourceError: syntax, unknown terms, ill-typed literals, or a library file that changes core terms.
    """
    ontology = [s for source in sources.core if source.role == "ontology" for s in _statements(source)]
    vocabulary = Vocabulary(ontology)
    core = list(ontology)
    defined: dict[str, Origin] = {}
    for source in sources.core:
        if source.role == "ontology":
            continue
        statements = _statements(source)
        vocabulary.learn(statements)
        core += statements
        _refuse_shadowing(statements, defined)
    for source in sources.core:
        vocabulary.check([s for s in core if s.origin.file == source.name], source.role)
    modules = [s for source in sources.modules for s in vocabulary.check(_statements(source), "module")]
    by_release = {
        key: tuple(s for source in files for s in vocabulary.check(_statements(source), "device"))
        for key, files in sources.releases.items()
    }
    return AssertedGraph(
        tuple(core),
        tuple(modules),
        by_release,
        {s.name: s.sha256 for files in (sources.core, sources.modules, *sources.releases.values()) for s in files},
    )


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
                "E-CLASH", f"{s} is already defined in {first}", where=str(statement.origin), hint="choose a new id"
            )
