"""Public advisories as statements: weakness, vector and id of each flaw, and the same landing as those of the library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tmkb import advisories
from tmkb.errors import SourceError
from tmkb.terms import literal, rdf, tm

V3 = {"cvss_v3": {"vectorString": "CVSS:3.1/AV:N/AC:L"}}


def read(folder: Path, content: Any, families: tuple[str, ...] = ()) -> advisories.Advisory:
    """Return what a file with *content* says."""
    path = folder / "advisory.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return advisories.read(path, families)


def one(folder: Path, flaw: dict[str, Any]) -> dict[str, list[str]]:
    """Return the values of the only flaw of an advisory."""
    found = read(folder, {"document": {"tracking": {"id": "ADV-1"}}, "vulnerabilities": [flaw]})
    (subject,) = [s for s, p, o in found.statements if (p, o) == (rdf.type, tm.Flaw)]
    said: dict[str, list[str]] = {}
    for s, p, o in found.statements:
        if s == subject:
            said.setdefault(p, []).append(o)
    return said


def test_a_flaw_keeps_id_weakness_and_vector(tmp_path: Path) -> None:
    """Nothing else of the file is taken over."""
    flaw = {"cve": "CVE-2020-1", "cwe": {"id": "CWE-20", "name": "x"}, "scores": [V3], "notes": [{"text": "long"}]}
    said = one(tmp_path, flaw)
    assert said[tm.cveId] == [literal("CVE-2020-1")]
    assert said[tm.weaknessId] == [literal("CWE-20")]
    assert said[tm.cvssVector] == [literal("CVSS:3.1/AV:N/AC:L")]
    assert set(said) == {rdf.type, tm.ofAdvisory, tm.cveId, tm.weaknessId, tm.cvssVector}


def test_a_flaw_may_leave_things_out(tmp_path: Path) -> None:
    """Without CVE, weakness or vector the flaw is still there; the landing rule says what it lacks."""
    said = one(tmp_path, {"ids": [{"system_name": "x", "text": "BUG-7"}]})
    assert said[tm.cveId] == [literal("BUG-7")]
    assert tm.weaknessId not in said and tm.cvssVector not in said
    assert one(tmp_path, {})[tm.cveId] == [literal("flaw 1")]


def test_the_newest_score_counts(tmp_path: Path) -> None:
    """Of several versions the newest is taken; of one version each vector."""
    old, new = {"cvss_v2": {"vectorString": "AV:L/AC:L"}}, {"cvss_v4": {"vectorString": "CVSS:4.0/AV:P"}}
    assert one(tmp_path, {"scores": [old, V3 | new]})[tm.cvssVector] == [literal("CVSS:4.0/AV:P")]
    other = {"cvss_v3": {"vectorString": "CVSS:3.1/AV:A"}}
    assert len(one(tmp_path, {"scores": [V3, other, V3]})[tm.cvssVector]) == 2


def test_each_product_keeps_its_newest_score(tmp_path: Path) -> None:
    """The reach of a product that was scored in an older version only is not lost behind that of another product."""
    old = {"cvss_v2": {"vectorString": "AV:N/AC:L/Au:N"}}
    near = {"cvss_v3": {"vectorString": "CVSS:3.1/AV:P/AC:L"}}
    scores = [{"products": ["a", "b"]} | old, {"products": ["b"]} | near]
    both = [literal("AV:N/AC:L/Au:N"), literal("CVSS:3.1/AV:P/AC:L")]
    assert one(tmp_path, {"scores": scores})[tm.cvssVector] == both
    metrics = [{"products": ["a"], "content": old}, {"products": ["b"], "content": near}]
    assert one(tmp_path, {"metrics": metrics})[tm.cvssVector] == both
    later = {"products": ["a"], "content": near}
    assert one(tmp_path, {"metrics": [*metrics, later]})[tm.cvssVector] == both[1:]


def test_version_2_1_of_the_format_is_read(tmp_path: Path) -> None:
    """Its weaknesses are a list, its scores lie under metrics."""
    flaw = {"cwes": [{"id": "CWE-20"}, {"id": "CWE-74"}], "metrics": [{"content": V3}]}
    said = one(tmp_path, flaw)
    assert said[tm.weaknessId] == [literal("CWE-20"), literal("CWE-74")]
    assert said[tm.cvssVector] == [literal("CVSS:3.1/AV:N/AC:L")]


def test_families_and_id_belong_to_the_advisory(tmp_path: Path) -> None:
    """The notice has an IRI of its own, made from the id, and the families that were given."""
    found = read(tmp_path, {"document": {"tracking": {"id": "A b/1"}}}, ("<x:family>",))
    assert found.notice.endswith("/advisory/A-b-1>")
    assert (found.notice, tm.affectsFamily, "<x:family>") in found.statements
    assert (found.notice, tm.advisoryId, literal("A b/1")) in found.statements


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", {"document": {}}, {"document": {"tracking": {"id": "A"}}, "vulnerabilities": [1]}]
)
def test_what_is_no_advisory_is_refused(tmp_path: Path, content: Any) -> None:
    """File and remedy are named."""
    with pytest.raises(SourceError) as error:
        read(tmp_path, content)
    assert (error.value.code, error.value.where) == ("E-ADVISORY", "advisory.json")
    assert "CSAF" in error.value.hint


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """No traceback."""
    with pytest.raises(SourceError) as error:
        advisories.read(tmp_path / "nowhere.json")
    assert error.value.code == "E-FILE"
