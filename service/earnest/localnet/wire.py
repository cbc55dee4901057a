"""How headers, txs, receipts and logs look on the wire: the field names and hex forms that geth and anvil answer."""

from typing import Any, cast

import rlp  # type: ignore[import-untyped]
from eth.abc import BlockHeaderAPI, LogAPI, SignedTransactionAPI
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth_utils.crypto import keccak

from earnest.localnet.ledger import Block

_SET_CODE_TYPE = 4
_DYNAMIC_FEE_TYPE = 2


def hex_quantity(number: int) -> str:
    """Return a number as JSON-RPC writes quantities: no leading zeros."""
    return hex(number)


def hex_bytes(value: bytes) -> str:
    """Return bytes as `0x…`, lower case."""
    return "0x" + value.hex()


def hex_word(number: int) -> str:
    """Return a number as 32 bytes."""
    return "0x" + number.to_bytes(32, "big").hex()


def hex_bloom(bloom: int) -> str:
    """Return a bloom filter as its 256 bytes."""
    return "0x" + bloom.to_bytes(256, "big").hex()


def block_object(block: Block, full_txs: bool) -> dict[str, Any]:
    """Return a block as `eth_getBlockBy…` answers it, with whole txs or their hashes."""
    header = block.header
    txs: list[Any] = (
        [tx_object(tx, block, index) for index, tx in enumerate(block.txs)]
        if full_txs
        else [hex_bytes(tx.hash) for tx in block.txs]
    )
    return header_object(header) | {
        "size": hex_quantity(block.size),
        "uncles": [],
        "transactions": txs,
        "withdrawals": [],
    }


def header_object(header: BlockHeaderAPI) -> dict[str, Any]:
    """Return the fields of a header."""
    return {
        "number": hex_quantity(header.block_number),
        "hash": hex_bytes(header.hash),
        "parentHash": hex_bytes(header.parent_hash),
        "sha3Uncles": hex_bytes(header.uncles_hash),
        "miner": hex_bytes(header.coinbase),
        "stateRoot": hex_bytes(header.state_root),
        "transactionsRoot": hex_bytes(header.transaction_root),
        "receiptsRoot": hex_bytes(header.receipt_root),
        "logsBloom": hex_bloom(header.bloom),
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "gasLimit": hex_quantity(header.gas_limit),
        "gasUsed": hex_quantity(header.gas_used),
        "timestamp": hex_quantity(header.timestamp),
        "extraData": hex_bytes(header.extra_data),
        "mixHash": hex_bytes(header.mix_hash),
        "nonce": hex_bytes(header.nonce),
        "baseFeePerGas": hex_quantity(base_fee_of(header)),
        "withdrawalsRoot": hex_bytes(header.withdrawals_root or b""),
        "blobGasUsed": hex_quantity(header.blob_gas_used),
        "excessBlobGas": hex_quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": hex_bytes(header.parent_beacon_block_root or b""),
        "requestsHash": hex_bytes(cast("PragueBlockHeader", header).requests_hash),
    }


def tx_object(tx: SignedTransactionAPI, block: Block | None, index: int | None) -> dict[str, Any]:
    """Return a tx as `eth_getTransactionByHash` answers it; without a block it is a pending one."""
    kind = tx_type(tx)
    base_fee = block.header.base_fee_per_gas if block else None
    found: dict[str, Any] = {
        "type": hex_quantity(kind),
        "hash": hex_bytes(tx.hash),
        "blockHash": hex_bytes(block.header.hash) if block else None,
        "blockNumber": hex_quantity(block.header.block_number) if block else None,
        "transactionIndex": hex_quantity(index) if index is not None else None,
        "from": hex_bytes(tx.sender),
        "to": hex_bytes(tx.to) if tx.to else None,
        "nonce": hex_quantity(tx.nonce),
        "gas": hex_quantity(tx.gas),
        "gasPrice": hex_quantity(effective_gas_price(tx, base_fee)),
        "value": hex_quantity(tx.value),
        "input": hex_bytes(tx.data),
        "r": hex_quantity(tx.r),
        "s": hex_quantity(tx.s),
    }
    if kind == 0:
        found["v"] = hex_quantity(tx.v)  # type: ignore[attr-defined]
        if tx.chain_id is not None:
            found["chainId"] = hex_quantity(tx.chain_id)
        return found
    found |= {
        "v": hex_quantity(tx.y_parity),
        "yParity": hex_quantity(tx.y_parity),
        "chainId": hex_quantity(tx.chain_id or 0),
        "accessList": [
            {"address": hex_bytes(account), "storageKeys": [hex_word(slot) for slot in slots]}
            for account, slots in tx.access_list
        ],
    }
    if kind >= _DYNAMIC_FEE_TYPE:
        found["maxFeePerGas"] = hex_quantity(tx.max_fee_per_gas)
        found["maxPriorityFeePerGas"] = hex_quantity(tx.max_priority_fee_per_gas)
    if kind == _SET_CODE_TYPE:
        found["authorizationList"] = [_authorization_object(one) for one in tx.authorization_list]
    return found


def receipt_object(block: Block, index: int) -> dict[str, Any]:
    """Return the receipt of the tx at `index` as `eth_getTransactionReceipt` answers it."""
    tx, receipt = block.txs[index], block.receipts[index]
    header = block.header
    first_log = block.logs_before(index)
    return {
        "type": hex_quantity(tx_type(tx)),
        "status": "0x1" if receipt.state_root == b"\x01" else "0x0",
        "transactionHash": hex_bytes(tx.hash),
        "transactionIndex": hex_quantity(index),
        "blockHash": hex_bytes(header.hash),
        "blockNumber": hex_quantity(header.block_number),
        "from": hex_bytes(tx.sender),
        "to": hex_bytes(tx.to) if tx.to else None,
        "contractAddress": None if tx.to else hex_bytes(created_address(tx.sender, tx.nonce)),
        "cumulativeGasUsed": hex_quantity(receipt.gas_used),
        "gasUsed": hex_quantity(block.gas_used_by(index)),
        "effectiveGasPrice": hex_quantity(effective_gas_price(tx, header.base_fee_per_gas)),
        "logsBloom": hex_bloom(receipt.bloom),
        "logs": [log_object(block, index, log, first_log + place) for place, log in enumerate(receipt.logs)],
    }


def log_object(block: Block, tx_index: int, log: LogAPI, log_index: int) -> dict[str, Any]:
    """Return a log; `log_index` counts through the whole block."""
    return {
        "address": hex_bytes(log.address),
        "topics": [hex_word(topic) for topic in log.topics],
        "data": hex_bytes(log.data),
        "blockNumber": hex_quantity(block.header.block_number),
        "blockHash": hex_bytes(block.header.hash),
        "blockTimestamp": hex_quantity(block.header.timestamp),
        "transactionHash": hex_bytes(block.txs[tx_index].hash),
        "transactionIndex": hex_quantity(tx_index),
        "logIndex": hex_quantity(log_index),
        "removed": False,
    }


def tx_type(tx: SignedTransactionAPI) -> int:
    """Return the EIP-2718 type, 0 for a legacy tx."""
    return tx.type_id or 0


def base_fee_of(header: BlockHeaderAPI) -> int:
    """Return the base fee in wei; py-evm's type allows for headers from before there was one."""
    return header.base_fee_per_gas or 0


def effective_gas_price(tx: SignedTransactionAPI, base_fee: int | None) -> int:
    """Return what a gas unit costs: in a block by its base fee (EIP-1559), pending the most that it may cost."""
    if base_fee is None:
        return tx.max_fee_per_gas
    return min(tx.max_fee_per_gas, base_fee + tx.max_priority_fee_per_gas)


def created_address(sender: bytes, nonce: int) -> bytes:
    """Return the address of the contract that a CREATE tx makes."""
    return keccak(rlp.encode([sender, nonce]))[12:]


def _authorization_object(one: Any) -> dict[str, Any]:
    return {
        "chainId": hex_quantity(one.chain_id),
        "address": hex_bytes(one.address),
        "nonce": hex_quantity(one.nonce),
        "yParity": hex_quantity(one.y_parity),
        "r": hex_quantity(one.r),
        "s": hex_quantity(one.s),
    }
