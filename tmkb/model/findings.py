"""Findings of the authoring and assurance checks."""

from __future__ import annotations

from dataclasses import dataclass

SEVERITIES = ("info", "warning", "violation")
#: component of the finding that a shape had no node to look at: it says nothing, neither good nor bad
NOTHING_TO_CHECK = "nothing to check"


@dataclass(frozen=True, order=True)
class Finding:
    """One result of one shape on one node, with what to do about it and where the node is written."""

    release: str
    severity: str
    shape: str
    focus: str
    path: str
    value: str
    message: str
    structural: bool = False
    where: str = ""
    waived_by: str = ""
    component: str = ""
    name: str = ""
    value_name: str = ""
