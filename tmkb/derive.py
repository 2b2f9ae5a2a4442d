"""Stage 5: the threats. Runs queries/derive/ over the closed graph and records which rule made each triple."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from tmkb.engines.sparql import Store
from tmkb.errors import RuleError
from tmkb.headers import QuerySpec
from tmkb.model.graphs import ClosedGraph, DerivedGraph, Triple
from tmkb.terms import bare, lexical, literal, rdf, tm


def derive(closed: ClosedGraph, rules: Sequence[QuerySpec]) -> DerivedGraph:
    """Return *closed* with one Threat per (device, asset, entry, pattern), and its consequences.

    Raises:
        RuleError: a rule is broken, or two threats would get the same short id; the whole build stops.
    """
    firings = fire(closed.triples, rules)
    device = closed.assembled.device
    codes = sorted(lexical(o) for s, p, o in closed.assembled.local_triples if p == tm.code and s == device)
    code = codes[0] if codes else "X"  # a device without a code is a finding, not a reason to show nothing
    threats = sorted(s for s, p, o in firings if p == rdf.type and o == tm.Threat)
    taken: dict[str, str] = {}
    for threat in threats:
        short = short_id(code, threat)
        if short in taken:
            raise RuleError("E-COLLISION", f"two threats share the short id {short}: {taken[short]} and {threat}")
        taken[short] = threat
    named: dict[Triple, str] = {(threat, tm.shortId, literal(short)): "short-id" for short, threat in taken.items()}
    return DerivedGraph(closed, {**firings, **named})


def short_id(code: str, threat: str) -> str:
    """Return the device code and six base-32 digits of the key in the IRI of *threat*."""
    key = hashlib.sha256(bare(threat).encode()).digest()
    return f"{code}-{base64.b32encode(key)[:6].decode()}"


def fire(triples: frozenset[Triple], rules: Sequence[QuerySpec]) -> dict[Triple, str]:
    """Return what *rules*, each run once and in order over *triples* and what came before, add; with the rule."""
    store = Store()
    store.add(triples)
    made: dict[Triple, str] = {}
    for rule in rules:
        fresh = [t for t in sorted(store.construct(rule.text, rule=rule.path)) if t not in triples and t not in made]
        store.add(fresh)
        made |= dict.fromkeys(fresh, rule.id)
    return made
