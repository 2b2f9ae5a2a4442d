"""Writing decisions: one block each, whole or not at all; blocks are only added, in the order of their ids."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tmkb.cache import write_atomically
from tmkb.engines import turtle
from tmkb.errors import ParameterError, SourceError
from tmkb.model.graphs import Triple
from tmkb.model.threats import ThreatRow
from tmkb.terms import TM, XSD, lexical, literal, rdf, tm

_HEAD = """# Human judgements on derived threats, one block each, sorted by id; the program only adds blocks.
# A decision never changes a number and never hides a row.
"""
_PREFIXES = {"prefix tm:": f"prefix tm:   <{TM}>\n", "prefix xsd:": f"prefix xsd:  <{XSD}>\n"}


@dataclass(frozen=True)
class Judgement:
    """What is decided about one or more threats."""

    disposition: str
    reason: str
    owner: str
    day: date
    expires: date | None


def append(folder: Path, threats: Sequence[ThreatRow], nodes: Sequence[dict[str, str]], what: Judgement) -> Path:
    """Add one decision per threat to decisions.ttl in the release *folder*; return the file.

    *nodes* give device, asset, entry and pattern IRIs of each threat.

    Raises:
        ParameterError: reason or owner is empty, the expiry lies before the day of the decision, or a decision on one
            of the threats was made on the same day.
        SourceError: the file as it is, or as it would become, is not valid Turtle, or cannot be written.
    """
    if not what.reason.strip() or not what.owner.strip():
        raise ParameterError("E-PARAM", "a decision needs a reason and an owner", hint="--reason '…' --owner '…'")
    if what.expires and what.expires < what.day:
        raise ParameterError("E-PARAM", f"the decision would expire on {what.expires}, before it is made on {what.day}")
    path = folder / "decisions.ttl"
    name = f"{folder.parent.name}/{folder.name}/decisions.ttl"
    try:
        with _locked(folder):
            old = path.read_bytes() if path.exists() else _HEAD.encode()
            written = turtle.parse(old, name=name)
            refuse_second([(triple, f"{name}:{line}") for triple, line in written], threats, nodes, what.day)
            text = old.decode().rstrip("\n") + "\n"
            text += "".join(line for mark, line in _PREFIXES.items() if mark not in text.lower())
            for row, node in zip(threats, nodes, strict=True):
                text = _inserted(text, _block(row, node, what, text))
            turtle.parse(text.encode(), name=name)
            write_atomically(path, text.encode())
    except OSError as error:
        hint = "copy the knowledge base to a folder of your own and point --kb at it"
        raise SourceError("E-WRITE", f"cannot be written: {error.strerror}", where=name, hint=hint) from None
    return path


def refuse_second(
    written: Iterable[tuple[Triple, str]], threats: Sequence[ThreatRow], nodes: Sequence[dict[str, str]], day: date
) -> None:
    """Let pass only threats that no decision of the same *day* among the *written* triples, each with its place, is on.

    Raises:
        ParameterError: a threat has one; of two decisions made on a day, nobody could say which one holds.
    """
    facts: dict[str, dict[str, str]] = {}
    places: dict[str, str] = {}
    for (s, p, o), place in written:
        facts.setdefault(s, {})[p] = o
        if p == rdf.type and o == tm.Decision:
            places[s] = place
    key = (tm.asset, tm.entry, tm.pattern)
    taken = {
        tuple(facts[s].get(p, "") for p in key): place
        for s, place in sorted(places.items(), reverse=True)
        if lexical(facts[s].get(tm.decidedOn, "")).startswith(day.isoformat())
    }
    for row, node in zip(threats, nodes, strict=True):
        wanted = tuple(f"<{node[part]}>" for part in ("asset", "entry", "pattern"))
        if wanted in taken:
            hint = f"a decision of the same day stands at {taken[wanted]}; take it back by hand before it is released, "
            hint += "or decide with --on a later day"
            raise ParameterError("E-PARAM", f"{row.id} was decided on {day.isoformat()} already", hint=hint)


def _block(row: ThreatRow, node: dict[str, str], what: Judgement, before: str) -> str:
    stem = f"decision-{row.id.lower()}-{what.day.isoformat()}"
    salt = hashlib.sha256((before + stem).encode()).hexdigest()[:6]
    lines = [
        f"<{node['device']}{stem}-{salt}> a tm:Decision ;",
        f"    tm:asset <{node['asset']}> ;",
        f"    tm:entry <{node['entry']}> ;",
        f"    tm:pattern <{node['pattern']}> ;",
        f"    tm:disposition tm:disposition-{what.disposition} ;",
        f"    tm:reason {literal(what.reason)} ;",
        f"    tm:owner {literal(what.owner)} ;",
        f"    tm:decidedOn {literal(what.day.isoformat())}^^xsd:date",
    ]
    if what.expires:
        lines[-1] += " ;"
        lines.append(f"    tm:expires {literal(what.expires.isoformat())}^^xsd:date")
    return "\n".join(lines) + " .\n"


def _inserted(text: str, block: str) -> str:
    """Put a block before the first written one that sorts after it, so that two people's additions merge."""
    subject = block.split(" ", 1)[0]
    for match in re.finditer(r"^<[^>]*decision-[^>]*> a tm:Decision ;$", text, re.M):
        if match[0].split(" ", 1)[0] > subject:
            return text[: match.start()] + block + "\n" + text[match.start() :]
    return text + "\n" + block


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one writer at a time into the release folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
