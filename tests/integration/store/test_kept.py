"""Connections that stay open from one unit of work to the next."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, make_url, text

from earnest.store.engine import LONGEST_PAUSE_SECONDS, make_engine, parse_url
from earnest.store.kept import TRUSTED_SECONDS, Kept

PAUSE = "idle_in_transaction_session_timeout"


class Time:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = make_engine(parse_url(database_url), "me")
    yield made
    made.dispose()


@pytest.fixture
def on_server(postgres_url: str) -> Iterator[Engine]:
    made = make_engine(parse_url(postgres_url), "me")
    yield made
    made.dispose()


def plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def end_all_others(url: str) -> None:
    with psycopg.connect(plain(url), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


def test_a_connection_compiles_no_question_and_locks_nobody_out_for_long(on_server: Engine) -> None:
    with on_server.connect() as connection:
        told = [connection.execute(text(f"SHOW {each}")).scalar() for each in ("jit", PAUSE)]
    assert told == ["off", f"{LONGEST_PAUSE_SECONDS}s"]


def test_what_went_well_is_lent_again_and_the_newest_first(engine: Engine) -> None:
    kept = Kept(engine, most=2, asks=False)
    one, two = kept.take(), kept.take()
    kept.give_back(one, is_well=True)
    kept.give_back(two, is_well=True)
    assert [kept.take(), kept.take()] == [two, one]


def test_no_more_are_kept_than_said(engine: Engine) -> None:
    kept = Kept(engine, most=1, asks=False)
    one, two = kept.take(), kept.take()
    kept.give_back(one, is_well=True)
    kept.give_back(two, is_well=True)
    assert (one.closed, two.closed) == (False, True)


def test_what_went_wrong_goes_back_to_the_pool_which_ends_its_transaction(engine: Engine) -> None:
    kept = Kept(engine, most=2, asks=False)
    failed = kept.take()
    failed.execute(text("CREATE TABLE half_done (x INTEGER)"))
    kept.give_back(failed, is_well=False)
    assert failed.closed
    with kept.take() as another:
        another.execute(text("CREATE TABLE half_done (x INTEGER)"))


def test_once_closed_none_is_kept(engine: Engine) -> None:
    kept = Kept(engine, most=2, asks=False)
    one = kept.take()
    kept.give_back(one, is_well=True)
    kept.close()
    assert one.closed


def test_a_connection_that_was_idle_and_is_lost_is_lent_to_nobody(on_server: Engine, postgres_url: str) -> None:
    time = Time()
    kept = Kept(on_server, most=2, asks=True, clock=time)
    one, two = kept.take(), kept.take()
    for each in (one, two):
        with each.begin():
            each.execute(text("SELECT 1"))
        kept.give_back(each, is_well=True)
    end_all_others(postgres_url)
    time.now += TRUSTED_SECONDS
    with kept.take() as another:
        assert another.execute(text("SELECT 1")).scalar_one() == 1
    assert another not in (one, two)


def test_a_connection_that_is_well_outlasts_the_question_whether_it_is(on_server: Engine) -> None:
    time = Time()
    kept = Kept(on_server, most=2, asks=True, clock=time)
    one = kept.take()
    kept.give_back(one, is_well=True)
    time.now += TRUSTED_SECONDS
    assert kept.take() is one
    with one.begin():
        assert one.execute(text("SELECT 1")).scalar_one() == 1


def test_a_connection_that_was_lost_in_the_moment_after_its_use_is_lent_to_nobody(
    on_server: Engine, postgres_url: str
) -> None:
    """A server that was restarted: whoever asks next must not be the one who finds out."""
    kept = Kept(on_server, most=2, asks=True, clock=Time())
    one = kept.take()
    with one.begin():
        one.execute(text("SELECT 1"))
    kept.give_back(one, is_well=True)
    end_all_others(postgres_url)
    with kept.take() as another:
        assert another is not one
        assert another.execute(text("SELECT 1")).scalar_one() == 1


def test_a_connection_that_was_closed_behind_our_back_is_lent_to_nobody(on_server: Engine) -> None:
    kept = Kept(on_server, most=2, asks=True, clock=Time())
    one = kept.take()
    kept.give_back(one, is_well=True)
    assert one.connection.dbapi_connection is not None
    one.connection.dbapi_connection.close()
    with kept.take() as another:
        assert another is not one


def test_what_a_server_says_on_the_way_is_no_reason_to_give_a_connection_up(
    on_server: Engine, postgres_url: str
) -> None:
    """A setting that its host changed is told to all: the line is not silent, and well."""
    kept = Kept(on_server, most=2, asks=True, clock=Time())
    one = kept.take()
    with one.begin():
        one.execute(text("LISTEN news"))
    kept.give_back(one, is_well=True)
    with psycopg.connect(plain(postgres_url), autocommit=True) as another:
        another.execute("NOTIFY news")
    for _ in range(2):
        assert kept.take() is one
        kept.give_back(one, is_well=True)
