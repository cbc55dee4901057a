"""Short words for what the tests of the embedded chain do again and again, on any node behind `request`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from earnest.localnet.accounts import dev_accounts
from earnest.localnet.errors import RpcError
from earnest.localnet.tokens import TEST_TOKEN_ADDRESS

TRANSFER_TOPIC = "0x" + keccak(b"Transfer(address,address,uint256)").hex()
GWEI = 10**9


def address_of(index: int) -> str:
    """The address of a development account."""
    return dev_accounts()[index].address


def word(value: str | int) -> str:
    """An address or number as a 32-byte topic."""
    number = value if isinstance(value, int) else int(value, 16)
    return "0x" + number.to_bytes(32, "big").hex()


def call_data(signature: str, *arguments: Any) -> str:
    """Calldata for a function such as `transfer(address,uint256)`."""
    inside = signature[signature.index("(") + 1 : -1]
    types = inside.split(",") if inside else []
    return "0x" + (keccak(signature.encode())[:4] + encode(types, arguments)).hex()


@dataclass
class ChainCalls:
    """A node, called by method name."""

    request: Callable[[str, list[Any]], Any]

    def __call__(self, method: str, *params: Any) -> Any:
        return self.request(method, list(params))

    def error(self, method: str, *params: Any) -> RpcError:
        """The error with which a call is refused."""
        with pytest.raises(RpcError) as caught:
            self(method, *params)
        return caught.value

    def height(self) -> int:
        return int(self("eth_blockNumber"), 16)

    def block(self, which: str | int = "latest") -> dict[str, Any]:
        wanted = hex(which) if isinstance(which, int) else which
        found = self("eth_getBlockByNumber", wanted, False)
        assert isinstance(found, dict)
        return found

    def time(self) -> int:
        return int(self.block()["timestamp"], 16)

    def nonce(self, index: int, block: str = "latest") -> int:
        return int(self("eth_getTransactionCount", address_of(index), block), 16)

    def balance(self, address: str) -> int:
        return int(self("eth_getBalance", address, "latest"), 16)

    def tokens(self, address: str, token: str = TEST_TOKEN_ADDRESS) -> int:
        data = call_data("balanceOf(address)", address)
        return int(self("eth_call", {"to": token, "data": data}, "latest"), 16)

    def signed(self, index: int = 1, to: str | None = None, **fields: Any) -> str:
        """A raw tx of a development account; what is not given is filled in."""
        tx = {
            "type": 2,
            "chainId": 31337,
            "to": to_checksum_address(to or address_of(9)),
            "value": 0,
            "gas": 21_000,
            "maxFeePerGas": 20 * GWEI,
            "maxPriorityFeePerGas": GWEI,
        } | fields
        if "gasPrice" in tx:
            tx = {
                name: value
                for name, value in tx.items()
                if name not in ("type", "maxFeePerGas", "maxPriorityFeePerGas")
            }
        if "nonce" not in tx:
            tx["nonce"] = self.nonce(index, "pending")
        return "0x" + bytes(Account.sign_transaction(tx, dev_accounts()[index].private_key).raw_transaction).hex()

    def send_coin(self, index: int = 1, **fields: Any) -> str:
        """Send a signed tx and return its hash."""
        return str(self("eth_sendRawTransaction", self.signed(index, **fields)))

    def send_tokens(self, to: str, amount: int, index: int = 1) -> str:
        data = call_data("transfer(address,uint256)", to, amount)
        return str(self("eth_sendRawTransaction", self.signed(index, to=TEST_TOKEN_ADDRESS, data=data, gas=100_000)))

    def receipt(self, tx_hash: str) -> Any:
        return self("eth_getTransactionReceipt", tx_hash)
