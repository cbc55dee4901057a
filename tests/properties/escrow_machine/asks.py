"""What is drawn: terms with their bounds among them, callers mostly right, amounts around the ones that matter."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from earnest.payment.primitives import ZERO_ADDRESS, ZERO_HASH, Address
from earnest.payment.status import Status
from earnest.payment.terms import DAY, HOUR, MAX_AMOUNT, MAX_PERIOD, Terms
from earnest.payment.transitions import PaymentState
from tests.properties.escrow_machine.settling import ALL
from tests.properties.escrow_machine.stage import COIN, Stage

ROLES: Final = ("buyer", "merchant", "operator", "arbiter", "fee recipient")
"""Parties by what they are in the payment at hand."""
OTHERS: Final = ("stranger", "friend", "buyer wallet", "merchant wallet")
"""Parties by their names."""

DELIVERY_PERIODS: Final = (7 * DAY, MAX_PERIOD, HOUR, 7 * DAY, 2, 1)
WINDOWS: Final = (3 * DAY, HOUR, HOUR + 1, MAX_PERIOD)
ARBITRATIONS: Final = (14 * DAY, DAY, DAY + 1, MAX_PERIOD)
FEES_BPS: Final = (1, 33, 250, 3_333, 9_999, 10_000)
TIMES_TO_PAY: Final = (1, 2, HOUR, DAY, 3 * MAX_PERIOD, 9 * MAX_PERIOD)
AMOUNTS: Final = (1, 2, 3, 99, 10_000, 10_001, 123_456_789, 10**18)
MOST_COIN: Final = 10**21
"""No payment of the machine asks for more: the parties' coin has to last for a run."""

which = st.integers(0, 47)
"""Which payment, by its number."""
amounts = st.one_of(
    st.sampled_from(["half", "one", "all", "all but one", "whole", "half", "all", "one too many", "nothing"]),
    st.integers(1, 200_000),
)
parts = st.sampled_from(("half", "one", "all but one"))


def callers(*right: str) -> st.SearchStrategy[str]:
    """Draw the right callers about as often as all the others together."""
    return st.sampled_from([*right * (9 // len(right)), *ROLES, *OTHERS])


def amount_of(choice: str | int, whole: int) -> int:
    """Return the base units that a choice of `amounts` means where `whole` is all there is."""
    if isinstance(choice, int):
        return choice
    meanings = {"all": ALL, "whole": whole, "one": 1, "half": whole // 2, "one too many": whole + 1, "nothing": 0}
    return meanings.get(choice, max(whole - 1, 0))


@st.composite
def families(draw: st.DrawFn, stage: Stage) -> Terms:
    """Draw what the payments of one merchant have in common; buyer, amount, pay_by and order hash come later."""
    cast = stage.cast
    disputable = draw(st.sampled_from((True, True, False)))
    fee_bps = draw(st.sampled_from((0, *FEES_BPS)))
    fee_recipient = cast[draw(st.sampled_from(("fees", "fees wallet")))].address
    operator = draw(st.sampled_from(("operator", "operator", "merchant", "buyer", "")))
    return Terms(
        buyer=ZERO_ADDRESS,
        merchant=cast[draw(st.sampled_from(("merchant", "merchant wallet")))].address,
        operator=cast[operator].address if operator else ZERO_ADDRESS,
        arbiter=cast[draw(st.sampled_from(("arbiter", "fees")))].address if disputable else ZERO_ADDRESS,
        token=draw(st.sampled_from(stage.tokens)),
        amount=0,
        fee_recipient=fee_recipient if fee_bps else ZERO_ADDRESS,
        fee_bps=fee_bps,
        pay_by=0,
        delivery_period=draw(st.sampled_from(DELIVERY_PERIODS)),
        dispute_window=draw(st.sampled_from(WINDOWS)) if disputable else 0,
        arbitration_period=draw(st.sampled_from(ARBITRATIONS)) if disputable else 0,
        order_hash=ZERO_HASH,
    )


def sums(token: Address) -> st.SearchStrategy[int]:
    """Draw a payment's amount in a token."""
    most = MOST_COIN if token == COIN else MAX_AMOUNT
    return st.one_of(st.sampled_from((*AMOUNTS, most)), st.integers(1, 1_000_000))


def next_bound(terms: Terms, state: PaymentState) -> int | None:
    """Return the moment at which time changes what is possible; None in a status that time leaves alone."""
    match state.status:
        case Status.CREATED:
            return terms.pay_by
        case Status.FUNDED:
            return state.since + terms.delivery_period
        case Status.DELIVERED:
            return state.since + terms.dispute_window
        case Status.DISPUTED:
            return state.since + terms.arbitration_period
        case _:
            return None
