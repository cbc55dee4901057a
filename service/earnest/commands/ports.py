"""What commands need from outside, as they see it; the wiring fills these in, tests put fakes there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from earnest.chain.sending import OutgoingTx, TxIntent
from earnest.payment.primitives import Address
from earnest.settings import Network


class Node(Protocol):
    """A chain's JSON-RPC endpoint."""

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return a call's result; raises from the tree (`Unavailable` and its leaves)."""


class HasAddress(Protocol):
    """A sender's status, as far as commands look at it."""

    @property
    def address(self) -> Address:
        """The operator's address."""


class Submitter(Protocol):
    """Whoever sends txs with the operator's key."""

    def status(self) -> HasAddress:
        """Return how it goes, and which address it sends from."""

    def submit(self, intent: TxIntent) -> OutgoingTx:
        """Ask the chain, then sign and store the tx; it is broadcast after that. Raises `Conflict` for a revert."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where payments live: a chain and the escrow on it; None: the escrow is not deployed there.

    `code_seen` remembers which tokens were found to be contracts.
    """

    network: Network
    escrow: Address | None
    node: Node
    code_seen: set[Address] = field(default_factory=set, compare=False)


class EndpointKit(Protocol):
    """What webhooks do for the commands on endpoints; sealed bytes are opaque here."""

    def check_url(self, url: str) -> str:
        """Return a URL that webhooks may go to; raises `InvalidInput` with the reason for any other."""

    def new_secret(self) -> tuple[str, bytes]:
        """Return a new secret to be shown once, and what is kept of it."""

    def rotate(self, sealed: bytes, now: int) -> tuple[str, bytes]:
        """Return a new secret, and what is kept of it and the former one."""
