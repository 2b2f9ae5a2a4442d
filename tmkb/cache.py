"""Results kept in the user's cache folder, keyed by the content they follow from; may be deleted at any time.

A result that is damaged, or was made from other content or another version, is not found; it is never trusted
over the sources, because the key is a hash of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from tmkb import __version__


def folder() -> Path | None:
    """Return the cache folder, or None when ``TMKB_CACHE`` is set to nothing."""
    chosen = os.environ.get("TMKB_CACHE")
    if chosen is not None:
        return Path(chosen) if chosen else None
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "tmkb"


def digest(*parts: str) -> str:
    """Return one hash for several texts and the version of the program."""
    return hashlib.sha256("\x00".join((__version__, *parts)).encode()).hexdigest()


def get(kind: str, key: str) -> str | None:
    """Return what is kept under *key*, or None; a damaged entry counts as absent."""
    base = folder()
    if base is None:
        return None
    try:
        text = (base / kind / key).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    checksum, _, payload = text.partition("\n")
    return payload if checksum == hashlib.sha256(payload.encode()).hexdigest() else None


def put(kind: str, key: str, payload: str) -> None:
    """Keep *payload* under *key*, whole or not at all; a cache that cannot be written is no error."""
    base = folder()
    if base is None:
        return
    with contextlib.suppress(OSError):
        write_atomically(base / kind / key, (hashlib.sha256(payload.encode()).hexdigest() + "\n" + payload).encode())


def write_atomically(path: Path, data: bytes) -> None:
    """Write *data* to *path* by way of a temporary file beside it, so that no reader ever sees a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o644)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    parent = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
