"""Whether what stands at an address is this version's escrow, and since when it stands there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from earnest.escrow.artifact import Artifact, load, wallet_code_hash
from earnest.escrow.create2 import PROXY
from earnest.escrow.deployment import Deployment, record_path
from earnest.escrow.errors import AnotherGenesis, CodeMismatch, NodeUnreachable, NothingAtAddress
from earnest.escrow.node import Node
from earnest.payment.primitives import Address, Hash32, keccak, to_bytes
from earnest.payment.typed_data import ESCROW_NAME, ESCROW_VERSION, Domain

_CHAIN_IDS_BELOW: Final = 2**64
"""Source: EIP-2294 bounds chain ids well below this."""


@dataclass(frozen=True, slots=True)
class Creation:
    """The block in which a contract appeared, and the tx and its sender if they could be told."""

    block_number: int
    block_hash: Hash32
    tx_hash: Hash32 | None
    deployer: Address | None


def check_code(artifact: Artifact, address: Address, chain_id: int, code: bytes) -> None:
    """Check that `code` is the artifact's, and that it was created on this very chain.

    Raises:
        CodeMismatch: it is not; the error says in what.
    """
    if not artifact.matches_runtime(code):
        expected, actual = len(artifact.runtime_bytecode), len(code)
        what = f"{actual} bytes instead of {expected}" if actual != expected else "other instructions"
        raise CodeMismatch(address, chain_id, what)
    values, ours = artifact.immutables(code), _immutables(address, chain_id)
    if _chain_word(chain_id) in values and values <= ours:
        return
    # The chain id at deployment is the one that ids depend on, and no hash or address is as small as that.
    others = sorted(each for each in values - ours if int.from_bytes(each, "big") < _CHAIN_IDS_BELOW)
    if others:
        raise CodeMismatch(
            address, chain_id, f"it was created on chain {int.from_bytes(others[0], 'big')}, before a fork"
        )
    raise CodeMismatch(address, chain_id, "its constructor was given other values")


def _immutables(address: Address, chain_id: int) -> set[bytes]:
    """Return all that an escrow's constructor may write into its code: what its EIP-712 domain and wallets need."""
    domain = Domain(ESCROW_NAME, ESCROW_VERSION, chain_id, address)
    words = {
        _chain_word(chain_id),
        bytes(12) + to_bytes(address),
        to_bytes(domain.separator),
        to_bytes(wallet_code_hash()),
    }
    for text in (ESCROW_NAME, ESCROW_VERSION):
        # A short text as the library keeps it: left-aligned, its length in the last byte.
        words |= {keccak(text.encode()), text.encode().ljust(31, b"\0") + bytes([len(text)])}
    return words


def _chain_word(chain_id: int) -> bytes:
    return chain_id.to_bytes(32, "big")


def verify_deployment(node: Node, recorded: Deployment, deployments_dir: Path) -> None:
    """Check that the chain has what is recorded.

    Raises:
        NothingAtAddress: there is no code, on a wiped chain for one.
        CodeMismatch: there is other code.
        AnotherGenesis: the code is right, and the chain is another one with the same id all the same.
    """
    path = record_path(deployments_dir, recorded.chain_id)
    code = node.code(recorded.address)
    if not code:
        raise NothingAtAddress(recorded.address, recorded.chain_id, path)
    check_code(load("Escrow"), recorded.address, recorded.chain_id, code)
    genesis, _ = node.block(0)
    if genesis != recorded.genesis_hash:
        raise AnotherGenesis(recorded.chain_id, recorded.genesis_hash, genesis, path)


def find_creation(node: Node, address: Address, proxy_input: bytes) -> Creation:
    """Find where a contract appeared, by halving the chain; where a node keeps no history, the first block stands in.

    The first block is always right to read logs from, only slow.
    """
    low, high = 0, node.head()
    try:
        while low < high:
            middle = (low + high) // 2
            if node.code(address, at=middle):
                high = middle
            else:
                low = middle + 1
    except NodeUnreachable:
        low = 0
    block_hash, txs = node.block(low)
    for tx in txs:
        if tx.to == PROXY and tx.data == proxy_input:
            return Creation(low, block_hash, tx.tx_hash, tx.sender)
    return Creation(low, block_hash, None, None)
