"""Results kept in the user's cache folder, keyed by the content they follow from; may be deleted at any time.

A result that is damaged, or was made from other content or another version, is not found; it is never trusted
over the sources, because the key is a hash of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from tmkb import resources
from tmkb.model.graphs import Origin, Statement


def folder() -> Path | None:
    """Return the cache folder, or None when ``TMKB_CACHE`` is set to nothing or there is no place for one."""
    chosen = os.environ.get("TMKB_CACHE")
    if chosen is not None:
        return Path(chosen) if chosen else None
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tmkb"
    except RuntimeError:  # a user without a home
        return None


def digest(*parts: str) -> str:
    """Return one hash for several texts and the program."""
    return hashlib.sha256("\x00".join((resources.program_digest(), *parts)).encode()).hexdigest()


def get(kind: str, key: str) -> str | None:
    """Return what is kept under *key*, or None; a damaged entry counts as absent."""
    base = folder()
    if base is None:
        return None
    try:
        data = (base / kind / key).read_bytes()
        checksum, _, packed = data.partition(b"\n")
        if checksum != _checksum(kind, key, packed):
            return None
        return zlib.decompress(packed).decode()
    except (OSError, UnicodeDecodeError, zlib.error):
        return None


def has(kind: str, key: str) -> bool:
    """Tell whether something is kept under *key*; it may still turn out to be damaged."""
    base = folder()
    return base is not None and (base / kind / key).is_file()


def put(kind: str, key: str, payload: str) -> None:
    """Keep *payload* under *key*, whole or not at all; a cache that cannot be written is no error."""
    base = folder()
    if base is None:
        return
    packed = zlib.compress(payload.encode(), 1)
    with contextlib.suppress(OSError):
        write_atomically(base / kind / key, _checksum(kind, key, packed) + b"\n" + packed, durable=False)


def _checksum(kind: str, key: str, packed: bytes) -> bytes:
    """Return the hash of an entry and its place: the bytes of another entry are damage too."""
    return hashlib.sha256(b"\0".join((kind.encode(), key.encode(), packed))).hexdigest().encode()


def packed(statements: Iterable[Statement]) -> str:
    """Return statements with their origins as text."""
    origins: dict[Origin, int] = {}
    table: list[list[str | int | None]] = []

    def number(origin: Origin) -> int:
        if origin not in origins:
            through = None if origin.through is None else number(origin.through)
            origins[origin] = len(table)
            table.append([origin.file, origin.line, origin.role, through])
        return origins[origin]

    rows = [[*statement.triple, number(statement.origin)] for statement in statements]
    return json.dumps([table, rows])


def unpacked(text: str) -> tuple[Statement, ...]:
    """Return the statements that ``packed`` wrote."""
    table, rows = json.loads(text)
    origins: list[Origin] = []
    for file, line, role, through in table:
        origins.append(Origin(file, line, role, None if through is None else origins[through]))
    return tuple(Statement((s, p, o), origins[n]) for s, p, o, n in rows)


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write *data* to *path* by way of a temporary file beside it, so that no reader ever sees a part.

    A *durable* write also outlives a power cut; what can be made again, and is checked when read, need not.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o644)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if not durable:
        return
    parent = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
