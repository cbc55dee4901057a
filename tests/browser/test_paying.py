"""Paying with a wallet, from the button to the last status."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Route, expect

from earnest.escrow.create2 import PROXY
from earnest.escrow.txs import UnsignedTx, approve, encode_call
from earnest.localnet.tokens import TEST_TOKEN_ADDRESS
from earnest.payment.primitives import Address
from earnest.payment.typed_data import PERMIT2
from tests.browser.shop import Shop, dialog_says, press, says
from tests.browser.wallet import BrowserWallet
from tests.support.counterparts import PERMIT2_SALT, permit2_code

WALLET = "Test Wallet"


def test_a_buyer_pays_by_usual_txs_and_releases(shop: Shop) -> None:
    payment, wallet = shop.create(), shop.wallet()
    page = shop.visit(payment, wallet)
    says(page, "Waiting for your payment")
    expect(page.locator("body")).not_to_contain_text("order-4711")
    press(page, f"Pay with {WALLET}")
    dialog_says(page, "12.50 tUSD goes into escrow")
    press(page, "Pay with a usual transaction instead")
    dialog_says(page, "Allow the escrow to take exactly 12.50 tUSD")
    dialog_says(page, "Pay 12.50 tUSD into escrow")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")
    assert wallet.asked.count("eth_sendTransaction") == 2
    assert shop.payment(payment)["payer"] == shop.buyer.address

    shop.confirm_delivery(payment)
    says(page, "Delivered, says The sample shop")
    before = shop.balance(shop.payment(payment)["terms"]["merchant"])
    press(page, "I received it")
    dialog_says(page, "12.50 tUSD is released to The sample shop")
    press(page, "Continue in the wallet")
    says(page, "Done: The sample shop is paid")
    released = shop.wait_status(payment, "released")
    assert released["held"]["value"] == "0.00"
    fee = 12_500_000 * released["terms"]["fee_bps"] // 10_000
    assert shop.balance(released["terms"]["merchant"]) == before + 12_500_000 - fee
    assert wallet.asked.count("eth_sendTransaction") == 2  # the receipt was a signature


def test_a_buyer_without_gas_pays_by_a_signature(shop: Shop) -> None:
    payment, wallet = shop.create(), shop.wallet()
    gas_money = shop.rpc.balance(Address(shop.buyer.address))
    page = shop.visit(payment, wallet)
    press(page, f"Pay with {WALLET}")
    dialog_says(page, "you pay no network fee")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")
    assert "eth_sendTransaction" not in wallet.asked
    assert shop.rpc.balance(Address(shop.buyer.address)) == gas_money
    assert wallet.signed[0]["primaryType"] == "ReceiveWithAuthorization"
    assert shop.payment(payment)["buyer"] == shop.buyer.address


def test_where_the_token_itself_takes_no_signature_permit2_does(shop: Shop) -> None:
    payment, wallet = shop.create(), shop.wallet()
    forbid_authorization(shop, payment, wallet)
    approve_permit2(shop, wallet)
    page = shop.visit(payment, wallet)
    press(page, f"Pay with {WALLET}")
    dialog_says(page, "you pay no network fee")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")
    assert wallet.signed[-1]["primaryType"] == "PermitWitnessTransferFrom"
    assert "eth_sendTransaction" not in wallet.asked


def forbid_authorization(shop: Shop, payment: dict[str, Any], wallet: BrowserWallet) -> None:
    """Cancel the buyer's EIP-3009 authorization of a payment, as if the token knew none."""
    path = f"/v1/payments/{payment['id']}/txs/fund_with_authorization?from={shop.buyer.address}"
    domain = shop.api.get(path).raise_for_status().json()["typed_data"]
    cancel = {
        **domain,
        "types": {
            "EIP712Domain": domain["types"]["EIP712Domain"],
            "CancelAuthorization": [{"name": "authorizer", "type": "address"}, {"name": "nonce", "type": "bytes32"}],
        },
        "primaryType": "CancelAuthorization",
        "message": {"authorizer": shop.buyer.address, "nonce": payment["id"]},
    }
    signature = bytes.fromhex(wallet.sign(cancel)[2:])
    types = ["address", "bytes32", "uint8", "bytes32", "bytes32"]
    values = [shop.buyer.address, bytes.fromhex(payment["id"][2:]), signature[64], signature[:32], signature[32:64]]
    data = encode_call("cancelAuthorization", types, values)
    shop.chain.send(
        UnsignedTx(Address(TEST_TOKEN_ADDRESS), data, 0, shop.stack.network.chain_id), by=shop.chain.accounts[8]
    )
    assert shop.api.get(path).json()["code"] == "takes_no_signature"


def approve_permit2(shop: Shop, wallet: BrowserWallet) -> None:
    """Have the true Permit2 on the chain, and the buyer's allowance for it, as most wallets have."""
    chain_id = shop.stack.network.chain_id
    if shop.rpc.call("eth_getCode", [PERMIT2, "latest"]) == "0x":
        data = PERMIT2_SALT + permit2_code().hex()
        shop.chain.send(UnsignedTx(PROXY, data, 0, chain_id), by=shop.chain.accounts[8])
    shop.chain.send(approve(Address(TEST_TOKEN_ADDRESS), chain_id, PERMIT2, 10**12), by=wallet.account)


def test_coin_is_paid_by_one_tx(shop: Shop) -> None:
    payment, wallet = shop.create("0.05", "ETH"), shop.wallet()
    page = shop.visit(payment, wallet)
    press(page, f"Pay with {WALLET}")
    dialog_says(page, "Pay 0.05 ETH into escrow")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")
    assert wallet.asked.count("eth_sendTransaction") == 1


def test_a_tx_that_goes_elsewhere_is_never_shown_to_the_wallet(shop: Shop) -> None:
    payment, wallet = shop.create("0.05", "ETH"), shop.wallet()
    page = shop.visit(payment, wallet)

    def tamper(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "to": shop.chain.accounts[8].address})

    page.route("**/txs/fund?*", tamper)
    press(page, f"Pay with {WALLET}")
    dialog_says(page, "does not go to this payment’s escrow or token. Nothing was signed.")
    assert wallet.sent == []


@pytest.mark.parametrize(
    ("field", "value"), [("to", "0x" + "11" * 20), ("value", "99000000"), ("nonce", "0x" + "22" * 32)]
)
def test_a_signature_that_is_about_something_else_is_never_asked_for(shop: Shop, field: str, value: str) -> None:
    payment, wallet = shop.create(), shop.wallet()
    page = shop.visit(payment, wallet)

    def tamper(route: Route) -> None:
        told = (answer := route.fetch()).json()
        told["typed_data"]["message"][field] = value
        route.fulfill(response=answer, json=told)

    page.route("**/txs/fund_with_authorization?*", tamper)
    press(page, f"Pay with {WALLET}")
    dialog_says(page, "Nothing was signed.")
    assert wallet.signed == []


def test_a_wallet_on_another_network_is_offered_to_switch(shop: Shop) -> None:
    payment, wallet = shop.create(), shop.wallet(chain_id=1)
    page = shop.visit(payment, wallet)
    press(page, f"Pay with {WALLET}")
    dialog_says(page, "Your wallet is on another network")
    assert "eth_signTypedData_v4" not in wallet.asked
    press(page, "Switch to the development chain")
    dialog_says(page, "12.50 tUSD goes into escrow")
    assert wallet.chain_id == shop.stack.network.chain_id
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")


def test_a_wallet_that_does_not_know_the_network_is_told_its_number(shop: Shop) -> None:
    page = shop.visit(shop.create(), shop.wallet(chain_id=1, knows={1}))
    press(page, f"Pay with {WALLET}")
    press(page, "Switch to the development chain")
    dialog_says(page, "does not know the development chain (chain id 31337)")


def test_a_rejected_signature_is_taken_calmly_and_asked_for_again(shop: Shop) -> None:
    payment, wallet = shop.create(), shop.wallet()
    page = shop.visit(payment, wallet)
    wallet.reject_next("eth_signTypedData_v4")
    press(page, f"Pay with {WALLET}")
    press(page, "Continue in the wallet")
    dialog_says(page, "You said no in your wallet. Nothing was sent and nothing was paid.")
    says(page, "Waiting for your payment")
    press(page, "Try again")
    dialog_says(page, "12.50 tUSD goes into escrow")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")


def test_where_the_answer_was_lost_the_page_does_not_say_that_nothing_was_paid(shop: Shop) -> None:
    payment, wallet = shop.create(), shop.wallet()
    page = shop.visit(payment, wallet)

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/relay", lose_the_answer)
    press(page, f"Pay with {WALLET}")
    press(page, "Continue in the wallet")
    dialog_says(page, "Something was sent before, and may still count.")
    says(page, "Paid: your money is in escrow")
    shop.said = [each for each in shop.said if "ERR_FAILED" not in each]


def test_a_wallet_that_owns_too_little_is_told_before_it_signs(shop: Shop) -> None:
    payment, wallet = shop.create("2000000.00"), shop.wallet()
    page = shop.visit(payment, wallet)
    press(page, f"Pay with {WALLET}")
    dialog_says(page, "The payment is 2,000,000.00 tUSD")
    assert not wallet.signed
    assert not wallet.sent


def test_only_the_buyers_account_can_say_that_it_arrived(shop: Shop) -> None:
    payment, wallet = shop.create(), shop.wallet()
    page = shop.visit(payment, wallet)
    press(page, f"Pay with {WALLET}")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")
    wallet.account, own = shop.chain.accounts[8], wallet.account
    press(page, "I received it")
    dialog_says(page, "Only the buyer 0x")
    wallet.account = own
    page.evaluate("window.__emit('accountsChanged', ['the other one'])")
    dialog_says(page, "12.50 tUSD is released to The sample shop")
