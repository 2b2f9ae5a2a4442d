"""A waiver holds from the day it was made to the day it ends; one whose days nobody can read holds never."""

from __future__ import annotations

from datetime import date

import pytest

from tmkb.terms import TMS, literal, rdf, tm
from tmkb.validate import _waivers

WAIVER, SHAPE, NODE = "<urn:w>", f"<{TMS}asset-reached>", "<urn:board>"
HOLDS = {(SHAPE, NODE): "urn:w"}


def waived(made: tuple[str, ...], ends: tuple[str, ...]) -> dict[tuple[str, str], str]:
    """Return what a waiver with these days holds for on 23 November 2026."""
    said = [(rdf.type, tm.Waiver), (tm.waivedShape, SHAPE), (tm.waivedNode, NODE)]
    said += [(tm.reason, literal("r")), (tm.owner, literal("o"))]
    said += [(prop, literal(day, "date")) for prop, days in ((tm.decidedOn, made), (tm.expires, ends)) for day in days]
    return _waivers([(WAIVER, prop, value) for prop, value in said], date(2026, 11, 23))


@pytest.mark.parametrize(("made", "ends"), [("2026-01-01", "2026-12-01"), ("2026-11-23", "2026-11-23")])
def test_waiver_holds_from_its_day_to_its_end(made: str, ends: str) -> None:
    """Both days count."""
    assert waived((made,), (ends,)) == HOLDS


DEAD = {
    "unreadable end": (("2026-01-01",), ("next year",)),
    "unreadable day": (("1 January",), ("2026-12-01",)),
    "empty end": (("2026-01-01",), ("",)),
    "one of two ends unreadable": (("2026-01-01",), ("2026-12-01", "2026-13-01")),
    "expired": (("2026-01-01",), ("2026-11-22",)),
    "from the future": (("2026-11-24",), ("2026-12-01",)),
    "one of two ends past": (("2026-01-01",), ("2026-11-22", "2026-12-01")),
    "no end": (("2026-01-01",), ()),
    "no day": ((), ("2026-12-01",)),
}


@pytest.mark.parametrize("case", DEAD)
def test_waiver_does_not_hold(case: str) -> None:
    """Nothing is waived, and nothing is raised."""
    assert waived(*DEAD[case]) == {}
