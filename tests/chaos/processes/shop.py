"""The merchants of one run: their accounts, what they ask of the API, what they hear, and the judgement."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Any

import httpx

from earnest.commands.create_endpoint import create_endpoint
from earnest.commands.create_key import create_key
from earnest.commands.create_merchant import NewMerchant, create_merchant
from earnest.payment.primitives import ZERO_ADDRESS, Hash32
from earnest.payment.record import Payment
from earnest.payment.representation import parse_terms
from earnest.payment.status import Status
from earnest.payment.tell_rule import parse_tell_rule
from earnest.payment.terms import DAY, HOUR
from earnest.store import Store, open_store
from earnest.store.records import SETTLED_TX_STATES, Merchant, PaymentFilter
from earnest.testing.webhook_receiver import WebhookReceiver
from earnest.webhooks.kit import EndpointKit
from earnest.webhooks.secretbox import SecretBox
from tests.chaos.inprocess.deeds import Known
from tests.chaos.inprocess.judge_mirror import differences_of_mirror
from tests.chaos.inprocess.judge_operator import differences_of_operator
from tests.chaos.inprocess.judge_webhooks import differences_of_webhooks
from tests.chaos.inprocess.shops import Got
from tests.chaos.inprocess.truth import read
from tests.chaos.inprocess.world import ARBITER, BUYERS, FEES, MERCHANTS, OPERATOR
from tests.chaos.processes.stack import Stack, wait_a_little

PATIENCE_SECONDS = 60.0
DONE = range(200, 500)
"""What the API answers with once it has understood: also refusals, which are for good."""


class Shop:
    """Two merchants on a stack whose services do not run yet."""

    def __init__(self, stack: Stack, rng: random.Random) -> None:
        self.stack, self.rng = stack, rng
        self.payments: list[Known] = []
        self.counted = (0, 0)
        self._keys: dict[str, str] = {}
        self._secrets: dict[str, str] = {}
        self._urls_of: dict[str, list[str]] = {}
        self._ends = ExitStack()
        self._http = self._ends.enter_context(httpx.Client(timeout=20.0, trust_env=False))
        self._receivers = [self._ends.enter_context(WebhookReceiver()) for _ in range(2)]
        self.store: Store = self._ends.enter_context(closing(open_store(stack.database_url)))
        self.store.upgrade()
        self.merchants = [self._open_account(number) for number in range(2)]

    @property
    def got(self) -> list[Got]:
        """Every webhook that came to anyone."""
        return [
            Got(
                receiver.url,
                each.id,
                int(each.headers["webhook-timestamp"]),
                each.headers["webhook-signature"],
                each.raw,
            )
            for receiver in self._receivers
            for each in receiver.received
        ]

    def create(self) -> None:
        """Ask for a new payment until some service made it, once."""
        merchant, token = self.rng.choice(self.merchants), self.rng.choice(self.stack.template.tokens)
        buyer = self.rng.choice([*BUYERS, None])
        body: dict[str, Any] = {
            "amount": {"base_units": str(self.rng.choice([7, 100, 10**6 + 1])), "token": token.symbol},
            "order_reference": f"order-{len(self.payments)}",
        }
        if buyer is not None:
            body["buyer"] = buyer.address
        told = self._post(merchant, "/v1/payments", body).json()
        terms = parse_terms(told["terms"])
        self.payments.append(Known(Hash32(told["id"]), terms, own=True))

    def operate(self) -> None:
        """Ask for a confirmation or a refund with the operator's key; a refusal is an answer too."""
        chosen = self.rng.choice(self.payments)
        merchant = next(each for each in self.merchants if each.payout == chosen.terms.merchant)
        verb = self.rng.choice(["confirm_delivery", "confirm_delivery", "refund"])
        self._post(merchant, f"/v1/payments/{chosen.id}/{verb}", {})

    def wait_for_operator(self) -> None:
        """Wait until nothing that the operator sent is on its way; the chain mines meanwhile."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(row.state not in SETTLED_TX_STATES for row in self._rows()):
            self.stack.chain.ask("evm_mine")
            self.stack.revive()
            wait_a_little(deadline, f"the operator's txs are not settled: {self._rows()}")

    def differences(self) -> Iterator[str]:
        """Yield where mirror, webhooks and operator are not as the chain has it."""
        own, chain = self._own(), self.stack.chain
        missing = {each.id for each in self.payments} - {each.id for each in own}
        if missing:
            yield f"created and lost: {sorted(missing)}"
        truth = read(chain, self.stack.template.escrow, [each.id for each in own])
        paid = sum(each.status is not Status.CREATED for each in truth.states.values())
        self.counted = paid, sum(map(len, truth.events.values()))
        yield from differences_of_mirror(self.store, self.stack.template, chain, truth)
        final_time = chain.block("finalized").timestamp
        rules = {each.id: each.tell for each in self.merchants}
        yield from differences_of_webhooks(self.got, own, self._urls_of, self._secrets, rules, truth, final_time)
        yield from differences_of_operator(self.store, chain, OPERATOR.address, own)

    def _rows(self) -> list[Any]:
        with self.store.read() as tx:
            return [row for each in self.payments for m in self.merchants for row in tx.txs.find(m.id, each.id)]

    def _own(self) -> list[Payment]:
        with self.store.read() as tx:
            pages = [tx.payments.page(each.id, PaymentFilter(), limit=100) for each in self.merchants]
        return [payment for page in pages for payment in page.items]

    def _post(self, merchant: Merchant, path: str, body: dict[str, Any]) -> httpx.Response:
        """Post until there is an answer, under one idempotency key, to whichever service is up."""
        headers = {
            "Authorization": f"Bearer {self._keys[merchant.id]}",
            "Idempotency-Key": os.urandom(8).hex(),
        }
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            for url in self.rng.sample(self.stack.urls, len(self.stack.urls)):
                try:
                    answer = self._http.post(url + path, json=body, headers=headers)
                except httpx.TransportError:
                    continue
                if answer.status_code in DONE and _is_last_word(answer):
                    return answer
            self.stack.revive()
            wait_a_little(deadline, f"nobody answers {path}")

    def _late_rule(self) -> list[str]:
        tokens = [each.address for each in self.stack.template.tokens]
        return ["*:safe:0", *(f"{token}:{step}" for token in tokens for step in ("safe:0", f"final:{10**6}"))]

    def _open_account(self, number: int) -> Merchant:
        disputable = number == 0
        new = NewMerchant(
            name=f"shop {number}",
            payout=MERCHANTS[number].address,
            operator=OPERATOR.address,
            arbiter=ARBITER.address if disputable else ZERO_ADDRESS,
            fee_recipient=FEES.address,
            fee_bps=250,
            delivery_period=2 * DAY,
            dispute_window=6 * HOUR if disputable else 0,
            arbitration_period=DAY if disputable else 0,
            payment_window=2 * HOUR,
            # The second shop is told of the largest sums when they are final, and of all others when they are safe.
            tell=parse_tell_rule(self._late_rule() if number else []),
        )
        now, receiver = int(time.time()), self._receivers[number]
        merchant = create_merchant(self.store, new, now)
        self._keys[merchant.id] = create_key(self.store, merchant.id, now=now).secret
        kit = EndpointKit(SecretBox(self.stack.template.secret_key), allow_private=True)
        made = create_endpoint(self.store, kit, merchant.id, receiver.url, now=now)
        receiver.trust(made.secret)
        self._secrets[receiver.url] = made.secret
        self._urls_of[merchant.id] = [receiver.url]
        return merchant

    def __enter__(self) -> Shop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()


def _is_last_word(answer: httpx.Response) -> bool:
    """Whether asking again would change nothing."""
    return answer.is_success or answer.json()["code"] not in ("idempotency_running", "too_many_requests")
