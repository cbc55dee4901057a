"""How a log of one event is laid out: its words are split by one call, and what must be zero is checked by one AND.

An integer of n bits fills its word up with zeros, an address with twelve bytes of them. Word by word, that is a dozen
calls for each event; as one number against one mask it took 5 us of CPU off an event. Only where the mask finds
something is it asked which word it was. Source: the contract ABI's encoding of static types.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Sequence
from struct import Struct
from typing import Any, Final, NoReturn

from earnest.chain.errors import MalformedLog
from earnest.chain.node import RawLog

_SPLIT: Final = {
    "uint8": "31xB",
    "uint16": "30xH",
    "uint32": "28xI",
    "uint40": "24xQ",
    "uint48": "24xQ",
    "uint256": "32s",
    "address": "12x20s",
    "bytes4": "4s28x",
    "bytes32": "32s",
}
"""How `struct` reads a word of each type: up to 64 bits as a number, all else as bytes."""
_HASH_CHARACTERS: Final = 66


class Layout:
    """The words of one event's logs.

    Args:
        name: the event's.
        indexed: the ABI types of the topics after the first, one or two.
        data: the ABI types of the words in the data.
    """

    def __init__(self, name: str, indexed: Sequence[str], data: Sequence[str]) -> None:
        self.name = name
        self._types = (*indexed, *data)
        self._topics = 1 + len(indexed)
        # The tx hash is read along with them, for the sake of its digits, and passed over.
        kinds = (*(_SPLIT[each] for each in indexed), "32x", *(_SPLIT[each] for each in data))
        self._split = Struct(">" + "".join(kinds)).unpack
        self._digits = 64 * len(kinds)
        self._indexed_characters = 2 + 64 * len(indexed)
        masks = (*(_must_be_zero(each) for each in indexed), 0, *(_must_be_zero(each) for each in data))
        self._must_be_zero = int.from_bytes(b"".join(mask.to_bytes(32) for mask in masks))

    def unpack(self, raw: RawLog) -> tuple[Any, ...]:
        """Return what the topics after the first and the data hold; an amount, an address, a hash as its bytes.

        Raises:
            MalformedLog: these are not exactly so many words, all of them hexadecimal, each within its type; or the
                hash of the tx is none.
        """
        topics, tx_hash, data = raw.topics, raw.transaction_hash, raw.data
        if len(topics) != self._topics:
            raise MalformedLog(f"{self.name} comes with {len(topics)} topics: {self._topics} expected")
        indexed = topics[1]
        if self._topics > 2:
            indexed += topics[2][2:] if topics[2].startswith("0x") and len(topics[2]) == _HASH_CHARACTERS else "?"
        digits = indexed[2:] + tx_hash[2:] + data[2:]
        if (
            len(digits) != self._digits
            or len(indexed) != self._indexed_characters
            or len(tx_hash) != _HASH_CHARACTERS
            or not indexed[:2] == tx_hash[:2] == data[:2] == "0x"
        ):
            self._refuse_shape(raw)
        try:
            words = unhexlify(digits)
        except ValueError:
            self._refuse_shape(raw)
        if int.from_bytes(words) & self._must_be_zero:
            self._refuse_value(words)
        return self._split(words)

    def _refuse_shape(self, raw: RawLog) -> NoReturn:
        raise MalformedLog(
            f"{self.name} in tx {raw.transaction_hash[:66]!r} comes with {[each[:66] for each in raw.topics[1:]]} and "
            f"{len(raw.data)} characters of data: {self._digits // 64 - self._topics} words of 64 hexadecimal digits "
            "expected, and hashes of as many"
        )

    def _refuse_value(self, words: bytes) -> NoReturn:
        at_tx = self._topics - 1
        without_tx = words[: 32 * at_tx] + words[32 * at_tx + 32 :]
        for at, kind in enumerate(self._types):
            word = without_tx[32 * at : 32 * at + 32]
            value = int.from_bytes(word)
            if value & _must_be_zero(kind):
                fits = f"does not fit into {kind[4:]} bits" if kind.startswith("uint") else f"is no {_WORDS[kind]}"
                raise MalformedLog(f"{self.name}: {value if kind.startswith('uint') else '0x' + word.hex()} {fits}")
        raise AssertionError("unreachable")


_WORDS: Final = {"address": "address", "bytes4": "selector"}


def _must_be_zero(kind: str) -> int:
    """Return the bits of a word that a value of this type cannot set."""
    if kind.startswith("bytes"):
        return (1 << 256 - 8 * int(kind[5:])) - 1
    bits = 160 if kind == "address" else int(kind[4:])
    return (1 << 256) - (1 << bits)
