"""What a release keeps: an edit makes what depends on it anew and nothing else, and the cache may fail at any time."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from pathlib import Path

import pytest

from tmkb import cache, load, pipeline, query, release, resources, validate, views
from tmkb.query import KnowledgeBase

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "property"))

import small  # noqa: E402  the small knowledge base lies beside the property tests

DAY = date(2026, 11, 23)
STAGES = {"read", "assemble", "authoring", "close", "derive", "rate", "assurance"}
ROWS = ("rows", "of some release")
TINY, TWIN, DUO = "tiny@1.0", "twin@1", "duo@1"
Made = set[tuple[str, str]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The small knowledge base with its system, and beside it a cache that knows all its answers."""
    with small.world(tmp_path_factory.mktemp("release")) as kb:
        (kb / "devices" / "duo" / "1").mkdir(parents=True)
        for name, text in small.system().items():
            (kb / "devices" / "duo" / "1" / name).write_text(text, encoding="utf-8")
        assert '"T-0003"' in small.answer(kb, DAY)
        yield kb


@pytest.fixture
def kb(kept: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same for one test, with a copy of the cache; what the test edits is put back."""
    monkeypatch.setenv("TMKB_CACHE", str(shutil.copytree(kept.parent / "cache", kept.parent / "one")))
    before = {
        path: path.read_bytes() for base in (kept, resources.root()) for path in base.rglob("*") if path.is_file()
    }
    yield kept
    for base in (kept, resources.root()):
        for path in [p for p in base.rglob("*") if p.is_file() and p not in before]:
            path.unlink()
    for path, data in before.items():
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
    shutil.rmtree(kept.parent / "one", ignore_errors=True)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """What was really worked out, as (stage, release)."""
    found: Made = set()

    def spy(holder: object, name: str, told: Callable[..., tuple[str, str]]) -> None:
        real = getattr(holder, name)

        def wrapper(*args: object, **more: object) -> object:
            found.add(told(*args))
            return real(*args, **more)

        monkeypatch.setattr(holder, name, wrapper)

    def read(sources, role, vocabulary):  # type: ignore[no-untyped-def]
        place = re.search(r"devices/([^/]+)/([^/]+)/", sources[0].name)
        return "read", f"{place[1]}@{place[2]}" if place else role

    spy(load, "load_core", lambda *_: ("read", "core"))
    spy(load, "load_files", read)
    spy(release, "assemble", lambda _, key, *__: ("assemble", key))
    spy(release, "close_release", lambda assembled, *_: ("close", assembled.key))
    spy(release, "derive", lambda closed, *_: ("derive", closed.assembled.key))
    spy(release, "rate", lambda derived, *_: ("rate", derived.closed.assembled.key))
    spy(validate.Checker, "validate", lambda checker, assembled, *_: (checker.kind, assembled.key))
    spy(query, "select", lambda *_: ROWS)
    return found


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def all_of(*keys: str) -> Made:
    """Return every stage of some releases, and the rows of their views."""
    return {ROWS, *((stage, key) for stage in STAGES for key in keys)}


def test_nothing_edited_nothing_made(kb: Path, made: Made) -> None:
    """A second question, whichever, works out nothing."""
    small.answer(kb, DAY)
    assert made == set()
    small.answer(kb, DAY, device="twin")
    assert made == set()


def test_a_file_of_a_device_makes_that_device_and_its_systems_anew(kb: Path, made: Made) -> None:
    """Everything of it, nothing of the others; the core and the shapes' other results stay."""
    edit(kb / "devices/tiny/1.0/impacts.ttl", "severity-5", "severity-4")
    small.answer(kb, DAY, device="twin")
    assert made == set()
    small.answer(kb, DAY)
    assert made == all_of(TINY, DUO) | {("read", TWIN), ("read", "module")}, (
        "a system is put together from its members' files"
    )


@pytest.mark.parametrize("name", ["decisions.ttl", "release.ttl"])
def test_decisions_count_as_any_file_of_the_device(kb: Path, made: Made, name: str) -> None:
    """A release is kept whole or not at all: a decision makes it anew, and no other device."""
    (kb / "devices/duo/1/release.ttl").unlink()
    edit(kb / "devices/tiny/1.0" / name, "tm:", "  tm:")
    small.answer(kb, DAY)
    assert made == all_of(TINY)


def test_a_module_makes_those_anew_that_integrate_it(kb: Path, made: Made) -> None:
    """The twin has the module, tiny has not; the system has it through the twin."""
    edit(kb / "modules/beeper/module.ttl", "beeper link", "other link")
    small.answer(kb, DAY, device="tiny")
    assert made == {("read", "module")}, "modules are looked at whether they are integrated or not"
    small.answer(kb, DAY)
    assert made == all_of(TWIN, DUO) | {("read", "module"), ("read", TINY)}


def test_a_module_that_nobody_integrates_makes_nothing_anew(kb: Path, made: Made) -> None:
    """It is read, so that a fault in it shows, and that is all."""
    other = (kb / "modules/beeper/module.ttl").read_text(encoding="utf-8").replace("module/beeper", "module/other")
    (kb / "modules/other").mkdir(exist_ok=True)
    (kb / "modules/other/module.ttl").write_text(other, encoding="utf-8")
    small.answer(kb, DAY)
    assert made == {("read", "module")}
    (kb / "modules/other/module.ttl").write_text("oops", encoding="utf-8")
    assert small.answer(kb, DAY) == small.fresh(kb, DAY)
    assert "E-SYNTAX" in small.answer(kb, DAY)


@pytest.mark.parametrize(
    ("inside", "name", "old", "new"),
    [
        (True, "families/toys.ttl", '"toys"', '"playthings"'),
        (True, "kb.toml", '"default"', '"own"'),
        (False, "kb/policy/default.ttl", "prefix", "# again\nprefix"),
        (False, "kb/library/threats/T-0003-replay.ttl", "tier-2", "tier-3"),
        (False, "ontology/system.ttl", "@en", "@en-GB"),
    ],
    ids=["family", "choice of policy", "policy", "library", "ontology"],
)
def test_what_all_share_makes_all_anew(kb: Path, made: Made, inside: bool, name: str, old: str, new: str) -> None:
    """Family, policy, library and ontology: every release follows from them."""
    edit((kb if inside else resources.root()) / name, old, new)
    small.answer(kb, DAY)
    assert made == all_of(TINY, TWIN, DUO) | {("read", "core"), ("read", "module")}


def test_a_pattern_of_ones_own_makes_all_anew(kb: Path, made: Made) -> None:
    """It may hit any device."""
    (kb / "library/threats").mkdir(parents=True, exist_ok=True)
    (kb / "library/threats/T-9001-own.ttl").write_text(small.PATTERN, encoding="utf-8")
    assert '"T-9001"' in small.answer(kb, DAY)
    assert made == all_of(TINY, TWIN, DUO) | {("read", "core"), ("read", "module")}


def test_a_shape_makes_findings_anew_and_no_threat(kb: Path, made: Made) -> None:
    """Only what is checked with that folder of shapes; threats and ratings do not follow from shapes."""
    edit(resources.root() / "ontology/shapes/assurance/decisions.ttl", "@en", "@en-GB")
    small.answer(kb, DAY)
    assert made == {("assurance", key) for key in (TINY, TWIN, DUO)}


def test_the_day_counts_only_where_it_passes_a_stated_date(kb: Path, made: Made) -> None:
    """Between two stated dates nothing is made anew; past an expiry the findings are, for the releases that state it."""
    small.answer(kb, date(2026, 12, 31))
    assert made == set()
    after = small.answer(kb, date(2027, 2, 2))
    assert made == {(kind, key) for kind in ("authoring", "assurance") for key in (TINY, DUO)}
    made.clear()
    assert small.answer(kb, DAY) != after
    assert made == set()


@pytest.mark.parametrize("day", ["2026-01-31", "2026-02-01", "2026-02-02", "2027-01-31", "2027-02-01", "2027-02-02"])
def test_the_days_around_a_stated_date_are_told_apart(kb: Path, day: str) -> None:
    """The day before, the day itself and the day after each give the answer of an empty cache."""
    for one in ("2026-12-01", day):
        assert small.answer(kb, date.fromisoformat(one)) == small.fresh(kb, date.fromisoformat(one))


# -- the cache may fail ----------------------------------------------------------------------------------------------


def entries() -> list[Path]:
    folder = cache.folder()
    assert folder is not None
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def swapped(path: Path) -> None:
    """Give an entry the bytes of its neighbour, which are whole and right in another place."""
    neighbours = sorted(path.parent.iterdir())
    path.write_bytes(neighbours[neighbours.index(path) - 1].read_bytes())


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(path.read_bytes()[:-9] + b"#" + path.read_bytes()[-8:]),
    "other bytes": lambda path: path.write_bytes(os.urandom(300)),
    "bytes of another entry": swapped,
    "folder": as_folder,
    "no right to read": lambda path: path.chmod(0),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_entries_are_made_anew(kb: Path, damage: str) -> None:
    """All entries at once, then each second one: same answer, and the answer after that is whole again."""
    expected = small.answer(kb, DAY, device="twin")
    for step in (1, 2):
        for path in entries()[::step]:
            DAMAGE[damage](path)
        assert small.answer(kb, DAY, device="twin") == expected
    assert small.answer(kb, DAY, device="twin") == expected


@pytest.mark.parametrize("kind", ["core", "modules", "needs", "assembled", "head", "closed", "derived", "rated", "authoring", "assurance", "rows"])  # fmt: skip
def test_each_kind_may_be_missing_or_a_file(kb: Path, kind: str) -> None:
    """One kind gone, or a file in place of its folder, and the answer stands; the list of kinds is whole."""
    folder = cache.folder()
    assert folder is not None and kind in {path.name for path in folder.iterdir()}
    expected = small.answer(kb, DAY, device="twin")
    shutil.rmtree(folder / kind)
    assert small.answer(kb, DAY, device="twin") == expected
    shutil.rmtree(folder / kind, ignore_errors=True)  # what nothing asked for is not made again
    (folder / kind).write_text("no folder")
    assert small.answer(kb, DAY, device="twin") == expected


def asked(kb: KnowledgeBase) -> tuple[object, ...]:
    """Return what a knowledge base in hand says: threats, and all triples of each release."""
    return views.threats(kb, pipeline.view), [sorted(one.rated.triples) for one in kb.releases]


@pytest.mark.parametrize("forget", [False, True])
def test_the_cache_may_vanish_while_a_release_is_in_hand(kb: Path, forget: bool) -> None:
    """Between any two questions of one process."""
    folder = cache.folder()
    assert folder is not None
    expected = asked(pipeline.build(pipeline.Options(kb, "twin", on=DAY)))
    held = pipeline.build(pipeline.Options(kb, "twin", on=DAY))
    for _ in range(2):
        shutil.rmtree(folder)
        if forget:
            for one in held.releases:
                one.forget()
        assert asked(held) == expected


def test_without_a_cache_the_answer_is_the_same(kb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``TMKB_CACHE=`` and a user without a home: nothing is kept, nothing is different."""
    expected = small.answer(kb, DAY, device="twin")
    monkeypatch.setenv("TMKB_CACHE", "")
    assert small.answer(kb, DAY, device="twin") == expected
    monkeypatch.delenv("TMKB_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(cache.Path, "home", homeless)
    assert cache.folder() is None
    assert small.answer(kb, DAY, device="twin") == expected


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize("where", ["mkstemp", "fdopen"])
def test_a_cache_that_cannot_be_written_costs_time_and_no_answer(
    kb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, where: str
) -> None:
    """Full disk, read-only folder, no rights: when the file is made, or when bytes go into it; no rest is left."""
    expected = small.answer(kb, DAY, device="twin")

    class Full:
        def __init__(self, handle: int, mode: str) -> None:
            os.close(handle)

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, data: bytes) -> None:
            raise OSError(number, os.strerror(number))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    if where == "mkstemp":
        monkeypatch.setattr(cache.tempfile, "mkstemp", refuse)
    else:
        monkeypatch.setattr(cache.os, "fdopen", Full)
    assert small.answer(kb, DAY, tmp_path / "full", device="twin") == expected
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# -- what the shapes may do with the day -----------------------------------------------------------------------------


DAY_OF_RUN = re.compile(r"<https://tmkb.example/run> dct:date \?(\w+) \.")
COMPARED = re.compile(r"FILTER \( \?(\w+) (?:<|<=|>|>=) \?(\w+) \)")
BY_VALUE = re.compile(
    r"sh:(min|max)(In|Ex)clusive|sh:(lessThan\w*|equals|disjoint|hasValue|in|pattern|not|message .*\{)\b"
)


@pytest.mark.parametrize("path", sorted((ROOT / "ontology/shapes").rglob("*.ttl")), ids=lambda path: path.name)
def test_shapes_only_compare_the_day_of_the_run_with_stated_dates(path: Path) -> None:
    """Findings are kept for all days that lie alike among the stated dates, so no shape may do more with the day."""
    text = "\n".join(line for line in path.read_text("utf-8").split("\n") if not line.lstrip().startswith("#"))
    for asked_for in re.findall(r'sh:select\s+"""(.*?)"""', text, re.S):
        days = set(DAY_OF_RUN.findall(asked_for))
        rest = DAY_OF_RUN.sub("", asked_for)
        stated = set(re.findall(r"tm:(?:decidedOn|expires) \?(\w+)", rest)) - days
        for pair in COMPARED.findall(rest):
            if set(pair) & days:
                assert set(pair) & stated, f"{pair} is no comparison of the day with a stated date"
        rest = COMPARED.sub("", rest)
        for day in days:
            assert not re.search(rf"[?$]{day}\b", rest), f"?{day} is used otherwise"
        assert "tmkb.example/run" not in rest and "dct:date" not in rest, "the day may come in by another way"
        assert not re.search(r"\bNOW\s*\(", rest, re.I)
    outside = re.sub(r'sh:select\s+""".*?"""', "", text, flags=re.S)
    assert "tmkb.example/run" not in outside and not re.search(r"\{[?$](today|now)\}", outside)
    for block in re.split(r"\s\.\n", outside):
        if "sh:path dct:date" in block:
            assert not BY_VALUE.search(block), "a constraint on the value of dct:date would judge the day of the run"


def test_no_other_query_knows_the_day() -> None:
    """Rules and views do not ask for it: threats, ratings and rows are kept without a day."""
    for path in sorted((ROOT / "queries").glob("*/*.rq")):
        text = path.read_text(encoding="utf-8")
        assert "tmkb.example/run" not in text and not re.search(r"\bNOW\s*\(", text, re.I), path.name


@pytest.mark.parametrize("when", ["start", "middle"])
def test_workers_that_die_change_no_answer(kb: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """A pool that cannot start, or whose worker dies, leaves the work to this process; nothing hangs."""

    class Dying:
        def __init__(self, *_: object, **__: object) -> None:
            if when == "start":
                raise OSError("no semaphore")

        def __enter__(self) -> Dying:
            return self

        def __exit__(self, *_: object) -> None: ...

        def submit(self, *_: object) -> object:
            raise BrokenProcessPool("a worker died")

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", Dying)
    monkeypatch.setattr(pipeline, "_MANY", 1)
    for _ in range(2):
        assert small.answer(kb, DAY) == small.fresh(kb, DAY)
    with_workers: list[object] = []
    monkeypatch.setattr(pipeline, "_make", lambda *given: with_workers.append(given))
    (kb / "kb.toml").write_text((kb / "kb.toml").read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert small.fresh(kb, DAY) == small.answer(kb, DAY) and with_workers
