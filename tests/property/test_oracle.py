"""P24: the shipped rating queries against a brute-force rater that was written apart from them."""

from __future__ import annotations

import oracle
import pytest
import strategies as s
from hypothesis import given, settings

COUNT = {"models": 0, "threats": 0, "ratings": 0}


def agree(model: oracle.Model, policy: str) -> None:
    """Compare every tier, band, severity, rating, at-least and overall rating of every threat at every stage."""
    core = s.shipped_core(policy)
    expected = oracle.rate(model, s.read_policy(s.policy_triples(policy)))
    found = s.rated(s.triples(model), core)
    COUNT["models"] += 1
    COUNT["threats"] += len(model.threats)
    for threat in model.threats:
        iri = s.threat_iri(threat)
        for stage in oracle.STAGES:
            verdict = expected[threat.key, stage]
            [(tier, band)] = found.bands[iri, stage]
            if iri in found.unknown_tiers:
                tier = band = None
            assert (tier, band) == (verdict.tier, verdict.band), (threat, stage, "tier and band")
            for axis in oracle.AXES:
                [(severity, rating, least)] = found.axes[iri, stage, axis]
                assert (rating, least) == verdict.axes[axis][1:], (threat, stage, axis)
                if rating != "unknown":
                    assert severity == verdict.axes[axis][0], (threat, stage, axis)
                COUNT["ratings"] += 1
            assert found.overall[iri, stage] == [(verdict.rating, verdict.at_least)], (threat, stage, "overall")


@settings(settings.get_profile("tmkb-long"))
@given(s.models())
def test_oracle_agrees_with_the_shipped_rules(model: oracle.Model) -> None:
    """P24: on random devices the brute-force rater and queries/rate/ give the same tiers, bands and ratings."""
    agree(model, "default")


@settings(max_examples=150)
@given(s.models(devices=2))
def test_oracle_agrees_when_several_devices_share_one_graph(model: oracle.Model) -> None:
    """P24: the same with two devices in one knowledge base, controls of the one claiming elements of the other."""
    agree(model, "default")


@settings(max_examples=150)
@given(s.models())
def test_oracle_agrees_under_the_policy_with_four_factors(model: oracle.Model) -> None:
    """P24: the same with all optional factors on, missing values included."""
    agree(model, "four-factors")


@pytest.fixture(scope="module", autouse=True)
def _told(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    yield
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"oracle: {COUNT['models']} models, {COUNT['threats']} threats, {COUNT['ratings']} ratings compared")
