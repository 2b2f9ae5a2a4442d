"""What is kept, with the program as a process: what it loads, what it survives, and two of it at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOY = Path(__file__).resolve().parent / "toy"
KB = ("--kb", str(TOY), "--on", "2026-11-23")
THREATS = ("threats", *KB, "--format", "json")
CHECK = ("check", *KB, "--format", "json", "--fail-on", "never")
REPLAY = "TOY-NIUQDT"

LOADED = """
import atexit, sys
if sys.argv[1] == "without": sys.modules["shacl"] = None
del sys.argv[1]
heavy = ("rdflib", "owlrl", "pyshacl", "numpy", "hypothesis")
atexit.register(lambda: print("LOADED", *(name for name in heavy if name in sys.modules), file=sys.stderr))
from tmkb.cli import main
main()
"""
DIE_WHILE_WRITING = """
import os, signal, sys
from tmkb import cache
number, real = [int(sys.argv.pop(1))], os.fdopen
class Dying:
    def __init__(self, *args): self.file = real(*args)
    def __enter__(self): return self
    def __exit__(self, *error): self.file.close()
    def write(self, data):
        self.file.write(data[: len(data) // 2]); self.file.flush(); os.kill(os.getpid(), signal.SIGKILL)
def fdopen(*args):
    number[0] -= 1
    return real(*args) if number[0] else Dying(*args)
cache.os.fdopen = fdopen
from tmkb.cli import main
main()
"""
SMALL_DISK = """
import resource, sys
size = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
from tmkb.cli import main
main()
"""

VERBS = {
    "threats": THREATS,
    "threats of one device": (*THREATS, "--device", "toy"),
    "risk": ("risk", *KB),
    "safety": ("safety", *KB),
    "check": CHECK,
    "table": ("table", "threats", "toy", *KB),
    "devices": ("devices", "--kb", str(TOY)),
    "query": ("query", "open-hand-overs", *KB),
    "why": ("why", REPLAY, *KB),
    "why-not": ("why-not", *KB, "--device", "toy", "--vector", "usb", "--pattern", "T-0003", "--asset", "dose"),
    "doctor": ("doctor", "--kb", str(TOY)),
}


def start(code: str, first: str, *arguments: str, cache: Path | str | None = None) -> subprocess.Popen[str]:
    """Start the program behind a few lines of Python, with a cache folder of its own if one is given."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {} if cache is None else {"TMKB_CACHE": str(cache)}
    command = [sys.executable, "-c", code, first, *arguments] if code else [sys.executable, "-m", "tmkb", *arguments]
    return subprocess.Popen(
        command, env=environment, cwd=tempfile.gettempdir(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip


def answer(code: str, first: str, *arguments: str, cache: Path | str | None = None) -> tuple[str, str]:
    """Return stdout and stderr of a run that succeeds."""
    process = start(code, first, *arguments, cache=cache)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out, err


def loaded(*arguments: str, fast: bool = True, cache: Path | str | None = None) -> list[str]:
    """Return which heavy modules a run loads."""
    _, err = answer(LOADED, "with" if fast else "without", *arguments, cache=cache)
    return err.rsplit("LOADED", 1)[1].split()


@pytest.fixture(scope="module")
def expected() -> str:
    """The threats of the toy devices; made without any cache."""
    return answer("", "", *THREATS, cache="")[0]


@pytest.mark.parametrize("verb", VERBS)
def test_a_warm_verb_loads_no_engine_that_it_does_not_need(verb: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The second run of each verb needs neither reasoner, shapes engine, rdflib nor numpy."""
    cache = tmp_path_factory.getbasetemp() / "warm-toy"
    if not cache.exists():
        for arguments in (CHECK, THREATS):
            answer("", "", *arguments, cache=cache)
    first, _ = answer("", "", *VERBS[verb], cache=cache)
    assert loaded(*VERBS[verb], cache=cache) == []
    assert answer("", "", *VERBS[verb], cache=cache)[0] == first


def test_a_warm_shipped_release_loads_no_engine() -> None:
    """The same on a shipped device, with the cache of the whole test run."""
    arguments = ("threats", "--kb", str(ROOT / "kb"), "--device", "insulin-pump@1.0", "--on", "2026-11-23")
    first, _ = answer("", "", *arguments)
    assert loaded(*arguments) == []
    assert answer("", "", *arguments)[0] == first


@pytest.mark.skipif(find_spec("shacl") is None, reason="the fast shapes engine is not installed")
@pytest.mark.parametrize("arguments", [THREATS, CHECK], ids=["threats", "check"])
def test_a_cold_run_loads_no_reference_engine(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Compiled rules and the fast shapes engine do it all; the references stay in their drawer."""
    assert loaded(*arguments, cache=tmp_path) == []


@pytest.mark.parametrize("number", [1, 2, 7, 12, 17])
def test_killed_in_the_middle_of_an_entry(number: int, expected: str, tmp_path: Path) -> None:
    """kill -9 when half of the bytes of the n-th entry are written: the next answer is the fresh one."""
    process = start(DIE_WHILE_WRITING, str(number), *THREATS, cache=tmp_path)
    process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    assert any(path.name.endswith(".tmp") for path in tmp_path.rglob("*")), "it died while writing"
    assert answer("", "", *THREATS, cache=tmp_path)[0] == expected
    assert answer("", "", *THREATS, cache=tmp_path)[0] == expected


def test_killed_again_and_again_at_any_moment(expected: str, tmp_path: Path) -> None:
    """kill -9 after ever longer delays over one cache, so that each run goes on from what the last one left."""
    killed = 0
    for tenths in (3, 5, 7, 9, 12, 15):
        process = start("", "", *THREATS, cache=tmp_path)
        time.sleep(tenths / 10)
        process.kill()
        process.communicate(timeout=300)
        killed += process.returncode == -signal.SIGKILL
    assert killed
    assert answer("", "", *THREATS, cache=tmp_path)[0] == expected


def test_two_processes_may_fill_one_cache_at_once(expected: str, tmp_path: Path) -> None:
    """Both answers are right, and so is the next one."""
    one, other = (start("", "", *THREATS, cache=tmp_path) for _ in range(2))
    assert [process.communicate(timeout=300)[0] for process in (one, other)] == [expected, expected]
    assert answer("", "", *THREATS, cache=tmp_path)[0] == expected


@pytest.mark.parametrize("size", [0, 300, 20_000])
def test_a_disk_that_fills_up(size: int, expected: str, tmp_path: Path) -> None:
    """The operating system refuses bytes beyond a size: what fits is kept whole, what does not is not kept at all."""
    assert answer(SMALL_DISK, str(size), *THREATS, cache=tmp_path)[0] == expected
    assert not list(tmp_path.rglob("*.tmp"))
    assert all(path.stat().st_size <= size for path in tmp_path.rglob("*") if path.is_file())
    assert answer("", "", *THREATS, cache=tmp_path)[0] == expected


def test_a_cache_where_no_folder_can_be(expected: str) -> None:
    """A folder that nobody can make."""
    assert answer("", "", *THREATS, cache="/dev/null/cache")[0] == expected


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Eight copies of the twin, each with a name of its own: so many that all processors make them."""
    kb = tmp_path / "many"
    for part in ("modules", "families"):
        shutil.copytree(TOY / part, kb / part)
    shutil.copy(TOY / "kb.toml", kb / "kb.toml")
    for number in range(8):
        folder = kb / "devices" / f"twin{number}" / "1"
        folder.mkdir(parents=True)
        for path in sorted((TOY / "devices" / "twin" / "1").glob("*.ttl")):
            text = path.read_text(encoding="utf-8")
            text = text.replace("/device/twin/", f"/device/twin{number}/").replace('"TWI"', f'"TW{number}"')
            (folder / path.name).write_text(text, encoding="utf-8")
    return kb


@pytest.mark.parametrize("fault", [False, True])
def test_many_releases_made_side_by_side_give_the_same_answer(many: Path, tmp_path: Path, fault: bool) -> None:
    """With a cache, without one, and from what was kept; with a fault in one file: the same message and no half answer."""
    if fault:
        with (many / "devices/twin5/1/assets.ttl").open("a", encoding="utf-8") as file:
            file.write("\n:cpu tm:nonsense :dose .\n")
    arguments = ("check", "--kb", str(many), "--on", "2026-11-23", "--format", "json", "--fail-on", "never")

    def run(cache: Path | str) -> tuple[int, str, str]:
        process = start("", "", *arguments, cache=cache)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    alone = run("")
    assert alone[0] == (2 if fault else 0), alone[2]
    assert [run(tmp_path / "cache") for _ in range(2)] == [alone, alone]
