"""The README says what is true: its commands run, their output is as shown, its links and targets exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_commands_run_and_show_what_the_page_says(follow: Callable[[Path, Path], int], tmp_path: Path) -> None:
    """A reader who copies a command from the README gets the output printed below it."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    assert follow(README, tmp_path) > 10


def test_every_verb_is_in_the_readme() -> None:
    """The table of commands leaves out no verb and names none that is gone."""
    from typer.main import get_command

    from tmkb.cli import app

    verbs = set(get_command(app).commands)  # type: ignore[attr-defined]
    assert set(re.findall(r"^\| `tmkb ([a-z-]+)", README.read_text(encoding="utf-8"), re.M)) == verbs


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_make_targets_exist(page: Path) -> None:
    """Each `make` command on a page is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"(?:^\$ |`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.M))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to a file of the repository names a file, and its anchor a heading there."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if anchor:
            assert anchor in headings(path), target


def headings(path: Path) -> set[str]:
    """Return the anchors of a page as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
