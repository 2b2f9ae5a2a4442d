"""Systems: devices that integrate devices. Which releases take part, and how each is copied into the system.

An element ``:chip`` of a device that takes part as ``:pump`` becomes ``:pump.chip`` of the system, with everything
that is written about it; the place in the member's file is kept, followed by the place of the membership. What one
member only knows as a party outside may *be* an element of another (``tm:standsFor``): then the real one takes over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise

from tmkb.engines import turtle
from tmkb.errors import SourceError, nearest
from tmkb.model.graphs import Origin, Source, Statement, Triple
from tmkb.terms import bare, is_iri, lexical, literal, rdf, rdfs, tm

_NAMES_RELEASE = (tm.memberRelease, tm.variantOf)
_DESCRIBES = {rdf.type, tm.zone, tm.partOf, tm.statedIn}
_MAY_STAND_FOR = (
    (tm.ExternalEntity, tm.Component),
    (tm.TrustZone, tm.TrustZone),
    (tm.InScopeBoundary, tm.InScopeBoundary),
    (tm.OutOfScopeBoundary, tm.TrustBoundary),
)


@dataclass(frozen=True)
class Member:
    """One membership: its node and place, and the release that takes part with its modules expanded."""

    node: str
    device: str
    release: str
    statements: Sequence[Statement]
    at: Origin


def needed_releases(
    files: Iterable[Source],
    files_of: Callable[[str], Sequence[Source]],
    known: Callable[[], Set[str]] | None = None,
) -> dict[str, Sequence[Source]]:
    """Return the files of all releases that those of one release rest on: members, baselines, baselines of members.

    Only *known* releases may be named; without it, they were looked at before.

    Raises:
        SourceError: a release is named that is not known, or a file is not valid Turtle.
    """
    found: dict[str, Sequence[Source]] = {}
    todo = _named(files, known)
    while todo:
        key = todo.pop()
        if key not in found:
            found[key] = files_of(key)
            todo |= _named(found[key], known)
    return dict(sorted(found.items()))


def _named(files: Iterable[Source], known: Callable[[], Set[str]] | None) -> set[str]:
    words = {bare(p).rpartition("#")[2].encode() for p in _NAMES_RELEASE}
    keys = set()
    for source in (s for s in files if any(word in s.data for word in words)):
        for triple, line in turtle.parse(source.data, name=source.name):
            if triple[1] in _NAMES_RELEASE:
                keys.add(release_key(triple[2]))
                if known is not None and release_key(triple[2]) not in known():
                    where = f"{source.name}:{line}"
                    hint = nearest(release_key(triple[2]), sorted(known()))
                    raise SourceError("E-MEMBER", f"there is no release {lexical(triple[2])}", where=where, hint=hint)
    return keys


def members(local: Iterable[Statement]) -> list[tuple[str, str]]:
    """Return membership and release (``device@version``) of each member of an assembled system."""
    return [(s.triple[0], release_key(s.triple[2])) for s in memberships(local)]


def release_key(release: str) -> str:
    """Return ``device@version`` for the IRI of a release: that of its device, ``release/``, and the version."""
    found = re.fullmatch(r".*/([^/]+)/release/([^/]+)", lexical(release))
    return f"{found[1]}@{found[2]}" if found else ""


def memberships(own: Iterable[Statement]) -> list[Statement]:
    """Return the statements that name the members of a system, in the order of their nodes.

    Raises:
        SourceError: a membership names two releases.
    """
    found = sorted((s for s in own if s.triple[1] == tm.memberRelease), key=lambda s: s.triple)
    for one, other in pairwise(found):
        if one.triple[0] == other.triple[0] and one.triple != other.triple:
            raise _error(
                f"{one.triple[0]} names two releases", other.origin, "one membership, with a name of its own, for each"
            )
    return found


def refuse_unfit(stated: Statement, written: Sequence[Statement], release: str) -> None:
    """Refuse a member that is a system itself, or whose folder describes another release than the one that is named.

    Raises:
        SourceError: one of the two.
    """
    if any(s.triple[1] == tm.memberRelease for s in written):
        hint = "a system has devices as members, no systems; name these devices"
        raise _error(f"{stated.triple[2]} is a system itself", stated.origin, hint)
    if release != stated.triple[2]:
        hint = f"its folder describes {release}"
        raise _error(f"there is no release {stated.triple[2]}", stated.origin, hint)


def join(local: Sequence[Statement], members: Sequence[Member], device: str, release: str) -> list[Statement]:
    """Return what the system says itself, followed by its copies of all members.

    Raises:
        SourceError: two describe one node, or the system speaks of an element that its member does not have.
    """
    joined = list(local)
    describes = _described(local, device)
    for member in members:
        copied = _copies(member, device, release)
        for node, origin in _described(copied, device).items():
            if node in describes:
                hint = f"elements of the member {member.node} begin with its name; choose another id"
                where = str(describes[node])
                raise SourceError("E-CLASH", f"{node} is described in {origin} too", where=where, hint=hint)
            describes[node] = origin
        _refuse_unknown(local, member, {s.triple[0] for s in copied})
        joined += copied
    return joined


def _described(statements: Iterable[Statement], device: str) -> dict[str, Origin]:
    """Return where each node of the device gets its kind."""
    return {
        s.triple[0]: s.origin
        for s in statements
        if s.triple[1] == rdf.type and bare(s.triple[0]).startswith(bare(device))
    }


def _refuse_unknown(local: Sequence[Statement], member: Member, known: set[str]) -> None:
    inside = f"{bare(member.node)}."
    for statement in local:
        node = statement.triple[0]
        if bare(node).startswith(inside) and node not in known:
            names = [bare(n)[len(inside) :] for n in known if bare(n).startswith(inside)]
            raise _error(
                f"{member.node} has no element {bare(node)[len(inside) :]}",
                statement.origin,
                nearest(bare(node)[len(inside) :], names),
            )


def _copies(member: Member, device: str, release: str) -> list[Statement]:
    """Return the statements of a member, renamed; device, release, waivers, exclusions and filled slots stay behind."""
    base, prefix = bare(member.device), bare(member.node).rsplit("/", 1)[-1]
    kinds = {(rdf.type, kind) for kind in (tm.Waiver, tm.Slot, tm.Exclusion)}
    stays = {s.triple[0] for s in member.statements if s.triple[1:] in kinds}
    stays |= {member.device, member.release}
    same = {member.device: device, member.release: release}
    places: dict[Origin, Origin] = {}

    def local(term: str) -> str:
        inside = is_iri(term) and bare(term).startswith(base) and term not in same
        return f"<{bare(member.node)}.{bare(term)[len(base) :]}>" if inside else same.get(term, term)

    found = []
    for statement in member.statements:
        s, p, o = statement.triple
        if s in stays or p == tm.fillsSlot:
            continue
        if p == tm.formerly:
            o = literal(f"{prefix}.{lexical(o)}")
        if statement.origin not in places:
            places[statement.origin] = through(statement.origin, member.at)
        found.append(Statement((local(s), p, local(o)), places[statement.origin]))
    return found


def through(origin: Origin, at: Origin) -> Origin:
    """Return *origin* with *at* as its last integration."""
    return replace(origin, through=through(origin.through, at) if origin.through else at)


def stand_in(statements: list[Statement], core: Sequence[Statement]) -> list[Statement]:
    """Return *statements* with each element that is stood for replaced by the one that stands for it.

    Relations go over to the real element. What describes the party outside (kind, names, zone, whole) goes with it, and
    so does "no impact" on it, because the real element has a record of its own; a stated impact still counts.

    Raises:
        SourceError: what is stood for is no party outside, zone or boundary, or the pair does not fit.
    """
    told = [s for s in statements if s.triple[1] == tm.standsFor]
    kinds: dict[str, set[str]] = {}
    for s, p, o in (x.triple for x in statements):
        if p == rdf.type:
            kinds.setdefault(s, set()).add(o)
    real = _stand_ins(told, kinds, core)
    places = {s.triple[2]: s.origin for s in told}
    nothing = _nothing_left(statements, kinds, set(real))
    found = []
    for statement in statements:
        s, p, o = statement.triple
        lost = s in real and (p in _DESCRIBES or o not in kinds)
        if lost or s in nothing or p == tm.standsFor or (tm.NoImpact in kinds.get(s, ()) and o in real):
            continue
        for stood in (s, o):
            if stood in real:
                statement = replace(statement, origin=through(statement.origin, places[stood]))
        found.append(replace(statement, triple=(real.get(s, s), p, real.get(o, o))))
    return found


def _nothing_left(statements: Iterable[Statement], kinds: Mapping[str, set[str]], gone: set[str]) -> set[str]:
    """Return the nodes that declare no impact on what is gone and on nothing else."""
    about: dict[str, set[str]] = {}
    for s, p, o in (x.triple for x in statements):
        if p == tm.onAsset and tm.NoImpact in kinds.get(s, ()):
            about.setdefault(s, set()).add(o)
    return {node for node, assets in about.items() if assets <= gone}


def _stand_ins(told: list[Statement], kinds: Mapping[str, set[str]], core: Sequence[Statement]) -> dict[str, str]:
    """Return stood-for → real, checked."""
    fits = [(below(core, stood), below(core, real)) for stood, real in _MAY_STAND_FOR] if told else []
    found: dict[str, str] = {}
    for statement in told:
        node, _, stood = statement.triple
        if not any(kinds.get(stood, set()) & one and kinds.get(node, set()) & other for one, other in fits):
            hint = "only a component for an external entity, a zone for a zone, a boundary for one of equal scope"
            raise _error(f"{node} cannot stand for {stood}", statement.origin, hint)
        if found.setdefault(stood, node) != node:
            raise _error(f"{found[stood]} and {node} stand for {stood}", statement.origin, "keep one of the two")
    for statement in told:
        if statement.triple[0] in found:
            hint = "name the real element in both places"
            raise _error(f"{statement.triple[0]} stands for something and is stood for", statement.origin, hint)
    return found


def below(core: Sequence[Statement], top: str) -> set[str]:
    """Return a class with all narrower ones."""
    pairs = [(s.triple[0], s.triple[2]) for s in core if s.triple[1] == rdfs.subClassOf]
    found = {top}
    while more := {narrow for narrow, wide in pairs if wide in found} - found:
        found |= more
    return found


def marks(whole: Iterable[Statement], members: Sequence[Member]) -> list[Triple]:
    """Return what is worked out about memberships and copied nodes: device, code, member, key in the member's model."""
    subjects = sorted({s.triple[0] for s in whole})
    found: list[Triple] = []
    for member in members:
        found.append((member.node, tm.memberDevice, member.device))
        codes = [s.triple[2] for s in member.statements if s.triple[0] == member.device and s.triple[1] == tm.code]
        found += [(member.node, tm.memberCode, code) for code in sorted(codes)[:1]]
        former = {s: o for s, p, o in sorted((x.triple for x in member.statements), reverse=True) if p == tm.formerly}
        inside = f"{bare(member.node)}."
        for node in (n for n in subjects if bare(n).startswith(inside)):
            local = bare(node)[len(inside) :]
            key = former.get(f"<{bare(member.device)}{local}>", literal(local))
            found += [(node, tm.member, member.node), (node, tm.memberKey, key)]
    return found


def _error(message: str, origin: Origin, hint: str) -> SourceError:
    return SourceError("E-MEMBER", message, where=str(origin), hint=hint)
