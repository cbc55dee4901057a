"""Headers as nodes tell them whose fields hash to their hash, for chains that exist in a test only."""

from __future__ import annotations

from earnest.chain.proofs import rlp
from earnest.payment.primitives import Hash32, hash32, keccak

EMPTY_LIST_HASH = hash32(keccak(rlp.encode([])))
"""Of a block without uncles."""
EMPTY_TRIE_HASH = hash32(keccak(rlp.encode(b"")))


def sealed_header(
    number: int,
    parent: Hash32,
    timestamp: int,
    bloom: int,
    *,
    base_fee: int = 10**9,
    salt: bytes = b"",
    receipts_root: Hash32 = EMPTY_TRIE_HASH,
) -> dict[str, str]:
    """Return a header in the form that EIP-1559 gave it, complete with its hash.

    Args:
        number: the block's.
        parent: the hash of the block before it.
        timestamp: Unix seconds.
        bloom: the 2048-bit logs bloom.
        base_fee: wei per gas.
        salt: up to 32 bytes that make it another block than one that is the same in all else.
        receipts_root: the root of the trie of its receipts.
    """
    words = {
        "parentHash": parent,
        "sha3Uncles": EMPTY_LIST_HASH,
        "miner": "0x" + "00" * 20,
        "stateRoot": EMPTY_TRIE_HASH,
        "transactionsRoot": EMPTY_TRIE_HASH,
        "receiptsRoot": receipts_root,
        "logsBloom": f"0x{bloom:0512x}",
    }
    numbers = {"difficulty": 0, "number": number, "gasLimit": 30_000_000, "gasUsed": 0, "timestamp": timestamp}
    rest = {"extraData": "0x" + salt.hex(), "mixHash": "0x" + "00" * 32, "nonce": "0x" + "00" * 8}
    fields = [
        *(bytes.fromhex(each[2:]) for each in words.values()),
        *(rlp.encode_int(each) for each in numbers.values()),
        *(bytes.fromhex(each[2:]) for each in rest.values()),
        rlp.encode_int(base_fee),
    ]
    told = words | {name: hex(each) for name, each in numbers.items()} | rest
    return told | {"baseFeePerGas": hex(base_fee), "hash": hash32(keccak(rlp.encode(fields)))}
