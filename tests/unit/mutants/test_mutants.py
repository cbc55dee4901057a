"""Mutants: what they change, where, and how the committed lists describe them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.tools.mutants.blocks import BadList, apply, read_blocks
from deploy.tools.mutants.mutant import Change, Mutant, without_doubles
from deploy.tools.mutants.solidity import comparisons, solidity_mutants, without_modifiers
from deploy.tools.mutants.sources import Json, Source
from deploy.tools.mutants.yul import assembly_mutants

TEXT = """contract Till { // „é“ is longer in bytes
    uint256 private constant LIMIT = 1;
    function take(uint256 a) external locked {
        if (a >= LIMIT) revert();
    }
    function give(
        uint256 a
    ) external view locked {
        if (a >= LIMIT) revert();
    }
}
"""


def span(text: str, start: str, end: str, after: int = 0) -> str:
    """Return solc's `offset:length:file` of what begins with `start` and ends with `end`."""
    first = text.index(start, after)
    last = text.index(end, first) + len(end)
    return f"{len(text[:first].encode())}:{len(text[first:last].encode())}:0"


def function(name: str) -> Json:
    at = TEXT.index(f"function {name}")
    modifier = {"kind": "modifierInvocation", "modifierName": {"name": "locked"}, "src": span(TEXT, "locked", "d", at)}
    return {
        "nodeType": "FunctionDefinition",
        "name": name,
        "src": span(TEXT, f"function {name}", "\n    }", at),
        "modifiers": [modifier],
    }


def till() -> Source:
    functions = [function("take"), function("give")]
    contract = {
        "nodeType": "ContractDefinition",
        "name": "Till",
        "src": span(TEXT, "contract", "\n}"),
        "nodes": functions,
    }
    return Source("src/Till.sol", TEXT, {"nodes": [{"nodeType": "PragmaDirective"}, contract]})


def listed(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "list.txt"
    path.write_text(text)
    return path


def test_a_change_is_the_lines_that_differ_without_their_indentation() -> None:
    mutant = Mutant(
        "gone", "src/Till.sol", "Till.take", TEXT, TEXT.replace("        if (a >= LIMIT) revert();\n", "", 1)
    )
    assert mutant.change == Change(("if (a >= LIMIT) revert();",), ())
    assert mutant.line == 4
    assert str(mutant).splitlines()[0] == "src/Till.sol:4 Till.take: gone"


def test_a_mutant_that_changes_nothing_or_the_same_is_left_out() -> None:
    one = Mutant("one", "src/Till.sol", "Till", TEXT, TEXT + "x")
    mutants = without_doubles([Mutant("none", "src/Till.sol", "Till", TEXT, TEXT), one, Mutant("two", *one_place(one))])
    assert [mutant.name for mutant in mutants] == ["one"]


def one_place(mutant: Mutant) -> tuple[str, str, str, str]:
    return mutant.file, mutant.function, mutant.original, mutant.mutated


def test_every_function_loses_its_lock_once() -> None:
    mutants = list(without_modifiers(till()))
    assert [(mutant.name, mutant.function) for mutant in mutants] == [
        ("without its locked", "Till.take"),
        ("without its locked", "Till.give"),
    ]
    assert [str(mutant.change).splitlines()[-1] for mutant in mutants] == [
        "+ function take(uint256 a) external {",
        "+ ) external view {",
    ]


def test_a_comparison_is_off_by_one_or_turned_round() -> None:
    def at(word: str) -> str:
        return span("a >= LIMIT && b", word, word)

    left = {"nodeType": "Identifier", "src": at("a")}
    right = {"nodeType": "Literal", "kind": "string", "src": at("LIMIT")}
    inner = {"nodeType": "BinaryOperation", "operator": ">=", "leftExpression": left, "rightExpression": right}
    inner["src"] = at("a >= LIMIT")
    outer = {"nodeType": "BinaryOperation", "operator": "&&", "leftExpression": inner, "src": at("a >= LIMIT && b")}
    outer["rightExpression"] = {"nodeType": "Identifier", "src": at("b")}
    source = Source("src/Till.sol", "a >= LIMIT && b", {"nodes": [outer]})
    mutated = {mutant.mutated for mutant in solidity_mutants(source)}
    assert mutated == {"a > LIMIT && b", "a < LIMIT && b", "a >= LIMIT || b"}
    assert sorted(comparisons(source)) == [(1, 5), (10, 14)]


def test_a_number_is_off_by_one_and_an_event_is_not_emitted() -> None:
    text = "emit Paid(7);"
    number = {"nodeType": "Literal", "kind": "number", "src": "10:1:0"}
    event = {"nodeType": "EmitStatement", "src": "0:12:0", "eventCall": number}
    mutated = {mutant.mutated for mutant in solidity_mutants(Source("src/Till.sol", text, {"nodes": [event]}))}
    assert mutated == {"emit Paid((7 + 1));", "{ }"}


def assembly(text: str) -> Source:
    """Return a source with one block of assembly: `pop(call(…))` or `mstore(…)`, parsed as far as it needs to be."""
    literals = [
        literal for literal in text.replace("(", " ").replace(")", " ").replace(",", " ").split() if literal.isalnum()
    ]
    arguments, at = [], 0
    for word in literals[1:]:
        at = text.index(word, at)
        place = f"{at}:{len(word)}:0"
        number = {"nodeType": "YulLiteral", "kind": "number", "value": word, "src": place}
        arguments.append(number if word.isdecimal() else {"nodeType": "YulIdentifier", "name": word, "src": place})
        at += len(word)
    name = {"nodeType": "YulIdentifier", "name": literals[0], "src": f"0:{len(literals[0])}:0"}
    whole = {"nodeType": "YulFunctionCall", "functionName": name, "arguments": arguments, "src": f"0:{len(text)}:0"}
    statement = {"nodeType": "YulExpressionStatement", "expression": whole, "src": f"0:{len(text)}:0"}
    block = {"nodeType": "InlineAssembly", "AST": {"nodeType": "YulBlock", "statements": [statement]}, "src": "0:0:0"}
    return Source("src/Till.sol", text, {"nodes": [block]})


def test_assembly_is_mutated_by_numbers_and_statements() -> None:
    mutants = list(assembly_mutants(assembly("mstore(64, 1)")))
    assert {mutant.mutated for mutant in mutants} == {
        "mstore(0x60, 1)",
        "mstore(0x0, 1)",
        "mstore(64, 0x2)",
        "mstore(64, 0x0)",
        "{ }",
    }


def test_an_instruction_of_assembly_is_mistaken_for_another() -> None:
    assert "sub(a, b)" in {mutant.mutated for mutant in assembly_mutants(assembly("add(a, b)"))}


def test_where_no_answer_is_copied_to_does_not_matter() -> None:
    mutated = {mutant.mutated for mutant in assembly_mutants(assembly("call(g, t, 0, d, 68, 0, 0)"))}
    assert mutated == {
        "callcode(g, t, 0, d, 68, 0, 0)",
        "call(g, t, 0x1, d, 68, 0, 0)",
        "call(g, t, 0, d, 0x45, 0, 0)",
        "call(g, t, 0, d, 0x0, 0, 0)",
        "{ }",
    }


def test_a_mutant_written_by_hand_is_applied_where_its_fragment_stands(tmp_path: Path) -> None:
    line = "uint256 private constant LIMIT = "
    text = f"# a note\nlimit of two\nin src/Till.sol\n- {line}1;\n+ {line}2;\n"
    mutant = apply(read_blocks(listed(tmp_path, text))[0], {"src/Till.sol": till()})
    assert mutant.mutated == TEXT.replace("LIMIT = 1", "LIMIT = 2")
    assert (mutant.name, mutant.function) == ("limit of two", "Till")


def test_a_fragment_over_several_lines_may_be_indented_otherwise(tmp_path: Path) -> None:
    text = "no lock\nin src/Till.sol\n- uint256 a\n- ) external view locked {\n+ uint256 a\n+ ) external view {\n"
    mutant = apply(read_blocks(listed(tmp_path, text))[0], {"src/Till.sol": till()})
    assert mutant.function == "Till.give"
    assert mutant.change == Change((") external view locked {",), (") external view {",))


@pytest.mark.parametrize(
    ("place", "fragment", "told"),
    [
        ("src/Till.sol", "if (a >= LIMIT) revert();", "2 times"),
        ("src/Till.sol", "if (a > LIMIT) revert();", "0 times"),
        ("src/Other.sol", "if (a > LIMIT) revert();", "no src/Other.sol"),
    ],
)
def test_a_fragment_that_is_not_there_exactly_once_is_told_loudly(
    tmp_path: Path, place: str, fragment: str, told: str
) -> None:
    block = read_blocks(listed(tmp_path, f"a name\nin {place}\n- {fragment}\n+ x\n"))[0]
    with pytest.raises(BadList, match=told):
        apply(block, {"src/Till.sol": till()})


@pytest.mark.parametrize(
    "text", ["in src/A.sol\n- a\n+ b\n", "name\n- a\n+ b\n", "name\nin src/A.sol\n", "n\nin src/A.sol\nb\n"]
)
def test_a_block_that_lacks_something_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadList):
        read_blocks(listed(tmp_path, text))


def test_an_equivalent_mutant_is_matched_by_file_function_and_change(tmp_path: Path) -> None:
    text = (
        "why it changes\nnothing\nin src/Till.sol, Till.take\n- if (a >= LIMIT) revert();\n+ if (a > LIMIT) revert();\n"
    )
    block = read_blocks(listed(tmp_path, text))[0]
    mutated = TEXT.replace("a >= LIMIT", "a > LIMIT", 1)
    assert block.text == "why it changes nothing"
    assert block.fits(Mutant("op", "src/Till.sol", "Till.take", TEXT, mutated))
    assert not block.fits(Mutant("op", "src/Till.sol", "Till.give", TEXT, mutated))
