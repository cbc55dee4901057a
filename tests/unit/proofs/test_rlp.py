"""RLP: one form for each thing, whatever a stranger sends."""

from __future__ import annotations

import time

import pytest
import rlp as library  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from earnest.chain.proofs import rlp

ITEMS = st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=5), max_leaves=40)


def depth(item: rlp.Item) -> int:
    return 0 if isinstance(item, bytes) else 1 + max(map(depth, item), default=0)


@given(ITEMS)
def test_it_writes_what_the_usual_library_writes_and_reads_it_again(item: rlp.Item) -> None:
    encoded = rlp.encode(item)
    assert encoded == library.encode(item)
    if depth(item) <= rlp.MAX_DEPTH:
        assert rlp.decode(encoded) == item


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(0, 2**300))
def test_put_together_as_text_it_is_the_same(items: list[bytes], number: int) -> None:
    texts = [rlp.hex_of_bytes("0x" + each.hex()) for each in items]
    whole = rlp.hex_of_list("".join([*texts, rlp.hex_of_int(number)]))
    assert rlp.bytes_of_hex(whole) == library.encode([*items, number])


@pytest.mark.parametrize("bad", ["", "00", "0X00", "0x0", "0xabc", "x"])
def test_text_that_is_no_bytes_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="no bytes in hexadecimal"):
        rlp.hex_of_bytes(bad)


@pytest.mark.parametrize("bad", ["0xa b ", "0x  ", "0x0g", "0x\u0661\u0661", "0x" + " " * 64])
def test_text_that_is_no_digits_is_refused_in_the_end(bad: str) -> None:
    with pytest.raises(ValueError, match=r"blanks|hexadecimal"):
        rlp.bytes_of_hex(rlp.hex_of_list(rlp.hex_of_bytes(bad)))


@given(st.integers(0, 2**300))
def test_numbers_have_one_form(number: int) -> None:
    assert rlp.decode_int(rlp.encode_int(number)) == number
    with pytest.raises(rlp.NotRlp):
        rlp.decode_int(b"\0" + rlp.encode_int(number))


@given(st.binary(max_size=60))
def test_what_it_reads_at_all_is_what_it_would_write(data: bytes) -> None:
    try:
        item = rlp.decode(data)
    except rlp.NotRlp:
        return
    assert rlp.encode(item) == data


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "8100",  # a byte that needs no prefix
        "b800",  # a long form of a short string
        "b90038" + "00" * 56,  # a length with a zero in front
        "83dead",  # less than announced
        "c3c283",  # a list that ends inside an item
        "c18183",  # an item that reaches beyond its list
        "8000",  # something after the end
        "ff" + "ff" * 8,
        "c1" * 9 + "c0",  # deeper than anything that we read
    ],
)
def test_any_other_form_is_refused(bad: str) -> None:
    with pytest.raises(rlp.NotRlp):
        rlp.decode(bytes.fromhex(bad))


def test_a_huge_list_is_read_in_linear_time_and_a_deep_one_is_refused_at_once() -> None:
    before = time.perf_counter()
    items = rlp.decode(rlp.encode([b"\1"] * 1_000_000))
    assert len(items) == 1_000_000
    nested = b"\xc0"
    while len(nested) < 10_000:
        size = rlp.encode_int(len(nested))
        nested = (bytes([0xC0 + len(nested)]) if len(nested) < 56 else bytes([0xF7 + len(size)]) + size) + nested
    with pytest.raises(rlp.NotRlp, match="nested deeper"):
        rlp.decode(nested)
    assert time.perf_counter() - before < 20
