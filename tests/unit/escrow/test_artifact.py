"""The compiled contract that ships, held against the words of the rest of the house."""

from __future__ import annotations

from typing import Any

import pytest

from earnest.escrow import txs
from earnest.escrow.artifact import Artifact, from_json, load, to_json
from earnest.escrow.reverts import SENTENCES, explain_revert
from earnest.payment.events import CREDIT_WITHDRAWN_SIGNATURE, SIGNATURES
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32
from earnest.payment.status import ON_CHAIN
from earnest.payment.terms import TERMS_ABI, Terms

TERMS = Terms(
    buyer=Address(f"0x{1:040d}"),
    merchant=Address(f"0x{2:040d}"),
    operator=Address(f"0x{3:040d}"),
    arbiter=Address(f"0x{4:040d}"),
    token=ZERO_ADDRESS,
    amount=5,
    fee_recipient=ZERO_ADDRESS,
    fee_bps=0,
    pay_by=9,
    delivery_period=1,
    dispute_window=3600,
    arbitration_period=86400,
    order_hash=Hash32("0x" + "0f" * 32),
)
ESCROW = Address("0x" + "11" * 20)


def abi_type(field: dict[str, Any]) -> str:
    name = str(field["type"])
    if name.startswith("tuple"):
        return f"({','.join(abi_type(each) for each in field['components'])})" + name.removeprefix("tuple")
    return name


def signatures(kind: str) -> dict[str, str]:
    entries = [entry for entry in load("Escrow").abi if entry["type"] == kind]
    return {entry["name"]: f"{entry['name']}({','.join(map(abi_type, entry['inputs']))})" for entry in entries}


def test_artifact_survives_its_own_file() -> None:
    assert from_json(to_json(load("Escrow"))) == load("Escrow")


def test_artifact_is_of_the_pinned_compiler_and_chain_rules() -> None:
    artifact = load("Escrow")
    assert artifact.compiler_version.startswith("0.8.37+commit.")
    assert artifact.settings["evmVersion"] == "prague"
    assert artifact.settings["viaIR"] is True


def test_artifact_fits_on_a_chain() -> None:
    # EIP-170: 24,576 bytes of code; EIP-3860: twice that to create it.
    assert len(load("Escrow").runtime_bytecode) <= 24_576
    assert len(load("Escrow").bytecode) <= 2 * 24_576


def test_artifact_names_no_machine() -> None:
    assert "/home/" not in to_json(load("Escrow"))
    assert "node_modules" not in to_json(load("Escrow"))


def test_events_are_those_of_the_payment_room() -> None:
    expected = {str(kind): signature for kind, signature in SIGNATURES.items()}
    assert signatures("event") == expected | {"CreditWithdrawn": CREDIT_WITHDRAWN_SIGNATURE}


def test_all_events_but_the_first_and_the_last_have_one_shape() -> None:
    shapes = {
        str([(field["name"], field["type"], field["indexed"]) for field in entry["inputs"]])
        for entry in load("Escrow").abi
        if entry["type"] == "event" and entry["name"] not in ("PaymentFunded", "CreditWithdrawn")
    }
    assert len(shapes) == 1


def test_terms_have_the_fields_of_the_payment_room() -> None:
    (release,) = [entry for entry in load("Escrow").abi if entry.get("name") == "release"]
    assert abi_type(release["inputs"][0]) == TERMS_ABI


def test_there_is_a_tx_for_every_verb_and_its_selector_is_the_artifacts() -> None:
    where = (ESCROW, 1)
    built = {
        "fund": txs.fund(*where, TERMS, ESCROW),
        "confirmDelivery": txs.confirm_delivery(*where, TERMS),
        "release": txs.release(*where, TERMS),
        "refund": txs.refund(*where, TERMS),
        "reclaim": txs.reclaim(*where, TERMS),
        "dispute": txs.dispute(*where, TERMS),
        "resolve": txs.resolve(*where, TERMS, 1, 2),
        "withdraw": txs.withdraw(*where, ESCROW, ZERO_ADDRESS),
    }
    writing = {
        entry["name"]
        for entry in load("Escrow").abi
        if entry["type"] == "function" and entry["stateMutability"] in ("nonpayable", "payable")
    }
    assert set(built) == writing
    for name, tx in built.items():
        assert tx.data[2:10] == txs.selector(signatures("function")[name]).hex()


def test_every_error_has_a_sentence_that_holds_its_values() -> None:
    assert set(signatures("error")) == set(SENTENCES)
    for entry in load("Escrow").abi:
        if entry["type"] != "error":
            continue
        fields = [field["name"] for field in entry["inputs"]]
        values = [1 for _ in fields]
        words = "".join(f"{value:064x}" for value in values)
        sentence = explain_revert("0x" + txs.selector(signatures("error")[entry["name"]]).hex() + words)
        assert sentence
        assert "{" not in sentence


@pytest.mark.parametrize(
    "data", ["", "0x", "0x12", "nonsense", "0xdeadbeef", "0x" + txs.selector("NotFunded(bytes32)").hex()]
)
def test_unknown_reverts_have_no_sentence(data: str) -> None:
    assert explain_revert(data) is None


def test_plain_reasons_are_passed_on() -> None:
    text = "08c379a0" + f"{32:064x}" + f"{5:064x}" + b"hello".hex().ljust(64, "0")
    assert explain_revert("0x" + text) == "the contract says: hello"


def test_there_is_an_on_chain_status_for_each_number() -> None:
    assert len(ON_CHAIN) == 9


def test_runtime_code_matches_whatever_its_immutables_are() -> None:
    artifact: Artifact = load("Escrow")
    code = bytearray(artifact.runtime_bytecode)
    start, length = artifact.immutable_references[0]
    code[start : start + length] = b"\x07" * length
    assert artifact.matches_runtime(bytes(code))
    code[0] ^= 1
    assert not artifact.matches_runtime(bytes(code))
    assert not artifact.matches_runtime(artifact.runtime_bytecode + b"\x00")
    assert not artifact.matches_runtime(b"")
