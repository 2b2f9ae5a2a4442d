"""The derived threats meet the truth sets as docs/truth.md says, and the truth sets are those that were written."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path
from statistics import fmean

import pytest

from tmkb import pipeline, views

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "truth.md"

# Share of each figure below which a release never falls: those measured against 0.90 from the start are held to it.
FLOOR = 0.80
HIGHER_FLOOR = {"insulin-pump@1.0": 0.90, "lvp@1.0": 0.90, "lvp@2.0": 0.90}
MACRO_FLOOR = 0.90

# Rows and checksum of each truth set as it was written. A truth set is never changed, so neither are these.
PINNED = {
    "bedside-monitor@1.1": (135, "1a9b343406df4f8ced9e38d328c52fb08291e65b7dfb75ffe4c0e9af31ec6b7d"),
    "health-record@1.0": (115, "2ca5a0ab548334bfd2c41a3ee874686fe9058154e294162902e784ea2e3fd903"),
    "icd@1.0": (141, "0376ded25180884040b1826ff4aae2a13e7f1cf09d84a22f7ab01f2c359a22bb"),
    "image-viewer@1.0": (135, "ee8d3dc0717344c9197a0210b72ce592195659d52e402c16b80cdab281643851"),
    "insulin-pump@1.0": (167, "3c680f1952fe5cd2ac283d064350e3519adf74007254e27370992283cec70150"),
    "lvp@1.0": (179, "4647b8a36f7315918f9f82db501e922c7ec8fa30dff293395aa8177862d8a9ee"),
    "lvp@2.0": (192, "6f2ec8ebcc7bebcbdac23c60e7dad84dcd515ac533df38d901ac29bd8fe985bf"),
    "ventilator@1.0": (159, "e5fa0866eb811829b3b23e4a15e6944d65f4702d8c9c7d40ab3dad8e016448a9"),
}

Row = tuple[str, str, str]
Figures = dict[str, tuple[float, float]]


def truth(key: str) -> list[Row]:
    with (Path(__file__).parent / f"{key}.csv").open(encoding="utf-8", newline="") as file:
        return [(row["entry"], row["pattern"], row["asset"]) for row in csv.DictReader(file)]


def derived(shipped, key: str) -> list[Row]:  # type: ignore[no-untyped-def]
    return [(row.entry, row.pattern, row.asset) for row in views.threats(shipped(key), pipeline.view)]


def prose(title: str) -> str:
    """What stands below a heading of the page."""
    return PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def section(title: str) -> list[list[str]]:
    """The cells of the table below a heading of the page, without its head."""
    lines = [line for line in prose(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def named(title: str, key: str) -> list[Row]:
    """The rows of a release that a table of the page names: of each line all combinations of what its cells name."""
    return [
        (entry, pattern, asset)
        for releases, entries, patterns, assets, _ in section(title)
        if key in re.findall(r"`([^`]+)`", releases)
        for entry in re.findall(r"`([^`]+)`", entries)
        for pattern in re.findall(r"T-\d{4}", patterns)
        for asset in re.findall(r"`([^`]+)`", assets)
    ]


def macro(figures: Figures) -> tuple[float, float]:
    """Mean precision and mean recall over products; the releases of a product count once, by their mean."""
    products: dict[str, list[tuple[float, float]]] = {}
    for key, pair in figures.items():
        products.setdefault(key.split("@")[0], []).append(pair)
    means = [(fmean(p for p, _ in pairs), fmean(r for _, r in pairs)) for pairs in products.values()]
    return fmean(p for p, _ in means), fmean(r for _, r in means)


def stated_figures(library: str) -> Figures:
    """Precision and recall of each release by the numbers of rows that the page gives."""
    lines = [line for line in section("Figures") if line[1] == library]
    return {key.strip("`"): (int(hits) / int(got), int(hits) / int(want)) for key, _, got, want, hits, *_ in lines}


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
    floor = HIGHER_FLOOR.get(key, FLOOR)
    assert hits / len(got) >= floor, f"precision of {key}: {hits} of {len(got)}"
    assert hits / len(want) >= floor, f"recall of {key}: {hits} of {len(want)}"


def test_macro_average_over_products(shipped) -> None:  # type: ignore[no-untyped-def]
    figures: Figures = {}
    for key in PINNED:
        got, want = set(derived(shipped, key)), set(truth(key))
        figures[key] = (len(got & want) / len(got), len(got & want) / len(want))
    precision, recall = macro(figures)
    assert precision >= MACRO_FLOOR, f"macro precision {precision:.3f}"
    assert recall >= MACRO_FLOOR, f"macro recall {recall:.3f}"
    assert figures == stated_figures("after repair")


@pytest.mark.parametrize("library", ["before repair", "after repair"])
def test_page_states_the_macro_average(library: str) -> None:
    precision, recall = macro(stated_figures(library))
    line = f"Macro average over products, {library}: precision {100 * precision:.1f} %, recall {100 * recall:.1f} %."
    assert line in prose("Figures")


def test_shares_on_the_page_follow_from_its_rows() -> None:
    for _, _, got, want, hits, precision, recall in section("Figures"):
        shares = [f"{100 * int(hits) / int(total):.1f} %" for total in (got, want)]
        assert [precision, recall] == shares


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
            assert len(line) == 5, line
            assert len(line[4].split()) >= 5, line
            assert set(re.findall(r"`([^`]+)`", line[0])) <= set(PINNED)
