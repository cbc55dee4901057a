"""One owner for each chain file, enforced by the operating system."""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from earnest.localnet.errors import ChainFileUnusable, ChainInUse


class FileLock:
    """An exclusive lock on `<path>.lock`, which the kernel releases when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock_path = path.with_name(path.name + ".lock")
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock and write our pid into it. Raises `ChainInUse`, which names the owner."""
        try:
            self._lock_path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ChainFileUnusable(self._path, f"its lock cannot be written ({error.strerror})") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = _read_pid(file)
            os.close(file)
            raise ChainInUse(self._path, pid) from error
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        self._file = file

    def release(self) -> None:
        """Give the lock up; the lock file stays, since removing it would let two owners lock two files."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def __enter__(self) -> "FileLock":
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _read_pid(file: int) -> int | None:
    text = os.pread(file, 32, 0).decode(errors="ignore").strip()
    return int(text) if text.isdigit() else None
