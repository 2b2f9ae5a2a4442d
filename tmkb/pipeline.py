"""The story of the program in reading order, and the only place that wires stages and engines.

    find_sources → load → assemble → authoring check → close → derive → rate → assurance check → KnowledgeBase → answer

``build`` walks that path once for each release that is asked for; every verb of the command line starts from the
KnowledgeBase it returns, or from ``inventory`` when no reasoning is needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from tmkb import __version__, cache, headers, load, resources, sources, validate
from tmkb.engines.owl import OwlrlReasoner, Reasoner
from tmkb.errors import ParameterError, SourceError, StructuralError, TmkbError, UnknownNameError, nearest
from tmkb.infer import closed_schema
from tmkb.model.findings import Finding
from tmkb.model.graphs import AssertedGraph, SourceSet
from tmkb.query import KnowledgeBase
from tmkb.release import Release, rules
from tmkb.terms import shown
from tmkb.workshop import Progress, Workshop


def _compiled() -> Reasoner:
    from tmkb.engines.owl_compiled import CompiledReasoner  # not needed where the closure is kept

    return CompiledReasoner(closed_schema)


REASONERS: dict[str, Callable[[], Reasoner]] = {"compiled": _compiled, "owlrl": OwlrlReasoner}


_MANY = 6  # from so many releases on, other processors are worth starting
_PART, _ROUNDS = 4, 8  # a worker prepares core and shapes anew for each part: not too small, and some for progress


def _quiet(message: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Options:
    """What every verb may be told: knowledge base, devices, family, day of judgement, engines, and where to talk.

    With *every*, no device named means all releases of all devices, not the newest ones.
    """

    kb: Path | None = None
    device: str = ""
    family: str = ""
    on: date | None = None
    reasoner: str = "compiled"
    shapes_engine: str = ""
    every: bool = False
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


def choose(kb: Path, device: str, *, every: bool = False) -> list[str]:
    """Return the releases to work on, as ``device@version``: those named, else the newest, or *every*, of each device.

    Raises:
        UnknownNameError: no such device or release, or none at all.
    """
    name, _, version = device.partition("@")
    here = sources.versions(kb, name) if name else []
    if here and (not version or version in here):
        return [f"{name}@{version or here[-1]}"]
    known = sources.releases(kb)
    if not known:
        hint = "describe one in devices/<slug>/<release>/*.ttl; nothing checked is no clean result"
        raise UnknownNameError("E-KB", f"no device release in {kb.name}", hint=hint)
    if not device:
        return [f"{name}@{one}" for name, versions in known.items() for one in (versions if every else versions[-1:])]
    if name not in known:
        raise UnknownNameError("E-DEVICE", f"no device {name!r} in {kb.name}", hint=nearest(name, list(known)))
    raise UnknownNameError("E-RELEASE", f"device {name} has no release {version!r}", hint=nearest(version, known[name]))


def inventory(options: Options) -> tuple[AssertedGraph, list[str]]:
    """Return what is written about the chosen releases, or about all of them, without any reasoning."""
    kb, _ = find_kb(options.kb)
    found = sources.find_sources(kb, choose(kb, options.device) if options.device else None)
    return load.load(found), sorted(found.releases)


def build(
    options: Options, *, check: bool = False, rows: Sequence[str] = (), reasoner: Reasoner | None = None
) -> KnowledgeBase:
    """Return the knowledge base of the chosen releases, ready for questions; with *check*, with all findings.

    When many releases have to be made anew, and can be kept, all processors make them; *rows* names the views whose
    rows they make as well.

    Raises:
        TmkbError: unknown names, unreadable files, structural errors, contradictions, broken rules.
    """
    kb, _ = find_kb(options.kb)
    found = sources.find_sources(kb, choose(kb, options.device, every=options.every), named=bool(options.device))
    shop = _workshop(found, options, reasoner)
    chosen = [Release(key, shop) for key in sorted(found.releases)]
    if len(chosen) >= _MANY and cache.folder() is not None and reasoner is None:
        specs = [view(name) for name in rows]
        new = [one.key for one in chosen if not one.kept(check=check, specs=specs, family=options.family)]
        if len(new) >= _MANY:
            _make(replace(options, kb=kb, progress=_quiet), new, check, rows, options.progress)
    releases, reports, families = [], {}, set[str]()
    for release in chosen:
        if options.family:
            families |= set(release.head["families"])
        if not options.family or options.family in release.head["families"]:
            reports[release.key] = findings(release, check=check)
            releases.append(release)
        if len(chosen) > 1:
            release.forget()
    if options.family and not releases:
        raise no_family(options.family, families)
    return KnowledgeBase(tuple(releases), reports, _policy_line(found), options.day)


def _make(options: Options, keys: Sequence[str], check: bool, rows: Sequence[str], progress: Progress) -> None:
    """Make releases on all processors and keep what they give; an error shows again when the release is asked for."""
    # slow to import, and seldom needed
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    processors = os.cpu_count() or 1
    size = max(_PART, len(keys) // (processors * _ROUNDS))
    parts = [keys[n : n + size] for n in range(0, len(keys), size)]
    work = partial(_make_part, options, check=check, rows=rows)
    workers = min(processors, len(parts))
    # A worker may die or not even start: what it did not make is made when it is asked for.
    with (
        contextlib.suppress(BrokenProcessPool, OSError),
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
    ):
        jobs = [pool.submit(work, part) for part in parts]
        for done, job in enumerate(as_completed(jobs), 1):
            job.result()
            progress(f"{min(done * size, len(keys))} of {len(keys)} releases")


def _make_part(options: Options, keys: Sequence[str], *, check: bool, rows: Sequence[str]) -> None:
    """Make some releases in a worker; whatever goes wrong shows again, in words, when the release is asked for."""
    specs = [view(name) for name in rows]
    with contextlib.suppress(TmkbError):
        shop = _workshop(sources.find_sources(options.kb or find_kb(None)[0], keys), options)
        for release in (Release(key, shop) for key in keys):
            with contextlib.suppress(TmkbError):
                if not options.family or options.family in release.head["families"]:
                    findings(release, check=check)
                    for spec in specs:
                        release.rows(spec)
            release.forget()


def _workshop(found: SourceSet, options: Options, reasoner: Reasoner | None = None) -> Workshop:
    engine = reasoner or REASONERS[options.reasoner]()
    return Workshop(found, engine, options.day, options.progress, shapes_engine=options.shapes_engine)


def no_family(family: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for a family that no device has, with the slugs most like it."""
    return UnknownNameError("E-FAMILY", f"no device of family {family!r}", hint=nearest(family, sorted(known)))


def findings(release: Release, *, check: bool) -> tuple[Finding, ...]:
    """Return the findings of what was written and, with *check*, of what was derived.

    Raises:
        StructuralError: some of them stop everything.
    """
    found = release.findings(validate.AUTHORING)
    refuse_structural(found)
    if check:
        after = release.findings(validate.ASSURANCE)
        refuse_structural(after)
        found = tuple(sorted(found + after))
    return found


def named_queries(options: Options) -> dict[str, headers.QuerySpec]:
    """Return the named queries: shipped ones, and those in queries/ of the knowledge base.

    Raises:
        SourceError: a query of the knowledge base has the name of a shipped one.
    """
    from tmkb import guard  # slow to import, and seldom needed

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


def refuse_structural(said: Sequence[Finding]) -> None:
    """Stop the build when there are structural errors.

    Raises:
        StructuralError: names the first ones, with places; nothing is derived from such a model.
    """
    said = [finding for finding in said if finding.structural]
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


def _policy_line(found: SourceSet) -> str:
    def version(role: str) -> str:
        parts = sorted(source.path.name + source.sha256 for source in found.core if source.role == role)
        return hashlib.sha256("".join(parts).encode()).hexdigest()[:12]

    return f"policy {found.policy} ({version('policy')}), library {__version__} ({version('library')})"


def parse_day(text: str) -> date:
    """Return the day that ``--on`` or ``--expires`` names.

    Raises:
        ParameterError: it is no date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ParameterError("E-PARAM", f"{text!r} is no date", hint="write it as 2026-11-23") from None
