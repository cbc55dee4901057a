"""The contract's sources that are mutated, and what the compiler knows of them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]
# Worthless tokens for developers' chains: nothing depends on their rules.
LEFT_OUT = {"TestToken.sol"}


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

    def at_bytes(self, offset: int) -> int:
        """Return the position in the text of an offset in its UTF-8 bytes, which is what solc counts."""
        return len(self.text.encode()[:offset].decode())


def definitions(tree: Json) -> Iterator[tuple[str, Json]]:
    """Yield the contracts and functions of a file, outer ones first."""
    for node in tree["nodes"]:
        if node["nodeType"] in ("ContractDefinition", "FunctionDefinition"):
            yield node["nodeType"], node
        if node["nodeType"] == "ContractDefinition":
            yield from definitions(node)


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
