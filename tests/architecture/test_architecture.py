"""The house checks itself: floors, no knowledge in Python, and a wheel that works alone."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "tmkb").rglob("*.py"))


def test_floors_and_engine_doors_hold() -> None:
    """The import contracts of pyproject.toml are kept."""
    answer = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_iri_and_no_sparql_in_python(path: Path) -> None:
    """IRIs live in terms.py alone; queries live in queries/."""
    strings = [
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    if path.name != "terms.py":
        assert not [s for s in strings if re.search(r"https?://", s)]
    assert not [s for s in strings if re.search(r"(SELECT\s+(DISTINCT\s+)?\?|CONSTRUCT\s*\{|WHERE\s*\{)", s)]


def test_command_line_imports_no_engine_early() -> None:
    """``--help`` loads neither a reasoner nor a graph library."""
    code = "import sys, tmkb.cli; print([m for m in ('rdflib', 'owlrl', 'pyshacl', 'pyoxigraph', 'numpy') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_wheel_carries_knowledge(wheel: Path) -> None:
    """Ontology, shapes, queries and the knowledge base are in the wheel."""
    names = zipfile.ZipFile(wheel).namelist()
    for part in ("ontology/system.ttl", "ontology/shapes/prefixes.ttl", "queries/derive/10-threat.rq", "kb/kb.toml"):
        assert f"tmkb/_data/{part}" in names
    assert any(n.startswith("tmkb/_data/kb/devices/lvp/2.0/") for n in names)


def test_installed_wheel_answers_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """Unpacked alone, with nothing of the source tree in reach, ``tmkb threats`` answers on the bundled KB."""
    target = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(target),
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = os.environ | {"PYTHONPATH": str(target)}
    command = [sys.executable, "-c", "import tmkb, tmkb.cli; print(tmkb.__file__, flush=True); tmkb.cli.main()"]
    answer = subprocess.run(
        [*command, "threats", "--device", "insulin-pump", "--format", "csv"],
        cwd=empty, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert lines[0].startswith(str(target))
    assert len([line for line in lines if line.startswith("INS-")]) > 100
    assert "bundled" in answer.stderr and str(target) in answer.stderr
