"""How many streams may be open: buyers and merchants are counted apart, so that merchants keep their places."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from earnest.api import Limits
from earnest.api.errors import StreamsNotRunning, TooManyStreams
from earnest.api.limits import counts_as
from earnest.api.streams.hub import Hub, Listener
from tests.support.ledger import CHAIN_ID, digest
from tests.unit.api.house import House, open_house

LIMITS = Limits(streams=10, public_streams=8)
PAYMENT = (CHAIN_ID, digest("a payment"))


@pytest.fixture
def house() -> Iterator[House]:
    with open_house(limits=LIMITS) as opened:
        yield opened


@contextmanager
def running(hub: Hub) -> Iterator[None]:
    stop = Event()
    thread = Thread(target=hub.run, args=(stop,))
    thread.start()
    try:
        while True:
            try:
                hub.leave(hub.listen(Listener("merchant:first", "first"), 1))
                break
            except StreamsNotRunning:
                continue
        yield
    finally:
        stop.set()
        thread.join()


def stranger(number: int) -> Listener:
    return Listener(f"address:198.51.100.{number}", payment=PAYMENT)


def test_strangers_with_many_addresses_leave_merchants_their_places(house: House) -> None:
    hub = Hub(house.services)
    with running(hub):
        for number in range(LIMITS.public_streams):
            hub.listen(stranger(number), 20)
        with pytest.raises(TooManyStreams, match="without a key"):
            hub.listen(stranger(99), 20)
        for number in range(LIMITS.streams - LIMITS.public_streams):
            hub.listen(Listener(f"merchant:{number}", str(number)), 20)
        with pytest.raises(TooManyStreams, match="this process"):
            hub.listen(Listener("merchant:one too many", "more"), 20)


def test_merchants_may_have_the_strangers_places_too(house: House) -> None:
    hub = Hub(house.services)
    with running(hub):
        for number in range(LIMITS.streams):
            hub.listen(Listener(f"merchant:{number}", str(number)), 20)


def test_all_addresses_of_one_network_are_one_caller() -> None:
    assert counts_as("2001:db8::1") == counts_as("2001:db8::ffff:1") != counts_as("2001:db8:0:1::1")
    assert counts_as("::ffff:192.0.2.1") == counts_as("192.0.2.1") == "192.0.2.1"
