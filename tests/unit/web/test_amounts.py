"""Amounts as people read them: nothing is rounded, and long ones can be read and broken."""

from __future__ import annotations

import pytest

from earnest.web.amounts import breakable, group, show_value, size_of


@pytest.mark.parametrize(
    ("base_units", "decimals", "expected"),
    [
        (0, 6, "0.00"),
        (12_500_000, 6, "12.50"),
        (1_234_567_890_000, 6, "1,234,567.89"),
        (2**128 - 1, 18, "340,282,366,920,938,463,463.374607431768211455"),
        (1_000, 0, "1,000"),
        (-1_234_500_000, 6, "-1,234.50"),
        (1, 18, "0.000000000000000001"),
    ],
)
def test_the_whole_part_is_grouped_and_no_digit_is_lost(base_units: int, decimals: int, expected: str) -> None:
    assert show_value(base_units, decimals) == expected


def test_what_is_no_plain_decimal_stays_as_it_is() -> None:
    assert group("") == ""


def test_a_long_amount_breaks_between_its_groups_and_is_set_smaller() -> None:
    assert breakable("1,234.50") == "1,<wbr>234<wbr>.50"
    assert breakable("<b>") == "&lt;b&gt;"
    assert [size_of("1" * length) for length in (9, 10, 16, 22)] == ["", "long", "longer", "longest"]
