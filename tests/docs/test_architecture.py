"""docs/architecture.md names every module of the program, and only files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = r"`((?:tmkb|queries|ontology|kb|docs|tests)/[^`\s<>*]*)`"
PAGES = [
    ROOT / "docs" / "architecture.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
]


def test_every_module_has_its_place() -> None:
    """No module of the program is left out of the floors."""
    page = PAGES[0].read_text(encoding="utf-8")
    modules = {p.relative_to(ROOT).as_posix() for p in (ROOT / "tmkb").rglob("*.py") if p.name != "__init__.py"}
    missing = {m for m in modules if m not in page and "/model/" not in m}
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_named_files_exist(page: Path) -> None:
    """Each path on the page leads to a file or folder."""
    for name in re.findall(PLACES, page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


def test_decisions_are_numbered_and_whole() -> None:
    """Each record has its number as heading and the three parts."""
    for number, page in enumerate(PAGES[2:], 1):
        text = page.read_text(encoding="utf-8")
        assert page.name.startswith(f"{number:04}-") and text.startswith(f"# {number:04} ")
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences"))
