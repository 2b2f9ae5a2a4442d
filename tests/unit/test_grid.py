"""Tables of text: nothing is lost, ids stay whole, and no column is no crash."""

from __future__ import annotations

import pytest

from tmkb.grid import cells, fold, grid

HEAD = ["Id", "Asset", "What comes in and how it does", "After"]
ROWS = [
    ["LVP-3KCBCN", "main processor", "Flooding exhausts the host until nothing answers", "very high"],
    ["LVP-CGQWZD", "操作面板 panel", "x" * 70, "unknown (at least medium)"],
]


@pytest.mark.parametrize("width", [60, 80, 120, 160, 400])
def test_nothing_is_lost_and_ids_stay_whole(width: int) -> None:
    """Every letter of every cell stands in its column; an id can be copied at any width."""
    lines = grid(HEAD, [False] * 4, ROWS, width)
    text = "".join("".join(lines).split())
    for row in ROWS:
        assert row[0] in "\n".join(lines)
        for cell in row:
            for word in cell.split():
                assert word in text or len(word) > 14, word
    assert text.count("x") == sum(cell.count("x") for row in [HEAD, *ROWS] for cell in row)
    if width >= 80:
        assert max(map(cells, lines)) <= width


def test_numbers_stand_to_the_right_and_titles_at_the_rule() -> None:
    """Short titles stand on the last line of the head."""
    lines = grid(["Shape", "Open findings of it"], [False, True], [["a", "7"], ["b", "12"]], 24)
    rule = next(n for n, line in enumerate(lines) if "─" in line)
    assert lines[rule - 1].split()[0] == "Shape"
    assert [line[-2:] for line in lines[rule + 1 :]] == [" 7", "12"]


def test_no_column_and_no_row() -> None:
    """An answer without columns, or without rows, is an empty table."""
    assert grid([], [], [[], []], 80) == ["", ""]
    assert len(grid(["One"], [False], [], 80)) == 2


def test_a_word_longer_than_the_line_is_broken() -> None:
    """Whatever the letters are."""
    assert fold("abcdef", 4) == ["abcd", "ef"]
    assert fold("漢字漢字", 4) == ["漢字", "漢字"]
