"""The library as a page: each pattern and each type of control with all that is said of it."""

from __future__ import annotations

from tmkb import resources
from tmkb.engines import turtle
from tmkb.terms import LIB, OWL, TM, bare, lexical, rdf, rdfs, shown, skos

Facts = dict[str, dict[str, list[str]]]
SENTENCES = ("strideReason", "basis", "detection", "response", "knownGaps")


def pages(note: str) -> str:
    """Return the page, patterns first."""
    facts = _read()
    text = note + "# The library\n\nPatterns of threats and types of control, with all that ratings rest on. "
    text += "Outside ids and whether a file of their publisher was seen: `kb/crosswalks/references.ttl`.\n"
    patterns = sorted(s for s in facts if _is(facts, s, "AdversarialPattern", "NonAdversarialPattern"))
    types = sorted(s for s in facts if _is(facts, s, "ControlType"))
    text += f"\n## Patterns ({len(patterns)})\n" + "".join(_pattern(facts, s) for s in patterns)
    return text + f"\n## Types of control ({len(types)})\n" + "".join(_type(facts, s) for s in types)


def _read() -> Facts:
    facts: Facts = {}
    folder = resources.bundled_kb() / "library"
    files = [
        *sorted(folder.glob("*/*.ttl")),
        *sorted(folder.glob("*.ttl")),
        *sorted(resources.ontology().glob("*.ttl")),
    ]
    for number, path in enumerate(files):
        for (s, p, o), _ in turtle.parse(path.read_bytes(), name=path.name):
            s, o = (f"{term}{number}" if term.startswith("_:") else term for term in (s, o))
            facts.setdefault(s, {}).setdefault(p, []).append(o)
    return facts


def _is(facts: Facts, node: str, *kinds: str) -> bool:
    return bool({f"<{TM}{kind}>" for kind in kinds} & set(facts[node].get(rdf.type, ())))


def _said(facts: Facts, node: str, name: str) -> list[str]:
    """Return the values of a property, nodes by their labels."""
    return sorted(_name(facts, o) for o in facts[node].get(f"<{TM}{name}>", ()))


def _name(facts: Facts, term: str) -> str:
    if not term.startswith("<"):
        return lexical(term)
    label = facts.get(term, {}).get(rdfs.label)
    return lexical(label[0]) if label else shown(term)


def _id(term: str) -> str:
    return bare(term).removeprefix(LIB)


def _head(facts: Facts, node: str) -> str:
    version = (_said(facts, node, "version") or ["1"])[0]
    text = f"\n### {_id(node)} {_name(facts, node)}\n\n{lexical(facts[node][skos.definition][0])}\n\n"
    return text + (f"- version: {version}\n" if version != "1" else "")


def _line(title: str, values: list[str]) -> str:
    return f"- {title}: {'; '.join(values)}\n" if values else ""


def _pattern(facts: Facts, node: str) -> str:
    text = _head(facts, node)
    for title, name in (("works", "via"), ("violates", "violates"), ("STRIDE", "stride"), ("source", "threatSource")):
        text += _line(title, _said(facts, node, name))
    text += _line(
        "default", [*_said(facts, node, "defaultTier"), *(f"band {b}" for b in _said(facts, node, "defaultBand"))]
    )
    for title, relation in (("comes in through", "admits"), ("hits", "susceptibleTo")):
        text += _line(title, _classes(facts, node, relation))
    pairs = {
        (facts[f][f"<{TM}ofControlType>"][0], _said(facts, f, "forcesTier")[0])
        for f in facts
        if _is(facts, f, "ForcedTier") and facts[f][f"<{TM}pattern>"] == [node]
    }
    special = dict(pairs)
    countered = sorted(facts[node].get(f"<{TM}counteredBy>", ()))
    text += _line(
        "countered by",
        [f"{_id(c)} {_name(facts, c)}" + (f" (here {special[c]})" if c in special else "") for c in countered],
    )
    text += _line("weaknesses", sorted(map(_id, facts[node].get(f"<{TM}exploitsWeakness>", ()))))
    text += _line("references", _said(facts, node, "reference"))
    text += _line("evidence", sorted(_id(a) for a in facts if node in facts[a].get(f"<{TM}evidenceFor>", ())))
    return text + "".join(_line(_words(name), _said(facts, node, name)) for name in SENTENCES)


def _type(facts: Facts, node: str) -> str:
    text = _head(facts, node)
    for name in ("category", "upholds", "forcesTier", "capsBand", "capsSeverity", "capsAxis", "forcesNothing", "basis"):
        text += _line(_words(name), _said(facts, node, name))
    text += _line("counters", sorted(_id(p) for p in facts if node in facts[p].get(f"<{TM}counteredBy>", ())))
    return text


def _classes(facts: Facts, pattern: str, relation: str) -> list[str]:
    """Return the classes whose members admit the pattern or are susceptible to it."""
    restrictions = {
        s
        for s, said in facts.items()
        if said.get(f"<{OWL}hasValue>") == [pattern] and said.get(f"<{OWL}onProperty>") == [f"<{TM}{relation}>"]
    }
    return sorted(_name(facts, s) for s, said in facts.items() if restrictions & set(said.get(rdfs.subClassOf, ())))


def _words(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name)
