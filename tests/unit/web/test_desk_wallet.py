"""Signing in by the wallet that is paid: a text, once, in time, by the right key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from earnest.commands.sign_in_by_wallet import ASKED_FOR_SECONDS
from earnest.payment.primitives import Address
from tests.support.ledger import MERCHANT
from tests.unit.api.house import House
from tests.unit.web.desk import Browser, stranger

OWNER = Account.from_key("0x" + "17" * 32)
OTHER = Account.from_key("0x" + "18" * 32)


@pytest.fixture
def owned(house: House) -> House:
    """A house with an account that is paid to a wallet whose key is known."""
    with house.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2", name="Owned", payout=Address(OWNER.address)))
    return house


def asked(browser: Browser, wallet: str = OWNER.address) -> str:
    answer = browser.post("/desk/sign_in/ask", {"wallet": wallet})
    assert answer.status_code == 200
    return str(answer.text)


def signed(text: str, by: Any = OWNER) -> str:
    return "0x" + bytes(by.sign_message(encode_defunct(text=text)).signature).hex()


def enter(browser: Browser, text: str, signature: str, **more: str) -> Any:
    return browser.post("/desk/sign_in/wallet", {"text": text, "signature": signature, **more})


def test_the_text_says_where_who_and_until_when(owned: House) -> None:
    text = asked(stranger(owned))
    assert text.startswith(f"pay.example wants you to sign in with your Ethereum account:\n{OWNER.address}\n\n")
    assert "Whoever has this signature can refund your buyers, confirm deliveries and make API keys for a week" in text
    assert "such a key lasts until it is revoked" in text
    assert "Sign only at pay.example.\n" in text
    for part in ("URI: https://pay.example/desk\nVersion: 1\nChain ID: ", "\nNonce: ", "\nExpiration Time: "):
        assert part in text
    assert asked(stranger(owned)) != text


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("for a week", "refund your buyers", "API keys")), ("zh", ("一周", "退款", "API 密钥"))],
)
def test_the_page_says_what_the_signature_is_worth_before_it_is_asked_for(
    owned: House, language: str, words: tuple[str, ...]
) -> None:
    page = stranger(owned).get(f"/desk/sign_in?lang={language}").text
    assert all(each in page for each in words)


def test_the_wallet_that_is_paid_is_the_owner(owned: House) -> None:
    browser = stranger(owned)
    text = asked(browser)
    answer = enter(browser, text.replace("\n", "\r\n"), signed(text), next="/desk/keys")
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/keys")
    page = browser.get("/desk/keys")
    assert "Owned" in page.text
    assert "Make a key" in page.text
    with owned.store.read() as tx:
        (entry, *_) = tx.audit.page("mer_2").items
    assert (entry.deed.action, entry.deed.actor) == ("session.begin", f"wallet:{OWNER.address}")


def test_a_text_is_good_once(owned: House) -> None:
    text = asked(stranger(owned))
    assert enter(stranger(owned), text, signed(text)).status_code == 303
    assert enter(stranger(owned), text, signed(text)).status_code == 403


def test_a_failed_try_uses_the_text_up(owned: House) -> None:
    browser = stranger(owned)
    text = asked(browser)
    assert enter(browser, text, signed(text, OTHER)).status_code == 403
    assert enter(browser, text, signed(text)).status_code == 403


def test_a_text_is_good_for_some_minutes(owned: House) -> None:
    browser = stranger(owned)
    text = asked(browser)
    owned.moment[0] += ASKED_FOR_SECONDS
    assert enter(browser, text, signed(text)).status_code == 403


def test_a_text_that_we_did_not_ask_for_signs_nobody_in(owned: House) -> None:
    browser = stranger(owned)
    text = asked(browser)
    for other in (text + " ", text.replace("pay.example", "evil.example"), ""):
        assert enter(browser, other, signed(other)).status_code == 403


@pytest.mark.parametrize("signature", ["", "0x", "0x00", "zz", "0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "11" * 600])
def test_what_is_no_signature_signs_nobody_in(owned: House, signature: str) -> None:
    browser = stranger(owned)
    answer = enter(browser, asked(browser), signature)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_wallet_of_nobody_and_of_several_signs_nobody_in(owned: House) -> None:
    browser = stranger(owned)
    text = asked(browser, OTHER.address)
    assert enter(browser, text, signed(text, OTHER)).status_code == 403
    with owned.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_3", payout=Address(OWNER.address)))
    text = asked(browser)
    assert enter(browser, text, signed(text)).status_code == 403
