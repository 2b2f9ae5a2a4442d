"""Where the shipped ontology, queries and bundled knowledge base lie: in the wheel, or beside the package."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path


@cache
def program_digest() -> str:
    """Return the hash of the program: its modules and the shipped queries, shapes apart."""
    package = Path(__file__).resolve().parent
    files = [*package.glob("*.py"), *package.glob("*/*.py"), *queries().glob("*/*.rq")]
    lines = (f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sorted(files))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def root() -> Path:
    """Return the folder that holds ontology/, queries/ and kb/ as shipped."""
    package = Path(__file__).resolve().parent
    bundled = package / "_data"
    return bundled if bundled.is_dir() else package.parent


def ontology() -> Path:
    """Return the folder of the ontology and its shapes."""
    return root() / "ontology"


def closed_schema() -> str:
    """Return what ontology and shipped library entail, headed by the hash of what it follows from; or nothing."""
    path = ontology() / "closed.nt"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def queries() -> Path:
    """Return the folder of the shipped queries."""
    return root() / "queries"


def bundled_kb() -> Path:
    """Return the folder of the bundled knowledge base, which also holds the shipped library and policies."""
    return root() / "kb"
