"""docs/errors.md has a section with cause and remedy for each error code of the program, and for no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "errors.md"
SECTIONS = dict(re.findall(r"^## (E-[A-Z]+)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.S | re.M))


def test_page_and_code_name_the_same_errors() -> None:
    """The set of codes in the program equals the set of sections."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tmkb").rglob("*.py")))
    assert set(re.findall(r"\bE-[A-Z]+\b", source)) == set(SECTIONS)


def test_sections_are_in_order() -> None:
    """A reader finds a code by the alphabet."""
    assert list(SECTIONS) == sorted(SECTIONS)


@pytest.mark.parametrize("code", SECTIONS)
def test_section_gives_cause_and_remedy(code: str) -> None:
    """A section says why the error comes and what to do."""
    assert "Cause: " in SECTIONS[code]
    assert "Remedy: " in SECTIONS[code]
