"""`eth_getProof`: an account and slots of its storage, with the nodes that prove them. Source: EIP-1186."""

from collections.abc import Sequence
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth.constants import BLANK_ROOT_HASH, EMPTY_SHA3
from eth.rlp.accounts import Account
from eth_utils.crypto import keccak

from earnest.localnet import params as read
from earnest.localnet.blocks import state_header
from earnest.localnet.ledger import Ledger
from earnest.localnet.node import Node
from earnest.localnet.wire import hex_bytes, hex_quantity

_MAX_SLOTS = 1_024
"""As geth's limit for one question."""


def get_proof(node: Node, params: list[Any]) -> dict[str, Any]:
    """Answer for the accounts and slots that are empty, too: then the nodes prove that nothing is there."""
    address = read.address(read.nth(params, 0, "address"), "address")
    keys = read.listing(read.nth(params, 1, "storage keys"), "storage keys")
    if len(keys) > _MAX_SLOTS:
        read.refuse(f"at most {_MAX_SLOTS} storage keys at once, not {len(keys)}")
    header = state_header(node, read.optional(params, 2, "latest"))
    nodes = node.ledger.state_nodes(header.state_root, keccak(address))
    account = _account(node.ledger.state_value(header.state_root, keccak(address)))
    return {
        "address": hex_bytes(address),
        "accountProof": _hexed(nodes),
        "balance": hex_quantity(account.balance),
        "codeHash": hex_bytes(account.code_hash),
        "nonce": hex_quantity(account.nonce),
        "storageHash": hex_bytes(account.storage_root),
        "storageProof": [_slot(node.ledger, account.storage_root, key) for key in keys],
    }


def _slot(ledger: Ledger, root: bytes, key: Any) -> dict[str, Any]:
    hashed = keccak(read.quantity(key, "storage key").to_bytes(32, "big"))
    value = ledger.state_value(root, hashed)
    return {
        "key": key,
        "value": hex_quantity(int.from_bytes(rlp.decode(value), "big") if value else 0),
        "proof": _hexed(ledger.state_nodes(root, hashed)),
    }


def _account(value: bytes) -> Account:
    empty = Account(nonce=0, balance=0, storage_root=BLANK_ROOT_HASH, code_hash=EMPTY_SHA3)
    account: Account = rlp.decode(value, sedes=Account) if value else empty
    return account


def _hexed(nodes: Sequence[Any]) -> list[str]:
    """Return nodes as geth tells them: the root, and each that stands in its parent by its hash."""
    encoded = [rlp.encode(each) for each in nodes]
    return [hex_bytes(each) for place, each in enumerate(encoded) if place == 0 or len(each) >= 32]


METHODS = {"eth_getProof": get_proof}
