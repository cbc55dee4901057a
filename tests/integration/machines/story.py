"""A merchant's busy day on a fleet whose processes are stopped and killed, and what must be true at its end."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any

from earnest.chain.rpc import Rpc
from earnest.chain.signer import LocalSigner
from earnest.chain.wallet import Wallet
from earnest.cli.demo.run import account_of, sample_merchant
from earnest.escrow import txs, views
from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32
from earnest.payment.record import Payment
from earnest.payment.representation import parse_terms
from earnest.payment.terms import Terms
from earnest.testing.webhook_receiver import Received, WebhookReceiver
from tests.integration.machines.fleet import Fleet, Machine, wait_until
from tests.integration.machines.patient import PatientClient

STEPS = {
    "confirmed": ("confirm_delivery",),
    "refunded": ("refund",),
    "in two parts": ("refund a part", "refund"),
    "confirmed and refunded": ("confirm_delivery", "refund"),
    "left": (),
}
"""What the operator does with a payment."""
AMOUNT_WEI = 10**15


@dataclass
class Figures:
    """What happened on the way."""

    payments: int = 0
    operator_txs: int = 0
    webhooks: int = 0
    repeats: int = 0
    epochs: int = 0
    done_to: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """Say it in a line."""
        done = ", ".join(f"{count} {what}" for what, count in sorted(self.done_to.items()))
        return (
            f"{self.payments} payments, {self.operator_txs} operator's txs, {self.webhooks} webhooks "
            f"({self.repeats} repeated), {self.epochs} leaders; {done}"
        )


class Day:
    """One day: `run` tells its story, `prove` checks the end.

    Args:
        fleet: who works.
        seed: draws everything.
        payments: how many.
    """

    def __init__(self, fleet: Fleet, seed: int, payments: int) -> None:
        self._fleet, self._seed, self._count = fleet, seed, payments
        self._chance = random.Random(seed)
        self._ends = ExitStack()
        account = sample_merchant(fleet.stack)
        self._api = self._ends.enter_context(closing(PatientClient(fleet.api_urls, account.api_key, seed=seed)))
        self._rpc = self._ends.enter_context(closing(Rpc(fleet.stack.node_url)))
        self._shop = self._ends.enter_context(WebhookReceiver())
        self._buyer = Wallet(self._rpc, LocalSigner.from_key(account_of("buyer").private_key))
        self._terms: dict[str, Terms] = {}
        self._asked = 0
        self._operator_began_at = self._rpc.tx_count(self._operator)
        self.figures = Figures(payments)
        endpoint = self._api.post("/v1/webhook_endpoints", {"url": self._shop.url}, f"endpoint-{seed}")
        self._shop.trust(endpoint["secret"])

    @property
    def _operator(self) -> Address:
        return Address(self._fleet.stack.operator.address)

    def run(self) -> None:
        """Create, fund and settle payments while somebody is stopped or killed all the time; then calm down."""
        over = threading.Event()
        trouble = threading.Thread(target=self._make_trouble, args=(over,))
        trouble.start()
        try:
            self._do_business()
        finally:
            over.set()
            trouble.join()
        self._fleet.calm()

    def prove(self) -> None:
        """Check that mirror, webhooks and the operator's txs are what the chain says."""
        self._mine_until_final()
        self._prove_mirror()
        self._prove_webhooks()
        self._prove_operator()
        row = self._fleet.leader_row()
        self.figures.epochs = row.epoch if row else 0

    def close(self) -> None:
        """Close everything of the shop's."""
        self._ends.close()

    # What happens.

    def _do_business(self) -> None:
        waiting = [self._steps_of(number) for number in range(self._count)]
        while waiting:
            story = self._chance.choice(waiting[:6])  # half a dozen customers are in the shop at once
            if next(story, None) is None:
                waiting.remove(story)

    def _steps_of(self, number: int) -> Iterator[str]:
        name = f"{self._seed}-{number}"
        created = self._api.post("/v1/payments", self._order(name), f"create-{name}")
        payment, terms = created["id"], parse_terms(created["terms"])
        self._terms[payment] = terms
        yield "created"
        self._buyer.send(
            txs.fund(self._fleet.stack.deployment.address, self._fleet.chain_id, terms, self._buyer.address)
        )
        yield "funded"
        wait_until(lambda: self._status(payment) != "created", f"{payment} being funded")
        for step in STEPS[self._chance.choice(list(STEPS))]:
            self._ask(payment, step, f"{step}-{name}")
            yield step

    def _order(self, name: str) -> dict[str, Any]:
        amount = {"base_units": str(AMOUNT_WEI), "token": ZERO_ADDRESS}
        return {"amount": amount, "order_reference": name}

    def _ask(self, payment: str, step: str, key: str) -> None:
        """Ask for a tx, and wait until the mirror has what it did: the next verb rests on it."""
        part = {"amount": {"base_units": str(AMOUNT_WEI // 4)}} if step == "refund a part" else {}
        before = self._version(payment)
        self._api.post(f"/v1/payments/{payment}/{step.split(' ', maxsplit=1)[0]}", part, key)
        self._asked += 1
        wait_until(lambda: self._version(payment) > before, f"{step} of {payment}", 90.0)

    def _status(self, payment: str) -> str:
        return str(self._api.get(f"/v1/payments/{payment}")["status"])

    def _version(self, payment: str) -> int:
        return int(self._stored(payment).state.seq)

    def _stored(self, payment: str) -> Payment:
        with self._fleet.store.read() as tx:
            found = tx.payments.get(self._fleet.chain_id, Hash32(payment))
        assert found is not None
        return found

    def _make_trouble(self, over: threading.Event) -> None:
        chance = random.Random(self._seed + 1_000)
        asleep: list[tuple[float, Machine]] = []
        while not over.wait(chance.uniform(0.1, 1.0)):
            for until, machine in list(asleep):
                if time.monotonic() >= until:
                    machine.wake()
                    asleep.remove((until, machine))
            # Somebody always works, or nothing would be tried but waiting; who just starts is left to it.
            there = self._fleet.there()
            if len(there) <= len(self._fleet.machines) // 2:
                continue
            leader = self._fleet.leader()
            victim = leader if leader in there and chance.random() < 0.4 else chance.choice(there)
            what = chance.choices(["stopped", "killed", "ended"], weights=[6, 3, 1])[0]
            self.figures.done_to[what] += 1
            if what == "stopped":
                victim.stop()
                asleep.append((time.monotonic() + chance.uniform(0.2, 8.0), victim))
                continue
            victim.kill() if what == "killed" else victim.end()
            victim.start()
        for _, machine in asleep:
            machine.wake()

    # What must be true.

    def _mine_until_final(self) -> None:
        head = self._rpc.header("latest")
        assert head is not None
        for _ in range(20):
            self._rpc.call("evm_mine", [])
        wait_until(lambda: self._final() >= head.block.number, "the mirror taking everything as final")

    def _final(self) -> int:
        with self._fleet.store.read() as tx:
            view = tx.blocks.view(self._fleet.chain_id)
        return view.final.number if view else -1

    def _prove_mirror(self) -> None:
        ids = [Hash32(each) for each in self._terms]
        answer = self._eth_call(views.states_of(ids))
        for payment, state in zip(ids, views.decode_states_of(answer), strict=True):
            mine = self._stored(payment).state
            held = views.decode_held_of(self._eth_call(views.held_of(self._terms[payment])))
            assert (mine.status, mine.seq, mine.held) == (state.status, state.seq, held), payment

    def _eth_call(self, data: str) -> bytes:
        call = {"to": self._fleet.stack.deployment.address, "data": data}
        return bytes.fromhex(str(self._rpc.call("eth_call", [call, "latest"]))[2:])

    def _prove_webhooks(self) -> None:
        told = {row["id"]: row for row in self._api.every("/v1/events") if row["data"]["id"] in self._terms}
        wait_until(lambda: set(told) <= {each.id for each in self._heard()}, "every webhook", 90.0)
        first: dict[str, Received] = {}
        for each in self._heard():
            first.setdefault(each.id, each)
        assert set(first) == set(told), "one id for each notification, and no other"
        versions: dict[str, list[int]] = {}
        for each in first.values():
            versions.setdefault(each.payment_id, []).append(each.body["data"]["version"])
        for payment, seen in versions.items():
            assert seen == list(range(1, len(seen) + 1)), f"{payment}: in order, none left out, none twice: {seen}"
        self.figures.webhooks, self.figures.repeats = len(first), len(self._heard()) - len(first)

    def _heard(self) -> list[Received]:
        every = self._shop.received
        assert all(each.verified for each in every), "every signature verifies"
        return [each for each in every if each.payment_id in self._terms]

    def _prove_operator(self) -> None:
        with self._fleet.store.read() as tx:
            rows = [
                row
                for merchant in tx.merchants.list()
                for payment in self._terms
                for row in tx.txs.find(merchant.id, Hash32(payment))
            ]
        assert all({each.nonce for each in row.attempts} == {row.nonce} for row in rows)
        count = self._rpc.tx_count(self._operator)
        assert sorted(row.nonce for row in rows) == list(range(self._operator_began_at, count)), "each nonce once"
        assert len(rows) == self._asked, "each intent once"
        wait_until(lambda: self._unsettled() == 0, "every tx of the operator's being final")
        self.figures.operator_txs = len(rows)

    def _unsettled(self) -> int:
        with self._fleet.store.read() as tx:
            return len(tx.txs.unsettled(self._fleet.chain_id, self._operator))
