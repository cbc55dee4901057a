"""Headers and receipts as nodes tell them, put into the bytes that the chain hashes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from earnest.chain.proofs import rlp
from earnest.chain.proofs.errors import UnknownHeaderForm, UnknownReceiptForm
from earnest.chain.proofs.told import HeaderBytes, ToldHeader, ToldReceipt, header_bytes, receipts_trie, trie_key
from earnest.chain.proofs.trie import EMPTY_ROOT, Trie
from earnest.payment.primitives import hash32, keccak

EMPTY = "0x" + EMPTY_ROOT.hex()
BLOOM = "0x" + "00" * 256
# Ethereum's first block; that its hash comes out right shows that these are its fields.
GENESIS: dict[str, Any] = {
    "hash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
    "transactions": [],
    "parentHash": "0x" + "00" * 32,
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + "00" * 20,
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": EMPTY,
    "receiptsRoot": EMPTY,
    "logsBloom": BLOOM,
    "difficulty": "0x400000000",
    "number": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + "00" * 32,
    "nonce": "0x0000000000000042",
}
LATER = {
    "baseFeePerGas": "0x7",
    "withdrawalsRoot": EMPTY,
    "blobGasUsed": "0x0",
    "excessBlobGas": "0x20000",
    "parentBeaconBlockRoot": "0x" + "11" * 32,
    "requestsHash": "0x" + "22" * 32,
}
"""What headers grew by: London, Shanghai, Cancun (three), Prague."""
NUMBERS = {"baseFeePerGas", "blobGasUsed", "excessBlobGas"}
HEADER = HeaderBytes(7, hash32(bytes(32)), 0, b"", b"", EMPTY_ROOT)


def told(**changes: Any) -> ToldHeader:
    return msgspec.convert({**GENESIS, **changes}, ToldHeader)


def receipt(index: int, kind: int = 0, **changes: Any) -> ToldReceipt:
    log = {"address": "0x" + "ab" * 20, "topics": ["0x" + "cd" * 32], "data": "0x1234"}
    fields = {
        "transactionIndex": hex(index),
        "type": hex(kind),
        "status": "0x1",
        "cumulativeGasUsed": hex(21_000 * (index + 1)),
        "logsBloom": BLOOM,
        "logs": [log],
    }
    return msgspec.convert({**fields, **changes}, ToldReceipt)


def with_root(root: bytes) -> HeaderBytes:
    return replace(HEADER, receipts_root=root)


def test_the_first_block_of_ethereum_hashes_to_its_hash() -> None:
    header = header_bytes(told())
    assert (header.number, header.hash, header.timestamp) == (0, GENESIS["hash"], 0)
    assert hash32(keccak(header.raw)) == GENESIS["hash"]


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_headers_of_every_upgrade_have_their_own_length(count: int) -> None:
    later = dict(list(LATER.items())[:count])
    oldest = rlp.decode(header_bytes(told()).raw)
    assert not isinstance(oldest, bytes)
    raw = rlp.encode(
        [
            *oldest,
            *(
                rlp.encode_int(int(value, 16)) if name in NUMBERS else bytes.fromhex(value[2:])
                for name, value in later.items()
            ),
        ]
    )
    header = header_bytes(told(hash="0x" + keccak(raw).hex(), **later))
    assert header.raw == raw


def test_a_node_that_tells_fields_which_the_header_does_not_have_is_understood_all_the_same() -> None:
    assert header_bytes(told(**LATER)).hash == GENESIS["hash"]


def test_a_header_of_an_unknown_form_is_refused_naming_what_was_told() -> None:
    with pytest.raises(UnknownHeaderForm, match=r"block 0.*base_fee_per_gas, withdrawals_root"):
        header_bytes(told(extraData="0x12", baseFeePerGas="0x7", withdrawalsRoot=EMPTY))


def test_typed_receipts_begin_with_their_type() -> None:
    receipts = [receipt(0), receipt(1, 2), receipt(2, 4, status="0x0"), receipt(3, status=None, root="0x" + "33" * 32)]
    bodies = [
        rlp.encode(
            [
                first,
                rlp.encode_int(21_000 * (place + 1)),
                bytes(256),
                [[bytes.fromhex("ab" * 20), [bytes.fromhex("cd" * 32)], b"\x12\x34"]],
            ]
        )
        for place, first in enumerate((b"\1", b"\1", b"", b"\x33" * 32))
    ]
    bodies[1], bodies[2] = b"\x02" + bodies[1], b"\x04" + bodies[2]
    root = Trie({trie_key(place): body for place, body in enumerate(bodies)}).root
    assert receipts_trie(with_root(root), receipts).root == root


def test_deposits_of_the_op_stack_carry_their_nonce_and_version_since_canyon_only() -> None:
    """Source: the OP stack's specification, "Deposit Receipt"."""
    empty = {"logs": [], "cumulativeGasUsed": "0xb741", "depositNonce": "0x3d3bbf"}
    canyon = bytes.fromhex("7ef9010d0182b741b90100" + "00" * 256 + "c0" + "833d3bbf" + "01")
    regolith = bytes.fromhex("7ef901080182b741b90100" + "00" * 256 + "c0")
    for version, body in (("0x1", canyon), (None, regolith)):
        root = Trie({trie_key(0): body}).root
        assert receipts_trie(with_root(root), [receipt(0, 0x7E, depositReceiptVersion=version, **empty)]).root == root


def test_receipts_of_an_unknown_form_are_refused_naming_their_types() -> None:
    with pytest.raises(UnknownReceiptForm, match=r"block 7: .*: 0x2, 0x7b"):
        receipts_trie(HEADER, [receipt(0, 2), receipt(1, 0x7B)])
