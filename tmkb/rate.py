"""Stage 6: the ratings. Runs queries/rate/ over the derived graph; every intermediate table stays readable.

Order of the tables: cells (severity by asset, property, axis) → places and copies → candidate tiers → inherent
tier → credits → exposures → exploitability and severity by stage → ratings → overall. All values come from the
policy by look-up; nothing is multiplied or averaged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from tmkb import cache
from tmkb.engines import sparql
from tmkb.headers import QuerySpec
from tmkb.model.graphs import DerivedGraph, RatedGraph, Triple

Fire = Callable[[frozenset[Triple], Sequence[QuerySpec]], dict[Triple, str]]


def rate(derived: DerivedGraph, rules: Sequence[QuerySpec], *, fire: Fire, reasoner: str = "") -> RatedGraph:
    """Return *derived* with exactly one rating per threat, axis and stage; unknown is a rating of its own.

    Results are kept under a hash of the assembled graph, of every rule text and of *reasoner*.

    Raises:
        RuleError: a rating rule is broken; the whole build stops.
    """
    texts = [spec.text for spec in rules]
    before = hashlib.sha256("\n".join(sorted(" ".join(t) for t in derived.firings)).encode()).hexdigest()
    key = cache.digest("rated", reasoner, sparql.NAME, derived.closed.assembled.digest, before, *texts)
    kept = cache.get("rated", key)
    if kept is None:
        firings = fire(derived.closed.triples | frozenset(derived.firings), rules)
        cache.put("rated", key, "".join(f"{rule} {s} {p} {o}\n" for (s, p, o), rule in sorted(firings.items())))
    else:
        firings = {(s, p, o): rule for rule, s, p, o in (line.split(" ", 3) for line in kept.split("\n")[:-1])}
    return RatedGraph(derived, firings)
