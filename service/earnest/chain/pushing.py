"""Gets one tx mined: hands its bytes to the node whenever it lacks them, and raises the fee with the same nonce."""

from __future__ import annotations

from collections.abc import Callable

from earnest.chain.answers import SendAnswer, meaning
from earnest.chain.errors import RpcError
from earnest.chain.fees import price, replacement
from earnest.chain.node import Node
from earnest.chain.sending import OutgoingTx, SignedTx, TxJournal, TxState, UnsignedTx
from earnest.chain.signer import Signer
from earnest.chain.whereabouts import View
from earnest.payment.primitives import Hash32
from earnest.payment.record import BlockRef

_MAY_BE_RAISED = frozenset({SendAnswer.TAKEN, SendAnswer.NONCE_TAKEN, SendAnswer.TOO_CHEAP})
_REACHED_A_NODE = frozenset({SendAnswer.TAKEN, SendAnswer.NONCE_TAKEN})


class Pusher:
    """Pushes the unmined txs of one account.

    Args:
        node, journal, signer: as the sender's.
        cap: no attempt ever offers more than this, in wei per gas.
        stuck_after_seconds: how long an attempt may wait before its fee is raised.
        clock: wall time in Unix seconds.
    """

    def __init__(
        self,
        node: Node,
        journal: TxJournal,
        signer: Signer,
        *,
        cap: int,
        stuck_after_seconds: int,
        clock: Callable[[], float],
    ) -> None:
        self._node, self._journal, self._signer = node, journal, signer
        self._cap, self._stuck_after_seconds, self._clock = cap, stuck_after_seconds, clock
        self._head_when_seen: dict[Hash32, int] = {}

    def push(self, tx: OutgoingTx, view: View) -> str | None:
        """See to it that a node has the newest attempt; return what stands in the way, None if nothing does.

        Only the tx that is next in line is ever raised: those behind it wait for it, not for a better price.
        """
        answer, words = self._hand_over(tx.newest)
        if answer is SendAnswer.NONCE_USED:
            return None  # mined since we looked: the next look tells by what
        state = TxState.BROADCAST if answer in _REACHED_A_NODE else tx.state
        if state is TxState.INCLUDED:
            state = TxState.BROADCAST  # a reorg took its block
        if tx.nonce == view.nonce and answer in _MAY_BE_RAISED and self._waits_too_long(tx.newest, answer, view):
            words = self._raise_fee(tx)
        note(self._journal, tx, state, error=words)
        return words

    def _hand_over(self, signed: SignedTx) -> tuple[SendAnswer, str | None]:
        if self._node.knows_tx(signed.hash):
            return SendAnswer.TAKEN, None
        return self._send(signed)

    def _send(self, signed: SignedTx) -> tuple[SendAnswer, str | None]:
        try:
            self._node.send_raw(signed.raw)
        except RpcError as error:
            answer = meaning(error)
            harmless = answer in _REACHED_A_NODE or answer is SendAnswer.NONCE_USED
            return answer, None if harmless else f"{self._node.endpoint} refuses it: {error.message[:300]}"
        return SendAnswer.TAKEN, None

    def _waits_too_long(self, newest: SignedTx, answer: SendAnswer, view: View) -> bool:
        if answer is SendAnswer.TOO_CHEAP or view.base_fee_per_gas > newest.max_fee_per_gas:
            return True
        seen = self._head_when_seen.setdefault(newest.hash, view.latest.number)
        # No block since: then the chain rests, and more money would not wake it.
        return view.latest.number > seen and self._clock() - newest.signed_at >= self._stuck_after_seconds

    def _raise_fee(self, tx: OutgoingTx) -> str | None:
        """Replace the newest attempt by a dearer one; it is stored before any node sees it."""
        newest = tx.newest
        market = price(self._node, self._cap)
        fees = replacement(newest.max_fee_per_gas, newest.max_priority_fee_per_gas, market, self._cap)
        if fees is None:
            return (
                f"it offers {newest.max_fee_per_gas} wei per gas and the cap is {self._cap}, which leaves no room to "
                f"replace it; the base fee is {market.base_fee_per_gas}"
            )
        unsigned = UnsignedTx(
            chain_id=tx.chain_id,
            nonce=tx.nonce,
            to=tx.to,
            data=tx.data,
            value=tx.value,
            gas=tx.gas,
            max_fee_per_gas=fees.max_fee_per_gas,
            max_priority_fee_per_gas=fees.max_priority_fee_per_gas,
        )
        signed = self._signer.sign(unsigned, int(self._clock()))
        self._journal.add_attempt(tx.id, signed)
        return self._send(signed)[1]


def note(
    journal: TxJournal, tx: OutgoingTx, state: TxState, *, block: BlockRef | None = None, error: str | None = None
) -> None:
    """Write down where a tx stands, if that is news."""
    if (tx.state, tx.block, tx.error) != (state, block, error):
        journal.set_state(tx.id, state, block=block, error=error)
