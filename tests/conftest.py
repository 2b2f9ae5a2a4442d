"""What all tests share: one result cache for the whole run, the shipped releases rated once, the program as a user runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

if "TMKB_CACHE" not in os.environ:  # workers inherit the folder from the process that starts them
    os.environ["TMKB_CACHE"] = tempfile.mkdtemp(prefix="tmkb-test-cache-")
    os.environ["TMKB_TEST_OWNS_CACHE"] = str(os.getpid())

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).parent))  # what tests of several folders share
Run = Callable[..., subprocess.CompletedProcess[str]]


def pytest_unconfigure() -> None:
    if os.environ.get("TMKB_TEST_OWNS_CACHE") == str(os.getpid()):
        shutil.rmtree(os.environ["TMKB_CACHE"], ignore_errors=True)


def tmkb(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a user does; returns exit code, stdout and stderr."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | extra
    command = [sys.executable, "-m", "tmkb", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=tempfile.gettempdir(), check=False
    )


@pytest.fixture
def run() -> Run:
    return tmkb


@pytest.fixture
def kb(tmp_path: Path) -> Path:
    """A copy of the shipped devices, modules and families that a test may change."""
    target = tmp_path / "kb"
    for part in ("devices", "modules", "families"):
        shutil.copytree(ROOT / "kb" / part, target / part)
    shutil.copy(ROOT / "kb" / "kb.toml", target / "kb.toml")
    return target


@pytest.fixture(scope="session")
def shipped():  # type: ignore[no-untyped-def]
    """Return a function that builds a shipped release once in a session."""
    from tmkb import pipeline

    built: dict[tuple[str, bool], object] = {}

    def build(key: str, *, check: bool = False):  # type: ignore[no-untyped-def]
        if (key, check) not in built:
            from datetime import date

            built[key, check] = pipeline.build(pipeline.Options(ROOT / "kb", key, on=date(2026, 11, 23)), check=check)
        return built[key, check]

    return build
