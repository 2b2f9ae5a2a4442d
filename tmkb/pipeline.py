"""The story of the program in reading order, and the only place that wires stages and engines.

    find_sources → load → assemble → authoring check → close → derive → rate → assurance check → KnowledgeBase → answer

``build`` walks that path once for each release that is asked for; every verb of the command line starts from the
KnowledgeBase it returns, or from ``inventory`` when no reasoning is needed.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from tmkb import __version__, guard, headers, load, prove, query, resources, systems, validate
from tmkb.assemble import assemble
from tmkb.derive import Own, derive, fire
from tmkb.engines.owl import CompiledReasoner, OwlrlReasoner, Reasoner
from tmkb.errors import ParameterError, SourceError, StructuralError, UnknownNameError, nearest
from tmkb.infer import close, closed_schema
from tmkb.model.findings import Finding
from tmkb.model.graphs import AssembledGraph, AssertedGraph, ClosedGraph, RatedGraph, Statement
from tmkb.query import KnowledgeBase
from tmkb.rate import rate
from tmkb.terms import bare, shown, tm

Progress = Callable[[str], None]


REASONERS: dict[str, Callable[[], Reasoner]] = {
    "compiled": lambda: CompiledReasoner(closed_schema),
    "owlrl": OwlrlReasoner,
}


def _quiet(message: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Options:
    """What every verb may be told: knowledge base, devices, family, day of judgement, engine, and where to say progress."""

    kb: Path | None = None
    device: str = ""
    family: str = ""
    on: date | None = None
    reasoner: str = "compiled"
    progress: Progress = field(default=_quiet)

    @property
    def day(self) -> date:
        """The day on which expiry is judged: the given one, or today in UTC."""
        return self.on or datetime.now(UTC).date()


def find_kb(given: Path | None) -> tuple[Path, bool]:
    """Return the folder of the knowledge base, and whether it is the bundled one.

    Given folder, else ``TMKB_KB``, else the nearest kb.toml upwards, else the bundled example.

    Raises:
        UnknownNameError: the folder that was named does not exist.
    """
    named = given or (Path(os.environ["TMKB_KB"]) if os.environ.get("TMKB_KB") else None)
    if named is not None:
        if not named.is_dir():
            raise UnknownNameError("E-KB", f"no folder {named}", hint="give the folder that holds devices/ and kb.toml")
        return named.resolve(), named.resolve() == resources.bundled_kb().resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if _is_kb(folder / "kb.toml"):
            return folder, folder.resolve() == resources.bundled_kb().resolve()
    return resources.bundled_kb(), True


def _is_kb(path: Path) -> bool:
    try:
        return "kb" in tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SourceError("E-SETTINGS", f"kb.toml is not valid: {error}", where=str(path)) from None


def choose(kb: Path, device: str) -> list[str]:
    """Return the releases to work on, as ``device@version``: those named, or the newest of each device.

    Raises:
        UnknownNameError: no such device or release, or none at all.
    """
    known = load.releases(kb)
    if not known:
        hint = "describe one in devices/<slug>/<release>/*.ttl; nothing checked is no clean result"
        raise UnknownNameError("E-KB", f"no device release in {kb.name}", hint=hint)
    if not device:
        return [f"{name}@{versions[-1]}" for name, versions in known.items()]
    name, _, version = device.partition("@")
    if name not in known:
        raise UnknownNameError("E-DEVICE", f"no device {name!r} in {kb.name}", hint=nearest(name, list(known)))
    if version and version not in known[name]:
        raise UnknownNameError(
            "E-RELEASE", f"device {name} has no release {version!r}", hint=nearest(version, known[name])
        )
    return [f"{name}@{version or known[name][-1]}"]


def inventory(options: Options) -> tuple[AssertedGraph, list[str]]:
    """Return what is written about the chosen releases, or about all of them, without any reasoning."""
    kb, _ = find_kb(options.kb)
    keys = choose(kb, options.device) if options.device else None
    asserted = load.load(load.find_sources(kb, keys))
    return asserted, sorted(asserted.releases)


def build(options: Options, *, check: bool = False, reasoner: Reasoner | None = None) -> KnowledgeBase:
    """Return the rated knowledge base of the chosen releases; with *check*, with all findings.

    Raises:
        TmkbError: unknown names, unreadable files, structural errors, contradictions, broken rules.
    """
    kb, _ = find_kb(options.kb)
    sources = load.find_sources(kb, choose(kb, options.device))
    asserted = load.load(sources)
    authoring = validate.Checker(resources.ontology() / "shapes", validate.AUTHORING)
    assurance = validate.Checker(resources.ontology() / "shapes", validate.ASSURANCE)
    engine = reasoner or REASONERS[options.reasoner]()
    rated, reports = [], {}
    for key in sorted(asserted.releases):
        options.progress(f"{key}: assembling")
        assembled = assemble(asserted, key, rules("assemble"))
        if options.family and options.family not in families((*assembled.core, *assembled.local), assembled.device):
            continue
        options.progress(f"{key}: checking what was written")
        before = authoring.validate(assembled, assembled.core_triples | assembled.local_triples, on=options.day)
        refuse_structural(before.structural)
        own = member_threats(asserted, key, engine, options.progress)
        one = rate_release(assembled, engine, options.progress, own)
        rated.append(one)
        reports[key] = before
        if check:
            options.progress(f"{key}: checking what was derived")
            after = assurance.validate(assembled, one.triples, on=options.day, follows_from=rules_digest(engine.name))
            refuse_structural(after.structural)
            reports[key] = type(before)(tuple(sorted(before.findings + after.findings)))
    if options.family and not rated:
        raise UnknownNameError("E-FAMILY", f"no device of family {options.family!r}", hint="see 'tmkb devices'")
    return KnowledgeBase(
        tuple(rated),
        reports,
        query.store_of(rated),
        _policy_line(asserted, sources.policy),
        asserted.digests,
        options.day,
    )


def rate_release(
    assembled: AssembledGraph, reasoner: Reasoner, progress: Progress = _quiet, own: Own | None = None
) -> RatedGraph:
    """Return one assembled release closed, with its threats and their ratings; for *own* see ``member_threats``."""
    progress(f"{assembled.key}: inferring")
    closed = close_release(assembled, reasoner)
    progress(f"{assembled.key}: deriving and rating")
    return rate(derive(closed, rules("derive"), own), rules("rate"), fire=fire, reasoner=reasoner.name)


def member_threats(asserted: AssertedGraph, key: str, reasoner: Reasoner, progress: Progress = _quiet) -> Own | None:
    """Return (membership, threat) for each threat that a member of a system has by itself; None for other devices."""
    found: set[tuple[str, str]] = set()
    memberships = systems.memberships(asserted.releases[key])
    alone = replace(asserted, releases={**asserted.members, **asserted.releases})
    for stated in memberships:
        member = systems.release_key(stated.triple[2])
        progress(f"{key}: deriving the threats of {member} alone")
        closed = close_release(assemble(alone, member, rules("assemble")), reasoner)
        threats = (s for s, _, o in derive(closed, rules("derive")).firings if o == tm.Threat)
        found.update((stated.triple[0], threat) for threat in threats)
    return found if memberships else None


def close_release(assembled: AssembledGraph, reasoner: Reasoner) -> ClosedGraph:
    """Return one assembled release with what OWL 2 RL concludes."""
    return close(assembled, reasoner=reasoner, clashes=rules("check"), premises=prove.premises)


def rules(kind: str) -> Sequence[headers.QuerySpec]:
    """Return the shipped queries of one kind in the order in which they run."""
    return headers.catalogue(resources.queries() / kind)


def named_queries(options: Options) -> dict[str, headers.QuerySpec]:
    """Return the named queries: shipped ones, and those in queries/ of the knowledge base.

    Raises:
        SourceError: a query of the knowledge base has the name of a shipped one.
    """
    kb, bundled = find_kb(options.kb)
    found = {spec.id: spec for spec in rules("report")}
    own = kb / "queries" / "report"
    for spec in headers.catalogue(own) if not bundled else ():
        if spec.id in found:
            raise SourceError("E-CLASH", f"query {spec.id!r} has the name of a shipped one", where=spec.path)
        guard.refuse(spec.text)
        found[spec.id] = spec
    return found


def view(name: str) -> headers.QuerySpec:
    """Return one of the queries that feed the verbs."""
    return headers.read(resources.queries() / "view" / f"{name}.rq")


def rules_digest(reasoner: str) -> str:
    """Return a hash of everything that turns an assembled release into a rated one."""
    texts = [spec.text for kind in ("assemble", "derive", "rate", "check") for spec in rules(kind)]
    return hashlib.sha256("\0".join([reasoner, *texts]).encode()).hexdigest()


def families(statements: Iterable[Statement], device: str) -> set[str]:
    """Return the slugs of the families of a device, with all their wider ones."""
    wider = {(s.triple[0], s.triple[2]) for s in statements if s.triple[1] == tm.family}
    found: set[str] = set()
    todo = {device}
    while todo := {o for s, o in wider if s in todo} - found:
        found |= todo
    return {bare(node).rstrip("/").rsplit("/", 1)[-1] for node in found}


def refuse_structural(said: Sequence[Finding]) -> None:
    """Stop the build when there are structural errors.

    Raises:
        StructuralError: names the first ones, with places; nothing is derived from such a model.
    """
    if not said:
        return
    lines = [f"{f.where or f.release}: {shown(f.focus)}: {f.message}" for f in said[:20]]
    more = f"\n  and {len(said) - 20} more" if len(said) > 20 else ""
    raise StructuralError(
        "E-STRUCTURE",
        "the model has structural errors, so nothing was derived:\n  " + "\n  ".join(lines) + more,
        where=said[0].where.split(" ")[0],
        hint="mend these first; 'tmkb check' then shows what is incomplete",
    )


def _policy_line(asserted: AssertedGraph, policy: str) -> str:
    def version(marker: str) -> str:
        parts = sorted(name + digest for name, digest in asserted.digests.items() if marker in name)
        return hashlib.sha256("".join(parts).encode()).hexdigest()[:12]

    return f"policy {policy} ({version('/policy/')}), library {__version__} ({version('/library/')})"


def parse_day(text: str) -> date:
    """Return the day that ``--on`` or ``--expires`` names.

    Raises:
        ParameterError: it is no date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ParameterError("E-PARAM", f"{text!r} is no date", hint="write it as 2026-11-23") from None
