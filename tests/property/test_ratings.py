"""P1 to P10, P12 and P22: what must hold of ratings whatever the knowledge base, shown on random small ones.

Each test rates a random model with the shipped rules, changes one thing, rates again and compares.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import strategies as s
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import AXES, RATINGS, STAGES, Control, Model
from strategies import Rated, Triple, tm

from tmkb.terms import lexical, literal, rdf, rdfs


def rate(model: Model, policy: str = "default") -> Rated:
    return s.rated(s.triples(model), s.shipped_core(policy))


def place(rating: str) -> int:
    return RATINGS.index(rating)


def ratings(rated: Rated) -> dict[tuple[str, str, str], str]:
    """Return the one rating of each (threat, stage, axis)."""
    return {key: found[0][1] for key, found in rated.axes.items()}


def none_lower(before: Rated, after: Rated, stages: tuple[str, ...] = STAGES) -> None:
    """No rating and no overall rating of *before* is higher than in *after*; unknown stands above all."""
    then, now = ratings(before), ratings(after)
    for key, rating in then.items():
        if key[1] in stages:
            assert place(now[key]) >= place(rating), (key, rating, now[key])
    for key, found in before.overall.items():
        if key[1] in stages:
            assert place(after.overall[key][0][0]) >= place(found[0][0]), (key, found, after.overall[key])


def same(before: Rated, after: Rated) -> None:
    assert after.axes == before.axes
    assert after.bands == before.bands
    assert after.overall == before.overall


def one_of(draw, items):  # type: ignore[no-untyped-def]
    assume(items)
    return draw(st.sampled_from(items))


# -- P1, P3 ------------------------------------------------------------------------------------------------------


@given(s.models())
def test_each_threat_has_exactly_one_rating_per_axis_and_stage_and_unknown_has_a_reason(model: Model) -> None:
    """P1: one rating, band and overall rating for each threat, axis and stage; unknown names what is missing."""
    rated = rate(model)
    threats = {s.threat_iri(t) for t in model.threats}
    assert set(rated.axes) == {(t, stage, axis) for t in threats for stage in STAGES for axis in AXES}
    assert set(rated.overall) == set(rated.bands) == {(t, stage) for t in threats for stage in STAGES}
    assert all(len(found) == 1 for table in (rated.axes, rated.overall, rated.bands) for found in table.values())
    gaps = severity_gaps(rated)
    for (threat, stage, axis), [(_, rating, least)] in rated.axes.items():
        no_tier = threat in rated.unknown_tiers or rated.bands[threat, stage][0][1] is None
        if rating == "unknown":
            assert no_tier or (threat, stage, axis) in gaps
        else:
            assert least is None
            assert (threat, stage, axis) not in gaps
            assert rating == "none" or not no_tier
    for key, [(overall, _)] in rated.overall.items():
        assert overall == max((rated.axes[*key, axis][0][1] for axis in AXES), key=place)


def severity_gaps(rated: Rated) -> set[tuple[str, str, str]]:
    """Return the (threat, stage, axis) on which a statement about severity is missing."""
    said: dict[str, dict[str, str]] = {}
    for x, p, o in rated.made:
        said.setdefault(x, {})[p] = o
    return {
        (f[tm("ofThreat")], s.word(f[tm("stage")]), s.word(f[tm("axis")])) for f in said.values()
        if f.get(rdf.type) == tm("Severity") and tm("missing") in f
    }  # fmt: skip


@given(s.models())
def test_ratings_after_controls_are_never_above_those_before_and_equal_them_without_credit(model: Model) -> None:
    """P3: residual ≤ inherent for each threat, axis and view, at-least and band included; equal when nothing is credited."""
    rated = rate(model)
    of = {x: o for x, p, o in rated.made if p == tm("ofThreat")}
    stage_of = {x: s.word(o) for x, p, o in rated.made if p == tm("stage")}
    credited = {(of[x], stage_of[x]) for x, p, o in rated.made if p == rdf.type and o == tm("Credit")}
    for (threat, stage, axis), [(severity, rating, least)] in rated.axes.items():
        [(severity_before, before, least_before)] = rated.axes[threat, "inherent", axis]
        assert place(rating) <= place(before)
        assert place(least or "none") <= place(least_before or "none")
        assert (rating == "unknown") == (before == "unknown"), "a control never makes an unknown known"
        if (threat, stage) not in credited:
            assert (severity, rating, least) == (severity_before, before, least_before)
            assert rated.bands[threat, stage] == rated.bands[threat, "inherent"]
        assert (rated.bands[threat, stage][0][1] or 0) <= (rated.bands[threat, "inherent"][0][1] or 0)


# -- P2, P4, P5: controls ----------------------------------------------------------------------------------------


@given(s.models(), st.data())
def test_adding_a_control_never_raises_a_rating_and_retiring_one_never_lowers_any(
    model: Model, data: st.DataObject
) -> None:
    """P2: with one more control no rating is higher in any view; with one retired instead no rating is lower."""
    extra = data.draw(s.a_control(model, "d0", "d0-extra"))
    without, with_it = rate(model), rate(model.but(controls=(*model.controls, extra)))
    none_lower(with_it, without)
    if model.controls:
        chosen = one_of(data.draw, model.controls)
        retired = tuple(replace(c, status="retired") if c == chosen else c for c in model.controls)
        none_lower(without, rate(model.but(controls=retired)))


@given(s.models(devices=2), st.data())
def test_a_control_that_cannot_help_changes_no_rating(model: Model, data: st.DataObject) -> None:
    """P4: a control of another property, device, place or type, or with a status that no view counts, changes nothing."""
    threat = one_of(data.draw, [t for t in model.threats if t.device == "d0"])
    pattern = model.patterns[threat.pattern]
    lost = frozenset(pattern.violates)
    everywhere = frozenset(e for e in model.kinds if model.devices[e] == "d0")
    elsewhere = frozenset(e for e in model.kinds if model.devices[e] == "d1")
    strong = replace(
        model.types["C-0"], name="C-9", upholds=lost, tier=6, band=1, severity=1, axes=frozenset(AXES), pairs=()
    )
    countered = {name: replace(p, countered_by=p.countered_by | {"C-9"}) for name, p in model.patterns.items()}
    useless = {
        "status": (strong, Control("d0-x", "d0", "C-9", everywhere, "retired"), countered),
        "no status": (strong, Control("d0-x", "d0", "C-9", everywhere, None), countered),
        "device": (strong, Control("d1-x", "d1", "C-9", everywhere, "verified"), countered),
        "property": (
            replace(strong, upholds=frozenset()),
            Control("d0-x", "d0", "C-9", everywhere, "verified"),
            countered,
        ),
        "type": (strong, Control("d0-x", "d0", "C-9", everywhere, "verified"), model.patterns),
        "path": (strong, Control("d0-x", "d0", "C-9", elsewhere, "verified"), countered),
    }
    kind, control, patterns = useless[data.draw(st.sampled_from(sorted(useless)))]
    base = model.but(types=model.types | {"C-9": kind}, patterns=patterns)
    same(rate(base), rate(base.but(controls=(*base.controls, control))))


@given(s.models(), st.data())
def test_a_planned_control_changes_the_planned_view_only(model: Model, data: st.DataObject) -> None:
    """P4: a control whose status a view does not count changes no rating of that view."""
    extra = replace(
        data.draw(s.a_control(model, "d0", "d0-extra")), status=data.draw(st.sampled_from(("planned", "implemented")))
    )
    before, after = rate(model), rate(model.but(controls=(*model.controls, extra)))
    unmoved = ("inherent", "verified") if extra.status == "implemented" else ("inherent", "verified", "implemented")
    for table_before, table_after in (
        (before.axes, after.axes),
        (before.bands, after.bands),
        (before.overall, after.overall),
    ):
        assert {k: v for k, v in table_before.items() if k[1] in unmoved} == {
            k: v for k, v in table_after.items() if k[1] in unmoved
        }


@given(s.models(), st.data())
def test_the_same_control_twice_changes_nothing(model: Model, data: st.DataObject) -> None:
    """P5: a copy of a control under another id, as a second file or owl:sameAs would bring it, changes no rating."""
    chosen = one_of(data.draw, model.controls)
    beaten = tuple(
        replace(c, defeats=c.defeats | {"d0-copy"}) if chosen.name in c.defeats else c for c in model.conditions
    )
    copy = replace(chosen, name="d0-copy")
    same(rate(model), rate(model.but(controls=(*model.controls, copy), conditions=beaten)))


# -- P6, P7: one step worse, and statements that go missing ------------------------------------------------------


def test_the_matrix_of_each_shipped_policy_is_total_and_monotone() -> None:
    """P6: each policy has one rating for each band and severity, and one step up in either never lowers it."""
    for name in ("default", "four-factors"):
        policy = s.read_policy(s.policy_triples(name))
        assert set(policy.matrix) == {(b, v) for b in range(1, 6) for v in range(1, 6)}
        for (band, severity), rating in policy.matrix.items():
            assert place(policy.matrix.get((band + 1, severity), rating)) >= place(rating)
            assert place(policy.matrix.get((band, severity + 1), rating)) >= place(rating)
        assert [policy.bands[t] for t in range(1, 7)] == sorted(policy.bands.values(), reverse=True)


@given(s.models(), st.data())
def test_one_step_more_impact_never_lowers_a_rating(model: Model, data: st.DataObject) -> None:
    """P6: raising one typed level or harm by a step lowers no rating before or after controls."""
    graded = [i for i in model.impacts if i.level and i.level < 5]
    harms = [h for h, level in model.harms.items() if level and level < 5]
    chosen = one_of(data.draw, [*graded, *harms])
    if isinstance(chosen, str):
        worse = model.but(harms=model.harms | {chosen: model.harms[chosen] + 1})  # type: ignore[operator]
    else:
        worse = model.but(impacts=tuple(replace(i, level=i.level + 1) if i == chosen else i for i in model.impacts))  # type: ignore[operator]
    none_lower(rate(model), rate(worse))


@given(s.models(), st.data())
def test_a_lower_tier_or_higher_band_never_lowers_a_rating(model: Model, data: st.DataObject) -> None:
    """P6, P7: one step less capable an adversary, or one band more without intent, lowers no band and no rating."""
    name = one_of(data.draw, sorted(n for n, p in model.patterns.items() if (p.tier or 0) > 1 or (p.band or 5) < 5))
    pattern = model.patterns[name]
    easier = replace(pattern, tier=pattern.tier and pattern.tier - 1, band=pattern.band and pattern.band + 1)
    # a control forces a tier on the pattern whatever the tier was before, so its pairs stay as they are
    before, after = rate(model), rate(model.but(patterns=model.patterns | {name: easier}))
    none_lower(before, after)
    for key, [(_, band)] in before.bands.items():
        assert (after.bands[key][0][1] or 5) >= (band or 0)


@given(s.models(), st.data())
def test_deleting_a_tier_level_or_declaration_never_lowers_the_shown_rating(model: Model, data: st.DataObject) -> None:
    """P7: without a tier, band, level, harm level or reason that was there, no rating is lower: unknown stands above.

    Left out are statements beside which another one on the same cell still stands for itself: a whole impact beside
    another, and a typed level beside the harms that the impact leads to.
    """
    alone = Counter((i.asset, i.property, i.axis) for i in model.impacts)
    for n in model.nothings:
        alone.update((n.asset, p, a) for p in n.properties for a in n.axes)
    ways: list[tuple[str, Any]] = [("level", i) for i in model.impacts if i.level and not i.situation]
    ways += [("impact", i) for i in model.impacts if alone[i.asset, i.property, i.axis] == 1]
    ways += [("harm", h) for h in sorted(model.harms)]
    ways += [("reason", n) for n in model.nothings if n.reason]
    ways += [("pattern", n) for n in sorted(model.patterns)]
    ways += [("vulnerability", v) for v in model.vulnerabilities] + [("status", v) for v in model.vulnerabilities]
    ways += [("override", o) for o in model.overrides]
    kind, chosen = data.draw(st.sampled_from(ways))
    less = {
        "level": lambda: model.but(impacts=tuple(replace(i, level=None) if i == chosen else i for i in model.impacts)),
        "harm": lambda: model.but(harms=model.harms | {chosen: None}),
        "impact": lambda: model.but(impacts=tuple(i for i in model.impacts if i != chosen)),
        "reason": lambda: model.but(
            nothings=tuple(replace(n, reason=False) if n == chosen else n for n in model.nothings)
        ),
        "pattern": lambda: model.but(
            patterns=model.patterns | {chosen: replace(model.patterns[chosen], tier=None, band=None)}
        ),
        "vulnerability": lambda: model.but(
            vulnerabilities=tuple(replace(v, tier=None) if v == chosen else v for v in model.vulnerabilities)
        ),
        "status": lambda: model.but(
            vulnerabilities=tuple(replace(v, vex=None) if v == chosen else v for v in model.vulnerabilities)
        ),
        "override": lambda: model.but(
            overrides=tuple(replace(o, tier=None) if o == chosen else o for o in model.overrides)
        ),
    }[kind]()
    none_lower(rate(model), rate(less))


@settings(max_examples=10)
@given(s.models(complete=True), st.data())
def test_deleting_a_line_of_the_policy_never_lowers_the_shown_rating(model: Model, data: st.DataObject) -> None:
    """P7: without one tier band or matrix cell of the policy, ratings that needed it are unknown and none is lower."""
    policy = sorted(s.policy_triples("default"))
    lines = sorted({x for x, p, o in policy if p == rdf.type and o in (tm("TierBand"), tm("MatrixCell"))})
    gone = data.draw(st.sampled_from(lines))
    local = s.triples(model)
    core = s.shipped_core()
    after = s.rated(local, frozenset(t for t in core if t[0] != gone))
    assert all(len(found) == 1 for found in after.axes.values())
    none_lower(s.rated(local, core), after)


# -- P8: causes without intent, conditions -----------------------------------------------------------------------


@settings(max_examples=15)
@given(s.models())
def test_a_cause_without_intent_never_changes_the_tier_of_an_adversary(model: Model) -> None:
    """P8: with the non-adversarial patterns and their threats gone, every other threat is rated as before."""
    kept = tuple(t for t in model.threats if model.patterns[t.pattern].adversarial)
    assume(kept)
    before, after = rate(model), rate(model.but(threats=kept))
    assert after.axes == {k: v for k, v in before.axes.items() if k in after.axes}
    assert after.bands == {k: v for k, v in before.bands.items() if k in after.bands}


@given(s.models(), st.data())
def test_a_condition_or_vulnerability_only_ever_raises_ratings_and_a_condition_that_lowers_a_tier_is_named(
    model: Model, data: st.DataObject
) -> None:
    """P8: one more condition or vulnerability lowers no rating; a tier that a condition lowered names it, by one step at most."""
    condition = data.draw(s.a_condition(model, "d0", "d0-extra"))
    flaw = data.draw(s.a_vulnerability(model, "d0", "d0-flaw"))
    before = rate(model)
    eased = rate(model.but(conditions=(*model.conditions, condition)))
    none_lower(before, eased)
    none_lower(before, rate(model.but(vulnerabilities=(*model.vulnerabilities, flaw))))
    extra = s.node(model, "d0-extra")
    for (threat, stage), [(tier, _)] in before.bands.items():
        now = eased.bands[threat, stage][0][0]
        if stage == "inherent" and now != tier:
            assert tier is not None and now == tier - 1
            assert (threat, tm("loweredBy"), extra) in eased.made


# -- P9, P10: devices apart and together -------------------------------------------------------------------------


def only(model: Model, device: str) -> Model:
    """Return *model* with nothing but what belongs to one device."""

    def mine(table: dict) -> dict:  # type: ignore[type-arg]
        return {k: v for k, v in table.items() if k.split("-", 1)[0] == device}

    def here(records: tuple) -> tuple:  # type: ignore[type-arg]
        return tuple(r for r in records if (r.device if hasattr(r, "device") else r.asset.split("-", 1)[0]) == device)

    tables = (
        "kinds",
        "devices",
        "whole",
        "held_by",
        "depends_on",
        "opens",
        "carries",
        "crosses",
        "harms",
        "situations",
        "gain",
        "reach",
        "patients",
    )
    records = ("impacts", "nothings", "vulnerabilities", "conditions", "overrides", "controls", "threats")
    return model.but(**{n: mine(getattr(model, n)) for n in tables}, **{n: here(getattr(model, n)) for n in records})


@given(s.models(devices=2))
def test_results_of_a_device_do_not_change_when_another_is_added(model: Model) -> None:
    """P9: everything worked out about a device is triple for triple the same with a second device in the graph."""
    alone, together = rate(only(model, "d0")), rate(model)
    own = f"<{s.DEVICE}d0/"
    assert {t for t in together.made if t[0].startswith(own)} == alone.made


@settings(max_examples=10)
@given(s.models(devices=3))
def test_results_of_devices_together_are_the_union_of_results_of_each(model: Model) -> None:
    """P10: rating three devices in one graph gives the union of rating each alone, the library being the same."""
    together = rate(model).made
    assert together == frozenset().union(*(rate(only(model, d)).made for d in ("d0", "d1", "d2")))


# -- P12, P22: names ---------------------------------------------------------------------------------------------


def described(made: frozenset[Triple], local: frozenset[Triple], names: dict[str, str]) -> Counter:  # type: ignore[type-arg]
    """Return what is said of each node, names of data translated, names of worked-out nodes left out."""
    known = {t for triple in local for t in triple}
    said: dict[str, set[tuple[str, str]]] = {}
    for x, p, o in made:
        said.setdefault(x, set()).add((p, names.get(o, o)))
    return Counter((names.get(x, x) if x in known else "", frozenset(facts)) for x, facts in said.items())


@given(s.models(), st.randoms(use_true_random=False))
def test_renaming_data_renames_the_results_and_nothing_else(model: Model, random) -> None:  # type: ignore[no-untyped-def]
    """P12: under any bijection of the IRIs of a device, threats included, all tables are the same but for these names."""
    local = s.triples(model)
    own = sorted({t for triple in local for t in triple if t.startswith(f"<{s.DEVICE}")})
    targets = [f"<{s.DEVICE}other/n{n}>" for n in range(len(own))]
    random.shuffle(targets)
    names = dict(zip(own, targets, strict=True))
    renamed = frozenset((names.get(x, x), p, names.get(o, o)) for x, p, o in local)
    before = s.rated(local)
    after = s.rated(renamed)
    assert described(after.made, renamed, {}) == described(before.made, local, names)
    assert after.axes == {(names[t], *rest): v for (t, *rest), v in before.axes.items()}


@settings(max_examples=15)
@given(s.models())
def test_other_labels_change_no_result(model: Model) -> None:
    """P12, P22: with other words for every tier, severity, rating and element, all that is worked out is the same."""
    local = s.triples(model) | {(s.node(model, e), rdfs.label, literal(e)) for e in model.kinds}
    core = s.shipped_core()

    def other(triples: frozenset[Triple]) -> frozenset[Triple]:
        return frozenset((x, p, literal("zz " + lexical(o)[::-1]) if p == rdfs.label else o) for x, p, o in triples)

    assert s.rated(other(local), other(core)).made == s.rated(local, core).made


@settings(max_examples=15)
@given(s.models())
def test_other_ranks_of_ratings_in_the_same_order_change_no_result(model: Model) -> None:
    """P22: ranks of rating values only compare, so 1 to 6 written as 1, 2, 4, 8, 16, 32 gives the same results.

    Ranks of tiers and severities are counts of steps by definition (tm:rank: "the place of an entry in its ordered
    scale, 1 being the first"): one tier down is rank minus one. Other numbers there would be another scale, and are
    refused as structural error by the shape numbers-in-range or give unknown; so nothing is claimed about them.
    """
    core = s.shipped_core()
    values = {x for x, p, o in core if p == rdf.type and o == tm("RatingValue")}
    stretched = frozenset(
        (x, p, literal(str(2 ** (int(lexical(o)) - 1)), "integer") if x in values and p == tm("rank") else o)
        for x, p, o in core
    )
    local = s.triples(model)
    same(s.rated(local, core), s.rated(local, stretched))
