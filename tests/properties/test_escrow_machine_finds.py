"""The machine that never finds anything proves nothing: here it meets escrows that are broken on purpose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from earnest.escrow.artifact import load
from tests.properties.escrow_machine.breaks import BREAKS, Break, broken, broken_text
from tests.properties.escrow_machine.drive import drive
from tests.properties.escrow_machine.stage import START, build
from tests.support.evm_revm import RevmChain
from tests.support.solidity import ROOT

# Each is compiled, which takes its time; the deep run has them all.
TRIED = BREAKS if os.environ.get("EARNEST_TEST_LONG") == "1" else BREAKS[:1]


@pytest.mark.parametrize("what", BREAKS, ids=lambda what: what.name)
def test_a_break_fits_the_sources(what: Break) -> None:
    assert broken_text(what) != (ROOT / "src" / f"{what.source}.sol").read_text("utf-8")


@pytest.mark.parametrize("what", TRIED, ids=lambda what: what.name)
def test_a_broken_escrow_is_found(what: Break, tmp_path: Path) -> None:
    artifact = broken(what, tmp_path)
    assert artifact.bytecode != load().bytecode
    stage = build(RevmChain(START), artifact)
    with pytest.raises(AssertionError, match=r"the rules|trying it|expected"):
        drive(stage, runs=1_000, steps=60, shrinks=False)
