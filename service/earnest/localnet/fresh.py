"""Opening a chain file, and furnishing it when it is fresh."""

from pathlib import Path

from earnest.localnet.node import Node
from earnest.localnet.pool import decode_tx
from earnest.localnet.tokens import DEV_TOKENS, has_artifacts, setup_txs


def open_node(path: Path | None, settle_seconds: float | None, test_tokens: bool) -> Node:
    """Open the chain in `path` (None: in memory only); block 1 of a fresh one holds the test tokens' setup."""
    node = Node(path, settle_seconds)
    try:
        if test_tokens and node.head.block_number == 0 and has_artifacts():
            for token in DEV_TOKENS:
                for raw in setup_txs(token):
                    node.pool.add(decode_tx(raw, node.ledger.decode_tx))
            node.mine()
    except BaseException:
        node.close()
        raise
    return node
