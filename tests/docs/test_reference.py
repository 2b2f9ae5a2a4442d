"""docs/reference/ is what docs/generate.py writes from the present sources."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_is_fresh(generator: ModuleType) -> None:
    """The pages equal what the generator makes; if not, run `make reference`."""
    folder = ROOT / "docs" / "reference"
    assert {path.name for path in folder.iterdir()} == set(generator.PAGES)
    for name, make in generator.PAGES.items():
        assert (folder / name).read_text(encoding="utf-8") == make(), f"{name} is stale: make reference"


def test_closed_schema_is_fresh(generator: ModuleType) -> None:
    """ontology/closed.nt is what owlrl concludes from ontology and library as they are; else `make reference`."""
    shipped = (ROOT / "ontology" / "closed.nt").read_text(encoding="utf-8")
    assert shipped == generator.closure.closed_schema(), "ontology/closed.nt is stale: make reference"


def test_generator_is_short() -> None:
    """The generator stays small enough to read at a glance."""
    assert len((ROOT / "docs" / "generate.py").read_text(encoding="utf-8").splitlines()) < 120
