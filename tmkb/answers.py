"""Verbs that answer one question at a time: queries, free SPARQL, the closure, explanations, decisions, doctor."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from tmkb import __version__, cache, decisions, guard, load, pipeline, query, released, resources, sources, views
from tmkb.engines import shacl
from tmkb.engines.owl import OwlrlReasoner
from tmkb.errors import ParameterError, TmkbError, UnknownNameError, nearest
from tmkb.explain import Explainer, Line
from tmkb.model.graphs import Source
from tmkb.model.tables import Cell, Column, ResultTable, table
from tmkb.model.threats import ThreatRow
from tmkb.pipeline import Options
from tmkb.query import KnowledgeBase
from tmkb.terms import bare, is_iri, lexical, shown, tm


def list_queries(options: Options) -> ResultTable:
    """Return the named queries with their questions and parameters."""
    rows: list[tuple[Cell, ...]] = [
        (spec.id, spec.title, ", ".join(f"{p.name} ({p.kind} {p.note})".replace(" )", ")") for p in spec.params))
        for spec in pipeline.named_queries(options).values()
    ]
    return table("Named queries", [("name", "Name"), ("question", "Question"), ("parameters", "Parameters")], rows)


def run_query(options: Options, name: str, given: dict[str, str]) -> ResultTable:
    """Return the answer of a named query."""
    known = pipeline.named_queries(options)
    if name not in known:
        raise UnknownNameError("E-QUERY", f"no query named {name!r}", hint=nearest(name, list(known)))
    spec = known[name]
    if any(p.name == "on" for p in spec.params):
        given = {"on": options.day.isoformat()} | given
    return query.run(pipeline.build(options), spec, given)


def sparql(options: Options, text: str, limit: int, seconds: int) -> ResultTable:
    """Return the answer of a read-only query, run in a child process within bounds."""
    guard.refuse(text)
    kb = pipeline.build(options)
    names, rows = guard.run(kb.store, text, limit, seconds)
    body: list[tuple[Cell, ...]] = [tuple(None if t is None else shown(t) for t in row) for row in rows]
    return table("Answer", [(n, n) for n in names], body)


def infer(options: Options, output: Path) -> str:
    """Write the closure as sorted N-Triples and return what was done."""
    kb = pipeline.build(options)
    if len(kb.releases) != 1:
        raise ParameterError(
            "E-PARAM", "one release at a time: two releases share node names", hint="--device NAME[@RELEASE]"
        )
    release = kb.releases[0]
    triples = release.closed.triples
    cache.write_atomically(output, "".join(f"{s} {p} {o} .\n" for s, p, o in sorted(triples)).encode())
    return f"{len(triples)} triples of {release.key} written to {output}"


def why(options: Options, threat: str, view: str) -> ResultTable:
    """Return the explanation of one threat as rows of depth, text, place, rule."""
    kb, (row,) = _find(options, [threat], view)
    return _explained(f"Why {row.id}", _explainer(kb, row).why(row, view))


def _find(options: Options, ids: list[str], view: str) -> tuple[KnowledgeBase, list[ThreatRow]]:
    """Build the named device, else the newest release of the one whose code the ids bear, and find the threats."""
    for threat in ids:
        if not re.fullmatch(r"[A-Z0-9]+-[A-Z2-7]{6}", threat):
            hint = "ids look like LVP-ABC234; see 'tmkb threats'"
            raise ParameterError("E-THREAT", f"{threat!r} is no threat id", hint=hint)
    if not options.device:
        options = replace(options, device=_device_of(options, ids))
    kb = pipeline.build(options)
    known = {row.id: row for row in views.threats(kb, pipeline.view, stage=view)}
    for threat in ids:
        if threat not in known:
            where = kb.releases[0].key
            hint = f"{nearest(threat, list(known))} Or name another release with --device"
            raise UnknownNameError("E-THREAT", f"{where} has no threat {threat}", hint=hint)
    return kb, [known[threat] for threat in ids]


def _device_of(options: Options, ids: list[str]) -> str:
    """Return the one device whose code all ids bear."""
    asserted, keys = pipeline.inventory(options)
    by_code: dict[str, set[str]] = {}
    for key in keys:
        for s in asserted.releases[key]:
            if s.triple[1] == tm.code:
                by_code.setdefault(lexical(s.triple[2]), set()).add(key.partition("@")[0])
    codes = {threat.rpartition("-")[0] for threat in ids}
    unknown = sorted(codes - set(by_code))
    if unknown:
        raise UnknownNameError(
            "E-THREAT", f"no device has the code {unknown[0]!r}", hint=nearest(unknown[0], list(by_code))
        )
    if len(codes) > 1:
        raise ParameterError("E-PARAM", "the threats are of different devices", hint="one device at a time")
    found = by_code[codes.pop()]
    if len(found) > 1:
        hint = "give each device a code of its own, or name one with --device"
        raise ParameterError("E-PARAM", f"devices {', '.join(sorted(found))} share a code", hint=hint)
    return found.pop()


def _explainer(kb: KnowledgeBase, row: ThreatRow) -> Explainer:
    rated = next(r.rated for r in kb.releases if r.key == f"{row.device}@{row.release}")
    return Explainer(kb, rated, pipeline.view)


def _explained(title: str, lines: list[Line]) -> ResultTable:
    columns = (
        Column("depth", "integer", "Depth"),
        Column("text", "string", "Text"),
        Column("where", "string", "Where"),
        Column("rule", "string", "Rule"),
    )
    return ResultTable(title, columns, tuple((line.depth, line.text, line.where, line.rule) for line in lines))


def why_not(options: Options, vector: str, pattern: str, asset: str) -> ResultTable:
    """Return which half is missing for a threat."""
    kb = pipeline.build(options)
    rated = kb.releases[0].rated
    base = bare(rated.assembled.device)
    subjects = {t[0] for t in rated.triples if is_iri(t[0])}
    nodes = {
        "vector": f"<{base}{vector}>",
        "pattern": f"<{views.library_iri(pattern)}>",
        "asset": f"<{base}{asset}>" if asset else "",
    }
    for kind, node in nodes.items():
        if node and node not in subjects:
            known = [views.slug(bare(s)) for s in subjects if s.startswith(f"<{base}") or "/library/T-" in s]
            local = {"vector": vector, "pattern": pattern, "asset": asset}[kind]
            raise UnknownNameError(
                "E-NODE", f"{rated.assembled.key} has no {kind} {local!r}", hint=nearest(local, known)
            )
    explainer = Explainer(kb, rated, pipeline.view)
    return _explained("Why not", explainer.why_not(nodes["vector"], nodes["pattern"], nodes["asset"]))


_STAYS = ("accept", "not-applicable")  # the dispositions that leave a risk as it is


@dataclass(frozen=True)
class Verdict:
    """What is decided, as it was typed."""

    disposition: str
    reason: str
    owner: str
    expires: str


def decide(options: Options, ids: list[str], chosen: dict[str, list[str]], verdict: Verdict) -> str:
    """Add decisions on threats of one release and return what was written; a second one on a day is refused.

    Without *ids* the open threats are decided whose pattern, asset and entry are among the *chosen* ones, as far as
    the policy lets many be decided so at once; the answer says what was left out, and why.
    """
    folder, bundled = pipeline.find_kb(options.kb)
    if bundled and options.kb is None:
        raise ParameterError("E-WRITE", "the bundled example is read-only", hint="copy it and point --kb at the copy")
    expiry = pipeline.parse_day(verdict.expires) if verdict.expires else None
    what = decisions.Judgement(verdict.disposition, verdict.reason, verdict.owner, options.day, expiry)
    if ids:
        (kb, rows), left = _find(options, list(dict.fromkeys(ids)), "implemented"), ""
    else:
        kb, rows, left = _open(options, chosen, verdict.disposition)
    rated = kb.releases[0].rated
    facts = {(t[0], t[1]): t[2] for t in rated.triples if t[1] in (tm.asset, tm.entry, tm.pattern)}
    nodes = [
        {"device": bare(rated.assembled.device)}
        | {n: bare(facts[f"<{row.iri}>", getattr(tm, n)]) for n in ("asset", "entry", "pattern")}
        for row in rows
    ]
    decisions.refuse_second([(s.triple, str(s.origin)) for s in rated.assembled.local], rows, nodes, options.day)
    device, _, release = rated.assembled.key.partition("@")
    path = decisions.append(folder / "devices" / device / release, rows, nodes, what)
    said = [f"{len(rows)} decision{'s' if len(rows) > 1 else ''} ({verdict.disposition}) written to {path}"]
    said += [f"  {row.id}  {row.residual.rating}  {verdict.disposition}" for row in rows]
    return "\n".join([*said, *([f"left out: {left}"] if left else [])])


def _open(
    options: Options, chosen: dict[str, list[str]], disposition: str
) -> tuple[KnowledgeBase, list[ThreatRow], str]:
    """Find the *chosen* threats of the named release without a decision in force, and say which must be left out."""
    if not options.device:
        raise ParameterError("E-PARAM", "many threats at once are decided for one device", hint="--device NAME@RELEASE")
    kb = pipeline.build(options)
    waiting = [
        row
        for row in views.threats(kb, pipeline.view, stage="implemented")
        if row.residual.acceptance != "acceptable"
        and not (row.decision and row.decision.live)
        and all(
            not wanted or any(fnmatchcase(getattr(row, part), glob) for glob in wanted)
            for part, wanted in chosen.items()
        )
    ]
    tally = Counter(_barred(row, disposition) for row in waiting)
    left = "; ".join(f"{tally[why]} {why}" for why in sorted(tally) if why)
    rows = [row for row in waiting if not _barred(row, disposition)]
    if not rows:
        more = f" and may be decided together with others; left out: {left}" if left else ""
        raise UnknownNameError(
            "E-THREAT",
            f"no open threat of {kb.releases[0].key} is of that pattern, asset and entry{more}",
            hint="'tmkb check' lists those that ask for a decision; asset and entry are local ids",
        )
    return kb, rows, left


def _barred(row: ThreatRow, disposition: str) -> str:
    """Say why an open threat must not get this disposition together with others; nothing when it may."""
    if row.place.member_row:
        return "that a member has by itself (decide at the member)"
    if row.residual.rating == "unknown":
        return "rated unknown (state what is missing, or decide by id)"
    if disposition in _STAYS and row.residual.acceptance != "acceptable with a decision":
        return f"rated {row.residual.rating}, which the policy does not accept (add a control, or decide by id)"
    return ""


def doctor(options: Options) -> ResultTable:
    """Return versions, folders and engines."""
    kb, bundled = pipeline.find_kb(options.kb)
    found = sources.find_sources(kb, [])
    pin = sources.settings(kb)["library"]
    rows: list[tuple[Cell, ...]] = [
        ("tmkb", __version__),
        ("knowledge base", f"{kb} ({'bundled, read-only' if bundled else 'own'})"),
        ("releases", ", ".join(f"{d}@{v}" for d, vs in sources.releases(kb).items() for v in vs)),
        ("policy", found.policy),
        ("library", f"{__version__}, {sum(s.role == 'library' for s in found.core)} files"),
        ("library pinned", _pinned(options, pin, found.core) if pin else _UNPINNED),
        ("ontology and queries", str(resources.root())),
        ("reasoner", f"compiled rules; the schema is closed by {OwlrlReasoner().name}, the reference"),
        ("shapes engine", shacl.NAME),
        ("cache", str(cache.folder() or "off")),
    ]
    return table("tmkb doctor", [("what", "What"), ("value", "Value")], rows)


_RATING = ("T-", "C-", "W-")  # entries that a rating may rest on; advisories are only shown
_UNPINNED = "no; kb.toml may name the version it was judged with"


def _pinned(options: Options, pin: str, core: Sequence[Source]) -> str:
    """Say what the library in force would re-rate in a knowledge base that was judged with the one it pins."""
    if pin == __version__:
        return f"{pin}, the one in force"
    try:
        locks = released.lock(resources.bundled_kb() / "library" / "lock.json")
        if pin not in locks:
            return f"{pin}, which this version does not know; known are {', '.join(locks) or 'none'}"
        found = released.differences(locks[pin], released.entries(load.load_core(core)[0]))
        kb = pipeline.build(options, rows=views.THREATS)
        return f"{pin}; {__version__} {_re_rated(found, views.threats(kb, pipeline.view))}"
    except TmkbError as error:
        return f"{pin}; cannot say: {error.code} {error.message.splitlines()[0].rstrip(':')}"


def _re_rated(found: Mapping[str, str], rows: Sequence[ThreatRow]) -> str:
    """Say which of the threats are by entries that are new or changed, and by which others some may be missing."""
    tally = Counter(found.values())
    said = ", ".join(f"{tally[what]} {what}" for what in ("new", "changed", "retired") if tally[what])
    by = [{row.pattern, *(c.type for c in row.controls)} & set(found) for row in rows]
    here = set().union(*by)
    what = []
    if here:
        what.append(f"may add or re-rate {sum(map(bool, by))} of {len(rows)} threats, by {', '.join(sorted(here))}")
    for fate in ("retired", "changed"):
        # no row shows what an entry did before: a threat by it may be gone, or rated by a weakness that it is about
        others = [one for one in found if found[one] == fate and one[:2] in _RATING and one not in here]
        if others:
            what.append(f"threats by {', '.join(others)} ({fate}) may be gone or re-rated")
    return f"has {said or 'no other'} entries and {'; '.join(what) or 're-rates nothing here'}"
