"""Fills an empty database from a backup, all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from earnest.backup.contents import Beginning, End, Mirrored, Piece, Rows, decode
from earnest.backup.errors import BackupDamaged, BackupOfNewer, DatabaseNotEmpty
from earnest.backup.sealed import opened
from earnest.backup.write import Progress, mirrored
from earnest.store import Store, Transaction
from earnest.store.revision import HEAD


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored; `created_at` (Unix) is when the backup was made."""

    created_at: int
    rows: dict[str, int]
    chains: list[Mirrored]


def restore(store: Store, path: Path, secrets: Sequence[bytes], progress: Progress) -> Restored:
    """Fill an empty database; what it then believes of each chain has the state hash that the backup tells.

    The mirror goes on from there by itself. Every row is checked before the first one counts: one transaction.

    Raises:
        NotABackup, BackupDamaged, WrongBackupKey, BackupOfNewer: the file cannot be used; nothing was written.
        DatabaseNotEmpty: there are rows in the database.
    """
    with path.open("rb") as file, store.transaction() as tx:
        pieces = _pieces(file, path, secrets)
        beginning = next(pieces)
        if not isinstance(beginning, Beginning):
            raise BackupDamaged(path, 0, "it does not begin with what it holds")
        _check(tx, path, beginning)
        found = _put(tx, path, pieces, beginning, progress)
        if found != beginning.rows:
            raise BackupDamaged(path, file.tell(), "it holds other rows than it says")
        tx.copying.go_on_counting()
        progress("hashing the mirror", 0, 0)
        if mirrored(tx) != beginning.chains:
            raise BackupDamaged(path, file.tell(), "its payments and events have another state hash than it says")
    return Restored(beginning.created_at, found, beginning.chains)


def _pieces(file: BinaryIO, path: Path, secrets: Sequence[bytes]) -> Iterator[Piece]:
    for piece, last in opened(file, path, secrets):
        try:
            told = decode(piece)
        except msgspec.MsgspecError as error:
            raise BackupDamaged(path, file.tell(), f"a piece cannot be read ({error})") from None
        if last is not isinstance(told, End):
            raise BackupDamaged(path, file.tell(), "it ends before its end")
        yield told


def _check(tx: Transaction, path: Path, beginning: Beginning) -> None:
    if beginning.revision > HEAD:
        raise BackupOfNewer(
            f"{path} was written by Earnest {beginning.version} (schema {beginning.revision}), and this one knows only "
            f"schemas up to {HEAD}: install that version or a newer one"
        )
    there = {name: count for name, count in tx.copying.tables().items() if count}
    if there:
        name, count = next(iter(there.items()))
        raise DatabaseNotEmpty(
            f"the database is in use: there are {count:,} rows in {name}; give an empty one with --database-url "
            "or --data-dir"
        )


def _put(
    tx: Transaction, path: Path, pieces: Iterator[Piece], beginning: Beginning, progress: Progress
) -> dict[str, int]:
    found, done, total = dict.fromkeys(beginning.rows, 0), 0, sum(beginning.rows.values())
    for piece in pieces:
        if isinstance(piece, Rows) and piece.table in found:
            try:
                tx.copying.put(piece.table, piece.columns, piece.rows)
            except (KeyError, ValueError) as error:
                raise BackupOfNewer(f"{path} holds what this version's schema has no place for: {error}") from None
            found[piece.table] += len(piece.rows)
            done += len(piece.rows)
            progress("restoring rows", done, total)
    return found
