"""The house's words in web3's: the same text under the names that its types ask for, neither checked nor changed."""

from __future__ import annotations

from eth_typing import ChecksumAddress, HexAddress, HexStr

from earnest.payment.primitives import Address


def as_web3(address: Address) -> ChecksumAddress:
    """Return an address as web3 names it; one without its checksum is still for web3 to refuse."""
    return ChecksumAddress(HexAddress(HexStr(address)))
