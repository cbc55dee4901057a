"""The chain that users put under their own tests, on the embedded node and on anvil: it mines, settles, reorganises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from earnest.chain.errors import RpcError
from earnest.payment.primitives import Address
from earnest.testing.dev_chain import DevChain, Keep
from tests.support.anvil import find_anvil


@dataclass(frozen=True)
class Transfer:
    """A plain transfer of coin."""

    to: Address
    value: int
    chain_id: int
    data: str = "0x"


@pytest.fixture(params=["embedded", "anvil"])
def chain(request: pytest.FixtureRequest) -> Iterator[DevChain]:
    if request.param == "embedded":
        with DevChain.embedded() as chain:
            yield chain
        return
    program = find_anvil()
    if program is None:
        pytest.skip("MISSING: anvil (npm ci in contracts/)")
    with DevChain.anvil(program) as chain:
        yield chain


def pay(chain: DevChain) -> str:
    to = Address(chain.accounts[5].address)
    return chain.send(Transfer(to, 7, chain.chain_id), by=chain.accounts[2]).tx_hash


def mined(chain: DevChain, tx_hash: str) -> bool:
    return chain.node.receipts([tx_hash])[0] is not None  # type: ignore[list-item]


def test_a_reorg_keeps_the_payments_or_not(chain: DevChain) -> None:
    chain.mine(3)
    first, second = pay(chain), pay(chain)
    old = chain.head
    assert chain.reorg(2, keep=Keep.ALL).number == old.number + 1
    header = chain.node.header(old.number)
    assert header is not None
    assert header.block != old
    assert mined(chain, first)
    assert mined(chain, second)
    head = chain.reorg(3, keep=Keep.NONE, longer_by=0)
    assert head.number == old.number + 1
    assert not mined(chain, first)


def test_payments_come_back_later(chain: DevChain) -> None:
    chain.mine(3)
    paid = pay(chain)
    height = chain.head.number
    chain.mine()
    chain.reorg(2, keep=Keep.LATER, longer_by=0)
    (receipt,) = chain.node.receipts([paid])  # type: ignore[list-item]
    assert receipt is not None
    assert receipt.block_number == height + 1


def test_time_passes_and_blocks_become_final(chain: DevChain) -> None:
    before = chain.head
    assert chain.wait(3_600).timestamp >= before.timestamp + 3_600
    settled = chain.settle()
    final = chain.final
    assert final is not None
    assert final.number >= settled.number


def test_a_snapshot_is_gone_back_to(chain: DevChain) -> None:
    here, snapshot = chain.head, chain.snapshot()
    paid = pay(chain)
    chain.revert(snapshot)
    assert chain.head == here
    assert not mined(chain, paid)


def test_the_embedded_chain_takes_back_nothing_final() -> None:
    with DevChain.embedded() as chain:
        chain.mine(10)
        with pytest.raises(RpcError, match="final"):
            chain.reorg(9)
