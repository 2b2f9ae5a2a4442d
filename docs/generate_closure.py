"""What docs/generate.py writes about reasoning: the table of the OWL 2 RL rules, and the closed schema as shipped."""

from __future__ import annotations

from collections.abc import Callable

from tmkb import load, resources, sources
from tmkb.engines.rl_rules import RULES
from tmkb.infer import closed_head, conclusions, schema_digest, schema_of

Table = Callable[[list[str], list[list[str]]], str]


def rules(table: Table) -> str:
    """Return each rule of the recommendation with how it is treated, and by what."""
    text = "# Rules of OWL 2 RL\n\nEach rule of the W3C recommendation once (OWL 2 Profiles, tables 4 to 9). Compiled: "
    text += "run for every release. Done once: owlrl has closed the schema under it. Contradiction: the query in "
    text += (
        "`queries/check/` stops the build. Noise: it says nothing about a model and is left out. Refused: E-REASONER, "
    )
    text += "or the reason given. [Why](../decisions/0015-compiled-closure.md).\n"
    return text + table(["Rule", "Table", "Treatment", "By"], [[f"`{r[0]}`", str(r[1]), *r[2:]] for r in RULES])


def closed_schema() -> str:
    """Return what ontology and shipped library entail by owlrl, headed by the hash of what it follows from."""
    schema, _ = schema_of(load.load(sources.find_sources(resources.bundled_kb(), [])).core)
    text = conclusions(schema)
    return f"{closed_head(schema_digest(schema), text)}\n{text}"
