"""Nodes say in words only what became of a tx; these are their words."""

from __future__ import annotations

import pytest

from earnest.chain.answers import SendAnswer, is_revert, meaning, revert_data
from earnest.chain.errors import RpcError

WORDS = [
    ("already known", SendAnswer.TAKEN),
    ("ALREADY_EXISTS: already known", SendAnswer.TAKEN),
    ("known transaction: 0xabc", SendAnswer.TAKEN),
    ("Transaction with the same hash was already imported.", SendAnswer.TAKEN),
    ("transaction already imported", SendAnswer.TAKEN),
    ("nonce too low", SendAnswer.NONCE_USED),
    ("nonce too low: address 0x1, tx: 3 state: 4", SendAnswer.NONCE_USED),
    ("Transaction nonce is too low. Try incrementing the nonce.", SendAnswer.NONCE_USED),
    ("the tx doesn't have the correct nonce. Nonce already used", SendAnswer.NONCE_USED),
    ("OldNonce", SendAnswer.NONCE_USED),
    ("replacement transaction underpriced", SendAnswer.NONCE_TAKEN),
    ("Transaction gas price too low to replace", SendAnswer.NONCE_TAKEN),
    ("could not replace existing tx", SendAnswer.NONCE_TAKEN),
    ("insufficient funds for gas * price + value", SendAnswer.NO_MONEY),
    ("Insufficient funds. The account you tried to send transaction from does not have enough", SendAnswer.NO_MONEY),
    ("transaction underpriced", SendAnswer.TOO_CHEAP),
    ("max fee per gas less than block base fee", SendAnswer.TOO_CHEAP),
    ("FeeTooLow: fee too low", SendAnswer.TOO_CHEAP),
    ("transaction gas price too low", SendAnswer.TOO_CHEAP),
    ("intrinsic gas too low", SendAnswer.REFUSED),
    ("", SendAnswer.REFUSED),
]


@pytest.mark.parametrize(("message", "expected"), WORDS)
def test_the_words_of_nodes_are_understood(message: str, expected: SendAnswer) -> None:
    assert meaning(RpcError("eth_sendRawTransaction", -32000, message)) is expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("0x08c379a0", "0x08c379a0"),
        ({"data": "0x08c379a0"}, "0x08c379a0"),
        ("Reverted 0x08c379a0", "0x08c379a0"),
        ("0x", None),
        (None, None),
        ([1], None),
        ({"data": None}, None),
        ("no digits", None),
    ],
)
def test_the_bytes_of_a_revert_are_found_wherever_nodes_put_them(data: object, expected: str | None) -> None:
    assert revert_data(RpcError("eth_call", -32000, "x", data)) == expected


@pytest.mark.parametrize("message", ["internal error", "header not found", "gas required exceeds allowance (0)"])
def test_a_nodes_own_trouble_is_no_revert(message: str) -> None:
    assert not is_revert(RpcError("eth_estimateGas", -32000, message))
