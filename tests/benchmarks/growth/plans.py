"""How a database goes about a question: what it reads from end to end, and what it sorts before it can answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event

LARGE: Final = ("payments", "events", "notifications", "deliveries", "attempts")
"""The tables that grow with every payment."""


def plans_of(url: str, ask: Callable[[], object]) -> list[str]:
    """Ask, and return the lines of the plans of all that was asked of the database."""
    with _heard() as statements:
        ask()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    lines: list[str] = []
    with engine.connect() as connection:
        for statement, parameters in statements:
            if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE")):
                rows = connection.exec_driver_sql(explain + statement, parameters)
                lines += [str(row[-1]).strip() for row in rows]
    engine.dispose()
    return lines


def objections(lines: Sequence[str], *, names_few: bool) -> list[str]:
    """Return those lines of a plan that read a whole table; where few are asked for by name, or all of a merchant's."""
    bad = [f"{how} {table} " for how in ("SCAN", "Seq Scan on") for table in LARGE]
    bad += ["(account=?)", "(merchant_id=?)"] if names_few else []
    return [line for line in lines if any(each in f"{line} " for each in bad)]


@contextmanager
def _heard() -> Iterator[list[tuple[str, Any]]]:
    heard: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        heard.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
