"""Sums that are dear to add up are told for a while; cheap ones are always new."""

from __future__ import annotations

from typing import Any, cast

from earnest.store import Transaction
from earnest.web.desk.remembered import DEAR_SECONDS, TIMES, Remembered

TX = cast(Transaction, None)


class Books:
    """Adds up in so many seconds, and tells how often it did."""

    def __init__(self, seconds: float) -> None:
        self.now, self.asked, self._seconds = 0.0, list[str](), seconds

    def __call__(self, _: Any, merchant: str) -> list[dict[str, Any]]:
        self.asked.append(merchant)
        self.now += self._seconds
        return [{"merchant": merchant, "time": len(self.asked)}]


def test_what_is_dear_is_kept_for_as_many_times_as_long_as_it_took() -> None:
    books = Books(2)
    sums = Remembered(books, lambda: books.now)
    first = sums(TX, "mer_1")
    books.now += TIMES * 2 - 0.01
    assert sums(TX, "mer_1") is first
    books.now += 0.01
    assert sums(TX, "mer_1") == [{"merchant": "mer_1", "time": 2}]


def test_what_costs_little_is_always_new() -> None:
    books = Books(DEAR_SECONDS / 2)
    sums = Remembered(books, lambda: books.now)
    assert [sums(TX, "mer_1")[0]["time"] for _ in range(3)] == [1, 2, 3]


def test_nobody_is_told_anothers() -> None:
    books = Books(2 * DEAR_SECONDS)
    sums = Remembered(books, lambda: books.now)
    for number in range(3):
        assert sums(TX, f"mer_{number}")[0]["merchant"] == f"mer_{number}"
