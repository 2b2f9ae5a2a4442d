"""The numbers of a run as tables for people, and their place in docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: written by benchmarks/run.py -->", "<!-- end of results -->"

Numbers = dict[str, Any]


def tables(results: Numbers) -> str:
    """Return the results of a run as Markdown."""
    host = results["machine"]
    line = f"{host['day']}, {host['processors']} processors, {host['system']}, Python {host['python']}"
    line += f", tmkb {host['tmkb']}; " + "; ".join(host["engines"])
    parts = [_sizes(results), _stages(results), _commands(results), _ratios(results)]
    return "\n\n".join([f"Measured on {line}.", *parts])


def write(text: str, page: Path = PAGE) -> None:
    """Put *text* between the two marks of the page.

    Raises:
        ValueError: the page has lost its marks.
    """
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{page.name} has no place for the results: '{BEGIN}' and '{END}'")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _sizes(results: Numbers) -> str:
    rows = []
    for size, found in results["sizes"].items():
        given, made = found["input"], found["output"]
        numbers = (given["files"], given["bytes"], given["triples"], made["triples"], made["bytes"])
        rows.append([size, *(f"{n:,}" for n in (*numbers, made["threats"], made["findings"]))])
    head = ("Devices", "Files", "Bytes in", "Triples in", "Triples out", "Bytes out", "Threats", "Findings")
    return _table("Portfolios", head, rows)


def _stages(results: Numbers) -> str:
    sizes, steps = results["sizes"], results["growth"]
    last = next(reversed(sizes.values()))
    rows = []
    for name in [*last["stages"], "total"]:
        row = [name]
        for size, found in sizes.items():
            seconds = found["total"] if name == "total" else found["stages"][name]["seconds"]
            row += [_seconds(seconds), f"{1000 * seconds / int(size):.1f}"]
        peaks = {stage: told["peak_mib"] for stage, told in last["stages"].items()}
        peak = peaks.get(name) or max(last["peak_mib"], *peaks.values())
        rows.append([*row, *(f"{step[name]:.2f}" for step in steps.values()), f"{peak:.0f}"])
    head = ["Stage", *(text for size in sizes for text in (f"{size}: s", "ms each"))]
    return _table("Stages, one process, no cache", [*head, *(f"growth {s}" for s in steps), "peak MiB"], rows)


def _commands(results: Numbers) -> str:
    rows = []
    for size, found in results["sizes"].items():
        for name, told in found["processes"].items():
            spread = f"{_seconds(told['fastest'])} to {_seconds(told['slowest'])}"
            rows.append(
                [name, size, _seconds(told["seconds"]), spread, str(told["runs"]), f"{told['peak_mib']:.0f}"],
            )
    rows.sort(key=lambda row: row[0])
    return _table("Whole commands", ("Command", "Devices", "median s", "fastest to slowest", "runs", "peak MiB"), rows)


def _ratios(results: Numbers) -> str:
    rows = []
    for size, found in results["sizes"].items():
        limit, closure, checks = found["limit"], found["closure"], found["checks"]
        rows.append(
            _ratio("all stages / physical limit", size, found["total"], limit["total"], found["limit_ratio"], "")
        )
        whole = found["processes"]["cold check of all"]["seconds"]
        rows.append(
            _ratio("cold check of all / physical limit", size, whole, limit["total"], whole / limit["total"], "")
        )
        if "owlrl" in closure:
            same = "equal" if closure["missing"] == closure["extra"] == 0 else "DIFFERENT"
            note = f"{closure['triples']:,} triples, {same}; preparing the schema: {_seconds(closure['prepare'])} s"
            rows.append(_ratio("owlrl / closure", size, closure["owlrl"], closure["compiled"], closure["ratio"], note))
        elif minutes := closure.get("owlrl_given_up_after_minutes"):
            least = minutes * 60 / closure["compiled"]
            note = f"owlrl given up after {minutes:g} minutes; at least this ratio"
            rows.append(_ratio("owlrl / closure", size, minutes * 60, closure["compiled"], least, note))
        for kind in ("authoring", "assurance") if checks else ():
            told = checks[kind]
            same = "equal results" if checks["different"] == 0 else "DIFFERENT results"
            rows.append(_ratio(f"pyshacl / {kind} check", size, told["pyshacl"], told["fast"], told["ratio"], same))
    rows.sort(key=lambda row: row[0])
    return _table("Ratios", ("Of", "Devices", "first s", "second s", "ratio", "note"), rows)


def _ratio(name: str, size: str, first: float, second: float, ratio: float, note: str) -> list[str]:
    return [name, size, _seconds(first), _seconds(second), f"{ratio:,.1f}", note]


def _seconds(value: float) -> str:
    return f"{value:,.1f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] + ["---:"] * (len(head) - 1), *rows)]
    return "\n".join([f"**{title}**", "", *lines])
