"""The deposit address of a payment: where plain transfers go, known before anything is there."""

from __future__ import annotations

from earnest.payment.primitives import Address, Hash32, checksum_address, keccak, to_bytes


def deposit_address(escrow: Address, payment_id: Hash32, wallet_code_hash: Hash32) -> Address:
    """Return where a payment's buyer can send plain tokens or coin, for anyone to collect into the escrow.

    Only payments whose terms name a buyer can be collected: nobody else would be there to get back what does not fit.

    Args:
        escrow: who creates the wallet there and alone commands it.
        payment_id: of the payment, the salt.
        wallet_code_hash: Keccak-256 of the wallet's creating bytecode, without arguments
            (`earnest.escrow.artifact.wallet_code_hash`).

    Source: EIP-1014.
    """
    preimage = b"\xff" + to_bytes(escrow) + to_bytes(payment_id) + to_bytes(wallet_code_hash)
    return checksum_address("0x" + keccak(preimage)[12:].hex())
