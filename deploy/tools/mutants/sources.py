"""The contract's sources that are mutated, and what the compiler knows of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.tools.mutants.mutant import Mutant

Json = dict[str, Any]
# Worthless tokens for developers' chains: nothing depends on their rules.
LEFT_OUT = {"BlocklistToken.sol", "TestToken.sol"}


@dataclass(frozen=True)
class Source:
    """One file of `contracts/src`: its text and its syntax tree, as solc gives it."""

    file: str
    text: str
    tree: Json = field(repr=False)

    def function_at(self, position: int) -> str:
        """Return the function (`Contract.name`) or else the contract around a position in the text."""
        offset = len(self.text[:position].encode())
        names: list[str] = []
        for kind, node in definitions(self.tree):
            start, length, _ = map(int, node["src"].split(":"))
            if start <= offset < start + length:
                names.append(node["name"] or node.get("kind", kind))
        return ".".join(names)

    def span(self, node: Json) -> tuple[int, int]:
        """Return where a node of the tree begins and ends in the text; solc counts UTF-8 bytes."""
        start, length, _ = map(int, node["src"].split(":"))
        encoded = self.text.encode()
        return len(encoded[:start].decode()), len(encoded[: start + length].decode())

    def text_of(self, node: Json) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def mutant(self, name: str, start: int, end: int, by: str) -> Mutant:
        """Return the mutant with another text from `start` to `end`."""
        mutated = self.text[:start] + by + self.text[end:]
        return Mutant(name, self.file, self.function_at(start), self.text, mutated)

    def mutant_of(self, node: Json, by: str, name: str, and_after: str = "") -> Mutant:
        """Return the mutant with another text for a node, and for `and_after` where that follows it."""
        start, end = self.span(node)
        if and_after and self.text.startswith(and_after, end):
            end += len(and_after)
        return self.mutant(name, start, end, by)


def definitions(tree: Json) -> Iterator[tuple[str, Json]]:
    """Yield the contracts and functions of a file, outer ones first."""
    for node in tree["nodes"]:
        if node["nodeType"] in ("ContractDefinition", "FunctionDefinition"):
            yield node["nodeType"], node
        if node["nodeType"] == "ContractDefinition":
            yield from definitions(node)


def nodes(tree: Any, kind: str) -> Iterator[Json]:
    """Yield all nodes of a kind, wherever they stand in a tree."""
    if isinstance(tree, dict):
        if tree.get("nodeType") == kind:
            yield tree
        for value in tree.values():
            yield from nodes(value, kind)
    elif isinstance(tree, list):
        for value in tree:
            yield from nodes(value, kind)


def source_texts(contracts: Path) -> dict[str, str]:
    """Return the texts of all mutated sources, by file."""
    paths = sorted((contracts / "src").rglob("*.sol"))
    return {path.relative_to(contracts).as_posix(): path.read_text() for path in paths if path.name not in LEFT_OUT}


def compiler_input(contracts: Path, texts: dict[str, str], settings: Json, outputs: list[str]) -> Json:
    """Return solc's standard input for these sources, with the remappings and the EVM of `foundry.toml`."""
    profile = tomllib.loads((contracts / "foundry.toml").read_text())["profile"]["default"]
    common = {
        "evmVersion": profile["evm_version"],
        "remappings": profile["remappings"],
        "metadata": {"bytecodeHash": "none"},
        "outputSelection": {file: {"": outputs, "*": outputs} for file in texts},
    }
    return {
        "language": "Solidity",
        "sources": {file: {"content": text} for file, text in texts.items()},
        "settings": common | settings,
    }
