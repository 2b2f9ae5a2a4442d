"""What the end-to-end tests share: the program as a process, a tiny knowledge base to break, and a quick way inside.

``toy/`` holds two fictional devices with one shared module. Rating one from nothing takes seconds, not minutes, and
every edit of a test is an edit of a copy.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOY = Path(__file__).resolve().parent / "toy"
ON = "2026-11-23"

Done = subprocess.CompletedProcess[str]


def tmkb(*arguments: str | Path, stdin: str | None = None, **extra: str) -> Done:
    """Run the program as a user does; returns exit code, stdout and stderr."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | extra
    command = [sys.executable, "-m", "tmkb", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", env=environment, cwd=tempfile.gettempdir(), check=False,
        input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="session")
def run() -> Callable[..., Done]:
    return tmkb


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A copy of the toy knowledge base that a test may change."""
    return shutil.copytree(TOY, tmp_path / "toy")


def rows_of(kb: Path, *arguments: str, **extra: str) -> dict[str, dict]:
    """Return the threats that the program derives, by release and id."""
    done = tmkb("threats", "--kb", kb, "--on", ON, "--format", "json", *arguments, **extra)
    assert done.returncode == 0, done.stderr
    return {f"{row['device']}@{row['release']} {row['id']}": row for row in json.loads(done.stdout)}


@pytest.fixture(scope="session")
def rows() -> Callable[..., dict[str, dict]]:
    return rows_of


@pytest.fixture(scope="session")
def toy_rows() -> dict[str, dict]:
    """The threats of the two toy devices as they are."""
    return rows_of(TOY)


@pytest.fixture(scope="session")
def fingerprint() -> Callable[[Path], dict[str, str]]:
    """Return a function that says what a folder holds: every file with a hash of its bytes, every folder."""

    def take(folder: Path) -> dict[str, str]:
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
            for path in sorted(folder.rglob("*"))
        }

    return take


class Inside:
    """Runs verbs in this process; the same releases are rated once, so that every format can be looked at."""

    def __init__(self) -> None:
        from tmkb import pipeline

        self._kept: dict[tuple, object] = {}
        self._build = pipeline.build

    def build(self, options, *, check=False, rows=(), reasoner=None):  # type: ignore[no-untyped-def]
        key = (options.kb, options.device, options.family, options.day, check)
        if key not in self._kept:
            self._kept[key] = self._build(options, check=check, reasoner=reasoner)
        return self._kept[key]

    def __call__(self, *arguments: str | Path, stdin: str = "") -> Done:
        from tmkb import cli, pipeline

        out, err = io.StringIO(), io.StringIO()
        before = sys.argv, sys.stdin
        sys.argv, sys.stdin = ["tmkb", *map(str, arguments)], io.StringIO(stdin)
        code: object = 0
        pipeline.build = self.build  # type: ignore[assignment]
        try:
            with redirect_stdout(out), redirect_stderr(err):
                cli.main()
        except SystemExit as end:
            code = end.code
        finally:
            pipeline.build = self._build  # type: ignore[assignment]
            sys.argv, sys.stdin = before
        return Done(list(map(str, arguments)), int(code or 0), out.getvalue(), err.getvalue())  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def inside() -> Inside:
    return Inside()
