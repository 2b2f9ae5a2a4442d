"""Write the content lock of the library for the version of the package; refuses while an entry breaks the old lock."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tmkb import __version__, load, released, sources  # noqa: E402

LOCK = ROOT / "kb" / "library" / "lock.json"


def written(locks: dict[str, dict[str, tuple[str, str]]]) -> str:
    """Return the lock as JSON with a line for each entry, so that a change shows as one line."""
    blocks = []
    for version, entries in locks.items():
        lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(entry)}" for key, entry in entries.items())
        blocks.append(f" {json.dumps(version)}: {{\n{lines}\n }}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


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
        LOCK.write_text(written({**locks, __version__: now}), encoding="utf-8")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
