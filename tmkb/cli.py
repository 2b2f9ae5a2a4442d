"""The command line: parse options, call the pipeline, print, choose the exit code. Nothing is imported early.

Exit codes: 0 fine, 1 findings at or above the gate (check only), 2 wrong use or bad input, 3 our fault.
"""

# Annotations are evaluated where they stand: Typer would compile each of them anew at every start.
import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tmkb.errors import ParameterError, TmkbError

if TYPE_CHECKING:
    from tmkb.model.tables import ResultTable
    from tmkb.pipeline import Options

app = typer.Typer(
    name="tmkb",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Knowledge base of medical-device cybersecurity threats: derive, rate, check, explain, decide.",
)


class Format(StrEnum):
    """How answers are written."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"


class Gate(StrEnum):
    """From which severity on findings end the program with exit code 1."""

    violation = "violation"
    warning = "warning"
    info = "info"
    never = "never"


class View(StrEnum):
    """Which control statuses get credit after controls."""

    implemented = "implemented"
    verified = "verified"
    planned = "planned"


class Reasoner(StrEnum):
    """Which engine closes a release under OWL 2 RL."""

    compiled = "compiled"
    owlrl = "owlrl"


class ShapesEngine(StrEnum):
    """Which engine runs the shapes."""

    fast = "fast"
    pyshacl = "pyshacl"


class TableName(StrEnum):
    """The method's tables."""

    assets = "assets"
    vectors = "vectors"
    sources = "sources"
    stride = "stride"
    threats = "threats"
    controls = "controls"


class Disposition(StrEnum):
    """What can be decided about a threat."""

    accept = "accept"
    mitigate = "mitigate"
    transfer = "transfer"
    eliminate = "eliminate"
    not_applicable = "not-applicable"


Kb = Annotated[
    Path | None,
    typer.Option("--kb", help="Folder of the knowledge base (default: TMKB_KB, kb.toml upwards, bundled example)."),
]
Device = Annotated[
    str, typer.Option("--device", help="NAME or NAME@RELEASE; default: the newest release of every device.")
]
Family = Annotated[str, typer.Option("--family", help="Only devices of this family (slug).")]
On = Annotated[str, typer.Option("--on", help="Day on which expiry is judged, YYYY-MM-DD (default: today, UTC).")]
Style = Annotated[Format, typer.Option("--format", help="How to write the answer.")]
Engine = Annotated[
    Reasoner, typer.Option("--reasoner", help="compiled rules, or the reference owlrl run whole; same conclusions.")
]
ViewOption = Annotated[View, typer.Option("--view", help="Which controls get credit.")]


def _version(wanted: bool) -> None:
    if wanted:
        from tmkb import __version__

        typer.echo(f"tmkb {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    pass


def _options(
    kb: Path | None, device: str = "", family: str = "", on: str = "", reasoner: Reasoner = Reasoner.compiled
) -> "Options":
    from tmkb import pipeline

    day = pipeline.parse_day(on) if on else None
    options = pipeline.Options(kb, device, family, day, reasoner.value, progress=_progress)
    folder, bundled = pipeline.find_kb(kb)
    if bundled and kb is None:
        _say(f"using the bundled example knowledge base (fictional devices) in {folder}")
    if not on:
        _say(f"judged on {options.day.isoformat()}")
    return options


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        _say(f"  {text}")


def _out(tables: "list[ResultTable]", style: Format) -> None:
    from tmkb import render

    typer.echo(render.render(tables, style.value), nl=False)


@app.command()
def devices(kb: Kb = None, family: Family = "", style: Style = Format.table) -> None:
    """List devices and releases, oldest first, with family and date."""
    from tmkb import reports

    _out([reports.devices(_options(kb, family=family, on="2000-01-01"))], style)


@app.command()
def check(
    kb: Kb = None,
    device: Device = "",
    family: Family = "",
    on: On = "",
    style: Style = Format.table,
    fail_on: Annotated[Gate, typer.Option("--fail-on", help="Exit 1 from this severity on.")] = Gate.violation,
    reasoner: Engine = Reasoner.compiled,
    shapes_engine: Annotated[
        ShapesEngine | None,
        typer.Option("--shapes-engine", help="The fast one (default where installed), or the reference pyshacl."),
    ] = None,
) -> None:
    """Check completeness before and after derivation; waived findings are shown and do not count."""
    from tmkb import reports

    options = _options(kb, device, family, on, reasoner)
    if shapes_engine is not None:
        options = replace(options, shapes_engine=shapes_engine.value)
    summary, findings, text, worst = reports.check(options)
    _out([summary if style == Format.table else findings], style)
    if style == Format.table:
        typer.echo(text, nl=False)
    order = ["info", "warning", "violation"]
    if fail_on != Gate.never and worst and order.index(worst) >= order.index(fail_on.value):
        raise typer.Exit(1)


@app.command()
def threats(
    kb: Kb = None,
    device: Device = "",
    family: Family = "",
    on: On = "",
    style: Style = Format.table,
    view: ViewOption = View.implemented,
    reasoner: Engine = Reasoner.compiled,
) -> None:
    """List the derived threats with their ratings before and after controls."""
    from tmkb import reports

    options = _options(kb, device, family, on, reasoner)
    if style == Format.json:
        typer.echo(reports.threats_json(options, view.value), nl=False)
    else:
        _out(reports.threats(options, view.value), style)


@app.command()
def risk(
    kb: Kb = None,
    device: Device = "",
    family: Family = "",
    on: On = "",
    style: Style = Format.table,
    view: ViewOption = View.implemented,
    reasoner: Engine = Reasoner.compiled,
) -> None:
    """Show the risk matrix before and after controls, counts, and what is unacceptable or unknown."""
    from tmkb import reports

    _out(reports.risk(_options(kb, device, family, on, reasoner), view.value), style)


@app.command()
def safety(
    kb: Kb = None,
    device: Device = "",
    family: Family = "",
    on: On = "",
    style: Style = Format.table,
    reasoner: Engine = Reasoner.compiled,
) -> None:
    """Show threats by hazard, situation and harm, hazards that controls bring, and open hand-overs."""
    from tmkb import reports

    _out(reports.safety(_options(kb, device, family, on, reasoner)), style)


@app.command()
def coverage(kb: Kb = None, family: Family = "", on: On = "", style: Style = Format.table) -> None:
    """Show families by STRIDE, pattern and control category, with the empty cells, and patterns of no product."""
    from tmkb import portfolio

    _out(portfolio.coverage(_options(kb, "", family, on)), style)


@app.command("same-weakness")
def same_weakness(
    component: Annotated[str, typer.Option("--component", help="Class of component, such as NetworkStack.")] = "",
    vector: Annotated[str, typer.Option("--vector", help="Class of vector, such as UsbVector.")] = "",
    cwe: Annotated[str, typer.Option("--cwe", help="Weakness, such as CWE-798.")] = "",
    lacking: Annotated[str, typer.Option("--lacking", help="Only where none of this category is.")] = "",
    kb: Kb = None,
    family: Family = "",
    on: On = "",
    style: Style = Format.table,
) -> None:
    """List where the same weakness may sit, over all releases: component, vector, flaws, evidence, controls."""
    from tmkb import portfolio

    asked = portfolio.Weakness(component, vector, cwe, lacking)
    _out([portfolio.same_weakness(_options(kb, "", family, on), asked)], style)


@app.command()
def table(
    name: Annotated[TableName, typer.Argument(help="Which of the method's tables.")],
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="NAME or NAME@RELEASE.")],
    kb: Kb = None,
    on: On = "",
    style: Style = Format.table,
    view: ViewOption = View.implemented,
) -> None:
    """Print one of the method's tables for a device."""
    from tmkb import reports

    _out([reports.method_table(_options(kb, device, on=on), name.value, view.value)], style)


@app.command()
def query(
    name: Annotated[str, typer.Argument(help="Name of a query; without one, the list.")] = "",
    parameter: Annotated[list[str] | None, typer.Option("-p", "--param", help="name=value, may be repeated.")] = None,
    kb: Kb = None,
    device: Device = "",
    family: Family = "",
    on: On = "",
    style: Style = Format.table,
) -> None:
    """List the named queries, or run one."""
    from tmkb import answers

    given: dict[str, str] = {}
    for item in parameter or []:
        key, equals, value = item.partition("=")
        if not equals:
            raise ParameterError("E-PARAM", f"-p {item!r} is not name=value")
        given[key] = value
    options = _options(kb, device, family, on)
    _out([answers.run_query(options, name, given) if name else answers.list_queries(options)], style)


@app.command()
def sparql(
    source: Annotated[str, typer.Argument(metavar="FILE|-", help="File with one query, or - for standard input.")],
    kb: Kb = None,
    device: Device = "",
    family: Family = "",
    on: On = "",
    style: Style = Format.table,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="Most rows; more is an error.")] = 10_000,
    seconds: Annotated[int, typer.Option("--timeout", min=1, max=600, help="Most seconds.")] = 30,
) -> None:
    """Run a read-only SPARQL query (SELECT, ASK, CONSTRUCT, DESCRIBE) over the release graphs and the core graph."""
    from tmkb import answers

    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError("E-FILE", f"cannot read {source}: {error}") from None
    _out([answers.sparql(_options(kb, device, family, on), text, limit, seconds)], style)


@app.command()
def infer(
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    kb: Kb = None,
    device: Device = "",
    on: On = "",
    reasoner: Engine = Reasoner.compiled,
) -> None:
    """Write the closure of a release (asserted and inferred) as sorted N-Triples."""
    from tmkb import answers

    _say(answers.infer(_options(kb, device, on=on, reasoner=reasoner), output))


@app.command()
def why(
    threat: Annotated[str, typer.Argument(help="Id of a threat, such as LVP-ABC234.")],
    kb: Kb = None,
    device: Device = "",
    on: On = "",
    style: Style = Format.table,
    view: ViewOption = View.implemented,
    reasoner: Engine = Reasoner.compiled,
) -> None:
    """Explain one threat: facts with file and line, axioms, rule, tiers, severity, controls, ratings, decision."""
    from tmkb import answers

    _lines(answers.why(_options(kb, device, on=on, reasoner=reasoner), threat, view.value), style)


@app.command(name="why-not")
def why_not(
    device: Annotated[str, typer.Option("--device", help="NAME or NAME@RELEASE.")],
    vector: Annotated[str, typer.Option("--vector", help="Local id of the entry.")],
    pattern: Annotated[str, typer.Option("--pattern", help="Id of the pattern, such as T-0003.")],
    asset: Annotated[str, typer.Option("--asset", help="Local id of the asset.")] = "",
    kb: Kb = None,
    on: On = "",
    style: Style = Format.table,
) -> None:
    """Say which half is missing for a threat that is not derived."""
    from tmkb import answers

    _lines(answers.why_not(_options(kb, device, on=on), vector, pattern, asset), style)


def _lines(answer: "ResultTable", style: Format) -> None:
    if style != Format.table:
        _out([answer], style)
        return
    from tmkb import render

    for depth, text, where, _ in answer.rows:
        place = f"  [{render.safe(where)}]" if where else ""
        typer.echo("  " * int(depth or 0) + render.safe(text) + place)


@app.command()
def decide(
    threat: Annotated[list[str], typer.Argument(metavar="[THREAT...] DISPOSITION", help="Ids, then the decision.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    owner: Annotated[str, typer.Option("--owner", help="Who answers for it.")],
    expires: Annotated[str, typer.Option("--expires", help="Last day on which it holds, YYYY-MM-DD.")] = "",
    pattern: Annotated[
        list[str] | None, typer.Option("--pattern", help="Open threats of this pattern (* allowed).")
    ] = None,
    asset: Annotated[list[str] | None, typer.Option("--asset", help="Open threats on this asset (* allowed).")] = None,
    entry: Annotated[list[str] | None, typer.Option("--entry", help="Open threats at this entry (* allowed).")] = None,
    kb: Kb = None,
    device: Device = "",
    on: Annotated[str, typer.Option("--on", help="Day of the decision, YYYY-MM-DD (default: today, UTC).")] = "",
) -> None:
    """Record a decision on threats: accept, mitigate, transfer, eliminate or not-applicable.

    Blocks are only added to decisions.ttl, sorted by id; none is changed or removed. A second
    decision on a threat on the same day is refused. Without ids, --pattern, --asset and --entry (each
    may be repeated) choose among the threats of --device whose rating asks for a decision and that
    have none in force; each one gets a decision of its own. Left out, and said, is what needs a look
    of its own: a rating that is unknown, what a member of a system has by itself, and, for accept and
    not-applicable, a rating that the policy does not accept.
    """
    from tmkb import answers

    *ids, disposition = threat
    chosen = {"pattern": pattern or [], "asset": asset or [], "entry": entry or []}
    if disposition not in [d.value for d in Disposition]:
        hint = "one of " + ", ".join(d.value for d in Disposition)
        raise ParameterError("E-PARAM", f"{disposition!r} is no decision", hint=hint)
    if bool(ids) == any(chosen.values()):
        hint = "THREAT ids, or --device with --pattern, --asset or --entry; not both"
        raise ParameterError("E-PARAM", f"which threats to {disposition}?", hint=hint)
    judged = answers.Verdict(disposition, reason, owner, expires)
    _say(answers.decide(_options(kb, device, on=on), ids, chosen, judged))


@app.command()
def doctor(kb: Kb = None, style: Style = Format.table) -> None:
    """Show versions, folders, engines, policy and library in force."""
    from tmkb import answers

    _out([answers.doctor(_options(kb, on="2000-01-01"))], style)


@contextlib.contextmanager
def _reporting(debug: bool) -> Iterator[None]:
    try:
        yield
    except TmkbError as error:
        if debug:
            raise
        from tmkb.render import safe

        _say("\n".join(safe(line) for line in f"tmkb: {error}".split("\n")))
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except (KeyboardInterrupt, SystemExit):
        raise
    except Exception as error:
        if debug:
            raise
        _say(
            f"tmkb: [E-INTERNAL] {type(error).__name__}: {error}\n"
            "  hint: this is our fault; run again with --debug and report it"
        )
        raise SystemExit(3) from None


def main() -> None:
    """Run the program; ``--debug`` anywhere shows tracebacks."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    with _reporting(debug):
        app()
