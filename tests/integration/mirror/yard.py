"""A town with payments of every kind, a mirror of it, and those who check the one against the other."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from eth_abi.abi import encode

from earnest.chain.follower import Follower
from earnest.chain.node import Node
from earnest.escrow import txs
from earnest.localnet.tokens import BLOCKLIST_TOKEN_ADDRESS, TEST_TOKEN_ADDRESS
from earnest.mirror import ChainMirror
from earnest.mirror.compare import Difference
from earnest.mirror.comparison import Reconciled
from earnest.mirror.rebuild import Hold, Rebuild, Rebuilt, Wording
from earnest.mirror.reconcile import Reconciler
from earnest.mirror.replay import Source
from earnest.payment.primitives import ZERO_ADDRESS, keccak, parse_address
from earnest.payment.record import Payment
from earnest.payment.terms import Terms, payment_id
from earnest.payment.transitions import NOTHING_YET
from earnest.settings import FinalityRule
from earnest.store import Store
from tests.support.ledger import MERCHANT as ACCOUNT
from tests.support.provable import BUYER, CHAIN_ID, MERCHANT, Town, account

FINALITY = FinalityRule(tag="finalized")
NOW = 1_900_000_000
VOUCHED = {ZERO_ADDRESS, parse_address(TEST_TOKEN_ADDRESS), parse_address(BLOCKLIST_TOKEN_ADDRESS)}


def _nobody_else() -> AbstractContextManager[Hold]:
    return nullcontext(lambda _: None)


@dataclass
class Yard:
    """A town, the mirror of its escrow, and a folder for replays."""

    town: Town
    store: Store
    folder: Path
    payments: list[Payment] = field(default_factory=list)
    node: Node = field(init=False)

    def __post_init__(self) -> None:
        self.node = self.town.node

    def create(self, terms: Terms) -> Terms:
        """Create a payment here, as its merchant does."""
        named = payment_id(terms, CHAIN_ID, self.town.escrow)
        payment = Payment(
            named, CHAIN_ID, self.town.escrow, terms, NOTHING_YET, 0, ACCOUNT.id, f"order {len(self.payments)}",
            bytes(16), NOW,
        )  # fmt: skip
        with self.store.transaction() as tx:
            tx.payments.add(payment)
        self.payments.append(payment)
        return terms

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.node.call("evm_mine")

    def follow(self) -> None:
        mirror = ChainMirror(self.store, CHAIN_ID, self.town.escrow, lambda _: None, lambda: NOW)
        follower = Follower(
            self.node,
            mirror,
            chain_id=CHAIN_ID,
            escrow=self.town.escrow,
            deployed_at_block=self.town.mined_first,
            finality=FINALITY,
        )
        while follower.step():
            pass

    def reconciler(self, node: Node | None = None) -> Reconciler:
        return Reconciler(self.store, node or self.node, CHAIN_ID, self.town.escrow, VOUCHED.__contains__, lambda: NOW)

    def reconciled(self, node: Node | None = None) -> tuple[Reconciled, list[str]]:
        done = self.reconciler(node).run()
        return done, [str(each) for each in done.differences]

    def rebuilt(self, *, dry_run: bool = False) -> tuple[Rebuilt, list[str]]:
        source = Source(self.node, CHAIN_ID, self.town.escrow, self.town.mined_first)
        rebuild = Rebuild(
            self.store, source, FINALITY, self.folder, Wording(lambda _: None, lambda: NOW, lambda _: None)
        )
        said: list[Difference] = []
        done = rebuild.compare(said.append) if dry_run else rebuild.run(said.append, _nobody_else)
        return done, [str(each) for each in said]

    def busy(self) -> dict[str, Terms]:
        """Payments in every state, in coin and tokens, own and foreign, one with a credit; the head not final."""
        town = self.town
        terms = {
            "whole": self.create(town.in_tokens(1)),
            "part": self.create(town.in_tokens(2)),
            "delivered": self.create(town.terms(3)),
            "disputed": self.create(town.terms(4)),
            "unpaid": self.create(town.terms(5)),
            "foreign": town.terms(6),
            "at once": self.create(town.at_once(7)),
        }
        for name, each in terms.items():
            if name != "unpaid":
                town.fund(each)
        town.release(terms["whole"])
        town.release(terms["part"], 400_000)
        for name in ("part", "delivered", "disputed", "at once"):
            town.confirm(terms[name])
        town.send(BUYER, txs.dispute(town.escrow, CHAIN_ID, terms["disputed"]))
        self.owe()
        self.mine(6)
        town.refund(terms["part"], 100_000)
        self.follow()
        return terms

    def owe(self) -> None:
        """Release in a token that refuses its merchant: the escrow owes it to him."""
        town, token = self.town, parse_address(BLOCKLIST_TOKEN_ADDRESS)
        terms = self.create(town.terms(8, token=token))
        town.send(BUYER, txs.approve(token, CHAIN_ID, town.escrow, 10**12))
        town.fund(terms)
        self.block(True)
        town.release(terms)
        self.block(False)

    def block(self, yes: bool) -> None:
        """Put the merchant on the token's blocklist, or take him off it."""
        data = keccak(b"setBlocked(address,bool)")[:4] + encode(["address", "bool"], [account(MERCHANT), yes])
        token = parse_address(BLOCKLIST_TOKEN_ADDRESS)
        self.town.send(BUYER, txs.UnsignedTx(token, "0x" + data.hex(), 0, CHAIN_ID))
