"""What can be wrong with a backup, below the one tree of `earnest.payment.errors`.

InvalidInput
└── NotABackup          the file is something else, or of a form that this version does not know
    └── BackupDamaged   it is one, and a byte of it was changed, or its end is missing
Conflict
├── FileIsThere         a backup never writes over a file
└── DatabaseNotEmpty    a backup is restored onto an empty host only
Misconfigured
├── WrongBackupKey      it was sealed with another `EARNEST_SECRET_KEY`
└── BackupOfNewer       a newer Earnest wrote it
"""

from __future__ import annotations

from pathlib import Path

from earnest.payment.errors import Conflict, InvalidInput, Misconfigured


class NotABackup(InvalidInput):
    """The file is something else, or of a form that this version does not know."""

    code = "not_a_backup"


class BackupDamaged(NotABackup):
    """It is a backup, and a byte of it was changed, or its end is missing."""

    code = "backup_damaged"

    def __init__(self, path: Path, at: int, how: str) -> None:
        super().__init__(f"{path} is damaged at byte {at:,}: {how}; nothing was restored, take another backup")
        self.at = at


class FileIsThere(Conflict):
    """A backup never writes over a file."""

    code = "file_is_there"


class DatabaseNotEmpty(Conflict):
    """A backup is restored onto an empty host only."""

    code = "database_not_empty"


class WrongBackupKey(Misconfigured):
    """The backup was sealed with another `EARNEST_SECRET_KEY`."""

    code = "wrong_backup_key"


class BackupOfNewer(Misconfigured):
    """A newer Earnest wrote the backup."""

    code = "backup_of_newer"
