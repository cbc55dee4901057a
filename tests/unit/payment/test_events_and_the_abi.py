"""What the pure core says of events, terms and ids is what the compiled contract says."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_tester import EthereumTester, PyEVMBackend
from hypothesis import given, settings
from hypothesis import strategies as st

from earnest.payment.events import (
    AMOUNTS,
    CREDIT_DATA_ABI,
    CREDIT_WITHDRAWN_TOPIC,
    DEPOSIT_RETURNED_TOPIC,
    ITEM_SKIPPED_TOPIC,
    OPERATOR_DISMISSED_TOPIC,
    RETURNED_DATA_ABI,
    SIDE_SIGNATURES,
    SIGNATURES,
    SKIPPED_DATA_ABI,
    TOPICS,
    EventKind,
    data_abi,
)
from earnest.payment.primitives import Hash32, checksum_address, hash32, keccak, to_bytes
from earnest.payment.status import ON_CHAIN
from earnest.payment.terms import TERMS_ABI, TERMS_TYPE, TERMS_TYPEHASH, Terms, payment_id
from tests.support.ledger import make_terms

ARTIFACT: dict[str, Any] = json.loads(files("earnest.escrow").joinpath("artifacts/Escrow.json").read_text())
ABI: list[dict[str, Any]] = ARTIFACT["abi"]


def entry(kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in ABI if each["type"] == kind and each["name"] == name]
    return found


def type_of(component: dict[str, Any]) -> str:
    if component["type"].startswith("tuple"):
        inner = ",".join(type_of(each) for each in component["components"])
        return f"({inner}){component['type'].removeprefix('tuple')}"
    return str(component["type"])


def signature(event: dict[str, Any]) -> str:
    return f"{event['name']}({','.join(type_of(each) for each in event['inputs'])})"


def snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def test_the_contract_s_events_are_exactly_ours() -> None:
    on_chain = {signature(each) for each in ABI if each["type"] == "event"}
    # ERC-5267 declares an event for domains that change; ours can't.
    assert on_chain == {*SIGNATURES.values(), *SIDE_SIGNATURES, "EIP712DomainChanged()"}


@pytest.mark.parametrize("kind", EventKind)
def test_topics_and_data_are_those_of_the_abi(kind: EventKind) -> None:
    event = entry("event", kind)
    assert not event["anonymous"]
    assert [each["name"] for each in event["inputs"] if each["indexed"]] == ["id"]
    data = tuple(type_of(each) for each in event["inputs"] if not each["indexed"])
    assert data == data_abi(kind)
    assert TOPICS[hash32(keccak(signature(event).encode()))] is kind
    names = [each["name"] for each in event["inputs"]]
    amounts = [re.sub("_(.)", lambda found: found[1].upper(), name) for name in AMOUNTS.get(kind, ())]
    credited = ["credited"] if amounts else []
    rest = ["payer", "buyer", "terms"] if kind is EventKind.PAYMENT_FUNDED else [*amounts, *credited]
    assert names == ["id", "seq", "status", "held", *rest]


@pytest.mark.parametrize(
    ("name", "topic", "indexed", "data"),
    [
        ("CreditWithdrawn", CREDIT_WITHDRAWN_TOPIC, ["account", "token"], CREDIT_DATA_ABI),
        ("DepositReturned", DEPOSIT_RETURNED_TOPIC, ["id", "token"], RETURNED_DATA_ABI),
        ("ItemSkipped", ITEM_SKIPPED_TOPIC, ["id"], SKIPPED_DATA_ABI),
        ("OperatorDismissed", OPERATOR_DISMISSED_TOPIC, ["merchant", "operator"], ()),
    ],
)
def test_what_stands_beside_the_payments_is_that_of_the_abi(
    name: str, topic: Hash32, indexed: list[str], data: tuple[str, ...]
) -> None:
    event = entry("event", name)
    assert [each["name"] for each in event["inputs"] if each["indexed"]] == indexed
    assert tuple(type_of(each) for each in event["inputs"] if not each["indexed"]) == data
    assert hash32(keccak(signature(event).encode())) == topic


def test_every_topic_is_of_one_kind() -> None:
    beside = {CREDIT_WITHDRAWN_TOPIC, DEPOSIT_RETURNED_TOPIC, ITEM_SKIPPED_TOPIC, OPERATOR_DISMISSED_TOPIC}
    assert len({*TOPICS, *beside}) == len(EventKind) + 4


def test_the_terms_are_the_contract_s_struct_field_for_field() -> None:
    (terms,) = entry("function", "idOf")["inputs"]
    assert type_of(terms) == TERMS_ABI
    members = ",".join(f"{each['type']} {each['name']}" for each in terms["components"])
    assert f"Terms({members})" == TERMS_TYPE
    assert keccak(TERMS_TYPE.encode()) == TERMS_TYPEHASH
    snake = [
        "".join(f"_{char.lower()}" if char.isupper() else char for char in each["name"]) for each in terms["components"]
    ]
    assert snake == list(Terms.__dataclass_fields__)
    assert len(make_terms().as_tuple()) == len(snake)


def test_statuses_are_numbered_as_in_the_contract() -> None:
    (state,) = entry("function", "stateOf")["outputs"]
    (status,) = [each for each in state["components"] if each["name"] == "status"]
    assert status["internalType"] == "enum Status"
    assert [str(each) for each in ON_CHAIN] == [
        "created",
        "funded",
        "delivered",
        "released",
        "refunded",
        "reclaimed",
        "disputed",
        "resolved",
        "repaid",
    ]


class Contract:
    """The compiled contract on a chain in this process."""

    def __init__(self) -> None:
        self._tester = EthereumTester(PyEVMBackend())
        self._sender = self._tester.get_accounts()[0]
        deployment = {"from": self._sender, "to": "", "gas": 8_000_000, "data": _bytecode(), "value": 0}
        receipt = self._tester.get_transaction_receipt(self._tester.send_transaction(deployment))
        assert receipt["status"] == 1
        self.address = checksum_address(receipt["contract_address"].lower())
        self.chain_id = int(self._tester.backend.chain.chain_id)

    def id_of(self, terms: Terms) -> str:
        call = keccak(f"idOf({TERMS_ABI})".encode())[:4] + encode([TERMS_ABI], [terms.as_tuple()])
        answer = self._tester.call(
            {"from": self._sender, "to": self.address, "gas": 500_000, "data": "0x" + call.hex()}
        )
        return hash32(decode(["bytes32"], bytes.fromhex(answer[2:]))[0])


def _bytecode() -> str:
    code = ARTIFACT["bytecode"]
    code = code if isinstance(code, str) else code["object"]
    return code if code.startswith("0x") else f"0x{code}"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


addresses = st.binary(min_size=20, max_size=20).map(lambda raw: checksum_address("0x" + raw.hex()))
any_terms = st.builds(
    Terms,
    buyer=addresses,
    merchant=addresses,
    operator=addresses,
    arbiter=addresses,
    token=addresses,
    amount=st.integers(0, 2**256 - 1),
    fee_recipient=addresses,
    fee_bps=st.integers(0, 2**16 - 1),
    pay_by=st.integers(0, 2**40 - 1),
    delivery_period=st.integers(0, 2**32 - 1),
    dispute_window=st.integers(0, 2**32 - 1),
    arbitration_period=st.integers(0, 2**32 - 1),
    order_hash=st.binary(min_size=32, max_size=32).map(hash32),
)


@settings(max_examples=40, deadline=None)
@given(terms=any_terms)
def test_the_id_is_the_one_that_the_contract_computes(contract: Contract, terms: Terms) -> None:
    assert payment_id(terms, contract.chain_id, contract.address) == contract.id_of(terms)


def test_another_chain_escrow_or_term_gives_another_id() -> None:
    terms, escrow = make_terms(), checksum_address("0x" + "12" * 20)
    ids = {
        payment_id(terms, 1, escrow),
        payment_id(terms, 2, escrow),
        payment_id(terms, 1, checksum_address("0x" + "13" * 20)),
        payment_id(make_terms(2), 1, escrow),
        payment_id(make_terms(amount=2), 1, escrow),
    }
    assert len(ids) == 5
    assert all(len(to_bytes(each)) == 32 for each in ids)
