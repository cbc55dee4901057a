"""Sends what was stored: broadcasts signed txs, again after a crash or a reorg, and follows each to finality.

An intent has one nonce for ever. Its bytes, and those of every replacement, are in the journal before any node sees
them; so whatever happens in between, the same nonce carries the same intent, and the chain takes it once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event

from earnest.chain.backoff import backoff_seconds
from earnest.chain.errors import ChainMismatch, RpcError
from earnest.chain.node import Node
from earnest.chain.pushing import Pusher, note
from earnest.chain.sending import OutgoingTx, SignedTx, TxIntent, TxJournal, TxState, UnsignedTx
from earnest.chain.signer import Signer
from earnest.chain.submitting import Offer, check
from earnest.chain.updates import Block
from earnest.chain.whereabouts import Mined, View, find_mined, look
from earnest.chain.words import public_words
from earnest.payment.errors import EarnestError, Misconfigured
from earnest.payment.primitives import Address
from earnest.settings import FinalityRule

log = logging.getLogger(__name__)

MAX_FEE_CAP_WEI = 500 * 10**9
"""500 gwei per gas: more than that was asked for on few days ever."""
STUCK_AFTER_SECONDS = 60
"""Five blocks of the slowest chain we know."""


@dataclass(frozen=True, slots=True)
class SenderStatus:
    """For health checks. `error` says what stands in the way now; `balance` is wei, times are Unix seconds."""

    address: Address
    unsettled: int = 0
    balance: int | None = None
    error: str | None = None
    failures: int = 0
    last_step_at: float | None = None


class Sender:
    """Sends one account's txs on one chain. `submit` may be called from any thread, also where no `run` is under way.

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
        max_fee_cap_wei: int = MAX_FEE_CAP_WEI,
        stuck_after_seconds: int = STUCK_AFTER_SECONDS,
        poll_seconds: float = 1.0,
        explain: Callable[[str], str | None] = lambda _data: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._node, self._journal, self._signer = node, journal, signer
        self._chain_id, self._finality = chain_id, finality
        self._cap = max_fee_cap_wei
        self._poll_seconds, self._explain, self._clock = poll_seconds, explain, clock
        self._status = SenderStatus(signer.address)
        self._pusher = Pusher(
            node, journal, signer, cap=max_fee_cap_wei, stuck_after_seconds=stuck_after_seconds, clock=clock
        )
        self._wake = Event()
        self._chain_checked = False
        self._nonce_used_by: dict[str, Block] = {}
        """Txs whose nonce was found used by something else, and the newest block when that was first seen."""

    @property
    def address(self) -> Address:
        """The account that sends."""
        return self._signer.address

    def status(self) -> SenderStatus:
        """Return how it goes; may be called from any thread."""
        return self._status

    def submit(self, intent: TxIntent) -> OutgoingTx:
        """Check, price, sign and store a tx; a running `run` broadcasts it at once.

        An intent that was submitted before gets the tx that it has, whatever became of it.

        Raises:
            TxWouldRevert: the contract would refuse it.
            TooMuchGas: it would burn more gas than the intent allows, or than a chain takes.
            OperatorOutOfGasMoney: the account cannot pay for it.
            ChainMismatch: the node is on another chain.
            Unavailable: the node does not answer; nothing was stored.
        """
        known = self._journal.find(intent.dedupe_key)
        if known is not None:
            return known
        with self._node.turn():
            return self._submit(intent)

    def _submit(self, intent: TxIntent) -> OutgoingTx:
        self._check_chain()
        offer = check(self._node, self.address, intent, self._journal.unsettled(), self._cap, self._explain)

        def sign(nonce: int) -> SignedTx:
            return self._sign(nonce, intent, offer)

        tx = self._journal.enqueue(intent, self._node.tx_count(self.address), sign)
        self._wake.set()
        return tx

    def step(self) -> list[OutgoingTx]:
        """Look at every unsettled tx once, do what it needs, and return them as they were before.

        Raises:
            Unavailable: the node did not answer; the next step goes on from where this one was.
            ChainMismatch: the node is on another chain.
        """
        try:
            with self._node.turn():
                txs = self._step()
        except EarnestError as error:
            self._chain_checked = False
            self._status = replace(self._status, error=public_words(error), failures=self._status.failures + 1)
            raise
        self._status = replace(self._status, unsettled=len(txs), failures=0, last_step_at=self._clock())
        return txs

    def run(self, stop: Event) -> None:
        """Step until told to stop; a submitted tx wakes it. Raises `Misconfigured` when only the host can help."""
        while not stop.is_set():
            self._wake.clear()
            wait = self._poll_seconds
            try:
                self.step()
            except Misconfigured as error:
                log.critical("sending on chain %d stopped: %s", self._chain_id, error)
                raise
            except EarnestError as error:
                log.warning("sending on chain %d waits: %s", self._chain_id, error)
                wait = backoff_seconds(self._status.failures)
            self._rest(stop, wait)

    def wake(self) -> None:
        """Make a running `run` look at once: for a `submit` elsewhere, or a quick stop."""
        self._wake.set()

    def _rest(self, stop: Event, seconds: float) -> None:
        """Wait, but no longer than until a tx is submitted, and notice soon when we are to stop."""
        deadline = time.monotonic() + seconds
        while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
            if self._wake.wait(min(left, 0.2)):
                return

    def _step(self) -> list[OutgoingTx]:
        txs = sorted(self._journal.unsettled(), key=lambda tx: tx.nonce)
        problem: str | None = None
        balance = self._status.balance
        if txs or balance is None:
            self._check_chain()
            balance = self._node.balance(self.address)
        if txs:
            view = look(self._node, self.address, self._finality)
            mined = find_mined(self._node, txs)
            for tx in txs:
                if tx.id in mined:
                    self._follow(tx, mined[tx.id], view)
                elif view.nonce > tx.nonce:
                    self._await_loss(tx, view)
                else:
                    self._nonce_used_by.pop(tx.id, None)
                    problem = self._pusher.push(tx, view) or problem
            unmined = [tx.nonce for tx in txs if tx.id not in mined]
            problem = self._gap(unmined, view.nonce) or problem
        self._status = replace(self._status, balance=balance, error=problem)
        return txs

    def _gap(self, unmined: list[int], chain_nonce: int) -> str | None:
        """Return what to do where no tx of ours has the nonce that the chain waits for: then none is ever mined."""
        if not unmined or min(unmined) <= chain_nonce:
            return None
        return (
            f"the chain waits for nonce {chain_nonce} of {self.address}, and the lowest one waiting here is "
            f"{min(unmined)} (a node once told too high a number): send a tx from that account with each nonce between"
        )

    def _follow(self, tx: OutgoingTx, mined: Mined, view: View) -> None:
        """Note the block of a mined tx; once that is final, the tx is settled."""
        self._nonce_used_by.pop(tx.id, None)
        error = None if mined.succeeded else "the contract refused it when it was mined"
        if mined.block.number > view.final_number:
            state = TxState.INCLUDED
        else:
            state = TxState.FINAL if mined.succeeded else TxState.FAILED
        note(self._journal, tx, state, block=mined.block, error=error)

    def _await_loss(self, tx: OutgoingTx, view: View) -> None:
        """Another tx used this nonce; ours is lost once the block by which that was so is final.

        Only then is it proven that no attempt can ever be mined. Before, a reorg could still bring one back.
        """
        seen = self._nonce_used_by.setdefault(tx.id, view.latest)
        if seen.number > view.final_number:
            note(self._journal, tx, TxState.BROADCAST, error="another tx used its nonce; waiting for that to be final")
            return
        told = self._node.header(seen.number)
        if told is None or told.block.hash != seen.hash or not self._used_at(seen.number, tx.nonce):
            self._nonce_used_by[tx.id] = view.latest  # a reorg: what was seen there is no proof any more
            return
        del self._nonce_used_by[tx.id]
        note(self._journal, tx, TxState.LOST, error="another tx used its nonce, and that is final")

    def _used_at(self, number: int, nonce: int) -> bool:
        try:
            return self._node.tx_count(self.address, number) > nonce
        except RpcError:
            return True  # many nodes forget the state of final blocks; then what they said at the time must do

    def _sign(self, nonce: int, intent: TxIntent, offer: Offer) -> SignedTx:
        unsigned = UnsignedTx(
            chain_id=self._chain_id,
            nonce=nonce,
            to=intent.to,
            data=intent.data,
            value=intent.value,
            gas=offer.gas,
            max_fee_per_gas=offer.fees.max_fee_per_gas,
            max_priority_fee_per_gas=offer.fees.max_priority_fee_per_gas,
        )
        return self._signer.sign(unsigned, int(self._clock()))

    def _check_chain(self) -> None:
        if self._chain_checked:
            return
        chain_id = self._node.chain_id()
        if chain_id != self._chain_id:
            raise ChainMismatch(self._node.endpoint, self._chain_id, chain_id)
        self._chain_checked = True
