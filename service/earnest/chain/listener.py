"""Asks one node to tell of its heads, bounds what comes, and reads nothing else out of it.

The URL may hold a secret, so only its host is ever named. Source of the methods: go-ethereum's JSON-RPC, "Real-time
events".
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from threading import Event
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from earnest.chain.errors import BadNodeUrl, SubscriptionLost, SubscriptionRefused
from earnest.chain.node import LONGEST_QUANTITY
from earnest.chain.pace import Told
from earnest.payment.primitives import Hash32

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 10.0
"""How long a node may take to agree to a subscription."""
BURST: Final = 200
"""More messages at once than the deepest reorg brings, a head for each block."""
MESSAGES_A_SECOND: Final = 20.0
"""Twice what the fastest chains send; who keeps sending more is left."""
_CHAIN_ID, _SUBSCRIBE = 1, 2


class Wire(Protocol):
    """An open connection."""

    def send(self, message: str) -> None:
        """Send one message."""

    def receive(self, seconds: float) -> str | bytes | None:
        """Return the next message, None if none came in time; raises `SubscriptionLost`."""


Connect = Callable[[str, str], AbstractContextManager[Wire]]
"""Opens a connection to a URL, given the name under which it is spoken of.

Raises `SubscriptionRefused` where no WebSocket is spoken, `SubscriptionLost` where nobody answers.
"""


class _Head(msgspec.Struct):
    number: str
    hash: str


class _Params(msgspec.Struct):
    subscription: str | int
    result: msgspec.Raw


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Message(msgspec.Struct):
    id: int | str | None = None
    method: str = ""
    result: Any = None
    error: _Error | None = None
    params: _Params | None = None


class Listener:
    """Asks one node to tell of its heads.

    Args:
        url: ws or wss; may hold a secret.
        chain_id: the chain that it must be on.
        connect: opens the connection.

    Raises:
        BadNodeUrl: it is no such URL.
    """

    def __init__(self, url: str, chain_id: int, connect: Connect) -> None:
        self._url, self.name = url, _host_of(url)
        self._chain_id, self._connect = chain_id, connect

    def heads(self, stop: Event, patience_seconds: float) -> Generator[Told | None]:
        """Connect, and give each head as it is told; None once subscribed, and each time that none came for a while.

        Raises:
            SubscriptionRefused: it offers no subscriptions, or is on another chain.
            SubscriptionLost: it cannot be reached, closed the connection, floods us, or sends what is no JSON-RPC.
        """
        with self._connect(self._url, self.name) as wire:
            subscription = self._subscribe(wire, stop, patience_seconds)
            if subscription is None:
                return
            yield None
            allowance, before = float(BURST), time.monotonic()
            while not stop.is_set():
                message = wire.receive(patience_seconds)
                now = time.monotonic()
                allowance, before = min(float(BURST), allowance + (now - before) * MESSAGES_A_SECOND), now
                if message is None:
                    yield None
                    continue
                allowance -= 1
                if allowance < 0:
                    raise SubscriptionLost(self.name, f"sends far more than {MESSAGES_A_SECOND:g} messages a second")
                head = self._head(self._read(message), subscription)
                if head is not None:
                    yield head

    def _subscribe(self, wire: Wire, stop: Event, patience_seconds: float) -> str | int | None:
        """Return the subscription's id; None if told to stop."""
        wire.send(_question(_CHAIN_ID, "eth_chainId"))
        wire.send(_question(_SUBSCRIBE, "eth_subscribe", "newHeads"))
        deadline = time.monotonic() + ANSWER_SECONDS
        while not stop.is_set():
            message = wire.receive(patience_seconds)
            if time.monotonic() > deadline:
                raise SubscriptionLost(self.name, f"did not answer within {ANSWER_SECONDS:g} s")
            if message is None:
                continue
            answer = self._read(message)
            if answer.error is not None:
                log.info("the node at %s refuses a subscription: %r", self.name, answer.error.message[:200])
                raise SubscriptionRefused(self.name, f"refuses subscriptions (JSON-RPC error {answer.error.code})")
            if answer.id == _CHAIN_ID:
                self._check_chain(answer.result)
            elif answer.id == _SUBSCRIBE:
                if not isinstance(answer.result, str | int):
                    raise SubscriptionLost(self.name, "answered a subscription without naming it")
                return answer.result
        return None

    def _check_chain(self, told: object) -> None:
        if not isinstance(told, str):
            raise SubscriptionLost(self.name, "told no chain id")
        if (chain_id := self._number(told)) != self._chain_id:
            raise SubscriptionRefused(self.name, f"is on chain {chain_id}; configured is chain {self._chain_id}")

    def _read(self, message: str | bytes) -> _Message:
        try:
            return msgspec.json.decode(message, type=_Message)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            raise SubscriptionLost(self.name, "sent what is no JSON-RPC") from None

    def _head(self, message: _Message, subscription: str | int) -> Told | None:
        """Return the head in a message; None if it is about something else."""
        params = message.params
        if message.method != "eth_subscription" or params is None or params.subscription != subscription:
            return None
        try:
            head = msgspec.json.decode(params.result, type=_Head)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            raise SubscriptionLost(self.name, "told a head that is none") from None
        return Told(self._number(head.number), Hash32(head.hash.lower()))

    def _number(self, text: str) -> int:
        try:
            if len(text) <= LONGEST_QUANTITY:
                return int(text, 16)
        except ValueError:
            pass
        raise SubscriptionLost(self.name, f"told {text[:80]!r} where a number belongs")


def _question(number: int, method: str, *params: str) -> str:
    asked = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return msgspec.json.encode(asked).decode()


def _host_of(url: str) -> str:
    """Return the host and the port of a URL, without what may be secret."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        if parts.scheme in ("ws", "wss") and parts.hostname and (parts.port is None or parts.port > 0):
            return host
    except ValueError:
        pass
    raise BadNodeUrl("for subscriptions it must start with ws:// or wss:// and name a host")
