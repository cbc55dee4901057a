"""The story itself: five payments, each taking another way out of the escrow.

A story is a list of named steps, and each goes on whatever process is killed meanwhile: what it asks of the API has an
idempotency key, what it sends to the chain is signed once, and what it waits for is a fact, not a moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from earnest.cli.demo.narrator import short
from earnest.cli.demo.world import World
from earnest.payment.money import format_value
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.terms import DAY

HOUR_AND_MORE = 3_700


@dataclass
class Told:
    """A payment of the story and what it should come to."""

    id: str
    ends: str
    amount: int
    token: Address
    webhooks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """One step: its name, and what it does."""

    name: str
    run: Callable[[], None]


class Story:
    """Five payments in one world; `steps()` are run one after the other, and `ended()` says what must be true then."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.payments: dict[str, Told] = {}

    def steps(self) -> list[Step]:
        """Return the story's steps in their order."""
        names = (
            *("create_released", "fund_released", "confirm_released", "wait_out_the_dispute_window", "release"),
            *("create_refunded", "fund_refunded", "refund_a_part", "refund_the_rest"),
            *("create_reclaimed", "fund_reclaimed", "wait_out_the_delivery_period", "reclaim"),
            *("create_disputed", "fund_disputed", "confirm_disputed", "dispute", "resolve"),
            *("create_reorged", "fund_and_reorg"),
            "finalize",
        )
        return [Step(name, getattr(self, name)) for name in names]

    # 1. Released: the way it should go.

    def create_released(self) -> None:
        """The merchant asks for money."""
        self.world.narrator.chapter("1. Delivered and released")
        self._create("released", "released", "100.00", self.world.token.address)

    def fund_released(self) -> None:
        """The buyer pays into the escrow."""
        self._fund("released", "buyer")

    def confirm_released(self) -> None:
        """The merchant confirms delivery; the operator's key sends it."""
        self._confirm("released")

    def wait_out_the_dispute_window(self) -> None:
        """Time passes."""
        self.world.travel(self.payments["released"].id, HOUR_AND_MORE, "the dispute window passes")

    def release(self) -> None:
        """Anyone may release now; here a stranger does."""
        told = self.payments["released"]
        self.world.send("anyone", "released the payment", "release", told.id)
        self._hear("released", "payment.released")

    # 2. Refunded: the merchant cannot deliver, and says so.

    def create_refunded(self) -> None:
        """A payment in the chain's own coin."""
        self.world.narrator.chapter("2. Refunded by the merchant, in two parts")
        self._create("refunded", "refunded", "0.5", ZERO_ADDRESS)

    def fund_refunded(self) -> None:
        """The buyer pays in coin."""
        self._fund("refunded", "second buyer")

    def refund_a_part(self) -> None:
        """A part goes back; the status stays."""
        told = self.payments["refunded"]
        self.world.ask_operator(told.id, "refund", {"amount": {"base_units": str(told.amount // 5)}}, key="refund-part")
        self._hear("refunded", "payment.refunded")

    def refund_the_rest(self) -> None:
        """The rest goes back."""
        self.world.ask_operator(self.payments["refunded"].id, "refund", {}, key="refund-rest")
        self._hear("refunded", "payment.refunded")

    # 3. Reclaimed: the merchant never delivers, and the buyer needs nobody's permission.

    def create_reclaimed(self) -> None:
        """A payment with a short delivery period."""
        self.world.narrator.chapter("3. Never delivered, reclaimed by the buyer himself")
        self._create("reclaimed", "reclaimed", "40.00", self.world.token.address, delivery_period=DAY)

    def fund_reclaimed(self) -> None:
        """The buyer pays."""
        self._fund("reclaimed", "buyer")

    def wait_out_the_delivery_period(self) -> None:
        """Nothing happens, for a day."""
        self.world.travel(self.payments["reclaimed"].id, DAY + 60, "the delivery period passes, nothing was delivered")

    def reclaim(self) -> None:
        """The buyer takes his money back, by the contract alone."""
        told = self.payments["reclaimed"]
        self.world.send("buyer", "reclaimed the money", "reclaim", told.id)
        self._hear("reclaimed", "payment.reclaimed")

    # 4. Disputed: the arbiter splits.

    def create_disputed(self) -> None:
        """A payment that will be quarrelled over."""
        self.world.narrator.chapter("4. Disputed, and resolved by the arbiter")
        self._create("disputed", "resolved", "80.00", self.world.token.address)

    def fund_disputed(self) -> None:
        """The buyer pays."""
        self._fund("disputed", "second buyer")

    def confirm_disputed(self) -> None:
        """The merchant says that he delivered."""
        self._confirm("disputed")

    def dispute(self) -> None:
        """The buyer says that it is not what he ordered."""
        self.world.send("second buyer", "disputed the delivery", "dispute", self.payments["disputed"].id)
        self._hear("disputed", "payment.disputed")

    def resolve(self) -> None:
        """The arbiter gives a quarter back to the buyer."""
        told = self.payments["disputed"]
        quarter = told.amount // 4
        split = {"to_buyer": quarter, "to_merchant": told.amount - quarter}
        self.world.send("arbiter", "gave a quarter back, the rest to the merchant", "resolve", told.id, **split)
        self._hear("disputed", "payment.resolved")

    # 5. Taken back: the chain changes its mind.

    def create_reorged(self) -> None:
        """A payment whose funding will not last."""
        self.world.narrator.chapter("5. Funded, then taken back by a reorg")
        self._create("reorged", "created", "25.00", self.world.token.address)

    def fund_and_reorg(self) -> None:
        """The funding is seen, told, and orphaned; a merchant who waits for finality has shipped nothing."""
        told = self.payments["reorged"]
        self._fund("reorged", "buyer")
        while not self.world.reorg_away(told.id):
            # The funding grew final before the reorg came, as it may when a process was killed in between.
            self._create("reorged", "created", "25.00", self.world.token.address)
            told = self.payments["reorged"]
            self._fund("reorged", "buyer")
        self._hear("reorged", "payment.reorged")

    # The end.

    def finalize(self) -> None:
        """Blocks are mined until all of it is final, and the merchant is told so."""
        self.world.narrator.chapter("Final, and the books")
        self.world.mine_until_final()
        for name, told in self.payments.items():
            if told.ends != "created":
                payment = self.world.api.payment(told.id)
                status, finality = payment.status, payment.finality
                self.world.expect(status == told.ends, f"{name} ended {status}, not {told.ends}")
                self.world.expect(finality == "final", f"{name} is {finality}, not final")

    # What the steps share.

    def _create(self, name: str, ends: str, value: str, token: Address, **terms: Any) -> None:
        payment = self.world.create(name, value, token, terms)
        self.payments[name] = Told(payment.id, ends, payment.amount.base_units, token)
        self.world.narrator.tell("merchant", f"created payment {short(payment.id)} over {payment.amount}")

    def _fund(self, name: str, who: str) -> None:
        told = self.payments[name]
        self.world.fund(who, told.id)
        self._hear(name, "payment.funded")

    def _confirm(self, name: str) -> None:
        self.world.ask_operator(self.payments[name].id, "confirm_delivery", {}, key=f"confirm-{name}")
        self._hear(name, "payment.delivered")

    def _hear(self, name: str, kind: str) -> None:
        told = self.payments[name]
        told.webhooks.append(kind)
        heard = self.world.hear(told.id, kind, told.webhooks.count(kind))
        held = heard["data"]["held"]
        left = format_value(int(held["base_units"]), held["decimals"])
        self.world.narrator.tell("webhook", f"{kind}, signature verified, {left} {held['symbol']} still held")
