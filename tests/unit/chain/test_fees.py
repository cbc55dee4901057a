"""What is offered for gas, and what replaces an offer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from earnest.chain.errors import RpcError
from earnest.chain.fees import DEFAULT_TIP, LOWEST_TIP, Fees, offer, price, replacement
from earnest.chain.node import FeeHistory
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW

GWEI = 10**9
fees = st.integers(0, 10**13)


def test_the_offer_is_twice_the_base_fee_plus_the_median_tip() -> None:
    assert offer(FeeHistory(30 * GWEI, (1 * GWEI, 2 * GWEI, 9 * GWEI))) == Fees(62 * GWEI, 2 * GWEI, 30 * GWEI)


def test_a_chain_without_traffic_still_gets_a_tip() -> None:
    assert offer(FeeHistory(7, (0, 0, 0))).max_priority_fee_per_gas == LOWEST_TIP


def test_a_node_without_a_fee_history_is_asked_for_its_newest_block() -> None:
    node = FakeNode(ESCROW, base_fee=3 * GWEI)
    node.mine()
    node.faults = lambda method, _: RpcError(method, -32601, "unknown") if method == "eth_feeHistory" else None
    assert price(node) == Fees(6 * GWEI + DEFAULT_TIP, DEFAULT_TIP, 3 * GWEI)


@given(fees, st.lists(fees, max_size=5), st.none() | st.integers(1, 10**13))
def test_no_offer_exceeds_the_cap_and_the_tip_never_exceeds_the_whole(
    base: int, tips: list[int], cap: int | None
) -> None:
    made = offer(FeeHistory(base, tuple(tips)), cap)
    assert made.max_priority_fee_per_gas <= made.max_fee_per_gas
    assert cap is None or made.max_fee_per_gas <= cap
    assert made.capped == (cap is not None and offer(FeeHistory(base, tuple(tips))).max_fee_per_gas > cap)


@given(st.integers(1, 10**13), st.data(), fees, fees, st.none() | st.integers(1, 10**13))
def test_a_replacement_raises_both_fees_by_an_eighth_at_least_or_there_is_none(
    max_fee: int, data: st.DataObject, base: int, market_tip: int, cap: int | None
) -> None:
    tip = data.draw(st.integers(0, max_fee))
    market = offer(FeeHistory(base, (market_tip,)), cap)
    made = replacement(max_fee, tip, market, cap)
    if made is None:
        assert cap is not None
        assert max_fee * 1125 > cap * 1000 - 1000  # within rounding, the cap leaves no room
        return
    assert made.max_fee_per_gas * 1000 >= max_fee * 1125
    assert made.max_priority_fee_per_gas * 1000 >= tip * 1125
    assert made.max_priority_fee_per_gas <= made.max_fee_per_gas
    assert cap is None or made.max_fee_per_gas <= cap
    assert made.max_fee_per_gas >= market.max_fee_per_gas
