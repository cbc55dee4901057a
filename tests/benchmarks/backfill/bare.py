"""The limit of what Python can do: fetch, check headers, decode, insert in bulk, and nothing else.

No fold and no check of the books, no outbox, no versions, no retries, no foreign keys, no indexes but the keys; an
address stays as the node tells it. A page is fetched while the one before it is written.
"""

from __future__ import annotations

import gc
import socket
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from struct import Struct
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


_HEAD: Final = ">24xQ31xB32s"
"""How every event begins: `seq`, `status`, `held`, each a word of 32 bytes."""
_FUNDED: Final = Struct(f"{_HEAD}{7 * 32}x32s32x{5 * '24xQ'}32x").unpack
"""Of a funding what is a number; the addresses and the hash in it are cut from its digits."""
_NOTHING: Final = ("0", "0", "0", 0)
_STATUSES: Final = tuple(status.value for status in ON_CHAIN)
_KINDS: Final = {
    str(topic): (
        kind.value,
        None
        if kind is EventKind.PAYMENT_FUNDED
        else Struct(_HEAD + "32s" * len(AMOUNTS[kind]) + ("31xB" if AMOUNTS[kind] else "")).unpack,
    )
    for topic, kind in TOPICS.items()
}
"""By topic an event's name, and what reads its numbers."""


class _Log(msgspec.Struct, rename="camel", gc=False):
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str


class _Header(msgspec.Struct, rename="camel", gc=False):
    number: str
    hash: str
    parent_hash: str
    timestamp: str
    logs_bloom: str


class _Logs(msgspec.Struct, gc=False):
    result: list[_Log]


class _Headers(msgspec.Struct, gc=False):
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
        # As durable as ours. Of what was tried pages of 8 KiB were the quickest: ten rows or so fit into one.
        settings = ("page_size = 8192", "journal_mode = WAL", "synchronous = FULL", "cache_size = -32768")
        also = ("wal_autocheckpoint = 10000", "secure_delete = FAST")
        pragmas = [f"PRAGMA {each}" for each in (*settings, *also)]
        for statement in (*pragmas, *_tables("text")):
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
                    # Numbers, digits and words alone: nothing in them has to be escaped.
                    lines = ["\t".join(["\\N" if each is None else str(each) for each in row]) for row in rows]
                    copy.write("\n".join([*lines, ""]))
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
    # Nothing here refers to itself, so that looking for such garbage would find none.
    gc.disable()
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
    """Return a page's events, the payments that begin in it, and where it leaves those that began before."""
    events: Rows = []
    funded: dict[str, tuple[Any, ...]] = {}
    last: dict[str, tuple[Any, ...]] = {}
    for log in logs:
        topics, data, block_hash = log.topics, log.data, log.block_hash
        if (found := _KINDS.get(topics[0])) is None:
            continue
        (kind, read), id_, raw = found, topics[1], bytes.fromhex(data[2:])
        payer = buyer = None
        if read is None:
            seq, status, held, amount, *numbers = _FUNDED(raw)
            payer, buyer = "0x" + data[218:258], "0x" + data[282:322]
            roles = ["0x" + data[at : at + 40] for at in range(346, 603, 64)]
            fees = ("0x" + data[730:770], *numbers, "0x" + data[1090:1154])
            funded[id_] = (id_, *roles, str(int.from_bytes(amount)), *fees)
            moved = _NOTHING
        else:
            seq, status, held, *amounts = read(raw)
            moved = _moved(kind, amounts) if amounts else _NOTHING
        at = int(log.block_number, 16)
        state = (seq, _STATUSES[status], str(int.from_bytes(held)))
        place = (block_hash, int(log.log_index, 16), at, times[block_hash], log.transaction_hash)
        events.append((*place, id_, seq, kind, *state[1:], *moved, payer, buyer))
        last[id_] = (*state, at)
    new = [row + last.pop(id_) for id_, row in funded.items()]
    return events, new, [(*row, id_) for id_, row in last.items()]


def _moved(kind: str, amounts: list[Any]) -> tuple[Any, ...]:
    """Return what an event moved to the merchant, the fee's recipient and the buyer, and what of it was credited."""
    credited = amounts.pop()
    told = [str(int.from_bytes(each)) for each in amounts]
    if len(told) == 3:
        return (*told, credited)
    return (*told, "0", credited) if len(told) == 2 else ("0", "0", *told, credited)


def _tables(amount: str) -> tuple[str, str]:
    return (
        f"CREATE TABLE events ({EVENT.format(amount=amount)})",
        f"CREATE TABLE payments ({PAYMENT.format(amount=amount)})",
    )
