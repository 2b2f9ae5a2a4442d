"""Stage 2: one release becomes whole: modules expanded, slots filled, former ids redirected, crossings computed.

A module's element ``:chip`` integrated as ``:ble`` becomes ``:ble.chip`` of the device; every statement about a
slot is written once for each element that fills it; provenance keeps the module's line and the integration's.
The members of a system come in the same way (``tmkb/systems.py``): element ``:chip`` of ``:pump`` is ``:pump.chip``.
A variant takes over its baseline under the same ids, save what it excludes (``tmkb/variants.py``).
Then the queries in queries/assemble/ work out zones and crossings (OWL 2 RL has no inequality, so this cannot
be inferred).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from tmkb import systems, variants
from tmkb.engines.sparql import Store
from tmkb.errors import SourceError
from tmkb.headers import QuerySpec
from tmkb.model.graphs import AssembledGraph, AssertedGraph, Origin, Statement, Triple
from tmkb.terms import BASE, LIB, TM, TMS, bare, is_iri, lexical, literal, rdf, rdfs, shown, skos, tm

_ABOUT_SLOT = {rdf.type, rdfs.label, tm.slotKind, tm.statedIn, skos.definition, skos.note}


def assemble(asserted: AssertedGraph, key: str, rules: Sequence[QuerySpec]) -> AssembledGraph:
    """Return release *key* (``device@version``) with device-local nodes and computed crossings.

    Raises:
        SourceError: no or several devices in the folder, an unknown module, a former id that is still in use, or a
            member of a system that does not fit.
        RuleError: an assembly query is broken.
    """
    own, device, release = _whole(asserted, key)
    members = [_member(asserted, stated) for stated in systems.memberships(own)]
    local = systems.join(own, members, device, release)
    _refuse_strangers(local, device, release)
    _refuse_crossings(local, asserted.core)
    local = _redirect(local, device)
    if members:
        local = systems.stand_in(local, asserted.core)
    local += _keys(local, device, release) + _computed(systems.marks(local, members))
    local += _crossings(asserted, local, rules)
    return AssembledGraph(key, device, release, asserted.core, tuple(local))


def _identity(own: Sequence[Statement], key: str) -> tuple[str, str]:
    """Return device and release that a folder describes; both must bear the folder's names."""
    device = _the_one(own, tm.Device, key)
    release = _the_one(own, tm.Release, key)
    slug, _, version = key.partition("@")
    if bare(device).rstrip("/").rsplit("/", 1)[-1] != slug or not bare(device).endswith("/"):
        raise SourceError(
            "E-RELEASE",
            f"the folder is named {slug} but the device is {device}",
            where=next(str(s.origin) for s in own if s.triple[0] == device),
            hint=f"end the IRI of the device in /{slug}/",
        )
    for statement in own:
        s, p, o = statement.triple
        if s == release and p == tm.version and lexical(o) != version:
            raise SourceError(
                "E-RELEASE",
                f"the folder is named {version} but tm:version says {lexical(o)}",
                where=str(statement.origin),
                hint="name the folder after the version",
            )
    return device, release


def _whole(asserted: AssertedGraph, key: str) -> tuple[list[Statement], str, str]:
    """Return what a release says with its modules expanded and, of a variant, its baseline; its device and release."""
    own = list(asserted.releases[key])
    device, release = _identity(own, key)
    stated = variants.named(own)
    if stated is None:
        return own + _expand(own, asserted.modules), device, release
    base = variants.baseline_key(stated)
    written = asserted.releases[base]
    of_device, of_release = _identity(written, base)
    variants.refuse_unfit(stated, own, written, of_release)
    taken = variants.inherited(own, variants.Baseline(of_device, of_release, written, stated.origin), device)
    rest = variants.without_excluded(own, taken, device)
    modules = _expand(own + rest, asserted.modules)
    variants.refuse_unknown(own, taken + modules, device)
    marked = own + _computed(variants.kinds_left_out(own, taken + modules, device))
    return marked + variants.without_excluded(own, rest + modules, device, modules=True), device, release


def _member(asserted: AssertedGraph, stated: Statement) -> systems.Member:
    """Return the member of a system that a membership names, with its modules expanded."""
    key = systems.release_key(stated.triple[2])
    own, device, release = _whole(asserted, key)
    systems.refuse_unfit(stated, own, release)
    return systems.Member(stated.triple[0], device, release, own, stated.origin)


def _the_one(statements: Sequence[Statement], kind: str, key: str) -> str:
    told = [s for s in statements if s.triple[1] == rdf.type and s.triple[2] == kind]
    found = sorted({s.triple[0] for s in told})
    if len(found) != 1:
        folder = f"devices/{key.replace('@', '/')}"
        raise SourceError(
            "E-RELEASE",
            f"a release folder describes one {shown(kind)}, this one {len(found)}",
            where=str(told[-1].origin) if told else statements[0].origin.file if statements else folder,
            hint="state the device and its release once, in release.ttl",
        )
    return found[0]


def _refuse_strangers(local: Sequence[Statement], device: str, release: str) -> None:
    """Refuse what lies outside the namespace of the device: it would belong to no device and vanish."""
    modules = {s.triple[0] for s in local if s.triple[1] == rdf.type and s.triple[2] == tm.Module}
    known = {device, release, *modules}
    for statement in local:
        subject = statement.triple[0]
        core = bare(subject).startswith((TM, TMS, LIB, BASE + "file/"))
        if subject not in known and not core and not bare(subject).startswith(bare(device)):
            raise SourceError(
                "E-STRANGER",
                f"{subject} lies outside the namespace of the device",
                where=str(statement.origin),
                hint=f"elements of the device begin with {bare(device)}",
            )


def _refuse_crossings(local: Sequence[Statement], core: Sequence[Statement]) -> None:
    """Refuse tm:crosses written by hand, save for a life-cycle exposure that crosses a life-cycle boundary."""
    exposures, boundaries = (
        {s.triple[0] for s in local if s.triple[1] == rdf.type and s.triple[2] in kinds}
        for kinds in (systems.below(core, tm.LifeCycleExposure), systems.below(core, tm.LifeCycleBoundary))
    )
    for statement in local:
        s, p, o = statement.triple
        if p == tm.crosses and not (s in exposures and o in boundaries):
            raise SourceError(
                "E-CROSSES",
                f"{s} crosses {o} by hand",
                where=str(statement.origin),
                hint="crossings follow from zones; only a life-cycle exposure states its life-cycle boundary",
            )


def _expand(own: list[Statement], modules: Sequence[Statement]) -> list[Statement]:
    nested = [s for s in modules if s.triple[1] == tm.module or s.triple[2] == tm.Integration]
    named = {s.triple[0] for s in own if s.triple[1] == tm.module}
    nameless = [s for s in own if s.triple[1:] == (rdf.type, tm.Integration) and s.triple[0] not in named]
    for wrong, said in ((nested, "a module may not integrate a module"), (nameless, "the integration names no module")):
        if wrong:
            hint = "integrate each module in the device, with tm:module"
            raise SourceError("E-MODULE", said, where=str(wrong[0].origin), hint=hint)
    integrations = [s for s in own if s.triple[1] == tm.module]
    found: list[Statement] = []
    for integration in sorted(integrations, key=lambda s: s.triple):
        node, _, module = integration.triple
        base = bare(module)
        files = {s.origin.file.rsplit("/", 1)[0] for s in modules if s.triple == (module, rdf.type, tm.Module)}
        if not files:
            raise SourceError(
                "E-MODULE", f"there is no module {module}", where=str(integration.origin), hint="see modules/ of the KB"
            )
        if len(files) > 1:
            hint = "a module is described in one folder"
            raise SourceError(
                "E-CLASH",
                f"{module} is described in {' and '.join(sorted(files))}",
                where=str(integration.origin),
                hint=hint,
            )
        parts = [s for s in modules if s.origin.file.rsplit("/", 1)[0] in files]
        found += _one_module(own, parts, node, base, integration.origin)
    return found


def _one_module(own: list[Statement], parts: list[Statement], node: str, base: str, at: Origin) -> list[Statement]:
    slots = {s.triple[0] for s in parts if s.triple[1] == rdf.type and s.triple[2] == tm.Slot}

    def local(term: str) -> str:
        inside = is_iri(term) and bare(term).startswith(base) and bare(term) != base
        return f"<{bare(node)}.{bare(term)[len(base) :]}>" if inside else term

    fillers = {
        slot: sorted({s.triple[0] for s in own if s.triple[1] == tm.fillsSlot and s.triple[2] == local(slot)})
        for slot in slots
    }
    found: list[Statement] = []
    for part in parts:
        s, p, o = part.triple
        origin = Origin(part.origin.file, part.origin.line, part.origin.role, at)
        if p == tm.formerly:
            o = literal(f"{bare(node).rsplit('/', 1)[-1]}.{lexical(o)}")
        subjects = fillers[s] if s in slots and p not in _ABOUT_SLOT else [local(s)]
        objects = fillers[o] if o in slots else [local(o)]
        found += [Statement((one, p, other), origin) for one, other in product(subjects, objects)]
    return found


def _redirect(statements: list[Statement], device: str) -> list[Statement]:
    """Write present ids in place of former ones where other statements still use those."""
    subjects = {s.triple[0] for s in statements}
    renamed: dict[str, str] = {}
    for statement in statements:
        s, p, o = statement.triple
        if p != tm.formerly:
            continue
        former = f"<{bare(device)}{lexical(o)}>"
        if former in subjects or renamed.get(former, s) != s:
            raise SourceError(
                "E-RENAME",
                f"the former id {lexical(o)!r} is in use",
                where=str(statement.origin),
                hint="a former id may be neither present nor claimed twice",
            )
        renamed[former] = s
    if not renamed:
        return statements
    return [Statement((s.triple[0], s.triple[1], renamed.get(s.triple[2], s.triple[2])), s.origin) for s in statements]


def _keys(statements: list[Statement], device: str, release: str) -> list[Statement]:
    """Say of every node of the device to which device it belongs and by which local id it enters threat keys."""
    former = {s: o for s, p, o in sorted((x.triple for x in statements), reverse=True) if p == tm.formerly}
    base = bare(device)
    found: list[Statement] = []
    for subject in sorted({s.triple[0] for s in statements}):
        if subject in (device, release) or not bare(subject).startswith(base):
            continue
        key = former.get(subject, literal(bare(subject)[len(base) :]))
        found += _computed([(subject, tm.ofDevice, device), (subject, tm.keyId, key)])
    return found


def _crossings(asserted: AssertedGraph, local: list[Statement], rules: Sequence[QuerySpec]) -> list[Statement]:
    store = Store()
    store.add({s.triple for s in (*asserted.core, *local)})
    found: list[Triple] = []
    for rule in rules:
        made = sorted(store.construct(rule.text, rule=rule.path))
        store.add(made)
        found += made
    known = {s.triple for s in local}
    return _computed([t for t in dict.fromkeys(found) if t not in known])


def _computed(triples: list[Triple]) -> list[Statement]:
    origin = Origin("worked out while assembling", 0, "computed")
    return [Statement(t, origin) for t in triples]
