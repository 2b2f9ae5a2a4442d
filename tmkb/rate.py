"""Stage 6: the ratings. Runs queries/rate/ over the derived graph; every intermediate table stays readable.

Order of the tables: cells (severity by asset, property, axis) → places and copies → candidate tiers → inherent
tier → credits → exposures → exploitability and severity by stage → ratings → overall. All values come from the
policy by look-up; nothing is multiplied or averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tmkb.engines.sparql import Store
from tmkb.headers import QuerySpec
from tmkb.model.graphs import DerivedGraph, RatedGraph, Triple

Fire = Callable[[frozenset[Triple], Sequence[QuerySpec], Store | None], dict[Triple, str]]


def rate(derived: DerivedGraph, rules: Sequence[QuerySpec], *, fire: Fire, store: Store | None = None) -> RatedGraph:
    """Return *derived* with exactly one rating per threat, axis and stage; unknown is a rating of its own.

    A *store* of the derived graph is filled with the ratings.

    Raises:
        RuleError: a rating rule is broken; the whole build stops.
    """
    return RatedGraph(derived, fire(derived.closed.triples | frozenset(derived.firings), rules, store))
