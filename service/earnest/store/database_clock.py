"""The database's own clock: the one that all machines which share a database agree on."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement


class now_ms(FunctionElement[int]):  # noqa: N801 (reads as a function of SQL's)
    """Unix time in milliseconds as the database tells it, at the moment at which it is asked."""

    type = BigInteger()
    inherit_cache = True
    name = "now_ms"


class now_seconds(FunctionElement[int]):  # noqa: N801 (reads as a function of SQL's)
    """Unix time in whole seconds as the database tells it."""

    type = BigInteger()
    inherit_cache = True
    name = "now_seconds"


@compiles(now_ms, "postgresql")
def _ms_of_postgresql(_element: now_ms, _compiler: Any, **_options: Any) -> str:
    # Not now(): that is the time at which the transaction began, and ours may have waited for a lock since.
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


@compiles(now_ms, "sqlite")
def _ms_of_sqlite(_element: now_ms, _compiler: Any, **_options: Any) -> str:
    # The Julian day of 1970-01-01, and the milliseconds of a day.
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(now_seconds, "postgresql")
def _seconds_of_postgresql(_element: now_seconds, _compiler: Any, **_options: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)"


@compiles(now_seconds, "sqlite")
def _seconds_of_sqlite(_element: now_seconds, _compiler: Any, **_options: Any) -> str:
    return "CAST(strftime('%s', 'now') AS INTEGER)"
