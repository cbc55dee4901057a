"""One stack for all tests of bad input that leave it as they found it: starting one takes seconds."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

import pytest

from earnest.testing.stack import LocalStack
from earnest.testing.webhook_receiver import WebhookReceiver
from tests.acceptance.bad_input import Shop


@pytest.fixture(scope="session")
def shared_shop(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shop]:
    """A merchant on a stack that many tests share."""
    with (
        LocalStack(tmp_path_factory.mktemp("stack")) as stack,
        WebhookReceiver() as receiver,
        closing(Shop(stack, receiver)) as shop,
    ):
        yield shop


@pytest.fixture
def shop(shared_shop: Shop) -> Generator[Shop]:
    """The shared shop, with a payment from before; afterwards the service must go on and still have it."""
    earlier = shared_shop.ids()
    payment, terms = shared_shop.create()
    shared_shop.fund(terms)
    before = shared_shop.wait_status(payment, "funded")
    yield shared_shop
    shared_shop.check_goes_on()
    after = shared_shop.shown(payment)
    assert (after["status"], after["held"], after["version"] >= before["version"]) == ("funded", before["held"], True)
    assert earlier | {payment} <= shared_shop.ids()
