"""Sends what was stored: broadcasts signed txs, again after a crash or a reorg, and follows each to finality."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from earnest.chain.node import Node
from earnest.chain.sending import OutgoingTx, TxIntent, TxJournal
from earnest.chain.signer import Signer
from earnest.payment.primitives import Address
from earnest.settings import FinalityRule


@dataclass(frozen=True, slots=True)
class SenderStatus:
    """For health checks. `balance` is wei; `capped` says that the fee cap holds a tx back; times are Unix seconds."""

    address: Address
    unsettled: int = 0
    balance: int | None = None
    capped: bool = False
    error: str | None = None
    failures: int = 0
    last_step_at: float | None = None


class Sender:
    """Sends one account's txs on one chain.

    Args:
        node: where they are sent.
        journal: where they are remembered before the world sees them.
        signer: the account.
        chain_id: the chain that the node must be on.
        finality: from when on a block is final.
        max_fee_cap_wei: no tx ever offers more than this per gas.
        stuck_after_seconds: how long an attempt may wait before its fee is raised.
        poll_seconds: how often unsettled txs are looked at.
        explain: what a revert's data (hexadecimal) means, None if unknown.
        clock: wall time in Unix seconds.
    """

    def __init__(
        self,
        node: Node,
        journal: TxJournal,
        signer: Signer,
        *,
        chain_id: int,
        finality: FinalityRule,
        max_fee_cap_wei: int = 500 * 10**9,
        stuck_after_seconds: int = 60,
        poll_seconds: float = 1.0,
        explain: Callable[[str], str | None] = lambda _data: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._status = SenderStatus(signer.address)

    def status(self) -> SenderStatus:
        """Return how it goes; may be called from any thread."""
        return self._status

    def submit(self, intent: TxIntent) -> OutgoingTx:
        """Check, price, sign and store a tx; a running `run` broadcasts it at once.

        Raises:
            TxWouldRevert: the contract would refuse it.
            OperatorOutOfGasMoney: the account cannot pay for it.
            ChainMismatch: the node is on another chain.
        """
        raise NotImplementedError

    def step(self) -> list[OutgoingTx]:
        """Look at every unsettled tx once, do what it needs, and return them as they were before."""
        raise NotImplementedError

    def run(self, stop: Event) -> None:
        """Step until told to stop; a submitted tx wakes it."""
        raise NotImplementedError
