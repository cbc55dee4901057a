"""The deterministic deployment proxy: a tiny contract that is at the same address on almost every chain."""

from __future__ import annotations

from typing import Final

from earnest.payment.primitives import Address, Hash32, checksum_address, hash32, keccak, to_bytes

PROXY: Final = Address("0x4e59b44847b379578588920cA78FbF26c0B4956C")
"""Source: Arachnid's deterministic-deployment-proxy; it takes salt ‖ creating bytecode and calls CREATE2."""

PROXY_RUNTIME: Final = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe036016000816020823780358282"
    "34f58015156039578182fd5b8082525050506014600cf3"
)

PROXY_RAW_TX: Final = (
    "0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe"
    + PROXY_RUNTIME.hex()
    + "1ba0"
    + "22" * 32
    + "a0"
    + "22" * 32
)
"""The tx that puts the proxy there. Its signature was made up, so nobody has its sender's key; it names no chain."""

PROXY_TX_SENDER: Final = Address("0x3fAB184622Dc19b6109349B94811493BF2a45362")
PROXY_TX_GAS_PRICE_WEI: Final = 100 * 10**9
PROXY_TX_COST_WEI: Final = 100_000 * PROXY_TX_GAS_PRICE_WEI

SALT: Final = hash32(keccak(b"earnest escrow"))
"""Any constant would do; it must only stay the same."""


def create2_address(bytecode: bytes, salt: Hash32 = SALT) -> Address:
    """Return the address at which the proxy puts `bytecode` (creating code). Source: EIP-1014."""
    preimage = b"\xff" + to_bytes(PROXY) + to_bytes(salt) + keccak(bytecode)
    return checksum_address("0x" + keccak(preimage)[12:].hex())


def create_address(sender: Address, nonce: int) -> Address:
    """Return the address of the contract that `sender` creates by his tx of this nonce.

    It is the tail of the hash of the RLP list (sender, nonce), small enough to be written out here.
    """
    digits = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    encoded_nonce = digits if len(digits) == 1 and nonce < 0x80 else bytes([0x80 + len(digits)]) + digits
    payload = b"\x94" + to_bytes(sender) + encoded_nonce
    return checksum_address("0x" + keccak(bytes([0xC0 + len(payload)]) + payload)[12:].hex())
