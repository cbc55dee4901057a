"""Statements sent to PostgreSQL past the driver's cursors: the same values, the same errors, and nothing half done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import Connection, Engine, bindparam, exc, make_url, text

from earnest.store.driver_errors import DRIVER_ERRORS
from earnest.store.engine import make_engine, parse_url
from earnest.store.raw import Fixed, many, sent_together

STRANGE: Final = 'it\'s "quoted" \\ {a,b} 100% ü€😀 NULL\n'
_ADDING: Final = Fixed(
    lambda _: text(
        "INSERT INTO things (number, words, flag, large, bytes) VALUES (:number, :words, :flag, :large, :bytes)"
    )
)
_OF: Final = Fixed(lambda _: text("SELECT words, flag, large, bytes FROM things WHERE number = :number"))
_AMONG: Final = Fixed(lambda _: text("SELECT number FROM things WHERE words = ANY (CAST(:words AS text[]))"))
_BACK: Final = Fixed(lambda _: text("SELECT CAST(:words AS text), CAST(:words AS text)"))
_NOTHING: Final[dict[str, Any]] = {"words": "", "flag": None, "large": 0, "bytes": None}


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    made = make_engine(parse_url(postgres_url), "me")
    with made.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE things (number bigint PRIMARY KEY, words text, flag bool, large numeric(78), bytes bytea)"
            )
        )
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        yield made


def add(connection: Connection, *numbers: int) -> None:
    with sent_together(connection):
        _ADDING.tell_each(connection, [_NOTHING | {"number": each} for each in numbers])


def among(*words: str) -> dict[str, str]:
    return {"words": many(words, "postgresql")}


def numbers(connection: Connection) -> list[int]:
    return sorted(connection.execute(text("SELECT number FROM things")).scalars())


@pytest.mark.parametrize(
    ("words", "flag", "large", "raw"),
    [
        (STRANGE, True, 2**256 - 1, b"\x00\xff"),
        ("", False, 0, b""),
        (None, None, -(2**255), None),
    ],
)
def test_a_value_comes_back_as_it_was_sent(
    connection: Connection, words: str | None, flag: bool | None, large: int, raw: bytes | None
) -> None:
    with connection.begin():
        with sent_together(connection):
            _ADDING.tell(connection, {"number": 1, "words": words, "flag": flag, "large": large, "bytes": raw})
            found = _OF.ask_later(connection, {"number": 1})
        assert found() == [(words, flag, large, raw)]


def test_a_list_names_exactly_its_words(connection: Connection) -> None:
    every = [STRANGE, "", "NULL", "{}", '"', "\\", "a,b", "a", "b"]
    with connection.begin():
        with sent_together(connection):
            for number, words in enumerate(every):
                _ADDING.tell(connection, _NOTHING | {"number": number, "words": words})
            some = _AMONG.ask_later(connection, among(STRANGE, "", "NULL", '"', "\\", "a,b"))
            none = _AMONG.ask_later(connection, among())
        assert [number for (number,) in some()] == [0, 1, 2, 4, 5, 6]
        assert none() == []
        assert _AMONG.ask(connection, among(STRANGE, "\\")) == [(0,), (5,)]


def test_a_value_that_is_named_twice_is_the_same_in_both_places(connection: Connection) -> None:
    with connection.begin(), sent_together(connection):
        assert _BACK.ask(connection, {"words": "100%"}) == [("100%", "100%")]


def test_what_is_asked_in_between_sees_what_was_told_before(connection: Connection) -> None:
    with connection.begin(), sent_together(connection):
        _ADDING.tell(connection, _NOTHING | {"number": 1, "words": "one"})
        assert _AMONG.ask(connection, among("one")) == [(1,)]
        _ADDING.tell(connection, _NOTHING | {"number": 2, "words": "one"})
        assert _AMONG.ask(connection, among("one")) == [(1,), (2,)]


def test_a_text_with_a_nul_is_refused_and_nothing_cut_off_is_written(connection: Connection) -> None:
    with pytest.raises(psycopg.DataError, match="NUL"), connection.begin(), sent_together(connection):
        _ADDING.tell(connection, _NOTHING | {"number": 1, "words": "one\x00two"})
    assert numbers(connection) == []


def test_a_value_of_no_known_kind_is_refused(connection: Connection) -> None:
    with pytest.raises(psycopg.ProgrammingError, match="complex"), connection.begin(), sent_together(connection):
        _ADDING.tell(connection, _NOTHING | {"number": 1j})


def test_the_first_error_is_raised_and_nothing_of_it_all_is_written(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation), connection.begin():
        add(connection, 1, 2, 2, 3)
    assert numbers(connection) == []


def test_an_error_of_ours_in_between_takes_back_what_was_sent(connection: Connection) -> None:
    with pytest.raises(KeyError), connection.begin(), sent_together(connection):
        _ADDING.tell(connection, _NOTHING | {"number": 1})
        raise KeyError
    assert numbers(connection) == []


def add_and_commit(connection: Connection, *numbers: int) -> None:
    with sent_together(connection, commits=True):
        _ADDING.tell_each(connection, [_NOTHING | {"number": each} for each in numbers])


def test_what_commits_is_seen_by_others_before_the_unit_of_work_ends(connection: Connection, engine: Engine) -> None:
    for number in (1, 2):
        with connection.begin():
            add_and_commit(connection, number)
            with engine.connect() as other:
                assert numbers(other)[-1] == number
    assert numbers(connection) == [1, 2]


def test_what_fails_before_the_commit_is_not_committed(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation), connection.begin():
        add_and_commit(connection, 1, 2, 2, 3)
    assert numbers(connection) == []


def test_an_error_of_ours_before_the_commit_takes_back_what_was_sent(connection: Connection) -> None:
    with pytest.raises(KeyError), connection.begin(), sent_together(connection, commits=True):
        _ADDING.tell(connection, _NOTHING | {"number": 1})
        raise KeyError
    assert numbers(connection) == []


def test_a_commit_that_the_server_refuses_is_an_error(connection: Connection) -> None:
    with connection.begin():
        connection.execute(text("CREATE TABLE parts (thing bigint REFERENCES things INITIALLY DEFERRED)"))
    parts = Fixed(lambda _: text("INSERT INTO parts (thing) VALUES (:thing)"))
    with (
        pytest.raises(psycopg.errors.ForeignKeyViolation),
        connection.begin(),
        sent_together(connection, commits=True),
    ):
        parts.tell(connection, {"thing": 1})
    with connection.begin():
        assert connection.execute(text("SELECT count(*) FROM parts")).scalar() == 0
        add_and_commit(connection, 1)
    assert numbers(connection) == [1]


def test_a_server_that_ends_the_connection_before_the_commit_has_committed_nothing(
    connection: Connection, postgres_url: str
) -> None:
    with pytest.raises(DRIVER_ERRORS), connection.begin(), sent_together(connection, commits=True):
        _ADDING.tell(connection, _NOTHING | {"number": 1})
        end_all_others(postgres_url)
    assert connection.invalidated
    assert numbers(connection) == []


def test_after_an_error_the_same_statements_go_on_the_same_connection(connection: Connection) -> None:
    with connection.begin():
        add(connection, 1)
    for _ in range(3):
        with pytest.raises(psycopg.errors.UniqueViolation), connection.begin():
            add(connection, 2, 1)
        with connection.begin():
            add(connection, 3)
            connection.execute(text("DELETE FROM things WHERE number = 3"))
    assert numbers(connection) == [1]


def make_the_driver_prepare(connection: Connection) -> None:
    for _ in range(10):
        connection.execute(text("SELECT number FROM things WHERE number = :number"), {"number": 1}).all()


def test_what_the_driver_drops_at_a_roll_back_is_prepared_again(connection: Connection) -> None:
    with connection.begin():
        add(connection, 1)
        make_the_driver_prepare(connection)
    with pytest.raises(ZeroDivisionError), connection.begin():
        connection.execute(text("SELECT 1"))
        raise ZeroDivisionError
    with connection.begin():
        add(connection, 2)
    assert numbers(connection) == [1, 2]


def test_what_the_driver_drops_at_a_savepoint_is_prepared_again(connection: Connection) -> None:
    with connection.begin():
        add(connection, 1)
        make_the_driver_prepare(connection)
        with pytest.raises(exc.IntegrityError), connection.begin_nested():
            connection.execute(text("INSERT INTO things (number) VALUES (1)"))
        add(connection, 2)
    assert numbers(connection) == [1, 2]


def test_a_transaction_that_only_reads_stays_one(engine: Engine) -> None:
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with reading.connect() as connection:
        for _ in range(2):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), connection.begin():
                add(connection, 1)


def test_more_than_the_line_takes_at_once_goes_both_ways(connection: Connection) -> None:
    """A server that waits to be heard reads no more: whoever only sends would wait for it for ever."""
    large = "x" * 100_000
    with connection.begin():
        with sent_together(connection):
            every = [_BACK.ask_later(connection, {"words": large}) for _ in range(200)]
        assert all(each() == [(large, large)] for each in every)


def end_all_others(url: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


@pytest.mark.parametrize("already_asked", [True, False], ids=["in between", "at the end"])
def test_a_server_that_ends_the_connection_is_an_error_that_says_so(
    connection: Connection, postgres_url: str, already_asked: bool
) -> None:
    with connection.begin():
        add(connection, 1)
    with pytest.raises(DRIVER_ERRORS) as caught, connection.begin(), sent_together(connection):
        if already_asked:
            _AMONG.ask(connection, among())
        end_all_others(postgres_url)
        _ADDING.tell(connection, _NOTHING | {"number": 2})
    assert isinstance(caught.value, psycopg.OperationalError)
    assert connection.invalidated
    with connection.begin():
        add(connection, 3)
    assert numbers(connection) == [1, 3]


def test_a_statement_of_sqlalchemys_own_goes_as_well(connection: Connection) -> None:
    counted = Fixed(lambda _: text("SELECT :a + 1, :b").bindparams(bindparam("a", type_=None), bindparam("b", "x%%y")))
    with connection.begin(), sent_together(connection):
        assert counted.ask(connection, {"a": 1}) == [(2, "x%%y")]
