"""Variants: a release that takes over a baseline release whole and says only what is added, left out or replaced.

Every statement of the baseline comes into the variant under the same local ids (what is said of its device and
release, its decisions and its waivers do not). An exclusion leaves an element out, with a reason; what speaks of
nothing else goes with it. If the variant describes an element of that name itself, it replaces the excluded one.
Afterwards the threats of both are compared, so that none is lost without an exclusion that explains it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from tmkb.errors import SourceError, nearest
from tmkb.model.graphs import AssembledGraph, Origin, Statement, Triple
from tmkb.systems import release_key, through
from tmkb.terms import bare, is_iri, lexical, literal, rdf, tm

_STAYS = {tm.Decision, tm.Waiver, tm.LabelItem}  # judgements on the baseline; the variant is judged by itself
_ABOUT = {tm.onAsset, tm.onElement, tm.onInterface, tm.sitsIn, tm.protects}


@dataclass(frozen=True)
class Baseline:
    """The baseline of a variant: its device and release, what its files say, and the place that names it."""

    device: str
    release: str
    statements: Sequence[Statement]
    at: Origin


def named(own: Iterable[Statement]) -> Statement | None:
    """Return the statement that names the baseline release, if the release is a variant.

    Raises:
        SourceError: it names two baselines, or leaves something out and names none.
    """
    own = list(own)
    found = sorted((s for s in own if s.triple[1] == tm.variantOf), key=lambda s: s.triple)
    if len({s.triple[2] for s in found}) > 1:
        raise _error("a variant has one baseline", found[1].origin, "keep one tm:variantOf")
    excluding = [s for s in own if s.triple[1] == tm.excludes]
    if excluding and not found:
        raise _error("only a variant leaves elements out", excluding[0].origin, "state tm:variantOf on its release")
    return found[0] if found else None


def refuse_unfit(stated: Statement, own: Iterable[Statement], written: Iterable[Statement], release: str) -> None:
    """Refuse a baseline that is a variant or system itself, or whose folder describes another release.

    Raises:
        SourceError: one of these.
    """
    if any(s.triple[1] in (tm.variantOf, tm.memberRelease) for s in written):
        hint = "name a release that is whole by itself"
        raise _error(f"{stated.triple[2]} is a variant or a system itself", stated.origin, hint)
    if any(s.triple[1] == tm.memberRelease for s in own):
        raise _error("a system is no variant", stated.origin, "name the releases of its members instead")
    if release != stated.triple[2]:
        raise _error(f"there is no release {stated.triple[2]}", stated.origin, f"its folder describes {release}")


def inherited(own: Sequence[Statement], baseline: Baseline, device: str) -> list[Statement]:
    """Return what the variant takes over, renamed; excluded elements are still to be taken out of it.

    Raises:
        SourceError: the variant describes an element of the baseline that it does not exclude.
    """
    base = bare(baseline.device)
    kinds = {(s.triple[0], s.triple[2]) for s in baseline.statements if s.triple[1] == rdf.type}
    stays = {node for node, kind in kinds if kind in _STAYS} | {baseline.device, baseline.release}

    def local(term: str) -> str:
        inside = is_iri(term) and bare(term).startswith(base) and term not in (baseline.device, baseline.release)
        return f"<{bare(device)}{bare(term)[len(base) :]}>" if inside else term

    left_out = _left_out(own, device)
    described = {s.triple[0]: s.origin for s in own if s.triple[1] == rdf.type}
    for node, _ in sorted(kinds):
        if node not in stays and local(node) in described and local(node) not in left_out:
            hint = "exclude it with a reason to replace it as a whole, or choose another id"
            raise _error(f"{local(node)} is described by the baseline too", described[local(node)], hint)
    return [
        Statement((local(s.triple[0]), s.triple[1], local(s.triple[2])), through(s.origin, baseline.at))
        for s in baseline.statements
        if s.triple[0] not in stays
    ]


def without_excluded(
    own: Sequence[Statement], others: Sequence[Statement], device: str, *, modules: bool = False
) -> list[Statement]:
    """Return *others* without what is said of excluded elements, and of nothing else.

    With *modules* they hold the expanded modules too, those that the variant itself integrates among them: an
    integration that it replaced has its new elements then. What defeats a control that stays is never taken away.
    """
    left_out = _left_out(own, device)
    if not left_out:
        return list(others)
    replaced = {s.triple[0] for s in own if s.triple[1] == rdf.type} & left_out
    if modules:
        left_out = left_out - {s.triple[0] for s in own if s.triple[1:] == (rdf.type, tm.Integration)}
    inside = _Inside(s.triple for s in (*others, *own))
    gone = [inside(s.triple[0], left_out) or inside(s.triple[2], left_out - replaced) for s in others]
    rest = [s for s, out in zip(others, gone, strict=True) if not out]
    about = {s.triple[0] for s in (*rest, *own) if s.triple[1] in _ABOUT}
    defeating = {s.triple[0] for s in rest if s.triple[1] == tm.defeats}
    silent = {s.triple[0] for s, out in zip(others, gone, strict=True) if out and s.triple[1] in _ABOUT}
    return [s for s in rest if s.triple[0] not in silent - about - defeating]


def refuse_unknown(own: Iterable[Statement], taken: Iterable[Statement], device: str) -> None:
    """Refuse an exclusion of something that the baseline, its modules expanded, does not have.

    Raises:
        SourceError: the place of the exclusion.
    """
    known = {s.triple[0] for s in taken}
    for s in own:
        if s.triple[1] == tm.excludes and _node(device, s.triple[2]) not in known:
            names = sorted(bare(node)[len(bare(device)) :] for node in known if bare(node).startswith(bare(device)))
            said = f"the baseline has no element {lexical(s.triple[2])!r}"
            raise _error(said, s.origin, nearest(lexical(s.triple[2]), names))


def kinds_left_out(own: Iterable[Statement], taken: Iterable[Statement], device: str) -> list[Triple]:
    """Return of what kind the excluded elements are in the baseline: some lower ratings and take no threat away."""
    kinds: dict[str, set[str]] = {}
    for s, p, o in (x.triple for x in taken):
        if p == rdf.type:
            kinds.setdefault(s, set()).add(o)
    excluded = ((s.triple[0], _node(device, s.triple[2])) for s in own if s.triple[1] == tm.excludes)
    return sorted((s, tm.excludedKind, kind) for s, node in excluded for kind in kinds.get(node, ()))


def _node(device: str, local_id: str) -> str:
    return f"<{bare(device)}{lexical(local_id)}>"


def _left_out(own: Iterable[Statement], device: str) -> set[str]:
    return {_node(device, s.triple[2]) for s in own if s.triple[1] == tm.excludes}


class _Inside:
    """Tells whether a term is one of some nodes, or an element of a module that one of them integrates."""

    def __init__(self, said: Iterable[Triple]) -> None:
        found = {bare(s) for s, p, o in said if (p, o) == (rdf.type, tm.Integration)}
        self._integrations = sorted(found, key=len, reverse=True)

    def __call__(self, term: str, nodes: Set[str]) -> bool:
        if term in nodes or not is_iri(term) or bare(term) in self._integrations:
            return term in nodes
        owner = next((one for one in self._integrations if bare(term).startswith(f"{one}.")), "")
        return f"<{owner}>" in nodes


def compare(
    whole: AssembledGraph, mine: Iterable[Triple], base: AssembledGraph, theirs: Iterable[Triple]
) -> set[Triple]:
    """Return which threats a variant has from its baseline, and which not, with the exclusion that explains it.

    An end that is left out explains it (``excludedBy``); one that was replaced is there, so somebody has to look
    (``replacedBy``).

    *mine* and *theirs* are the triples of the derived threats of both; a threat is the same if the keys of its asset
    and entry and its pattern are.
    """
    here = {key: threat for key, (threat, _) in _keys(whole, mine).items()}
    excluded = sorted((s, _node(whole.device, o)) for s, p, o in whole.local_triples if p == tm.excludes)
    there = {s for s, p, _ in whole.local_triples if p == rdf.type}
    prefix = bare(base.device)
    integrations = [(_there(s, prefix, whole.device), p, o) for s, p, o in base.local_triples]
    inside = _Inside(integrations)
    found: set[Triple] = set()
    for key, (_, facts) in _keys(base, theirs).items():
        row = literal(lexical(facts[tm.shortId]))
        if key in here:
            found.add((here[key], tm.baselineRow, row))
            continue
        node = f"<{bare(whole.device)}dropped/{lexical(row).lower()}>"
        ends = [_there(facts[end], prefix, whole.device) for end in (tm.asset, tm.entry)]
        found |= {(node, rdf.type, tm.DroppedThreat), (node, tm.baselineRow, row), (node, tm.pattern, key[2])}
        found |= {(node, tm.asset, ends[0]), (node, tm.entry, ends[1])}
        for by, out in excluded:
            hit = [end for end in ends if inside(end, {out})]
            found |= {(node, tm.excludedBy, by) for end in hit if end not in there}
            found |= {(node, tm.replacedBy, by) for end in hit if end in there}
    return found


def _there(node: str, base: str, device: str) -> str:
    """Return a node of the baseline under the name that it has in the variant."""
    return f"<{bare(device)}{bare(node)[len(base) :]}>"


def _keys(whole: AssembledGraph, made: Iterable[Triple]) -> dict[tuple[str, str, str], tuple[str, dict[str, str]]]:
    """Return each threat with its facts under the keys of asset and entry, and the pattern."""
    names = {s: o for s, p, o in whole.local_triples if p == tm.keyId}
    facts: dict[str, dict[str, str]] = {}
    for s, p, o in made:
        facts.setdefault(s, {})[p] = o
    threats = {s: f for s, f in facts.items() if f.get(rdf.type) == tm.Threat}
    return {(names[f[tm.asset]], names[f[tm.entry]], f[tm.pattern]): (s, f) for s, f in sorted(threats.items())}


def baseline_key(stated: Statement) -> str:
    """Return ``device@version`` of the baseline."""
    return release_key(stated.triple[2])


def _error(message: str, origin: Origin, hint: str) -> SourceError:
    return SourceError("E-VARIANT", message, where=str(origin), hint=hint)
