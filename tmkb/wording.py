"""Names, sentences and places of terms, for explanations."""

from __future__ import annotations

from tmkb.model.graphs import RatedGraph, Triple
from tmkb.model.tables import Cell
from tmkb.terms import SKOLEM, bare, is_literal, lexical, owl, rdf, rdfs, shown, tm
from tmkb.validate import Places


class Wording:
    """The facts of one rated release by subject and predicate, and how to say them."""

    def __init__(self, rated: RatedGraph) -> None:
        """Index facts, labels and places."""
        self.places = Places(rated.assembled.origins)
        self.names: dict[str, str] = {}
        self.facts: dict[str, dict[str, list[str]]] = {}
        for s, p, o in sorted(rated.triples):
            self.facts.setdefault(s, {}).setdefault(p, []).append(o)
            if p == rdfs.label:
                self.names.setdefault(s, lexical(o))

    def name(self, term: str) -> str:
        """Return a term in words: label, text of a literal, or a description of a class expression."""
        if is_literal(term):
            return lexical(term)
        if term in self.names:
            return self.names[term]
        if bare(term).startswith(SKOLEM):
            return self._expression(term)
        return shown(term)

    def sentence(self, triple: Triple) -> str:
        """Return a triple as a sentence."""
        s, p, o = triple
        if p == rdf.type and o == owl.TransitiveProperty:
            return f"'{self.name(s)}' is transitive"
        if p == rdf.type:
            return f"{self.name(s)} is {_a(self.name(o))}"
        if p in (rdfs.subClassOf, owl.equivalentClass):
            return f"every {self.name(s)} is {_a(self.name(o))}"
        if p == owl.inverseOf:
            return f"'{self.name(s)}' is the inverse of '{self.name(o)}'"
        if p == owl.propertyChainAxiom:
            return f"'{self.name(s)}' follows from the chain {self.members(o)}"
        return f"{self.name(s)} · {self.name(p)} · {self.name(o)}"

    def place(self, iri: Cell) -> str:
        """Return file and line where a node is first described."""
        return self.places.find(f"<{iri}>") if iri else ""

    def _expression(self, node: str) -> str:
        facts = self.facts.get(node, {})
        for prop in facts.get(owl.onProperty, ()):
            for value in facts.get(owl.hasValue, ()):
                return f"something that has '{self.name(value)}' as value of '{self.name(prop)}'"
            for filler in facts.get(owl.someValuesFrom, ()):
                return f"something that '{self.name(prop)}' {_a(self.name(filler))}"
        for head in facts.get(owl.intersectionOf, ()):
            return self.members(head)
        return "a class expression"

    def members(self, head: str) -> str:
        """Return the members of a list in words."""
        items = []
        while head != rdf.nil and self.facts.get(head, {}).get(rdf.first):
            items.append(self.name(self.facts[head][rdf.first][0]))
            head = self.facts[head][rdf.rest][0]
        return " and also ".join(items)

    def reason(self, node: Cell) -> str:
        """Return the reason or basis that a node states, or nothing."""
        facts = self.facts.get(f"<{node}>", {})
        return self.words(facts, tm.reason) or self.words(facts, tm.basis)

    @staticmethod
    def words(facts: dict[str, list[str]], prop: str) -> str:
        """Return the texts of one property."""
        return " ".join(lexical(o) for o in facts.get(prop, ()))


def _a(noun: str) -> str:
    if noun.startswith(("something", "anything")):
        return noun
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
