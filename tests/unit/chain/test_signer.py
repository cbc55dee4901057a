"""Keys are opened with clear errors and never shown."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from earnest.chain.errors import KeyUnusable, NotAKeystore, WrongPassword
from earnest.chain.sending import UnsignedTx
from earnest.chain.signer import LocalSigner
from earnest.payment.primitives import hash32, keccak
from earnest.testing.fake_node import read_tx
from tests.unit.chain.examples import CHAIN_ID, ESCROW, OPERATOR_KEY, operator


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    path = tmp_path / "operator.json"
    path.write_text(json.dumps(Account.encrypt(bytes.fromhex(OPERATOR_KEY[2:]), "correct horse", iterations=2)))
    path.chmod(0o600)
    return path


def test_a_keystore_opens_with_its_password(keystore: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert LocalSigner.from_keystore(keystore, "correct horse").address == operator().address
    assert caplog.text == ""


def test_a_wrong_password_is_said_to_be_one(keystore: Path) -> None:
    with pytest.raises(WrongPassword, match=r"operator\.json does not open with the password given") as raised:
        LocalSigner.from_keystore(keystore, "battery staple")
    assert "battery" not in str(raised.value)


def test_a_keystore_that_others_can_read_is_warned_of(keystore: Path, caplog: pytest.LogCaptureFixture) -> None:
    keystore.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        LocalSigner.from_keystore(keystore, "correct horse")
    assert "chmod 600" in caplog.text


def _broken(keystore: Path, change: Any) -> str:
    content = json.loads(keystore.read_text())
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(version=1),
        lambda content: content.pop("crypto"),
        lambda content: content.update(crypto=None),
        lambda content: content["crypto"].update(kdf="rot13"),
        lambda content: content["crypto"].pop("kdfparams"),
        lambda content: content["crypto"].update(ciphertext="zz"),
        lambda content: content["crypto"]["kdfparams"].update(n="many"),
        lambda content: content["crypto"]["kdfparams"].update(n=3),
    ],
)
def test_a_broken_keystore_is_said_to_be_none(keystore: Path, change: Any) -> None:
    keystore.write_text(_broken(keystore, change))
    with pytest.raises(NotAKeystore):
        LocalSigner.from_keystore(keystore, "correct horse")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\x00\xff", "x" * 100_000])
def test_another_file_is_said_to_be_no_keystore(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(NotAKeystore):
        LocalSigner.from_keystore(path, "x")


def test_a_file_that_is_missing_or_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="No such file"):
        LocalSigner.from_keystore(tmp_path / "missing.json", "x")
    with pytest.raises(KeyUnusable, match="directory"):
        LocalSigner.from_keystore(tmp_path, "x")


@pytest.mark.parametrize("key", ["", "0x", "12" * 31, "zz" * 32, "00" * 32, "ff" * 32])
def test_what_is_no_key_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(KeyUnusable) as raised:
        LocalSigner.from_key(key)
    assert not key or key not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("key", [OPERATOR_KEY, OPERATOR_KEY[2:], OPERATOR_KEY + "\n"])
def test_a_key_may_be_written_as_people_write_it(key: str) -> None:
    assert LocalSigner.from_key(key).address == operator().address


def test_the_key_is_never_shown() -> None:
    signer = LocalSigner.from_key(OPERATOR_KEY)
    shown = f"{signer!r} {signer} {[signer]}"
    assert OPERATOR_KEY[2:] not in shown
    assert signer.address in shown


def test_a_signed_tx_is_of_type_2_and_says_what_it_should() -> None:
    unsigned = UnsignedTx(CHAIN_ID, 7, ESCROW, b"\x01\x02", 5, 21_000, 30, 2)
    signed = operator().sign(unsigned, 1_234)
    assert signed.raw[0] == 2
    assert signed.hash == hash32(keccak(signed.raw))
    assert (signed.nonce, signed.gas, signed.signed_at) == (7, 21_000, 1_234)
    assert (signed.max_fee_per_gas, signed.max_priority_fee_per_gas) == (30, 2)
    seen = read_tx(signed.raw)
    assert (seen.sender, seen.nonce, seen.value, seen.data) == (operator().address, 7, 5, b"\x01\x02")
