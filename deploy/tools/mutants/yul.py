"""Mutants of inline assembly, which gambit leaves alone: other operators, other numbers, statements left out."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.tools.mutants.mutant import Mutant
from deploy.tools.mutants.sources import Json, Source, nodes

# What each instruction could have been mistaken for; those without an entry stay as they are.
MISTAKEN = {
    "add": "sub",
    "sub": "add",
    "mul": "add",
    "div": "mul",
    "and": "or",
    "or": "and",
    "xor": "or",
    "not": "iszero",
    "iszero": "not",
    "lt": "gt",
    "gt": "lt",
    "eq": "lt",
    "shl": "shr",
    "shr": "shl",
    "call": "callcode",
    "gas": "callvalue",
    "returndatasize": "calldatasize",
}
CALLS = ("call", "staticcall")
WORD = 0x20


def assembly_mutants(source: Source) -> Iterator[Mutant]:
    """Yield the mutants of all assembly blocks of a source."""
    for block in nodes(source.tree, "InlineAssembly"):
        code = block["AST"]
        for call in nodes(code, "YulFunctionCall"):
            yield from _other_instruction(source, call)
        idle = {answer["src"] for call in nodes(code, "YulFunctionCall") for answer in _answer_area(call)}
        for literal in nodes(code, "YulLiteral"):
            if literal["kind"] == "number" and literal["src"] not in idle:
                yield from _other_number(source, literal)
        for statement in nodes(code, "YulExpressionStatement"):
            yield source.mutant_of(statement, "{ }", "assembly statement left out")
        for assignment in nodes(code, "YulAssignment"):
            yield source.mutant_of(assignment, "{ }", "assembly assignment left out")
        for condition in (branch["condition"] for branch in nodes(code, "YulIf")):
            yield source.mutant_of(condition, "1", "assembly condition always met")
            yield source.mutant_of(condition, "0", "assembly condition never met")


def _answer_area(call: Json) -> list[Json]:
    """Return where a call copies no answer to: other numbers there do nothing that a test could see."""
    area: list[Json] = call["arguments"][-2:]
    is_empty = all(argument.get("value") in ("0", "0x00") for argument in area)
    return area if call["functionName"]["name"] in CALLS and is_empty else []


def _other_instruction(source: Source, call: Json) -> Iterator[Mutant]:
    name = call["functionName"]
    if name["name"] in MISTAKEN:
        other = MISTAKEN[name["name"]]
        yield source.mutant_of(name, other, f"assembly {name['name']} mistaken for {other}")


def _other_number(source: Source, literal: Json) -> Iterator[Mutant]:
    value = int(literal["value"], 0)
    # A place in memory is mistaken by a word, anything else by one; either by forgetting it.
    step = WORD if value and value % WORD == 0 else 1
    for other in dict.fromkeys((value + step, 0)):
        if other != value:
            yield source.mutant_of(literal, hex(other), f"assembly number {literal['value']} mistaken for {other:#x}")
