"""The limit of what Python can do: fetch, check headers, decode, insert in bulk, and nothing else.

No fold and no check of the books, no outbox, no versions, no retries, no foreign keys, no indexes but the keys; an
address stays as the node tells it. A page is fetched while the one before it is written.
"""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec
import psycopg
from sqlalchemy import make_url

from earnest.chain.bloom import mask
from earnest.payment.events import AMOUNTS, TOPICS, EventKind
from earnest.payment.status import ON_CHAIN
from tests.benchmarks.backfill.story import Story
from tests.benchmarks.backfill.watch import Watch

PAGE_BLOCKS: Final = 2_000
"""As ours."""
Rows = list[tuple[Any, ...]]
EVENT: Final = (
    "block_hash text, log_index bigint, block_number bigint, block_timestamp bigint, tx_hash text, payment_id text,"
    " seq bigint, kind text, status text, held {amount}, to_merchant {amount}, to_fee_recipient {amount},"
    " to_buyer {amount}, credited int, payer text, buyer text, PRIMARY KEY (block_hash, log_index)"
)
PAYMENT: Final = (
    "id text PRIMARY KEY, buyer text, merchant text, operator text, arbiter text, token text, amount {amount},"
    " fee_recipient text, fee_bps int, pay_by bigint, delivery_period bigint, dispute_window bigint,"
    " arbitration_period bigint, order_hash text, seq bigint, status text, held {amount}, block_number bigint"
)
EVENT_COLUMNS, PAYMENT_COLUMNS = 16, 18


class _Log(msgspec.Struct, rename="camel"):
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str


class _Header(msgspec.Struct, rename="camel"):
    number: str
    hash: str
    parent_hash: str
    timestamp: str
    logs_bloom: str


class _Logs(msgspec.Struct):
    result: list[_Log]


class _Headers(msgspec.Struct):
    result: _Header


class _Client:
    """One socket and as little HTTP as it takes."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._socket = socket.create_connection((where.hostname, where.port))
        self._reader = self._socket.makefile("rb", 1 << 20)
        self._logs = msgspec.json.Decoder(_Logs)
        self._headers = msgspec.json.Decoder(list[_Headers])

    def page(self, escrow: str, first: int, last: int) -> tuple[list[_Log], list[_Headers]]:
        where = {"address": escrow, "fromBlock": hex(first), "toBlock": hex(last)}
        logs = self._ask({"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [where]})
        asked = [
            {"jsonrpc": "2.0", "id": number, "method": "eth_getBlockByNumber", "params": [hex(number), False]}
            for number in range(first, last + 1)
        ]
        return self._logs.decode(logs).result, self._headers.decode(self._ask(asked))

    def _ask(self, asked: object) -> bytes:
        body = msgspec.json.encode(asked)
        self._socket.sendall(b"POST / HTTP/1.1\r\nHost: node\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        length = 0
        while line := self._reader.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        answer: bytes = self._reader.read(length)
        return answer


class _Database(Protocol):
    def write(self, events: Rows, funded: Rows, moved: Rows) -> None: ...


class _Sqlite:
    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", *_tables("text")):
            self._connection.execute(statement)
        self._events = f"INSERT INTO events VALUES ({', '.join('?' * EVENT_COLUMNS)})"
        self._payments = f"INSERT INTO payments VALUES ({', '.join('?' * PAYMENT_COLUMNS)})"

    def write(self, events: Rows, funded: Rows, moved: Rows) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(self._events, events)
        self._connection.executemany(self._payments, funded)
        self._connection.executemany(
            "UPDATE payments SET seq = ?, status = ?, held = ?, block_number = ? WHERE id = ?", moved
        )
        self._connection.execute("COMMIT")


class _Postgresql:
    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(
            make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        )
        for statement in (
            *_tables("numeric(78, 0)"),
            "CREATE TEMP TABLE moved (seq bigint, status text, held numeric(78, 0), block_number bigint, id text)",
        ):
            self._connection.execute(statement.encode())
        self._connection.commit()

    def write(self, events: Rows, funded: Rows, moved: Rows) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for table, rows in ((b"events", events), (b"payments", funded), (b"moved", moved)):
                with cursor.copy(b"COPY %s FROM STDIN" % table) as copy:
                    for row in rows:
                        copy.write_row(row)
            cursor.execute(
                "UPDATE payments p SET seq = m.seq, status = m.status, held = m.held, block_number = m.block_number"
                " FROM moved m WHERE p.id = m.id"
            )
            cursor.execute("TRUNCATE moved")


def backfill(story: Story, url: str, database: str) -> Watch:
    """Fetch, check, decode and insert the whole chain."""
    into: _Database = (
        _Sqlite(make_url(database).database or "") if database.startswith("sqlite") else _Postgresql(database)
    )
    client, escrow = _Client(url), story.escrow.lower()
    pages = [(first, min(first + PAGE_BLOCKS, story.blocks) - 1) for first in range(0, story.blocks, PAGE_BLOCKS)]
    with Watch() as watch, ThreadPoolExecutor(1) as ahead:
        parent = None
        coming = ahead.submit(client.page, escrow, *pages[0])
        for at in range(len(pages)):
            logs, headers = coming.result()
            if at + 1 < len(pages):
                coming = ahead.submit(client.page, escrow, *pages[at + 1])
            parent = _check(parent, headers, {log.block_hash for log in logs}, mask(story.escrow))
            into.write(*_rows(logs, {each.result.hash: int(each.result.timestamp, 16) for each in headers}))
    return watch


def _check(parent: str | None, headers: Sequence[_Headers], with_logs: set[str], bits: int) -> str | None:
    for each in headers:
        header = each.result
        if parent is not None and header.parent_hash != parent:
            raise ValueError(f"block {header.number} does not follow")
        if header.hash in with_logs and int(header.logs_bloom, 16) & bits != bits:
            raise ValueError(f"block {header.number} denies its logs")
        parent = header.hash
    return parent


def _rows(logs: Sequence[_Log], times: dict[str, int]) -> tuple[Rows, Rows, Rows]:
    events: Rows = []
    funded: dict[str, tuple[Any, ...]] = {}
    last: dict[str, tuple[Any, ...]] = {}
    for log in logs:
        kind = TOPICS.get(log.topics[0])  # type: ignore[call-overload]
        if kind is None:
            continue
        id_, data = log.topics[1], log.data
        words = [data[at : at + 64] for at in range(2, len(data), 64)]
        seq, status, held = int(words[0], 16), ON_CHAIN[int(words[1], 16)].value, str(int(words[2], 16))
        number = int(log.block_number, 16)
        payer = buyer = None
        moved = {"to_merchant": "0", "to_fee_recipient": "0", "to_buyer": "0"}
        if kind is EventKind.PAYMENT_FUNDED:
            payer, buyer = "0x" + words[3][24:], "0x" + words[4][24:]
            funded[id_] = (id_, *_terms(words))
            credited = 0
        else:
            names = AMOUNTS[kind]
            moved.update((name, str(int(word, 16))) for name, word in zip(names, words[3:], strict=False))
            credited = int(words[-1], 16) if names else 0
        place = (log.block_hash, int(log.log_index, 16), number, times[log.block_hash], log.transaction_hash)
        events.append((*place, id_, seq, kind.value, status, held, *moved.values(), credited, payer, buyer))
        last[id_] = (seq, status, held, number)
    new = [row + last.pop(id_) for id_, row in funded.items()]
    return events, new, [(*row, id_) for id_, row in last.items()]


def _terms(words: Sequence[str]) -> Iterator[Any]:
    for at in range(5, 10):
        yield "0x" + words[at][24:]
    yield str(int(words[10], 16))
    yield "0x" + words[11][24:]
    for at in range(12, 17):
        yield int(words[at], 16)
    yield "0x" + words[17]


def _tables(amount: str) -> tuple[str, str]:
    return (
        f"CREATE TABLE events ({EVENT.format(amount=amount)})",
        f"CREATE TABLE payments ({PAYMENT.format(amount=amount)})",
    )
