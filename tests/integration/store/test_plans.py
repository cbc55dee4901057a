"""How either database goes about what the house asks of it: by the index that was made for the question."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import create_engine, text

from tests.benchmarks.growth.filled import Filled
from tests.benchmarks.growth.plans import objections, plans_of
from tests.benchmarks.growth.questions import BLOCK, GOES_BY, OF_FEW, questions

PAYMENTS = 3_000
"""PostgreSQL takes the same indexes for as many as for six times as many."""
INDEXES = sorted({index for indexes in GOES_BY.values() for index in indexes})


class Plans:
    """What there is to say against how each question is gone about."""

    def __init__(self, url: str) -> None:
        self.url, self.filled = url, Filled(url, PAYMENTS)
        self.questions = questions(self.filled)

    def objections(self, what: str) -> list[str]:
        def ask() -> object:
            return self.filled.block() if what == BLOCK else self.questions[what](self.filled.store)

        return objections(plans_of(self.url, ask), names_few=what in OF_FEW, goes_by=GOES_BY.get(what, ()))

    def settle(self, statement: str) -> None:
        """Execute a statement, and let PostgreSQL clear up and know its tables, as it does after a while."""
        engine = create_engine(self.url)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
            if engine.dialect.name == "postgresql":
                connection.execute(text("VACUUM ANALYZE"))
        engine.dispose()

    @contextmanager
    def without(self, index: str) -> Iterator[None]:
        """Drop an index, and make it again."""
        engine = create_engine(self.url)
        of_sqlite = "SELECT sql FROM sqlite_master WHERE name = :name"
        of_postgresql = "SELECT indexdef FROM pg_indexes WHERE indexname = :name"
        with engine.begin() as connection:
            how = text(of_sqlite if engine.dialect.name == "sqlite" else of_postgresql)
            made = connection.execute(how, {"name": index}).scalar_one()
            connection.exec_driver_sql(f"DROP INDEX {index}")
        yield
        with engine.begin() as connection:
            connection.exec_driver_sql(made)
        engine.dispose()


def test_each_question_goes_by_the_index_that_was_made_for_it_and_is_told_of_once_that_is_gone(
    database_url: str,
) -> None:
    plans = Plans(database_url)
    with closing(plans.filled.store):
        bad = {what: found for what in (BLOCK, *plans.questions) if (found := plans.objections(what))}
        assert bad == {}
        for index in INDEXES:
            asking = next(what for what, indexes in GOES_BY.items() if index in indexes)
            with plans.without(index):
                assert f"does not go by {index}" in plans.objections(asking), (asking, index)


def test_what_is_due_is_found_by_its_indexes_too_once_a_backlog_is_gone(database_url: str) -> None:
    """PostgreSQL thinks an index dear in which there is room for far more than it holds, and takes another."""
    plans = Plans(database_url)
    with closing(plans.filled.store):
        plans.settle("UPDATE deliveries SET state = 'pending'")
        plans.settle("UPDATE deliveries SET state = 'delivered' WHERE position > 2")
        assert plans.objections("what is due") == []


def test_a_question_of_which_nothing_is_heard_is_told_of(database_url: str) -> None:
    with pytest.raises(ValueError, match="nothing was asked"):
        plans_of(database_url, lambda: None)
