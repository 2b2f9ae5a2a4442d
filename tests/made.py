"""What tests of several folders share: a release that is at hand whole, and the releases for slow comparisons."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tmkb import query, sources
from tmkb.engines.sparql import Row
from tmkb.headers import QuerySpec
from tmkb.model.graphs import RatedGraph

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Made:
    """A release that is at hand whole, as the verbs ask it."""

    rated: RatedGraph

    @property
    def key(self) -> str:
        return self.rated.assembled.key

    def rows(self, spec: QuerySpec) -> list[Row]:
        return query.select(query.store_of([self.rated]), spec)

    def forget(self) -> None: ...


def sample() -> list[str]:
    """Return the shipped releases on which the slow references run: all of them with ``TMKB_EVERY_RELEASE`` set.

    Otherwise the newest release of the smallest device of each family, of the smallest variant and of each system.
    """
    folders = sorted((ROOT / "kb" / "devices").glob("*/*/release.ttl"))
    if os.environ.get("TMKB_EVERY_RELEASE"):
        return [f"{path.parents[1].name}@{path.parent.name}" for path in folders]
    newest: dict[str, Path] = {}
    for path in sorted(folders, key=lambda p: sources.version_key(p.parent.name)):
        newest[path.parents[1].name] = path
    smallest: dict[str, tuple[int, str]] = {}
    for slug, path in sorted(newest.items()):
        text = path.read_text(encoding="utf-8")
        group = re.search(r"tm:family <[^>]*/family/([^>]*)>", text)[1]  # type: ignore[index]
        group = "variant" if "tm:variantOf" in text else slug if "tm:System" in text else group
        size = sum(one.stat().st_size for one in path.parent.glob("*.ttl"))
        found = (size, f"{slug}@{path.parent.name}")
        smallest[group] = min(smallest.get(group, found), found)
    return sorted(key for _, key in smallest.values())
