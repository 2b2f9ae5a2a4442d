"""Measure the program on portfolios of growing size; prints tables and writes the numbers as JSON.

Every figure of one run is comparable with the others of that run; none is a promise about another machine.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks import portfolio, processes, report
from tmkb import __version__, pipeline
from tmkb.engines import shacl, sparql

HERE = Path(__file__).resolve().parent
MANY = 100
"""Above so many devices a cold check of all is run once only."""


def main(arguments: list[str] | None = None) -> None:
    """Measure what the options ask for."""
    given = _options(arguments)
    results: dict[str, Any] = {"machine": machine(), "sizes": {}, "growth": {}}
    for size in sorted(given.sizes):
        with tempfile.TemporaryDirectory(prefix="tmkb-bench-", dir=given.work) as folder:
            results["sizes"][str(size)] = measured(size, Path(folder), given)
        results["growth"] = growth(results["sizes"])
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    text = report.tables(results)
    print(text)
    if given.write_docs:
        report.write(text)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", help="devices of each portfolio (10 100 1000)")
    parser.add_argument("--json", type=Path, default=HERE / "results.json", help="where to write the numbers")
    parser.add_argument("--quick", action="store_true", help="10 devices, one run of each command, no reference engine")
    parser.add_argument("--owlrl-limit", type=int, default=100, help="most devices for which owlrl is run whole")
    parser.add_argument("--owlrl-minutes", type=float, default=180, help="after so many minutes owlrl is given up")
    parser.add_argument("--pyshacl-limit", type=int, default=10, help="most devices for which pyshacl is run")
    parser.add_argument("--repeat", type=int, help="runs of each whole command (5); the median is shown")
    parser.add_argument("--work", type=Path, help="folder for portfolios and caches while it runs")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/benchmarks.md")
    given = parser.parse_args(arguments)
    given.sizes = given.sizes or ([10] if given.quick else [10, 100, 1000])
    given.repeat = given.repeat or (1 if given.quick else 5)
    if given.quick:
        given.owlrl_limit = given.pyshacl_limit = 0
    return given


def machine() -> dict[str, Any]:
    """Return what the numbers depend on besides the program: processors, versions, the day."""
    reasoners = [make().name for make in pipeline.REASONERS.values()]
    return {
        "day": datetime.now(UTC).date().isoformat(),
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "tmkb": __version__,
        "engines": [sparql.NAME, shacl.NAME, *reasoners, shacl.engine(shacl.REFERENCE).name],
    }


def measured(size: int, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Return all numbers for a portfolio of one size."""
    kb = folder / "kb"
    keys = portfolio.grow(kb, size)
    _say(f"{size} devices: stages")
    found = _part("walk", kb)
    found["limit_ratio"] = found["total"] / found["limit"]["total"]
    _say(f"{size} devices: closure{' and owlrl' if size <= given.owlrl_limit else ''}")
    found["closure"] = _closure(kb, reference=size <= given.owlrl_limit, minutes=given.owlrl_minutes)
    if size <= given.pyshacl_limit:
        _say(f"{size} devices: pyshacl")
    found["checks"] = _part("checks", kb) if size <= given.pyshacl_limit else None
    _say(f"{size} devices: whole commands")
    cold = given.repeat if size <= MANY else 1
    found["processes"] = processes.commands(kb, keys, folder, repeat=given.repeat, cold=cold)
    shutil.rmtree(folder / "kb")
    return found


def _part(name: str, kb: Path, minutes: float | None = None) -> dict[str, Any]:
    """Run one part of ``benchmarks.stages`` in a process of its own, without a cache."""
    ended = processes.measure(["benchmarks.stages", name, str(kb)], cache=None, minutes=minutes)
    numbers: dict[str, Any] = json.loads(ended.stdout)
    return numbers | {"peak_mib": ended.peak_mib}


def _closure(kb: Path, *, reference: bool, minutes: float) -> dict[str, Any]:
    if reference:
        try:
            return _part("closure-owlrl", kb, minutes)
        except processes.Unfinished:
            return _part("closure", kb) | {"owlrl_given_up_after_minutes": minutes}
    return _part("closure", kb)


def growth(sizes: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return for each step from one size to the next the exponent by which the time of each part grows."""
    return {f"{a} to {b}": dict(_exponents(int(a), sizes[a], int(b), sizes[b])) for a, b in pairwise(sizes)}


def _exponents(small: int, before: dict[str, Any], large: int, after: dict[str, Any]) -> Iterator[tuple[str, float]]:
    def seconds(numbers: dict[str, Any]) -> dict[str, float]:
        stages = {name: stage["seconds"] for name, stage in numbers["stages"].items()}
        whole = {name: command["seconds"] for name, command in numbers["processes"].items()}
        return stages | {"total": numbers["total"], "limit": numbers["limit"]["total"]} | whole

    later = seconds(after)
    for name, value in seconds(before).items():
        yield name, math.log(later[name] / value) / math.log(large / small)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
