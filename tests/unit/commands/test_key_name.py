"""What a key may be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.commands.key_name import MAX_KEY_NAME_LENGTH, parse_key_name
from earnest.payment.errors import InvalidInput


@pytest.mark.parametrize(
    "text", ["A", "Ann, packing", "小李 的电脑", "<b>Ann</b>", "👩", "n" * 64, " " + "n" * 64 + "\n"]
)
def test_a_name_is_kept_without_the_blanks_around_it(text: str) -> None:
    assert parse_key_name(text) == text.strip()


def test_a_key_may_have_no_name() -> None:
    assert parse_key_name(None) is None


@pytest.mark.parametrize("text", ["", "  ", "\n", "n" * 65])
def test_a_name_has_from_1_to_64_characters(text: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 64 characters") as caught:
        parse_key_name(text)
    assert caught.value.param == "name"


@pytest.mark.parametrize("odd", ["\x00", "\t", "\n", "\x1b", "\x7f", "\x85", "\u200b", "\u202e", "\u2028", "\ud800"])
def test_a_name_holds_nothing_that_cannot_be_seen(odd: str) -> None:
    with pytest.raises(InvalidInput, match="printable") as caught:
        parse_key_name(f"An{odd}n")
    assert caught.value.param == "name"


@given(st.text(max_size=80))
def test_what_is_let_in_is_let_in_again_unchanged(text: str) -> None:
    try:
        name = parse_key_name(text)
    except InvalidInput:
        return
    assert parse_key_name(name) == name
    assert 1 <= len(name) <= MAX_KEY_NAME_LENGTH
    assert name.isprintable()
