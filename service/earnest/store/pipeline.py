"""Statements sent to PostgreSQL one behind the other, past the driver's cursors: 5 us each, where a cursor takes 40.

A cursor makes a new set of converters for each statement and asks the socket after each whether there is news. Here
statements are prepared under names of ours, values go as text whose type the server knows from the statement, and the
socket is asked once for all answers. What comes is read by the driver's own converters, and fails with its errors.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.waiting import Ready, Wait
from sqlalchemy import Connection, Engine, event

Row = tuple[Any, ...]

_ACTIVE: Final = "earnest_pipeline"
_PREPARED: Final = "earnest_prepared"
"""What a connection knows of itself: where it sends to now, and which of our statements are prepared on it."""
_OURS: Final = "earnest_"
_MARK: Final = re.compile(r"%%|%s|%\((\w+)\)s")
_FAILED: Final = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED)
_BEGIN: Final = "BEGIN"
_COMMIT: Final = "COMMIT"


class Text(NamedTuple):
    """A statement as the server takes it, the name under which it is prepared, and its values' names by place."""

    name: bytes
    statement: bytes
    values: tuple[str, ...]


@lru_cache(maxsize=1_024)
def text_of(statement: str) -> Text:
    """Return a statement that was written for the driver, with `%s` or `%(name)s` where values go."""
    names: list[str] = []

    def numbered(mark: re.Match[str]) -> str:
        if mark[0] == "%%":
            return "%"
        if mark[1] is None or mark[1] not in names:
            names.append(mark[1] or "")
        return f"${len(names) if mark[1] is None else names.index(mark[1]) + 1}"

    words = _MARK.sub(numbered, statement).encode()
    return Text(f"{_OURS}{hashlib.sha256(words).hexdigest()[:20]}".encode(), words, tuple(names))


class Sent:
    """A statement under way; what came of it is known once its pipeline has asked."""

    __slots__ = ("_pipeline", "result")

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.result: pq.abc.PGresult | None = None

    def rows(self) -> list[Row]:
        """Return its rows; waits for them if need be."""
        if self.result is None:
            self._pipeline.wait()
        assert self.result is not None, "whoever waits gets an answer to everything, or an error"
        return self._pipeline.rows_of(self.result)


class Pipeline:
    """One connection's statements that nobody has waited for yet.

    Args:
        driver: the connection, which is in a transaction or begins one with the first statement.
        prepared: the names of our statements that are prepared on it.
    """

    def __init__(self, driver: psycopg.Connection[Any], prepared: set[bytes]) -> None:
        self._driver, self._pgconn, self._prepared = driver, driver.pgconn, prepared
        self._sent: list[Sent] = []
        self._transformer: Any = None
        self._is_open = False

    def send(self, text: Text, values: Sequence[Any]) -> Sent:
        """Send a statement with its values by place."""
        # All values first: what cannot be written is no reason to have sent anything.
        written = [
            # Most are texts, and not worth a call each.
            value.encode() if type(value) is str and "\x00" not in value else None if value is None else _written(value)
            for value in values
        ]
        if not self._is_open:
            self._open()
        return self._send(text, written)

    def commit(self) -> None:
        """Wait for all answers, and commit if none of them is an error: the server does so before it answers.

        Raises the first error of the driver's, as `wait` does; after one the server has committed nothing, unless the
        line was lost.
        """
        if not self._is_open:
            return  # nothing was sent: the driver commits what there is
        committed = self._send(text_of(_COMMIT), [])
        self.wait()
        if committed.result is None or committed.result.command_status != _COMMIT.encode():
            raise psycopg.OperationalError("the server rolled back what it was told to commit")

    def wait(self) -> None:
        """Wait for all answers; raises the first error of the driver's among them."""
        if not self._sent:
            return
        waited_for, self._sent = self._sent, []
        self._pgconn.pipeline_sync()
        answers, trouble = self._driver.wait(_answers(self._pgconn))
        for result in answers:
            if result.status in _FAILED:
                raise error_from_result(result, encoding=self._driver.info.encoding)
        if trouble is not None:
            raise trouble
        for sent, result in zip(waited_for, answers, strict=True):
            sent.result = result

    def close(self) -> None:
        """Wait for what nobody waited for, and let the driver have the connection back."""
        try:
            self.wait()
        finally:
            if self._is_open:
                self._pgconn.exit_pipeline_mode()
                self._is_open = False

    def rows_of(self, result: pq.abc.PGresult) -> list[Row]:
        """Return an answer's rows as the driver reads them."""
        transformer = self._transformer = self._transformer or Transformer(self._driver)
        transformer.set_pgresult(result)
        rows: list[Row] = transformer.load_rows(0, result.ntuples, tuple)
        return rows

    def _open(self) -> None:
        begins = self._pgconn.transaction_status == pq.TransactionStatus.IDLE and not self._driver.autocommit
        self._pgconn.enter_pipeline_mode()
        self._is_open = True
        if begins:
            self._send(text_of(_BEGIN), [])

    def _send(self, text: Text, written: Sequence[bytes | None]) -> Sent:
        if text.name not in self._prepared:
            self._pgconn.send_prepare(text.name, text.statement)
            self._expect()
            self._prepared.add(text.name)
        self._pgconn.send_query_prepared(text.name, written)
        return self._expect()

    def _expect(self) -> Sent:
        self._sent.append(sent := Sent(self))
        return sent


@contextmanager
def pipelined(connection: Connection, *, commits: bool = False) -> Iterator[None]:
    """Send what is sent by way of `pipeline_of` in here without waiting, and wait for all of it at the end.

    With `commits` the transaction is committed along with it, and over after that.
    """
    info = connection.info
    if _ACTIVE in info:
        yield
        return
    driver: Any = connection.connection.dbapi_connection
    prepared = info.get(_PREPARED)
    if prepared is None:
        found = driver.execute("SELECT name FROM pg_prepared_statements").fetchall()
        prepared = info[_PREPARED] = {name.encode() for (name,) in found if name.startswith(_OURS)}
    elif driver.isolation_level is not None or driver.read_only is not None:
        driver.execute("")  # the driver knows how such a transaction begins
    pipeline = info[_ACTIVE] = Pipeline(driver, prepared)
    try:
        yield
        if commits:
            pipeline.commit()
        pipeline.close()
    except BaseException:
        try:
            pipeline.close()
        except psycopg.Error:
            connection.invalidate()  # what was begun cannot be ended; the error that led here is the one that counts
        raise
    finally:
        info.pop(_ACTIVE, None)


def pipeline_of(connection: Connection) -> Pipeline | None:
    """Return where statements are sent just now without waiting, None where they are not."""
    active: Pipeline | None = connection.info.get(_ACTIVE)
    return active


def forget_what_is_prepared(engine: Engine) -> None:
    """Ask connections of this engine anew after a roll-back: the driver then drops whatever is prepared on them."""

    def forget(connection: Connection, *_: object) -> None:
        if not connection.invalidated:
            connection.info.pop(_PREPARED, None)

    event.listen(engine, "rollback", forget)
    event.listen(engine, "rollback_savepoint", forget)


def _answers(
    pgconn: pq.abc.PGconn,
) -> Generator[Wait, Ready | int, tuple[list[pq.abc.PGresult], psycopg.Error | None]]:
    """Send what is left, and return what the server answers up to the end of the pipeline so far, or what stopped it.

    A server that shuts down says why before the line ends: then both are returned.
    """
    answers: list[pq.abc.PGresult] = []
    ended = 0
    try:
        while True:
            ready = yield Wait.RW if pgconn.flush() else Wait.R
            if not ready & Ready.R:
                continue
            pgconn.consume_input()
            while not pgconn.is_busy():
                result = pgconn.get_result()
                ended = 0 if result is not None else ended + 1
                if ended > 1:  # one says that an answer is over; two, that there is nothing more to come
                    raise psycopg.OperationalError("the connection ended before all was answered")
                if result is None:
                    continue
                if result.status == pq.ExecStatus.PIPELINE_SYNC:
                    return answers, None
                answers.append(result)
    except psycopg.Error as error:
        return answers, error


def _written(value: Any) -> bytes:
    """Return a value as PostgreSQL reads it from text; raises `psycopg.DataError` for what no text there can hold."""
    write = _WRITERS.get(type(value)) or _of_another_kind(value)
    written = write(value)
    if b"\x00" in written:
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return written


def _of_another_kind(value: Any) -> Callable[[Any], bytes]:
    return next((write for kind, write in _WRITERS.items() if isinstance(value, kind)), _unknown)


def _unknown(value: Any) -> bytes:
    raise psycopg.ProgrammingError(f"cannot write a {type(value).__name__} into a statement")


def _flag(value: bool) -> bytes:
    return b"t" if value else b"f"


_WRITERS: Final[dict[type, Callable[[Any], bytes]]] = {
    str: str.encode,
    bool: _flag,
    int: lambda value: b"%d" % value,
    bytes: lambda value: b"\\x" + value.hex().encode(),
}
"""By the type of a value, `bool` before `int`, which it is too."""
