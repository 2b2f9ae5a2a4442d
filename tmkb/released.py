"""The content lock of the library: what each released entry said, so that none changes without a new version.

An entry is one file of kb/library (threats, controls, weaknesses, advisories); its content is every statement of the
file but its version. ``lock.json`` holds, for each released version of the library, version and hash of each entry. An
entry that is gone has a tombstone (``tm:RetiredEntry``) with reason and, if there is one, its successor.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tmkb.errors import SourceError
from tmkb.model.graphs import Statement
from tmkb.terms import bare, lexical, rdf, tm

Entries = Mapping[str, tuple[str, str]]  # id → version, hash
_FOLDERS = "threats|controls|weaknesses|advisories"
_ENTRY = re.compile(rf".*\blibrary/(?:{_FOLDERS})/(T-\d+|C-\d+|W-\d+|A-[^/]+?)(?:-[a-z][^/]*)?\.ttl")


def entries(core: Iterable[Statement]) -> dict[str, tuple[str, str]]:
    """Return version and content hash of each entry of the library; an entry that states no version is version 1."""
    said: dict[str, set[str]] = {}
    versions: dict[str, str] = {}
    for statement in core:
        match = _ENTRY.fullmatch(statement.origin.file) if statement.origin.role == "library" else None
        if match is None:
            continue
        s, p, o = statement.triple
        if p == tm.version:
            versions[match[1]] = lexical(o)
        else:
            said.setdefault(match[1], set()).add(f"{s} {p} {o} .")
    return {
        key: (versions.get(key, "1"), hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest())
        for key, lines in sorted(said.items())
    }


def retired(core: Iterable[Statement]) -> set[str]:
    """Return the ids of the entries that have a tombstone."""
    return {bare(s.triple[0]).rpartition("/")[2] for s in core if s.triple[1:] == (rdf.type, tm.RetiredEntry)}


def lock(path: Path) -> dict[str, dict[str, tuple[str, str]]]:
    """Return the entries of each released version of the library, oldest first.

    Raises:
        SourceError: the file is damaged.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return {version: {key: (one, two) for key, (one, two) in some.items()} for version, some in read.items()}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, ValueError, AttributeError, TypeError) as error:
        hint = "take it from the release it belongs to; 'make lock-library' writes it"
        raise SourceError("E-LOCK", f"the content lock cannot be read: {error}", where=path.name, hint=hint) from None


def broken(before: Entries, now: Entries, tombstones: Iterable[str]) -> list[str]:
    """Return what breaks the lock: changed without a new version, gone without a tombstone, back from the dead."""
    gone = set(tombstones)
    found = []
    for key, (version, content) in sorted(before.items()):
        if key not in now:
            if key not in gone:
                found.append(f"{key} is gone: write a tombstone with reason and successor in retired.ttl")
        elif now[key][1] != content and int(now[key][0]) <= int(version):
            found.append(f'{key} changed since version {version}: state tm:version "{int(version) + 1}"')
        elif now[key][1] == content and now[key][0] != version:
            found.append(f"{key} has version {now[key][0]} and the content of version {version}")
    return found + [f"{key} has a tombstone and is there" for key in sorted(gone & set(now))]


def differences(before: Entries, now: Entries) -> dict[str, str]:
    """Return what became of each entry that is not the same: ``new``, ``changed`` or ``retired``."""
    found = {key: "retired" for key in before if key not in now}
    found |= {key: "new" for key in now if key not in before}
    found |= {key: "changed" for key in now if key in before and now[key][1] != before[key][1]}
    return dict(sorted(found.items()))
