"""Receipts as nodes tell them with the root of their trie, for chains that exist in a test only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from earnest.chain.bloom import bloom_of
from earnest.chain.proofs.told import ToldReceipt, receipt_bytes, trie_key
from earnest.chain.proofs.trie import Trie
from earnest.payment.primitives import Hash32

Log = dict[str, Any]
"""A log as `eth_getLogs` tells it; what depends on the block's hash may be missing."""
GAS = 50_000


def sealed_receipts(txs: Iterable[tuple[Hash32, bool, Sequence[Log]]]) -> tuple[list[dict[str, Any]], Hash32]:
    """Return the receipts of a block's txs and their root; they are complete but for the block's hash and number.

    Args:
        txs: each with its hash, whether it succeeded, and its logs.
    """
    receipts = [
        {
            "type": "0x2",
            "status": hex(succeeded),
            "transactionHash": tx_hash,
            "transactionIndex": hex(index),
            "cumulativeGasUsed": hex(GAS * (index + 1)),
            "gasUsed": hex(GAS),
            "logsBloom": f"0x{bloom_of(value for log in logs for value in (log['address'], *log['topics'])):0512x}",
            "logs": list(logs),
        }
        for index, (tx_hash, succeeded, logs) in enumerate(txs)
    ]
    told = msgspec.convert(receipts, list[ToldReceipt])
    root = Trie({trie_key(index): receipt_bytes(each) for index, each in enumerate(told)}).root
    return receipts, Hash32("0x" + root.hex())


def told_receipts(receipts: Sequence[dict[str, Any]], logs: Iterable[Log]) -> list[dict[str, Any]]:
    """Return a block's receipts as a node tells them.

    Args:
        receipts: as sealed.
        logs: the block's, in their order, complete.
    """
    left = iter(logs)
    return [{**each, "logs": [next(left) for _ in each["logs"]]} for each in receipts]
