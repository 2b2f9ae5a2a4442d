"""Write the content lock of the library for the version of the package; refuses while an entry breaks the old lock."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tmkb import __version__, load, released, sources  # noqa: E402

LOCK = ROOT / "kb" / "library" / "lock.json"


def main() -> int:
    """Lock the entries as they are under the version of the package; return 1 when something stands in the way."""
    core, _ = load.load_core(sources.find_sources(ROOT / "kb", []).core)
    now, locks = released.entries(core), released.lock(LOCK)
    older = [version for version in locks if version != __version__]
    problems = released.broken(locks[older[-1]], now, released.retired(core)) if older else []
    if __version__ in locks and dict(locks[__version__]) != now and "--again" not in sys.argv:
        problems.append(f"version {__version__} is locked already: raise the version, or give --again before it is out")
    print("\n".join(problems))
    if not problems:
        text = json.dumps({**locks, __version__: now}, indent=0, sort_keys=False)
        LOCK.write_text(text + "\n", encoding="utf-8")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
