"""Mutants by rules of our own, for what gambit does not touch in Solidity.

Every verb and view without its lock, every comparison off by one or turned round, every number off by one, events not
emitted, and choices made the other way.
"""

from __future__ import annotations

from collections.abc import Iterator

from deploy.tools.mutants.mutant import Mutant
from deploy.tools.mutants.sources import Json, Source, definitions, nodes

# Gambit replaces these by arithmetic, which never compiles.
MISTAKEN = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "&&": ("||",),
    "||": ("&&",),
}


def solidity_mutants(source: Source) -> Iterator[Mutant]:
    """Yield the mutants of a source by all rules of this file."""
    yield from without_modifiers(source)
    for operation in nodes(source.tree, "BinaryOperation"):
        for other in MISTAKEN.get(operation["operator"], ()):
            start, end = operator_span(source, operation)
            yield source.mutant(f"{operation['operator']} mistaken for {other}", start, end, f" {other} ")
    for literal in nodes(source.tree, "Literal"):
        if literal["kind"] == "number":
            yield source.mutant_of(literal, f"({source.text_of(literal)} + 1)", "number off by one")
    for statement in nodes(source.tree, "EmitStatement"):
        yield source.mutant_of(statement, "{ }", "event not emitted", and_after=";")
    for choice in nodes(source.tree, "Conditional"):
        yield source.mutant_of(choice, source.text_of(choice["trueExpression"]), "choice always the first")
        yield source.mutant_of(choice, source.text_of(choice["falseExpression"]), "choice always the second")


def without_modifiers(source: Source) -> Iterator[Mutant]:
    """Yield a mutant for each modifier of each function, without it."""
    for _, node in definitions(source.tree):
        for modifier in node.get("modifiers", []):
            # A base contract's constructor stands in the same place and cannot be left out.
            if modifier["kind"] == "modifierInvocation":
                start, end = source.span(modifier)
                start = len(source.text[:start].rstrip(" "))
                yield source.mutant(f"without its {modifier['modifierName']['name']}", start, end, "")


def operator_span(source: Source, operation: Json) -> tuple[int, int]:
    """Return where the operator of a binary operation stands in the text, with the space around it."""
    return source.span(operation["leftExpression"])[1], source.span(operation["rightExpression"])[0]


def comparisons(source: Source) -> list[tuple[int, int]]:
    """Return the places of all operators that this file has rules for."""
    operations = nodes(source.tree, "BinaryOperation")
    return [operator_span(source, operation) for operation in operations if operation["operator"] in MISTAKEN]
