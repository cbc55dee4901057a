"""What can go wrong with the database, below the branches of the one tree.

Conflict
├── AlreadyThere           a row with that name exists
└── PaymentsChanged        payments are not as they were remembered: they have to be read again
Misconfigured
├── AuditLogBroken         an entry of the audit log was altered, replaced or taken away
├── BadDatabaseUrl         the URL is not one of a database that we speak to
├── DatabaseMissing        the folder, the file or the server's database is not there, or the login is refused
├── DatabaseReadOnly       it can be read and not written
├── NotADatabase           the file is something else, or damaged
├── SchemaTooNew           a newer Earnest has upgraded it
├── SchemaTooOld           it was not upgraded yet
└── StoreInUse             another process serves from this SQLite file
Unavailable
├── DatabaseUnavailable    it does not answer
├── DatabaseBusy           others hold it for too long
├── DatabaseFull           there is no room left
├── LockTaken              another process leads; on PostgreSQL the others wait for their turn
├── LeadLost               this process led, and another one does now: what it would have written was refused
└── ClaimLost              a delivery was claimed anew while its try went on: what came of that is not recorded
StoreFailure               anything else a driver says: a fault of ours
"""

from __future__ import annotations

from earnest.payment.errors import Conflict, EarnestError, Misconfigured, Unavailable


class AlreadyThere(Conflict):
    """A row with that name exists."""

    code = "already_exists"


class PaymentsChanged(Conflict):
    """Payments are not as they were remembered: a merchant created one of them, or a rebuild dropped it."""

    code = "payments_changed"


class AuditLogBroken(Misconfigured):
    """An entry of the audit log was altered, replaced or taken away."""

    code = "audit_log_broken"


class BadDatabaseUrl(Misconfigured):
    """The URL is not one of a database that we speak to."""

    code = "bad_database_url"


class DatabaseMissing(Misconfigured):
    """The folder, the file or the server's database is not there, or the login is refused."""

    code = "database_missing"


class DatabaseReadOnly(Misconfigured):
    """The database can be read and not written."""

    code = "database_read_only"


class NotADatabase(Misconfigured):
    """The file is something else, or damaged."""

    code = "not_a_database"


class SchemaTooNew(Misconfigured):
    """A newer Earnest has upgraded the database."""

    code = "schema_too_new"

    def __init__(self, found: str, known: str) -> None:
        super().__init__(
            f"the database has schema {found}, this Earnest knows schemas up to {known}: "
            "start the newer Earnest that upgraded it, or restore a backup made before that"
        )
        self.found, self.known = found, known


class SchemaTooOld(Misconfigured):
    """The database was not upgraded to this Earnest's schema yet."""

    code = "schema_too_old"

    def __init__(self, found: str | None, needed: str) -> None:
        state = f"has schema {found}" if found else "has no schema yet"
        super().__init__(f"the database {state}, this Earnest needs {needed}: run `earnest db upgrade`")
        self.found, self.needed = found, needed


class SchemaNotThere(Misconfigured):
    """A table or a column is missing."""

    code = "schema_not_there"


class StoreInUse(Misconfigured):
    """Another process serves from this SQLite file."""

    code = "store_in_use"


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""

    code = "database_unavailable"


class DatabaseBusy(Unavailable):
    """Others hold the database for too long."""

    code = "database_busy"


class DatabaseFull(Unavailable):
    """There is no room left for the database."""

    code = "database_full"


class LockTaken(Unavailable):
    """Another process leads; it can be our turn later."""

    code = "lock_taken"


class LeadLost(Unavailable):
    """This process led, and another one does now: nothing was written."""

    code = "lead_lost"

    def __init__(self, name: str, epoch: int, found_epoch: int | None, leader: str | None) -> None:
        now = f"epoch {found_epoch} of {leader} stands now" if leader else "nobody was ever given it"
        super().__init__(f"the lead {name!r} of epoch {epoch} is over ({now}); nothing was written by it")
        self.name, self.epoch, self.found_epoch = name, epoch, found_epoch


class ClaimLost(Unavailable):
    """A delivery was claimed anew while its try went on; whoever claimed it records what comes of it."""

    code = "claim_lost"


class StoreFailure(EarnestError):
    """The database refused something for a reason that only a change of our code can mend."""

    code = "store_failure"
