from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from earnest.localnet.errors import ChainFileUnusable
from earnest.localnet.keyvalue import SqliteKeyValue


def test_what_a_transaction_wrote_is_there_after_reopening(tmp_path: Path) -> None:
    db = SqliteKeyValue(tmp_path / "chain.db")
    with db.transaction():
        db[b"a"] = b"1"
        db[b"b"] = b"2"
        del db[b"b"]
        assert db[b"a"] == b"1"
        assert b"b" not in db
    db.close()
    again = SqliteKeyValue(tmp_path / "chain.db")
    assert again[b"a"] == b"1"
    assert b"b" not in again
    again.close()


def test_a_failed_transaction_leaves_nothing() -> None:
    db = SqliteKeyValue(None)
    with db.transaction():
        db[b"kept"] = b"old"
    with pytest.raises(ZeroDivisionError), db.transaction():
        db[b"kept"] = b"new"
        db[b"fresh"] = b"x"
        raise ZeroDivisionError
    assert db[b"kept"] == b"old"
    assert b"fresh" not in db
    db.close()


def test_an_inner_transaction_is_part_of_the_outer_one() -> None:
    db = SqliteKeyValue(None)
    with pytest.raises(ZeroDivisionError), db.transaction():
        with db.transaction():
            db[b"inner"] = b"x"
        raise ZeroDivisionError
    assert b"inner" not in db
    db.close()


def test_writing_outside_a_transaction_is_refused() -> None:
    db = SqliteKeyValue(None)
    with pytest.raises(RuntimeError, match="inside a transaction"):
        db[b"a"] = b"1"
    db.close()


def test_a_deleted_key_is_gone_from_the_cache_too() -> None:
    db = SqliteKeyValue(None)
    with db.transaction():
        db[b"a"] = b"1"
    with db.transaction():
        db.delete(b"a")
    with pytest.raises(KeyError):
        db[b"a"]
    db.close()


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    with pytest.raises(ChainFileUnusable, match="another program's database"):
        SqliteKeyValue(path)
    assert b"theirs" in path.read_bytes()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    path.write_bytes(b"not a database, and long enough to be looked at as one" * 10)
    with pytest.raises(ChainFileUnusable, match=r"chain\.db"):
        SqliteKeyValue(path)


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    SqliteKeyValue(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.commit()
    newer.close()
    with pytest.raises(ChainFileUnusable, match="version 99"):
        SqliteKeyValue(path)
