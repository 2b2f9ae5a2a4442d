"""A query header that lies is refused, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tmkb import headers
from tmkb.errors import QueryHeaderError

GOOD = """#+ id: things
#+ title: Which things are there?
#+ kind: report
#+ param: kind iri owl:Class optional
#+ column: thing iri "Thing"
#+ column: kind iri "Kind"
#+ column: count integer "Count"
#+ source: lib:S-0007
SELECT ?thing ?kind (COUNT(?x) AS ?count)
WHERE { ?thing a ?kind }
GROUP BY ?thing ?kind
ORDER BY ?thing
"""


def write(tmp_path: Path, text: str, name: str = "things.rq", folder: str = "report") -> Path:
    path = tmp_path / folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_good_header_is_read(tmp_path: Path) -> None:
    """Id, parameters and columns come back as promised."""
    spec = headers.read(write(tmp_path, GOOD))
    assert (spec.id, [c.name for c in spec.columns], spec.params[0].note) == (
        "things",
        ["thing", "kind", "count"],
        "owl:Class optional",
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("#+ id: things", "#+ id: other"),
        ("#+ kind: report", "#+ kind: check"),
        ("#+ title: Which things are there?\n", ""),
        ("#+ column: thing iri", "#+ column: thin iri"),
        ("#+ column: thing iri", "#+ column: thing colour"),
        ("#+ param: kind iri", "#+ param: sort iri"),
        ("#+ param: kind iri", "#+ param: kind thing"),
        ("ORDER BY ?thing\n", ""),
        ("#+ source", "#+ sauce"),
        ("#+ source: lib:S-0007", "#+source"),
        ("#+ source: lib:S-0007\n", "#+ source: a\n#+ source: b\n"),
    ],
)
def test_lying_header_is_refused(tmp_path: Path, old: str, new: str) -> None:
    """Each way to disagree with name, folder or text is an error with a place."""
    assert old in GOOD
    with pytest.raises(QueryHeaderError) as caught:
        headers.read(write(tmp_path, GOOD.replace(old, new)))
    assert "things.rq:" in caught.value.where


def test_rule_needs_because_and_emits(tmp_path: Path) -> None:
    """A derivation rule says why, and what it makes."""
    text = (
        "#+ id: rule\n#+ title: T\n#+ kind: derive\n#+ source: lib:S-0007\nCONSTRUCT { ?a ?b ?c } WHERE { ?a ?b ?c }\n"
    )
    with pytest.raises(QueryHeaderError):
        headers.read(write(tmp_path, text, "rule.rq", "derive"))
