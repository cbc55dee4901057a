"""Whoever can sign: a key in a keystore file or given as hexadecimal digits. Opened by the wiring alone."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
from pathlib import Path
from typing import Any, Final, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount

from earnest.chain.errors import KeyUnusable, NotAKeystore, WrongPassword
from earnest.chain.sending import SignedTx, UnsignedTx
from earnest.payment.primitives import Address, checksum_address, hash32, to_bytes

log = logging.getLogger(__name__)

MAX_KEYSTORE_BYTES: Final = 65_536
"""A keystore is about 500 bytes; a larger file is something else."""

_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")


class Signer(Protocol):
    """One account that signs."""

    @property
    def address(self) -> Address:
        """The account whose signature it is."""

    def sign(self, tx: UnsignedTx, signed_at: int) -> SignedTx:
        """Return the signed tx; `signed_at` is wall time (Unix seconds) and is only noted."""


class LocalSigner:
    """A private key in this process's memory. Its `repr` shows the address only."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account
        self._address = checksum_address(account.address.lower())

    @classmethod
    def from_key(cls, key: str) -> LocalSigner:
        """Open a key given as 64 hexadecimal digits.

        Raises:
            KeyUnusable: it is no private key; the text is not repeated.
        """
        if not isinstance(key, str) or not _KEY.fullmatch(key.strip()):
            raise KeyUnusable("the private key is not 64 hexadecimal digits")
        try:
            return cls(Account.from_key(key.strip()))
        except Exception:  # whatever the library says of a key may repeat the key
            raise KeyUnusable("the private key is not a valid one (zero, or past the curve's order)") from None

    @classmethod
    def from_keystore(cls, path: Path | str, password: str) -> LocalSigner:
        """Open a keystore file (Web3 Secret Storage, version 3).

        Raises:
            KeyUnusable: the file is missing or cannot be read.
            NotAKeystore: it is something else than a keystore.
            WrongPassword: it does not open with this password.
        """
        path = Path(path)
        keystore = _read_keystore(path)
        try:
            key = Account.decrypt(keystore, password)
        except ValueError as error:
            if "MAC" in str(error):
                raise WrongPassword(path) from None
            raise NotAKeystore(path, str(error)) from None
        except (KeyError, TypeError, AttributeError, NotImplementedError) as error:
            raise NotAKeystore(path, f"{type(error).__name__}: {error}") from None
        _warn_if_open_to_others(path)
        return cls.from_key(bytes(key).hex())

    @property
    def address(self) -> Address:
        """The account whose signature it is."""
        return self._address

    @property
    def account(self) -> LocalAccount:
        """The library's own account, for what is signed by other means (a deployment)."""
        return self._account

    def sign(self, tx: UnsignedTx, signed_at: int) -> SignedTx:
        """Return the signed type-2 tx. Source: EIP-1559."""
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": tx.chain_id,
                "nonce": tx.nonce,
                "to": to_bytes(tx.to),
                "data": tx.data,
                "value": tx.value,
                "gas": tx.gas,
                "maxFeePerGas": tx.max_fee_per_gas,
                "maxPriorityFeePerGas": tx.max_priority_fee_per_gas,
            }
        )
        return SignedTx(
            hash=hash32(bytes(signed.hash)),
            raw=bytes(signed.raw_transaction),
            nonce=tx.nonce,
            gas=tx.gas,
            max_fee_per_gas=tx.max_fee_per_gas,
            max_priority_fee_per_gas=tx.max_priority_fee_per_gas,
            signed_at=signed_at,
        )

    def __repr__(self) -> str:
        return f"LocalSigner({self._address})"


def _read_keystore(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_KEYSTORE_BYTES + 1)
    except OSError as error:
        raise KeyUnusable(f"the keystore {path} cannot be read: {error.strerror}") from None
    if len(content) > MAX_KEYSTORE_BYTES:
        raise NotAKeystore(path, f"it is larger than {MAX_KEYSTORE_BYTES} bytes")
    try:
        keystore = json.loads(content)
    except ValueError:
        raise NotAKeystore(path, "it is not JSON") from None
    if not isinstance(keystore, dict) or keystore.get("version") != 3:
        raise NotAKeystore(path, "it does not say version 3")
    return keystore


def _warn_if_open_to_others(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        log.warning("the keystore %s can be read by others on this machine: chmod 600 it", path)
