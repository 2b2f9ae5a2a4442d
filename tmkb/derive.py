"""Stage 5: the threats. Runs queries/derive/ over the closed graph and records which rule made each triple."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Container, Iterable, Sequence

from tmkb.engines.sparql import Store
from tmkb.errors import RuleError
from tmkb.headers import QuerySpec
from tmkb.model.graphs import ClosedGraph, DerivedGraph, Triple
from tmkb.terms import bare, lexical, literal, rdf, tm

Own = Container[tuple[str, str]]


def derive(
    closed: ClosedGraph, rules: Sequence[QuerySpec], own: Own | None = None, *, store: Store | None = None
) -> DerivedGraph:
    """Return *closed* with one Threat per (device, asset, entry, pattern), and its consequences.

    In a system, a threat within one member is linked to the member's own one; *own* holds (membership, threat) for all
    that the members have by themselves, so that no link leads to nothing (None: not known, every link stays). A *store*
    of the closed graph is filled with the threats; a link that is not kept stays in it.

    Raises:
        RuleError: a rule is broken, or two threats would get the same short id; the whole build stops.
    """
    firings = fire(closed.triples, rules, store)
    rows = _member_rows(closed, firings, own)
    code = _code(closed, closed.assembled.device, tm.code)
    threats = sorted(s for s, p, o in firings if p == rdf.type and o == tm.Threat)
    taken: dict[str, str] = {}
    for threat in threats:
        short = short_id(code, threat)
        if short in taken:
            raise RuleError("E-COLLISION", f"two threats share the short id {short}: {taken[short]} and {threat}")
        taken[short] = threat
    named: dict[Triple, str] = {(threat, tm.shortId, literal(short)): "short-id" for short, threat in taken.items()}
    kept = {t: rule for t, rule in firings.items() if t[1] != tm.memberThreat or t[0] in rows}
    shown = {(threat, tm.memberRow, literal(short)): "short-id" for threat, short in rows.items()}
    if store is not None:
        store.add([*named, *shown])
    return DerivedGraph(closed, {**kept, **named, **shown})


def _code(closed: ClosedGraph, node: str, relation: str) -> str:
    """Return the code of a device; one without a code is a finding, not a reason to show nothing."""
    return min((lexical(o) for s, p, o in closed.assembled.local_triples if (s, p) == (node, relation)), default="X")


def _member_rows(closed: ClosedGraph, firings: Iterable[Triple], own: Own | None) -> dict[str, str]:
    """Return the short ids that threats within one member have in that member's own model."""
    member = {s: o for s, p, o in closed.assembled.local_triples if p == tm.member}
    codes = {node: _code(closed, node, tm.memberCode) for node in set(member.values())}
    asset = {s: o for s, p, o in firings if p == tm.asset}
    links = sorted((s, member[asset[s]], o) for s, p, o in firings if p == tm.memberThreat)
    return {threat: short_id(codes[node], one) for threat, node, one in links if own is None or (node, one) in own}


def short_id(code: str, threat: str) -> str:
    """Return the device code and six base-32 digits of the key in the IRI of *threat*."""
    key = hashlib.sha256(bare(threat).encode()).digest()
    return f"{code}-{base64.b32encode(key)[:6].decode()}"


def fire(triples: frozenset[Triple], rules: Sequence[QuerySpec], store: Store | None = None) -> dict[Triple, str]:
    """Return what *rules*, each run once and in order over *triples* and what came before, add; with the rule.

    A *store* that holds *triples* already saves loading them; it takes what is made.
    """
    if store is None:
        store = Store()
        store.add(triples)
    made: dict[Triple, str] = {}
    for rule in rules:
        fresh = sorted(store.construct(rule.text, rule=rule.path).difference(triples).difference(made))
        store.add(fresh)
        made |= dict.fromkeys(fresh, rule.id)
    return made
