"""What wallets are given: txs for every verb, and typed data where a signature takes a tx's place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eth_abi.abi import encode

from earnest.chain.errors import RpcError
from earnest.commands.approvals import PULL_GAS_LIMIT
from earnest.commands.errors import EscrowNotDeployed, MoreThanRepayable, OperatorWasDismissed, TakesNoSignature
from earnest.commands.ports import Place
from earnest.commands.prepare_signature import BY_SIGNATURE, ToSign, prepare_signature
from earnest.commands.prepare_tx import COLLECT_GAS_FLOOR, Parts, PreparedTx, prepare_tx
from earnest.escrow import txs
from earnest.escrow.txs import EVERYTHING, Signed, selector
from earnest.payment.errors import Conflict, InvalidInput, TooLate, Unavailable
from earnest.payment.events import EventKind, OperatorDismissed
from earnest.payment.primitives import ZERO_ADDRESS, Address, to_bytes
from earnest.payment.record import Payment
from earnest.payment.status import BATCHES, Status, Verb
from earnest.payment.typed_data import PERMIT2, Domain
from tests.support.ledger import BUYER, CHAIN_ID, ESCROW, OPERATOR, PAYOUT, TOKEN, address, make_payment
from tests.support.stores import create
from tests.unit.api.house import LOCAL, House, open_house

RELAYER = address(0x4E1A)
SIGNATURE = bytes(range(64)) + b"\x1b"
DOMAIN = Domain("USD Example", "2", CHAIN_ID, TOKEN)
REVERT = RpcError("eth_call", 3, "execution reverted")


def word(value: int) -> str:
    return f"0x{value:064x}"


class Token:
    """What a token and Permit2 answer, by the function's signature; what is not named reverts."""

    def __init__(self, domain: Domain | None = DOMAIN) -> None:
        self.answers: dict[str, Any] = {
            "allowance(address,address)": word(0),
            "nonces(address)": word(7),
            "authorizationState(address,bytes32)": word(0),
            "nonceBitmap(address,uint256)": word(0b1011),
        }
        if domain:
            self.answers["DOMAIN_SEPARATOR()"] = domain.separator
            self.answers["name()"] = "0x" + encode(["string"], [domain.name]).hex()
            self.answers["version()"] = "0x" + encode(["string"], [domain.version]).hex()

    def __call__(self, call: dict[str, str], _: str) -> Any:
        for signature, answer in self.answers.items():
            if call["data"].startswith("0x" + selector(signature).hex()):
                return answer(call) if callable(answer) else answer
        raise REVERT


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        opened.node.answers["eth_call"] = Token()
        yield opened


def made(house: House, *steps: EventKind | tuple[EventKind, Status], **terms: Any) -> Payment:
    payment = create(house.store, make_payment(**terms))
    for step in steps:
        kind, status = step if isinstance(step, tuple) else (step, None)
        house.tell(house.chain.mine(house.chain.next(payment, kind, status)))
    return house.payment(payment.id)


def place(house: House) -> Place:
    return Place(LOCAL, ESCROW, house.node)


def prepare(house: House, payment: Payment, verb: Verb, signer: Address, **parts: Any) -> PreparedTx:
    now = house.chain.head.timestamp
    return prepare_tx(place(house), payment, verb, signer, Parts(**parts), now=now)


def to_sign(house: House, payment: Payment, verb: Verb, signer: Address, **more: Any) -> ToSign:
    now = house.chain.head.timestamp
    return prepare_signature(place(house), payment, verb, signer, now=now, **more)


WHERE = (ESCROW, CHAIN_ID)
FUNDED, RELEASED = EventKind.PAYMENT_FUNDED, EventKind.PAYMENT_RELEASED


def test_signed_ways_to_fund_are_sent_by_anyone_and_need_no_approval(house: House) -> None:
    payment = made(house)
    signed = Signed(SIGNATURE, payer=BUYER, nonce=1, deadline=2, valid_before=3)
    for verb in (Verb.FUND_WITH_AUTHORIZATION, Verb.FUND_WITH_PERMIT2):
        prepared = prepare(house, payment, verb, RELAYER, signed=signed)
        assert prepared.verb.tx == txs.unsigned_tx(verb, *WHERE, payment.terms, signed=signed)
        assert (prepared.before, prepared.verb.gas) == ((), 0x10000 * 125 // 100)
    by_permit = prepare(house, payment, Verb.FUND_WITH_PERMIT, BUYER, signed=signed).verb.tx
    assert by_permit == txs.fund_with_permit(*WHERE, payment.terms, BUYER, deadline=2, signature=SIGNATURE)


@pytest.mark.parametrize("verb", sorted(BY_SIGNATURE))
def test_a_tx_by_signature_needs_the_signature(house: House, verb: Verb) -> None:
    payment = made(house, *([FUNDED] if verb is Verb.RELEASE_WITH_RECEIPT else []))
    with pytest.raises(InvalidInput) as refused:
        prepare(house, payment, verb, RELAYER)
    assert refused.value.param == "signature"


@pytest.mark.parametrize("verb", sorted(BATCHES))
def test_batches_are_no_verbs_of_one_payment(house: House, verb: Verb) -> None:
    with pytest.raises(InvalidInput, match="many payments"):
        prepare(house, made(house), verb, PAYOUT)


def test_a_deposit_is_collected_in_any_token_at_any_time(house: House) -> None:
    payment = made(house, FUNDED, buyer=BUYER)
    assert prepare(house, payment, Verb.COLLECT, RELAYER).verb.tx == txs.collect(*WHERE, payment.terms, TOKEN)
    coin = prepare(house, payment, Verb.COLLECT, RELAYER, token=ZERO_ADDRESS).verb
    assert coin.tx == txs.collect(*WHERE, payment.terms, ZERO_ADDRESS)
    assert coin.gas == COLLECT_GAS_FLOOR, "a stranger's dust must not make it revert"
    with pytest.raises(Conflict):
        prepare(house, made(house, buyer=ZERO_ADDRESS), Verb.COLLECT, RELAYER)


def test_repaying_a_token_comes_with_the_approval_that_is_missing(house: House) -> None:
    payment = made(house, FUNDED, RELEASED, (EventKind.PAYMENT_REPAID, Status.RELEASED))
    rest = prepare(house, payment, Verb.REPAY, PAYOUT)
    assert rest.verb.tx == txs.repay(*WHERE, payment.terms)
    assert rest.verb.tx.data.endswith(f"{EVERYTHING:x}")
    assert [each.tx for each in rest.before] == [txs.approve(TOKEN, CHAIN_ID, ESCROW, 500_000)]
    assert rest.verb.gas == PULL_GAS_LIMIT
    part = prepare(house, payment, Verb.REPAY, PAYOUT, amount=3)
    assert [each.tx for each in part.before] == [txs.approve(TOKEN, CHAIN_ID, ESCROW, 3)]
    with pytest.raises(MoreThanRepayable, match="500000 were released"):
        prepare(house, payment, Verb.REPAY, PAYOUT, amount=500_001)
    with pytest.raises(Conflict, match="repay by the operator"):
        prepare(house, payment, Verb.REPAY, OPERATOR)


def test_repaying_all_of_the_coin_says_how_much_that_is(house: House) -> None:
    payment = made(house, FUNDED, RELEASED, token=ZERO_ADDRESS)
    assert prepare(house, payment, Verb.REPAY, PAYOUT).verb.tx == txs.repay(*WHERE, payment.terms, 1_000_000)


def test_a_merchant_dismisses_his_operator_once_and_nobody_else_does(house: House) -> None:
    payment = made(house, FUNDED)
    tx = prepare(house, payment, Verb.DISMISS_OPERATOR, PAYOUT).verb.tx
    assert tx == txs.dismiss_operator(*WHERE, OPERATOR)
    with pytest.raises(Conflict, match="only the merchant"):
        prepare(house, payment, Verb.DISMISS_OPERATOR, OPERATOR)
    house.tell(house.chain.mine(OperatorDismissed(PAYOUT, OPERATOR)))
    dismissed = house.payment(payment.id)
    for verb, signer in ((Verb.DISMISS_OPERATOR, PAYOUT), (Verb.CONFIRM_DELIVERY, OPERATOR), (Verb.REFUND, OPERATOR)):
        with pytest.raises(OperatorWasDismissed):
            prepare(house, dismissed, verb, signer)
    assert prepare(house, dismissed, Verb.CONFIRM_DELIVERY, PAYOUT).verb.tx.to == ESCROW


def test_an_authorization_is_made_over_the_token_s_own_domain_and_the_payment(house: House) -> None:
    payment = made(house)
    asked = to_sign(house, payment, Verb.FUND_WITH_AUTHORIZATION, BUYER)
    assert asked.typed_data.domain == DOMAIN
    message = asked.typed_data.message
    assert (message["nonce"], message["value"], message["to"]) == (payment.id, "1000000", ESCROW)
    assert asked.come_back_with == {
        "payer": BUYER,
        "valid_after": "0",
        "valid_before": message["validBefore"],
    }
    assert int(message["validBefore"]) == payment.terms.pay_by


def test_a_permit_takes_the_owner_s_next_nonce(house: House) -> None:
    asked = to_sign(house, made(house), Verb.FUND_WITH_PERMIT, BUYER)
    assert (asked.typed_data.message["nonce"], asked.typed_data.message["owner"]) == ("7", BUYER)
    assert asked.come_back_with["buyer"] == BUYER
    named = made(house, buyer=RELAYER)
    assert to_sign(house, named, Verb.FUND_WITH_PERMIT, BUYER).come_back_with["buyer"] == RELAYER


def test_permit2_takes_the_lowest_free_nonce_and_the_allowance_that_is_missing(house: House) -> None:
    payment = made(house, buyer=RELAYER)
    asked = to_sign(house, payment, Verb.FUND_WITH_PERMIT2, BUYER)
    assert asked.come_back_with["nonce"] == "2"
    assert asked.typed_data.message["witness"] == {"id": payment.id, "payer": BUYER, "buyer": RELAYER}
    assert [each.tx for each in asked.before] == [txs.approve(TOKEN, CHAIN_ID, PERMIT2, 1_000_000)]


def test_permit2_s_nonces_go_on_in_the_next_word(house: House) -> None:
    token = Token()
    token.answers["nonceBitmap(address,uint256)"] = lambda call: word(
        2**256 - 1 if int(call["data"][-64:], 16) < 2 else 1
    )
    house.node.answers["eth_call"] = token
    assert to_sign(house, made(house), Verb.FUND_WITH_PERMIT2, BUYER).come_back_with["nonce"] == str(2 * 256 + 1)
    token.answers["nonceBitmap(address,uint256)"] = word(2**256 - 1)
    with pytest.raises(TakesNoSignature, match="name one"):
        to_sign(house, made(house, buyer=RELAYER), Verb.FUND_WITH_PERMIT2, BUYER)


@pytest.mark.parametrize(
    ("verb", "missing", "said"),
    [
        (Verb.FUND_WITH_PERMIT, "nonces(address)", "EIP-2612"),
        (Verb.FUND_WITH_PERMIT, "DOMAIN_SEPARATOR()", "no domain"),
        (Verb.FUND_WITH_AUTHORIZATION, "authorizationState(address,bytes32)", "EIP-3009"),
        (Verb.FUND_WITH_PERMIT2, "nonceBitmap(address,uint256)", "no Permit2"),
    ],
)
@pytest.mark.parametrize("answer", [None, "0x"])
def test_a_way_that_the_token_or_the_chain_does_not_know_is_named(
    house: House, verb: Verb, missing: str, said: str, answer: str | None
) -> None:
    token = Token()
    if answer is None:
        del token.answers[missing]
    else:
        token.answers[missing] = answer
    house.node.answers["eth_call"] = token
    with pytest.raises(TakesNoSignature, match=said):
        to_sign(house, made(house), verb, BUYER)


@pytest.mark.parametrize(
    "domain",
    [
        Domain("USD Example", "1", CHAIN_ID, TOKEN),
        Domain("USD Example", "2", CHAIN_ID + 1, TOKEN),
        Domain("Another", "2", CHAIN_ID, TOKEN),
    ],
)
def test_a_domain_that_the_token_does_not_confirm_is_never_signed_under(house: House, domain: Domain) -> None:
    token = Token()
    token.answers["DOMAIN_SEPARATOR()"] = domain.separator
    house.node.answers["eth_call"] = token
    asked: Callable[[], ToSign] = lambda: to_sign(house, made(house), Verb.FUND_WITH_PERMIT, BUYER)  # noqa: E731
    if domain.version == "1":
        assert asked().typed_data.domain == domain  # a token that misnames its version; its hash says which it is
    else:
        with pytest.raises(TakesNoSignature, match="no domain"):
            asked()


def test_an_authorization_that_was_used_is_not_signed_again(house: House) -> None:
    token = Token()
    token.answers["authorizationState(address,bytes32)"] = word(1)
    house.node.answers["eth_call"] = token
    with pytest.raises(TakesNoSignature, match="used or cancelled"):
        to_sign(house, made(house), Verb.FUND_WITH_AUTHORIZATION, BUYER)


def test_a_receipt_can_be_signed_ahead_by_the_buyer_alone(house: House) -> None:
    created = made(house, buyer=BUYER)
    asked = to_sign(house, created, Verb.RELEASE_WITH_RECEIPT, BUYER)
    assert asked.typed_data.message == {"id": created.id, "buyer": BUYER}
    assert asked.typed_data.domain.verifying_contract == ESCROW
    with pytest.raises(Conflict, match="not the buyer"):
        to_sign(house, created, Verb.RELEASE_WITH_RECEIPT, RELAYER)
    settled = made(house, FUNDED, RELEASED)
    with pytest.raises(Conflict, match="released"):
        to_sign(house, settled, Verb.RELEASE_WITH_RECEIPT, BUYER)


def test_what_is_over_paid_in_coin_or_signed_as_a_tx_anyway_is_refused(house: House) -> None:
    with pytest.raises(InvalidInput, match="no signature"):
        to_sign(house, made(house), Verb.FUND, BUYER)
    with pytest.raises(Conflict):
        to_sign(house, made(house, token=ZERO_ADDRESS), Verb.FUND_WITH_PERMIT2, BUYER)
    late = made(house, pay_by=house.chain.head.timestamp)
    with pytest.raises(TooLate):
        to_sign(house, late, Verb.FUND_WITH_PERMIT, BUYER)


def test_without_an_escrow_nobody_signs_anything(house: House) -> None:
    nowhere = Place(LOCAL, None, house.node)
    with pytest.raises(EscrowNotDeployed):
        prepare_signature(nowhere, made(house), Verb.FUND_WITH_PERMIT, BUYER, now=0)


def test_a_node_that_fails_or_tells_nonsense_is_not_taken_for_a_token_without_signatures(house: House) -> None:
    payment = made(house)
    for answer in (RpcError("eth_call", -32005, "limit exceeded"), "nonsense", None):
        house.node.answers["eth_call"] = answer
        with pytest.raises(Unavailable):
            to_sign(house, payment, Verb.FUND_WITH_PERMIT, BUYER)


def test_a_domain_told_by_erc_5267_is_believed_where_the_hash_confirms_it(house: House) -> None:
    domain = Domain("Another name", "v9", CHAIN_ID, TOKEN)
    token = Token()
    token.answers["DOMAIN_SEPARATOR()"] = domain.separator
    fields: list[Any] = [b"\x0f", domain.name, domain.version, CHAIN_ID, to_bytes(TOKEN), bytes(32), []]
    types = ["bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"]
    token.answers["eip712Domain()"] = "0x" + encode(types, fields).hex()
    house.node.answers["eth_call"] = token
    assert to_sign(house, made(house), Verb.FUND_WITH_PERMIT, BUYER).typed_data.domain == domain
