"""P24: the shipped rating queries against a brute-force rater that was written apart from them.

TMKB_HYPOTHESIS=tmkb-thorough compares ten times as many knowledge bases.
"""

from __future__ import annotations

import oracle
import pytest
import strategies as s
from hypothesis import given, settings
from oracle import AXES, PROPERTIES, Control, ControlType, Impact, Model, Nothing, Pattern, Threat

FACTOR = settings().max_examples // 20  # 1, or 10 in the thorough profile


def agree(model: Model, policy: str = "default") -> None:
    """Compare every tier, band, severity, rating, at-least and overall rating of every threat at every stage."""
    expected = oracle.rate(model, s.read_policy(s.policy_triples(policy)))
    found = s.rated(s.triples(model), s.shipped_core(policy))
    s.COMPARED["models"] += 1
    s.COMPARED["threats"] += len(model.threats)
    for threat in model.threats:
        iri = s.threat_iri(threat)
        for stage in oracle.STAGES:
            verdict = expected[threat.key, stage]
            [(tier, band)] = found.bands[iri, stage]
            if iri in found.unknown_tiers:
                tier = band = None
            assert (tier, band) == (verdict.tier, verdict.band), (threat, stage, "tier and band")
            for axis in AXES:
                [(severity, rating, least)] = found.axes[iri, stage, axis]
                assert (severity, rating, least) == verdict.axes[axis], (threat, stage, axis)
                s.COMPARED["ratings"] += 1
            assert found.overall[iri, stage] == [(verdict.rating, verdict.at_least)], (threat, stage, "overall")


@settings(max_examples=300 * FACTOR)
@given(s.models())
def test_oracle_agrees_with_the_shipped_rules(model: Model) -> None:
    """P24: on random devices the brute-force rater and queries/rate/ give the same tiers, bands and ratings."""
    agree(model)


@settings(max_examples=40 * FACTOR)
@given(s.models(devices=2))
def test_oracle_agrees_when_two_devices_share_one_graph(model: Model) -> None:
    """P24: the same with two devices in one graph, controls of the one claiming elements of the other."""
    agree(model)


@settings(max_examples=40 * FACTOR)
@given(s.models())
def test_oracle_agrees_under_the_policy_with_four_factors(model: Model) -> None:
    """P24: the same with all optional factors on, missing values included."""
    agree(model, "four-factors")


# -- smallest examples of what the random comparison found --------------------------------------------------------


def smallest(*said: Impact | Nothing, **more: object) -> Model:
    """One store, one asset in it, one entry, one threat to integrity by tier I; *said* about integrity and safety."""
    cells = {(p, a) for p in PROPERTIES for a in AXES} - {("integrity", "safety")}
    nothing = [Nothing(f"d0-no-{p}-{a}", "d0-i0", frozenset({p}), frozenset({a}), True) for p, a in sorted(cells)]
    return Model(
        {"d0-c0": "component", "d0-i0": "information", "d0-e0": "interface"},
        dict.fromkeys(("d0-c0", "d0-i0", "d0-e0"), "d0"),
        held_by={"d0-i0": frozenset({"d0-c0"})}, opens={"d0-e0": frozenset({"d0-c0"})},
        patterns={"T-0": Pattern("T-0", "storedBehind", frozenset({"integrity"}), tier=1, discovery="low")},
        impacts=tuple(i for i in said if isinstance(i, Impact)),
        nothings=(*nothing, *(n for n in said if isinstance(n, Nothing))),
        threats=(Threat("d0", "d0-i0", "d0-e0", "T-0"),),
    ).but(**more)  # fmt: skip


def told(name: str, level: int | None, situation: str | None = None) -> Impact:
    return Impact(name, "d0-i0", "integrity", "safety", level, situation)


NONE_SAID = Nothing("d0-n", "d0-i0", frozenset({"integrity"}), frozenset({"safety"}), True)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(
            smallest(
                told("d0-a", None, "d0-hs"),
                situations={"d0-hs": frozenset({"d0-h1", "d0-h2"})},
                harms={"d0-h1": 2, "d0-h2": None},
            ),
            id="a-harm-without-level-beside-a-graded-one",
        ),
        pytest.param(smallest(told("d0-a", 2), told("d0-b", None)), id="an-impact-without-level-beside-a-graded-one"),
        pytest.param(smallest(told("d0-a", None), NONE_SAID), id="an-impact-without-level-beside-a-declared-none"),
    ],
)
def test_a_level_that_is_missing_beside_another_makes_the_rating_unknown(model: Model) -> None:
    """P7, P24: what has no level could be worse than all that is known, so the rating is unknown (1.5.6)."""
    agree(model)


def test_a_pair_of_pattern_and_type_without_a_tier_earns_no_credit() -> None:
    """P7, P24: for a pair that differs from its type but says no tier there is no forced tier, so no credit (1.5.2)."""
    control = Control("d0-ctl", "d0", "C-0", frozenset({"d0-e0"}), "verified")
    lost = frozenset({"integrity"})
    pattern = Pattern("T-0", "storedBehind", lost, tier=1, countered_by=frozenset({"C-0"}))
    types = {"C-0": ControlType("C-0", lost, tier=5, pairs=(("T-0", None),))}
    agree(smallest(told("d0-a", 5), controls=(control,), patterns={"T-0": pattern}, types=types))


def test_a_factor_value_that_is_given_is_not_counted_as_missing() -> None:
    """P24: low ease of discovery, low gain, physical reach and one patient move band 5 down by three, not up."""
    agree(
        smallest(told("d0-a", 3), gain={"d0-i0": "low"}, reach={"d0-e0": "physical"}, patients={"d0": "one"}),
        "four-factors",
    )


def test_the_smallest_model_is_rated_as_the_policy_says() -> None:
    """P24: the same smallest model with one level only is known and agrees, so the gaps above are what differs."""
    agree(smallest(told("d0-a", 2)))
