"""Public advisories in the format of CSAF: their flaws as statements, in the words that the library uses for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tmkb.errors import SourceError
from tmkb.model.graphs import Triple
from tmkb.terms import BASE, bare, literal, rdf, tm


@dataclass(frozen=True)
class Advisory:
    """An advisory under an IRI of its own, and what it says: id, families of products, and flaws."""

    notice: str
    statements: tuple[Triple, ...]


def read(path: Path, families: Sequence[str] = ()) -> Advisory:
    """Return the advisory in a file; *families* are the IRIs of the families it concerns, none means any product.

    Raises:
        SourceError: the file cannot be read, or is no advisory with an id.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name = content["document"]["tracking"]["id"]
        flaws = list(content.get("vulnerabilities", []))
        return advisory(
            name, families, [(_name(flaw, n), _weaknesses(flaw), _vectors(flaw)) for n, flaw in enumerate(flaws, 1)]
        )
    except OSError as error:
        raise SourceError("E-FILE", f"cannot be read: {error.strerror}", where=path.name) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "give a file in the format of CSAF 2.0: JSON with document, tracking and id"
        raise SourceError("E-ADVISORY", f"is no advisory: {error!r}", where=path.name, hint=hint) from None


def advisory(name: str, families: Sequence[str], flaws: Sequence[tuple[str, Sequence[str], Sequence[str]]]) -> Advisory:
    """Return an advisory from its id, its families and its flaws: id, weaknesses and vectors of each."""
    notice = f"<{BASE}advisory/{re.sub(r'[^A-Za-z0-9.-]', '-', name)}>"
    found = [(notice, rdf.type, tm.Advisory), (notice, tm.advisoryId, literal(name))]
    found += [(notice, tm.affectsFamily, family) for family in families]
    for number, (cve, weaknesses, vectors) in enumerate(flaws, 1):
        flaw = f"<{bare(notice)}/{number}>"
        found += [(flaw, rdf.type, tm.Flaw), (flaw, tm.ofAdvisory, notice), (flaw, tm.cveId, literal(cve))]
        found += [(flaw, tm.weaknessId, literal(weakness)) for weakness in weaknesses]
        found += [(flaw, tm.cvssVector, literal(vector)) for vector in vectors]
    return Advisory(notice, tuple(found))


def _name(flaw: Mapping[str, Any], number: int) -> str:
    """Return the id of a flaw: its CVE, else what its finder calls it, else its place in the file."""
    others = [str(one["text"]) for one in flaw.get("ids", []) if one.get("text")]
    return str(flaw.get("cve") or next(iter(others), f"flaw {number}"))


def _weaknesses(flaw: Mapping[str, Any]) -> list[str]:
    """Return the weaknesses of a flaw; version 2.0 of the format has one, version 2.1 a list."""
    stated = [flaw["cwe"]] if flaw.get("cwe") else list(flaw.get("cwes", []))
    return sorted({str(one["id"]) for one in stated})


def _vectors(flaw: Mapping[str, Any]) -> list[str]:
    """Return the vector of a flaw in the newest version of CVSS that it was given in; several when products differ.

    The newest is sought for each product; scores that name no product count as those of one more.
    """
    found: dict[str, dict[str, set[str]]] = {}
    for score in flaw.get("scores", []) or flaw.get("metrics", []):
        for product in score.get("products") or [""]:
            for version, value in _scores(score.get("content", score)):
                found.setdefault(product, {}).setdefault(version, set()).add(value)
    return sorted(set().union(*(given[max(given)] for given in found.values())))


def _scores(score: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for version in ("cvss_v2", "cvss_v3", "cvss_v4"):
        if isinstance(score.get(version), dict) and score[version].get("vectorString"):
            yield version, str(score[version]["vectorString"])
