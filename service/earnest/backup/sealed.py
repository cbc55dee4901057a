"""A file of sealed pieces: nobody without the key reads it, and a change anywhere is found, a missing end too.

    EARNEST BACKUP 1\\n | salt (16 bytes) | mark of the key (8 bytes)
    then, piece by piece: length (4 bytes, big-endian) | AES-256-GCM of the piece, compressed

The file has a key of its own, HKDF-SHA256 of `EARNEST_SECRET_KEY` under the file's salt, so that a counter serves as
nonce: the piece's number and whether it is the last. So no piece can be moved, left out, or taken from another file.

Source: RFC 5869 (HKDF); NIST SP 800-38D (GCM); the counter and the last piece's flag follow the STREAM construction of
Hoang, Reyhanitabar, Rogaway and Vizár (2015).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from earnest.backup.errors import BackupDamaged, NotABackup, WrongBackupKey

MAGIC: Final = b"EARNEST BACKUP 1\n"
SALT_BYTES: Final = 16
_MARK_BYTES: Final = 8
_TAG_BYTES: Final = 16
LARGEST_PIECE: Final = 1 << 28
"""Of a thousand rows with their JSON: far more than any has. A length beyond it is no length."""


class Seal:
    """Writes pieces.

    Args:
        file: where to, at its beginning.
        secret: 32 bytes, `EARNEST_SECRET_KEY` decoded.
        salt: 16 random bytes, for this file alone.
    """

    def __init__(self, file: BinaryIO, secret: bytes, salt: bytes) -> None:
        self._file, self._number = file, 0
        self._cipher, mark = _keys(secret, salt)
        self._head = MAGIC + salt + mark
        file.write(self._head)

    def write(self, piece: bytes, *, last: bool = False) -> None:
        """Write a piece; the last one says so."""
        sealed = self._cipher.encrypt(_nonce(self._number, last=last), zlib.compress(piece, 6), self._head)
        self._file.write(len(sealed).to_bytes(4) + sealed)
        self._number += 1


def opened(file: BinaryIO, path: Path, secrets: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield the pieces, and with each whether it is the last.

    Raises:
        NotABackup: the file is something else.
        WrongBackupKey: none of the secrets is the one that it was sealed with.
        BackupDamaged: a byte was changed, or the end is missing; names where.
    """
    head = file.read(len(MAGIC) + SALT_BYTES + _MARK_BYTES)
    if not head.startswith(MAGIC):
        raise NotABackup(f"{path} is no backup that this version of Earnest can read")
    if len(head) < len(MAGIC) + SALT_BYTES + _MARK_BYTES:
        raise BackupDamaged(path, len(head), "the file ends here")
    salt, mark = head[len(MAGIC) : -_MARK_BYTES], head[-_MARK_BYTES:]
    fitting = [cipher for cipher, marked in (_keys(each, salt) for each in secrets) if marked == mark]
    if not fitting:
        raise WrongBackupKey(
            f"{path} was sealed with another EARNEST_SECRET_KEY than the one that is set, or its beginning is damaged"
        )
    number, last = 0, False
    while not last:
        at = file.tell()
        piece, last = _piece(file, path, fitting[0], number, head)
        if last and file.read(1):
            raise BackupDamaged(path, file.tell() - 1, "there is more after its end")
        if number == 0 and last:
            raise BackupDamaged(path, at, "it holds nothing")
        yield piece, last
        number += 1


def _piece(file: BinaryIO, path: Path, cipher: AESGCM, number: int, head: bytes) -> tuple[bytes, bool]:
    at = file.tell()
    prefix = file.read(4)
    length = int.from_bytes(prefix)
    if len(prefix) == 4 and not _TAG_BYTES < length <= LARGEST_PIECE:
        raise BackupDamaged(path, at, f"no piece of it has {length} bytes")
    sealed = file.read(length) if len(prefix) == 4 else b""
    if len(prefix) < 4 or len(sealed) < length:
        raise BackupDamaged(path, file.tell(), "the file ends here, before its last piece")
    for last in (False, True):
        try:
            return zlib.decompress(cipher.decrypt(_nonce(number, last=last), sealed, head)), last
        except InvalidTag:
            continue
    raise BackupDamaged(path, at, f"piece {number + 1} is not as it was written")


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + bytes([last])


def _keys(secret: bytes, salt: bytes) -> tuple[AESGCM, bytes]:
    """Return the file's cipher, and a mark that tells the key and gives nothing of it away."""
    made = HKDF(SHA256(), 32 + _MARK_BYTES, salt, b"earnest backup 1").derive(secret)
    return AESGCM(made[:32]), made[32:]
