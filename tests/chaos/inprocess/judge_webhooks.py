"""Whether the webhooks that came, taken together, tell exactly the chain's story: every difference is named."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from earnest.payment.notifications import TYPE_OF_EVENT
from earnest.payment.record import Payment
from earnest.payment.status import Finality
from earnest.payment.tell_rule import TellRule
from earnest.webhooks.signature import signed_headers
from tests.chaos.inprocess.judge_mirror import expires
from tests.chaos.inprocess.shops import Got
from tests.chaos.inprocess.truth import TrueEvent, Truth

SUMS = ("to_merchant", "to_fee_recipient", "to_buyer")


def differences_of_webhooks(
    got: Sequence[Got],
    payments: Sequence[Payment],
    urls_of: Mapping[str, Sequence[str]],
    secrets: Mapping[str, str],
    rules: Mapping[str, TellRule],
    truth: Truth,
    final_time: int,
) -> Iterator[str]:
    """Yield what merchants were told otherwise than it was; `payments` are those created here, as the mirror has them.

    Args:
        got: all that came, in order.
        payments: the service's own.
        urls_of: the endpoints of each account.
        secrets: of each endpoint, by its URL.
        rules: of each account, when it is told.
        truth: the chain, whose every block is final by now.
        final_time: chain time of the newest final block.
    """
    by_place: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    first: dict[tuple[str, str], bytes] = {}
    for each in got:
        if first.setdefault((each.url, each.id), each.body) != each.body:
            yield f"webhook {each.id} came with two bodies"
        yield from _of_signature(each, secrets)
        body = json.loads(each.body)
        by_place[each.url, body["data"]["id"]].append(body)
    own = {str(payment.id): payment for payment in payments}
    for (url, id_), bodies in by_place.items():
        if id_ not in own or url not in urls_of[own[id_].account or ""]:
            yield f"{url} was told of payment {id_}, which is none of his: {[each['type'] for each in bodies]}"
    for payment in payments:
        for url in urls_of[payment.account or ""]:
            told = by_place.get((url, payment.id), [])
            finality = rules[payment.account or ""].finality_of(payment.terms.token, payment.terms.amount)
            for difference in [*_of_rule(told, finality), *_of_payment(payment, told, truth, final_time)]:
                yield f"{url}, payment {payment.id}: {difference}"


def _of_signature(got: Got, secrets: Mapping[str, str]) -> Iterator[str]:
    expected = signed_headers([secrets[got.url]], got.id, got.timestamp, got.body)
    if expected["webhook-signature"] != got.signature:
        yield f"webhook {got.id} to {got.url} is not signed with the endpoint's secret"


@dataclass
class _Reader:
    """A merchant who keeps his own books from nothing but the webhooks."""

    standing: list[dict[str, Any]] = field(default_factory=list)
    """The events that he was told of and that were not taken back, oldest first."""
    final: set[tuple[str, int]] = field(default_factory=set)
    expired: int = 0
    shipped: int = 0
    """How often he was told that a funding is final: then he ships."""

    def take(self, body: dict[str, Any]) -> Iterator[str]:
        kind, events, data = body["type"].removeprefix("payment."), body["events"], body["data"]
        match kind:
            case "reorged":
                yield from self._take_back(events)
            case "finalized":
                yield from self._finalize(events)
            case "expired":
                self.expired += 1
                if self.standing:
                    yield "expired, though it was paid"
            case _:
                yield from self._add(kind, events)
        status = self.standing[-1]["status"] if self.standing else None
        if status is not None and data["status"] != status:
            yield f"version {data['version']} ({kind}) says {data['status']}; the events told so far say {status}"

    def _add(self, kind: str, events: Sequence[dict[str, Any]]) -> Iterator[str]:
        for event in events:
            if event["seq"] != len(self.standing) + 1:
                yield f"event {event['seq']} was told after {len(self.standing)} others"
            if str(TYPE_OF_EVENT[event["name"]]).removeprefix("payment.") != kind:
                yield f"{event['name']} was told as {kind}"
            self.standing.append(event)

    def _take_back(self, events: Sequence[dict[str, Any]]) -> Iterator[str]:
        places = {_place(each) for each in events}
        kept = [each for each in self.standing if _place(each) not in places]
        if len(kept) + len(places) != len(self.standing):
            yield "a reorg took back what was never told"
        if kept != self.standing[: len(kept)]:
            yield "a reorg took back older events than it left"
        if places & self.final:
            yield "a reorg took back what was told as final"
        self.standing = kept

    def _finalize(self, events: Sequence[dict[str, Any]]) -> Iterator[str]:
        for event in events:
            if _place(event) in self.final:
                yield f"event {event['seq']} was told as final twice: a credit given twice"
            if _place(event) not in {_place(each) for each in self.standing}:
                yield f"event {event['seq']} was told as final and never as an event"
            self.final.add(_place(event))
            self.shipped += event["name"] == "PaymentFunded"


def _of_rule(told: Sequence[dict[str, Any]], finality: Finality) -> Iterator[str]:
    rising = [*Finality]
    for body in told:
        kind, data = body["type"].removeprefix("payment."), body["data"]
        if kind not in ("reorged", "expired") and rising.index(data["finality"]) < rising.index(finality):
            yield f"version {data['version']} ({kind}) was told at {data['finality']}, and {finality} was asked for"
        if kind == "reorged" and finality is Finality.FINAL:
            yield f"version {data['version']} takes back what was told at final"


def _of_payment(payment: Payment, told: Sequence[dict[str, Any]], truth: Truth, final_time: int) -> Iterator[str]:
    versions = [each["data"]["version"] for each in told]
    if versions != sorted(versions):
        yield f"out of order: the versions came as {versions}"
    once = {each["id"]: each for each in told}
    if sorted(each["data"]["version"] for each in once.values()) != list(range(1, payment.version + 1)):
        yield f"the versions told are {sorted(set(versions))}; the mirror has {payment.version}"
    reader = _Reader()
    for body in once.values():
        yield from reader.take(body)
    true = truth.events.get(payment.id, [])
    if [_place(each) for each in reader.standing] != [(each.block_hash, each.log_index) for each in true]:
        yield (
            f"the story told ends with {[(each['name'], each['seq']) for each in reader.standing]}; "
            f"the chain's with {[(each.kind, each.seq) for each in true]}, or in other blocks"
        )
    moved = {(each.block_hash, each.log_index) for each in true if each.moved}
    if reader.final != moved:
        yield f"{len(reader.final)} changes were told as final, and {len(moved)} are"
    if reader.shipped != bool(true):
        yield f"shipped {reader.shipped} times; funded {int(bool(true))} times"
    if reader.expired != expires(payment, truth, final_time):
        yield f"told {reader.expired} times that it expired; it did {int(expires(payment, truth, final_time))} times"
    if told:
        yield from _of_last(list(once.values())[-1]["data"], payment, true)


def _of_last(data: dict[str, Any], payment: Payment, true: Sequence[TrueEvent]) -> Iterator[str]:
    """Yield where the newest webhook's payment differs from what the chain's events add up to."""
    if not true:
        return
    settled = [each for each in true if each.kind != "PaymentRepaid"]
    sums = {name: sum(each.amounts.get(name, 0) for each in settled) for name in SUMS}
    expected = {
        "status": str(true[-1].status),
        "held": true[-1].held,
        "repaid": sum(each.amounts["to_buyer"] for each in true if each.kind == "PaymentRepaid"),
        **sums,
    }
    for name, value in expected.items():
        said = data[name] if name == "status" else int(data[name]["base_units"])
        if said != value:
            yield f"the newest webhook says {name} {said}; the chain {value}"


def _place(event: dict[str, Any]) -> tuple[str, int]:
    return event["block"]["hash"], event["log_index"]
