"""``why`` and ``why-not``: the proof of a threat and of its ratings in plain words, to file and line.

Each answer is a list of lines with depth, text and place, so that every output format can show it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tmkb import views
from tmkb.model.graphs import RatedGraph, Statement
from tmkb.model.tables import Cell
from tmkb.model.threats import AXES, StageRating, ThreatRow
from tmkb.prove import Prover, Step
from tmkb.query import KnowledgeBase
from tmkb.terms import TM, bare, dct, lexical, owl, rdf, rdfs, shown, skos, tm
from tmkb.views import View
from tmkb.wording import Wording

RULES = {
    "stated": "stated",
    "assembled": "worked out while assembling",
    "crossing": "the two ends lie in different zones, and this boundary is stated between them",
    "crossing unstated": "the two ends lie in different zones, and nobody stated a boundary between these",
    "unplaced": "an end or the zone of an end is missing, so it counts as crossing a boundary that nobody stated",
    "itself": "a component of the device is its own point of entry",
    "scope exception": "a scope exception puts the interface back into the analysis",
    "zone stated": "the zone is stated on the component",
    "zone of the whole": "a part lies in the zone of its whole",
    "cax-sco": "what belongs to a class belongs to every wider class",
    "cax-eqc": "equivalent classes have the same members",
    "cls-int1": "it belongs to every class of the intersection",
    "cls-svf1": "it has a value of the required class",
    "cls-hv1": "every member of the class has this value",
    "cls-hv2": "it has the value that defines the class",
    "prp-inv": "the one relation is the inverse of the other",
    "prp-spo1": "the narrower relation implies the wider one",
    "prp-spo2": "the chain of relations implies this one",
    "prp-trp": "the relation is transitive",
    "prp-symp": "the relation is symmetric",
    "prp-dom": "whatever has this property belongs to the class",
    "prp-rng": "whatever is a value of this property belongs to the class",
    "scm-eqc1": "equivalent classes include each other",
    "scm-int": "an intersection is included in each of its members",
    "scm-sco": "inclusion of classes is transitive",
}


_SHOWN_BY_THE_CLASS = (owl.intersectionOf, owl.hasValue, owl.someValuesFrom)


@dataclass(frozen=True)
class Line:
    """One line of an explanation."""

    depth: int
    text: str
    where: str = ""
    rule: str = ""


class Explainer:
    """Explains the threats of one rated release."""

    def __init__(self, kb: KnowledgeBase, rated: RatedGraph, view: View) -> None:
        """Prepare proofs, names and places."""
        self._kb, self._rated, self._view = kb, rated, view
        self._prover = Prover(rated.derived.closed)
        self._say = Wording(rated)
        self._facts = self._say.facts
        self._release = bare(rated.assembled.release)

    # -- why ---------------------------------------------------------------------------------------------------

    def why(self, row: ThreatRow, view: str = "implemented") -> list[Line]:
        """Return the whole explanation of one threat: derivation, tiers, severity, controls, ratings, decision."""
        lines = [
            Line(0, f"{row.id}  {row.pattern_name}"),
            Line(1, f"asset: {row.asset_title} ({row.asset}); entry: {row.entry_title} ({row.entry})"),
            Line(
                1,
                f"device: {row.device_name} {row.release}; "
                f"loses {', '.join(row.violates)}; STRIDE {', '.join(row.stride)}",
            ),
        ]
        for part in (
            self._derivation(row),
            self._pattern(row),
            self._tiers(row),
            self._severity(row),
            self._controls(row, view),
            self._ratings(row, view),
            self._decision(row),
        ):
            lines += part
        return lines

    def steps(self, row: ThreatRow) -> list[Step]:
        """Return the proofs of the three halves of the derivation."""
        threat = f"<{row.iri}>"
        asset, entry, pattern = (self._facts[threat][p][0] for p in (tm.asset, tm.entry, tm.pattern))
        relation = self._facts[pattern][tm.via][0]
        goals = [(entry, tm.admits, pattern), (asset, relation, entry), (asset, tm.susceptibleTo, pattern)]
        return [step for step in map(self._prover.prove, goals) if step is not None]

    def premises(self, row: ThreatRow) -> list[Statement]:
        """Return the statements about the release on which the threat and all its ratings rest, each once."""
        threat = f"<{row.iri}>"
        nodes = {s.triple[0] for step in self.steps(row) for s in step.leaves()}
        nodes |= set(self._facts[threat].get(tm.consequence, ())) | set(self._facts[threat].get(tm.place, ()))
        asset = self._facts[threat][tm.asset][0]
        nodes |= {asset, self._rated.assembled.device, *self._facts[asset].get(tm.holds, ())}
        told = {s for s, f in self._facts.items() if set(f.get(tm.onAsset, ())) & nodes}
        nodes |= told | {o for n in told for o in self._facts[n].get(tm.hazardousSituation, ())}
        nodes |= {o for n in list(nodes) for o in self._facts.get(n, {}).get(tm.leadsTo, ())}
        nodes |= self._deciding(threat) | self._holders(nodes)
        found = [s for s in self._rated.assembled.local if s.triple[0] in nodes]
        return list(dict.fromkeys(found))

    def _deciding(self, threat: str) -> set[str]:
        """Return vulnerabilities, overrides, conditions and controls that could matter at the places of a threat."""
        places = set(self._facts[threat].get(tm.place, ()))
        pattern = self._facts[threat][tm.pattern][0]
        found = set()
        for node, facts in self._facts.items():
            here = [o for p in (tm.sitsIn, tm.onElement, tm.protects, tm.entry) for o in facts.get(p, ())]
            if set(here) & places and (tm.pattern not in facts or pattern in facts[tm.pattern]):
                found.add(node)
        conditions = {n for n, f in self._facts.items() if set(f.get(tm.defeats, ())) & found}
        return found | conditions

    def _holders(self, nodes: set[str]) -> set[str]:
        """Return the components in which the given ones are contained, so that zones and places can be worked out."""
        found: set[str] = set()
        todo = list(nodes)
        while todo:
            facts = self._facts.get(todo.pop(), {})
            for whole in (whole for link in (tm.partOf, tm.runsOn) for whole in facts.get(link, ())):
                if whole not in found | nodes:
                    found.add(whole)
                    todo.append(whole)
        return found

    def _derivation(self, row: ThreatRow) -> Iterator[Line]:
        titles = (
            "the entry admits the pattern",
            "the asset stands to the entry as the pattern needs",
            "the asset is susceptible",
        )
        yield Line(0, "Why there is such a threat")
        for number, (title, step) in enumerate(zip(titles, self.steps(row), strict=True), 1):
            yield Line(1, f"{number}. {title}: {self._say.sentence(step.triple)}")
            yield from self._proof(step, 2, skip=True)
        yield Line(
            1,
            "from 1, 2 and 3 by rule derive/10-threat: one threat for device, asset, entry and pattern",
            "",
            "10-threat",
        )

    def _proof(self, step: Step, depth: int, *, skip: bool = False) -> Iterator[Line]:
        if not skip or step.rule == "stated":
            where = str(step.origin) if step.origin is not None and step.origin.line else ""
            yield Line(depth, self._say.sentence(step.triple), where, step.rule)
        if step.premises:
            yield Line(depth + (0 if skip else 1), f"because {RULES[step.rule]}:", "", step.rule)
            for premise in step.premises:
                if premise.triple[1] not in _SHOWN_BY_THE_CLASS:
                    yield from self._proof(premise, depth + (1 if skip else 2))

    def _pattern(self, row: ThreatRow) -> Iterator[Line]:
        facts = self._facts[f"<{views.library_iri(row.pattern)}>"]
        yield Line(
            0,
            f"Pattern {row.pattern}: {self._say.words(facts, skos.definition)}",
            self._say.place(views.library_iri(row.pattern)),
        )
        references = [lexical(o) for o in facts.get(tm.reference, ())]
        weaknesses = [shown(o) for o in facts.get(tm.exploitsWeakness, ())]
        for label, values in (("references", references), ("weaknesses", weaknesses)):
            if values:
                yield Line(1, f"{label}: {', '.join(values)}")
        for source in facts.get(dct.source, ()):
            yield Line(1, f"source: {self._say.name(source)}", self._say.place(bare(source)))
        if row.advisories:
            yield Line(1, f"public advisories as evidence for this class: {', '.join(row.advisories)}")

    def _tiers(self, row: ThreatRow) -> Iterator[Line]:
        yield Line(0, "What decides the tier or band before controls")
        facts = self._facts[f"<{views.library_iri(row.pattern)}>"]
        for r in self._rows("threat-tiers", row):
            if r["part"] == "condition":
                yield Line(
                    1,
                    f"one tier easier through condition {r['name']}: {self._say.reason(r['because'])}",
                    self._say.place(r["because"]),
                )
            else:
                tier = f"tier {_roman(r['tier'])}" if r["tier"] else "no tier: unknown"
                mark = "decides" if r["decides"] else "does not decide"
                kind = (
                    f"pattern {row.pattern} (default)"
                    if r["because"] == views.library_iri(row.pattern)
                    else f"{r['name']}"
                )
                yield Line(
                    1, f"{tier} from {kind}: {mark}. {self._say.reason(r['because'])}", self._say.place(r["because"])
                )
        if tm.defaultBand in facts:
            yield Line(
                1, f"without intent: band {lexical(facts[tm.defaultBand][0])}. {self._say.words(facts, tm.basis)}"
            )
        stage = row.inherent
        yield Line(1, f"before controls: {_stands(stage)}")

    def _severity(self, row: ThreatRow) -> Iterator[Line]:
        yield Line(0, "How severe it is")
        asset = self._facts[f"<{row.iri}>"][tm.asset][0]
        cells = [r for r in views.records(self._kb, self._view("cells")) if r["asset"] == bare(asset)]
        for r in cells:
            if r["release"] != self._release or r["property"] not in row.violates:
                continue
            level = max(int(r["own"] or 0), int(r["floor"] or 0))
            if r["missing"]:
                said = f"something is missing, so unknown (at least {level})" if level else "nobody said, so unknown"
            elif level:
                source = "" if int(r["own"] or 0) >= level else " (from what it holds or performs)"
                said = f"severity {level}{source}"
            else:
                said = "no effect, by declaration"
            text = r["words"] or (r["reason"] if not level else "")
            place = self._impact_place(asset, str(r["property"]), str(r["axis"]))
            yield Line(1, f"loss of {r['property']}, {r['axis']}: {said}" + (f". {text}" if text else ""), place)
        seen = set()
        for r in self._rows("threat-harms", row):
            key = (r["situationName"], r["harmName"])
            if key not in seen:
                seen.add(key)
                through = "" if r["through"] == bare(asset) else f" (through {r['throughName']})"
                text = f"hazard {r['hazardName']} → {r['situationName']} → harm {r['harmName']} ({r['level']}){through}"
                yield Line(1, text, self._say.place(r["situation"]))

    def _impact_place(self, asset: str, prop: str, axis: str) -> str:
        for node, facts in self._facts.items():
            if asset in facts.get(tm.onAsset, ()) and (tm.Cell not in facts.get(rdf.type, ())):
                properties = [self._say.names.get(o) for o in facts.get(tm.ofProperty, ())]
                if prop in properties and axis in [self._say.names.get(o) for o in facts.get(tm.axis, ())]:
                    return self._say.places.find(node)
        return ""

    def _controls(self, row: ThreatRow, view: str) -> Iterator[Line]:
        yield Line(0, "Controls")
        credits = [r for r in self._rows("credits", row) if r["stage"] == f"{TM}view-{view}"]
        for control in row.controls:
            iri = next(
                (k for k in self._facts if k.endswith(f"/{control.iri}>") and tm.ofControlType in self._facts[k]), ""
            )
            mine = [r for r in credits if r["control"] == bare(iri)] if iri else []
            effects = sorted({_effect(r) for r in mine})
            verdict = "decides" if control.decides else "counts, but another store, property or control decides"
            if not mine:
                verdict = "no credit: " + self._no_credit(iri, control.status, row, view)
            text = f"{control.name} ({control.type}, {control.status}): {'; '.join([*effects, verdict])}"
            yield Line(1, text, self._say.place(bare(iri)) if iri else "")
        if not row.controls:
            yield Line(1, "no control of a type that counters this pattern protects a place of this threat")

    def _no_credit(self, control: str, status: str, row: ThreatRow, view: str) -> str:
        defeated = [n for n, f in self._facts.items() if control in f.get(tm.defeats, ())]
        if defeated:
            return f"condition {self._say.name(defeated[0])} defeats it"
        if status not in self._counted(view):
            return f"{status} does not count in the view '{view}'"
        types = self._facts.get(control, {}).get(tm.ofControlType, ())
        upheld = {self._say.names.get(o) for t in types for o in self._facts.get(t, {}).get(tm.upholds, ())}
        if not upheld & set(row.violates):
            return f"its type upholds {', '.join(sorted(str(u) for u in upheld)) or 'nothing'}, not what is lost here"
        return "its type forces no tier, band or severity here"

    def _counted(self, view: str) -> set[str]:
        """Return the control statuses to which the policy gives credit in a view, by their labels."""
        rules = [f for f in self._facts.values() if f"<{TM}view-{view}>" in f.get(tm.view, ())]
        return {self._say.name(status) for f in rules for status in f.get(tm.countsStatus, ())}

    def _ratings(self, row: ThreatRow, view: str) -> Iterator[Line]:
        yield Line(0, f"Ratings, by look-up ({self._kb.policy})")
        for title, stage in (("before controls", row.inherent), (f"after controls ({view})", row.residual)):
            yield Line(1, f"{title}: {_stands(stage)}")
            for axis in AXES:
                at = stage.axes[axis]
                least = f" (at least {at.at_least})" if at.at_least else ""
                yield Line(2, f"{axis}: severity {at.severity if at.severity else '-'} → {at.rating}{least}")
            least = f" (at least {stage.at_least})" if stage.at_least else ""
            yield Line(2, f"worst axis: {stage.rating}{least}, {stage.acceptance}")

    def _decision(self, row: ThreatRow) -> Iterator[Line]:
        yield Line(0, "Decision")
        d = row.decision
        if d is None:
            yield Line(1, "none recorded; record one with 'tmkb decide'")
        else:
            where = next((self._say.places.find(k) for k in self._facts if k.endswith(f"/{d.iri}>")), "")
            yield Line(1, f"{d.title}: {d.reason} ({d.owner}, {d.decided_on}, until {d.expires or 'revoked'})", where)

    def _rows(self, name: str, row: ThreatRow) -> list[dict[str, Cell]]:
        found = views.records(self._kb, self._view(name))
        return [r for r in found if r["threat"] == row.iri and r["release"] == self._release]

    # -- why not -----------------------------------------------------------------------------------------------

    def why_not(self, vector: str, pattern: str, asset: str = "") -> list[Line]:
        """Return which half is missing for a threat of *pattern* at *vector* (on *asset*); all are N-Triples IRIs."""
        lines = [Line(0, f"Is there a threat {self._say.name(pattern)} at {self._say.name(vector)}?")]
        derived = [t for t in self._threats() if self._is(t, vector, pattern, asset)]
        if derived:
            ids = [lexical(self._facts[t][tm.shortId][0]) for t in derived]
            return [*lines, Line(1, f"yes, it is derived: {', '.join(ids)}; ask 'tmkb why {ids[0]}'")]
        relation = self._facts[pattern][tm.via][0]
        admitted = pattern in self._facts[vector].get(tm.admits, ())
        lines += self._entry_half(vector, pattern, admitted)
        related = {s for s, f in self._facts.items() if vector in f.get(relation, ())}
        prone = {s for s, f in self._facts.items() if pattern in f.get(tm.susceptibleTo, ()) and tm.ofDevice in f}
        for one in [asset] if asset else sorted(related | prone):
            lines.append(Line(1, f"asset {self._say.name(one)}", self._say.place(bare(one))))
            lines.append(
                self._half(one in prone, f"is susceptible (kinds that are: {self._kinds(tm.susceptibleTo, pattern)})")
            )
            lines.append(self._half(one in related, f"stands to the entry as '{self._say.name(relation)}'"))
        if not asset and not related | prone:
            lines.append(Line(1, "no asset of this release is susceptible or stands in the relation"))
        return lines

    def _entry_half(self, vector: str, pattern: str, admitted: bool) -> Iterator[Line]:
        kinds = self._kinds(tm.admits, pattern)
        own = sorted(self._say.names[k] for k in self._facts[vector].get(rdf.type, ()) if k in self._say.names)
        yield self._half(admitted, f"the entry admits the pattern (kinds that do: {kinds})")
        yield Line(2, f"the entry is: {', '.join(own)}", self._say.place(bare(vector)))
        if tm.AttackVector not in self._facts[vector].get(rdf.type, ()) and tm.Interface in self._facts[vector].get(
            rdf.type, ()
        ):
            zones = sorted(
                {
                    self._say.name(z)
                    for c in self._facts[vector].get(tm.connects, ())
                    for z in self._facts[c].get(tm.inZone, ())
                }
            )
            yield Line(
                2, f"it is no attack vector: it crosses no boundary in scope (zones of its ends: {', '.join(zones)})"
            )

    def _half(self, holds: bool, text: str) -> Line:
        return Line(2, ("holds: " if holds else "MISSING: ") + text)

    def _kinds(self, prop: str, pattern: str) -> str:
        makers = {
            s
            for s, f in self._facts.items()
            if pattern in f.get(owl.hasValue, ()) and prop in f.get(owl.onProperty, ())
        }
        origins = self._rated.assembled.origins
        return (
            ", ".join(sorted(self._say.name(s) for s, p, o in origins if p == rdfs.subClassOf and o in makers))
            or "none"
        )

    def _threats(self) -> list[str]:
        return [s for s, f in self._facts.items() if tm.Threat in f.get(rdf.type, ())]

    def _is(self, threat: str, vector: str, pattern: str, asset: str) -> bool:
        facts = self._facts[threat]
        same = facts[tm.entry] == [vector] and facts[tm.pattern] == [pattern]
        return same and (not asset or facts[tm.asset] == [asset])


def _effect(r: dict[str, Cell]) -> str:
    if r["tier"]:
        return f"forces tier {_roman(r['tier'])} for {r['property']}"
    if r["band"]:
        return f"caps the band at {r['band']} for {r['property']}"
    return f"caps severity at {r['severity']} on {r['axis']} for {r['property']}"


def _roman(rank: Cell) -> str:
    return ("I", "II", "III", "IV", "V", "VI")[int(rank or 1) - 1]


def _stands(stage: StageRating) -> str:
    if stage.band is None:
        return "tier unknown"
    moved = f" (band {stage.base_band} before factors)" if stage.base_band != stage.band else ""
    return f"{stage.tier + ', ' if stage.tier else ''}band {stage.band}{moved}"
