"""What the node signs for wallets with the development accounts' keys."""

from __future__ import annotations

import json
from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data

from tests.unit.localnet.calls import ChainCalls, address_of

TYPED: dict[str, Any] = {
    "domain": {"name": "Shop", "version": "1", "chainId": 31337, "verifyingContract": "0x" + "11" * 20},
    "primaryType": "Receipt",
    "types": {
        "EIP712Domain": [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"},
            {"name": "verifyingContract", "type": "address"},
        ],
        "Receipt": [{"name": "id", "type": "bytes32"}, {"name": "buyer", "type": "address"}],
    },
    "message": {"id": "0x" + "22" * 32, "buyer": "0x" + "33" * 20},
}


def test_a_message_is_signed_for_its_account(node: ChainCalls) -> None:
    message = "0x" + b"hello".hex()
    signature = node("personal_sign", message, address_of(1))
    assert Account.recover_message(encode_defunct(b"hello"), signature=signature) == address_of(1)
    assert node("eth_sign", address_of(1), message) == signature


def test_typed_data_are_signed_as_an_object_or_as_text(node: ChainCalls) -> None:
    signature = node("eth_signTypedData_v4", address_of(1), TYPED)
    assert Account.recover_message(encode_typed_data(full_message=TYPED), signature=signature) == address_of(1)
    assert node("eth_signTypedData_v4", address_of(1), json.dumps(TYPED)) == signature


def test_nothing_is_signed_for_strangers(node: ChainCalls) -> None:
    assert node.error("personal_sign", "0x00", "0x" + "77" * 20).code in (-32000, -32602)
    assert node.error("eth_signTypedData_v4", "0x" + "77" * 20, TYPED).code in (-32000, -32602)
