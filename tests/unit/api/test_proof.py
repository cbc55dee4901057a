"""The proof's route: who may ask, what he gets, and what he is told where there is no proof."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import msgspec
import pytest
from pydantic import BaseModel

from earnest.api.schemas import proof as schema
from earnest.chain.errors import NodeUnavailable
from earnest.chain.proofs import form
from earnest.chain.proofs.errors import BlockMissing, ProofsBusy, ProofTooSlow, UnknownHeaderForm
from earnest.chain.proofs.make import Wanted
from earnest.payment.events import EventKind
from tests.support.ledger import CHAIN_ID, ESCROW
from tests.unit.api.house import House, client_of, open_house

DOCUMENT = b'{"object": "payment_proof"}'


@dataclass
class FakeProver:
    """Answers every question with the same document, or with a failure."""

    failure: Exception | None = None
    asked: list[Wanted] = field(default_factory=list)

    def prove(self, wanted: Wanted) -> bytes:
        self.asked.append(wanted)
        if self.failure:
            raise self.failure
        return DOCUMENT


@pytest.fixture
def prover() -> FakeProver:
    return FakeProver()


@pytest.fixture
def proving(prover: FakeProver) -> Iterator[House]:
    with open_house() as house:
        chain = replace(house.services.chain(), prover=prover)
        house.client = client_of(replace(house.services, chains={CHAIN_ID: chain}), raise_server_exceptions=False)
        yield house


def funded(house: House) -> str:
    payment = str(house.create(order_reference="order-77")["id"])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    return payment


def test_anyone_with_the_id_gets_the_proof_and_any_page_may_read_it(proving: House, prover: FakeProver) -> None:
    answer = proving.get(f"/v1/payments/{funded(proving)}/proof", key=None)
    assert (answer.status_code, answer.content) == (200, DOCUMENT)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_the_prover_gets_the_payment_as_the_mirror_has_it(proving: House, prover: FakeProver) -> None:
    payment = funded(proving)
    proving.happen(payment, EventKind.DELIVERY_CONFIRMED)
    proving.get(f"/v1/payments/{payment}/proof", key=None)
    (asked,) = prover.asked
    mirrored = proving.payment(payment)
    assert (asked.chain_id, asked.escrow, asked.payment_id) == (CHAIN_ID, ESCROW, payment)
    assert (asked.terms, asked.state) == (mirrored.terms, mirrored.state)
    assert [event.seq for _, event in asked.events] == [1, 2]
    assert asked.head.number == proving.chain.head.number


def test_a_payment_that_nobody_created_is_not_found(proving: House) -> None:
    answer = proving.get("/v1/payments/0x" + "77" * 32 + "/proof", key=None)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert proving.get("/v1/payments/0x77/proof", key=None).json()["code"] == "invalid_hash"


def test_a_payment_that_nobody_funded_has_nothing_to_prove(proving: House, prover: FakeProver) -> None:
    payment = proving.create()["id"]
    answer = proving.get(f"/v1/payments/{payment}/proof", key=None)
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (409, "nothing_on_chain", False)
    assert prover.asked == []


@pytest.mark.parametrize(
    ("failure", "code", "retryable"),
    [
        (NodeUnavailable("node.example", "cannot be reached"), "node_unavailable", True),
        (BlockMissing("0x12"), "block_missing", True),
        (ProofTooSlow(20.0), "proof_too_slow", True),
        (ProofsBusy(2), "proofs_busy", True),
        (UnknownHeaderForm(7, "0x12", []), "unknown_header_form", False),
    ],
)
def test_a_proof_that_cannot_be_made_is_a_problem_with_its_name(
    proving: House, prover: FakeProver, failure: Exception, code: str, retryable: bool
) -> None:
    prover.failure = failure
    answer = proving.get(f"/v1/payments/{funded(proving)}/proof", key=None)
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, code, retryable)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_process_that_makes_no_proofs_says_so(house: House) -> None:
    answer = house.get(f"/v1/payments/{funded(house)}/proof", key=None)
    assert (answer.status_code, answer.json()["code"]) == (503, "prover_missing")


@pytest.mark.parametrize(
    ("documented", "made"),
    [
        (schema.PaymentProof, form.ProofForm),
        (schema.ProofBlock, form.BlockForm),
        (schema.ProofReceipt, form.ReceiptForm),
        (schema.ProofEvent, form.EventForm),
        (schema.ProofPayment, form.PaymentForm),
        (schema.ProofState, form.StateForm),
    ],
)
def test_the_description_has_the_fields_of_the_document(
    documented: type[BaseModel], made: type[msgspec.Struct]
) -> None:
    assert list(documented.model_fields) == list(made.__struct_fields__)
