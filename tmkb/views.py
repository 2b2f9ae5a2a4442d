"""From the store to domain objects and tables, only through queries/view/; no graph goes further up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable

from tmkb import query
from tmkb.errors import RuleError
from tmkb.headers import QuerySpec
from tmkb.model.tables import Cell, ResultTable, table
from tmkb.model.threats import AXES, AxisRating, StageRating, SystemPlace, ThreatControl, ThreatDecision, ThreatRow
from tmkb.query import KnowledgeBase
from tmkb.systems import release_key
from tmkb.terms import LIB, TM

View = Callable[[str], QuerySpec]
Rows = list[dict[str, Cell]]
#: the queries that ``threats`` reads
THREATS = (
    "releases",
    "patterns",
    "exploitability",
    "ratings",
    "overall",
    "threat-controls",
    "threat-decisions",
    "threat-advisories",
    "threats",
)
VIEWS = ("implemented", "verified", "planned")


def records(kb: KnowledgeBase, spec: QuerySpec, stages: Container[str | None] | None = None) -> Rows:
    """Return the rows of a view query as one mapping each; with *stages*, only those at one of these stages."""
    names = [column.name for column in spec.columns]
    at = names.index("stage") if stages is not None and "stage" in names else None
    rows = (row for row in query.rows(kb, spec) if at is None or stages is None or row[at] in stages)
    return [dict(zip(names, query.plain(row, spec), strict=True)) for row in rows]


def threats(kb: KnowledgeBase, view: View, *, stage: str = "implemented") -> list[ThreatRow]:
    """Return every threat, sorted by release and id, rated before controls and in the view *stage*.

    Threats that are closed by declaration are included and marked.
    """
    found = []
    for one in kb.each():
        tables = _Tables(one, view, f"{TM}view-{stage}")
        found += [tables.row(record) for record in records(one, view("threats"))]
    return found


def slug(iri: Cell) -> str:
    """Return the last part of an IRI: device slug, local id or library id."""
    text = str(iri).rstrip("/")
    return text.rsplit("/", 1)[-1].rsplit("#", 1)[-1]


class _Tables:
    """The side tables of the threats, indexed by (release, threat)."""

    def __init__(self, kb: KnowledgeBase, view: View, stage: str) -> None:
        self._stage, self._day = stage, kb.day.isoformat()
        self._releases: dict[Cell, Rows] = defaultdict(list)
        for record in records(kb, view("releases")):
            self._releases[record["release"]].append(record)
        self._patterns: dict[tuple[Cell, Cell], list[str]] = defaultdict(list)
        for record in records(kb, view("patterns")):
            self._patterns[record["pattern"], record["aspect"]].append(str(record["value"]))
        stages = {f"<{TM}stage-inherent>", f"<{stage}>"}
        self._by = {name: _index(records(kb, view(name), stages)) for name in THREATS[2:-1]}

    def row(self, record: dict[str, Cell]) -> ThreatRow:
        key = (record["release"], record["threat"])
        release = self._releases[record["release"]]
        pattern = record["pattern"]
        inherent = self._rating(key, f"{TM}stage-inherent")
        sources = tuple(self._patterns[pattern, "source"])
        if inherent.tier:
            sources = (inherent.tier,)
        return ThreatRow(
            id=str(record["id"]),
            iri=str(record["threat"]),
            device=slug(release[0]["device"]),
            device_name=str(release[0]["deviceName"] or slug(release[0]["device"])),
            release=str(release[0]["version"]),
            family=tuple(sorted({str(r["family"]) for r in release if r["family"]})),
            asset=slug(record["asset"]),
            asset_name=str(record["assetName"] or slug(record["asset"])),
            entry=slug(record["entry"]),
            entry_name=str(record["entryName"] or slug(record["entry"])),
            vector=slug(record["entry"]) if record["isVector"] else None,
            pattern=slug(pattern),
            pattern_name=str(record["patternName"]),
            stride=tuple(self._patterns[pattern, "stride"]),
            violates=tuple(self._patterns[pattern, "violates"]),
            sources=sources,
            inherent=inherent,
            residual=self._rating(key, self._stage),
            controls=self._controls(key),
            decision=self._decision(key),
            advisories=tuple(dict.fromkeys(str(r["advisory"]) for r in self._by["threat-advisories"].get(key, ()))),
            not_applicable=bool(record["notApplicable"]),
            place=_place(record),
        )

    def _at(self, table: str, key: tuple[Cell, Cell], stage: str) -> Rows:
        return [r for r in self._by[table].get(key, ()) if r["stage"] == stage]

    def _rating(self, key: tuple[Cell, Cell], stage: str) -> StageRating:
        nothing: dict[str, Cell] = dict.fromkeys(("tier", "band", "baseBand", "tierUnknown"))
        exploitability = _one(self._at("exploitability", key, stage), nothing)
        overall = _one(self._at("overall", key, stage), {})
        axes = {
            str(r["axis"]): AxisRating(_int(r["severity"]), str(r["rating"]), _text(r["atLeast"]))
            for r in self._at("ratings", key, stage)
        }
        unknown = bool(exploitability["tierUnknown"])
        return StageRating(
            None if unknown else _text(exploitability["tier"]),
            None if unknown else _int(exploitability["band"]),
            None if unknown else _int(exploitability["baseBand"]),
            {axis: axes[axis] for axis in AXES},
            str(overall["rating"]),
            _text(overall["atLeast"]),
            str(overall["acceptance"] or "not acceptable"),
        )

    def _controls(self, key: tuple[Cell, Cell]) -> tuple[ThreatControl, ...]:
        found: dict[str, ThreatControl] = {}
        for r in self._by["threat-controls"].get(key, ()):
            before = found.get(str(r["control"]))
            decides = r["creditedStage"] == self._stage or (before is not None and before.decides)
            found[str(r["control"])] = ThreatControl(
                slug(r["control"]),
                str(r["name"] or slug(r["control"])),
                slug(r["typeId"]),
                str(r["status"] or "unknown"),
                decides,
                _text(r["verification"]),
            )
        return tuple(found.values())

    def _decision(self, key: tuple[Cell, Cell]) -> ThreatDecision | None:
        found = [
            ThreatDecision(
                slug(r["decision"]),
                str(r["disposition"]),
                _text(r["reason"]),
                _text(r["owner"]),
                _text(r["decidedOn"]),
                _text(r["expires"]),
                str(r["decidedOn"] or "9999") <= self._day <= str(r["expires"] or "9999"),
                str(r["decidedOn"] or "9999") <= self._day,
            )
            for r in self._by["threat-decisions"].get(key, ())
        ]
        return max(found, key=lambda d: (d.live, d.decided_on or "", d.iri), default=None)


def _place(record: dict[str, Cell]) -> SystemPlace:
    """Return the members of asset and entry; one without a name is called by its id."""
    asset, entry = (slug(record[f"{end}Member"]) if record[f"{end}Member"] else None for end in ("asset", "entry"))
    return SystemPlace(
        asset,
        _text(record["assetMemberName"]) or asset,
        entry,
        _text(record["entryMemberName"]) or entry,
        _text(record["memberRow"]),
        release_key(f"<{record['memberRelease']}>") if record["memberRelease"] else None,
    )


def _one(rows: Rows, otherwise: dict[str, Cell]) -> dict[str, Cell]:
    """Return the only row; two for one key would show one of two truths.

    Raises:
        RuleError: there are several.
    """
    if len(rows) > 1:
        raise RuleError("E-RULE", f"{len(rows)} results for one threat and stage: {rows[0].get('threat')}")
    return rows[0] if rows else otherwise


def _index(rows: Rows) -> dict[tuple[Cell, Cell], Rows]:
    found: dict[tuple[Cell, Cell], Rows] = defaultdict(list)
    for row in rows:
        found[row["release"], row["threat"]].append(row)
    return found


def _int(cell: Cell) -> int | None:
    return None if cell is None else int(cell)


def _text(cell: Cell) -> str | None:
    return None if cell is None else str(cell)


def matrix(rows: Iterable[ThreatRow], stage: str) -> dict[tuple[int, int], int]:
    """Return how many (threat, axis) pairs stand at each (band, severity) at *stage* (inherent or residual)."""
    found: dict[tuple[int, int], int] = defaultdict(int)
    for row in rows:
        rated: StageRating = getattr(row, stage)
        for axis in rated.axes.values():
            if rated.band is not None and axis.severity is not None and axis.rating != "unknown":
                found[rated.band, axis.severity] += 1
    return dict(found)


def merged(kb: KnowledgeBase, spec: QuerySpec, key: tuple[str, ...], many: tuple[str, ...]) -> Rows:
    """Return the rows of a view with the *many* columns of rows that share *key* joined by '; '."""
    found: dict[tuple[Cell, ...], dict[str, list[str]]] = {}
    first: dict[tuple[Cell, ...], dict[str, Cell]] = {}
    for record in records(kb, spec):
        at = tuple(record[k] for k in key)
        first.setdefault(at, record)
        lists = found.setdefault(at, {name: [] for name in many})
        for name in many:
            if record[name] is not None and str(record[name]) not in lists[name]:
                lists[name].append(str(record[name]))
    return [first[at] | {name: "; ".join(sorted(found[at][name])) for name in many} for at in first]


def asset_table(kb: KnowledgeBase, view: View, title: str) -> ResultTable:
    """Return asset, kind, holder, need, and for each of C, I, A the effect by axis (method step 1 and 2)."""
    cells: dict[Cell, dict[tuple[str, str], str]] = defaultdict(dict)
    for r in records(kb, view("cells")):
        known = max(int(r["own"] or 0), int(r["floor"] or 0))
        said = "unknown" if r["missing"] else (f"{known}" if known else "none")
        text = r["words"] or (r["reason"] if not known else "follows from what it holds or performs")
        old = cells[r["asset"]].get((str(r["property"]), str(r["axis"])))
        cells[r["asset"]][str(r["property"]), str(r["axis"])] = old or f"{said}: {text}" if text else said
    columns = [
        ("id", "Id"),
        ("asset", "Asset"),
        ("kind", "Kind"),
        ("holder", "Held by"),
        ("need", "Why it needs protection"),
    ]
    columns += [(p, f"Loss of {p}") for p in ("confidentiality", "integrity", "availability")]
    rows: list[tuple[Cell, ...]] = []
    for r in merged(kb, view("assets"), ("release", "asset"), ("kind", "holder")):
        effects = tuple(
            " / ".join(f"{axis} {cells[r['asset']].get((p, axis), 'unknown')}" for axis in AXES)
            for p in ("confidentiality", "integrity", "availability")
        )
        rows.append((slug(r["asset"]), r["name"], r["kind"], r["holder"], r["need"], *effects))
    return table(title, columns, rows)


def library_iri(pattern: str) -> str:
    """Return the IRI of a pattern given by its short id or in full."""
    return pattern if "://" in pattern else LIB + pattern.removeprefix("lib:")
