"""One function per verb: from options to tables. The command line only parses and prints."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tmkb import __version__, cache, decisions, guard, load, pipeline, query, render, resources, views
from tmkb.engines import owl, shacl
from tmkb.errors import ParameterError, UnknownNameError, nearest
from tmkb.explain import Explainer, Line
from tmkb.infer import is_noise
from tmkb.model.findings import SEVERITIES
from tmkb.model.tables import Cell, Column, ResultTable, table
from tmkb.model.threats import RATINGS, ThreatRow
from tmkb.pipeline import Options
from tmkb.query import KnowledgeBase
from tmkb.terms import bare, is_iri, lexical, rdfs, tm


def devices(options: Options) -> ResultTable:
    """Return device, release, date, family and folder of everything in the knowledge base."""
    kb, _ = pipeline.find_kb(options.kb)
    asserted, keys = pipeline.inventory(options)
    core = {s.triple[0]: lexical(s.triple[2]) for s in asserted.core if s.triple[1] == rdfs.label}
    rows: list[tuple[Cell, ...]] = []
    for key in sorted(keys, key=lambda k: (k.partition("@")[0], load.version_key(k.partition("@")[2]))):
        facts = {s.triple[1]: s.triple[2] for s in reversed(asserted.releases[key])}
        own = {s.triple[2] for s in asserted.releases[key] if s.triple[1] == tm.family}
        family = sorted({bare(f).rstrip("/").rsplit("/", 1)[-1] for f in own})
        if options.family and options.family not in family:
            continue
        device = {s.triple[0] for s in asserted.releases[key] if s.triple[2] == tm.Device}
        name = next((lexical(s.triple[2]) for s in asserted.releases[key] if s.triple[0] in device and s.triple[1] == rdfs.label), "")
        day = next((lexical(s.triple[2]) for s in asserted.releases[key] if s.origin.file.endswith("/release.ttl") and s.triple[1].endswith("/date>")), "")
        slug, _, version = key.partition("@")
        label = ", ".join(core.get(f, "") for f in sorted(own))
        rows.append((slug, version, name, lexical(facts[tm.code]) if tm.code in facts else "", label, day))
    columns = [("device", "Device"), ("release", "Release"), ("name", "Name"), ("code", "Code"), ("family", "Family"), ("date", "Date")]
    return table(f"Devices and releases of {kb.name}", columns, rows)


def check(options: Options) -> tuple[ResultTable, ResultTable, str, str]:
    """Return summary, findings as table and as text, and the worst severity that is not waived (or nothing)."""
    kb = pipeline.build(options, check=True)
    findings = [f for report in kb.reports.values() for f in report.findings]
    open_ones = [f for f in findings if not f.waived_by]
    counts = Counter((f.release, f.severity, query.shown(f.shape)) for f in open_ones)
    waived = Counter((f.release, f.severity, query.shown(f.shape)) for f in findings if f.waived_by)
    keys = sorted(set(counts) | set(waived), key=lambda k: (k[0], -SEVERITIES.index(k[1]), k[2]))
    rows: list[tuple[Cell, ...]] = [(*key, counts[key], waived[key]) for key in keys]
    summary = ResultTable(
        "Findings by shape",
        (
            Column("release", "string", "Release"), Column("severity", "string", "Severity"), Column("shape", "string", "Shape"),
            Column("open", "integer", "Open"), Column("waived", "integer", "Waived"),
        ),
        tuple(rows),
    )  # fmt: skip
    worst = max((f.severity for f in open_ones), key=SEVERITIES.index, default="")
    names = {s: lexical(o) for r in kb.rated for s, p, o in sorted(r.local) if p in (rdfs.label, tm.shortId)}
    return summary, render.finding_table(findings, names, "Findings"), render.finding_text(findings, names), worst


def threats(options: Options, view: str) -> list[ResultTable]:
    """Return the threats of each release, those closed by declaration apart."""
    kb = pipeline.build(options)
    rows = views.threats(kb, pipeline.view, stage=view)
    tables = []
    for key in dict.fromkeys((r.device, r.release) for r in rows):
        here = [r for r in rows if (r.device, r.release) == key]
        live = by_rating([r for r in here if not r.not_applicable])
        title = f"{here[0].device_name} {key[1]}: {len(live)} threats ({view} controls)"
        tables.append(render.stamped(render.threat_table(live, title), kb.policy))
        closed = [r for r in here if r.not_applicable]
        if closed:
            tables.append(render.threat_table(closed, f"{here[0].device_name} {key[1]}: not applicable, by declaration"))
    return tables


def by_rating(rows: list[ThreatRow]) -> list[ThreatRow]:
    """Return threats with the worst residual rating first; unknown stands above all."""
    return sorted(rows, key=lambda r: (-RATINGS.index(r.residual.rating), -RATINGS.index(r.inherent.rating), r.id))


def threats_json(options: Options, view: str) -> str:
    """Return the threats as JSON list, sorted by release and id."""
    kb = pipeline.build(options)
    return render.dump([render.threat_object(row, kb.policy) for row in views.threats(kb, pipeline.view, stage=view)])


def risk(options: Options, view: str) -> list[ResultTable]:
    """Return, for each release, matrix before and after, counts by rating, and what is unacceptable or unknown."""
    kb = pipeline.build(options)
    rows = [r for r in views.threats(kb, pipeline.view, stage=view) if not r.not_applicable]
    tables = []
    for key in dict.fromkeys((r.device, r.release) for r in rows):
        here = [r for r in rows if (r.device, r.release) == key]
        name = f"{here[0].device_name} {key[1]}"
        for title, stage in (("before controls", "inherent"), (f"after controls ({view})", "residual")):
            tables.append(_matrix(kb, here, stage, f"{name}: threats by band and severity, each axis counted, {title}"))
        counts: list[tuple[Cell, ...]] = [
            (
                rating, sum(r.inherent.rating == rating for r in here), sum(r.residual.rating == rating for r in here),
                sum(r.residual.rating == rating and r.decision is not None for r in here),
            )
            for rating in reversed(RATINGS)
        ]  # fmt: skip
        columns = tuple(
            Column(n, k, t)
            for n, k, t in (("rating", "string", "Rating"), ("before", "integer", "Before"), ("after", "integer", "After"), ("decided", "integer", "After, decided"))
        )
        tables.append(ResultTable(f"{name}: threats by worst rating", columns, tuple(counts)))
        unknown = by_rating([r for r in here if r.residual.rating == "unknown"])
        bad = by_rating([r for r in here if r.residual.acceptance == "not acceptable" and r.residual.rating != "unknown"])
        tables.append(render.threat_table(unknown, f"{name}: unknown, never acceptable ({len(unknown)})"))
        tables.append(render.stamped(render.threat_table(bad, f"{name}: not acceptable after controls ({len(bad)})"), kb.policy))
    return tables


def _matrix(kb: KnowledgeBase, rows: list[ThreatRow], stage: str, title: str) -> ResultTable:
    cells = views.matrix(rows, stage)
    names = {(int(str(r["band"])), int(str(r["severity"]))): str(r["rating"]) for r in views.records(kb, pipeline.view("matrix"))}
    body: list[tuple[Cell, ...]] = [
        (f"band {band}", *(f"{cells.get((band, s), 0)} ({names.get((band, s), 'unknown')})" for s in range(1, 6)))
        for band in range(5, 0, -1)
    ]
    return table(title, [("band", "Band"), *((f"severity{s}", f"severity {s}") for s in range(1, 6))], body)


def safety(options: Options) -> list[ResultTable]:
    """Return threats by hazardous situation and harm, hazards that controls bring, and open hand-overs."""
    kb = pipeline.build(options)
    names = _release_names(kb)
    found: dict[tuple[Cell, ...], dict[str, list[str]]] = {}
    for r in views.records(kb, pipeline.view("safety")):
        key = (names[str(r["release"])], r["hazardName"], r["situationName"], r["assetName"], r["property"], f"{r['harmName']} ({r['level']})")
        found.setdefault(key, {}).setdefault(f"{r['before']} → {r['after']}", []).append(str(r["id"]))
    rows: list[tuple[Cell, ...]] = []
    for key, ratings in found.items():
        ids = [i for group in ratings.values() for i in group]
        worst = sorted(ratings, key=lambda k: [-RATINGS.index(x) for x in k.split(" → ")][::-1])[0]
        rows.append((*key, len(set(ids)), worst, ", ".join(sorted(set(ratings[worst]))[:6])))
    columns = [
        ("release", "Release"), ("hazard", "Hazard"), ("situation", "Hazardous situation"), ("asset", "Asset"), ("property", "Lost"),
        ("harm", "Harm (severity)"), ("threats", "Threats"), ("worst", "Worst safety rating"), ("examples", "Threats at that rating"),
    ]  # fmt: skip
    brought = [
        (names[str(r["release"])], views.slug(r["control"]), r["name"], r["status"], r["hazard"], r["usability"])
        for r in views.merged(kb, pipeline.view("controls"), ("release", "control"), ("hazard",))
        if r["hazard"]
    ]
    hazards = table(
        "Hazards that controls bring", [("release", "Release"), ("control", "Control"), ("name", "Name"), ("status", "Status"), ("hazard", "Hazard"), ("usability", "Usability cost")], brought,
    )  # fmt: skip
    handovers = query.run(kb, pipeline.named_queries(options)["open-hand-overs"])
    first = render.stamped(table("From threat to harm", columns, sorted(rows, key=str)), kb.policy)
    return [first, hazards, handovers]


def _release_names(kb: KnowledgeBase) -> dict[str, str]:
    return {str(r["release"]): f"{views.slug(r['device'])} {r['version']}" for r in views.records(kb, pipeline.view("releases"))}


def method_table(options: Options, name: str, view: str) -> ResultTable:
    """Return one of the method's tables for one device."""
    kb = pipeline.build(options)
    title = f"{kb.rated[0].assembled.key}: {name}"
    if name == "assets":
        return views.asset_table(kb, pipeline.view, title)
    if name == "threats":
        rows = [r for r in views.threats(kb, pipeline.view, stage=view) if not r.not_applicable]
        return render.stamped(render.threat_table(rows, title), kb.policy)
    many = {"vectors": ("boundary", "assumption", "medium", "opens"), "controls": ("category", "protects", "verification", "hazard")}.get(name, ())
    key = {"vectors": "vector", "controls": "control", "sources": "source", "stride": "category"}[name]
    spec = pipeline.view(name)
    columns = [c for c in spec.columns if c.name != "release"]
    rows = [
        tuple(views.slug(r[c.name]) if c.kind == "iri" else r[c.name] for c in columns)
        for r in views.merged(kb, spec, ("release", key), many)
    ]
    return ResultTable(title, tuple(columns), tuple(rows))


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
    return render.stamped(query.run(pipeline.build(options), spec, given), "")


def sparql(options: Options, text: str, limit: int, seconds: int) -> ResultTable:
    """Return the answer of a read-only query, run in a child process within bounds."""
    guard.refuse(text)
    kb = pipeline.build(options)
    names, rows = guard.run(kb.store, text, limit, seconds)
    shown: list[tuple[Cell, ...]] = [tuple(None if t is None else query.shown(t) for t in row) for row in rows]
    return table("Answer", [(n, n) for n in names], shown)


def infer(options: Options, output: Path) -> str:
    """Write the closure as sorted N-Triples and return what was done."""
    kb = pipeline.build(options)
    triples = {t for r in kb.rated for t in r.derived.closed.triples if not (is_noise(t) and t in r.derived.closed.entailed)}
    if len(kb.rated) != 1:
        raise ParameterError("E-PARAM", "one release at a time: two releases share node names", hint="--device NAME[@RELEASE]")
    cache.write_atomically(output, "".join(f"{s} {p} {o} .\n" for s, p, o in sorted(triples)).encode())
    return f"{len(triples)} triples of {kb.rated[0].assembled.key} written to {output}"


def why(options: Options, threat: str, view: str) -> ResultTable:
    """Return the explanation of one threat as rows of depth, text, place, rule."""
    kb, row = _find(options, threat, view)
    return _explained(f"Why {row.id}", _explainer(kb, row).why(row))


def _find(options: Options, threat: str, view: str) -> tuple[KnowledgeBase, ThreatRow]:
    """Build what is needed to find one threat: the named device, else the newest release of the one with its code."""
    if not re.fullmatch(r"[A-Z0-9]+-[A-Z2-7]{6}", threat):
        raise ParameterError("E-THREAT", f"{threat!r} is no threat id", hint="ids look like LVP-ABC234; see 'tmkb threats'")
    if not options.device:
        code = threat.rpartition("-")[0]
        asserted, keys = pipeline.inventory(options)
        slugs = {k.partition("@")[0] for k in keys for s in asserted.releases[k] if s.triple[1] == tm.code and lexical(s.triple[2]) == code}
        if not slugs:
            raise UnknownNameError("E-THREAT", f"no device has the code {code!r}", hint="see 'tmkb devices'")
        options = Options(options.kb, sorted(slugs)[0], options.family, options.on, options.progress)
    kb = pipeline.build(options)
    rows = views.threats(kb, pipeline.view, stage=view)
    found = [r for r in rows if r.id == threat]
    if not found:
        where = kb.rated[0].assembled.key
        raise UnknownNameError("E-THREAT", f"{where} has no threat {threat}", hint="see 'tmkb threats', or name another release with --device")
    return kb, found[0]


def _explainer(kb: KnowledgeBase, row: ThreatRow) -> Explainer:
    rated = next(r for r in kb.rated if r.assembled.key == f"{row.device}@{row.release}")
    return Explainer(kb, rated, pipeline.view)


def _explained(title: str, lines: list[Line]) -> ResultTable:
    columns = (Column("depth", "integer", "Depth"), Column("text", "string", "Text"), Column("where", "string", "Where"), Column("rule", "string", "Rule"))
    return ResultTable(title, columns, tuple((line.depth, line.text, line.where, line.rule) for line in lines))


def why_not(options: Options, vector: str, pattern: str, asset: str) -> ResultTable:
    """Return which half is missing for a threat."""
    kb = pipeline.build(options)
    rated = kb.rated[0]
    base = bare(rated.assembled.device)
    subjects = {t[0] for t in rated.triples if is_iri(t[0])}
    nodes = {"vector": f"<{base}{vector}>", "pattern": f"<{views.library_iri(pattern)}>", "asset": f"<{base}{asset}>" if asset else ""}
    for kind, node in nodes.items():
        if node and node not in subjects:
            known = [views.slug(bare(s)) for s in subjects if s.startswith(f"<{base}") or "/library/T-" in s]
            local = {"vector": vector, "pattern": pattern, "asset": asset}[kind]
            raise UnknownNameError("E-NODE", f"{rated.assembled.key} has no {kind} {local!r}", hint=nearest(local, known))
    explainer = Explainer(kb, rated, pipeline.view)
    return _explained("Why not", explainer.why_not(nodes["vector"], nodes["pattern"], nodes["asset"]))


def decide(options: Options, ids: list[str], disposition: str, reason: str, owner: str, expires: str) -> str:
    """Append decisions on threats of one release and return what was written."""
    folder, bundled = pipeline.find_kb(options.kb)
    if bundled and options.kb is None:
        raise ParameterError("E-WRITE", "the bundled example is read-only", hint="copy it and point --kb at the copy")
    what = decisions.Judgement(disposition, reason, owner, options.day, pipeline.parse_day(expires) if expires else None)
    found = [_find(options, threat, "implemented") for threat in dict.fromkeys(ids)]
    rows = [row for _, row in found]
    keys = {(row.device, row.release) for row in rows}
    if len(keys) != 1:
        raise ParameterError("E-PARAM", "the threats are of different devices", hint="decide for one device at a time")
    device, release = keys.pop()
    facts = {(t[0], t[1]): t[2] for t in found[0][0].rated[0].triples if t[1] in (tm.asset, tm.entry, tm.pattern)}
    base = bare(found[0][0].rated[0].assembled.device)
    nodes = [
        {"device": base} | {n: bare(facts[f"<{row.iri}>", getattr(tm, n)]) for n in ("asset", "entry", "pattern")}
        for row in rows
    ]
    path = decisions.append(folder / "devices" / device / release, rows, nodes, what)
    return f"{len(rows)} decision{'s' if len(rows) > 1 else ''} ({disposition}) written to {path}"


def doctor(options: Options) -> ResultTable:
    """Return versions, folders and engines."""
    kb, bundled = pipeline.find_kb(options.kb)
    sources = load.find_sources(kb, [])
    rows: list[tuple[Cell, ...]] = [
        ("tmkb", __version__),
        ("knowledge base", f"{kb} ({'bundled, read-only' if bundled else 'own'})"),
        ("releases", ", ".join(f"{d}@{v}" for d, vs in load.releases(kb).items() for v in vs)),
        ("policy", sources.policy),
        ("library", f"{__version__}, {sum(s.role == 'library' for s in sources.core)} files"),
        ("ontology and queries", str(resources.root())),
        ("reasoner", owl.OwlrlReasoner.name),
        ("shapes engine", shacl.NAME),
        ("cache", str(cache.folder() or "off")),
    ]
    return table("tmkb doctor", [("what", "What"), ("value", "Value")], rows)
