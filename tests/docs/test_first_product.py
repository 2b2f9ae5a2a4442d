"""The newcomer's page works: its commands run on the template and show what the page says."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "docs" / "template"
UNDECIDED = {"tms:high-risk-decided"}

Shell = Callable[[str, Path], subprocess.CompletedProcess[str]]


def test_page_can_be_followed(follow: Callable[[Path, Path], int], tmp_path: Path) -> None:
    """Each step of the page gives the result that the page shows."""
    (tmp_path / "docs").mkdir()
    shutil.copytree(TEMPLATE, tmp_path / "docs" / "template")
    assert follow(ROOT / "docs" / "first-product.md", tmp_path) > 20
    made, given = (
        {p.relative_to(base).as_posix(): p.read_text(encoding="utf-8") for p in base.rglob("*") if p.is_file()}
        for base in (tmp_path / "my-kb", TEMPLATE)
    )
    assert set(made) - set(given) == {"devices/thermometer/1.0/decisions.ttl"}
    assert given.items() <= made.items(), "the reader ends with the template and one decision"


def test_template_lacks_nothing_but_decisions(shell: Shell, tmp_path: Path) -> None:
    """The only violations of the template are risks that nobody has decided about."""
    answer = shell(f"tmkb check --kb {TEMPLATE} --format json --fail-on never", tmp_path)
    found = json.loads(answer.stdout)
    assert {f["shape"] for f in found if f["severity"] == "violation"} == UNDECIDED


@pytest.fixture(scope="module")
def rows(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The threats of the template."""
    answer = shell(f"tmkb threats --kb {TEMPLATE} --format json", tmp_path_factory.mktemp("rows"))
    return json.loads(answer.stdout)  # type: ignore[no-any-return]


# Each row judged by a person: would a reader of the template believe it, and why is it there?
BELIEVED = {
    "ble": {
        "reading": {"T-0001", "T-0003", "T-0004", "T-0005", "T-0006", "T-0075", "T-0077"},
        "history": {"T-0001", "T-0004", "T-0005", "T-0037"},
        "firmware": {"T-0025", "T-0070"},
        "mcu": {"T-0041", "T-0042", "T-0043"},
        "phone": {"T-0052"},
    },
    "app-screen": {"history": {"T-0008"}},
    "disposal": {"history": {"T-0021"}, "reading": {"T-0021"}},
    "supply": {"firmware": {"T-0028"}, "mcu": {"T-0058"}},
    "returns": {"history": {"T-0029"}, "firmware": {"T-0030", "T-0070"}, "mcu": {"T-0059"}},
    "mcu": {"mcu": {"T-0073"}},
}


def test_threats_are_those_that_a_person_expects(rows: list[dict[str, str]]) -> None:
    """No row is there that a reader would not believe, and none is missing."""
    believed = {(e, a, p) for e, by in BELIEVED.items() for a, patterns in by.items() for p in patterns}
    assert {(r["entry"], r["asset"], r["pattern"]) for r in rows} == believed


def test_port_behind_the_case_is_no_vector(rows: list[dict[str, str]]) -> None:
    """The test pads lie behind a boundary out of scope, so nothing comes in there."""
    assert not [r for r in rows if r["entry"] == "test-pads"]
