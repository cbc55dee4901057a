"""A payment's life by `earnest payment …` alone: the merchant's verbs by the API, the others by people's own keys."""

from __future__ import annotations

import json
from typing import Any

from earnest.cli.demo.run import account_of, sample_merchant
from earnest.testing.stack import LocalStack
from tests.acceptance.bad_input import Said, Shop, earnest


def test_two_payments_go_their_ways_by_commands(shop: Shop) -> None:
    stack = shop.stack
    paid = told(as_merchant(stack, "create", "10.00", "tUSD", "--order", "by-command"))
    assert sent(as_role(stack, "buyer", "fund", paid["id"])) == 2  # the approval, then the payment
    assert sent(as_role(stack, "buyer", "release", paid["id"], "--amount", "4.00")) == 1
    left = shop.wait_shown(paid["id"], "6.00 held", lambda now: bool(now["held"]["value"] == "6.00"))
    assert left["status"] == "funded"
    told(as_merchant(stack, "refund", paid["id"], "--amount", "1.00"))
    told(as_merchant(stack, "confirm-delivery", paid["id"]))
    shop.wait_status(paid["id"], "delivered")
    assert sent(as_role(stack, "buyer", "dispute", paid["id"])) == 1
    as_role(stack, "arbiter", "resolve", paid["id"], "--to-buyer", "1", "--to-merchant", "1").refuses(1, "5000000")
    split = ("--to-buyer", "2000000", "--to-merchant", "3000000")
    assert sent(as_role(stack, "arbiter", "resolve", paid["id"], *split)) == 1
    ended = shop.wait_status(paid["id"], "resolved")
    assert [ended[name]["value"] for name in ("to_buyer", "to_merchant", "to_fee_recipient")] == [
        "3.00",
        "6.93",
        "0.07",
    ]
    as_role(stack, "anyone", "withdraw", paid["id"]).refuses(1, "owes")
    as_role(stack, "anyone", "reclaim", paid["id"]).refuses(1, "resolved")


def test_a_buyer_without_coin_pays_and_receives_by_signatures_and_is_repaid(shop: Shop) -> None:
    stack = shop.stack
    paid = told(as_merchant(stack, "create", "5.00", "tUSD"))
    signed = told(as_role(stack, "second buyer", "sign-authorization", paid["id"]))
    assert signed["payer"] == account_of("second buyer").address
    how = ("--payer", signed["payer"], "--valid-before", signed["valid_before"], "--signature", signed["signature"])
    assert sent(as_role(stack, "anyone", "fund-with-authorization", paid["id"], *how)) == 1
    shop.wait_status(paid["id"], "funded")
    as_role(stack, "anyone", "sign-receipt", paid["id"]).refuses(2, "is not the buyer")
    wrong = ("--signature", signed["signature"])
    as_role(stack, "anyone", "release-with-receipt", paid["id"], *wrong).refuses(1, "no receipt")
    right = told(as_role(stack, "second buyer", "sign-receipt", paid["id"]))["signature"]
    assert sent(as_role(stack, "anyone", "release-with-receipt", paid["id"], "--signature", right)) == 1
    shop.wait_status(paid["id"], "released")
    assert sent(as_role(stack, "merchant", "repay", paid["id"], "--amount", "2.00")) == 2
    assert sent(as_role(stack, "merchant", "repay", paid["id"], "--amount", "3.00")) == 2
    given_back = shop.wait_shown(paid["id"], "5.00 repaid", lambda now: bool(now["repaid"]["value"] == "5.00"))
    assert given_back["status"] == "repaid"


def test_two_payments_are_confirmed_by_one_command_and_a_permit_needs_no_approval(shop: Shop) -> None:
    stack = shop.stack
    ids = [told(as_merchant(stack, "create", "1.00", "tUSD"))["id"] for _ in range(2)]
    for each in ids:
        assert sent(as_role(stack, "buyer", "fund", each, "--permit")) == 1
        shop.wait_status(each, "funded")
    answer = told(as_merchant(stack, "confirm-delivery-many", *ids))
    assert [each["payments"] for each in answer["sent"]] == [ids]
    shop.wait_status(ids[1], "delivered")
    early = told(as_merchant(stack, "release-many", ids[0]))
    assert early["left_out"][0]["payment"] == ids[0]
    as_role(stack, "anyone", "collect", ids[0]).refuses(1, "buyer")


def as_merchant(stack: LocalStack, *arguments: str) -> Said:
    """Run a merchant's verb with the sample merchant's key."""
    key = sample_merchant(stack).api_key
    return earnest("payment", *arguments, env={"EARNEST_API_URL": stack.api_url, "EARNEST_API_KEY": key})


def as_role(stack: LocalStack, role: str, *arguments: str) -> Said:
    """Run a verb with somebody's own key, at a node of his own choice."""
    env = {
        "EARNEST_API_URL": stack.api_url,
        "EARNEST_RPC_URL": stack.node_url,
        "EARNEST_WALLET_KEY": account_of(role).private_key,
    }
    return earnest("payment", *arguments, "--yes", env=env)


def told(said: Said) -> dict[str, Any]:
    """Return what a command printed."""
    assert said.status == 0, said.err
    return dict(json.loads(said.out))


def sent(said: Said) -> int:
    """Return how many txs a command sent, each told with its hash."""
    assert said.status == 0, said.err
    return said.out.count('"tx_hash"')
