"""Verbs that show a whole release: devices, findings, threats, risk, safety, the method's tables."""

from __future__ import annotations

from collections import Counter

from tmkb import pipeline, query, release, render, sources, views
from tmkb.model.findings import NOTHING_TO_CHECK, SEVERITIES
from tmkb.model.tables import Cell, Column, ResultTable, table
from tmkb.model.threats import RATINGS, ThreatRow
from tmkb.pipeline import Options
from tmkb.query import KnowledgeBase
from tmkb.terms import lexical, rdfs, shown, tm


def devices(options: Options) -> ResultTable:
    """Return device, release, date, family and folder of everything in the knowledge base."""
    kb, _ = pipeline.find_kb(options.kb)
    asserted, keys = pipeline.inventory(options)
    core = {s.triple[0]: lexical(s.triple[2]) for s in asserted.core if s.triple[1] == rdfs.label}
    rows: list[tuple[Cell, ...]] = []
    known: set[str] = set()
    for key in sorted(keys, key=lambda k: (k.partition("@")[0], sources.version_key(k.partition("@")[2]))):
        facts = {s.triple[1]: s.triple[2] for s in reversed(asserted.releases[key])}
        own = {s.triple[2] for s in asserted.releases[key] if s.triple[1] == tm.family}
        device = {s.triple[0] for s in asserted.releases[key] if s.triple[2] == tm.Device}
        written = (*asserted.core, *asserted.releases[key])
        families = {name for d in device for name in release.families(written, d)}
        known |= families
        if options.family and options.family not in families:
            continue
        name = next(
            (
                lexical(s.triple[2])
                for s in asserted.releases[key]
                if s.triple[0] in device and s.triple[1] == rdfs.label
            ),
            "",
        )
        day = next(
            (
                lexical(s.triple[2])
                for s in asserted.releases[key]
                if s.origin.file.endswith("/release.ttl") and s.triple[1].endswith("/date>")
            ),
            "",
        )
        slug, _, version = key.partition("@")
        label = ", ".join(core.get(f, "") for f in sorted(own))
        rows.append((slug, version, name, lexical(facts[tm.code]) if tm.code in facts else "", label, day))
    if options.family and not rows:
        raise pipeline.no_family(options.family, known)
    columns = [
        ("device", "Device"),
        ("release", "Release"),
        ("name", "Name"),
        ("code", "Code"),
        ("family", "Family"),
        ("date", "Date"),
    ]
    return table(f"Devices and releases of {kb.name}", columns, rows)


def check(options: Options) -> tuple[ResultTable, ResultTable, str, str]:
    """Return summary, findings as table and as text, and the worst severity that is not waived (or nothing)."""
    kb = pipeline.build(options, check=True)
    findings = [f for report in kb.reports.values() for f in report]
    idle = Counter(f.release for f in findings if f.component == NOTHING_TO_CHECK)
    told = [f for f in findings if f.component != NOTHING_TO_CHECK]
    open_ones = [f for f in told if not f.waived_by]
    counts = Counter((f.release, f.severity, shown(f.shape)) for f in open_ones)
    waived = Counter((f.release, f.severity, shown(f.shape)) for f in findings if f.waived_by)
    keys = sorted(set(counts) | set(waived), key=lambda k: (k[0], -SEVERITIES.index(k[1]), k[2]))
    rows: list[tuple[Cell, ...]] = [(*key, counts[key], waived[key]) for key in keys]
    summary = ResultTable(
        "Findings by shape",
        (
            Column("release", "string", "Release"),
            Column("severity", "string", "Severity"),
            Column("shape", "string", "Shape"),
            Column("open", "integer", "Open"),
            Column("waived", "integer", "Waived"),
        ),
        tuple(rows),
        tuple(f"{key}: {n} shapes had nothing to look at; --format json names them" for key, n in idle.items()),
    )
    worst = max((f.severity for f in open_ones), key=SEVERITIES.index, default="")
    return summary, render.finding_table(findings, "Findings"), render.finding_text(told), worst


def threats(options: Options, view: str) -> list[ResultTable]:
    """Return the threats of each release, those closed by declaration apart."""
    kb = pipeline.build(options, rows=views.THREATS)
    rows = views.threats(kb, pipeline.view, stage=view)
    tables = []
    for name, key in _releases(kb):
        here = [r for r in rows if (r.device, r.release) == key]
        live = by_rating([r for r in here if not r.not_applicable])
        title = f"{name}: {len(live)} threats ({view} controls)"
        tables.append(render.stamped(render.threat_table(live, title), kb.policy))
        closed = [r for r in here if r.not_applicable]
        if closed:
            title = f"{name}: not applicable, by declaration"
            tables.append(render.stamped(render.threat_table(closed, title), kb.policy))
    return tables


def _releases(kb: KnowledgeBase) -> list[tuple[str, tuple[str, str]]]:
    """Return name and (device, version) of each release, those without threats too."""
    found = views.records(kb, pipeline.view("releases"))
    return list(
        dict.fromkeys(
            (f"{r['deviceName']} {r['version']}", (views.slug(r["device"]), str(r["version"]))) for r in found
        )
    )


def by_rating(rows: list[ThreatRow]) -> list[ThreatRow]:
    """Return threats with the worst residual rating first; unknown stands above all."""
    return sorted(rows, key=lambda r: (-RATINGS.index(r.residual.rating), -RATINGS.index(r.inherent.rating), r.id))


def threats_json(options: Options, view: str) -> str:
    """Return the threats as JSON list, sorted by release and id."""
    kb = pipeline.build(options, rows=views.THREATS)
    return render.dump([render.threat_object(row, kb.policy) for row in views.threats(kb, pipeline.view, stage=view)])


def risk(options: Options, view: str) -> list[ResultTable]:
    """Return, for each release, matrix before and after, counts by rating, and what is unacceptable or unknown."""
    kb = pipeline.build(options, rows=(*views.THREATS, "matrix"))
    names = _cells(kb)
    rows = [r for r in views.threats(kb, pipeline.view, stage=view) if not r.not_applicable]
    tables = []
    for name, key in _releases(kb):
        here = [r for r in rows if (r.device, r.release) == key]
        for title, stage in (("before controls", "inherent"), (f"after controls ({view})", "residual")):
            tables.append(
                _matrix(names, here, stage, f"{name}: threats by band and severity, each axis counted, {title}")
            )
        counts: list[tuple[Cell, ...]] = [
            (
                rating,
                sum(r.inherent.rating == rating for r in here),
                sum(r.residual.rating == rating for r in here),
                sum(r.residual.rating == rating and r.decision is not None and r.decision.live for r in here),
            )
            for rating in reversed(RATINGS)
        ]
        columns = tuple(
            Column(n, k, t)
            for n, k, t in (
                ("rating", "string", "Rating"),
                ("before", "integer", "Before"),
                ("after", "integer", "After"),
                ("decided", "integer", "After, decided"),
            )
        )
        tables.append(ResultTable(f"{name}: threats by worst rating", columns, tuple(counts)))
        unknown = by_rating([r for r in here if r.residual.rating == "unknown"])
        bad = by_rating(
            [r for r in here if r.residual.acceptance == "not acceptable" and r.residual.rating != "unknown"]
        )
        tables.append(render.threat_table(unknown, f"{name}: unknown, never acceptable ({len(unknown)})"))
        tables.append(
            render.stamped(render.threat_table(bad, f"{name}: not acceptable after controls ({len(bad)})"), kb.policy)
        )
    return tables


def _cells(kb: KnowledgeBase) -> dict[tuple[int, int], str]:
    """Return the rating of each (band, severity) of the policy."""
    found = views.records(kb, pipeline.view("matrix"))
    return {(int(str(r["band"])), int(str(r["severity"]))): str(r["rating"]) for r in found}


def _matrix(names: dict[tuple[int, int], str], rows: list[ThreatRow], stage: str, title: str) -> ResultTable:
    cells = views.matrix(rows, stage)
    body: list[tuple[Cell, ...]] = [
        (f"band {band}", *(f"{cells.get((band, s), 0)} ({names.get((band, s), 'unknown')})" for s in range(1, 6)))
        for band in range(5, 0, -1)
    ]
    return table(title, [("band", "Band"), *((f"severity{s}", f"severity {s}") for s in range(1, 6))], body)


def safety(options: Options) -> list[ResultTable]:
    """Return threats by hazardous situation and harm, hazards that controls bring, and open hand-overs."""
    kb = pipeline.build(options, rows=("releases", "safety", "controls"))
    names = _release_names(kb)
    found: dict[tuple[Cell, ...], dict[str, list[str]]] = {}
    for r in views.records(kb, pipeline.view("safety")):
        key: tuple[Cell, ...] = (
            names[str(r["release"])],
            r["hazardName"],
            r["situationName"],
            r["assetName"],
            r["property"],
            f"{r['harmName']} ({r['level']})",
        )
        found.setdefault(key, {}).setdefault(f"{r['before']} → {r['after']}", []).append(str(r["id"]))
    rows: list[tuple[Cell, ...]] = []
    for key, ratings in found.items():
        ids = [i for group in ratings.values() for i in group]
        worst = sorted(ratings, key=lambda k: [-RATINGS.index(x) for x in k.split(" → ")][::-1])[0]
        rows.append((*key, len(set(ids)), worst, ", ".join(sorted(set(ratings[worst]))[:6])))
    columns = [
        ("release", "Release"),
        ("hazard", "Hazard"),
        ("situation", "Hazardous situation"),
        ("asset", "Asset"),
        ("property", "Lost"),
        ("harm", "Harm (severity)"),
        ("threats", "Threats"),
        ("worst", "Worst safety rating"),
        ("examples", "Threats at that rating"),
    ]
    brought = [
        (names[str(r["release"])], views.slug(r["control"]), r["name"], r["status"], r["hazard"], r["usability"])
        for r in views.merged(kb, pipeline.view("controls"), ("release", "control"), ("hazard",))
        if r["hazard"]
    ]
    hazards = table(
        "Hazards that controls bring",
        [
            ("release", "Release"),
            ("control", "Control"),
            ("name", "Name"),
            ("status", "Status"),
            ("hazard", "Hazard"),
            ("usability", "Usability cost"),
        ],
        brought,
    )
    handovers = query.run(kb, pipeline.named_queries(options)["open-hand-overs"])
    first = render.stamped(table("From threat to harm", columns, sorted(rows, key=str)), kb.policy)
    return [first, hazards, handovers]


def _release_names(kb: KnowledgeBase) -> dict[str, str]:
    return {
        str(r["release"]): f"{views.slug(r['device'])} {r['version']}"
        for r in views.records(kb, pipeline.view("releases"))
    }


def method_table(options: Options, name: str, view: str) -> ResultTable:
    """Return one of the method's tables for one device."""
    kb = pipeline.build(options)
    title = f"{kb.releases[0].key}: {name}"
    if name == "assets":
        return views.asset_table(kb, pipeline.view, title)
    if name == "threats":
        rows = [r for r in views.threats(kb, pipeline.view, stage=view) if not r.not_applicable]
        return render.stamped(render.threat_table(rows, title), kb.policy)
    many = {
        "vectors": ("boundary", "assumption", "medium", "opens"),
        "controls": ("category", "protects", "verification", "hazard"),
    }.get(name, ())
    key = {"vectors": "vector", "controls": "control", "sources": "source", "stride": "category"}[name]
    spec = pipeline.view(name)
    found = views.merged(kb, spec, ("release", key), many)
    outside_systems = {"release"} | ({"member"} if not any(r.get("member") for r in found) else set())
    columns = [c for c in spec.columns if c.name not in outside_systems]
    body = [
        tuple(views.slug(r[c.name]) if c.kind == "iri" and r[c.name] else r[c.name] for c in columns) for r in found
    ]
    return ResultTable(title, tuple(columns), tuple(body))
