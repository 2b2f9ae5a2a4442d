"""docs/reference/ is what docs/generate.py writes from the present sources."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_reference_is_fresh() -> None:
    """The pages equal what the generator makes; if not, run `make reference`."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = ROOT / "docs" / "reference"
    assert {path.name for path in folder.iterdir()} == set(module.PAGES)
    for name, make in module.PAGES.items():
        assert (folder / name).read_text(encoding="utf-8") == make(), f"{name} is stale: make reference"


def test_generator_is_short() -> None:
    """The generator stays small enough to read at a glance."""
    assert len((ROOT / "docs" / "generate.py").read_text(encoding="utf-8").splitlines()) < 120
