"""What runs inside one measured process: the stages one by one, and each engine beside its reference.

Every function returns plain numbers; ``main`` prints them as one line of JSON for ``benchmarks.run``.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from tmkb import load, pipeline, render, reports, resources, sources, validate, views
from tmkb.assemble import assemble
from tmkb.derive import derive, fire
from tmkb.engines import shacl
from tmkb.engines.owl import OwlrlReasoner
from tmkb.infer import is_noise, schema_of
from tmkb.model.graphs import AssembledGraph, AssertedGraph, RatedGraph, Source, SourceSet, Triple
from tmkb.query import KnowledgeBase
from tmkb.rate import rate
from tmkb.release import Release, close_release, rules
from tmkb.terms import RUN, dct, literal
from tmkb.workshop import Workshop

DAY = date(2026, 11, 23)
KINDS = (validate.AUTHORING, validate.ASSURANCE)
CORE = ("find files", "core and its closure")
CHAIN = ("load", "assemble", "authoring check", "close", "derive", "rate", "assurance check", "rows")
STAGES = CORE + CHAIN
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")

Numbers = dict[str, Any]


class Clock:
    """Seconds and peak memory by stage; a stage that comes again adds its seconds and keeps the higher peak."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        self.seconds: dict[str, float] = {}
        self.peaks: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Measure what happens inside."""
        with suppress(OSError):
            _RESET.write_text("5")  # Linux: the peak starts again from what is held now
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
            self.peaks[name] = max(self.peaks.get(name, 0.0), _peak())


def _peak() -> float:
    """Return the peak of resident memory in MiB; 0 where the system does not say."""
    with suppress(OSError):
        found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.M)
        return int(found[1]) / 1024 if found else 0.0
    return 0.0


def workshop(kb: Path) -> Workshop:
    """Return what the program itself prepares for a run over a whole knowledge base."""
    found = sources.find_sources(kb, pipeline.choose(kb, ""))
    return Workshop(found, pipeline.REASONERS[pipeline.Options().reasoner](), DAY, lambda _: None)


def walk(kb: Path) -> Numbers:
    """Take every device through every stage, one after another, as a cold run without a cache does.

    Beside it the physical limit: strict reading of all that is read, and writing of all that is concluded.
    """
    clock, limit = Clock(), Clock()
    with clock(CORE[0]):
        shop = workshop(kb)
    with clock(CORE[1]):
        shop.reasoner.close(schema_of(shop.core[0])[0], ())
        _ = shop.modules
    shared, size = frozenset(shop.reasoner.close(schema_of(shop.core[0])[0], ())), Counter[str]()
    for key in sorted(shop.sources.releases):
        rated, findings, threats = _stages(clock, shop, key)
        made = rated.local - shared
        with tempfile.NamedTemporaryFile() as output:
            data = "".join(f"{s} {p} {o} .\n" for s, p, o in made).encode()
            with limit("write"):
                output.write(data)
                output.flush()
        size.update(bytes=len(data), triples=len(made), findings=findings, threats=threats)
    given = _inputs(shop.sources)
    with limit("parse"):
        read = sum(1 for source in given for _ in ox.parse(source.path.read_bytes(), format=ox.RdfFormat.TURTLE))
    return {
        "devices": len(shop.sources.releases),
        "input": {"files": len(given), "bytes": sum(len(source.data) for source in given), "triples": read},
        "output": dict(size),
        "stages": {name: {"seconds": clock.seconds[name], "peak_mib": clock.peaks[name]} for name in STAGES},
        "total": sum(clock.seconds.values()),
        "limit": limit.seconds | {"total": sum(limit.seconds.values())},
    }


def _inputs(found: SourceSet) -> list[Source]:
    """Return all files that a run over these sources reads as RDF."""
    devices = [source for files in found.releases.values() for source in files]
    return [*found.core, *found.modules, *devices]


def _stages(clock: Clock, shop: Workshop, key: str) -> tuple[RatedGraph, int, int]:
    """Take one device through the stages; returns what was rated, and how many findings and threats it has."""
    release = Release(key, shop)
    with clock("load"):
        _ = release._read
    with clock("assemble"):
        _ = release.assembled
    with clock("authoring check"):
        before = release.findings(validate.AUTHORING)
        pipeline.refuse_structural(before)
    with clock("close"):
        _ = release.closed
    with clock("derive"):
        _ = release.derived
    with clock("rate"):
        rated = release.rated
    with clock("assurance check"):
        after = release.findings(validate.ASSURANCE)
        pipeline.refuse_structural(after)
    with clock("rows"):
        threats = views.threats(KnowledgeBase((release,), {}, "", DAY), pipeline.view)
        render.render([render.threat_table(reports.by_rating(threats), key)], "table")
    return rated, len(before) + len(after), len(threats)


def closure(kb: Path, *, reference: bool) -> Numbers:
    """Close every device by itself and, for *reference*, schema and all devices in one graph by owlrl.

    The time of the compiled rules has two parts: to prepare the schema, and to close each device over it.
    """
    shop = workshop(kb)
    schema, silent = schema_of(shop.core[0])
    clock = Clock()
    with clock("prepare"):
        shop.reasoner.close(schema, ())
    told: set[Triple] = set()
    found: set[Triple] = set()
    for assembled in _assembled(shop):
        data = _logical(assembled, schema, silent)
        with clock("close"):
            closed = shop.reasoner.close(schema, data)
        if reference:
            told |= data
            found.update(_meaning(closed), _meaning(data))
    answer: Numbers = clock.seconds | {"compiled": sum(clock.seconds.values())}
    if reference:
        with clock("owlrl"):
            whole = OwlrlReasoner().close(schema, told)
        expected = set(_meaning(whole))
        found.update(_meaning(schema))
        answer |= {"owlrl": clock.seconds["owlrl"], "owlrl_peak_mib": clock.peaks["owlrl"], "told": len(told)}
        answer |= {"triples": len(expected), "missing": len(expected - found), "extra": len(found - expected)}
        answer["ratio"] = answer["owlrl"] / answer["compiled"]
    return answer


def _assembled(shop: Workshop) -> Iterator[AssembledGraph]:
    core, vocabulary = shop.core
    for key in sorted(shop.sources.releases):
        written = {key: load.load_files(shop.files(key), "device", vocabulary)}
        yield assemble(AssertedGraph(core, shop.modules, written), key, rules("assemble"))


def _logical(assembled: AssembledGraph, schema: frozenset[Triple], silent: frozenset[str]) -> set[Triple]:
    """Return the statements of a release, and of policy and families, that a reasoner is given."""
    return {t for t in assembled.triples - schema if t[1] not in silent}


def _meaning(closed: Iterable[Triple]) -> Iterator[Triple]:
    return (t for t in closed if not is_noise(t))


def checks(kb: Path) -> Numbers:
    """Run both sets of shapes on every device, by the fast engine and by pyshacl, and compare the results."""
    shop = workshop(kb)
    shapes = {kind: {name: _shapes(kind, name) for name in (shacl.FAST, shacl.REFERENCE)} for kind in KINDS}
    clock, different = Clock(), 0
    for assembled in _assembled(shop):
        rated = rate(derive(close_release(assembled, shop.reasoner), rules("derive")), rules("rate"), fire=fire)
        for kind, triples in zip(KINDS, (assembled.triples, rated.triples), strict=True):
            results = []
            for name, run in shapes[kind].items():
                with clock(f"{kind} {name}"):
                    results.append(run.validate([*triples, (RUN, dct.date, literal(DAY.isoformat(), "date"))]))
            different += results[0] != results[1]
    answer: Numbers = {"devices": len(shop.sources.releases), "different": different}
    for kind in KINDS:
        fast, slow = (clock.seconds[f"{kind} {name}"] for name in (shacl.FAST, shacl.REFERENCE))
        answer[kind] = {"fast": fast, "pyshacl": slow, "ratio": slow / fast}
    return answer


def _shapes(kind: str, engine: str) -> shacl.Shapes:
    folder = resources.ontology() / "shapes"
    return shacl.Shapes(sorted([*folder.glob("*.ttl"), *(folder / kind).glob("*.ttl")]), shacl.engine(engine))


PARTS: dict[str, Callable[[Path], Numbers]] = {
    "walk": walk,
    "closure": lambda kb: closure(kb, reference=False),
    "closure-owlrl": lambda kb: closure(kb, reference=True),
    "checks": checks,
}


def main() -> None:
    """Print the numbers of one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=sorted(PARTS))
    parser.add_argument("kb", type=Path)
    given = parser.parse_args()
    print(json.dumps(PARTS[given.part](given.kb)))


if __name__ == "__main__":
    main()
