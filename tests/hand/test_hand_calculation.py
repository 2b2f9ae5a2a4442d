"""docs/hand-calculation.md says what the program says, and what the policy says when one works it out by hand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "hand-calculation.md").read_text(encoding="utf-8")
POLICY = (ROOT / "kb" / "policy" / "default.ttl").read_text(encoding="utf-8")
KB = ROOT / "tests" / "hand" / "kb"
ROMAN = ["", "I", "II", "III", "IV", "V", "VI"]
ORDER = ["none", "low", "medium", "high", "very high", "unknown"]
AXES = ("safety", "privacy", "operation")
Row = dict[str, str]


def tables() -> list[list[Row]]:
    """Return the tables of the page, each as rows by column name."""
    found: list[list[Row]] = []
    block: list[list[str]] = []
    for line in [*PAGE.splitlines(), ""]:
        if line.startswith("|"):
            block.append([cell.strip() for cell in line.strip("|").split("|")])
        elif block:
            found.append([dict(zip(block[0], row, strict=True)) for row in block[2:]])
            block = []
    return found


def rows() -> list[tuple[Row, Row]]:
    """Return each line of results with the line of inputs that belongs to it."""
    inputs, results = tables()
    return [({row["No"]: row for row in inputs}[result["No"]], result) for result in results]


def bands() -> dict[str, int]:
    """Return the band of each tier, read from the policy file."""
    return {ROMAN[int(t)]: int(b) for t, b in re.findall(r"tm:tier tm:tier-(\d) ;\s+tm:band (\d) \.", POLICY)}


def matrix() -> dict[tuple[int, int], str]:
    """Return the rating of each band and severity, read from the policy file."""
    cells = re.findall(r"tm:band (\d) ;\s+tm:level tm:severity-(\d) ;\s+tm:rating tm:rating-([a-z-]+) \.", POLICY)
    return {(int(band), int(level)): rating.replace("-", " ") for band, level, rating in cells}


def parts(text: str) -> list[tuple[str, str]]:
    return [tuple(one.split(": ", 1)) for one in text.split("; ")]  # type: ignore[misc]


def by_hand(given: Row, after: bool) -> Row:
    """Work out one line of results from the inputs on the page and the policy."""
    intent = given["Starts from"].startswith("tier")
    starts = re.findall(r"(?:tier|band) (\w+)", given["Starts from"])
    controls = parts(given["Controls"]) if after else []
    if intent:
        tier = min(ROMAN.index(one) for one in starts) - (given["Eased"] == "yes")
        before = max(1, tier)
        forced = [ROMAN.index(what[5:]) if what.startswith("tier") else 0 for _, what in controls]
        tier = min([max(before, one) for one in forced], default=before)
        band = bands()[ROMAN[tier]]
    else:
        own = int(starts[0])
        caps = [int(what[5:]) if what.startswith("band") else own for _, what in controls]
        band = max([min(own, cap) for cap in caps], default=own)
    out = {"Tier": ROMAN[tier] if intent else "–", "Band": str(band)}
    overall, least = [], []
    for place, axis in enumerate(AXES):
        levels = []
        for prop, told in parts(given["Levels"]):
            level = told.split(" / ")[place]
            for upheld, what in controls:
                if upheld.split(", ")[-1] == prop and what.startswith(axis) and level.isdigit():
                    level = str(min(int(level), int(what.split()[-1])))
            levels.append(level)
        known = [int(level) for level in levels if level.isdigit()]
        cell = matrix()[band, max(known)] if known else None
        if "missing" in levels:
            rating, shown = "unknown", "unknown" + (f", at least {cell}" if cell else "")
            least += [cell] if cell else []
        else:
            rating = shown = cell or "none"
            least += [cell] if cell else []
        out[axis.capitalize()] = f"{max(known) if known else '–'} {shown}"
        overall.append(rating)
    out["Overall"] = max(overall, key=ORDER.index)
    out["At least"] = max(least, key=ORDER.index) if out["Overall"] == "unknown" and least else "–"
    return out


@pytest.mark.parametrize(("given", "result"), rows(), ids=lambda row: f"{row['No']}-{row.get('Stage', '')}")
def test_each_line_of_the_page_follows_from_its_inputs_and_the_policy_file(given: Row, result: Row) -> None:
    """No code of the program takes part: inputs of the page, policy file, a few lines above."""
    told = {name: cell for name, cell in result.items() if name not in ("No", "Stage")}
    assert told == by_hand(given, result["Stage"] == "after")


def test_every_cell_and_band_named_in_the_text_is_as_the_policy_says() -> None:
    """`:cell-b-s` = rating and "tier T band B (`:band-n`)" are checked wherever the page says them."""
    text = " ".join(PAGE.split())
    cells = re.findall(r"`:cell-(\d)-(\d)` = (very high|high|medium|low)", text)
    assert len(cells) == text.count("`:cell-") > 20
    assert {(int(b), int(s)): rating for b, s, rating in cells}.items() <= matrix().items()
    named = re.findall(r"([IV]+) band (\d) \(`:band-(\d)`\)", text)
    assert {tier: int(band) for tier, band, _ in named} == bands()
    for tier, band, number in named:
        block = re.search(rf"^:band-{number} a .*?\.$", POLICY, re.S | re.M)
        assert block and f"tm:tier tm:tier-{ROMAN.index(tier)} ;" in block[0] and f"tm:band {band} ." in block[0]


def test_each_step_names_the_cells_of_its_own_lines() -> None:
    """The section of a threat names exactly the cells that its two lines use (3 also says what would be without)."""
    sections = re.split(r"^### (\d)\. ", PAGE, flags=re.M)[1:]
    steps = dict(zip(sections[::2], sections[1::2], strict=True))
    for number, text in steps.items():
        used = set()
        for _, result in rows():
            if result["No"] == number:
                levels = [result[axis.capitalize()].split()[0] for axis in AXES]
                used |= {(result["Band"], level) for level in levels if level != "–"}
        extra = {("2", "4")} if number == "3" else set()
        assert set(re.findall(r"`:cell-(\d)-(\d)`", text)) == used | extra, number


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[tuple[str, str, str], dict]]:  # type: ignore[type-arg]
    """Return the rows of the program by view and by entry, pattern and asset; run as a user does."""
    found = {}
    for view in ("implemented", "verified"):
        command = [sys.executable, "-m", "tmkb", "threats", "--kb", str(KB), "--on", "2026-11-23", "--view", view]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [*command, "--format", "json"], capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 0, done.stderr
        found[view] = {(r["entry"], r["pattern"], r["asset"]): r for r in json.loads(done.stdout)}
    return found


def said(stage: dict) -> Row:  # type: ignore[type-arg]
    """Write one stage of a JSON row as a line of the page."""
    line = {"Tier": (stage["tier"] or "–").removeprefix("tier "), "Band": str(stage["band"])}
    for axis in AXES:
        severity, rating = stage["severity_by_axis"][axis], stage["rating_by_axis"][axis]
        least = stage["at_least_by_axis"][axis]
        line[axis.capitalize()] = f"{severity or '–'} {rating}" + (f", at least {least}" if least else "")
    return line | {"Overall": stage["rating"], "At least": stage["at_least"] or "–"}


@pytest.mark.parametrize(("given", "result"), rows(), ids=lambda row: f"{row['No']}-{row.get('Stage', '')}")
def test_the_program_says_what_the_page_says(answers, given: Row, result: Row) -> None:  # type: ignore[no-untyped-def]
    """Tier, band, severity, ratings, overall and what holds at least, before and after controls."""
    row = answers["implemented"][given["Entry"], given["Pattern"], given["Asset"]]
    told = {name: cell for name, cell in result.items() if name not in ("No", "Stage")}
    assert said(row["inherent" if result["Stage"] == "before" else "residual"]) == told


def test_the_page_leaves_out_no_threat_of_its_own_patterns(answers) -> None:  # type: ignore[no-untyped-def]
    """Rows of T-90xx in the program and rows on the page are the same; shipped patterns may add others."""
    own = {key for key in answers["implemented"] if key[1].startswith("T-90")}
    assert own == {(row["Entry"], row["Pattern"], row["Asset"]) for row in tables()[0]}


def test_in_the_verified_view_nothing_is_gained(answers) -> None:  # type: ignore[no-untyped-def]
    """No control of the drip counter is verified, so after equals before."""
    for key, row in answers["verified"].items():
        if key[1].startswith("T-90"):
            assert row["residual"] == row["inherent"]


def test_the_program_credits_the_controls_that_the_page_credits(answers) -> None:  # type: ignore[no-untyped-def]
    """The deciding controls are those of the text; in 2, 4 and 7 none decides."""
    deciding = {
        row["No"]: sorted(
            c["id"]
            for c in answers["implemented"][row["Entry"], row["Pattern"], row["Asset"]]["controls"]
            if c["decides"]
        )
        for row in tables()[0]
    }
    assert deciding == {
        "1": ["ctl-wire"], "2": [], "3": ["ctl-radio"], "4": [], "5": ["ctl-battery"], "6": ["ctl-usb"], "7": [],
        "8": ["ctl-flash", "ctl-vault"], "9": ["ctl-limits"],
    }  # fmt: skip
