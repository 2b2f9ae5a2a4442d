"""The cache helps and never decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from tmkb import cache, resources


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMKB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_kept_text_comes_back(folder: Path) -> None:
    """What was put is got, byte for byte."""
    cache.put("kind", "key", "a\nb\n")
    assert cache.get("kind", "key") == "a\nb\n"
    assert cache.get("kind", "other") is None


@pytest.mark.parametrize("damage", [b"", b"no checksum", b"0" * 64 + b"\na\nb\n", b"\xff\xfe"])
def test_damaged_entry_counts_as_absent(folder: Path, damage: bytes) -> None:
    """A torn or altered entry is never read as a result."""
    cache.put("kind", "key", "a\nb\n")
    (folder / "kind" / "key").write_bytes(damage)
    assert cache.get("kind", "key") is None


def test_truncated_entry_counts_as_absent(folder: Path) -> None:
    """Half an entry is no entry."""
    cache.put("kind", "key", "a\nb\n")
    whole = (folder / "kind" / "key").read_bytes()
    (folder / "kind" / "key").write_bytes(whole[:-2])
    assert cache.get("kind", "key") is None


def test_an_entry_in_the_place_of_another_counts_as_absent(folder: Path) -> None:
    """Whole bytes that belong to another key or kind are damage too."""
    cache.put("kind", "key", "right")
    cache.put("kind", "other", "wrong")
    cache.put("kin", "key", "wrong")
    for name in ("kind/other", "kin/key"):
        (folder / "kind" / "key").write_bytes((folder / name).read_bytes())
        assert cache.get("kind", "key") is None


def test_another_program_has_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older program kept is not found by a newer one, whatever its version says."""
    before = cache.digest("a")
    monkeypatch.setattr(resources, "program_digest", lambda: "another")
    assert cache.digest("a") != before
    assert cache.digest("a", "b") != cache.digest("ab")


def test_has_looks_and_does_not_trust(folder: Path) -> None:
    """A damaged entry is there, and still not read."""
    assert not cache.has("kind", "key")
    cache.put("kind", "key", "x")
    assert cache.has("kind", "key")
    (folder / "kind" / "key").write_bytes(b"")
    assert cache.has("kind", "key") and cache.get("kind", "key") is None


def test_empty_setting_switches_the_cache_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """``TMKB_CACHE=`` keeps nothing."""
    monkeypatch.setenv("TMKB_CACHE", "")
    cache.put("kind", "key", "x")
    assert cache.folder() is None and cache.get("kind", "key") is None
    assert not cache.has("kind", "key")


def test_unwritable_cache_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file where the folder should be costs speed, not the answer."""
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("TMKB_CACHE", str(tmp_path / "file"))
    cache.put("kind", "key", "x")
    assert cache.get("kind", "key") is None


def test_failed_write_leaves_old_bytes_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the write fails before the rename, the old file stands and no temporary file is left."""
    path = tmp_path / "file.ttl"
    path.write_bytes(b"old")

    def broken(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "fsync", broken)
    with pytest.raises(OSError, match="No space"):
        cache.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.ttl"]
