"""Bars by day: nothing with money in it looks empty, and nothing stands over the edge."""

from __future__ import annotations

import re

import pytest

from earnest.web.desk.bars import HEIGHT, bars

RECT = re.compile(r'<rect class="(\w*)" x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"')


@pytest.mark.parametrize("amount", [1, 7, 10**30])
def test_the_smallest_day_is_seen_beside_the_largest(amount: int) -> None:
    found = RECT.findall(bars("sums", [[("", amount)], [("", 0)], [("", 10**30)]], ["a", "b", "c"]))
    assert len(found) == 2
    for _, _, top, _, height in found:
        assert int(height) >= 1
        assert 0 <= int(top) == HEIGHT - int(height)


def test_pieces_stand_on_each_other_and_each_column_has_its_words() -> None:
    drawn = bars("a <label>", [[("disputed", 1), ("rest", 3)]], ["<today>"])
    (disputed, rest) = RECT.findall(drawn)
    assert int(rest[2]) + int(rest[4]) == int(disputed[2])
    assert (disputed[0], rest[0]) == ("disputed", "rest")
    assert 'aria-label="a &lt;label&gt;"' in drawn
    assert "<title>&lt;today&gt;</title>" in drawn
