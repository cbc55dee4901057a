"""A block's header and receipts as a node tells them, and the bytes that the chain hashes.

What was told is put into RLP and compared with the told hash and the header's receipts root; a form that does not fit
is named and refused. Sources: EIP-1559, 4895, 4844, 4788, 7685 (headers); EIP-2718 (typed receipts); the OP stack's
specification of deposits (type 0x7e).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from earnest.chain.proofs import rlp
from earnest.chain.proofs.errors import UnknownHeaderForm, UnknownReceiptForm
from earnest.chain.proofs.trie import Trie
from earnest.payment.primitives import Hash32, hash32, keccak

DEPOSIT_TYPE: Final = 0x7E
"""A deposit of the OP stack; since its Canyon upgrade two more fields of the receipt are hashed."""
RECEIPTS_ROOT, NUMBER, STATE_ROOT, TIMESTAMP, PARENT_HASH = 5, 8, 3, 11, 0
"""Where these stand in a header."""
OLDEST_FIELDS: Final = 15
"""Headers only ever grew at their end, so any of the later forms is a beginning of the newest one."""


class ToldHeader(msgspec.Struct, rename="camel", frozen=True):
    """A block as `eth_getBlockByHash` tells it without full txs, the fields of the header in the chain's order."""

    hash: str
    transactions: list[str]
    parent_hash: str
    sha3_uncles: str
    miner: str
    state_root: str
    transactions_root: str
    receipts_root: str
    logs_bloom: str
    difficulty: str
    number: str
    gas_limit: str
    gas_used: str
    timestamp: str
    extra_data: str
    mix_hash: str
    nonce: str
    base_fee_per_gas: str | None = None
    withdrawals_root: str | None = None
    blob_gas_used: str | None = None
    excess_blob_gas: str | None = None
    parent_beacon_block_root: str | None = None
    requests_hash: str | None = None


_FIELDS: Final = ToldHeader.__struct_fields__[2:]
_NUMBERS: Final = frozenset(
    ("difficulty", "number", "gas_limit", "gas_used", "timestamp", "base_fee_per_gas", "blob_gas_used")
) | {"excess_blob_gas"}


class ToldLog(msgspec.Struct, frozen=True):
    """A log as it stands in a told receipt."""

    address: str
    topics: list[str]
    data: str


class ToldReceipt(msgspec.Struct, rename="camel", frozen=True):
    """A receipt as `eth_getBlockReceipts` tells it; before Byzantium a state root stood in the status' place."""

    transaction_index: str
    cumulative_gas_used: str
    logs_bloom: str
    logs: list[ToldLog]
    type: str = "0x0"
    status: str | None = None
    root: str | None = None
    transaction_hash: str = ""
    """No part of what is hashed."""
    deposit_nonce: str | None = None
    deposit_receipt_version: str | None = None


@dataclass(frozen=True, slots=True)
class HeaderBytes:
    """A header whose bytes hash to its block's hash; `raw` is its RLP."""

    number: int
    hash: Hash32
    timestamp: int
    raw: bytes
    state_root: bytes
    receipts_root: bytes


def header_bytes(told: ToldHeader) -> HeaderBytes:
    """Return the bytes of a told header.

    Raises:
        UnknownHeaderForm: in no known form do they hash to the told hash.
        ValueError: a field is no hexadecimal number.
    """
    fields: list[rlp.Item] = []
    for name in _FIELDS:
        text = getattr(told, name)
        if text is None:
            break
        fields.append(rlp.encode_int(int(text, 16)) if name in _NUMBERS else to_raw(text))
    wanted, number = told.hash.lower(), int(told.number, 16)
    for length in range(len(fields), OLDEST_FIELDS - 1, -1):
        raw = rlp.encode(fields[:length])
        if hash32(keccak(raw)) == wanted:
            timestamp = int(told.timestamp, 16)
            return HeaderBytes(
                number, Hash32(wanted), timestamp, raw, to_raw(told.state_root), to_raw(told.receipts_root)
            )
    raise UnknownHeaderForm(number, wanted, [name for name in _FIELDS[OLDEST_FIELDS:] if getattr(told, name)])


def receipts_trie(header: HeaderBytes, told: Sequence[ToldReceipt]) -> Trie:
    """Return the trie of a block's receipts, told in order.

    Raises:
        UnknownReceiptForm: its root is not the header's.
        ValueError: a field is no hexadecimal number.
    """
    trie = Trie({trie_key(index): receipt_bytes(each) for index, each in enumerate(told)})
    if trie.root != header.receipts_root:
        raise UnknownReceiptForm(header.number, _types(told))
    return trie


def trie_key(index: int) -> bytes:
    """Return the key under which a tx's receipt stands: the RLP of its index."""
    return rlp.encode(rlp.encode_int(index))


def to_raw(text: str) -> bytes:
    """Return the bytes of `0x…`; raises `ValueError` for anything else, blanks between the digits included."""
    if text[:2] != "0x":
        raise ValueError(f"{text[:80]!r} does not begin with 0x")
    raw = bytes.fromhex(text[2:])
    # `fromhex` passes over blanks: what is hashed would be right, and nobody would recognise the text.
    if len(text) != 2 + 2 * len(raw):
        raise ValueError(f"{text[:80]!r} has more in it than hexadecimal digits")
    return raw


def receipt_bytes(told: ToldReceipt) -> bytes:
    """Return what the chain hashes of a receipt; raises `ValueError` if a field is no hexadecimal number."""
    kind = int(told.type, 16)
    by_root = told.status is None and told.root
    fields = rlp.hex_of_bytes(told.root or "") if by_root else _number(told.status or "0x0")
    fields += _number(told.cumulative_gas_used)
    fields += rlp.hex_of_bytes(told.logs_bloom)
    fields += rlp.hex_of_list("".join([_log(each) for each in told.logs]))
    if kind == DEPOSIT_TYPE and told.deposit_receipt_version is not None:
        fields += _number(told.deposit_nonce or "0x0") + _number(told.deposit_receipt_version)
    return (bytes([kind]) if kind else b"") + rlp.bytes_of_hex(rlp.hex_of_list(fields))


def _log(log: ToldLog) -> str:
    topics = rlp.hex_of_list("".join([rlp.hex_of_bytes(topic) for topic in log.topics]))
    return rlp.hex_of_list(f"{rlp.hex_of_bytes(log.address)}{topics}{rlp.hex_of_bytes(log.data)}")


def _number(text: str) -> str:
    return rlp.hex_of_int(int(text, 16))


def _types(told: Iterable[ToldReceipt]) -> list[int]:
    return sorted({int(each.type, 16) for each in told})
