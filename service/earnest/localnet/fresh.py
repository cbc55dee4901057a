"""Opening a chain file, and furnishing it when it is fresh."""

from pathlib import Path

from earnest.localnet.node import Node
from earnest.localnet.pool import decode_tx
from earnest.localnet.tokens import has_artifact, setup_txs


def open_node(path: Path | None, settle_seconds: float | None, test_token: bool) -> Node:
    """Open the chain in `path` (None: in memory only); block 1 of a fresh one holds the test token's setup."""
    node = Node(path, settle_seconds)
    try:
        if test_token and node.head.block_number == 0 and has_artifact():
            for raw in setup_txs():
                node.pool.add(decode_tx(raw, node.ledger.decode_tx))
            node.mine()
    except BaseException:
        node.close()
        raise
    return node
