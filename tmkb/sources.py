"""Stage 0: which files a run reads. Lists them by role (ontology, library, policy, family, module, device), in a fixed
order, with their bytes and hashes; what lies in the folder and would not be read is refused, never skipped.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path

from tmkb import resources, systems
from tmkb.errors import SourceError, UnknownNameError, nearest
from tmkb.model.graphs import Source, SourceSet

_RDF = (".ttl", ".turtle", ".rdf", ".nt", ".nq", ".n3", ".trig", ".jsonld", ".owl", ".xml")
_LEVELS = {"devices": 3, "modules": 2, "families": 1, "policy": 1}


def version_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key by which release names sort as people count: 2.0 before 10.0."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"[.\-_]", name))


def releases(kb: Path) -> dict[str, list[str]]:
    """Return the releases of each device folder, oldest first."""
    folder = kb / "devices"
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir()) if folder.is_dir() else []
    found = {name: versions(kb, name) for name in names}
    return {name: known for name, known in found.items() if known}


def versions(kb: Path, device: str) -> list[str]:
    """Return the releases of one device folder, oldest first."""
    folder = kb / "devices" / device
    if not folder.is_dir():
        return []
    folders = [entry for entry in os.scandir(folder) if entry.is_dir()]
    described = (f.name for f in folders if any(file.name.endswith(".ttl") for file in os.scandir(f.path)))
    return sorted(described, key=version_key)


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


def find_sources(kb: Path, wanted: Iterable[str] | None = None, *, named: bool = True) -> SourceSet:
    """Return the files to read for the releases *wanted* (``device@version``; None means all).

    Unless they were *named* by somebody, files that would not be read are looked for in all device folders.

    Raises:
        UnknownNameError: the policy is not there, or the folder is no knowledge base.
        SourceError: a file cannot be read, or would not be read.
    """
    policy = settings(kb)["policy"]
    if not (kb / "devices").is_dir():
        raise UnknownNameError(
            "E-KB", f"no devices/ folder in {kb}", hint="point --kb at a folder with devices/<slug>/<release>/*.ttl"
        )
    shipped = resources.bundled_kb()
    own = kb.resolve() != shipped.resolve()
    core = [*_files(resources.ontology(), "", 1, "ontology"), *_files(shipped, "library", 9, "library")]
    if own:
        core += _files(kb, "library", 9, "library")
    core += [_policy(kb, shipped, policy), *_files(kb, "families", 1, "family")]
    keys = sorted(wanted) if wanted is not None else [f"{d}@{v}" for d, vs in releases(kb).items() for v in vs]
    chosen = {key: _release_files(kb, key) for key in keys}
    known = cache(lambda: {f"{d}@{v}" for d, vs in releases(kb).items() for v in vs})
    needed: dict[str, Sequence[Source]] = {}
    for files in chosen.values():
        needed |= systems.needed_releases(files, partial(_release_files, kb), known)
    members = {key: tuple(files) for key, files in sorted(needed.items()) if key not in chosen}
    some = {key.partition("@")[0] for key in (*chosen, *members)}
    _refuse_unread(kb, some if named and wanted is not None else None)
    return SourceSet(kb, policy, _once(core), tuple(_files(kb, "modules", 2, "module")), chosen, members)


def _policy(kb: Path, shipped: Path, policy: str) -> Source:
    found = [base for base in (kb, shipped) if (base / "policy" / f"{policy}.ttl").is_file()]
    if not found:
        names = sorted({p.stem for base in (kb, shipped) for p in (base / "policy").glob("*.ttl")})
        raise UnknownNameError(
            "E-POLICY", f"no policy named {policy!r}", where=f"{_shown(kb)}/kb.toml", hint=nearest(policy, names)
        )
    read = [_read(base, f"policy/{policy}.ttl", "policy") for base in found]
    if len({source.sha256 for source in read}) > 1:
        raise SourceError(
            "E-CLASH",
            f"policy {policy!r} has the name of a shipped one",
            where=f"{kb.name}/policy/{policy}.ttl",
            hint="your copy differs from the shipped file: delete it, or rename it and set policy in kb.toml",
        )
    return read[0]


def _release_files(kb: Path, key: str) -> tuple[Source, ...]:
    return tuple(_files(kb, f"devices/{key.replace('@', '/')}", 1, "device"))


def _refuse_unread(kb: Path, devices: set[str] | None) -> None:
    """Refuse files that look like part of the knowledge base but would not be read; of all devices, or of these."""
    for part, level in _LEVELS.items():
        for inside in sorted(_tree(kb / part)):
            steps = inside.split("/")
            if devices is not None and part == "devices" and len(steps) > 1 and steps[0] not in devices:
                continue
            ending = Path(inside).suffix
            if ending.lower() in _RDF and (len(steps) != level or ending != ".ttl"):
                hint = f"files ending in .ttl, {level} level{'s' if level > 1 else ''} below {part}/, are read"
                place = f"{_shown(kb)}/{part}/{inside}"
                raise SourceError("E-UNREAD", "this file would not be read", where=place, hint=hint)


def _tree(folder: Path | str, inside: str = "", depth: int = 9) -> Iterator[str]:
    """Yield the files below a folder, *depth* levels deep, as paths relative to it."""
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise SourceError("E-FILE", f"cannot be listed: {error.strerror}", where=str(folder)) from None
    for entry in entries:
        if entry.is_dir() and not entry.name.endswith(".ttl"):  # a folder named like a file is an error when it is read
            if depth > 1:
                yield from _tree(entry.path, f"{inside}{entry.name}/", depth - 1)
        else:
            yield inside + entry.name


def _files(root: Path, part: str, depth: int, role: str) -> Iterator[Source]:
    """Yield the Turtle files that lie up to *depth* levels below a part of a root folder, sorted by their paths."""
    found = (path for path in _tree(root / part, f"{part}/" if part else "", depth) if path.endswith(".ttl"))
    for path in sorted(found, key=lambda path: path.split("/")):
        yield _read(root, path, role)


@cache
def _shown(root: Path) -> str:
    """Return the name of a root folder in places; never that of the shipped one for another folder."""
    shipped = resources.bundled_kb()
    clash = root.resolve().name == shipped.name and root.resolve() != shipped.resolve()
    return f"{root.resolve().parent.name}/{root.resolve().name}" if clash else root.resolve().name


def _read(root: Path, path: str, role: str) -> Source:
    name = f"{_shown(root)}/{path}"
    try:
        data = (root / path).read_bytes()
    except OSError as error:
        raise SourceError("E-FILE", f"cannot be read: {error.strerror}", where=name) from None
    return Source(root / path, name, role, sha256=hashlib.sha256(data).hexdigest(), data=data)


def _once(sources: list[Source]) -> tuple[Source, ...]:
    """Keep one of each file: a copy of a shipped file, unchanged, is the shipped file."""
    return tuple({(source.sha256, source.path.name): source for source in reversed(sources)}.values())[::-1]
