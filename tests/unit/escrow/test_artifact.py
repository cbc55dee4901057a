"""The compiled contract that ships, held against the words of the rest of the house."""

from __future__ import annotations

from typing import Any

import pytest

from earnest.escrow import txs
from earnest.escrow.artifact import Artifact, from_json, load, to_json, wallet_code_hash
from earnest.escrow.errors import CodeMismatch
from earnest.escrow.reverts import OF_LIBRARIES, SENTENCES, error_name, explain_revert
from earnest.escrow.verify import _immutables, check_code
from earnest.payment.events import SIDE_SIGNATURES, SIGNATURES, EventKind
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32, hash32, keccak
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
SIGNATURE = bytes(range(64)) + b"\x1b"


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
    beside = {each.partition("(")[0]: each for each in SIDE_SIGNATURES}
    # ERC-5267 declares an event for domains that change; ours can't.
    assert signatures("event") == expected | beside | {"EIP712DomainChanged": "EIP712DomainChanged()"}


def test_all_events_of_a_payment_begin_alike() -> None:
    heads = {
        str([(field["name"], field["type"], field["indexed"]) for field in entry["inputs"][:4]])
        for entry in load("Escrow").abi
        if entry["type"] == "event" and entry["name"] in set(EventKind)
    }
    assert len(heads) == 1


def test_terms_have_the_fields_of_the_payment_room() -> None:
    (release,) = [entry for entry in load("Escrow").abi if entry.get("name") == "release"]
    assert abi_type(release["inputs"][0]) == TERMS_ABI


def test_there_is_a_tx_for_every_verb_and_its_selector_is_the_artifacts() -> None:
    where = (ESCROW, 1)
    built = {
        "fund": txs.fund(*where, TERMS, ESCROW),
        "fundWithPermit": txs.fund_with_permit(*where, TERMS, ESCROW, deadline=1, signature=SIGNATURE),
        "fundWithAuthorization": txs.fund_with_authorization(
            *where, TERMS, ESCROW, valid_after=0, valid_before=1, signature=SIGNATURE
        ),
        "fundWithPermit2": txs.fund_with_permit2(*where, TERMS, ESCROW, nonce=0, deadline=1, signature=SIGNATURE),
        "collect": txs.collect(*where, TERMS, ZERO_ADDRESS),
        "releaseWithReceipt": txs.release_with_receipt(*where, TERMS, SIGNATURE),
        "repay": txs.repay(*where, TERMS, 1),
        "releaseMany": txs.release_many(*where, [TERMS]),
        "confirmDeliveryMany": txs.confirm_delivery_many(*where, [TERMS]),
        "dismissOperator": txs.dismiss_operator(*where, ESCROW),
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
    # Only a deposit address may call that one.
    assert set(built) == writing - {"receiveDeposit"}
    for name, tx in built.items():
        assert tx.data[2:10] == txs.selector(signatures("function")[name]).hex()


def test_every_error_has_a_sentence_that_holds_its_values() -> None:
    assert set(signatures("error")) - OF_LIBRARIES == set(SENTENCES)
    for entry in load("Escrow").abi:
        if entry["type"] != "error" or entry["name"] in OF_LIBRARIES:
            continue
        fields = [field["name"] for field in entry["inputs"]]
        values = [1 for _ in fields]
        words = "".join(f"{value:064x}" for value in values)
        sentence = explain_revert("0x" + txs.selector(signatures("error")[entry["name"]]).hex() + words)
        assert sentence
        assert "{" not in sentence
        assert error_name("0x" + txs.selector(signatures("error")[entry["name"]]).hex()) == entry["name"]


@pytest.mark.parametrize(
    "data", ["", "0x", "0x12", "nonsense", "0xdeadbeef", "0x" + txs.selector("NotFunded(bytes32)").hex()]
)
def test_unknown_reverts_have_no_sentence(data: str) -> None:
    assert explain_revert(data) is None


def test_an_unknown_selector_has_no_name() -> None:
    assert error_name("0xdeadbeef") is None


@pytest.mark.parametrize(
    ("signature", "words", "said"),
    [
        ("ERC3009InvalidSignature()", "", "not signed by the payer"),
        ("ERC2612ExpiredSignature(uint256)", f"{77:064x}", "held until 77"),
        ("InvalidNonce()", "", "used before"),
        ("InvalidSigner()", "", "not signed by the payer"),
    ],
)
def test_what_tokens_and_permit2_say_of_signatures_is_passed_on(signature: str, words: str, said: str) -> None:
    assert said in str(explain_revert("0x" + txs.selector(signature).hex() + words))


def test_the_wallet_that_ships_is_the_one_that_the_escrow_creates() -> None:
    assert load("DepositWallet").bytecode in load("Escrow").runtime_bytecode
    assert wallet_code_hash() == hash32(keccak(load("DepositWallet").bytecode))


def test_code_of_this_chain_and_address_is_ours_and_that_of_a_fork_is_named() -> None:
    def stands(at: Address, chain_id: int) -> bytes:
        artifact, words = load("Escrow"), sorted(_immutables(at, chain_id))
        code = bytearray(artifact.runtime_bytecode)
        for place, (start, length) in enumerate(artifact.immutable_references):
            code[start : start + length] = words[place % len(words)]
        return bytes(code)

    check_code(load("Escrow"), ESCROW, 7, stands(ESCROW, 7))
    with pytest.raises(CodeMismatch, match="created on chain 8, before a fork"):
        check_code(load("Escrow"), ESCROW, 7, stands(ESCROW, 8))
    with pytest.raises(CodeMismatch, match="other values"):
        check_code(load("Escrow"), ESCROW, 7, stands(Address("0x" + "22" * 20), 7))
    with pytest.raises(CodeMismatch):
        check_code(load("Escrow"), ESCROW, 7, load("Escrow").runtime_bytecode)


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
