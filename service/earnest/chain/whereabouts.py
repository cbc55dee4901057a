"""Where our txs stand on the chain: what the node tells of each, gathered in an order that makes it provable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from earnest.chain.errors import NodeBehind
from earnest.chain.finality import final_number
from earnest.chain.node import Node, Receipt
from earnest.chain.sending import OutgoingTx
from earnest.chain.updates import Block
from earnest.payment.primitives import Address
from earnest.payment.record import BlockRef
from earnest.settings import FinalityRule


@dataclass(frozen=True, slots=True)
class View:
    """The chain at one look. `nonce` is the lowest nonce that the account had free at or before block `latest`."""

    latest: Block
    base_fee_per_gas: int
    final_number: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Mined:
    """One attempt of a tx stands in this block of the node's chain."""

    block: BlockRef
    succeeded: bool


def look(node: Node, account: Address, rule: FinalityRule) -> View:
    """Return the chain at one look: the nonce first, so that the newest block is not older than it."""
    nonce = node.tx_count(account)
    latest = node.header("latest")
    if latest is None:
        raise NodeBehind(f"the node at {node.endpoint} has no blocks yet")
    return View(latest.block, latest.base_fee_per_gas, final_number(node, rule, latest), nonce)


def find_mined(node: Node, txs: Sequence[OutgoingTx]) -> dict[str, Mined]:
    """Return, by tx id, those of which any attempt is mined on the node's chain."""
    hashes = [(tx.id, attempt.hash) for tx in txs for attempt in tx.attempts]
    receipts = node.receipts([each for _, each in hashes])
    found = {tx_id: receipt for (tx_id, _), receipt in zip(hashes, receipts, strict=True) if receipt is not None}
    blocks = {
        number: header.block
        for number in sorted({receipt.block_number for receipt in found.values()})
        if (header := node.header(number)) is not None
    }
    return {
        tx_id: mined
        for tx_id, receipt in found.items()
        if (mined := _mined(receipt, blocks.get(receipt.block_number))) is not None
    }


def _mined(receipt: Receipt, block: Block | None) -> Mined | None:
    """Return where a receipt stands; None where its block is not the chain's own, which a reorg in between can do."""
    if block is None or block.hash != receipt.block_hash:
        return None
    return Mined(BlockRef(block.number, block.hash, block.timestamp), receipt.succeeded)
