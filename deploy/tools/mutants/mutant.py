"""A mutant: the contract's sources with one change in one file, which some test should notice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property


@dataclass(frozen=True)
class Change:
    """What a mutant takes away and puts in: whole lines without their indentation, empty ones left out."""

    removed: tuple[str, ...]
    added: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([*(f"- {line}" for line in self.removed), *(f"+ {line}" for line in self.added)])


@dataclass(frozen=True)
class Mutant:
    """One changed source file; `function` is `Contract.name`, or the contract alone for what is outside functions."""

    name: str
    file: str
    """As `src/Escrow.sol`, from the folder of the contracts."""
    function: str
    original: str
    mutated: str

    @cached_property
    def change(self) -> Change:
        """The lines that differ."""
        before, after = self.original.splitlines(), self.mutated.splitlines()
        removed: list[str] = []
        added: list[str] = []
        for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if kind != "equal":
                removed += before[a:b]
                added += after[c:d]
        return Change(_bare(removed), _bare(added))

    @cached_property
    def fingerprint(self) -> str:
        """What stays the same as long as this file and the change do."""
        return hashlib.sha256(f"{self.file}\0{self.mutated}".encode()).hexdigest()[:24]

    @property
    def line(self) -> int:
        """The first changed line of the original, counted from one."""
        before, after = self.original.splitlines(), self.mutated.splitlines()
        same = (number for number, (a, b) in enumerate(zip(before, after, strict=False), start=1) if a != b)
        return next(same, min(len(before), len(after)) + 1)

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.function}: {self.name}\n{self.change}"


def _bare(lines: list[str]) -> tuple[str, ...]:
    return tuple(line.strip() for line in lines if line.strip())


def without_doubles(mutants: list[Mutant]) -> list[Mutant]:
    """Return each changed source once, under its first name; what changes nothing is left out.

    The order is by chance, and the same each time: what a part of a run finds is what the whole would.
    """
    first: dict[str, Mutant] = {}
    for mutant in mutants:
        if mutant.mutated != mutant.original:
            first.setdefault(mutant.fingerprint, mutant)
    return [first[fingerprint] for fingerprint in sorted(first)]
