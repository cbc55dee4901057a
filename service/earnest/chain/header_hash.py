"""Does a told header hash to the hash under which it is told? Then no field of it can be another than the chain's.

A block's hash is the Keccak of its header's fields in RLP. A node that empties a header's bloom, so as to hide a log,
or alters any other field, cannot tell the right hash along with it. The fields are joined as hexadecimal text and
turned into bytes once, which takes some 8 us: it is done for each header of a backfill. Sources: the yellow paper,
4.4.3 and appendix B; EIP-1559, 4895, 4844, 4788, 7685 for the fields that came later.
"""

from __future__ import annotations

from binascii import unhexlify
from enum import StrEnum
from typing import Final

import msgspec

from earnest.payment.primitives import keccak


class HeadersAre(StrEnum):
    """What is done with the headers of a chain."""

    RECOMPUTED = "recomputed"
    """Each one's hash is computed from its fields: whoever alters one is found out."""
    TAKEN = "taken"
    """They are taken as they are told, since no header was seen yet that has a form known here."""


class RawHeader(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A header as nodes tell it, all fields as text; those that only the hash needs may be missing."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str
    logs_bloom: str
    sha3_uncles: str = ""
    miner: str = ""
    state_root: str = ""
    transactions_root: str = ""
    receipts_root: str = ""
    difficulty: str = ""
    gas_limit: str = ""
    gas_used: str = ""
    extra_data: str = ""
    mix_hash: str = ""
    nonce: str = ""
    base_fee_per_gas: str | None = None
    withdrawals_root: str | None = None
    blob_gas_used: str | None = None
    excess_blob_gas: str | None = None
    parent_beacon_block_root: str | None = None
    requests_hash: str | None = None


def fits_its_hash(told: RawHeader) -> bool:
    """Return whether a header's fields, in any of the known forms, hash to its own hash."""
    return sealed(told) is not None


def sealed(told: RawHeader) -> bytes | None:
    """Return a header's fields in the known form in which they hash to its own hash; None if there is no such form.

    Headers only ever grew at their end, and some nodes tell fields that their chain does not hash: so what is there is
    tried first, and then each older form.
    """
    try:
        oldest, later = _oldest(told), _later(told)
        wanted = unhexlify(told.hash[2:])
    except ValueError:
        return None
    for count in range(len(later), -1, -1):
        encoded = _list(oldest + "".join(later[:count]))
        if encoded and keccak(encoded) == wanted:
            return encoded
    return None


def bloom_in(encoded: bytes) -> int:
    """Return the bloom of a header of which these are the fields, as `sealed` returns them."""
    return int.from_bytes(encoded[_BLOOM_AT : _BLOOM_AT + 256])


_BLOOM_AT: Final = 3 + 33 + 33 + 21 + 33 + 33 + 33 + 3
"""Behind the list's size, five hashes and an address, each with a byte for its size; three bytes tell the bloom's."""


def _oldest(told: RawHeader) -> str:
    """Return the fields of the first form, encoded, as hexadecimal text.

    Raises:
        ValueError: one has another size.
    """
    parent, uncles, state, txs = told.parent_hash, told.sha3_uncles, told.state_root, told.transactions_root
    receipts, mix, miner, bloom, nonce = told.receipts_root, told.mix_hash, told.miner, told.logs_bloom, told.nonce
    # The size of each: else one could begin where another ends, and the whole still be the same.
    if not (
        len(parent) == len(uncles) == len(state) == len(txs) == len(receipts) == len(mix) == 66
        and len(miner) == 42
        and len(bloom) == 514
        and len(nonce) == 18
    ):
        raise ValueError("a field of another size")
    return (
        f"a0{parent[2:]}a0{uncles[2:]}94{miner[2:]}a0{state[2:]}a0{txs[2:]}a0{receipts[2:]}b90100{bloom[2:]}"
        f"{_number(told.difficulty)}{_number(told.number)}{_number(told.gas_limit)}{_number(told.gas_used)}"
        f"{_number(told.timestamp)}{_bytes(told.extra_data)}a0{mix[2:]}88{nonce[2:]}"
    )


def _later(told: RawHeader) -> list[str]:
    """Return what came later, in the order in which it came, as far as it is told without a gap."""
    fields: list[str] = []
    if (fee := told.base_fee_per_gas) is None:
        return fields
    fields.append(_number(fee))
    if (root := told.withdrawals_root) is None:
        return fields
    fields.append(_word(root))
    if (used := told.blob_gas_used) is None:
        return fields
    fields.append(_number(used))
    if (excess := told.excess_blob_gas) is None:
        return fields
    fields.append(_number(excess))
    if (root := told.parent_beacon_block_root) is None:
        return fields
    fields.append(_word(root))
    if (root := told.requests_hash) is not None:
        fields.append(_word(root))
    return fields


def _list(fields: str) -> bytes:
    """Return a list of encoded fields; nothing if they are no hexadecimal digits, or too many for any header."""
    try:
        raw = unhexlify(fields)
        # A header is longer than 255 bytes, by its bloom alone, and shorter than 65,536: two bytes tell its size.
        return b"\xf9" + len(raw).to_bytes(2) + raw
    except (ValueError, OverflowError):
        return b""


def _word(text: str) -> str:
    if len(text) != 66:
        raise ValueError("a field of another size")
    return "a0" + text[2:]


_SIZES: Final = ["", "", "", "", ""] + [f"{0x80 + (size + 1) // 2:x}{'0' * (size & 1)}" for size in range(3, 65)]
"""What stands before a quantity's digits, by the length of its text."""
_SHORT: Final = {
    "0x0": "80",
    **{f"0x{number:x}": f"{number:02x}" if number < 0x80 else f"81{number:x}" for number in range(1, 256)},
}


def _number(text: str) -> str:
    """Return a quantity encoded; raises `ValueError` if it is none."""
    size = len(text)
    if size > 4:
        if size < 67 and text[2] != "0":
            return _SIZES[size] + text[2:]
    elif text in _SHORT:
        return _SHORT[text]
    shortest = hex(int(text, 16))
    if shortest == text:
        raise ValueError("a quantity of more than 32 bytes")
    return _number(shortest)


def _bytes(text: str) -> str:
    """Return bytes of any length encoded; raises `ValueError` if they are left out, which is not the same as empty."""
    if text[:2] != "0x":
        raise ValueError("a field left out")
    digits = text[2:]
    size = len(digits) // 2
    if size < 56:
        return digits if size == 1 and digits < "80" else f"{0x80 + size:x}{digits}"
    length = f"{size:x}"
    length = "0" + length if len(length) & 1 else length
    return f"{0xB7 + len(length) // 2:x}{length}{digits}"
