"""The contract broken on purpose, one line at a time: what the machine must find."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from earnest.escrow.artifact import Artifact, load
from tests.support.solidity import ROOT, creation_codes


@dataclass(frozen=True)
class Break:
    """A pattern that stands exactly once in a source, and what is put there instead."""

    name: str
    source: str
    pattern: str
    instead: str


def _edge(name: str, source: str, comparison: str, error: str) -> Break:
    """A deadline that is off by one second."""
    other = {"<": "<=", ">=": ">"}[comparison]
    pattern = rf"{comparison} ([a-zA-Z.]+)\) revert {error}\("
    return Break(name, source, pattern, rf"{other} \1) revert {error}(")


BREAKS: Final = (
    _edge("reclaim a second late", "Settling", "<", "ReclaimTooEarly"),
    _edge("release a second late", "Settling", "<", "ReleaseTooEarly"),
    _edge("confirm a second longer", "Settling", ">=", "ConfirmTooLate"),
    _edge("dispute a second longer", "Settling", ">=", "DisputeTooLate"),
    _edge("resolve a second longer", "Settling", ">=", "ResolveTooLate"),
    _edge("fund a second longer", "Funding", ">=", "FundTooLate"),
    Break("parts pay the fee of all before them", "Ledger", r" - (p\.released|before) \* bps / 10_000", ""),
    Break("seq stands still", "StateLib", r"State\.wrap\(State\.unwrap\(state\) \+ 1\)", "state"),
    Break("a second credit replaces the first", "Treasury", r"(_credits\[account\]\[token\]) \+=", r"\1 ="),
    Break("a dismissed operator acts", "Settling", r"if \(_dismissed\[.*\) revert", "if (false) revert"),
    Break("parts move while disputed", "Settling", r"Status\.Disputed(\)*) (revert OnlyWhole)", r"Status.None\1 \2"),
    Break("any receipt will do", "Settling", r"if \(!_isSignedBy\(", "if (false && !_isSignedBy("),
    Break(
        "repay asks who calls first",
        "Settling",
        r"(        if \(!state\.isIn.*_revertFor\(id, state\);\n)(        if .*revert NotMerchant\(.*\n)",
        r"\2\1",
    ),
    Break("a short deposit goes back to anyone", "Funding", r"fundable && msg\.sender != terms\.buyer", "false"),
)


def broken_text(what: Break) -> str:
    """Return the text of a break's source with the break in it.

    Raises:
        LookupError: the line to be broken is no more in the source, or more than once; the break has to be renewed.
    """
    path = _source(ROOT, what)
    text, count = re.subn(what.pattern, what.instead, path.read_text("utf-8"))
    if count != 1:
        raise LookupError(f"{what.name}: {what.pattern!r} stands {count} times in {path.name}")
    return text


def broken(what: Break, folder: Path) -> Artifact:
    """Compile the contract with one break in it, in a folder of its own."""
    shutil.copytree(ROOT / "src", folder / "src")
    shutil.copytree(ROOT / "tools", folder / "tools")
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    _source(folder, what).write_text(broken_text(what), "utf-8")
    (code,) = creation_codes("src/Escrow.sol:Escrow", root=folder)
    return replace(load(), bytecode=code)


def _source(contracts: Path, what: Break) -> Path:
    return contracts / "src" / f"{what.source}.sol"
