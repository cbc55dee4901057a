"""Writes a backup from one snapshot, while everything goes on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from earnest import __version__
from earnest.backup.contents import Beginning, End, Mirrored, Rows, encode
from earnest.backup.errors import FileIsThere
from earnest.backup.sealed import SALT_BYTES, Seal
from earnest.mirror.state_hash import state_hash
from earnest.store import Store, Transaction
from earnest.store.revision import HEAD

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many rows are, and of how many."""


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds. `bytes` is the file's size."""

    rows: dict[str, int]
    chains: list[Mirrored]
    bytes: int


def write_backup(
    store: Store, path: Path, secret: bytes, now: int, random: Callable[[int], bytes], progress: Progress
) -> BackedUp:
    """Write all rows to a new file that only its owner may read; it has its name once it is whole and on the disk.

    Raises:
        FileIsThere: a backup never writes over a file.
    """
    if path.exists():
        raise FileIsThere(f"{path} is there already: give a name that is free")
    partial = path.with_name(path.name + ".partial")
    try:
        # Opened anew, so that nobody else's file, link or right to read it is inherited.
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        error.filename = str(path)  # the name that somebody gave
        raise
    try:
        with os.fdopen(descriptor, "wb") as file:
            with store.read() as tx:
                rows, chains = _write(tx, Seal(file, secret, random(SALT_BYTES)), now, progress)
            file.flush()
            os.fsync(file.fileno())
        size = partial.stat().st_size
        # Unlike a rename, a link fails where somebody made the file meanwhile.
        try:
            os.link(partial, path)
        except FileExistsError:
            raise FileIsThere(f"{path} is there already: give a name that is free") from None
        _sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)
    return BackedUp(rows, chains, size)


def _write(tx: Transaction, seal: Seal, now: int, progress: Progress) -> tuple[dict[str, int], list[Mirrored]]:
    rows = tx.copying.tables()
    total, done = sum(rows.values()), 0
    progress("hashing the mirror", 0, 0)
    chains = mirrored(tx)
    seal.write(encode(Beginning(now, HEAD, __version__, rows, chains)))
    for name in rows:
        columns = tx.copying.columns(name)
        for some in tx.copying.rows(name):
            seal.write(encode(Rows(name, columns, [list(row) for row in some])))
            done += len(some)
            progress("writing rows", done, total)
    seal.write(encode(End(done)), last=True)
    return rows, chains


def mirrored(tx: Transaction) -> list[Mirrored]:
    """Return how far each chain was mirrored, with its state hash."""
    told = []
    for chain_id in tx.copying.chain_ids():
        chain = tx.blocks.chain(chain_id)
        if chain is not None and chain.final is not None:
            found = state_hash(tx, chain_id, chain.escrow, chain.final.number)
            told.append(Mirrored(chain_id, chain.escrow, chain.final.number, found.digest))
    return told


def _sync(folder: Path) -> None:
    """See that the file's name is on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
