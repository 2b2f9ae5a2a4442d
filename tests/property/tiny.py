"""The smallest whole knowledge base: one device with one radio, three threats or so; quick to close and easy to spoil."""

from __future__ import annotations

from pathlib import Path

PREFIXES = """prefix : <https://tmkb.example/device/tiny/>
prefix tm: <https://tmkb.example/ontology#>
prefix lib: <https://tmkb.example/library/>
prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#>
prefix dct: <http://purl.org/dc/terms/>
prefix xsd: <http://www.w3.org/2001/XMLSchema#>
"""
FILES = {
    "release.ttl": """
: a tm:Device ; rdfs:label "tiny"@en ; tm:code "TNY" ; tm:family <https://tmkb.example/family/infusion> ;
    tm:fictional true ; tm:release <https://tmkb.example/device/tiny/release/1.0> .

<https://tmkb.example/device/tiny/release/1.0> a tm:Release ; tm:ofDevice : ; tm:version "1.0" ;
    dct:date "2026-01-01"^^xsd:date ; tm:intendedUse "Tests."@en .
""",
    "architecture.ttl": """
:zone-in a tm:TrustZone ; rdfs:label "inside"@en .

:zone-out a tm:TrustZone ; rdfs:label "outside"@en .

:b-air a tm:InScopeBoundary ; rdfs:label "air"@en ; tm:between :zone-in, :zone-out ; tm:assumption :asm-air .

:asm-air a tm:Assumption ; rdfs:label "hostile air"@en ; tm:statement "Anybody may send."@en ;
    tm:assumptionStatus tm:assumption-confirmed .

:board a tm:ProcessingUnit ; rdfs:label "board"@en ; tm:zone :zone-in ; tm:protectionNeed "It doses."@en .

:remote a tm:ExternalEntity ; rdfs:label "remote"@en ; tm:zone :zone-out .

:link a tm:SubGigahertzInterface, tm:TherapyCommandInterface ; rdfs:label "radio link"@en ;
    tm:connects :board, :remote ; tm:carries :order ; tm:givesAccessTo :board ;
    tm:protocol "own"@en ; tm:protocolVersion "1" ; tm:channel "868 MHz" ; tm:roles "remote orders"@en ;
    tm:authentication tm:auth-none ; tm:cryptography tm:crypto-none ;
    tm:interfaceState tm:state-active ; tm:reach tm:reach-adjacent .
""",
    "assets.ttl": """
:order a tm:TherapyCommand ; rdfs:label "order"@en ; tm:heldBy :board ; tm:protectionNeed "It doses."@en .
""",
    "impacts.ttl": """
:imp-order-i a tm:Impact ; tm:onAsset :order ; tm:ofProperty tm:property-integrity ; tm:axis tm:axis-safety ;
    tm:impactGroup tm:group-individuals ; tm:words "Overdose."@en ; tm:level tm:severity-5 .

:imp-order-a a tm:Impact ; tm:onAsset :order ; tm:ofProperty tm:property-availability ; tm:axis tm:axis-safety ;
    tm:impactGroup tm:group-individuals ; tm:words "Underdose."@en ; tm:level tm:severity-3 .

:none-order a tm:NoImpact ; tm:onAsset :order ; tm:ofProperty tm:property-confidentiality ;
    tm:axis tm:axis-safety, tm:axis-privacy, tm:axis-operation ; tm:reason "It says nothing about anybody."@en .

:none-order-rest a tm:NoImpact ; tm:onAsset :order ; tm:ofProperty tm:property-integrity, tm:property-availability ;
    tm:axis tm:axis-privacy, tm:axis-operation ; tm:reason "Only the dose changes."@en .
""",
    "controls.ttl": """
:ctl-mac a tm:Control ; rdfs:label "message code"@en ; tm:ofControlType lib:C-0001 ; tm:protects :link ;
    tm:status tm:status-implemented ; tm:introducesNoHazard "Bad messages are dropped."@en ; tm:usabilityCost "None."@en .
""",
    "decisions.ttl": "",
}


def write(root: Path, files: dict[str, str] | None = None, policy: str | None = None) -> Path:
    """Write the tiny knowledge base below *root*, with some *files* replaced and, if given, a policy of its own."""
    kb = root / "tiny-kb"  # a name of its own, so that files are named alike wherever the folder lies
    release = kb / "devices" / "tiny" / "1.0"
    release.mkdir(parents=True)
    (kb / "families").mkdir()
    family = '<https://tmkb.example/family/infusion> a tm:DeviceFamily ; rdfs:label "infusion"@en .\n'
    (kb / "families" / "families.ttl").write_text(PREFIXES + family, encoding="utf-8")
    (kb / "kb.toml").write_text(f'[kb]\npolicy = "{"own" if policy else "default"}"\n', encoding="utf-8")
    if policy:
        (kb / "policy").mkdir()
        (kb / "policy" / "own.ttl").write_text(policy, encoding="utf-8")
    for name, text in (FILES if files is None else files).items():
        (release / name).write_text(f"# Tiny: {name}.\n# For tests.\n{PREFIXES}{text}", encoding="utf-8")
    return kb
