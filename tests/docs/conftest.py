"""Follow a page as a reader does: run each command of its console blocks and compare what the page shows.

In a block, a line that starts with "$ " is a command and the lines below it are output. A line "..." stands for any
number of lines, a line that ends in "…" is shown up to there, and "(exit code 2)" says how the command ends.
Spaces are compared loosely, because tables are padded.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Step:
    """A command of a page with the output that the page shows for it."""

    line: int
    command: str
    shown: tuple[str, ...]
    code: int


def steps(page: Path) -> Iterator[Step]:
    """Return the commands of the console blocks of a page, in order."""
    inside = False
    found: list[tuple[int, list[str]]] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith("$ "):
            found.append((number, [line[2:]]))
        elif inside and found and found[-1][1][-1].endswith("\\"):
            found[-1][1][-1] = found[-1][1][-1][:-1] + line.strip()
        elif inside and found:
            found[-1][1].append(line)
    for number, (command, *output) in found:
        codes = [int(c) for line in output for c in re.findall(r"^\(exit code (\d)\)$", line)]
        shown = tuple(line for line in output if line.strip() and not line.startswith("(exit code "))
        yield Step(number, command, shown, codes[0] if codes else 0)


def plain(text: str) -> str:
    """Return a line with single spaces."""
    return " ".join(text.split())


def compare(step: Step, output: str, place: str) -> None:
    """Fail unless the lines that the page shows stand in the output, in this order."""
    lines = [plain(line) for line in output.splitlines() if line.strip()]
    at = 0
    free = True
    for line in step.shown:
        if line.strip() == "...":
            free = True
            continue
        wanted = plain(line)
        start = wanted[:-1].rstrip() if wanted.endswith("…") else None
        hits = [i for i in range(at, len(lines)) if (lines[i].startswith(start) if start else lines[i] == wanted)]
        assert hits, f"{place}: not in the output of '{step.command}': {line!r}\n{output[:4000]}"
        assert free or hits[0] == at, f"{place}: the output of '{step.command}' has more before {line!r}; add '...'"
        at, free = hits[0] + 1, False


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], subprocess.CompletedProcess[str]]:
    """Return a function that runs a command line in a folder, with ``tmkb`` on the path."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "tmkb"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tmkb "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}

    def run(command: str, where: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, env=environment, cwd=where, check=False
        )

    return run


@pytest.fixture
def follow(shell: Callable[[str, Path], subprocess.CompletedProcess[str]]) -> Callable[[Path, Path], int]:
    """Return a function that walks a page in a folder and returns how many commands it ran."""

    def walk(page: Path, where: Path) -> int:
        number = 0
        for step in steps(page):
            if step.command.startswith("make "):
                continue
            place = f"{page.name}:{step.line}"
            ended = shell(step.command, where)
            output = ended.stdout + ended.stderr
            assert ended.returncode == step.code, (
                f"{place}: '{step.command}' ended with {ended.returncode}\n{output[-4000:]}"
            )
            compare(step, output, place)
            number += 1
        return number

    return walk
