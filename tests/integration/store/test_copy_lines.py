"""Rows that are written as one text are in the database what they were, whatever stands in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Column, Connection, LargeBinary, MetaData, Numeric, Table, Text

from earnest.store.bulk import COPIED_AT_ONCE, COPY_FROM_ROWS, Upsert
from earnest.store.copy_lines import lines_of
from earnest.store.engine import make_engine, parse_url

Row = tuple[int, str | None, bool | None, int | None, bytes | None, str]

things: Final = Table(
    "things",
    MetaData(),
    Column("number", BigInteger, primary_key=True),
    Column("words", Text),
    Column("flag", Boolean),
    Column("large", Numeric(78)),
    Column("raw", LargeBinary),
    Column("last", Text),
)
_ADDING: Final = Upsert(things, [each.name for each in things.c], ["number"])

STRANGE: Final = ["\\", "\\.", "\\N", "\\t", "\t", "\n", "\r", "\r\n", "\v", "\x01", "\x7f", "\x85", "\u2028", "\ufeff"]
LIKE_OTHERS: Final = ["", "None", "N", "NULL", "null", "True", "b''", 'b"', "'", '"', "%s", "%", "{}", ",", "ü", "😀"]
pieces = st.one_of(
    st.sampled_from([*STRANGE, *LIKE_OTHERS]), st.text(st.characters(codec="utf-8", exclude_characters="\0"))
)
words = st.lists(pieces, max_size=3).map("".join)
wide = st.integers(-(2**63), 2**63 - 1)
large = st.integers(-(2**256), 2**256)
values = st.tuples(st.none() | words, st.none() | st.booleans(), st.none() | large, st.none() | st.binary(), words)
plain = st.tuples(st.sampled_from(["", "0xabc", "~", "%s {} ,"]), st.booleans(), large)
FEW = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def connection(postgres_url: str) -> Iterator[Connection]:
    engine = make_engine(parse_url(postgres_url), "me")
    with engine.connect() as made:
        things.create(made)
        made.commit()
        yield made
    engine.dispose()


def read_back(connection: Connection) -> list[Row]:
    driver: Any = connection.connection
    rows = driver.execute("SELECT number, words, flag, large, raw, last FROM things ORDER BY number").fetchall()
    return [(*row[:3], None if row[3] is None else int(row[3]), *row[4:]) for row in rows]


def numbered(given: Sequence[tuple[Any, ...]]) -> list[Row]:
    return [(number, *each) for number, each in enumerate(given)]


@FEW
@given(st.lists(values, min_size=1, max_size=20))
@example([("tab\there", True, 1, None, ""), ("a", None, 2, None, "")])
@example([(None, True, 1, None, ""), ("\\N", True, 1, b"\\N", "None")])
def test_what_is_written_is_read_back(connection: Connection, given: list[tuple[Any, ...]]) -> None:
    some = numbered(given)
    rows = numbered([each for _ in range(-(-COPY_FROM_ROWS // len(some))) for each in given])
    assert _ADDING.write(connection, rows) == len(rows)
    assert read_back(connection) == rows
    connection.rollback()


@FEW
@given(st.lists(plain, min_size=1, max_size=20), st.lists(words, min_size=20, max_size=20))
def test_a_text_of_lines_says_exactly_what_the_rows_say(
    connection: Connection, given: list[tuple[Any, ...]], last: list[str]
) -> None:
    rows = numbered([(*each, b"", word) for each, word in zip(given, last, strict=False)])
    shown = [(*row[:4], row[5]) for row in rows]
    driver: Any = connection.connection
    driver.rollback()
    if (lines := lines_of(shown)) is not None:
        with (
            driver.cursor() as cursor,
            cursor.copy("COPY things (number, words, flag, large, last) FROM STDIN") as copy,
        ):
            copy.write(lines)
        assert [(*row[:4], row[5]) for row in read_back(connection)] == shown


@given(st.lists(plain, min_size=1))
def test_rows_of_plain_values_are_one_text(given: list[tuple[Any, ...]]) -> None:
    assert lines_of(given) is not None


@pytest.mark.parametrize("value", [None, b"", b"\x00'", "a\tb", "a\nb", "a\rb", "a\\b", "ü", "表", "\0"])
def test_a_value_that_is_not_what_it_looks_like_is_no_text(value: str | bytes | None) -> None:
    assert lines_of([(1, "a", 2), (1, value, 2)]) is None
    assert lines_of([(1, value, 2)]) is None


@pytest.mark.parametrize("strange", [0, COPIED_AT_ONCE, 2 * COPIED_AT_ONCE])
def test_one_strange_row_among_many_changes_no_other(connection: Connection, strange: int) -> None:
    values = [("a\tb\\\n" if at == strange else "a", True, at, None, "b") for at in range(2 * COPIED_AT_ONCE + 1)]
    rows = numbered(
        [(word, flag, large, b"\\" if large == strange else b"", last) for word, flag, large, _, last in values]
    )
    assert _ADDING.write(connection, rows) == len(rows)
    assert read_back(connection) == rows


def test_a_nul_is_refused(connection: Connection) -> None:
    rows = numbered([("a\0b", True, at, b"", "b") for at in range(COPY_FROM_ROWS)])
    with pytest.raises(psycopg.DataError, match="NUL"):
        _ADDING.write(connection, rows)
