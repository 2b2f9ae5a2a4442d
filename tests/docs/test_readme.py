"""The README says what is true: its commands run, their output is as shown, its links and targets exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

Shell = Callable[[str, Path], subprocess.CompletedProcess[str]]


def test_commands_run_and_show_what_the_page_says(follow: Callable[[Path, Path], int], tmp_path: Path) -> None:
    """A reader who copies a command from the README gets the output printed below it."""
    assert follow(README, tmp_path) == 1


EXAMPLES = re.findall(r"^\| `(tmkb [^`]+)` \|", README.read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("command", EXAMPLES, ids=lambda c: c.split()[1])
def test_examples_of_the_table_run(shell: Shell, tmp_path: Path, command: str) -> None:
    """Each example ends well; `check` may find something."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    shutil.copytree(ROOT / "docs" / "template", tmp_path / "my-kb")
    ended = shell(command, tmp_path)
    assert ended.returncode in ((0, 1) if " check " in command else (0,)), ended.stderr


def test_every_verb_is_in_the_readme() -> None:
    """The table of commands leaves out no verb and names none that is gone."""
    from typer.main import get_command

    from tmkb.cli import app

    verbs = set(get_command(app).commands)  # type: ignore[attr-defined]
    assert {example.split()[1] for example in EXAMPLES} == verbs


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
