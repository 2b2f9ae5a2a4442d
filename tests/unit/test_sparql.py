"""The SPARQL door: a rule gives the same triples whichever way it is run."""

from __future__ import annotations

import pytest

from tmkb.engines.sparql import Store, _template
from tmkb.errors import RuleError
from tmkb.terms import literal

XSD = "http://www.w3.org/2001/XMLSchema#"
KINDS = ("integer", "decimal", "double", "boolean", "date", "int")
FORMS = ("1", "-1", "+1", "01", "1.", "1.0", ".5", "1e5", "INF", "true", "0", "2026-01-01")
TEXTS = (
    '"a"',
    '"a"@en',
    '"a\\tb\\nc\\"d\\\\e\\r"',
    '"\\u0001\\u007F"',
    '""',
    '"5"',
    '"true"',
    '"<x:y>"',
    '"_:b"',
    '"é😀"',
)
PREFIX = "PREFIX x: <x:>\n"


@pytest.fixture
def store() -> Store:
    found = Store()
    found.add([("<x:s>", "<x:p>", f'"{form}"^^<{XSD}{kind}>') for kind in KINDS for form in FORMS])
    found.add([("<x:s>", "<x:p>", text) for text in TEXTS])
    return found


def test_a_template_gives_what_the_engine_gives(store: Store) -> None:
    """Every literal comes out letter by letter as the engine writes it, whatever the answer format shortens."""
    plain = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
    filled = PREFIX + "CONSTRUCT { ?s x:p ?o } WHERE { ?s x:p ?o }"
    assert _template(plain) is None
    assert _template(filled) is not None
    answer = store.construct(filled, rule="test")
    assert len(answer) > 60  # the engine writes equal numbers as one
    assert answer == store.construct(plain, rule="test")


def test_what_cannot_be_a_triple_is_left_out(store: Store) -> None:
    """A literal as subject and a variable without a value make nothing; constants of the template stay."""
    assert store.construct(PREFIX + "CONSTRUCT { ?o x:p ?s } WHERE { ?s x:p ?o }", rule="test") == set()
    text = PREFIX + "CONSTRUCT { ?s x:p true ; x:q ?no } WHERE { ?s x:p ?o OPTIONAL { ?s x:none ?no } }"
    assert store.construct(text, rule="test") == {("<x:s>", "<x:p>", literal("true", "boolean"))}


@pytest.mark.parametrize(
    "text", ["CONSTRUCT { ?s x:p ?o } WHERE { ?s x:p ?o }", "SELECT ?s WHERE { ?s ?p ?o }", "CONSTRUCT"]
)
def test_a_broken_rule_is_an_error(store: Store, text: str) -> None:
    """An undeclared prefix, a SELECT, half a query: never an empty answer."""
    with pytest.raises(RuleError):
        store.construct(text, rule="test")
