"""Bounds for free SPARQL: what may be asked, how long, how deep, how many rows. Runs in a child process.

The parser of the engine can end a process on deep nesting, so length and nesting are limited before it, and
the query runs in a child that can be stopped.
"""

from __future__ import annotations

import multiprocessing
import re
import resource
from typing import Any

from tmkb.engines.sparql import Row, Store
from tmkb.errors import ParameterError

MAX_LENGTH = 20_000
MAX_NESTING = 40
MAX_MEMORY = 8 * 2**30
_ALLOWED = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
_HIDDEN = re.compile(
    r"""<[^<>"{}|^`\\\s]*>|'''.*?'''|\"\"\".*?\"\"\"|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|#[^\n]*""", re.S
)


def refuse(text: str) -> None:
    """Refuse what is too long, too deep, not read-only, or reaches out.

    Raises:
        ParameterError: says which bound is broken.
    """
    if len(text) > MAX_LENGTH:
        raise ParameterError("E-SPARQL", f"the query has {len(text)} characters, more than {MAX_LENGTH}")
    if re.search(r":[\w.%-]*\\", text):
        raise ParameterError("E-SPARQL", "backslashes in prefixed names are not supported", hint="write the full IRI")
    bare = _HIDDEN.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    depth = deepest = 0
    for char in bare:
        depth += (char in "({[") - (char in ")}]")
        deepest = max(deepest, depth)
    if deepest > MAX_NESTING:
        raise ParameterError("E-SPARQL", f"the query nests {deepest} levels, more than {MAX_NESTING}")
    words = _plain_words(bare)
    forms = [w.upper() for w in re.findall(r"[A-Za-z]+", words) if w.upper() not in ("PREFIX", "BASE")]
    if not forms or forms[0] not in _ALLOWED:
        hint = "nothing can be changed here"
        raise ParameterError("E-SPARQL", "only SELECT, ASK, CONSTRUCT and DESCRIBE are answered", hint=hint)
    for word in ("SERVICE", "FROM"):
        if word in words.upper():
            hint = "name graphs with GRAPH; 'tmkb devices' lists them"
            raise ParameterError("E-SPARQL", f"{word} is not allowed", hint=hint)


def _plain_words(bare: str) -> str:
    """Return a query without variables and prefixed names, so that only its own words are left.

    Only names with a declared prefix are taken out: the engine reads ``SERVICE:x`` as keyword and name.
    """
    prefixes = re.findall(r"(?i)\bPREFIX\s+([^\s:]+):", bare)
    if any(re.search("service|from", prefix, re.I) for prefix in prefixes):
        raise ParameterError("E-SPARQL", "a prefix may not contain SERVICE or FROM")
    names = "|".join(sorted((re.escape(p) for p in prefixes), key=len, reverse=True))
    without = re.sub(r"[?$]\w+", " ", bare)
    if names:
        without = re.sub(rf"(?<![\w.:-])(?:{names}):[\w.%-]*", " ", without)
    return re.sub(r"(?<![\w.:-]):[\w.%-]+", " ", without)


def run(store: Store, text: str, limit: int, seconds: int) -> tuple[tuple[str, ...], list[Row]]:
    """Return columns and rows of a query that passed ``refuse``.

    Raises:
        ParameterError: the query is not valid, takes too long, or has too many rows.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(store, text, limit, sender), daemon=True)
    child.start()
    sender.close()
    try:
        if not receiver.poll(seconds):
            raise ParameterError(
                "E-SPARQL", f"no answer within {seconds} s", hint="narrow the query, or raise --timeout"
            )
        try:
            kind, payload = receiver.recv()
        except EOFError:
            raise ParameterError("E-SPARQL", "the engine gave up on this query", hint="simplify it") from None
    finally:
        child.kill()
        child.join()
    if kind == "error":
        raise ParameterError("E-SPARQL", f"not a valid query: {payload}")
    names, rows = payload
    if len(rows) > limit:
        raise ParameterError("E-SPARQL", f"more than {limit} rows", hint="narrow the query, or raise --limit")
    return names, rows


def _child(store: Store, text: str, limit: int, sender: Any) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # no new file and no socket: nothing can be reached
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    try:
        kind, names, rows = store.answer(text, rows=limit)
        ordered = rows if re.search(r"ORDER\s+BY", text, re.I) else sorted(rows, key=lambda r: [t or "" for t in r])
        sender.send((kind, (names, ordered)))
    except Exception as error:  # the engine raises several kinds for a bad query
        sender.send(("error", str(error)))
    sender.close()
