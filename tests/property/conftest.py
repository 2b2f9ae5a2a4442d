"""Makes the helpers of this folder importable and fixes how hypothesis runs: same examples every time, no clock."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

_COMMON = {"derandomize": True, "deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("tmkb", max_examples=20, **_COMMON)
settings.register_profile("tmkb-thorough", max_examples=200, **_COMMON)
settings.load_profile(os.environ.get("TMKB_HYPOTHESIS", "tmkb"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many knowledge bases the oracle saw (of one process only, when there are several)."""
    import strategies

    if strategies.COMPARED["models"]:
        said = "{models} knowledge bases, {threats} threats, {ratings} ratings".format(**strategies.COMPARED)
        terminalreporter.write_line(f"oracle compared: {said}")
