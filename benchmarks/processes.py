"""Whole commands as a user runs them: their time from start to end, and the memory of all their processes together."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_EVERY = 0.05
_LEVEL = re.compile(r"(tm:level tm:severity-)(\d)")


@dataclass(frozen=True)
class Measured:
    """One process that has ended: what it printed, how long it took, and the peak of its memory, children included."""

    stdout: str
    seconds: float
    peak_mib: float


class Unfinished(Exception):
    """A process did not end within its time and was stopped."""


def measure(
    arguments: list[str], *, cache: Path | None, codes: tuple[int, ...] = (0,), minutes: float | None = None
) -> Measured:
    """Run ``python -m`` with these arguments; without *cache*, nothing is kept or found.

    Raises:
        Unfinished: it took longer than *minutes*.
        RuntimeError: it ended with another code than one of *codes*.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMKB_CACHE": str(cache or "")}
    command = [sys.executable, "-m", *arguments]
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        watch = _Watch(process.pid)
        try:
            stdout, stderr = process.communicate(timeout=minutes and minutes * 60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Unfinished(f"{' '.join(arguments[:2])}: not ended within {minutes} minutes") from None
        finally:
            seconds = time.perf_counter() - start
            peak = watch.stop()
    if process.returncode not in codes:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}: {stderr[-2000:]}")
    return Measured(stdout, seconds, peak)


class _Watch:
    """Looks at a process and its descendants now and then and keeps the largest sum of their resident memory."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak, self._ended = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Return the peak in MiB; 0 where the system does not say."""
        self._ended.set()
        self._thread.join()
        return self._peak * os.sysconf("SC_PAGE_SIZE") / 2**20

    def _look(self) -> None:
        while not self._ended.wait(_EVERY):
            self._peak = max(self._peak, _resident(self._pid))


def _resident(root: int) -> int:
    """Return the resident pages of a process and all that it started; pages that they share count for each."""
    parent: dict[int, int] = {}
    pages: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            facts = (folder / "stat").read_text().rpartition(")")[2].split()
            parent[int(folder.name)], pages[int(folder.name)] = int(facts[1]), int(facts[21])
    family = {root}
    while more := {pid for pid, above in parent.items() if above in family} - family:
        family |= more
    return sum(pages.get(pid, 0) for pid in family)


def commands(kb: Path, keys: list[str], work: Path, *, repeat: int, cold: int) -> dict[str, Any]:
    """Measure a cold check of all devices, then, for the device of median size, a warm answer and one after an edit."""
    caches = [work / f"cache-{number}" for number in range(cold)]  # one each, so that each run is cold
    runs = [measure(["tmkb", "check", "--kb", str(kb)], cache=cache, codes=(0, 1)) for cache in caches]
    found, cache = {"cold check of all": summary(runs)}, caches[-1]
    device = _median(kb, keys)
    ask = ["tmkb", "threats", "--kb", str(kb), "--device", device]
    measure(ask, cache=cache)
    found["warm threats"] = summary([measure(ask, cache=cache) for _ in range(repeat)]) | {"device": device}
    runs = []
    for number in range(repeat):
        edit(kb, device, number)
        runs.append(measure(ask, cache=cache))
    found["threats after an edit"] = summary(runs) | {"device": device}
    return found


def _median(kb: Path, keys: list[str]) -> str:
    """Return the device of median size in bytes."""
    size = {key: sum(path.stat().st_size for path in _folder(kb, key).glob("*.ttl")) for key in keys}
    return sorted(keys, key=lambda key: (size[key], key))[len(keys) // 2]


def _folder(kb: Path, key: str) -> Path:
    return kb / "devices" / key.replace("@", "/")


def edit(kb: Path, key: str, number: int) -> None:
    """Change the level of one impact of a device, another one for each number."""
    path = _folder(kb, key) / "impacts.ttl"
    text = path.read_text(encoding="utf-8")
    found = list(_LEVEL.finditer(text))[number]
    level = int(found[2]) % 5 + 1
    path.write_text(f"{text[: found.start()]}{found[1]}{level}{text[found.end() :]}", encoding="utf-8")


def summary(runs: list[Measured]) -> dict[str, Any]:
    """Return the median of several runs, the fastest and slowest, and the highest peak."""
    seconds = [run.seconds for run in runs]
    return {
        "runs": len(runs),
        "seconds": statistics.median(seconds),
        "fastest": min(seconds),
        "slowest": max(seconds),
        "peak_mib": max(run.peak_mib for run in runs),
    }
