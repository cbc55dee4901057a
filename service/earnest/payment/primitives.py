"""The smallest words: addresses and 32-byte values, parsed once at the edge and trusted after that."""

from __future__ import annotations

import re
from binascii import hexlify
from functools import lru_cache
from typing import Final, NewType

from sha3 import keccak_256  # type: ignore[import-not-found,import-untyped,unused-ignore]

from earnest.payment.errors import InvalidAddress, InvalidHash

Address = NewType("Address", str)
"""20 bytes as `0x` and 40 hexadecimal digits with the EIP-55 checksum in their case."""

Hash32 = NewType("Hash32", str)
"""32 bytes as `0x` and 64 lower-case hexadecimal digits: payment ids, block and tx hashes, order hashes."""

ZERO_ADDRESS = Address("0x" + "0" * 40)
ZERO_HASH = Hash32("0x" + "0" * 64)

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


def keccak(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest of `data` (not SHA3-256)."""
    digest: bytes = keccak_256(data).digest()
    return digest


_LETTERS: Final = int.from_bytes(b"\x40" * 40)
"""In ASCII `a` to `f` have this bit, and digits have not; half of it makes a letter small."""
_UPPER: Final = bytes.maketrans(b"0123456789abcdef", b"\x00" * 8 + b"\x20" * 8)


@lru_cache(maxsize=8_192)
def checksum_address(lower: str) -> Address:
    """Return the EIP-55 form of a lower-case address that is known to be well-formed.

    All 40 digits at once, as one number; and cached, since the same few addresses come again and again.
    """
    return _raised(lower[2:].encode())


def _raised(digits: bytes) -> Address:
    to_raise = int.from_bytes(hexlify(keccak(digits)[:20]).translate(_UPPER))
    text = int.from_bytes(digits)
    return Address("0x" + (text ^ (to_raise & (text & _LETTERS) >> 1)).to_bytes(40).decode())


@lru_cache(maxsize=8_192)
def address_of(raw: bytes) -> Address:
    """Return 20 raw bytes as an address."""
    return _raised(hexlify(raw))


def parse_address(text: str, *, param: str | None = None) -> Address:
    """Parse an address from outside.

    Args:
        text: `0x` and 40 hexadecimal digits, either all in one case or with the EIP-55 checksum.
        param: the name of the field it came from, for the error.

    Raises:
        InvalidAddress: not an address, or mixed case with a wrong checksum (a typing error, most likely).

    Source: EIP-55.
    """
    if not isinstance(text, str) or not _ADDRESS.fullmatch(text):
        raise InvalidAddress(f"{text!r} is no address: give 0x and 40 hexadecimal digits", param=param)
    digits = text[2:]
    right = checksum_address(text.lower())
    if digits not in (digits.lower(), digits.upper()) and text != right:
        raise InvalidAddress(f"{text} has a wrong checksum: a digit is mistyped, or write it as {right}", param=param)
    return right


def parse_hash32(text: str, *, param: str | None = None) -> Hash32:
    """Parse a 32-byte value from outside; raises `InvalidHash` if it is anything else."""
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise InvalidHash(f"{text!r} is no 32-byte value: give 0x and 64 hexadecimal digits", param=param)
    return Hash32(text.lower())


def hash32(raw: bytes) -> Hash32:
    """Return 32 raw bytes in their one textual form."""
    return Hash32("0x" + raw.hex())


def to_bytes(value: Address | Hash32) -> bytes:
    """Return the raw bytes of an address or a 32-byte value."""
    return bytes.fromhex(value[2:])
