"""`earnest backup` and `earnest restore`: what no chain could give back, in one sealed file."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from earnest.cli.console import out, say
from earnest.cli.panels import CARE
from earnest.cli.progress import meter
from earnest.cli.serve import DATA_DIR, DATABASE_URL
from earnest.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from earnest.backup.contents import Mirrored


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=CARE)(backup)
    app.command(rich_help_panel=CARE)(restore)


def backup(
    file: Annotated[Path, typer.Argument(help="Where to; must not be there yet.")],
    database_url: DATABASE_URL = None,
    data_dir: DATA_DIR = None,
) -> None:
    """Write everything in the database to one file, while the service runs.

    The file is encrypted with [bold]EARNEST_SECRET_KEY[/], which it does not hold: keep that key elsewhere, for without
    it the file is worth nothing. It holds one moment of the database: merchants, keys (hashed), payments, webhook
    endpoints, what was told and what was sent. What happened on the chain since then, a restored service finds by
    itself; what was created here since then is lost. Operators' keys are not in it.
    """
    settings = load_settings(database_url=database_url, data_dir=data_dir)
    from earnest.backup import write_backup  # noqa: PLC0415 (slow to load, and after what was mistyped)
    from earnest.commands.names import strong_random  # noqa: PLC0415
    from earnest.wiring import open_database, open_secret_keys, wall_clock  # noqa: PLC0415

    secret = open_secret_keys(settings)[0]
    with closing(open_database(settings)) as store, meter() as shown:
        done = write_backup(store, file, secret, wall_clock(), strong_random, shown.show)
    _show_chains(done.chains)
    say(f"{file}: {sum(done.rows.values()):,} rows, {done.bytes:,} bytes; try it with `earnest restore` elsewhere")


def restore(
    file: Annotated[Path, typer.Argument(help="What `earnest backup` wrote.")],
    database_url: DATABASE_URL = None,
    data_dir: DATA_DIR = None,
) -> None:
    """Fill an empty database from a backup; it may be SQLite or PostgreSQL, whatever the backup is of.

    All of it or nothing: each byte is checked, and the state hash of the mirror must be the backup's. Start the service
    afterwards, with the same [bold]EARNEST_SECRET_KEY[/] and operator's key: it catches up with the chain by itself.
    End the old service first; two that send with the same operator's key would stand in each other's way.
    """
    settings = load_settings(database_url=database_url, data_dir=data_dir)
    from earnest import backup as backups  # noqa: PLC0415
    from earnest.wiring import open_database, open_secret_keys  # noqa: PLC0415

    secrets = open_secret_keys(settings)
    file.open("rb").close()  # before a database is made
    with closing(open_database(settings)) as store, meter() as shown:
        done = backups.restore(store, file, secrets, shown.show)
    for name, count in done.rows.items():
        if count:
            out.print(f"{count:>12,} {escape(name)}")
    _show_chains(done.chains)
    made = datetime.fromtimestamp(done.created_at, UTC)
    say(f"restored as of {made:%Y-%m-%d %H:%M:%S} UTC; start the service, and it catches up with the chain")
    say("API keys that were revoked after the backup are good again: revoke them before you start it")


def _show_chains(chains: Iterable[Mirrored]) -> None:
    for each in chains:
        out.print(f"chain {each.chain_id}: final up to block {each.final_number:,}, state hash {each.state_hash}")
