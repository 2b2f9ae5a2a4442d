"""The IRIs that Python must know by name; everything else about the ontology lives in ontology/*.ttl.

Terms are written as N-Triples (``<iri>``), the form in which all stages hand statements on. A test compares
the names below with the ontology; a misspelt one is an AttributeError.
"""

from __future__ import annotations

BASE = "https://tmkb.example/"
TM = BASE + "ontology#"
TMS = BASE + "shapes#"
LIB = BASE + "library/"
CORE_GRAPH = f"<{BASE}core>"
CROSSWALK_GRAPH = f"<{BASE}crosswalks>"
RUN = f"<{BASE}run>"
SKOLEM = BASE + "node/"

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
XSD = "http://www.w3.org/2001/XMLSchema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
DCT = "http://purl.org/dc/terms/"
SH = "http://www.w3.org/ns/shacl#"
PREFIXES = {"tm": TM, "lib": LIB, "tms": TMS, "rdf": RDF, "rdfs": RDFS, "owl": OWL}

_TM_NAMES = """
    Device Release Module Integration Slot SourceFile Component Interface Threat Source Rating
    ofDevice keyId statedIn fileRole module fillsSlot slotKind formerly release version code family
    admits susceptibleTo findingKind finding-structural
    RetiredEntry variantOf Exclusion excludes excludedKind excludedBy replacedBy baselineRow DroppedThreat
    partOf runsOn connects zone inZone between onInterface carries givesAccessTo shortId crosses asset entry pattern via
    waivedShape waivedNode expires
    Waiver Decision LabelItem disposition reason owner decidedOn onAsset onElement
    AttackVector UnstatedBoundary itself
    view countsStatus
    RiskPolicy TierBand MatrixCell RatingAcceptance ViewRule FactorShift ThreatPattern AdversarialPattern
    NonAdversarialPattern ControlType ForcedTier Weakness LibraryGap DeviceFamily LifeCycleExposure LifeCycleBoundary
    Cell consequence place holds sitsIn protects defeats ofControlType upholds reference exploitsWeakness
    defaultBand basis ofProperty axis hazardousSituation leadsTo
    Membership memberRelease standsFor member memberKey memberDevice memberCode memberThreat memberRow
    Advisory Flaw advisoryId ofAdvisory affectsFamily cveId weaknessId cvssVector
    ExternalEntity TrustZone TrustBoundary InScopeBoundary OutOfScopeBoundary NoImpact
"""


class _Terms:
    """A closed namespace: only the names given at its making exist."""

    def __init__(self, base: str, names: str) -> None:
        for name in names.split():
            setattr(self, name.replace("-", "_"), f"<{base}{name}>")

    def __getattr__(self, name: str) -> str:
        raise AttributeError(f"{name} is not a term that Python knows; see tmkb/terms.py")


tm = _Terms(TM, _TM_NAMES)
rdf = _Terms(RDF, "type first rest nil")
rdfs = _Terms(RDFS, "label subClassOf subPropertyOf domain range comment seeAlso isDefinedBy")
FOR_PEOPLE = frozenset({rdfs.label, rdfs.comment, rdfs.seeAlso, rdfs.isDefinedBy})
owl = _Terms(
    OWL,
    """Class ObjectProperty DatatypeProperty AnnotationProperty NamedIndividual TransitiveProperty SymmetricProperty
    Restriction onProperty hasValue someValuesFrom allValuesFrom intersectionOf unionOf equivalentClass
    equivalentProperty inverseOf propertyChainAxiom disjointWith differentFrom sameAs Thing Nothing""",
)
skos = _Terms(SKOS, "definition note")
dct = _Terms(DCT, "date source")
sh = _Terms(SH, "Violation Warning Info")


def iri(text: str) -> str:
    """Return the N-Triples form of an IRI."""
    return f"<{text}>"


def bare(term: str) -> str:
    """Return the text of an IRI term without its brackets."""
    return term[1:-1]


def is_iri(term: str) -> bool:
    """Tell whether a term is an IRI."""
    return term.startswith("<")


def is_literal(term: str) -> bool:
    """Tell whether a term is a literal."""
    return term.startswith('"')


_ESCAPES = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


def lexical(term: str) -> str:
    """Return the text of a literal, or of an IRI without brackets."""
    if not is_literal(term):
        return bare(term)
    if "\\" not in term:
        return term[1 : term.rindex('"')]
    out: list[str] = []
    i = 1
    while term[i] != '"':
        if term[i] != "\\":
            out.append(term[i])
            i += 1
        elif term[i + 1] in "uU":
            size = 4 if term[i + 1] == "u" else 8
            out.append(chr(int(term[i + 2 : i + 2 + size], 16)))
            i += 2 + size
        else:
            out.append(_ESCAPES[term[i + 1]])
            i += 2
    return "".join(out)


def datatype(term: str) -> str:
    """Return the datatype IRI of a literal; language-tagged and plain text count as text."""
    tail = term[term.rindex('"') + 1 :]
    return bare(tail[2:]) if tail.startswith("^^") else XSD + "string"


def literal(text: str, kind: str = "") -> str:
    """Return the N-Triples form of a literal, with the XSD datatype *kind* if one is given."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"' + (f"^^<{XSD}{kind}>" if kind else "")


def label_rank(label: str) -> tuple[bool, str]:
    """Return a key by which the best of several labels comes first: English or plain, then by the alphabet."""
    return not label.endswith(("@en", '"')), label


def shown(term: str | None) -> str:
    """Return a term as people read it: text of literals, short form of known IRIs."""
    if term is None:
        return ""
    if is_literal(term):
        return lexical(term)
    text = bare(term)
    if text == RDF + "type":
        return "a"
    for prefix, base in PREFIXES.items():
        if text.startswith(base) and len(text) > len(base):
            return f"{prefix}:{text[len(base) :]}"
    return text
