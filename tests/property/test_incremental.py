"""P14: whatever is edited, and in whatever order, what is kept gives the answer that an empty cache gives.

A knowledge base is a mapping from file names to texts, an edit makes another one of it, and the folder is brought
in line after each edit. The oracle is the program itself with an empty cache.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import small
from hypothesis import given
from hypothesis import strategies as st

Files = dict[str, str]
Edit = Callable[[Files], Files]

TINY, TWIN, BEEPER = "devices/tiny/1.0/", "devices/twin/1/", "modules/beeper/module.ttl"
OWN = "library/threats/T-9001-own.ttl"
BEFORE, WITHIN, AFTER = date(2026, 1, 15), date(2026, 11, 23), date(2027, 6, 1)


def text(name: str, pattern: str, *choices: str) -> list[Edit]:
    """Return one edit for each choice: the first match of *pattern* in a file becomes that."""

    def change(choice: str) -> Edit:
        def edit(files: Files) -> Files:
            return files | {name: re.sub(pattern, choice, files[name], count=1, flags=re.S)} if name in files else files

        return edit

    return [change(choice) for choice in choices]


def more(name: str, addition: str) -> Edit:
    """Return the edit that adds to the end of a file, or makes it."""
    head = small.tiny.PREFIXES if name.startswith(TINY) else ""
    return lambda files: files | {name: files.get(name, head) + addition}


def less(name: str) -> Edit:
    """Return the edit that removes a file."""
    return lambda files: {known: content for known, content in files.items() if known != name}


def whole(name: str, content: str) -> Edit:
    """Return the edit that puts a file in place."""
    return lambda files: files | {name: content}


def moved(old: str, new: str) -> Edit:
    """Return the edit that renames files or folders by the beginning of their names."""
    return lambda files: {new + n.removeprefix(old) if n.startswith(old) else n: t for n, t in files.items()}


def newer(files: Files) -> Files:
    """Add release 2.0 of tiny, a copy of 1.0 as it is."""
    old = {n: t for n, t in files.items() if n.startswith(TINY)}
    swap = {"release/1.0": "release/2.0", '"1.0"': '"2.0"'}
    return files | {
        n.replace("1.0", "2.0"): re.sub("|".join(map(re.escape, swap)), lambda m: swap[m[0]], t) for n, t in old.items()
    }


SECOND = ':ctl-fresh a tm:Control ; rdfs:label "counter"@en ; tm:ofControlType lib:C-0030 ; tm:protects :link ; tm:status tm:status-verified .\n'
WAIVER = """
:w-board a tm:Waiver ; tm:waivedShape <https://tmkb.example/shapes#asset-reached> ; tm:waivedNode :board ;
    tm:reason "Test." ; tm:owner "tester" ; tm:decidedOn "2026-01-02"^^xsd:date ; tm:expires "2026-02-01"^^xsd:date .
"""

EDITS: dict[str, list[Edit]] = {
    "impact": text(TINY + "impacts.ttl", r"severity-\d", "severity-1", "severity-2", "severity-4"),
    "status": text(TINY + "controls.ttl", r"status-\w+", "status-planned", "status-verified", "status-removed"),
    "interface": text(TINY + "architecture.ttl", r"reach-\w+", "reach-remote", "reach-physical")
    + text(TINY + "architecture.ttl", r"tm:SubGigahertzInterface", "tm:BluetoothInterface", "tm:UsbInterface")
    + text(TINY + "architecture.ttl", r"state-active", "state-dormant"),
    "label": text(TINY + "assets.ttl", r'rdfs:label "\w+"@en', 'rdfs:label "command"@en', 'rdfs:label "Befehl"@de')
    + text(TWIN + "assets.ttl", r'rdfs:label "twin \w+"@en', 'rdfs:label "twin order"@en'),
    "comment": [more(TINY + "impacts.ttl", "# again\n"), text(TWIN + "impacts.ttl", r"^", "# first\n")[0]],
    "remove a statement": text(TINY + "impacts.ttl", r"\n:imp-order-i .*? \.\n", "\n")
    + text(TINY + "architecture.ttl", r"\n:b-air .*? \.\n", "\n")
    + text(TINY + "controls.ttl", r" tm:protects :link ;", ""),
    "add a statement": [more(TINY + "controls.ttl", SECOND), more(TINY + "decisions.ttl", WAIVER)],
    "add or remove a file": [
        more(TINY + "more.ttl", SECOND), less(TINY + "more.ttl"), less(TINY + "controls.ttl"), less(TINY + "decisions.ttl"),
        moved(TINY + "architecture.ttl", TINY + "z.ttl"), newer, less(TINY + "assets.ttl"),
    ],
    "date": text(TINY + "decisions.ttl", r'tm:expires "\S+?"', 'tm:expires "2026-06-01"', 'tm:expires "2028-01-01"'),
    "module": text(BEEPER, r"auth-none", "auth-mutual")
    + text(BEEPER, r'"beeper link"', '"other link"')
    + [more(BEEPER, "# again\n"), moved("modules/beeper/", "modules/buzzer/"), more("modules/buzzer/note.ttl", "# note\n"), less(BEEPER)]
    + text("modules/buzzer/module.ttl", r'"beeper link"', '"third link"'),
    "second description of the module": [lambda files: files | {"modules/copy/module.ttl": files.get(BEEPER, "")}],
    "slot": text(TWIN + "architecture.ttl", r" ;\n\s+tm:fillsSlot :beeper.peer", ""),
    "family": text("families/toys.ttl", r'"toys"', '"playthings"')
    + text("families/toys.ttl", r" \.\n$", " ; tm:family <https://tmkb.example/family/infusion> .\n"),
    "policy": text("kb.toml", r'policy = "\S+"', 'policy = "own"', 'policy = "default"', 'policy = "four-factors"')
    + text("policy/own.ttl", r"tm:band 3", "tm:band 5", "tm:band 2"),
    "own pattern": [whole(OWN, small.PATTERN), less(OWN), whole(OWN, small.PATTERN.replace("tier-3", "tier-1"))],
    "system": [whole(f"devices/duo/1/{name}", content) for name, content in small.system().items()],
    "fault": [
        more(TINY + "assets.ttl", "oops"), more(BEEPER, ":x tm:nonsense :y .\n"), more("families/toys.ttl", "<x"),
        more(TWIN + "impacts.ttl", ":dose tm:heldBy"), whole(OWN, small.PATTERN + "\ntm:Asset rdfs:subClassOf tm:Component .\n"),
        text("kb.toml", r'policy = "\S+"', 'policy = "none"')[0], more("devices/tiny/1.0/x.nt", ""),
    ],
}  # fmt: skip
CHOICES = [(name, number) for name, edits in EDITS.items() for number in range(len(edits))]


def harm(folder: Path, how: str) -> None:
    """Let something happen to the cache."""
    entries = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    if how == "gone":
        shutil.rmtree(folder)
    elif how == "half":
        for path in entries[::2]:
            path.unlink()
    elif how == "torn":
        for path in entries:
            path.write_bytes(path.read_bytes()[:-3])


def sync(kb: Path, old: Files, new: Files) -> None:
    """Bring the folder in line."""
    for name in old.keys() - new.keys():
        (kb / name).unlink()
    for name, content in new.items():
        if old.get(name) != content:
            (kb / name).parent.mkdir(parents=True, exist_ok=True)
            (kb / name).write_text(content, encoding="utf-8")


class Bench:
    """The folder, its files now, and the answers of empty caches that were asked for before."""

    def __init__(self, kb: Path) -> None:
        self.kb, self.files = kb, {str(p.relative_to(kb)): p.read_text("utf-8") for p in kb.rglob("*") if p.is_file()}
        self.base = dict(self.files)
        self._known: dict[tuple[date, frozenset[tuple[str, str]]], str] = {}
        self.warm = kb.parent / "warm"

    def set(self, files: Files) -> None:
        sync(self.kb, self.files, files)
        self.files = files

    def expected(self, day: date) -> str:
        key = (day, frozenset(self.files.items()))
        if key not in self._known:
            self._known[key] = small.fresh(self.kb, day)
        return self._known[key]

    def seen(self, day: date) -> str:
        return small.answer(self.kb, day, self.warm)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with small.world(tmp_path_factory.mktemp("incremental")) as kb:
        one = Bench(kb)
        assert '"T-0003"' in one.seen(WITHIN), "the small knowledge base has threats"
        shutil.copytree(one.warm, kb.parent / "base")
        yield one


step = st.tuples(
    st.one_of(
        st.sampled_from(CHOICES), st.sampled_from(CHOICES), st.sampled_from(CHOICES), st.integers(0, 4), st.just("same")
    ),
    st.sampled_from([WITHIN, WITHIN, WITHIN, BEFORE, AFTER]),
    st.sampled_from(["", "", "", "", "gone", "half", "torn"]),
)


@given(steps=st.lists(step, min_size=2, max_size=5))
def test_after_each_edit_the_kept_results_give_the_answer_of_an_empty_cache(bench: Bench, steps: list) -> None:
    """Edits of every file, back and forth, on several days, with faults and with a cache that vanishes: same bytes."""
    bench.set(dict(bench.base))
    shutil.rmtree(bench.warm, ignore_errors=True)
    shutil.copytree(bench.kb.parent / "base", bench.warm)
    history = [bench.files]
    for what, day, accident in steps:
        if isinstance(what, int):
            bench.set(history[what % len(history)])
        elif what != "same":
            bench.set(EDITS[what[0]][what[1]](history[-1]))
        if not isinstance(what, tuple) or what[0] != "fault":  # the next edit mends a fault
            history.append(bench.files)
        harm(bench.warm, accident)
        assert bench.seen(day) == bench.expected(day), [s[0] for s in steps]


@pytest.mark.parametrize("name", EDITS)
def test_each_edit_counts_and_taking_it_back_gives_the_first_answer(bench: Bench, name: str) -> None:
    """One edit of each sort: warm = fresh; taken back, the answer is that of before; no edit of the list is empty."""
    bench.set(dict(bench.base))
    before = bench.seen(WITHIN)
    changed = False
    for edit in EDITS[name]:
        bench.set(edit(dict(bench.base)))
        changed |= bench.files != bench.base
        assert bench.seen(WITHIN) == bench.expected(WITHIN)
        bench.set(dict(bench.base))
        assert bench.seen(WITHIN) == before
    assert changed, name


def test_a_module_that_moves_and_then_changes_is_seen(bench: Bench) -> None:
    """The folder of a module is found anew each time: kept results never hide an edit in a folder they do not know."""
    bench.set(dict(bench.base))
    bench.seen(WITHIN)
    for edit in (EDITS["module"][3], text("modules/buzzer/module.ttl", r'"beeper link"', '"moved link"')[0]):
        bench.set(edit(bench.files))
        assert bench.seen(WITHIN) == bench.expected(WITHIN)
    assert "moved link" in bench.seen(WITHIN)
