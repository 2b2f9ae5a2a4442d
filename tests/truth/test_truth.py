"""The derived threats meet the truth sets as docs/truth.md says, and the truth sets are those that were written."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path

import pytest

from tmkb import pipeline, views

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "truth.md"
FLOOR = 0.90

# Rows and checksum of each truth set as it was written. A truth set is never changed, so neither are these.
PINNED = {
    "insulin-pump@1.0": (167, "3c680f1952fe5cd2ac283d064350e3519adf74007254e27370992283cec70150"),
    "lvp@1.0": (179, "4647b8a36f7315918f9f82db501e922c7ec8fa30dff293395aa8177862d8a9ee"),
    "lvp@2.0": (192, "6f2ec8ebcc7bebcbdac23c60e7dad84dcd515ac533df38d901ac29bd8fe985bf"),
}

Row = tuple[str, str, str]


def truth(key: str) -> list[Row]:
    with (Path(__file__).parent / f"{key}.csv").open(encoding="utf-8", newline="") as file:
        return [(row["entry"], row["pattern"], row["asset"]) for row in csv.DictReader(file)]


def derived(shipped, key: str) -> list[Row]:  # type: ignore[no-untyped-def]
    return [(row.entry, row.pattern, row.asset) for row in views.threats(shipped(key), pipeline.view)]


def section(title: str) -> list[list[str]]:
    """The cells of the table below a heading of the page, without its head."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def named(title: str, key: str) -> list[Row]:
    """The rows of a release that a table of the page names; a line may name several releases and several assets."""
    return [
        (entry.strip("`"), pattern, asset)
        for releases, entry, pattern, assets, _ in section(title)
        if key in re.findall(r"`([^`]+)`", releases)
        for asset in re.findall(r"`([^`]+)`", assets)
    ]


def test_there_is_a_truth_set_for_each_pin_and_no_other() -> None:
    assert {path.stem for path in Path(__file__).parent.glob("*.csv")} == set(PINNED)


@pytest.mark.parametrize("key", PINNED)
def test_truth_is_as_it_was_written(key: str) -> None:
    rows = truth(key)
    assert len(rows) == len(set(rows)) == PINNED[key][0]
    assert hashlib.sha256((Path(__file__).parent / f"{key}.csv").read_bytes()).hexdigest() == PINNED[key][1]


@pytest.mark.parametrize("key", PINNED)
def test_precision_and_recall(key: str, shipped) -> None:  # type: ignore[no-untyped-def]
    got, want = derived(shipped, key), set(truth(key))
    assert len(got) == len(set(got))
    hits = len(set(got) & want)
    assert hits / len(got) >= FLOOR, f"precision of {key}: {hits} of {len(got)}"
    assert hits / len(want) >= FLOOR, f"recall of {key}: {hits} of {len(want)}"


@pytest.mark.parametrize("key", PINNED)
def test_page_states_the_present_figures(key: str, shipped) -> None:  # type: ignore[no-untyped-def]
    got, want = set(derived(shipped, key)), set(truth(key))
    hits = len(got & want)
    figures = [
        str(len(got)),
        str(len(want)),
        str(hits),
        f"{100 * hits / len(got):.1f} %",
        f"{100 * hits / len(want):.1f} %",
    ]
    stated = {(row[0].strip("`"), row[1]): row[2:] for row in section("Figures")}
    assert stated[key, "after repair"] == figures
    assert (key, "before repair") in stated
    assert len(stated) == 2 * len(PINNED)


@pytest.mark.parametrize("key", PINNED)
def test_page_names_every_miss_and_every_noise_row(key: str, shipped) -> None:  # type: ignore[no-untyped-def]
    got, want = set(derived(shipped, key)), set(truth(key))
    assert sorted(named("Every row that is still missed", key)) == sorted(want - got)
    assert sorted(named("Every row that is still noise", key)) == sorted(got - want)


def test_each_line_of_the_tables_has_an_argument() -> None:
    for title in ("Every row that is still missed", "Every row that is still noise"):
        for line in section(title):
            assert len(line) == 5
            assert len(line[4].split()) >= 5, line
            assert set(re.findall(r"`([^`]+)`", line[0])) <= set(PINNED)
