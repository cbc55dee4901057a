"""The committed lists of `contracts/mutants`: mutants written by hand, and survivors that change nothing.

Blocks with an empty line between them; `#` begins a comment line:

    A name, or the reason why nothing changes, on one line or several
    in src/Funding.sol, Funding.collect
    - the lines that go
    + the lines that come

The function after the comma is left out in mutants written by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deploy.tools.mutants.mutant import Change, Mutant
from deploy.tools.mutants.sources import Source

PLACE = re.compile(r"in (src/[\w/]+\.sol)(?:, ([\w.]+))?")


class BadList(Exception):
    """A list cannot be read, or no longer fits the sources; the message names the block."""


@dataclass(frozen=True)
class Block:
    """One entry of a list."""

    text: str
    file: str
    function: str
    change: Change

    def fits(self, mutant: Mutant) -> bool:
        return (self.file, self.function, self.change) == (mutant.file, mutant.function, mutant.change)


def read_blocks(path: Path) -> list[Block]:
    """Return the blocks of a list.

    Raises:
        BadList: if one has no text, no place or no change.
    """
    lines = [line.rstrip() for line in path.read_text().splitlines() if not line.startswith("#")]
    paragraphs = [part.split("\n") for part in re.split(r"\n\n+", "\n".join(lines).strip("\n")) if part]
    return [_block(paragraph, path) for paragraph in paragraphs]


def _block(lines: list[str], path: Path) -> Block:
    where = [number for number, line in enumerate(lines) if PLACE.fullmatch(line)]
    place = PLACE.fullmatch(lines[where[0]]) if where else None
    if place is None or not where[0]:
        raise BadList(f"{path.name}: this block needs a text and then `in src/File.sol`:\n" + "\n".join(lines))
    changes = lines[where[0] + 1 :]
    strange = [line for line in changes if line[:1] not in "-+"]
    removed, added = (tuple(line[1:].strip() for line in changes if line[0] == sign) for sign in "-+")
    if strange or not changes:
        raise BadList(f"{path.name}: after its place a block has lines with `-` and `+` only:\n" + "\n".join(lines))
    return Block(" ".join(lines[: where[0]]), place[1], place[2] or "", Change(removed, added))


def apply(block: Block, sources: dict[str, Source]) -> Mutant:
    """Return the mutant that a block written by hand describes.

    Raises:
        BadList: if its file is not there, or its fragment does not occur in it exactly once.
    """
    source = sources.get(block.file)
    if source is None:
        raise BadList(f"handwritten mutant {block.text!r}: there is no {block.file}")
    fragment = re.compile(r"\s+".join(re.escape(line) for line in block.change.removed))
    found = list(fragment.finditer(source.text))
    if len(found) != 1 or not block.change.removed:
        times = len(found)
        raise BadList(f"handwritten mutant {block.text!r}: its fragment occurs {times} times in {block.file}, not once")
    start, end = found[0].span()
    mutated = source.text[:start] + "\n".join(block.change.added) + source.text[end:]
    return Mutant(block.text, block.file, source.function_at(start), source.text, mutated)
