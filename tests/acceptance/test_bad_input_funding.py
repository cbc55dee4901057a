"""Wallets that pay wrongly, foreign terms, an operator without gas money: the chain refuses, and nobody loses anything.

What the contract refuses is sent all the same, past every estimate: it is mined, and nothing moves but the gas.
"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from earnest.chain.errors import TxWouldRevert
from earnest.chain.sending import UnsignedTx
from earnest.chain.signer import LocalSigner
from earnest.cli.demo.run import account_of
from earnest.escrow.txs import UnsignedTx as Call
from earnest.escrow.txs import reclaim
from earnest.payment.primitives import Address, Hash32
from earnest.payment.terms import Terms
from earnest.store import open_store
from tests.acceptance.bad_input import Shop, database_url, problem, until

GAS = 300_000
GWEI = 10**9
NO_CONTRACT = Address("0x00000000000000000000000000000000000000AA")


def send_whatever_comes(shop: Shop, call: Call, by: str = "buyer") -> bool:
    """Send a tx that no wallet would send, and return whether it succeeded once mined."""
    signer = LocalSigner.from_key(account_of(by).private_key)
    unsigned = UnsignedTx(
        chain_id=call.chain_id,
        nonce=shop.rpc.tx_count(signer.address, "pending"),
        to=call.to,
        data=bytes.fromhex(call.data[2:]),
        value=call.value,
        gas=GAS,
        max_fee_per_gas=10 * GWEI,
        max_priority_fee_per_gas=GWEI,
    )
    signed = signer.sign(unsigned, int(time.time()))
    shop.rpc.send_raw(signed.raw)
    receipt = until(lambda: shop.rpc.receipts([signed.hash])[0], "a receipt")
    return receipt.succeeded


def check_refused(shop: Shop, call: Call, *words: str) -> None:
    """Check that a wallet is told why, and that the tx moves nothing even if it is sent."""
    with pytest.raises(TxWouldRevert) as refused:
        shop.wallet("buyer").send(call)
    for word in words:
        assert word in str(refused.value)
    held, owned = shop.held(), shop.rpc.balance(Address(account_of("buyer").address))
    assert not send_whatever_comes(shop, call)
    assert shop.held() == held
    assert owned - shop.rpc.balance(Address(account_of("buyer").address)) <= GAS * 10 * GWEI


def foreign_terms(shop: Shop) -> Terms:
    """Return terms that name our merchant and our operator, but another arbiter; he never created them."""
    _, terms = shop.create()
    return replace(terms, arbiter=Address(account_of("second buyer").address), order_hash=Hash32("0x" + "77" * 32))


def told_about(shop: Shop, payment: Hash32) -> list[str]:
    """Return the types of all notifications about a payment."""
    rows = shop.get("/v1/events?limit=100").json()["data"]
    return [row["type"] for row in rows if row["data"]["id"] == payment]


@pytest.mark.parametrize("difference", [-1, 1])
def test_funding_with_the_wrong_amount_moves_nothing(shop: Shop, difference: int) -> None:
    payment, terms = shop.create()
    wrong = terms.amount + difference
    check_refused(shop, shop.fund_tx(terms, value=wrong), f"{wrong} wei were sent, and the amount is {terms.amount}")
    assert shop.shown(payment)["status"] == "created"
    shop.fund(terms)
    assert shop.wait_status(payment, "funded")["held"]["base_units"] == str(terms.amount)


def test_funding_twice_takes_the_money_once(shop: Shop) -> None:
    payment, terms = shop.create()
    shop.fund(terms)
    shop.wait_status(payment, "funded")
    check_refused(shop, shop.fund_tx(terms), f"payment {payment} was funded before", "cannot be funded again")
    wallet = account_of("buyer").address
    problem(shop.get(f"/v1/payments/{payment}/txs/fund?from={wallet}"), 409, "conflict", "while the payment is funded")
    assert [row["seq"] for row in shop.get(f"/v1/payments/{payment}/timeline").json()["data"]] == [1]
    assert shop.shown(payment)["held"]["base_units"] == str(terms.amount)


def test_funding_too_late_is_refused_and_the_payment_expires(shop: Shop) -> None:
    payment, terms = shop.create()
    shop.travel(3_601)
    check_refused(shop, shop.fund_tx(terms), f"could be funded before {terms.pay_by}; chain time is")
    assert shop.wait_status(payment, "expired")["held"]["base_units"] == "0"
    wallet = account_of("buyer").address
    told = problem(shop.get(f"/v1/payments/{payment}/txs/fund?from={wallet}"), 409, "too_late", str(terms.pay_by))
    assert "fund was possible until" in told["detail"]
    problem(shop.post(f"/v1/payments/{payment}/confirm_delivery"), 409, "conflict", "while the payment is expired")
    until(lambda: shop.receiver.wait_for("payment.expired", payment) or True, "the webhook")


def test_a_token_that_is_no_contract_cannot_be_paid_with(shop: Shop) -> None:
    _, terms = shop.create()
    terms = replace(terms, token=NO_CONTRACT)
    check_refused(shop, shop.fund_tx(terms), f"the token {NO_CONTRACT} is no contract on this chain")
    problem(shop.get(f"/v1/checkout/{shop.id_of(terms)}"), 404, "not_found")


def test_foreign_terms_that_name_our_merchant_are_kept_and_never_his(shop: Shop) -> None:
    terms = replace(foreign_terms(shop), delivery_period=60)
    payment = shop.id_of(terms)
    shop.fund(terms)
    store = open_store(database_url(shop.stack.data_dir))
    try:

        def stored() -> str | None:
            with store.read() as tx:
                found = tx.payments.many(shop.stack.network.chain_id, [payment]).get(payment)
            assert found is None or found.is_foreign
            return str(found.state.status) if found else None

        assert until(stored, "the foreign payment") == "funded"
        assert payment not in shop.ids()
        for verb in ("confirm_delivery", "refund"):
            problem(shop.post(f"/v1/payments/{payment}/{verb}"), 404, "not_found", payment)
        for path in (f"/v1/payments/{payment}", f"/v1/payments/{payment}/timeline", f"/v1/checkout/{payment}"):
            problem(shop.get(path), 404, "not_found", payment)
        # His buyer is not stuck: time alone lets him have it back.
        shop.travel(61)
        shop.wallet("anyone").send(reclaim(shop.stack.deployment.address, shop.stack.network.chain_id, terms))
        assert until(lambda: stored() if stored() == "reclaimed" else None, "its end")
    finally:
        store.close()
    assert told_about(shop, payment) == []
    assert payment not in {each.payment_id for each in shop.receiver.received}


def test_an_operator_without_gas_money_queues_nothing_and_can_when_he_has_some(shop: Shop) -> None:
    payment, terms = shop.create()
    shop.fund(terms)
    shop.wait_status(payment, "funded")
    operator = shop.stack.operator.address
    shop.rpc.call("anvil_setBalance", [operator, hex(1_000)])
    for verb in ("confirm_delivery", "refund"):
        told = problem(
            shop.post(f"/v1/payments/{payment}/{verb}"),
            *(503, "operator_out_of_gas_money"),
            *(f"{operator} has 1000 wei and needs", "send it at least"),
        )
        assert told["retryable"]
    assert shop.get(f"/v1/payments/{payment}/txs").json()["data"] == []
    shop.check_goes_on()
    shop.rpc.call("anvil_setBalance", [operator, hex(10**18)])
    assert shop.post(f"/v1/payments/{payment}/confirm_delivery").status_code == 202
    shop.wait_status(payment, "delivered")
    assert len(shop.get(f"/v1/payments/{payment}/txs").json()["data"]) == 1
