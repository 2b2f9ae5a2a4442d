"""A threat as people see it: one row with everything that was worked out about it."""

from __future__ import annotations

from dataclasses import dataclass

AXES = ("safety", "privacy", "operation")
RATINGS = ("none", "low", "medium", "high", "very high", "unknown")


@dataclass(frozen=True)
class AxisRating:
    """Severity (1 to 5, or None), rating and, where unknown, the rating that holds at least."""

    severity: int | None
    rating: str
    at_least: str | None


@dataclass(frozen=True)
class StageRating:
    """Tier, band and ratings of a threat at one stage. ``tier`` is None without intent or when not known."""

    tier: str | None
    band: int | None
    base_band: int | None
    axes: dict[str, AxisRating]
    rating: str
    at_least: str | None
    acceptance: str


@dataclass(frozen=True)
class ThreatControl:
    """A control of a type that counters the pattern, at a place of the threat; ``decides`` in the chosen view."""

    iri: str
    name: str
    type: str
    status: str
    decides: bool
    verification: str | None


@dataclass(frozen=True)
class ThreatDecision:
    """What somebody decided; on the day of judgement it is ``made`` by then or not, and ``live`` unless expired."""

    iri: str
    disposition: str
    reason: str | None
    owner: str | None
    decided_on: str | None
    expires: str | None
    live: bool
    made: bool = True

    @property
    def title(self) -> str:
        """The disposition, and why it does not hold on the day of judgement when it does not."""
        end = f"expired {self.expires}" if self.made else f"only from {self.decided_on}"
        return self.disposition if self.live else f"{self.disposition} (not in force: {end})"


@dataclass(frozen=True)
class SystemPlace:
    """Where a threat of a system lies: members (id and name) of asset and entry, and the member's own row if any."""

    asset_member: str | None = None
    asset_member_name: str | None = None
    entry_member: str | None = None
    entry_member_name: str | None = None
    member_row: str | None = None
    member_release: str | None = None

    @property
    def row_title(self) -> str:
        """The member's own row and release, or nothing."""
        return f"{self.member_row} ({self.member_release})" if self.member_row else ""


@dataclass(frozen=True)
class ThreatRow:
    """One threat of one release, as table row and as JSON object."""

    id: str
    iri: str
    device: str
    device_name: str
    release: str
    family: tuple[str, ...]
    asset: str
    asset_name: str
    entry: str
    entry_name: str
    vector: str | None
    pattern: str
    pattern_name: str
    stride: tuple[str, ...]
    violates: tuple[str, ...]
    sources: tuple[str, ...]
    inherent: StageRating
    residual: StageRating
    controls: tuple[ThreatControl, ...]
    decision: ThreatDecision | None
    advisories: tuple[str, ...]
    not_applicable: bool
    path: bool = False
    place: SystemPlace = SystemPlace()

    @property
    def verification(self) -> tuple[str, ...]:
        """Documents that verify the deciding controls."""
        return tuple(sorted({c.verification for c in self.controls if c.decides and c.verification}))

    @property
    def asset_title(self) -> str:
        """The name of the asset, in a system with its member in brackets."""
        return _with_member(self.asset_name, self.place.asset_member_name)

    @property
    def entry_title(self) -> str:
        """The name of the entry, in a system with its member in brackets."""
        return _with_member(self.entry_name, self.place.entry_member_name)


def _with_member(name: str, member: str | None) -> str:
    return f"{name} [{member}]" if member else name
