"""Which block a caller means: numbers, tags, hashes, and EIP-1898 objects."""

from typing import Any

from eth.abc import BlockHeaderAPI

from earnest.localnet import params as read
from earnest.localnet.errors import SERVER_ERROR, RpcError
from earnest.localnet.node import Node

_TAGS = ("latest", "earliest", "pending", "safe", "finalized")


def number_of(node: Node, block: Any) -> int:
    """Return the number that a tag or a quantity names; `pending` is the one after the head."""
    if block in _TAGS:
        head = node.head.block_number
        numbers = {
            "latest": head,
            "earliest": 0,
            "pending": head + 1,
            "safe": node.safe_number,
            "finalized": node.finalized_number,
        }
        return numbers[block]
    return read.quantity(block, "block")


def find_header(node: Node, block: Any) -> BlockHeaderAPI | None:
    """Return the header of a block that exists; `pending` is one built now. None if there is no such block."""
    if block == "pending":
        return node.pending_header()
    if isinstance(block, dict):
        if "blockHash" in block:
            return node.ledger.header_of(read.byte_string(block["blockHash"], "blockHash", 32))
        return node.ledger.header_at(number_of(node, block.get("blockNumber")))
    if isinstance(block, str) and len(block) == 66:
        return node.ledger.header_of(read.byte_string(block, "block", 32))
    return node.ledger.header_at(number_of(node, block))


def state_header(node: Node, block: Any) -> BlockHeaderAPI:
    """Return the header whose state is asked for. Raises `RpcError` ("header not found") if there is none."""
    header = find_header(node, "latest" if block is None else block)
    if header is None:
        raise RpcError(SERVER_ERROR, f"header not found: {block!r} (the newest block is {node.head.block_number})")
    return header
