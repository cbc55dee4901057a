"""The tests' order, and one stack for all that leave it as they found it: starting one takes seconds."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from earnest.testing.stack import LocalStack
from earnest.testing.webhook_receiver import WebhookReceiver
from tests.acceptance.bad_input import Shop

LONGEST_FIRST = (
    # The kit's two files are one group, which one worker takes as a whole.
    *("test_kit_documents", "test_kit_happenings", "test_demo", "test_bad_input_nodes"),
    *("test_two_services", "test_payment_commands"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left alone with it at the end."""
    places = [place for place, item in enumerate(items) if Path(__file__).parent in item.path.parents]
    ordered = sorted((items[place] for place in places), key=_rank)
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


def _rank(item: pytest.Item) -> int:
    return LONGEST_FIRST.index(item.path.stem) if item.path.stem in LONGEST_FIRST else len(LONGEST_FIRST)


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
