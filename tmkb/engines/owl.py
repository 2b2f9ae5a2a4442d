"""OWL 2 RL closure behind one interface; owlrl is the reference, the compiled rules (owl_compiled.py) the default."""

from __future__ import annotations

from collections.abc import Iterable, Set
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from tmkb.model.graphs import Triple


class Reasoner(Protocol):
    """Anything that closes statements under the OWL 2 RL rules."""

    @property
    def name(self) -> str:
        """The engine, with its version where the conclusions may depend on it."""

    def close(self, schema: Set[Triple], data: Iterable[Triple]) -> Set[Triple]:
        """Return what follows from *schema* and *data* together, noise too; what they say may be among it, or not."""


class OwlrlReasoner:
    """The reference: owlrl over everything at once. It merges and marks; the caller looks for contradictions."""

    @property
    def name(self) -> str:
        """The engine and its version."""
        spec = find_spec("owlrl")  # importlib.metadata knows this too, and takes longer to import than all the rest
        beside = Path(spec.origin).parent.parent if spec and spec.origin else Path()
        return next((folder.stem.replace("-", " ") for folder in sorted(beside.glob("owlrl-*.dist-info"))), "owlrl")

    def close(self, schema: Set[Triple], data: Iterable[Triple]) -> Set[Triple]:
        """Return all that owlrl has at the end; a literal as subject is possible."""
        from tmkb.engines.owl_reference import expand

        return expand({*schema, *data})
