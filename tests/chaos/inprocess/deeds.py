"""What people do with payments, at random but with some sense: each deed is one tx, or a few."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from earnest.escrow import txs, views
from earnest.escrow.txs import UnsignedTx, common_terms
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32
from earnest.payment.status import Status
from earnest.payment.terms import Terms
from tests.chaos.inprocess.chain import ChainTx
from tests.chaos.inprocess.truth import Where
from tests.chaos.inprocess.world import ARBITER, BUYERS, EVERYBODY, FEES, MERCHANTS, STRANGER
from tests.support.evm import Signer, call_data

AGAINST_THE_RULES = 0.05
"""How often somebody tries what the contract refuses: such a tx is mined and tells nothing."""


class Stage(Protocol):
    """A chain on which people act."""

    def view(self, to: Address, data: str) -> bytes:
        """Ask a contract at the head; `data` is `0x…`."""

    def tx(self, sender: Signer, to: Address, data: bytes, value: int = 0) -> ChainTx:
        """Return a tx of anyone's, not mined yet."""


@dataclass(frozen=True)
class Known:
    """A payment that people know of: its terms and its id. `own`: the service created it."""

    id: Hash32
    terms: Terms
    own: bool


@dataclass
class People:
    """Everybody who acts on the chain by himself."""

    world: Where
    chain: Stage
    rng: random.Random
    payments: list[Known] = field(default_factory=list)

    def deed(self) -> list[ChainTx]:
        """Return what somebody does next; may be nothing."""
        dice = self.rng.random()
        if dice < 0.04:
            return [self._block_or_unblock()]
        if dice < 0.07:
            return [self._withdraw()]
        if dice < 0.10:
            return self._batch()
        if dice < 0.105:
            return [self._dismiss()]
        if not self.payments:
            return []
        return self._act_on(self.rng.choice(self.payments))

    def _act_on(self, known: Known) -> list[ChainTx]:
        state = views.decode_state_of(self.chain.view(self.world.escrow, views.state_of(known.id)))
        held = 0
        if state.status.holds_money:
            held = views.decode_held_of(self.chain.view(self.world.escrow, views.held_of(known.terms)))
        status = state.status
        if self.rng.random() < AGAINST_THE_RULES:
            status = self.rng.choice([Status.CREATED, Status.FUNDED, Status.DELIVERED, Status.DISPUTED])
        buyer = _account(state.buyer if state.buyer != ZERO_ADDRESS else known.terms.buyer)
        choices = self._choices(known.terms, status, buyer, held or known.terms.amount)
        return self.rng.choice(choices)() if choices else []

    def _choices(self, terms: Terms, status: Status, buyer: Signer, held: int) -> list[Callable[[], list[ChainTx]]]:
        where, merchant = (self.world.escrow, self.world.chain_id), _account(terms.merchant)

        def by(who: Signer, verb: Callable[..., UnsignedTx], *more: object) -> Callable[[], list[ChainTx]]:
            return lambda: [self._tx(who, verb(*where, terms, *more))]

        part = self.rng.choice([None, None, max(1, held // self.rng.randint(2, 5))])
        release, refund = by(buyer, txs.release, part), by(merchant, txs.refund, part)
        reclaim = by(STRANGER, txs.reclaim)
        match status:
            case Status.CREATED:
                fund = by(self.rng.choice([buyer, buyer, STRANGER]), txs.fund, buyer.address)
                return [fund, fund, fund, lambda: self._deposit(terms, buyer)]
            case Status.FUNDED:
                return [*[by(merchant, txs.confirm_delivery)] * 3, release, refund, reclaim]
            case Status.DELIVERED:
                return [by(buyer, txs.dispute), release, refund, by(STRANGER, txs.release)]
            case Status.DISPUTED:
                to_buyer = self.rng.choice([0, held, held // 3])
                resolve = by(ARBITER, txs.resolve, to_buyer, held - to_buyer)
                return [resolve, resolve, reclaim, by(merchant, txs.refund)]
            case Status.RELEASED | Status.RESOLVED:
                return [by(merchant, txs.repay, max(1, terms.amount // self.rng.randint(1, 4)))]
            case _:
                return []

    def _tx(self, sender: Signer, tx: UnsignedTx) -> ChainTx:
        return self.chain.tx(sender, tx.to, bytes.fromhex(tx.data[2:]), tx.value)

    def _deposit(self, terms: Terms, buyer: Signer) -> list[ChainTx]:
        """Send plain money to the deposit address, and collect it; now and then too little, or too much."""
        if terms.buyer == ZERO_ADDRESS:
            return []
        id_ = next(each.id for each in self.payments if each.terms == terms)
        to = views.decode_deposit_address_of(self.chain.view(self.world.escrow, views.deposit_address_of(id_)))
        amount = terms.amount + self.rng.choice([0, 0, -1, 7])
        if terms.token == ZERO_ADDRESS:
            sent = self.chain.tx(buyer, to, b"", amount)
        else:
            sent = self.chain.tx(buyer, terms.token, call_data("transfer(address,uint256)", to, amount))
        collector = self.rng.choice([buyer, STRANGER])
        return [sent, self._tx(collector, txs.collect(self.world.escrow, self.world.chain_id, terms, terms.token))]

    def _block_or_unblock(self) -> ChainTx:
        who, yes = self.rng.choice([*MERCHANTS, *BUYERS, FEES]), self.rng.random() < 0.6
        data = call_data("setBlocked(address,bool)", who.address, int(yes))
        return self.chain.tx(STRANGER, self.world.tokens[-1].address, data)

    def _withdraw(self) -> ChainTx:
        who = self.rng.choice([*MERCHANTS, *BUYERS, FEES])
        where = (self.world.escrow, self.world.chain_id)
        return self._tx(STRANGER, txs.withdraw(*where, who.address, self.world.tokens[-1].address))

    def _dismiss(self) -> ChainTx:
        merchant = self.rng.choice(MERCHANTS)
        operator = self.rng.choice(EVERYBODY).address
        return self._tx(merchant, txs.dismiss_operator(self.world.escrow, self.world.chain_id, operator))

    def _batch(self) -> list[ChainTx]:
        """Confirm or release several of one merchant's payments at once, whatever their status is."""
        if not self.payments:
            return []
        first = self.rng.choice(self.payments).terms
        fitting = [each.terms for each in self.payments if common_terms(each.terms) == common_terms(first)]
        chosen: Sequence[Terms] = self.rng.sample(fitting, min(len(fitting), self.rng.randint(1, 4)))
        verb = self.rng.choice([txs.confirm_delivery_many, txs.release_many])
        sender = _account(first.merchant) if verb is txs.confirm_delivery_many else STRANGER
        return [self._tx(sender, verb(self.world.escrow, self.world.chain_id, chosen))]


def _account(address: Address) -> Signer:
    """Return who has this address; somebody, if it is nobody's."""
    return next((each for each in EVERYBODY if each.address == address), BUYERS[0])
