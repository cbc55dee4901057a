"""Every operation that is measured: what happened before, the tx itself, and what `contract.md` says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from earnest.payment.primitives import ZERO_ADDRESS
from earnest.payment.terms import Terms
from tests.benchmarks.gas.calls import Call
from tests.benchmarks.gas.floor import Floor
from tests.benchmarks.gas.ours import ALL, Ours
from tests.benchmarks.gas.people import BUYER, NEWCOMER, RELAYER, address, order_hashes, terms
from tests.benchmarks.gas.world import PICKY, World

MANY = 50
Steps = tuple[list[Call], Call]
"""The txs before, and the one that is measured."""


@dataclass(frozen=True)
class Operation:
    """One row of the table.

    `ours` and `floor` make its steps; `at_most` and `aim` are the bounds of the design, `peers` what was measured of
    base/commerce-payments, Kleros and Request. `each` divides the gas of a batch.
    """

    name: str
    ours: Callable[[Ours], Steps]
    floor: Callable[[Floor], Steps] | None = None
    at_most: int | None = None
    aim: int | None = None
    peers: tuple[str, str, str] = ("", "", "")
    each: int = 1


def token_terms(world: World, *, fee_bps: int = 0) -> Terms:
    return terms("payment", world.plain, fee_bps=fee_bps)


def lean_terms(world: World) -> Terms:
    """Terms of a digital good: no operator, no dispute, and the buyer is named at funding."""
    full = replace(token_terms(world), buyer=ZERO_ADDRESS, operator=ZERO_ADDRESS)
    return replace(full, arbiter=ZERO_ADDRESS, dispute_window=0, arbitration_period=0)


def coin_terms() -> Terms:
    return terms("payment", None)


def many_terms(world: World) -> list[Terms]:
    return [replace(token_terms(world), order_hash=each) for each in islice(order_hashes("many"), MANY)]


def _funded(verb: str, *arguments: object) -> Callable[[Ours | Floor], Steps]:
    """Return the steps of a verb on a payment in the token that is funded."""

    def steps(contender: Ours | Floor) -> Steps:
        paid = token_terms(contender.world)
        return [contender.fund(paid)], getattr(contender, verb)(paid, *arguments)

    return steps


def _first(verb: str, token: str = "plain") -> Callable[[Ours | Floor], Steps]:
    """Return the steps of a way to fund."""

    def steps(contender: Ours | Floor) -> Steps:
        return [], getattr(contender, verb)(terms("payment", getattr(contender.world, token)))

    return steps


def _coin_release(contender: Ours | Floor) -> Steps:
    return [contender.fund(coin_terms())], contender.release(coin_terms())


def _permit(contender: Ours | Floor) -> Steps:
    return [], contender.fund_with_permit(terms("payment", contender.world.token, buyer=NEWCOMER), NEWCOMER)


def _repay(contender: Ours | Floor) -> Steps:
    paid = token_terms(contender.world)
    return [contender.fund(paid), contender.release(paid)], contender.repay(paid)


def _release_many(ours: Ours) -> Steps:
    """The merchant's own batch: the goods were delivered, and the dispute window of all has passed."""
    paid = many_terms(ours.world)
    return [*(ours.fund(each) for each in paid), ours.confirm_delivery_many(paid)], ours.release_many(paid)


def _release_many_by_the_floor(floor: Floor) -> Steps:
    paid = many_terms(floor.world)
    return [floor.fund(each) for each in paid], floor.release_many(paid)


def _release_many_by_the_buyer(ours: Ours) -> Steps:
    paid = many_terms(ours.world)
    return [ours.fund(each) for each in paid], ours.release_many(paid, BUYER, 0)


def _delivered(verb: str) -> Callable[[Ours], Steps]:
    def steps(ours: Ours) -> Steps:
        paid = token_terms(ours.world)
        return [ours.fund(paid), ours.confirm_delivery(paid)], getattr(ours, verb)(paid)

    return steps


def _release_by_anyone(ours: Ours) -> Steps:
    paid = token_terms(ours.world)
    wait = paid.dispute_window
    return [ours.fund(paid), ours.confirm_delivery(paid)], ours.release(paid, None, RELAYER, wait)


def _release_with_fee(ours: Ours) -> Steps:
    paid = token_terms(ours.world, fee_bps=250)
    return [ours.fund(paid)], ours.release(paid)


def _lean_release(ours: Ours) -> Steps:
    paid = lean_terms(ours.world)
    return [ours.fund(paid)], ours.release(paid)


def _resolve(ours: Ours) -> Steps:
    paid = token_terms(ours.world)
    return [ours.fund(paid), ours.confirm_delivery(paid), ours.dispute(paid)], ours.resolve(paid)


def _confirm_many(ours: Ours) -> Steps:
    paid = many_terms(ours.world)
    return [ours.fund(each) for each in paid], ours.confirm_delivery_many(paid)


def _collect(ours: Ours) -> Steps:
    paid = token_terms(ours.world)
    return [ours.pay_deposit(paid)], ours.collect(paid)


def _withdraw(ours: Ours) -> Steps:
    picky = address(PICKY)
    paid = replace(coin_terms(), merchant=picky)
    return [ours.fund(paid), ours.release(paid)], ours.withdraw(picky, paid.token)


def _sentinel(verb: str) -> Callable[[Ours], Steps]:
    return _funded(verb, ALL)


def _repay_sentinel(ours: Ours) -> Steps:
    paid = token_terms(ours.world)
    return [ours.fund(paid), ours.release(paid)], ours.repay(paid, ALL)


BOUNDED = (
    Operation(
        "fund, ERC-20, approved", _first("fund"), _first("fund"), 77_000, 73_500, ("86,690+", "80,259", "148,259")
    ),
    Operation(
        "fund, ERC-3009, relayed",
        *(
            _first("fund_with_authorization", "token"),
            _first("fund_with_authorization", "token"),
            109_000,
            104_000,
            ("122,277", "", ""),
        ),
    ),
    Operation(
        "fund, Permit2",
        *(_first("fund_with_permit2"), _first("fund_with_permit2"), 98_000, 94_000, ("121,697", "", "")),
    ),
    Operation("fund, EIP-2612, one tx", _permit, _permit, 91_000, 86_000),
    Operation(
        "fund, native coin",
        lambda c: ([], c.fund(coin_terms())),
        lambda c: ([], c.fund(coin_terms())),
        58_000,
        54_000,
        ("", "60,960", ""),
    ),
    Operation(
        "release, all, no fee", _funded("release"), _funded("release"), 51_500, 49_000, ("57,414", "56,113", "68,270")
    ),
    Operation("release, native coin", _coin_release, _coin_release, 45_000, 41_500, ("", "49,152", "")),
    Operation(
        "refund, by the merchant", _funded("refund"), _funded("refund"), 51_000, 48_500, ("54,945", "56,137", "")
    ),
    Operation("reclaim", _funded("reclaim"), _funded("reclaim"), 51_000, 48_500, ("55,013", "55,667", "73,210")),
    Operation("repay, all", _repay, _repay, 55_000, 51_000, ("71,492", "", "")),
    Operation("partial release, the first", _funded("release", 23_456_789), None, 75_000, 72_000, ("57,236", "", "")),
    Operation(
        f"releaseMany of {MANY}, each",
        _release_many,
        _release_many_by_the_floor,
        11_000,
        9_500,
        ("21,046", "", ""),
        MANY,
    ),
)
"""What the design bounds."""

FOR_INFORMATION = (
    Operation("fund, ERC-20, approved, lean terms", lambda ours: ([], ours.fund(lean_terms(ours.world)))),
    Operation("release, all, lean terms", _lean_release),
    Operation("release, all, amount as 2^256-1", _sentinel("release")),
    Operation("release, all, by anyone after the window", _release_by_anyone),
    Operation("release, all, fee", _release_with_fee),
    Operation("releaseWithReceipt", _funded("release_with_receipt")),
    Operation("refund, amount as 2^256-1", _sentinel("refund")),
    Operation("repay, amount as 2^256-1", _repay_sentinel),
    Operation("confirmDelivery", _funded("confirm_delivery")),
    Operation(f"releaseMany of {MANY}, each, by the buyer", _release_many_by_the_buyer, None, each=MANY),
    Operation(f"confirmDeliveryMany of {MANY}, each", _confirm_many, None, each=MANY),
    Operation("dispute", _delivered("dispute")),
    Operation("resolve, halves", _resolve),
    Operation("collect, exact", _collect),
    Operation("withdraw, coin", _withdraw),
    Operation("fund, ERC-3009, relayed, USDC", _first("fund_with_authorization", "usdc")),
    Operation(
        "fund, Permit2, the id as nonce",
        lambda c: ([], c.fund_with_permit2(token_terms(c.world), c.id_number(token_terms(c.world)))),
    ),
    Operation("fund, USDC, approved", _first("fund", "usdc")),
)
"""What the design does not bound, and has to stay known all the same."""

OPERATIONS = BOUNDED + FOR_INFORMATION
