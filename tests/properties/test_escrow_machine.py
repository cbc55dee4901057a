"""The compiled escrow beside the pure rules: whatever is called, by whomever and whenever, the two agree.

What agrees after each step: whether a call succeeds, and by which error with which values it does not; what the escrow
tells, and so the fold of it; each payment's slot and held amount; every balance and credit; and that what
`payment.actions` offers is exactly what succeeds. `python -m tests.properties.escrow_machine` makes deeper runs.
"""

from __future__ import annotations

import os

from earnest.escrow.artifact import load
from tests.properties.escrow_machine.drive import drive
from tests.properties.escrow_machine.stage import START, build
from tests.support.evm_mined import MinedChain
from tests.support.evm_revm import RevmChain

LONG = os.environ.get("EARNEST_TEST_LONG") == "1"


def test_escrow_and_pure_rules_agree_at_every_step() -> None:
    figures = drive(build(RevmChain(START), load()), runs=4_000 if LONG else 30, steps=50)
    assert figures.calls > 20 * figures.runs
    assert any(name.startswith("PaymentFunded") for name in figures.seen)


def test_escrow_and_pure_rules_agree_in_mined_blocks() -> None:
    figures = drive(build(MinedChain(START), load()), runs=60 if LONG else 3, steps=30, tries_always=False)
    assert figures.calls > 0
