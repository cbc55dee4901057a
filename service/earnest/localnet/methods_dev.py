"""JSON-RPC methods that only a development chain has, under the names and forms of anvil."""

from collections import defaultdict
from typing import Any

from eth.abc import SignedTransactionAPI
from eth_typing import Address

from earnest import __version__
from earnest.localnet import params as read
from earnest.localnet.facts import CHAIN_ID
from earnest.localnet.node import FINAL_DEPTH_BLOCKS, SAFE_DEPTH_BLOCKS, Mining, Node
from earnest.localnet.pool import decode_tx
from earnest.localnet.tx_requests import signed_tx
from earnest.localnet.wire import hex_bytes, hex_quantity

_MAX_BLOCKS_AT_ONCE = 10_000
"""About half a minute of work: more in one call would look like a hang."""

Params = list[Any]


def node_info(node: Node, _params: Params) -> dict[str, Any]:
    """What this chain is, for clients that treat the embedded one apart."""
    genesis = node.ledger.header_at(0)
    return {
        "kind": "embedded",
        "version": __version__,
        "chainId": hex_quantity(CHAIN_ID),
        "genesisHash": hex_bytes(genesis.hash) if genesis else None,
        "head": {"number": hex_quantity(node.head.block_number), "hash": hex_bytes(node.head.hash)},
        "offset": node.clock.offset_seconds,
        "nextBlockTimestamp": node.clock.next_timestamp,
        "mining": str(node.mining),
        "pending": len(node.pool),
        "safeDepth": SAFE_DEPTH_BLOCKS,
        "finalDepth": FINAL_DEPTH_BLOCKS,
    }


def increase_time(node: Node, params: Params) -> int:
    node.move_clock(read.seconds(read.nth(params, 0, "seconds"), "seconds"))
    return node.clock.offset_seconds


def set_time(node: Node, params: Params) -> int:
    target = read.seconds(read.nth(params, 0, "timestamp"), "timestamp")
    node.move_clock(target - node.wall_seconds() - node.clock.offset_seconds)
    return node.clock.offset_seconds


def set_next_timestamp(node: Node, params: Params) -> None:
    node.set_next_timestamp(read.quantity(read.nth(params, 0, "timestamp"), "timestamp"))


def evm_mine(node: Node, params: Params) -> str:
    options = read.optional(params, 0)
    count = 1
    if isinstance(options, dict):
        count = _count(options.get("blocks") or 1)
        options = options.get("timestamp")
    if options is not None:
        node.set_next_timestamp(read.quantity(options, "timestamp"))
    node.mine(count)
    return "0x0"


def anvil_mine(node: Node, params: Params) -> None:
    step = read.optional(params, 1)
    node.mine(
        _count(read.optional(params, 0, 1)), step_seconds=None if step is None else read.quantity(step, "interval")
    )


def set_automine(node: Node, params: Params) -> None:
    on = read.flag(read.nth(params, 0, "on"), "on")
    node.set_mining(Mining.AUTO if on else Mining.NONE)
    if on and len(node.pool):
        node.mine()


def set_interval(node: Node, params: Params) -> None:
    interval = read.quantity(read.nth(params, 0, "seconds"), "seconds")
    node.set_mining(Mining.INTERVAL if interval else Mining.NONE, float(interval))


def reorg(node: Node, params: Params) -> None:
    depth = read.quantity(read.nth(params, 0, "depth"), "depth")
    txs_at: defaultdict[int, list[SignedTransactionAPI]] = defaultdict(list)
    nonces = _NoncesAfter(node, depth)
    for pair in read.listing(read.optional(params, 1, []), "txs"):
        if not isinstance(pair, list) or len(pair) != 2:
            read.refuse(f"each tx must be an array of the tx and its block's offset, not {pair!r}")
        offset = read.quantity(pair[1], "offset")
        if offset >= depth:
            read.refuse(f"offset {offset} lies beyond the {depth} new blocks")
        txs_at[offset].append(_given_tx(node, pair[0], nonces))
    node.reorg(depth, txs_at, force=read.flag(read.optional(params, 2, False), "force"))


def rollback(node: Node, params: Params) -> None:
    depth = read.quantity(read.optional(params, 0, 1), "depth")
    node.rollback(depth, force=read.flag(read.optional(params, 1, False), "force"))


def snapshot(node: Node, _params: Params) -> str:
    return hex_quantity(node.snapshot())


def revert(node: Node, params: Params) -> bool:
    return node.revert(read.quantity(read.nth(params, 0, "snapshot"), "snapshot"))


def set_balance(node: Node, params: Params) -> None:
    account = read.address(read.nth(params, 0, "address"), "address")
    wei = read.quantity(read.nth(params, 1, "balance"), "balance")
    node.change_state(lambda state: state.set_balance(account, wei))


def set_nonce(node: Node, params: Params) -> None:
    account = read.address(read.nth(params, 0, "address"), "address")
    nonce = read.quantity(read.nth(params, 1, "nonce"), "nonce")
    node.change_state(lambda state: state.set_nonce(account, nonce))


def set_code(node: Node, params: Params) -> None:
    account = read.address(read.nth(params, 0, "address"), "address")
    code = read.byte_string(read.nth(params, 1, "code"), "code")
    node.change_state(lambda state: state.set_code(account, code))


def set_storage(node: Node, params: Params) -> bool:
    account = read.address(read.nth(params, 0, "address"), "address")
    slot = read.quantity(read.nth(params, 1, "slot"), "slot")
    value = read.quantity(read.nth(params, 2, "value"), "value")
    node.change_state(lambda state: state.set_storage(account, slot, value))
    return True


def drop_tx(node: Node, params: Params) -> str | None:
    tx_hash = read.byte_string(read.nth(params, 0, "transaction hash"), "transaction hash", 32)
    waiting = node.pool.get(tx_hash)
    if waiting is None:
        return None
    node.pool.remove(waiting)
    return hex_bytes(tx_hash)


def _count(value: Any) -> int:
    count = read.quantity(value, "blocks")
    if count > _MAX_BLOCKS_AT_ONCE:
        read.refuse(f"at most {_MAX_BLOCKS_AT_ONCE} blocks at once, not {count}")
    return count


class _NoncesAfter:
    """The nonces that senders have once `depth` blocks are dropped, counted on as their txs are listed."""

    def __init__(self, node: Node, depth: int) -> None:
        ancestor = node.ledger.header_at(max(0, node.head.block_number - depth))
        self._state = node.ledger.state_at(ancestor or node.head)
        self._used: defaultdict[Address, int] = defaultdict(int)

    def use(self, sender: Address) -> int:
        """Return the sender's nonce and count one on."""
        self._used[sender] += 1
        return self._state.get_nonce(sender) + self._used[sender] - 1


def _given_tx(node: Node, given: Any, nonces: _NoncesAfter) -> SignedTransactionAPI:
    if isinstance(given, str):
        tx = decode_tx(read.byte_string(given, "raw transaction"), node.ledger.decode_tx)
        nonces.use(tx.sender)
        return tx
    fields = read.mapping(given, "transaction")
    nonce = nonces.use(read.address(fields.get("from"), "from"))
    return signed_tx(node, {"nonce": nonce} | fields)


METHODS = {
    "earnest_nodeInfo": node_info,
    "evm_increaseTime": increase_time,
    "anvil_increaseTime": increase_time,
    "evm_setTime": set_time,
    "anvil_setTime": set_time,
    "evm_setNextBlockTimestamp": set_next_timestamp,
    "anvil_setNextBlockTimestamp": set_next_timestamp,
    "evm_mine": evm_mine,
    "anvil_mine": anvil_mine,
    "evm_setAutomine": set_automine,
    "anvil_setAutomine": set_automine,
    "evm_setIntervalMining": set_interval,
    "anvil_setIntervalMining": set_interval,
    "anvil_reorg": reorg,
    "anvil_rollback": rollback,
    "evm_snapshot": snapshot,
    "evm_revert": revert,
    "anvil_setBalance": set_balance,
    "anvil_setNonce": set_nonce,
    "anvil_setCode": set_code,
    "anvil_setStorageAt": set_storage,
    "anvil_dropTransaction": drop_tx,
}
