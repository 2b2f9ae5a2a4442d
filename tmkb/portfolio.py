"""Verbs that look over all products at once: what the library reaches where, and where one weakness may sit.

Both read the kept rows of views, release by release, and only count and sort them: threats (``views.threats``) for the
coverage; components with the vectors that reach them, their classes, flaws and controls for the same weakness.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from tmkb import pipeline, views
from tmkb.errors import ParameterError, UnknownNameError, nearest
from tmkb.model.tables import Cell, Column, ResultTable, table
from tmkb.pipeline import Options
from tmkb.query import KnowledgeBase

PLACES = ("weak-places", "place-classes", "place-controls", "place-flaws", "weaknesses", "advisory-classes")
_STEPS = 2  # how far a weakness may lie above the one asked for, as in the landing rule


def coverage(options: Options) -> list[ResultTable]:
    """Return families by STRIDE, by pattern and by category of control, each empty cell, and patterns of no product.

    Counted are the threats of the newest release of each device that are not closed by declaration, and the controls in
    force that its model states; what a system takes over from a member is counted at the member alone.
    """
    kb = pipeline.build(options, rows=(*views.THREATS, "controls", "pattern-names", "category-names"))
    rows = [
        row for row in views.threats(kb, pipeline.view) if row.place.member_release is None and not row.not_applicable
    ]
    families = sorted({name for row in rows for name in row.family})
    home = {(r["release"]): r["family"] for r in views.records(kb, pipeline.view("releases"))}
    patterns = {views.slug(r["pattern"]): str(r["name"]) for r in views.records(kb, pipeline.view("pattern-names"))}
    categories = [str(r["category"]) for r in views.records(kb, pipeline.view("category-names"))]
    own = [r for r in views.records(kb, pipeline.view("controls")) if not r["member"]]
    in_force = [r for r in own if r["status"] in ("implemented", "verified")]
    by_stride = Counter((name, s) for row in rows for name in row.family for s in row.stride)
    by_pattern = Counter((name, row.pattern) for row in rows for name in row.family)
    built = {(home.get(r["release"]), r["category"], r["release"], r["control"]) for r in in_force}
    by_category = Counter((str(family), str(category)) for family, category, _, _ in built)
    said = views.records(kb, pipeline.view("patterns"))
    strides = sorted({str(r["value"]) for r in said if r["aspect"] == "stride"})
    used = {pattern for _, pattern in by_pattern}
    parts = (
        ("STRIDE category", strides, by_stride, dict.fromkeys(strides, "")),
        ("pattern", sorted(used), by_pattern, patterns),
        ("control category", categories, by_category, dict.fromkeys(categories, "")),
    )
    tables = [_grid(families, *part) for part in parts]
    empty: list[tuple[Cell, ...]] = [
        (family, what, key, names[key])
        for what, keys, counts, names in parts
        for family in families
        for key in keys
        if not counts[family, key]
    ]
    columns = [("family", "Family"), ("of", "Of"), ("cell", "Empty cell"), ("name", "Name")]
    tables.append(table(f"Empty cells ({len(empty)})", columns, empty))
    idle: list[tuple[Cell, ...]] = [(key, name) for key, name in sorted(patterns.items()) if key not in used]
    columns = [("pattern", "Pattern"), ("name", "Name")]
    return [*tables, table(f"Patterns that no newest release uses ({len(idle)})", columns, idle)]


def _grid(
    families: list[str], what: str, keys: list[str], counts: Counter[tuple[str, str]], names: Mapping[str, str]
) -> ResultTable:
    """Return one row for each key and one column for each family."""
    named = any(names.values())
    columns = [Column("key", "string", what.capitalize()), *([Column("name", "string", "Name")] if named else [])]
    columns += [Column(family, "integer", family) for family in families]
    rows: list[tuple[Cell, ...]] = [
        (key, *([names[key]] if named else []), *(counts[family, key] for family in families)) for key in keys
    ]
    counted = "controls in force" if what.startswith("control") else "threats"
    return ResultTable(f"Families by {what}: {counted}", tuple(columns), tuple(rows))


@dataclass(frozen=True)
class Weakness:
    """What is asked for: class of component, class of vector or CWE id, and the category of control that is missing."""

    component: str = ""
    vector: str = ""
    cwe: str = ""
    lacking: str = ""


def same_weakness(options: Options, asked: Weakness) -> ResultTable:
    """Return each component and the vector that reaches it, in all releases of all devices, that has what is *asked*.

    A vector reaches what it opens, what runs on it and what is part of it; one that opens nothing has a row without
    component. Threats that are closed by declaration count for nothing. A threat on something that is carried over the
    vector or stored behind it is charged to each component that the vector reaches, whether it holds that or not.

    With a CWE id a row needs a known flaw of it, or of a narrower one, at the component or vector, or a threat there
    whose pattern exploits it, a narrower one, or one at most two steps above; ``how`` says which, and only flaws and
    advisories of that weakness are shown. ``lacking`` keeps the
    rows at which no control of the category is in force, neither at the component or its host nor at the vector or its
    boundary.

    Raises:
        ParameterError: nothing is asked for.
        UnknownNameError: no such class, weakness or category anywhere.
    """
    if not (asked.component or asked.vector or asked.cwe):
        hint = "--component CLASS, --vector CLASS or --cwe ID; --lacking CATEGORY keeps the unprotected ones"
        raise ParameterError("E-PARAM", "which weakness?", hint=hint)
    kb = pipeline.build(replace(options, every=True), rows=(*PLACES, *views.THREATS))
    found = _Places(kb, asked)
    by_release = [found.rows(one.key) for one in kb.releases]
    rows = sorted((r for some in by_release for r in some), key=lambda r: [str(cell or "") for cell in r])
    title = f"Same weakness: {len(rows)} places in {sum(map(bool, by_release))} releases"
    names = ("family", "device", "release", "component", "module", "vector", "reach", "how", "flaws", "evidence")
    columns = [Column(name, "string", name.capitalize()) for name in (*names, "controls")]
    return ResultTable(title, tuple(columns), tuple(rows))


@dataclass(frozen=True)
class _Pair:
    """A component and a vector that reaches it (one of both may be missing), and what the vector opens for that."""

    component: Cell
    vector: Cell
    names: tuple[Cell, Cell]
    reach: Cell
    module: Cell
    opened: frozenset[Cell]


def _pairs(records: Iterable[Mapping[str, Cell]]) -> dict[Cell, list[_Pair]]:
    """Return the pairs of each release; the module is that of the integration with the longest id."""
    grouped: dict[tuple[Cell, Cell, Cell], list[Mapping[str, Cell]]] = defaultdict(list)
    for r in records:
        grouped[r["release"], r["component"], r["vector"]].append(r)
    found: dict[Cell, list[_Pair]] = defaultdict(list)
    for (release, component, vector), same in grouped.items():
        nearest_one = max(same, key=lambda r: len(str(r["integration"] or "")))
        names = (nearest_one["componentName"], nearest_one["vectorName"])
        reach = ", ".join(sorted({str(r["reach"]) for r in same if r["reach"]})) or None
        opened = frozenset(r["opened"] for r in same)
        found[release].append(_Pair(component, vector, names, reach, nearest_one["module"], opened))
    return found


def _said(flaw: Mapping[str, Cell]) -> str:
    about = ", ".join(str(flaw[part]) for part in ("weakness", "status") if flaw[part])
    name = flaw["name"] or views.slug(flaw["flaw"])
    return f"{name} ({about})" if about else str(name)


class _Places:
    """Components and vectors of all releases with what is known of them, and what is asked for."""

    def __init__(self, kb: KnowledgeBase, asked: Weakness) -> None:
        self._asked = asked
        self._by = {name: _index(kb, name) for name in PLACES[1:4]}
        self._pairs = _pairs(views.records(kb, pipeline.view("weak-places")))
        self._about = {r["release"]: r for r in views.records(kb, pipeline.view("releases"))}
        self._graph = {f"{views.slug(r['device'])}@{r['version']}": name for name, r in self._about.items()}
        self._weaknesses = _parents(views.records(kb, pipeline.view("weaknesses")))
        self._narrower = self._below(asked.cwe) if asked.cwe else set()
        self._notices = defaultdict(set)
        for record in views.records(kb, pipeline.view("advisory-classes")):
            if not asked.cwe or record["weakness"] in self._narrower:
                self._notices[record["class"]].add(str(record["advisory"]))
        self._threats = _exploiting(kb, self._above(asked.cwe) | self._narrower) if asked.cwe else {}
        self._components = {(release, views.slug(r.component)) for release, r in self._every() if r.component}
        self._refuse_unknown(kb)

    def rows(self, key: str) -> list[tuple[Cell, ...]]:
        """Return the rows of one release (``device@version``)."""
        release = self._graph.get(key)
        found: list[tuple[Cell, ...]] = []
        for r in self._pairs.get(release, ()):
            places = (r.component, r.vector)
            flaws = [f for place in places for f in self._at("place-flaws", release, place)]
            flaws = [f for f in flaws if not self._asked.cwe or f["weakness"] in self._narrower]
            how = self._how(key, release, r, bool(flaws))
            controls = {str(c["category"]) for place in places for c in self._at("place-controls", release, place)}
            classes = {c["class"] for place in places for c in self._at("place-classes", release, place)}
            if how is None or self._asked.lacking in controls or not self._fits(release, r):
                continue
            about = self._about[release]
            found.append(
                (
                    about["family"],
                    about["deviceName"],
                    about["version"],
                    (r.names[0] or views.slug(r.component)) if r.component else "",
                    views.slug(r.module) if r.module else "",
                    (r.names[1] or views.slug(r.vector)) if r.vector else "",
                    r.reach,
                    how,
                    "; ".join(dict.fromkeys(_said(f) for f in flaws)),
                    ", ".join(sorted({notice for c in classes for notice in self._notices[c]})),
                    ", ".join(sorted(controls)),
                )
            )
        return found

    def _at(self, name: str, release: Cell, place: Cell) -> list[dict[str, Cell]]:
        return self._by[name].get(release, {}).get(place, []) if place else []

    def _fits(self, release: Cell, pair: _Pair) -> bool:
        """Tell whether component and vector are of the classes that are asked for."""
        wanted = ((self._asked.component, pair.component), (self._asked.vector, pair.vector))
        return all(not name or name in self._classes(release, place) for name, place in wanted)

    def _classes(self, release: Cell, place: Cell) -> set[str]:
        return {views.slug(c["class"]) for c in self._at("place-classes", release, place)}

    def _how(self, key: str, release: Cell, pair: _Pair, known: bool) -> str | None:
        """Return by what the weakness is there, nothing if none is asked for, None if it is not there."""
        if not self._asked.cwe:
            return ""
        hit = {views.slug(place) for place in (pair.component, *pair.opened) if place}
        by = {
            pattern
            for pattern, asset in self._threats.get((key, views.slug(pair.vector or pair.component)), ())
            if asset in hit or (release, asset) not in self._components
        }
        said = ["known flaw"] * known + ["threats by " + ", ".join(sorted(by))] * bool(by)
        return "; ".join(said) or None

    def _every(self) -> Iterable[tuple[Cell, _Pair]]:
        return ((release, pair) for release, pairs in self._pairs.items() for pair in pairs)

    def _above(self, weakness: str, steps: int = _STEPS) -> set[str]:
        """Return a weakness with those at most some steps above it."""
        found = {weakness}
        for _ in range(steps):
            wider = {parent for one in found for parent in self._weaknesses.get(one, ())} - found
            if not wider:
                break
            found |= wider
        return found

    def _below(self, weakness: str) -> set[str]:
        """Return a weakness with all narrower ones."""
        return {one for one in self._weaknesses if weakness in self._above(one, len(self._weaknesses))}

    def _refuse_unknown(self, kb: KnowledgeBase) -> None:
        components = {name for release, r in self._every() for name in self._classes(release, r.component)}
        vectors = {name for release, r in self._every() for name in self._classes(release, r.vector)}
        categories = {str(r["category"]) for r in views.records(kb, pipeline.view("category-names"))}
        for name, known, what in (
            (self._asked.component, components, "class that a component has"),
            (self._asked.vector, vectors, "class that a vector has"),
            (self._asked.lacking, categories, "category of control"),
            (self._asked.cwe, set(self._weaknesses), "weakness of the library"),
        ):
            if name and name not in known:
                raise UnknownNameError("E-CLASS", f"{name!r} is no {what}", hint=nearest(name, sorted(known)))


def _index(kb: KnowledgeBase, name: str) -> dict[Cell, dict[Cell, list[dict[str, Cell]]]]:
    """Return the rows of a view by release and place."""
    found: dict[Cell, dict[Cell, list[dict[str, Cell]]]] = defaultdict(lambda: defaultdict(list))
    for record in views.records(kb, pipeline.view(name)):
        found[record["release"]][record["place"]].append(record)
    return found


def _parents(records: Iterable[Mapping[str, Cell]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for record in records:
        found[str(record["number"])] += [str(record["parent"])] if record["parent"] else []
    return dict(found)


def _exploiting(kb: KnowledgeBase, weaknesses: Collection[str]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return pattern and asset of the threats that exploit one of *weaknesses*, by release and entry."""
    records = views.records(kb, pipeline.view("patterns"))
    patterns = {views.slug(r["pattern"]) for r in records if r["aspect"] == "weakness" and r["value"] in weaknesses}
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for row in views.threats(kb, pipeline.view):
        if row.pattern in patterns and not row.not_applicable:
            found[f"{row.device}@{row.release}", row.entry].append((row.pattern, row.asset))
    return found
