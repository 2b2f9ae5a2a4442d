"""A release that is at hand whole, as the verbs ask it: for tests that make or spoil a rated graph themselves."""

from __future__ import annotations

from dataclasses import dataclass

from tmkb import query
from tmkb.engines.sparql import Row
from tmkb.headers import QuerySpec
from tmkb.model.graphs import RatedGraph


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
