"""The content lock: no entry of the library changes, comes back or goes in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tmkb import __version__, load, released, sources
from tmkb.errors import SourceError

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "kb" / "library" / "lock.json"
BEFORE = {"T-0001": ("1", "aa"), "C-0001": ("2", "bb")}


@pytest.fixture(scope="module")
def core():  # type: ignore[no-untyped-def]
    return load.load_core(sources.find_sources(ROOT / "kb", []).core)[0]


def test_the_shipped_library_keeps_its_lock(core) -> None:  # type: ignore[no-untyped-def]
    """Against each released version: what changed has a newer version, what is gone a tombstone."""
    locks = released.lock(LOCK)
    assert locks, "the library has been released"
    now, gone = released.entries(core), released.retired(core)
    assert {version: released.broken(before, now, gone) for version, before in locks.items()} == {
        key: [] for key in locks
    }


def test_the_newest_lock_is_of_this_version(core) -> None:  # type: ignore[no-untyped-def]
    """The version that the package states is locked with just these entries, and older ones differ from it."""
    locks = released.lock(LOCK)
    assert list(locks)[-1] == __version__ and dict(locks[__version__]) == released.entries(core)


def test_every_entry_file_is_locked(core) -> None:  # type: ignore[no-untyped-def]
    """No file of the four folders escapes the lock."""
    folders = ("threats", "controls", "weaknesses", "advisories")
    files = [path for folder in folders for path in (ROOT / "kb/library" / folder).glob("*.ttl")]
    assert len(files) == len(released.entries(core)) > 200


@pytest.mark.parametrize(
    ("now", "gone", "said"),
    [
        (BEFORE, (), []),
        ({**BEFORE, "T-0002": ("1", "cc")}, (), []),
        ({**BEFORE, "T-0001": ("2", "zz")}, (), []),
        ({**BEFORE, "T-0001": ("1", "zz")}, (), ['T-0001 changed since version 1: state tm:version "2"']),
        ({**BEFORE, "C-0001": ("1", "zz")}, (), ['C-0001 changed since version 2: state tm:version "3"']),
        ({**BEFORE, "T-0001": ("2", "aa")}, (), ["T-0001 has version 2 and the content of version 1"]),
        ({"C-0001": ("2", "bb")}, (), ["T-0001 is gone: write a tombstone with reason and successor in retired.ttl"]),
        ({"C-0001": ("2", "bb")}, ("T-0001",), []),
        (BEFORE, ("T-0001",), ["T-0001 has a tombstone and is there"]),
    ],
)
def test_what_breaks_the_lock(now: released.Entries, gone: tuple[str, ...], said: list[str]) -> None:
    """Changed without a new version, gone without a tombstone, back from the dead; new entries are free."""
    assert released.broken(BEFORE, now, gone) == said


def test_differences_name_what_became_of_each() -> None:
    """Equal entries are left out; a higher version with the same content is none."""
    now = {"T-0001": ("2", "zz"), "T-0003": ("1", "dd")}
    assert released.differences(BEFORE, now) == {"C-0001": "retired", "T-0001": "changed", "T-0003": "new"}


def test_a_changed_statement_changes_the_hash(core) -> None:  # type: ignore[no-untyped-def]
    """Any statement of the file counts, the axioms about other terms too; its version and its place do not."""
    mine = [s for s in core if "/T-0031-" in s.origin.file]
    full = released.entries(mine)["T-0031"]
    assert all(
        released.entries([s for s in mine if s is not left])["T-0031"] != full
        for left in mine
        if "version" not in left.triple[1]
    )
    assert released.entries(reversed(mine)) == {"T-0031": full}


@pytest.mark.parametrize("text", ["{", "[]", '{"1": 3}', '{"1": {"T-0001": "x"}}'])
def test_a_damaged_lock_is_refused(tmp_path: Path, text: str) -> None:
    """A lock that cannot be read is no lock that is kept."""
    path = tmp_path / "lock.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match="E-LOCK"):
        released.lock(path)
    path.write_text(json.dumps({"1": BEFORE}), encoding="utf-8")
    assert released.lock(path) == {"1": BEFORE}
    assert released.lock(tmp_path / "none.json") == {}
