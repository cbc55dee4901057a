"""The escrow's breaks, one for each property of the invariant tests: each still fits the sources."""

from __future__ import annotations

import re

import pytest

from deploy.tools.mutants.blocks import apply
from deploy.tools.mutants.sources import Source, source_texts
from deploy.tools.node import CONTRACTS
from tests.mutation.broken import read_breaks

BREAKS = read_breaks()


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_fits_the_sources(name: str) -> None:
    sources = {file: Source(file, text, {"nodes": []}) for file, text in source_texts(CONTRACTS).items()}
    mutant = apply(BREAKS[name], sources)
    assert mutant.mutated != mutant.original


def test_every_property_has_its_break() -> None:
    books = (CONTRACTS / "test" / "invariants" / "Books.sol").read_text("utf-8")
    found = re.search(r"enum Property \{([^}]*)\}", books)
    assert found is not None
    assert list(BREAKS) == found[1].replace(",", " ").split()
