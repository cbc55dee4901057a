"""Lists in pieces while rows arrive: what was there is seen once, whatever comes in between."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earnest.payment.events import EventKind
from tests.unit.api.house import House, open_house

PATHS = (
    "/v1/payments",
    "/v1/payments?status=created",
    "/v1/events",
    "/v1/audit_log",
    "/v1/webhook_endpoints/{id}/deliveries",
    "/v1/balances/held?token=USDX",
)


def name_of(row: dict[str, Any]) -> Any:
    return next(row[name] for name in ("id", "number", "notification_id", "payment") if name in row)


def create(house: House, seconds: int) -> str:
    house.moment[0] += seconds
    return str(house.create()["id"])


def arrive(house: House, seconds: int, kind: str) -> None:
    if kind == "payment":
        create(house, seconds)
    else:
        payment = create(house, seconds)
        house.happen(payment, EventKind.PAYMENT_FUNDED)


def page(house: House, path: str, limit: int, cursor: str | None) -> dict[str, Any]:
    joint = "&" if "?" in path else "?"
    more = f"&cursor={cursor}" if cursor else ""
    answer: dict[str, Any] = house.get(f"{path}{joint}limit={limit}{more}").json()
    return answer


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_every_row_that_was_there_is_seen_exactly_once(path: str, data: st.DataObject) -> None:
    """Rows may come in the same second as those that are there: their order is by id then, before or behind."""
    few = st.tuples(st.integers(0, 1), st.sampled_from(["payment", "event"]))
    with open_house() as house:
        endpoint = house.post("/v1/webhook_endpoints", {"url": "https://shop.example/hooks"}).json()["id"]
        path = path.replace("{id}", endpoint)
        for seconds, kind in [(0, "event"), (1, "event"), *data.draw(st.lists(few, min_size=2, max_size=6))]:
            arrive(house, seconds, kind)
            if path == "/v1/audit_log":
                house.new_key("payments:read")
        there = [name_of(row) for row in page(house, path, 100, None)["data"]]
        seen: list[Any] = []
        cursor = None
        while True:
            piece = page(house, path, data.draw(st.integers(1, 3)), cursor)
            seen += [name_of(row) for row in piece["data"]]
            cursor = piece["next_cursor"]
            if cursor is None:
                break
            for seconds, kind in data.draw(st.lists(few, max_size=2)):
                arrive(house, seconds, kind)
        assert len(seen) == len(set(seen))
        assert [each for each in seen if each in there] == there
