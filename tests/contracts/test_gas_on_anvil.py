"""The figures of `make gas` are the EVM's, not py-evm's: anvil finds the same, to the unit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from earnest.escrow.artifact import load
from tests.benchmarks.gas.anvil import AnvilChain
from tests.benchmarks.gas.measure import measure
from tests.benchmarks.gas.operations import BOUNDED
from tests.benchmarks.gas.people import START
from tests.benchmarks.gas.world import CODE, KEYS, py_evm
from tests.support.anvil import find_anvil, running_anvil


@pytest.fixture
def anvil() -> Iterator[AnvilChain]:
    program = find_anvil()
    if program is None:
        pytest.skip("MISSING: anvil (npm ci in contracts/)")
    with running_anvil(program, "--timestamp", str(START)) as url, closing(AnvilChain(url, KEYS, CODE, START)) as chain:
        yield chain


def test_anvil_finds_the_same_gas_as_py_evm(anvil: AnvilChain) -> None:
    operations = [each for each in BOUNDED if each.each == 1]
    here = measure(load().bytecode, operations, py_evm())
    there = measure(load().bytecode, operations, anvil, remembers=False)
    assert [(row.ours, row.floor) for row in there] == [(row.ours, row.floor) for row in here]
    assert all(row.ours for row in here)
