"""What a host would lose with his disk comes back from a file, whichever database it was of; a bad file is refused."""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from earnest.backup import BackedUp, Restored, restore, write_backup
from earnest.backup.contents import Beginning, End, encode
from earnest.backup.errors import (
    BackupDamaged,
    BackupOfNewer,
    DatabaseNotEmpty,
    FileIsThere,
    NotABackup,
    WrongBackupKey,
)
from earnest.backup.sealed import Seal
from earnest.backup.write import Progress
from earnest.chain.updates import ChainUpdate
from earnest.mirror.state_hash import state_hash
from earnest.payment.events import EventKind
from earnest.payment.terms import MAX_AMOUNT
from earnest.store import Store, open_store
from earnest.store.audit import Deed
from earnest.store.records import Endpoint, Session
from tests.support.ledger import CHAIN_ID, ESCROW, MERCHANT, START, FakeChain, make_payment
from tests.support.postgres import PostgresServer
from tests.support.stores import NOW, Opener, create, make_mirror, stored, told

SECRET = bytes(range(32))


def back_up(store: Store, path: Path, progress: Progress = lambda *_: None, secret: bytes = SECRET) -> BackedUp:
    return write_backup(store, path, secret, NOW, os.urandom, progress)


def bring_back(store: Store, path: Path, *secrets: bytes) -> Restored:
    return restore(store, path, secrets or (SECRET,), lambda *_: None)


def every_row(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.read() as tx:
        return {name: [row for some in tx.copying.rows(name) for row in some] for name in tx.copying.tables()}


def live_through(store: Store) -> FakeChain:
    """Fill a database with a bit of everything: own and foreign payments, final, orphaned and recent events."""
    mirror, chain = make_mirror(store), FakeChain()
    payments = [create(store, make_payment(1)), create(store, make_payment(2, amount=MAX_AMOUNT))]
    foreign = make_payment(3, account=None)
    with store.transaction() as tx:
        tx.endpoints.add(
            Endpoint("we_1", MERCHANT.id, "https://shop.test", frozenset({"payment.funded"}), b"\0s", START)
        )
        tx.audit.add(Deed(NOW, "host", "merchant.create", MERCHANT.id, MERCHANT.id, {"name": "A shop"}))
    mirror.take([chain.mine(*(chain.next(each, EventKind.PAYMENT_FUNDED) for each in [*payments, foreign]))])
    mirror.take([chain.mine(chain.next(payments[0], EventKind.DELIVERY_CONFIRMED)), chain.finalize()])
    mirror.take([chain.mine(chain.next(payments[1], EventKind.PAYMENT_REFUNDED))])
    mirror.take([chain.drop(1)[0], chain.mine()])
    return chain


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Another database with nothing in it."""
    if request.param == "sqlite":
        url, name, server = f"sqlite:///{tmp_path / 'empty.db'}", "", None
    else:
        server = request.getfixturevalue("postgres_server")
        assert isinstance(server, PostgresServer)
        name = server.create_database()
        url = server.url(name)
    with closing(open_store(url)) as opened:
        opened.upgrade()
        yield opened
    if server is not None:
        server.drop_database(name)


def test_a_folder_that_is_not_there_is_told_by_the_name_that_was_given(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "backup"
    with pytest.raises(FileNotFoundError) as raised:
        back_up(store, file)
    assert raised.value.filename == str(file)


def test_every_row_comes_back_and_the_mirror_goes_on(store: Store, empty: Store, tmp_path: Path) -> None:
    chain = live_through(store)
    made = back_up(store, tmp_path / "backup")
    restored = bring_back(empty, tmp_path / "backup")
    assert restored.rows == made.rows
    assert restored.chains == made.chains != []
    assert every_row(empty) == every_row(store)
    # Both go on with the same chain, and stay the same: what was told is not told again, nor under other numbers.
    payment = make_payment(1)
    more: list[ChainUpdate] = [chain.mine(chain.next(payment, EventKind.PAYMENT_RELEASED)), chain.finalize()]
    for each in (store, empty):
        make_mirror(each).take(more)
    assert stored(empty, payment) == stored(store, payment)
    assert told(empty) == told(store)
    hashes = []
    for each in (store, empty):
        with each.read() as tx:
            hashes.append(state_hash(tx, CHAIN_ID, ESCROW, chain.head.number))
    assert hashes[0] == hashes[1]


def test_nobody_is_signed_in_after_a_restore(store: Store, empty: Store, tmp_path: Path) -> None:
    live_through(store)
    with store.transaction() as tx:
        tx.sessions.add(Session("ab" * 32, MERCHANT.id, START, START, START + 10**6, wallet=ESCROW))
        tx.sessions.ask("cd" * 32, ESCROW, START + 10**6)
    back_up(store, tmp_path / "backup")
    restored = bring_back(empty, tmp_path / "backup")
    assert not {"sessions", "asked_to_sign"} & restored.rows.keys()
    with empty.transaction() as tx:
        assert tx.sessions.find("ab" * 32) is None
        assert tx.sessions.take("cd" * 32, START) is None


def test_a_backup_is_of_one_moment_though_everything_goes_on(store: Store, opening: Opener, tmp_path: Path) -> None:
    live_through(store)
    before = every_row(store)
    numbers = iter(range(10, 1_000))

    def meanwhile(*_: object) -> None:
        create(store, make_payment(next(numbers)))

    back_up(store, tmp_path / "backup", meanwhile)
    assert len(every_row(store)["payments"]) > len(before["payments"])
    empty = opening(f"sqlite:///{tmp_path / 'empty.db'}")
    empty.upgrade()
    bring_back(empty, tmp_path / "backup")
    assert every_row(empty) == before


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("sealed")
    with closing(open_store(f"sqlite:///{folder / 'earnest.db'}")) as filled:
        filled.upgrade()
        with filled.transaction() as tx:
            tx.merchants.add(MERCHANT)
        live_through(filled)
        back_up(filled, folder / "backup")
    return (folder / "backup").read_bytes()


@pytest.fixture
def target(opening: Opener, sqlite_url: str) -> Iterator[Store]:
    """An empty database, which has to stay empty."""
    store = opening(sqlite_url)
    store.upgrade()
    yield store
    assert not any(every_row(store).values())


def test_a_changed_byte_anywhere_is_refused(sealed: bytes, target: Store, tmp_path: Path) -> None:
    chosen = random.Random(20261122)
    places = sorted({*range(45), *(chosen.randrange(len(sealed)) for _ in range(60)), len(sealed) - 1})
    for at in places:
        damaged = bytearray(sealed)
        damaged[at] ^= 1 << chosen.randrange(8)
        path = tmp_path / "damaged"
        path.write_bytes(damaged)
        with pytest.raises((NotABackup, WrongBackupKey)) as refused:
            bring_back(target, path)
        assert str(path) in str(refused.value)


def test_a_missing_end_is_refused_wherever_it_begins(sealed: bytes, target: Store, tmp_path: Path) -> None:
    ends = [at for at, _ in pieces(sealed)]
    for length in sorted({0, 5, 20, 40, *ends, *range(50, len(sealed), max(1, len(sealed) // 40)), len(sealed) - 1}):
        path = tmp_path / "cut"
        path.write_bytes(sealed[:length])
        with pytest.raises(NotABackup) as refused:
            bring_back(target, path)
        assert length < 41 or isinstance(refused.value, BackupDamaged)


def test_pieces_that_were_moved_doubled_or_left_out_are_refused(sealed: bytes, target: Store, tmp_path: Path) -> None:
    bounds = [*(at for at, _ in pieces(sealed)), len(sealed)]
    head, parts = sealed[: bounds[0]], [sealed[a:b] for a, b in pairwise(bounds)]
    assert len(parts) > 4
    others = {
        "left out": [*parts[:2], *parts[3:]],
        "doubled": [*parts[:3], *parts[2:]],
        "moved": [parts[0], parts[2], parts[1], *parts[3:]],
        "more after the end": [*parts, parts[-1]],
        "the end alone": parts[-1:],
    }
    for what, chosen in others.items():
        path = tmp_path / "altered"
        path.write_bytes(head + b"".join(chosen))
        with pytest.raises(BackupDamaged):
            bring_back(target, path)
        assert not any(every_row(target).values()), what


def pieces(sealed: bytes) -> list[tuple[int, int]]:
    """Return where each piece begins, and how long it is."""
    at, found = len(b"EARNEST BACKUP 1\n") + 16 + 8, []
    while at < len(sealed):
        length = int.from_bytes(sealed[at : at + 4])
        found.append((at, length))
        at += 4 + length
    return found


def test_only_the_key_opens_it_and_an_older_one_still_does(sealed: bytes, opening: Opener, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    path.write_bytes(sealed)
    store = opening(f"sqlite:///{tmp_path / 'empty.db'}")
    store.upgrade()
    with pytest.raises(WrongBackupKey):
        bring_back(store, path, bytes(32))
    bring_back(store, path, bytes(32), SECRET)
    assert b"A shop" not in sealed
    assert b"https" not in sealed


def test_something_else_is_no_backup(target: Store, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("SQLite format 3\0 and so on, for long enough that it could be one")
    with pytest.raises(NotABackup):
        bring_back(target, path)


def test_it_is_restored_onto_an_empty_database_only(store: Store, sealed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    path.write_bytes(sealed)
    with pytest.raises(DatabaseNotEmpty, match="1 rows in merchants"):
        bring_back(store, path)


def test_a_newer_schema_is_named(target: Store, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    with path.open("wb") as file:
        seal = Seal(file, SECRET, bytes(16))
        seal.write(encode(Beginning(NOW, "9999", "99.0", {}, [])))
        seal.write(encode(End(0)), last=True)
    with pytest.raises(BackupOfNewer, match=r"Earnest 99\.0 \(schema 9999\)"):
        bring_back(target, path)


def test_a_backup_never_writes_over_a_file_and_leaves_no_half_one(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "backup"
    back_up(store, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(FileIsThere):
        back_up(store, path)
    assert path.read_bytes() == before

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(store, tmp_path / "other", die)
    assert [each.name for each in tmp_path.iterdir() if each.suffix != ".db" and "earnest" not in each.name] == [
        "backup"
    ]
