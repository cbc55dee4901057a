"""The developer's kit on one stack: every notification happens for real, is forwarded and signed, and is read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from earnest.client import BadSignature, Client, Problem, read_webhook
from earnest.payment.notifications import NotificationType
from earnest.payment.status import Verb
from earnest.testing.happenings import HAPPENINGS, parse_happening
from earnest.testing.shop import Shop
from earnest.testing.shops import Shops
from earnest.testing.stack import LocalStack
from earnest.testing.webhook_receiver import Received, WebhookReceiver

pytestmark = pytest.mark.xdist_group("kit")

SECRET = "whsec_" + "A" * 44


def test_every_notification_has_something_that_makes_it_happen() -> None:
    assert HAPPENINGS.keys() == set(NotificationType)
    assert parse_happening("funded") is parse_happening("payment.funded") is NotificationType.FUNDED


@pytest.mark.parametrize("kind", NotificationType)
def test_what_is_triggered_is_heard_by_a_verified_webhook(earnest: Shop, kind: NotificationType) -> None:
    payment = HAPPENINGS[kind](earnest)
    heard = payment.heard(kind)
    assert heard.verified
    assert read_webhook(heard.raw, heard.headers, _secret(earnest)).payment_id == payment.id


def test_a_webhook_that_was_changed_on_the_way_is_not_read(earnest: Shop) -> None:
    heard = earnest.create().fund().heard("funded")
    with pytest.raises(BadSignature):
        read_webhook(heard.raw + b" ", heard.headers, _secret(earnest))
    with pytest.raises(BadSignature):
        read_webhook(heard.raw, heard.headers, SECRET)


def test_a_test_that_expects_the_wrong_amount_fails_with_both(earnest: Shop) -> None:
    payment = earnest.create("12.50 tUSD").fund()
    with pytest.raises(AssertionError, match=r"to_buyer is 0\.00 tUSD, not 12\.50"):
        payment.expect("funded", to_buyer="12.50")
    earnest.patience_seconds = 0.1
    with pytest.raises(AssertionError, match="to be released; it is funded"):
        payment.expect("released")


def test_shops_hear_nothing_of_each_other(earnest: Shop, earnest_stack: LocalStack) -> None:
    earnest.create().fund().heard("funded")
    with Shops(earnest_stack) as shops, shops.open() as other:
        other.create().fund().heard("funded")
        for shop in (earnest, other):
            assert shop.webhooks is not None
            heard = {each.payment_id for each in shop.webhooks.received}
            assert heard == {each.id for each in shop.client.payments()}


def test_the_client_lists_what_was_made_once_and_names_what_is_wrong(earnest: Shop) -> None:
    made = [earnest.client.create_payment("1", "tUSD", order_reference=f"A-{n}").id for n in range(3)]
    assert {each.id for each in earnest.client.payments()} == set(made)
    assert [each.id for each in earnest.client.payments(order_reference="A-1")] == [made[1]]
    again = [earnest.client.create_payment("1", "tUSD", idempotency_key="the same").id for _ in range(2)]
    assert len(set(again)) == 1
    with pytest.raises(Problem) as refused:
        earnest.client.create_payment("1", "DOGE")
    assert (refused.value.kind, refused.value.status) == ("unknown_token", 422)
    assert earnest.client.payment(made[0]).can(Verb.FUND)


def test_listen_forwards_what_comes_and_what_came_signed_by_its_own_secret(earnest: Shop) -> None:
    before = earnest.create().fund()
    before.heard("funded")
    first = next(earnest.client.events(payment=before.id))
    with WebhookReceiver(SECRET) as program, listening(earnest, program.url, "--after", first.id):
        payment = earnest.create().fund().refund()
        refunded = program.wait_for("payment.refunded", payment.id, timeout=20)
        assert read_webhook(refunded.raw, refunded.headers, SECRET).payment.to_buyer.value > 0
        assert all(each.type != "payment.funded" for each in program.received), "the filter let something through"
    told = _same(earnest.webhooks, refunded)
    assert told.raw == refunded.raw


@contextmanager
def listening(shop: Shop, url: str, *options: str) -> Iterator[None]:
    """Run `earnest listen` until the end of the block."""
    command = ["listen", "--forward-to", url, "--events", "payment.refunded", "--secret", SECRET, *options]
    with subprocess.Popen(_command(shop, *command), stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _command(shop: Shop, *arguments: str) -> list[str]:
    return [
        str(Path(sys.executable).parent / "earnest"),
        *arguments,
        "--api-url",
        shop.client.http.base_url,
        "--api-key",
        shop.api_key,
    ]


def _secret(shop: Shop) -> str:
    assert shop.webhooks is not None
    (secret,) = shop.webhooks.secrets
    return secret


def _same(receiver: WebhookReceiver | None, wanted: Received) -> Received:
    assert receiver is not None
    return receiver.wait_for(wanted.type, wanted.payment_id)


def test_a_client_without_a_key_sees_what_a_buyer_may_see(earnest: Shop) -> None:
    payment = earnest.create(order_reference="secret to the buyer")
    with Client(earnest.client.http.base_url) as stranger:
        assert stranger.checkout(payment.id).amount == payment.now.amount
        with pytest.raises(Problem, match="key"):
            stranger.payment(payment.id)
