"""Write docs/reference/ and ontology/closed.nt from ontology, shapes, queries, rules and command line; same bytes."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import generate_closure as closure  # noqa: E402
import generate_library as library  # noqa: E402

from tmkb import headers, resources  # noqa: E402
from tmkb.cli import app  # noqa: E402
from tmkb.engines import turtle  # noqa: E402
from tmkb.terms import OWL, SH, TM, TMS, bare, rdf, rdfs, shown, skos  # noqa: E402

Facts = dict[str, dict[str, list[str]]]
NOTE = "<!-- Written by docs/generate.py (make reference); do not edit. -->\n"
KINDS = ("Class", "ObjectProperty", "DatatypeProperty", "AnnotationProperty", "NamedIndividual")
WORDS = ("class", "relation", "value", "annotation", "individual")


def read(path: Path) -> Facts:
    """Return what a Turtle file says, by subject and predicate, in the order of the file."""
    facts: Facts = {}
    for (s, p, o), _ in turtle.parse(path.read_bytes(), name=path.name):
        facts.setdefault(s, {}).setdefault(p, []).append(o)
    return facts


def title(path: Path, name: str) -> str:
    """Return the heading of a file with the comment that opens it."""
    lines = path.read_text(encoding="utf-8").splitlines()[:2]
    return f"\n## {name}\n\n" + " ".join(line[2:] for line in lines if line.startswith("# ")) + "\n"


def table(titles: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table, or nothing when there are no rows."""
    lines = (titles, ["---"] * len(titles), *rows)
    cells = [[c.replace("|", "\\|").replace("<", "&lt;") for c in row] for row in lines]
    return "\n" + "".join("| " + " | ".join(row) + " |\n" for row in cells) if rows else ""


def said(facts: Facts, node: str, prop: str) -> str:
    """Return the values of a property in words, or nothing."""
    return ", ".join(shown(o) for o in facts[node].get(prop, ()) if not o.startswith("_:"))


def kind_of(facts: Facts, node: str) -> str:
    """Return what sort of term a node is, with the wider class or property."""
    types = facts[node].get(rdf.type, [])
    wider = said(facts, node, rdfs.subClassOf) or said(facts, node, rdfs.subPropertyOf)
    wider = wider or ", ".join(shown(o) for o in types if bare(o).startswith(TM))
    kind = next((word for k, word in zip(KINDS, WORDS, strict=True) if f"<{OWL}{k}>" in types), "")
    return f"{kind} ({wider})" if wider else kind


def ontology() -> str:
    """Return all terms by file."""
    text = NOTE + "# Terms of the ontology\n"
    for path in sorted(resources.ontology().glob("*.ttl")):
        facts = read(path)
        terms = [s for s in facts if bare(s).startswith(TM) and skos.definition in facts[s]]
        rows = [[f"`{shown(s)}`", kind_of(facts, s), said(facts, s, skos.definition)] for s in terms]
        text += title(path, path.name) + table(["Term", "Kind", "Definition"], rows)
    return text


def shapes() -> str:
    """Return all node shapes by file."""
    text = NOTE + "# Shapes\n\nAuthoring shapes see what people wrote, assurance shapes see the rated graph.\n"
    for path in sorted((resources.ontology() / "shapes").glob("*/*.ttl")):
        facts, rows = read(path), []
        for s in facts:
            if f"<{SH}NodeShape>" in facts[s].get(rdf.type, ()) and bare(s).startswith(TMS):
                level = said(facts, s, f"<{SH}severity>").removeprefix(SH).lower()
                kind = said(facts, s, f"<{TM}findingKind>").removeprefix("tm:finding-")
                rows.append([f"`{shown(s)}`", level, kind, said(facts, s, f"<{SH}message>")])
        text += title(path, f"{path.parent.name}/{path.name}") + table(["Shape", "Severity", "Kind", "Message"], rows)
    return text


def queries() -> str:
    """Return named queries and views with parameters and columns, then rules with their reasons."""
    text = NOTE + "# Queries\n"
    for kind in ("report", "view", "assemble", "derive", "rate", "check"):
        rows = []
        for q in headers.catalogue(resources.queries() / kind):
            takes = ", ".join(f"{p.name} ({p.kind} {p.note})".replace(" )", ")") for p in q.params)
            gives = ", ".join(f"{c.name} ({c.kind})" for c in q.columns)
            rows.append([f"`{q.id}`", q.title, *([q.because, q.emits] if q.emits else [takes, gives])])
        last = ["Because", "Emits"] if kind in ("assemble", "derive", "rate") else ["Takes", "Columns"]
        text += f"\n## {kind}\n" + table(["Id", "Question", *last], rows)
    return text


def cli() -> str:
    """Return the help of each verb."""
    group = typer.main.get_command(app)
    text = NOTE + "# Command line\n\n`--debug` anywhere shows tracebacks.\n"
    for name, command in (("", group), *sorted(group.commands.items())):  # type: ignore[attr-defined]
        full = f"tmkb {name}".strip()
        context = command.make_context(full, [], resilient_parsing=True, terminal_width=100, max_content_width=100)
        lines = [line.rstrip() for line in command.get_help(context).splitlines()]
        text += f"\n## {full}\n\n```text\n" + "\n".join(lines) + "\n```\n"
    return text


PAGES = {"ontology.md": ontology, "shapes.md": shapes, "queries.md": queries, "cli.md": cli}
PAGES |= {"library.md": lambda: library.pages(NOTE), "owl-rules.md": lambda: NOTE + closure.rules(table)}

if __name__ == "__main__":
    (ROOT / "ontology" / "closed.nt").write_text(closure.closed_schema(), encoding="utf-8")
    for name, make in PAGES.items():
        (ROOT / "docs" / "reference" / name).write_text(make(), encoding="utf-8")
