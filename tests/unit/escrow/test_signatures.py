"""Whose key signed: what the escrow would recover, and nothing that it would refuse."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.constants import SECPK1_N

from earnest.escrow.signatures import decode_is_valid_signature, is_valid_signature, recover
from earnest.payment.primitives import hash32
from earnest.payment.typed_data import receipt
from tests.unit.escrow.test_artifact import ESCROW, SIGNATURE

BUYER = Account.from_key("0x" + "01" * 32)
RECEIPT = receipt(ESCROW, 1, hash32(bytes(32)), BUYER.address)
GOOD = bytes(BUYER.sign_message(encode_typed_data(full_message=RECEIPT.as_json())).signature)


def test_the_signer_is_recovered_whichever_way_the_last_byte_is_written() -> None:
    assert recover(RECEIPT, GOOD) == BUYER.address
    assert recover(RECEIPT, GOOD[:64] + bytes([GOOD[64] - 27])) == BUYER.address


def test_a_signature_of_another_message_is_somebody_else_s() -> None:
    assert recover(receipt(ESCROW, 2, hash32(bytes(32)), BUYER.address), GOOD) != BUYER.address


def test_the_second_form_of_a_signature_is_none() -> None:
    s = SECPK1_N - int.from_bytes(GOOD[32:64], "big")
    second = GOOD[:32] + s.to_bytes(32, "big") + bytes([55 - GOOD[64]])
    assert recover(RECEIPT, second) is None


@pytest.mark.parametrize("signature", [b"", GOOD[:64], GOOD + b"\0", bytes(65), b"\xff" * 65, GOOD[:64] + b"\x1d"])
def test_what_is_no_key_s_signature_has_no_signer(signature: bytes) -> None:
    assert recover(RECEIPT, signature) is None


def test_a_wallet_says_yes_by_one_word_only() -> None:
    assert is_valid_signature(RECEIPT.digest, SIGNATURE).startswith("0x1626ba7e" + RECEIPT.digest[2:])
    assert decode_is_valid_signature(bytes.fromhex("1626ba7e") + bytes(28))
    for answer in (b"", bytes(32), bytes.fromhex("1626ba7e"), b"\x01" * 32, bytes.fromhex("ffffffff") + bytes(28)):
        assert not decode_is_valid_signature(answer)
