"""Random small knowledge bases: plain data for the oracle, and the same as closed triples for the shipped rules.

The triples are written as the closure would leave them (superclasses, inverses, chains), so that no reasoner is
needed; threats are written too. Ratings come from ``ratings``, which fires the shipped queries/rate/ alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hypothesis import strategies as st
from oracle import (
    AXES,
    PROPERTIES,
    Condition,
    Control,
    ControlType,
    Impact,
    Model,
    Nothing,
    Override,
    Pattern,
    Policy,
    Threat,
    Vulnerability,
    wholes,
)

from tmkb import load, pipeline, sources
from tmkb.derive import fire
from tmkb.terms import LIB, TM, bare, lexical, literal, owl, rdf, rdfs

Triple = tuple[str, str, str]
ROOT = Path(__file__).resolve().parents[2]
DEVICE = "https://tmkb.example/device/"
TYPES = {
    "information": ("TherapyData", "InformationAsset", "Asset", "Element"),
    "function": ("FunctionAsset", "Asset", "Element"),
    "part": ("ProcessingUnit", "PartAsset", "Asset", "Component", "Element"),
    "component": ("DiscretePart", "Component", "Element"),
    "interface": ("Interface", "AttackVector", "Element"),
    "boundary": ("TrustBoundary", "InScopeBoundary", "Element"),
}
COMPARED = {"models": 0, "threats": 0, "ratings": 0}  # what test_oracle.py has compared, said in the summary
VIAS = ("carriedOver", "storedBehind", "handles", "itself")
FACTOR_VALUES = {
    "discovery": ("low", "medium", "high"), "gain": ("low", "medium", "high"),
    "reach": ("physical", "local", "adjacent", "network"), "patients": ("one", "several", "many"),
}  # fmt: skip


def tm(name: str) -> str:
    return f"<{TM}{name}>"


def lib(name: str) -> str:
    return f"<{LIB}{name}>"


# -- the shipped core --------------------------------------------------------------------------------------------


@cache
def shipped_core(policy: str = "default") -> frozenset[Triple]:
    """The named individuals of the ontology with kinds, rank and label, and one shipped policy."""
    found = sources.find_sources(ROOT / "kb", [])
    asserted = load.load(found)
    stated = [s.triple for s in asserted.core if s.origin.role == "ontology"]
    named = {s for s, p, o in stated if p == rdf.type and o == owl.NamedIndividual}
    kept = {t for t in stated if t[0] in named and t[1] in (rdf.type, rdfs.label, tm("rank"))}
    wider = {(s, o) for s, p, o in stated if p == rdfs.subClassOf}
    for _ in range(4):  # kinds of kinds, as the closure would add them
        kept |= {(s, p, o) for s, p, kind in kept if p == rdf.type for k, o in wider if k == kind}
    return frozenset(kept) | policy_triples(policy)


@cache
def policy_triples(name: str) -> frozenset[Triple]:
    from tmkb.engines import turtle

    return frozenset(t for t, _ in turtle.parse((ROOT / "kb" / "policy" / f"{name}.ttl").read_bytes(), name=name))


def read_policy(triples: frozenset[Triple]) -> Policy:
    """Return the policy in *triples* as plain data for the oracle."""
    facts: dict[str, dict[str, list[str]]] = {}
    for s, p, o in triples:
        facts.setdefault(s, {}).setdefault(bare(p), []).append(o)

    def of(kind: str) -> list[dict[str, list[str]]]:
        return [f for f in facts.values() if tm(kind) in f.get(bare(rdf.type), ())]

    def word(term: str) -> str:
        return bare(term)[len(TM) :].split("-", 1)[1]

    bands = {int(word(f[TM + "tier"][0])): int(lexical(f[TM + "band"][0])) for f in of("TierBand")}
    matrix = {
        (int(lexical(f[TM + "band"][0])), int(word(f[TM + "level"][0]))): word(f[TM + "rating"][0])
        for f in of("MatrixCell")
    }
    views = {word(f[TM + "view"][0]): frozenset(map(word, f[TM + "countsStatus"])) for f in of("ViewRule")}
    used = {word(o) for f in of("RiskPolicy") for o in f.get(TM + "usesFactor", ())}
    shifts: dict[str, dict[str, int]] = {u: {} for u in used}
    for f in of("FactorShift"):
        factor = word(f[TM + "factor"][0])
        if factor in used:
            shifts[factor][word(f[TM + "factorValue"][0])] = int(lexical(f[TM + "shift"][0]))
    return Policy(bands, matrix, views, shifts)


# -- from plain data to triples ----------------------------------------------------------------------------------


def node(model: Model, name: str) -> str:
    """Return the IRI of an element, or of a record that names its device first (``d0-…``)."""
    device = model.devices.get(name) or name.split("-", 1)[0]
    return f"<{DEVICE}{device}/{name}>"


def triples(model: Model) -> frozenset[Triple]:
    """Return *model* as closed triples, threats included."""
    out: set[Triple] = set()

    def say(s: str, p: str, o: str | None) -> None:
        if o is not None:
            out.add((s, tm(p), o))

    def number(value: int) -> str:
        return literal(str(value), "integer")

    def here(name: str) -> str:
        return node(model, name)

    for device in sorted(set(model.devices.values())):
        out.add((f"<{DEVICE}{device}/>", rdf.type, tm("Device")))
        if device in model.patients:
            say(f"<{DEVICE}{device}/>", "patientsAtOnce", tm("patients-" + model.patients[device]))
    for name, kind in model.kinds.items():
        out.update((here(name), rdf.type, tm(t)) for t in TYPES[kind])
        say(here(name), "ofDevice", f"<{DEVICE}{model.devices[name]}/>")
        say(here(name), "keyId", literal(name))
        if kind in ("part", "component"):
            say(here(name), "itself", here(name))
            for whole in wholes(model, name)[1:]:
                say(here(name), "partOf", here(whole))
        if name in model.gain:
            say(here(name), "perceivedGain", tm("grade-" + model.gain[name]))
        if name in model.reach:
            say(here(name), "reach", tm("reach-" + model.reach[name]))
    for info, holders in model.held_by.items():
        for holder in holders:
            say(here(info), "heldBy", here(holder))
            for around in wholes(model, holder):
                say(here(info), "within", here(around))
                for entry, opened in model.opens.items():
                    if around in opened:
                        say(here(info), "storedBehind", here(entry))
    for entry, opened in model.opens.items():
        for one in opened:
            say(here(entry), "givesAccessTo", here(one))
            say(here(one), "handles", here(entry))
    for entry, carried in model.carries.items():
        for one in carried:
            say(here(entry), "carries", here(one))
            say(here(one), "carriedOver", here(entry))
    for relation, table in (("dependsOn", model.depends_on), ("crosses", model.crosses)):
        for name, others in table.items():
            for other in others:
                say(here(name), relation, here(other))
    _library(model, out, say, number)
    _records(model, out, say, here)
    return frozenset(out)


def _library(model, out, say, number):  # type: ignore[no-untyped-def]
    for pattern in model.patterns.values():
        iri = lib(pattern.name)
        kind = "AdversarialPattern" if pattern.adversarial else "NonAdversarialPattern"
        out |= {
            (iri, rdf.type, tm(kind)),
            (iri, rdf.type, tm("ThreatPattern")),
            (iri, rdfs.label, literal(pattern.name)),
        }
        say(iri, "via", tm(pattern.via))
        say(iri, "defaultTier", tm(f"tier-{pattern.tier}") if pattern.tier else None)
        say(iri, "defaultBand", number(pattern.band) if pattern.band else None)
        say(iri, "easeOfDiscovery", tm("grade-" + pattern.discovery) if pattern.discovery else None)
        for prop in pattern.violates:
            say(iri, "violates", tm("property-" + prop))
        for weakness in pattern.weaknesses:
            say(iri, "exploitsWeakness", lib(weakness))
        for kind in pattern.countered_by:
            say(iri, "counteredBy", lib(kind))
    for child, parent in model.parent_weakness.items():
        out |= {(lib(w), rdf.type, tm("Weakness")) for w in (child, parent)}
        say(lib(child), "parentWeakness", lib(parent))
    for kind in model.types.values():
        iri = lib(kind.name)
        out |= {(iri, rdf.type, tm("ControlType"))}
        for prop in kind.upholds:
            say(iri, "upholds", tm("property-" + prop))
        say(iri, "forcesTier", tm(f"tier-{kind.tier}") if kind.tier else None)
        say(iri, "capsBand", number(kind.band) if kind.band else None)
        say(iri, "capsSeverity", tm(f"severity-{kind.severity}") if kind.severity else None)
        for axis in kind.axes:
            say(iri, "capsAxis", tm("axis-" + axis))
        for pattern, tier in kind.pairs:
            pair = lib(f"F-{kind.name}-{pattern}")
            out |= {(pair, rdf.type, tm("ForcedTier"))}
            say(pair, "ofControlType", iri)
            say(pair, "pattern", lib(pattern))
            say(pair, "forcesTier", tm(f"tier-{tier}") if tier else None)


def _records(model, out, say, here):  # type: ignore[no-untyped-def]
    def record(name: str, kind: str) -> str:
        out.add((here(name), rdf.type, tm(kind)))
        say(here(name), "ofDevice", f"<{DEVICE}{name.split('-', 1)[0]}/>")
        return here(name)

    for harm, level in model.harms.items():
        say(record(harm, "Harm"), "level", tm(f"severity-{level}") if level else None)
    for situation, harms in model.situations.items():
        iri = record(situation, "HazardousSituation")
        for harm in harms:
            say(iri, "leadsTo", here(harm))
    for i in model.impacts:
        iri = record(i.name, "Impact")
        say(iri, "onAsset", here(i.asset))
        say(iri, "ofProperty", tm("property-" + i.property))
        say(iri, "axis", tm("axis-" + i.axis))
        say(iri, "level", tm(f"severity-{i.level}") if i.level else None)
        say(iri, "hazardousSituation", here(i.situation) if i.situation else None)
    for n in model.nothings:
        iri = record(n.name, "NoImpact")
        say(iri, "onAsset", here(n.asset))
        say(iri, "reason", literal("because") if n.reason else None)
        for prop in n.properties:
            say(iri, "ofProperty", tm("property-" + prop))
        for axis in n.axes:
            say(iri, "axis", tm("axis-" + axis))
    for c in model.controls:
        iri = record(c.name, "Control")
        say(iri, "ofControlType", lib(c.kind))
        say(iri, "status", tm("status-" + c.status) if c.status else None)
        for one in c.protects:
            say(iri, "protects", here(one))
    for v in model.vulnerabilities:
        iri = record(v.name, "Vulnerability")
        say(iri, "tier", tm(f"tier-{v.tier}") if v.tier else None)
        say(iri, "vexStatus", tm("vex-" + v.vex) if v.vex else None)
        for one in v.sits_in:
            say(iri, "sitsIn", here(one))
        for pattern in v.exploits:
            say(iri, "exploits", lib(pattern))
        for weakness in v.weaknesses:
            say(iri, "weakness", lib(weakness))
    for x in model.conditions:
        iri = record(x.name, "Condition")
        for one in x.elements:
            say(iri, "onElement", here(one))
        for pattern in x.eases:
            say(iri, "eases", lib(pattern))
        for control in x.defeats:
            say(iri, "defeats", here(control))
    for o in model.overrides:
        iri = record(o.name, "TierOverride")
        say(iri, "entry", here(o.entry))
        say(iri, "pattern", lib(o.pattern))
        say(iri, "tier", tm(f"tier-{o.tier}") if o.tier else None)
    for t in model.threats:
        iri = threat_iri(t)
        out.add((iri, rdf.type, tm("Threat")))
        say(iri, "ofDevice", f"<{DEVICE}{t.device}/>")
        say(iri, "asset", here(t.asset))
        say(iri, "entry", here(t.entry))
        say(iri, "pattern", lib(t.pattern))


def threat_iri(threat: Threat) -> str:
    return f"<{DEVICE}{threat.device}/threat/{threat.asset}.{threat.entry}.{threat.pattern}>"


# -- the shipped rules -------------------------------------------------------------------------------------------


@cache
def rules():  # type: ignore[no-untyped-def]
    return pipeline.rules("rate")


@dataclass(frozen=True)
class Rated:
    """What the shipped rules made: for each (threat, stage) its verdicts, for each (threat, stage, axis) its ratings."""

    axes: dict[tuple[str, str, str], list[tuple[int | None, str, str | None]]]
    bands: dict[tuple[str, str], list[tuple[int | None, int | None]]]
    overall: dict[tuple[str, str], list[tuple[str, str | None]]]
    unknown_tiers: frozenset[str]
    made: frozenset[Triple]


def rated(local: frozenset[Triple], core: frozenset[Triple] | None = None) -> Rated:
    """Return what the shipped rating rules say about *local*."""
    return read(frozenset(fire(local | (shipped_core() if core is None else core), rules())))


def word(term: str) -> str:
    """Return the last word of a core term: ``tm:view-implemented`` → ``implemented``."""
    return bare(term)[len(TM) :].split("-", 1)[1]


def read(made: frozenset[Triple]) -> Rated:
    facts: dict[str, dict[str, list[str]]] = {}
    for s, p, o in made:
        facts.setdefault(s, {}).setdefault(bare(p).removeprefix(TM), []).append(o)
    axes: dict[tuple[str, str, str], list[tuple[int | None, str, str | None]]] = {}
    bands: dict[tuple[str, str], list[tuple[int | None, int | None]]] = {}
    overall: dict[tuple[str, str], list[tuple[str, str | None]]] = {}

    def ints(f: dict[str, list[str]], name: str) -> list[int | None]:
        return [int(lexical(o)) for o in f.get(name, ())] or [None]

    for f in facts.values():
        kinds = f.get(bare(rdf.type), ())
        if not {tm("Rating"), tm("Exploitability"), tm("OverallRating")} & set(kinds):
            continue
        [threat], [stage] = f["ofThreat"], f["stage"]
        key = (threat, word(stage))
        least = [word(o) for o in f.get("atLeast", ())] or [None]
        if tm("Rating") in kinds:
            found = [(s, word(r), a) for s in ints(f, "severityRank") for r in f["rating"] for a in least]
            for axis in f["axis"]:
                axes.setdefault((*key, word(axis)), []).extend(found)
        elif tm("OverallRating") in kinds:
            overall.setdefault(key, []).extend((word(r), a) for r in f["rating"] for a in least)
        else:
            tiers = [int(word(o)) for o in f.get("tier", ())] or [None]
            bands.setdefault(key, []).extend((t, b) for t in tiers for b in ints(f, "band"))
    unknown = frozenset(s for s, p, o in made if p == tm("tierUnknown") and lexical(o) == "true")
    return Rated(axes, bands, overall, unknown, made)


# -- random models -----------------------------------------------------------------------------------------------

_tiers = st.integers(1, 6)
_levels = st.integers(1, 5)
_maybe = st.sampled_from((True, False))


def _some(items, least: int = 0, most: int = 3):  # type: ignore[no-untyped-def]
    items = sorted(items)
    if not items:
        return st.just(frozenset())
    return st.frozensets(st.sampled_from(items), min_size=min(least, len(items)), max_size=most)


def _or_missing(values):  # type: ignore[no-untyped-def]
    """A value, and one time in six none."""
    return st.integers(0, 5).flatmap(lambda n: st.none() if n == 5 else values)


def chance(draw, one_in: int) -> bool:  # type: ignore[no-untyped-def]
    return draw(st.integers(1, one_in)) == one_in


@st.composite
def libraries(draw, complete: bool = False):  # type: ignore[no-untyped-def]
    """Patterns, control types and weaknesses that all devices share."""
    maybe = (lambda values: values) if complete else _or_missing
    kinds = {}
    for n in range(draw(st.integers(1, 3))):
        name = f"C-{n}"
        axes = draw(_some(AXES, 0, 3))
        kinds[name] = ControlType(
            name, draw(_some(PROPERTIES, 1 if complete else 0, 3)), draw(st.none() | _tiers), draw(st.none() | _levels),
            draw(_levels) if axes else None, axes,
        )  # fmt: skip
    weaknesses = {"CWE-2": "CWE-1", "CWE-3": "CWE-2", "CWE-5": "CWE-1"}
    every = ["CWE-1", "CWE-2", "CWE-3", "CWE-5"]
    patterns = {}
    for n in range(draw(st.integers(1, 4))):
        adversarial = draw(st.integers(0, 3)) > 0
        via = draw(st.sampled_from(("storedBehind", "storedBehind", "carriedOver", "handles") if adversarial else VIAS))
        patterns[f"T-{n}"] = Pattern(
            f"T-{n}", via, draw(_some(PROPERTIES, 1, 3)), adversarial,
            draw(maybe(_tiers)) if adversarial else None, None if adversarial else draw(maybe(_levels)),
            draw(_some(every, 0, 2)), draw(_some(kinds, 1, 3)), draw(_or_missing(st.sampled_from(FACTOR_VALUES["discovery"]))),
        )  # fmt: skip
    for name, kind in kinds.items():
        pairs = tuple((p, draw(_tiers)) for p in sorted(patterns) if chance(draw, 5))
        kinds[name] = ControlType(kind.name, kind.upholds, kind.tier, kind.band, kind.severity, kind.axes, pairs)
    return patterns, kinds, weaknesses


@st.composite
def models(draw, devices: int = 1, complete: bool = False, library=None):  # type: ignore[no-untyped-def]
    """A knowledge base of one or more devices; *complete* ones lack no tier, impact or other value."""
    patterns, kinds, weaknesses = library or draw(libraries(complete))
    model = Model({}, {}, patterns=patterns, types=kinds, parent_weakness=weaknesses)
    for number in range(devices):
        model = _add_device(draw, model, f"d{number}", complete)
    if devices > 1:
        model = _add_strangers(draw, model)
    return model


def _add_device(draw, m: Model, d: str, complete: bool) -> Model:  # type: ignore[no-untyped-def]
    components = [f"{d}-c{n}" for n in range(draw(st.integers(1, 4)))]
    infos = [f"{d}-i{n}" for n in range(draw(st.integers(1, 2)))]
    functions = [f"{d}-f{n}" for n in range(draw(st.integers(0, 2)))]
    entries = [f"{d}-e{n}" for n in range(draw(st.integers(1, 2)))]
    boundaries = [f"{d}-b{n}" for n in range(2)]
    kinds = dict.fromkeys(infos, "information") | dict.fromkeys(functions, "function")
    kinds |= dict.fromkeys(entries, "interface") | dict.fromkeys(boundaries, "boundary")
    kinds |= {c: "component" if chance(draw, 5) else "part" for c in components}
    whole = {c: draw(st.sampled_from(components[:n])) for n, c in enumerate(components) if n and draw(_maybe)}
    needs = {f: draw(_some([*components, *infos, *functions[:n]], 0, 2)) for n, f in enumerate(functions)}
    grades = _or_missing(st.sampled_from(FACTOR_VALUES["gain"]))
    patients = draw(_or_missing(st.sampled_from(FACTOR_VALUES["patients"])))
    m = m.but(
        kinds=m.kinds | kinds,
        devices=m.devices | dict.fromkeys(kinds, d),
        whole=m.whole | whole,
        held_by=m.held_by | {i: draw(_some(components, 1, 3)) for i in infos},
        depends_on=m.depends_on | needs,
        opens=m.opens | {e: draw(_some(components, 1, 2)) for e in entries},
        carries=m.carries | {e: draw(_some(infos, 1, 2)) for e in entries},
        crosses=m.crosses | {e: draw(_some(boundaries, 0, 2)) for e in entries},
        gain=m.gain | {a: g for a in (*infos, *components) if (g := draw(grades))},
        reach=m.reach | {e: r for e in entries if (r := draw(_or_missing(st.sampled_from(FACTOR_VALUES["reach"]))))},
        patients=m.patients | ({d: patients} if patients else {}),
    )
    m = _add_cells(draw, m, d, [a for a in kinds if kinds[a] in ("information", "function", "part")], complete)
    m = m.but(threats=m.threats + _threats(draw, m, d))
    return _add_facts(draw, m, d, complete)


def _add_cells(draw, m: Model, d: str, assets: list[str], complete: bool) -> Model:  # type: ignore[no-untyped-def]
    complete = complete or not chance(draw, 3)  # one gap anywhere hides much, so most models have none
    harms = {f"{d}-harm{n}": draw(_levels if complete else _or_missing(_levels)) for n in range(2)}
    situations = {f"{d}-hs{n}": draw(_some(harms, 1 if complete else 0, 2)) for n in range(2)}
    impacts, nothings = [], []
    for asset in assets:
        # what most cells of an asset are, so that whole axes are often declared none
        usual = {axis: draw(st.sampled_from(("level", "none", "none", "mixed"))) for axis in AXES}
        for prop in PROPERTIES:
            for axis in AXES:
                name = f"{asset}-{prop[0]}-{axis[0]}"
                n = draw(st.integers(0, 14))
                said = usual[axis] if n < 12 else ("both", "situation", "missing")[n - 12]
                said = ("level", "none", "both", "situation")[n % 4] if said == "mixed" else said
                said = "level" if complete and said == "missing" else said
                if said in ("level", "both"):
                    impacts.append(Impact(f"{name}-imp", asset, prop, axis, draw(_levels)))
                    if n == 0:  # told twice
                        again = draw(_levels if complete else _or_missing(_levels))
                        impacts.append(Impact(f"{name}-imq", asset, prop, axis, again))
                if said in ("none", "both"):
                    reason = complete or not chance(draw, 12)
                    nothings.append(Nothing(f"{name}-no", asset, frozenset({prop}), frozenset({axis}), reason))
                if said == "situation":
                    situation = draw(st.sampled_from(sorted(situations))) if axis == "safety" else None
                    level = draw(st.none() | _levels) if situation or not complete else draw(_levels)
                    impacts.append(Impact(f"{name}-hsi", asset, prop, axis, level, situation))
        if chance(draw, 6):  # one declaration for several cells
            nothings.append(
                Nothing(f"{asset}-many", asset, draw(_some(PROPERTIES, 1, 3)), draw(_some(AXES, 1, 3)), True)
            )
    return m.but(
        harms=m.harms | harms, situations=m.situations | situations, impacts=m.impacts + tuple(impacts),
        nothings=m.nothings + tuple(nothings),
    )  # fmt: skip


def possible_threats(m: Model, d: str) -> list[Threat]:
    """Return every threat that the relations of device *d* allow, whatever entries admit."""
    found = []
    for pattern in m.patterns.values():
        if pattern.via == "carriedOver":
            pairs = [(a, e) for e, carried in m.carries.items() for a in carried]
        elif pattern.via == "storedBehind":
            pairs = [
                (a, e) for a, holders in m.held_by.items() for e, opened in m.opens.items()
                if any(opened & set(wholes(m, h)) for h in holders)
            ]  # fmt: skip
        elif pattern.via == "handles":
            pairs = [(c, e) for e, opened in m.opens.items() for c in opened if m.kinds[c] == "part"]
        else:
            pairs = [(c, c) for c, kind in m.kinds.items() if kind == "part"]
        found += [Threat(d, a, e, pattern.name) for a, e in pairs if m.devices[a] == d]
    return sorted(found, key=lambda t: t.key)


def _threats(draw, m: Model, d: str) -> tuple[Threat, ...]:  # type: ignore[no-untyped-def]
    possible = possible_threats(m, d)
    if not possible:
        return ()
    return tuple(draw(st.lists(st.sampled_from(possible), min_size=min(2, len(possible)), max_size=5, unique=True)))


def places(m: Model, d: str) -> list[str]:
    """Return the elements of a device on which facts about threats can bear; those of its threats come often."""
    near = [
        x
        for t in m.threats
        if t.device == d
        for x in (t.entry, t.asset, *m.opens.get(t.entry, ()), *m.crosses.get(t.entry, ()), *m.held_by.get(t.asset, ()))
    ]
    return sorted([*near, *near, *(x for x in m.kinds if m.devices[x] == d)])


@st.composite
def a_control(draw, m: Model, d: str, name: str):  # type: ignore[no-untyped-def]
    status = draw(st.sampled_from(("planned", "implemented", "verified", "retired", "implemented", "verified")))
    where = draw(st.frozensets(st.sampled_from(places(m, d)), min_size=1, max_size=2))
    return Control(name, d, draw(st.sampled_from(sorted(m.types))), where, status)


@st.composite
def a_condition(draw, m: Model, d: str, name: str, defeats: bool = True):  # type: ignore[no-untyped-def]
    where = draw(st.frozensets(st.sampled_from(places(m, d)), min_size=1, max_size=2))
    mine = [c.name for c in m.controls if c.device == d]
    beaten = draw(_some(mine, 0, 1)) if defeats and chance(draw, 2) else frozenset()
    return Condition(name, d, where, draw(_some(m.patterns, 0, 2)), beaten)


@st.composite
def a_vulnerability(draw, m: Model, d: str, name: str, complete: bool = False):  # type: ignore[no-untyped-def]
    spots = [p for p in places(m, d) if m.kinds[p] != "boundary"]
    return Vulnerability(
        name, d, draw(st.frozensets(st.sampled_from(spots), min_size=1, max_size=2)), draw(_some(m.patterns, 0, 2)),
        draw(_some(("CWE-1", "CWE-2", "CWE-3", "CWE-5"), 0, 2)), draw(_tiers if complete else _or_missing(_tiers)),
        draw(st.sampled_from(("affected", "under-investigation", "fixed", "not-affected", None, "affected"))),
    )  # fmt: skip


def _add_facts(draw, m: Model, d: str, complete: bool) -> Model:  # type: ignore[no-untyped-def]
    controls = tuple(draw(a_control(m, d, f"{d}-ctl{n}")) for n in range(draw(st.integers(0, 4))))
    m = m.but(controls=m.controls + controls)
    flaws = tuple(draw(a_vulnerability(m, d, f"{d}-vul{n}", complete)) for n in range(draw(st.integers(0, 2))))
    conditions = tuple(draw(a_condition(m, d, f"{d}-con{n}")) for n in range(draw(st.integers(0, 2))))
    keys = sorted({(t.entry, t.pattern) for t in m.threats if t.device == d})
    overrides = tuple(
        Override(f"{d}-ovr{n}", d, e, p, draw(_tiers if complete else _or_missing(_tiers)))
        for n, (e, p) in enumerate(keys) if chance(draw, 5)
    )  # fmt: skip
    return m.but(
        vulnerabilities=m.vulnerabilities + flaws,
        conditions=m.conditions + conditions,
        overrides=m.overrides + overrides,
    )


def _add_strangers(draw, m: Model) -> Model:  # type: ignore[no-untyped-def]
    """Add controls of one device that claim to protect elements of another: they must earn nothing."""
    foreign = places(m, "d0")
    found = tuple(
        Control(f"d1-stranger{n}", "d1", draw(st.sampled_from(sorted(m.types))), frozenset({draw(st.sampled_from(foreign))}), "verified")
        for n in range(draw(st.integers(0, 2)))
    )  # fmt: skip
    return m.but(controls=m.controls + found)
