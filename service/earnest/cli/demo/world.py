"""What the story happens in: the API, the chain, the wallets of those who act, and a shop that hears webhooks."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from earnest.chain.errors import RpcError
from earnest.chain.node import Receipt
from earnest.chain.rpc import Rpc
from earnest.chain.signer import LocalSigner
from earnest.chain.wallet import Wallet
from earnest.cli.demo.narrator import Narrator, short
from earnest.client import Client, Payment
from earnest.escrow import txs
from earnest.payment.errors import EarnestError, Unavailable
from earnest.payment.money import Token
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32
from earnest.payment.representation import parse_terms
from earnest.payment.terms import Terms, payment_id
from earnest.settings import Network
from earnest.testing.webhook_receiver import WebhookReceiver

T = TypeVar("T")

LOOK_SECONDS = 0.05
"""How often to look again at what came to this process."""
ASK_SECONDS = 0.2
"""How often to ask the service or the chain again: whoever asks all the time is in the way of what he waits for."""


class StoryFailed(EarnestError):
    """Something of the story did not hold."""

    code = "story_failed"


@dataclass
class World:
    """Everything that a step of the story needs. `patience_seconds` bounds each wait."""

    api: Client
    rpc: Rpc
    network: Network
    escrow: Address
    receiver: WebhookReceiver
    wallets: dict[str, Wallet]
    signers: dict[str, LocalSigner]
    narrator: Narrator
    patience_seconds: float = 30.0
    story_name: str = "demo"
    _terms: dict[str, Terms] = field(default_factory=dict)
    _created: int = 0

    @property
    def token(self) -> Token:
        """The token of the story."""
        return self.network.tokens[0]

    def close(self) -> None:
        """Close the connections."""
        self.api.close()
        self.rpc.close()

    # What the merchant does, by the API.

    def create(self, name: str, value: str, token: Address, terms: dict[str, Any]) -> Payment:
        """Create a payment, and compute its id from the answer's terms: nobody has to believe the service."""
        self._created += 1
        payment = self.api.create_payment(
            value,
            token,
            order_reference=f"{self.story_name}-{name}-{self._created}",
            idempotency_key=f"{self.story_name}-create-{self._created}",
            **terms,
        )
        terms_of_it = parse_terms(msgspec.to_builtins(payment.terms))
        computed = payment_id(terms_of_it, self.network.chain_id, self.escrow)
        self.expect(computed == payment.id, f"the id of {name} does not follow from its terms")
        self._terms[payment.id] = terms_of_it
        return payment

    def ask_operator(self, payment: str, verb: str, body: dict[str, Any], *, key: str) -> None:
        """Ask the service to send a tx with the operator's key; it answers before the chain does."""
        path = f"/v1/payments/{payment}/{verb}"
        answer = self.api.ask("POST", path, body=body, idempotency_key=f"{self.story_name}-{key}")
        self.narrator.tell("merchant", f"asked for {verb}")
        receipt = self.mined(answer["tx"]["hash"])
        if receipt is not None:
            self.tell_gas("operator", f"sent {verb}", receipt)

    # What wallets do, by the contract alone.

    def fund(self, who: str, payment: str) -> None:
        """Pay into the escrow, with an approval of exactly the amount first where a token needs one."""
        terms, wallet = self._terms[payment], self.wallets[who]
        chain_id = self.network.chain_id
        if terms.token != ZERO_ADDRESS:
            receipt = wallet.send(txs.approve(terms.token, chain_id, self.escrow, terms.amount))
            self.tell_gas("buyer", "approved exactly the amount", receipt)
        buyer = wallet.address if terms.buyer == ZERO_ADDRESS else terms.buyer
        receipt = wallet.send(txs.fund(self.escrow, chain_id, terms, buyer))
        self.tell_gas("buyer", "funded the escrow", receipt)

    def send(self, who: str, did: str, verb: str, payment: str, **args: Any) -> None:
        """Send one of the verbs that need no service at all."""
        terms, make = self._terms[payment], getattr(txs, verb)
        receipt = self.wallets[who].send(make(self.escrow, self.network.chain_id, terms, **args))
        self.tell_gas(who.rpartition(" ")[2], did, receipt)

    # What the chain does.

    def travel(self, payment: str, seconds: int, why: str) -> None:
        """Move the chain's clock until the payment's status has lasted so long."""
        since = self.until(lambda: self._status_since(payment), "the status of the payment", ASK_SECONDS)
        target = since + seconds
        while (now := self._head()["time"]) < target:
            self.node("evm_increaseTime", target - now)
            self.node("evm_mine")
        self.narrator.tell("chain", why)

    def reorg_away(self, payment: str) -> bool:
        """Drop the block that funded the payment, and all above it; False if the chain calls it final already."""
        funded = next(row for row in self.api.timeline(payment) if row.type == "payment.funded")
        depth = self._head()["number"] - funded.block.number + 1
        try:
            self.node("anvil_reorg", depth, [])
        except RpcError:
            return False
        gone = self._call("eth_getTransactionReceipt", funded.tx_hash) is None
        if gone:
            self.node("evm_mine")
            blocks = "block, the funding with it" if depth == 1 else f"{depth} blocks, the funding with them"
            self.narrator.tell("chain", f"dropped its newest {blocks}")
        return gone

    def mine_until_final(self) -> None:
        """Mine empty blocks until everything so far is final, and wait until the service knows that it is."""
        head = self._head()["number"]
        while self._final() < head:
            self.node("evm_mine")
        self.narrator.tell("chain", f"block {head} is final")
        self.until(lambda: self._followed("final", head), f"the service taking block {head} as final", ASK_SECONDS)

    # What is heard and seen.

    def hear(self, payment: str, kind: str, times: int) -> dict[str, Any]:
        """Wait until the shop has verified the n-th webhook of a kind about a payment, and return its body."""

        def heard() -> dict[str, Any] | None:
            bodies = {
                each.id: each.body
                for each in self.receiver.received
                if each.verified and each.body["type"] == kind and each.body["data"]["id"] == payment
            }
            return list(bodies.values())[times - 1] if len(bodies) >= times else None

        return self.until(heard, f"webhook {kind} number {times} of {short(payment)}")

    def hear_all(self, ids: set[str]) -> None:
        """Wait until all these webhooks were heard; the patience begins anew with each one, for they may be many."""
        missing = ids
        while missing:
            before = len(missing)

            def fewer(before: int = before) -> set[str] | None:
                left = ids - {each.id for each in list(self.receiver.received) if each.verified}
                return left if len(left) < before or not left else None

            missing = self.until(fewer, f"{before} webhooks that the service wrote down")

    def expect(self, holds: bool, otherwise: str) -> None:
        """Check something that the story promises."""
        if not holds:
            raise StoryFailed(otherwise)

    # What further chapters build on.

    def terms_of(self, payment: str) -> Terms:
        """Return the terms of a payment of this story."""
        return self._terms[payment]

    def mined(self, tx_hash: str) -> Receipt | None:
        """Return the receipt of a tx of the operator's, None if another attempt of it was mined in its place."""
        deadline = time.monotonic() + self.patience_seconds / 3
        while time.monotonic() < deadline:
            with suppress(Unavailable):
                if receipt := self.rpc.receipts([Hash32(tx_hash)])[0]:
                    return receipt
            time.sleep(LOOK_SECONDS)
        return None

    def tell_gas(self, who: str, did: str, receipt: Receipt) -> None:
        """Say what somebody sent, and what it cost."""
        tx = short(Hash32(receipt.tx_hash))
        self.narrator.tell(who, f"{did}  [bright_black]tx {tx} {receipt.gas_used:,} gas[/]")

    def node(self, method: str, *params: Any) -> Any:
        """Call a node's method that changes something, once the node is there; not tried again after it was sent."""
        self._head()
        try:
            return self.rpc.call(method, list(params))
        except RpcError:
            raise
        except Unavailable:
            return None  # whoever asked looks at what came of it

    def wait_followed(self) -> None:
        """Wait until the service has seen the chain's newest block, and with it the chain's time."""
        head = self._head()["number"]
        self.until(lambda: self._followed("head", head), f"block {head} being followed", ASK_SECONDS)

    def until(self, look: Callable[[], T | None], what: str, pause_seconds: float = LOOK_SECONDS) -> T:
        """Return what `look` finds, once it finds it; raises `StoryFailed` when the patience is over."""
        deadline = time.monotonic() + self.patience_seconds
        while (found := look()) is None:
            if time.monotonic() > deadline:
                raise StoryFailed(f"waited {self.patience_seconds:.0f} s in vain for {what}")
            time.sleep(pause_seconds)
        return found

    # Inside.

    def _followed(self, how_far: str, number: int) -> bool | None:
        (chain,) = self.api.sync()
        return (getattr(chain, how_far) or 0) >= number or None

    def _status_since(self, payment: str) -> int | None:
        block = self.api.payment(payment).block
        found = self._call("eth_getBlockByNumber", hex(block.number), False) if block else None
        return int(found["timestamp"], 16) if found else None

    def _head(self) -> dict[str, int]:
        block = self._call("eth_getBlockByNumber", "latest", False)
        return {"number": int(block["number"], 16), "time": int(block["timestamp"], 16)}

    def _final(self) -> int:
        block = self._call("eth_getBlockByNumber", "finalized", False)
        return int(block["number"], 16) if block else -1

    def _call(self, method: str, *params: Any) -> Any:
        deadline = time.monotonic() + self.patience_seconds
        while True:
            try:
                return self.rpc.call(method, list(params))
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
