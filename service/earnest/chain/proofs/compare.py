"""What no proof can say by itself, and a node of the reader's own can: whether its blocks are the chain's."""

from __future__ import annotations

from earnest.chain.errors import MalformedAnswer, RpcError
from earnest.chain.node import Node
from earnest.chain.proofs.check import Note, Proven
from earnest.chain.proofs.errors import Layer, ProofBroken
from earnest.chain.proofs.told import to_raw
from earnest.payment.primitives import Address


def compare_with_node(proven: Proven, node: Node, note: Note) -> None:
    """Compare a proof's blocks with a node's, and tell how deep they lie.

    Args:
        proven: what `check_proof` returned.
        node: the node to be believed.
        note: is told each thing that agrees.

    Raises:
        ProofBroken: the node is on another chain, or has another block at one of the heights.
        NodeUnavailable, RpcError: it does not answer.
    """
    chain_id = node.chain_id()
    if chain_id != proven.chain_id:
        raise ProofBroken(Layer.CHAIN, "the node", f"it is on chain {chain_id}, and the proof is of {proven.chain_id}")
    final = _final(node)
    headers = node.headers([each.number for each in proven.blocks])
    for block, header in zip(proven.blocks, headers, strict=True):
        where = f"block {block.number}"
        if header is None:
            raise ProofBroken(Layer.CHAIN, where, f"{node.endpoint} does not have it: it lags, or the block is made up")
        if header.block.hash != block.hash:
            raise ProofBroken(
                Layer.CHAIN, where, f"{node.endpoint} has {header.block.hash} there: a reorg, or the proof is made up"
            )
        if final is None:
            told = "it does not tell which blocks are final"
        else:
            told = "final" if block.number <= final else "not final yet"
        note(Layer.CHAIN, f"{where}: {node.endpoint} has the same one, {told}")


def code_at(escrow: Address, node: Node) -> bytes:
    """Return the code that a node has at an address; raises `NodeUnavailable` or `RpcError`."""
    answer: str = node.call("eth_getCode", (escrow, "latest"), str)
    try:
        return to_raw(answer)
    except ValueError as error:
        raise MalformedAnswer(node.endpoint, f"told code that cannot be read: {error}") from None


def _final(node: Node) -> int | None:
    try:
        header = node.header("finalized")
    except RpcError:
        return None
    return header.block.number if header else None
