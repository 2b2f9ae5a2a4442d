"""A small knowledge base to edit: two devices, one module, two families, two policies; and a shipped library of two patterns."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
import tiny

from tmkb import infer, pipeline, reports, resources
from tmkb.engines.owl_compiled import CompiledReasoner
from tmkb.errors import TmkbError
from tmkb.model.graphs import Triple

ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / "tests" / "e2e" / "toy"
PATTERNS = ("T-0001", "T-0003")
CONTROLS = ("C-0001", "C-0030")

DECISIONS = """
:d-replay a tm:Decision ; tm:asset :order ; tm:entry :link ; tm:pattern lib:T-0003 ;
    tm:disposition tm:disposition-accept ; tm:reason "It is a test." ; tm:owner "tester" ;
    tm:decidedOn "2026-02-01"^^xsd:date ; tm:expires "2027-02-01"^^xsd:date .

:w-hand-over a tm:Waiver ; tm:waivedShape <https://tmkb.example/shapes#safety-hand-over> ; tm:waivedNode :imp-order-i ;
    tm:reason "It is a test." ; tm:owner "tester" ;
    tm:decidedOn "2026-03-01"^^xsd:date ; tm:expires "2027-03-01"^^xsd:date .
"""

PATTERN = """# A pattern of the knowledge base's own.
# Tests add it, change it and take it away.
prefix owl: <http://www.w3.org/2002/07/owl#>
prefix skos: <http://www.w3.org/2004/02/skos/core#>
prefix tm: <https://tmkb.example/ontology#>
prefix lib: <https://tmkb.example/library/>
prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#>
prefix dct: <http://purl.org/dc/terms/>

lib:T-9001 a tm:AdversarialPattern ; rdfs:label "Commands out of order"@en ;
    skos:definition "Commands are held back and let go in another order."@en ; tm:via tm:carriedOver ;
    tm:violates tm:property-integrity ; tm:stride tm:stride-tampering ; tm:strideReason "The order is altered."@en ;
    tm:threatSource tm:source-adversary ; tm:defaultTier tm:tier-3 ; tm:basis "Needs a place between both ends."@en ;
    tm:exploitsWeakness lib:CWE-294 ; tm:reference "CAPEC-94" ; tm:counteredBy lib:C-0030 ;
    tm:detection "Counters jump."@en ; tm:response "Stop."@en ; tm:knownGaps "none known"@en ;
    tm:easeOfDiscovery tm:grade-low ; dct:source lib:S-0007 .

tm:RadioVector rdfs:subClassOf [ a owl:Restriction ; owl:onProperty tm:admits ; owl:hasValue lib:T-9001 ] .

tm:TherapyCommand rdfs:subClassOf [ a owl:Restriction ; owl:onProperty tm:susceptibleTo ; owl:hasValue lib:T-9001 ] .
"""


def shipped(root: Path) -> Path:
    """Write what is shipped, with a library of two patterns and two types of control; all else is the real thing."""
    for name in ("ontology", "queries"):
        shutil.copytree(ROOT / name, root / name)
    library = ROOT / "kb" / "library"
    for part in ("sources", "weaknesses"):
        shutil.copytree(library / part, root / "kb" / "library" / part)
    shutil.copytree(ROOT / "kb" / "policy", root / "kb" / "policy")
    (root / "kb" / "devices").mkdir()
    for part, ids in (("threats", PATTERNS), ("controls", CONTROLS)):
        (root / "kb" / "library" / part).mkdir()
        for path in (p for p in sorted((library / part).glob("*.ttl")) if p.name.startswith(ids)):
            text = re.sub(r"tm:counteredBy [^;]*;", "tm:counteredBy lib:C-0001, lib:C-0030 ;", path.read_text("utf-8"))
            (root / "kb" / "library" / part / path.name).write_text(text, encoding="utf-8")
    return root


def write(root: Path) -> Path:
    """Write the knowledge base: ``tiny`` stands alone, ``twin`` integrates the module ``beeper``."""
    kb = tiny.write(root, {**tiny.FILES, "decisions.ttl": DECISIONS})
    shutil.copytree(TOY / "devices" / "twin", kb / "devices" / "twin")
    shutil.copytree(TOY / "modules", kb / "modules")
    shutil.copy(TOY / "families" / "families.ttl", kb / "families" / "toys.ttl")
    own = (ROOT / "kb" / "policy" / "default.ttl").read_text(encoding="utf-8")
    (kb / "policy").mkdir()
    (kb / "policy" / "own.ttl").write_text(own.replace("tm:band 4 .", "tm:band 3 .", 1), encoding="utf-8")
    return kb


def system() -> dict[str, str]:
    """Return the files of ``duo``, a system of the two devices in which each keeps to itself."""
    swap = {"tiny": "duo", "TNY": "DUO", "1.0": "1", ": a tm:Device": ": a tm:Device, tm:System"}
    text = tiny.PREFIXES + tiny.FILES["release.ttl"]
    for old, new in swap.items():
        text = text.replace(old, new)
    for device, version in (("tiny", "1.0"), ("twin", "1")):
        text += f':{device} a tm:Membership ; rdfs:label "{device}"@en ;\n'
        text += f"    tm:memberRelease <https://tmkb.example/device/{device}/release/{version}> .\n"
    return {"release.ttl": text}


@contextmanager
def world(root: Path) -> Iterator[Path]:
    """Make the small library the shipped one; a schema is closed by owlrl once and not again for each empty cache."""
    closed: dict[str, frozenset[Triple]] = {}

    def close_once(schema: Set[Triple]) -> frozenset[Triple]:
        key = infer.schema_digest(schema)
        if key not in closed:
            closed[key] = infer.closed_schema(schema)
        return closed[key]

    shipped(root / "shipped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resources, "root", lambda: root / "shipped")
        patch.setitem(pipeline.REASONERS, "compiled", lambda: CompiledReasoner(close_once))
        patch.setenv("TMKB_CACHE", str(root / "cache"))
        yield write(root)


def answer(kb: Path, day: date, cache_folder: Path | None = None, device: str = "") -> str:
    """Return threats and findings as text, or the error; with another cache folder than the one in force if given."""
    options = pipeline.Options(kb, device, on=day)
    with pytest.MonkeyPatch.context() as patch:
        if cache_folder is not None:
            patch.setenv("TMKB_CACHE", str(cache_folder))
        try:
            summary, findings, text, worst = reports.check(options)
            return reports.threats_json(options, "implemented") + repr((summary.rows, findings.rows, worst)) + text
        except TmkbError as error:
            return f"{type(error).__name__}: {error}"


def fresh(kb: Path, day: date, device: str = "") -> str:
    """Return the answer with an empty cache."""
    with tempfile.TemporaryDirectory() as empty:
        return answer(kb, day, Path(empty), device)
