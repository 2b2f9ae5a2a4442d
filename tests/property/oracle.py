"""A brute-force rater in plain Python, written from docs/meanings.md 1.5 alone and not from the queries (P24).

It is slow and simple on purpose: loops over plain data, no graph, no look-up tables of its own. Where the text leaves
a detail open, the comment says which reading is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

PROPERTIES = ("confidentiality", "integrity", "availability")
AXES = ("safety", "privacy", "operation")
RATINGS = ("none", "low", "medium", "high", "very-high", "unknown")
STAGES = ("inherent", "implemented", "verified", "planned")
Names = frozenset[str]


@dataclass(frozen=True)
class Pattern:
    name: str
    via: str
    violates: Names
    adversarial: bool = True
    tier: int | None = None
    band: int | None = None
    weaknesses: Names = frozenset()
    countered_by: Names = frozenset()
    discovery: str | None = None


@dataclass(frozen=True)
class ControlType:
    name: str
    upholds: Names = frozenset()
    tier: int | None = None
    band: int | None = None
    severity: int | None = None
    axes: Names = frozenset()
    pairs: tuple[tuple[str, int | None], ...] = ()


@dataclass(frozen=True)
class Control:
    name: str
    device: str
    kind: str
    protects: Names
    status: str | None


@dataclass(frozen=True)
class Vulnerability:
    name: str
    device: str
    sits_in: Names
    exploits: Names
    weaknesses: Names
    tier: int | None
    vex: str | None


@dataclass(frozen=True)
class Condition:
    name: str
    device: str
    elements: Names
    eases: Names
    defeats: Names


@dataclass(frozen=True)
class Override:
    name: str
    device: str
    entry: str
    pattern: str
    tier: int | None


@dataclass(frozen=True)
class Impact:
    name: str
    asset: str
    property: str
    axis: str
    level: int | None
    situation: str | None = None


@dataclass(frozen=True)
class Nothing:
    name: str
    asset: str
    properties: Names
    axes: Names
    reason: bool


@dataclass(frozen=True)
class Threat:
    device: str
    asset: str
    entry: str
    pattern: str

    @property
    def key(self) -> str:
        return f"{self.device}/{self.asset}/{self.entry}/{self.pattern}"


@dataclass(frozen=True)
class Policy:
    bands: dict[int, int]
    matrix: dict[tuple[int, int], str]
    views: dict[str, Names]
    shifts: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """Devices in one knowledge base; every relation is stated as people state it, nothing is closed."""

    kinds: dict[str, str]  # element → information, function, part, component, interface, boundary
    devices: dict[str, str]  # element → device
    whole: dict[str, str] = field(default_factory=dict)  # component → what it is directly part of
    held_by: dict[str, Names] = field(default_factory=dict)
    depends_on: dict[str, Names] = field(default_factory=dict)
    opens: dict[str, Names] = field(default_factory=dict)
    carries: dict[str, Names] = field(default_factory=dict)
    crosses: dict[str, Names] = field(default_factory=dict)
    patterns: dict[str, Pattern] = field(default_factory=dict)
    types: dict[str, ControlType] = field(default_factory=dict)
    parent_weakness: dict[str, str] = field(default_factory=dict)
    impacts: tuple[Impact, ...] = ()
    nothings: tuple[Nothing, ...] = ()
    harms: dict[str, int | None] = field(default_factory=dict)
    situations: dict[str, Names] = field(default_factory=dict)
    vulnerabilities: tuple[Vulnerability, ...] = ()
    conditions: tuple[Condition, ...] = ()
    overrides: tuple[Override, ...] = ()
    controls: tuple[Control, ...] = ()
    threats: tuple[Threat, ...] = ()
    gain: dict[str, str] = field(default_factory=dict)
    reach: dict[str, str] = field(default_factory=dict)
    patients: dict[str, str] = field(default_factory=dict)

    def but(self, **changes: object) -> Model:
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Verdict:
    """What is said about one threat at one stage."""

    tier: int | None
    band: int | None  # None when not known
    axes: dict[str, tuple[int | None, str, str | None]]  # axis → known severity, rating, at least
    rating: str
    at_least: str | None


def rate(model: Model, policy: Policy) -> dict[tuple[str, str], Verdict]:
    """Return the verdict on each (threat, stage)."""
    return {(t.key, stage): _Rater(model, policy, t).verdict(stage) for t in model.threats for stage in STAGES}


def wholes(model: Model, part: str) -> list[str]:
    """Return the part itself and everything around it."""
    found = [part]
    while found[-1] in model.whole:
        found.append(model.whole[found[-1]])
    return found


def reaches(model: Model, start: str) -> set[str]:
    """Return all that *start* depends on, directly or not."""
    found: set[str] = set()
    todo = [start]
    while todo:
        for one in model.depends_on.get(todo.pop(), ()):
            if one not in found:
                found.add(one)
                todo.append(one)
    return found


def holds(model: Model, part: str) -> set[str]:
    """Return what a part asset holds and performs: information within, sub-parts, functions that need it or a sub-part."""
    inside = {c for c in model.kinds if c != part and part in wholes(model, c)}
    found = {c for c in inside if model.kinds[c] == "part"}
    found |= {i for i, holders in model.held_by.items() if holders & (inside | {part})}
    found |= {f for f in model.depends_on if reaches(model, f) & (inside | {part})}
    return found - {part}


def own_level(model: Model, asset: str, prop: str, axis: str) -> tuple[int, bool]:
    """Return the worst level that people typed or that follows from a harm, and whether something is missing."""
    worst, missing = 0, False
    said = [i for i in model.impacts if (i.asset, i.property, i.axis) == (asset, prop, axis)]
    for impact in said:
        harms = [model.harms[h] for h in model.situations[impact.situation]] if impact.situation else [impact.level]
        worst = max([worst, *(level for level in (*harms, impact.level) if level is not None)])
        missing |= not harms or None in harms  # a harm without level could be worse than all that is known
    reasoned = [n for n in model.nothings if n.asset == asset and prop in n.properties and axis in n.axes and n.reason]
    return worst, missing or not (said or reasoned)


def level(model: Model, asset: str, prop: str, axis: str) -> tuple[int, bool]:
    """Return the level of a cell with the floor from what a part holds, and whether something is missing."""
    inside = holds(model, asset) if model.kinds[asset] == "part" else set()
    cells = [own_level(model, one, prop, axis) for one in (asset, *inside)]
    return max(known for known, _ in cells), any(missing for _, missing in cells)


class _Rater:
    def __init__(self, model: Model, policy: Policy, threat: Threat) -> None:
        self.m, self.policy, self.t = model, policy, threat
        self.p = model.patterns[threat.pattern]
        opened = model.opens.get(threat.entry, frozenset())
        self.copies: list[str | None] = []
        hosts: set[str] = set()
        if self.p.via == "storedBehind":
            for holder in sorted(model.held_by.get(threat.asset, ())):
                behind = opened & set(wholes(model, holder))
                hosts |= behind
                self.copies += [holder] if behind else []
        elif self.p.via == "carriedOver":
            hosts = set(opened)
        self.places = {
            threat.entry,
            threat.asset,
            *model.crosses.get(threat.entry, ()),
            *hosts,
            *filter(None, self.copies),
        }
        self.copies = self.copies or [None]

    def inherent(self) -> tuple[int | None, bool]:
        """Return the lowest known tier and whether a candidate has none."""
        chosen = [
            o
            for o in self.m.overrides
            if (o.device, o.entry, o.pattern) == (self.t.device, self.t.entry, self.t.pattern)
        ]
        tiers = [o.tier for o in chosen] or [self.p.tier]
        for v in self.m.vulnerabilities:
            if v.vex not in ("fixed", "not-affected") and v.sits_in & self.places and self._exploits(v):
                tiers.append(v.tier)
        known = min((t for t in tiers if t is not None), default=None)
        eased = any(c.elements & self.places and self.t.pattern in c.eases for c in self.m.conditions)
        return (max(1, known - 1) if eased and known else known), None in tiers

    def _exploits(self, v: Vulnerability) -> bool:
        wider = set(v.weaknesses)
        for weakness in v.weaknesses:
            while weakness in self.m.parent_weakness:
                weakness = self.m.parent_weakness[weakness]
                wider.add(weakness)
        return self.t.pattern in v.exploits or bool(wider & self.p.weaknesses)

    def credited(self, stage: str, copy: str | None, prop: str) -> list[ControlType]:
        """Return the types of the controls that count for one copy and property at one stage."""
        found = []
        for c in self.m.controls if stage != "inherent" else ():
            kind = self.m.types[c.kind]
            # a copy is protected for itself alone, an opened host for the copies that are part of it, any other place for all
            at = {p for p in c.protects & self.places if self._reaches(p, copy)}
            defeated = any(c.name in x.defeats for x in self.m.conditions)
            counts = c.status in self.policy.views[stage] and c.device == self.t.device and not defeated
            if at and counts and c.kind in self.p.countered_by and prop in kind.upholds:
                found.append(kind)
        return found

    def _reaches(self, place: str, copy: str | None) -> bool:
        if copy is None or place == copy:
            return True
        host = place in self.m.opens.get(self.t.entry, frozenset())
        return place not in self.copies and (not host or place in wholes(self.m, copy))

    def openings(self) -> list[tuple[str | None, str]]:
        """Return every (copy, violated property): the worst of them decides."""
        return list(product(self.copies, sorted(self.p.violates)))

    def bands(self, stage: str) -> tuple[int | None, int, bool]:
        """Return tier, band that holds at least, and whether it is not known exactly."""
        if not self.p.adversarial:
            if self.p.band is None:
                return None, 1, True
            left = [min([self.p.band, *(k.band for k in self.credited(stage, *o) if k.band)]) for o in self.openings()]
            return None, max(left), False
        tier, unknown = self.inherent()
        if tier is None:
            return None, 1, True  # "a tier not known at all counts as band 1", whatever the factors are
        forced = [[dict(k.pairs).get(self.p.name, k.tier) for k in self.credited(stage, *o)] for o in self.openings()]
        tier = min(max([tier, *filter(None, one)]) for one in forced)
        return tier, min(5, max(1, self.policy.bands[tier] + self.shift())), unknown

    def shift(self) -> int:
        """Return by how many bands the factors in use move the band; a missing value counts as the worst."""
        values = {
            "discovery": self.p.discovery, "gain": self.m.gain.get(self.t.asset),
            "reach": self.m.reach.get(self.t.entry), "patients": self.m.patients.get(self.t.device),
        }  # fmt: skip
        return sum(steps.get(values[factor] or "", max(steps.values())) for factor, steps in self.policy.shifts.items())

    def severity(self, stage: str, axis: str) -> tuple[int, bool]:
        """Return the worst known severity that is left on an axis, and whether something is missing."""
        left, missing = [], False
        for copy, prop in self.openings():
            known, lacks = level(self.m, self.t.asset, prop, axis)
            caps = [k.severity for k in self.credited(stage, copy, prop) if k.severity and axis in k.axes]
            left.append(min([known, *caps]))
            missing |= lacks
        return max(left), missing

    def verdict(self, stage: str) -> Verdict:
        tier, band, unknown = self.bands(stage)
        axes: dict[str, tuple[int | None, str, str | None]] = {}
        for axis in AXES:
            known, missing = self.severity(stage, axis)
            cell = self.policy.matrix[band, known] if known else None
            if missing or (unknown and known):
                axes[axis] = (known or None, "unknown", cell)
            else:
                axes[axis] = (known or None, cell or "none", None)
        worst = max((rating for _, rating, _ in axes.values()), key=RATINGS.index)
        known_ones = [
            least or rating for _, rating, least in axes.values() if least or rating not in ("none", "unknown")
        ]
        least = max(known_ones, key=RATINGS.index, default=None) if worst == "unknown" else None
        return Verdict(None if unknown else tier, None if unknown else band, axes, worst, least)
