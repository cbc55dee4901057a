"""The committed lists of mutants: each entry still fits the sources, long before a run finds out."""

from __future__ import annotations

import pytest

from deploy.tools.mutants.blocks import Block, apply, read_blocks
from deploy.tools.mutants.sources import Source, source_texts
from deploy.tools.node import CONTRACTS

HANDWRITTEN = read_blocks(CONTRACTS / "mutants" / "handwritten.txt")
EQUIVALENT = read_blocks(CONTRACTS / "mutants" / "equivalent.txt")


@pytest.mark.parametrize("block", HANDWRITTEN, ids=lambda block: block.text)
def test_a_mutant_written_by_hand_fits_the_sources(block: Block) -> None:
    sources = {file: Source(file, text, {"nodes": []}) for file, text in source_texts(CONTRACTS).items()}
    mutant = apply(block, sources)
    assert mutant.mutated != mutant.original


@pytest.mark.parametrize("block", EQUIVALENT, ids=lambda block: f"{block.function}: {block.change.removed}")
def test_what_is_said_to_change_nothing_still_stands_in_the_sources(block: Block) -> None:
    lines = [line.strip() for line in source_texts(CONTRACTS)[block.file].splitlines()]
    assert set(block.change.removed) <= set(lines)
    assert block.function.split(".")[-1] in "".join(lines)


def test_no_two_written_by_hand_share_a_name() -> None:
    names = [block.text for block in HANDWRITTEN]
    assert sorted(set(names)) == sorted(names)
