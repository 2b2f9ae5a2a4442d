"""docs/output.md names the fields that `threats --format json` gives, all of them and no others."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_page_names_the_fields(shell: Callable[[str, Path], subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """The tables of the page and the rows of the answer have the same fields."""
    rows = json.loads(shell(f"tmkb threats --kb {ROOT / 'docs' / 'template'} --format json", tmp_path).stdout)
    page = (
        (ROOT / "docs" / "output.md").read_text(encoding="utf-8").partition("## Fields of")[2].partition("## Order")[0]
    )
    first, second = page.split("`inherent` and `residual` have:")
    assert fields(first) == set(rows[0])
    assert fields(second) == set(rows[0]["inherent"]) == set(rows[0]["residual"])


def fields(text: str) -> set[str]:
    """Return the names in the first column of a table."""
    return {name for cell in re.findall(r"^\| (`[^|]+) \|", text, re.M) for name in re.findall(r"`(\w+)`", cell)}
