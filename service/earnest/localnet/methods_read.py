"""JSON-RPC methods that only read: `eth_…`, `net_…`, `web3_…`."""

from typing import Any

from eth.abc import SignedTransactionAPI
from eth_utils.crypto import keccak

from earnest import __version__
from earnest.localnet import params as read
from earnest.localnet.accounts import dev_accounts
from earnest.localnet.blocks import find_header, number_of, state_header
from earnest.localnet.execute import call, estimate_gas
from earnest.localnet.facts import CHAIN_ID
from earnest.localnet.ledger import Block
from earnest.localnet.logs import get_logs
from earnest.localnet.node import Node
from earnest.localnet.tx_requests import SUGGESTED_TIP_WEI, call_request, state_overrides
from earnest.localnet.wire import (
    base_fee_of,
    block_object,
    effective_gas_price,
    hex_bytes,
    hex_quantity,
    hex_word,
    receipt_object,
    tx_object,
)

CLIENT_VERSION = f"earnest/{__version__} (embedded; py-evm, prague)"
_MAX_FEE_HISTORY_BLOCKS = 1024

Params = list[Any]


def chain_id(_node: Node, _params: Params) -> str:
    return hex_quantity(CHAIN_ID)


def net_version(_node: Node, _params: Params) -> str:
    return str(CHAIN_ID)


def client_version(_node: Node, _params: Params) -> str:
    return CLIENT_VERSION


def no(_node: Node, _params: Params) -> bool:
    return False


def yes(_node: Node, _params: Params) -> bool:
    return True


def sha3(_node: Node, params: Params) -> str:
    return hex_bytes(keccak(read.byte_string(read.nth(params, 0, "data"), "data")))


def accounts(_node: Node, _params: Params) -> list[str]:
    return [account.address for account in dev_accounts()]


def block_number(node: Node, _params: Params) -> str:
    return hex_quantity(node.head.block_number)


def gas_price(node: Node, _params: Params) -> str:
    return hex_quantity(base_fee_of(node.pending_header()) + SUGGESTED_TIP_WEI)


def max_priority_fee(_node: Node, _params: Params) -> str:
    return hex_quantity(SUGGESTED_TIP_WEI)


def blob_base_fee(_node: Node, _params: Params) -> str:
    return "0x1"


def get_block(node: Node, params: Params) -> dict[str, Any] | None:
    wanted = read.nth(params, 0, "block")
    full_txs = bool(read.optional(params, 1, False))
    if wanted == "pending":
        return _pending_block(node, full_txs)
    header = find_header(node, wanted)
    return None if header is None else block_object(node.ledger.block(header), full_txs)


def block_tx_count(node: Node, params: Params) -> str | None:
    block = _find_block(node, params)
    return None if block is None else hex_quantity(len(block.txs))


def get_block_receipts(node: Node, params: Params) -> list[dict[str, Any]] | None:
    block = _find_block(node, params)
    return None if block is None else [receipt_object(block, index) for index in range(len(block.txs))]


def tx_by_place(node: Node, params: Params) -> dict[str, Any] | None:
    block = _find_block(node, params)
    index = read.quantity(read.nth(params, 1, "index"), "index")
    return None if block is None or index >= len(block.txs) else tx_object(block.txs[index], block, index)


def tx_by_hash(node: Node, params: Params) -> dict[str, Any] | None:
    tx_hash = _hash(params)
    found = node.ledger.find_tx(tx_hash)
    if found is not None:
        block, index = found
        return tx_object(block.txs[index], block, index)
    waiting = node.pool.get(tx_hash)
    return None if waiting is None else tx_object(waiting, None, None)


def raw_tx_by_hash(node: Node, params: Params) -> str | None:
    tx_hash = _hash(params)
    found = node.ledger.find_tx(tx_hash)
    tx: SignedTransactionAPI | None = found[0].txs[found[1]] if found else node.pool.get(tx_hash)
    return None if tx is None else hex_bytes(tx.encode())


def receipt(node: Node, params: Params) -> dict[str, Any] | None:
    found = node.ledger.find_tx(_hash(params))
    return None if found is None else receipt_object(*found)


def tx_count(node: Node, params: Params) -> str:
    account = read.address(read.nth(params, 0, "address"), "address")
    block = read.optional(params, 1, "latest")
    if block == "pending":
        return hex_quantity(node.pool.next_nonce(account, node.account(account).nonce))
    return hex_quantity(node.ledger.facts_at(state_header(node, block)).get_nonce(account))


def balance(node: Node, params: Params) -> str:
    account = read.address(read.nth(params, 0, "address"), "address")
    return hex_quantity(node.ledger.facts_at(_state_header(node, params, 1)).get_balance(account))


def code(node: Node, params: Params) -> str:
    account = read.address(read.nth(params, 0, "address"), "address")
    return hex_bytes(node.ledger.facts_at(_state_header(node, params, 1)).get_code(account))


def storage_at(node: Node, params: Params) -> str:
    account = read.address(read.nth(params, 0, "address"), "address")
    slot = read.quantity(read.nth(params, 1, "slot"), "slot")
    return hex_word(node.ledger.facts_at(_state_header(node, params, 2)).get_storage(account, slot))


def eth_call(node: Node, params: Params) -> str:
    request = call_request(read.mapping(read.nth(params, 0, "call"), "call"))
    prepare = state_overrides(read.mapping(read.optional(params, 2, {}), "state overrides"))
    return hex_bytes(call(node.ledger, request, _state_header(node, params, 1), prepare))


def eth_estimate_gas(node: Node, params: Params) -> str:
    request = call_request(read.mapping(read.nth(params, 0, "call"), "call"))
    # What is estimated will run in the block to come, whose time may lie far ahead of the newest one's.
    header = state_header(node, read.optional(params, 1, "pending"))
    prepare = state_overrides(read.mapping(read.optional(params, 2, {}), "state overrides"))
    return hex_quantity(estimate_gas(node.ledger, request, header, prepare))


def logs(node: Node, params: Params) -> list[dict[str, Any]]:
    return get_logs(node, read.mapping(read.nth(params, 0, "filter"), "filter"))


def fee_history(node: Node, params: Params) -> dict[str, Any]:
    count = read.quantity(read.nth(params, 0, "block count"), "block count")
    newest = min(number_of(node, read.nth(params, 1, "newest block")), node.head.block_number)
    percentiles = read.listing(read.optional(params, 2, []), "reward percentiles")
    first = max(0, newest - min(count, _MAX_FEE_HISTORY_BLOCKS) + 1)
    headers = [header for n in range(first, newest + 1) if (header := node.ledger.header_at(n)) is not None]
    after = node.ledger.header_at(newest + 1) or node.pending_header()
    history: dict[str, Any] = {
        "oldestBlock": hex_quantity(first),
        "baseFeePerGas": [hex_quantity(base_fee_of(header)) for header in (*headers, after)],
        "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
        "baseFeePerBlobGas": ["0x1"] * (len(headers) + 1),
        "blobGasUsedRatio": [0.0] * len(headers),
    }
    if percentiles:
        history["reward"] = [_rewards(node.ledger.block(header), percentiles) for header in headers]
    return history


def _rewards(block: Block, percentiles: list[Any]) -> list[str]:
    base_fee = base_fee_of(block.header)
    paid = sorted(
        (effective_gas_price(tx, base_fee) - base_fee, block.gas_used_by(i)) for i, tx in enumerate(block.txs)
    )
    return [hex_quantity(_reward_at(paid, block.header.gas_used * float(percent) / 100)) for percent in percentiles]


def _reward_at(paid: list[tuple[int, int]], gas_before: float) -> int:
    reached = 0
    for tip, gas in paid:
        reached += gas
        if reached >= gas_before:
            return tip
    return paid[-1][0] if paid else 0


def _pending_block(node: Node, full_txs: bool) -> dict[str, Any]:
    header = node.pending_header()
    shown = block_object(Block(header, (), ()), full_txs)
    txs = [tx_object(tx, None, None) if full_txs else hex_bytes(tx.hash) for tx in node.pool]
    return shown | {"hash": None, "nonce": None, "miner": None, "logsBloom": None, "transactions": txs}


def _find_block(node: Node, params: Params) -> Block | None:
    wanted = read.nth(params, 0, "block")
    header = None if wanted == "pending" else find_header(node, wanted)
    return None if header is None else node.ledger.block(header)


def _state_header(node: Node, params: Params, index: int) -> Any:
    return state_header(node, read.optional(params, index, "latest"))


def _hash(params: Params) -> bytes:
    return read.byte_string(read.nth(params, 0, "transaction hash"), "transaction hash", 32)


METHODS = {
    "eth_chainId": chain_id,
    "net_version": net_version,
    "net_listening": yes,
    "web3_clientVersion": client_version,
    "web3_sha3": sha3,
    "eth_syncing": no,
    "eth_mining": no,
    "eth_accounts": accounts,
    "eth_blockNumber": block_number,
    "eth_gasPrice": gas_price,
    "eth_maxPriorityFeePerGas": max_priority_fee,
    "eth_blobBaseFee": blob_base_fee,
    "eth_feeHistory": fee_history,
    "eth_getBlockByNumber": get_block,
    "eth_getBlockByHash": get_block,
    "eth_getBlockTransactionCountByNumber": block_tx_count,
    "eth_getBlockTransactionCountByHash": block_tx_count,
    "eth_getBlockReceipts": get_block_receipts,
    "eth_getTransactionByHash": tx_by_hash,
    "eth_getTransactionByBlockNumberAndIndex": tx_by_place,
    "eth_getTransactionByBlockHashAndIndex": tx_by_place,
    "eth_getRawTransactionByHash": raw_tx_by_hash,
    "eth_getTransactionReceipt": receipt,
    "eth_getTransactionCount": tx_count,
    "eth_getBalance": balance,
    "eth_getCode": code,
    "eth_getStorageAt": storage_at,
    "eth_call": eth_call,
    "eth_estimateGas": eth_estimate_gas,
    "eth_getLogs": logs,
}
