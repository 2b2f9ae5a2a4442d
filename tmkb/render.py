"""From tables to text: table, json, csv, markdown. Same table, same bytes; user text is never markup or a formula."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, replace

from tmkb.grid import fold, grid
from tmkb.model.findings import Finding
from tmkb.model.tables import Cell, Column, ResultTable
from tmkb.model.threats import AXES, StageRating, ThreatRow
from tmkb.terms import shown

_WIDTH = 160


def render(tables: Sequence[ResultTable], style: str) -> str:
    """Return *tables* as table, json, csv or markdown, with titles; a single table in JSON is a list of objects."""
    if style == "json":
        parts = [{"title": t.title, "rows": _objects(t)} for t in tables]
        return dump(parts[0]["rows"] if len(parts) == 1 else parts)
    if style == "csv":
        return "\n".join(_csv(t) for t in tables)
    if style == "markdown":
        return "\n".join(_markdown(t) for t in tables)
    return "\n".join(_plain(t) for t in tables)


def dump(value: object) -> str:
    """Return JSON text in a fixed layout."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def stamped(table: ResultTable, stamp: str) -> ResultTable:
    """Return *table* with the policy and library that its ratings come from."""
    return replace(table, notes=(*table.notes, stamp))


def safe(cell: Cell) -> str:
    """Return a cell as text in which control and direction characters are visible and cannot act."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    text = str(cell)
    return text if text.isascii() and text.isprintable() else "".join(_visible(c) for c in text)


def _visible(char: str) -> str:
    if char == "\n":
        return " "
    return f"\\u{ord(char):04x}" if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs") else char


def _objects(table: ResultTable) -> list[dict[str, Cell]]:
    names = [column.name for column in table.columns]
    extra: dict[str, Cell] = {"basis": "; ".join(table.notes)} if table.notes else {}
    return [dict(zip(names, row, strict=True)) | extra for row in table.rows]


def _csv(table: ResultTable) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    extra = ["; ".join(table.notes)] if table.notes else []
    writer.writerow([column.name for column in table.columns] + (["basis"] if extra else []))
    for row in table.rows:
        writer.writerow([_no_formula(cell) for cell in row] + extra)
    return out.getvalue()


def _no_formula(cell: Cell) -> Cell:
    """Keep spreadsheets from taking text for a formula."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str):
        text = "".join(c if c == "\n" else _visible(c) for c in cell)
        return "'" + text if text[:1] in ("=", "+", "-", "@") else text
    return cell


def _markdown(table: ResultTable) -> str:
    lines = [f"### {_escaped(table.title)}", ""]
    lines.append("| " + " | ".join(column.title or column.name for column in table.columns) + " |")
    lines.append("|" + " --- |" * len(table.columns))
    lines += ["| " + " | ".join(_escaped(value) for value in row) + " |" for row in table.rows]
    if table.notes:
        lines += ["", *(_escaped(note) for note in table.notes)]
    return "\n".join(lines) + "\n"


def _escaped(value: Cell) -> str:
    return re.sub(r"([\\\\|\[\]!*_`])", r"\\\1", safe(value)).replace("<", "&lt;")


def _plain(table: ResultTable) -> str:
    terminal = sys.stdout.isatty()
    width = max(80, os.get_terminal_size().columns) if terminal else _WIDTH
    bold = "\x1b[1m{}\x1b[0m" if terminal and "NO_COLOR" not in os.environ else "{}"
    shown_columns = [(n, column) for n, column in enumerate(table.columns) if column.title]
    head, *lines = grid(
        [column.title for _, column in shown_columns],
        [column.kind == "integer" for _, column in shown_columns],
        [[safe(row[n]) for n, _ in shown_columns] for row in table.rows],
        width,
    )
    notes = (*table.notes, *(() if table.rows else ("nothing to show",)))
    title = (bold.format(line) for line in fold(safe(table.title), width))
    text = [*title, "", bold.format(head), *lines, "", *(line for note in notes for line in fold(safe(note), width))]
    return "\n".join(text) + "\n"


def rating(stage: StageRating) -> str:
    """Return the overall rating in words, with what holds at least where it is unknown."""
    return f"unknown (at least {stage.at_least})" if stage.at_least else stage.rating


def threat_table(rows: Sequence[ThreatRow], title: str) -> ResultTable:
    """Return threats as table rows: who, what, how, and the rating before and after controls.

    Only the table of a system has a column for the row that a member has by itself.
    """
    system = any(row.place.asset_member or row.place.entry_member for row in rows)
    columns = [
        ("id", "Id"),
        ("asset", "Asset"),
        ("stride", "STRIDE"),
        ("entry", "Entry"),
        ("pattern", "Threat"),
        ("impact", "Lost: severity"),
        ("source", "Source"),
        ("before", "Before"),
        ("controls", "Deciding controls"),
        ("after", "After"),
        ("decision", "Decision"),
        ("device", ""),
        ("release", ""),
        ("not_applicable", ""),
        *([("member_row", "Row of the member")] if system else []),
    ]
    body: list[tuple[Cell, ...]] = []
    for row in rows:
        worst = max((row.inherent.axes[a].severity or 0 for a in AXES), default=0)
        body.append(
            (
                row.id,
                row.asset_title,
                letters(row.stride),
                row.entry_title,
                row.pattern_name,
                "".join(p[0].upper() for p in row.violates) + f": {worst or '?'}",
                ", ".join(row.sources),
                rating(row.inherent),
                ", ".join(c.iri for c in row.controls if c.decides),
                rating(row.residual),
                decided(row),
                row.device,
                row.release,
                row.not_applicable,
                *([row.place.row_title] if system else []),
            )
        )
    return ResultTable(title, tuple(Column(n, "string", t) for n, t in columns), tuple(body))


def decided(row: ThreatRow) -> str:
    """Return what is decided, and whether that still holds on the day of judgement."""
    return row.decision.title if row.decision else ""


def letters(stride: Sequence[str]) -> str:
    """Return STRIDE categories by their letters in the order of the acronym."""
    return "".join(sorted((s[0].upper() for s in stride), key="STRIDE".index))


def threat_object(row: ThreatRow, basis: str) -> dict[str, object]:
    """Return a threat as JSON object (fields as promised in docs/output.md)."""
    return {
        "id": row.id,
        "iri": row.iri,
        "device": row.device,
        "device_name": row.device_name,
        "release": row.release,
        "family": list(row.family),
        "asset": row.asset,
        "asset_name": row.asset_name,
        "entry": row.entry,
        "entry_name": row.entry_name,
        "vector": row.vector,
        "pattern": row.pattern,
        "pattern_name": row.pattern_name,
        "stride": list(row.stride),
        "violates": list(row.violates),
        "sources": list(row.sources),
        "inherent": _stage(row.inherent),
        "residual": _stage(row.residual),
        "controls": [
            {"id": c.iri, "name": c.name, "type": c.type, "status": c.status, "decides": c.decides}
            for c in row.controls
        ],
        "decision": None
        if row.decision is None
        else {
            "id": row.decision.iri,
            "disposition": row.decision.disposition,
            "reason": row.decision.reason,
            "owner": row.decision.owner,
            "decided_on": row.decision.decided_on,
            "expires": row.decision.expires,
            "live": row.decision.live,
        },
        "advisories": list(row.advisories),
        "verification": list(row.verification),
        "path": row.path,
        "not_applicable": row.not_applicable,
        **asdict(row.place),
        "basis": basis,
    }


def _stage(stage: StageRating) -> dict[str, object]:
    return {
        "tier": stage.tier,
        "band": stage.band,
        "band_before_factors": stage.base_band,
        "severity_by_axis": {axis: stage.axes[axis].severity for axis in AXES},
        "rating_by_axis": {axis: stage.axes[axis].rating for axis in AXES},
        "at_least_by_axis": {axis: stage.axes[axis].at_least for axis in AXES},
        "rating": stage.rating,
        "at_least": stage.at_least,
        "acceptance": stage.acceptance,
    }


def finding_text(findings: Sequence[Finding]) -> str:
    """Return findings for reading: worst first, each message once with the nodes it concerns below it."""
    groups: dict[tuple[int, str, str, str, str], list[Finding]] = {}
    for f in findings:
        rank = 3 if f.waived_by else {"violation": 0, "warning": 1, "info": 2}[f.severity]
        groups.setdefault((rank, f.release, f.severity, shown(f.shape), f.message), []).append(f)
    lines: list[str] = []
    for (rank, release, severity, shape, message), group in sorted(groups.items()):
        lines += ["", f"{severity.upper()}{' (waived)' if rank == 3 else ''}  {release}  {shape}", f"  {safe(message)}"]
        entries = []
        for f in group:
            value = f" ({safe(f.value_name or shown(f.value))})" if f.value and f.value != f.focus else ""
            waiver = f"  waived by {safe(f.waived_by.rsplit('/', 1)[-1])}" if f.waived_by else ""
            place = f"  [{safe(f.where)}]" if f.where else ""
            entries.append(f"  - {safe(f.name or shown(f.focus))}{value}{place}{waiver}")
        lines += sorted(set(entries))
    return "\n".join(lines) + "\n"


def finding_table(findings: Sequence[Finding], title: str) -> ResultTable:
    """Return findings as rows, worst first."""
    columns = [
        ("severity", "Severity"),
        ("release", "Release"),
        ("shape", "Shape"),
        ("focus", "Node"),
        ("name", "Name"),
        ("value", "Value"),
        ("message", "What is wrong and what to do"),
        ("where", "Where"),
        ("waived_by", "Waived by"),
    ]
    order = {"violation": 0, "warning": 1, "info": 2}
    ranked = sorted(findings, key=lambda f: (bool(f.waived_by), order[f.severity], f))
    rows = [
        (
            f.severity,
            f.release,
            shown(f.shape),
            shown(f.focus),
            f.name,
            shown(f.value or None),
            f.message,
            f.where,
            f.waived_by,
        )
        for f in ranked
    ]
    return ResultTable(title, tuple(Column(n, "string", t) for n, t in columns), tuple(rows))
