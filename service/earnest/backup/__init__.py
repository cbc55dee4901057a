"""Everything that a host cannot get back from the chain, in one sealed file, and out of it again."""

from earnest.backup.restore import Restored, restore
from earnest.backup.write import BackedUp, write_backup

__all__ = ["BackedUp", "Restored", "restore", "write_backup"]
