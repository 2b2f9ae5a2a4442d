"""Makes the helpers of this folder importable and fixes how hypothesis runs: same examples every time, no clock."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

_COMMON = {"derandomize": True, "deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("tmkb", max_examples=40, **_COMMON)
settings.register_profile("tmkb-long", max_examples=400, **_COMMON)
settings.load_profile(os.environ.get("TMKB_HYPOTHESIS", "tmkb"))
