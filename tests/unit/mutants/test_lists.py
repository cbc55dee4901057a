"""The committed lists of mutants: each entry written by hand still fits the sources, long before a run finds out."""

from __future__ import annotations

import pytest

from deploy.tools.mutants.blocks import Block, apply, read_blocks
from deploy.tools.mutants.sources import Source, source_texts
from deploy.tools.node import CONTRACTS

HANDWRITTEN = read_blocks(CONTRACTS / "mutants" / "handwritten.txt")


@pytest.mark.parametrize("block", HANDWRITTEN, ids=lambda block: block.text)
def test_a_mutant_written_by_hand_fits_the_sources(block: Block) -> None:
    sources = {file: Source(file, text, {"nodes": []}) for file, text in source_texts(CONTRACTS).items()}
    mutant = apply(block, sources)
    assert mutant.mutated != mutant.original


def test_no_two_written_by_hand_share_a_name() -> None:
    names = [block.text for block in HANDWRITTEN]
    assert sorted(set(names)) == sorted(names)
