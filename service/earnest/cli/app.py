"""The command line: every command in one tree, and one way to tell what went wrong."""

from __future__ import annotations

from typing import Final

import typer
from rich.markup import escape

from earnest import __version__
from earnest.cli import (
    admin,
    backup,
    chain,
    contract,
    demo_command,
    doctor,
    jobs,
    listening,
    mirror,
    payment,
    serve,
    verify,
)
from earnest.cli.console import err, with_times
from earnest.payment.errors import EarnestError, InvalidInput

EXIT_FAILED = 1
EXIT_USAGE = 2
_HINTS: Final = {
    "unreachable": " Start it (earnest dev, earnest serve), or give its URL (--api-url)",
    "unauthenticated": "; at a terminal: --api-key, or EARNEST_API_KEY",
    "not_earnest": ": give the service's URL (--api-url)",
}
"""What the client cannot know: how a person at a terminal names the service."""

app = typer.Typer(
    name="earnest",
    help="An escrow checkout: buyers pay into a contract that nobody owns, and merchants are told what happened.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Print the version and end.", is_eager=True),
) -> None:
    """Handle what belongs to no command."""
    if version:
        typer.echo(f"earnest {__version__}")
        raise typer.Exit


demo_command.register(app)
listening.register(app)
chain.register(app)
contract.register(app)
serve.register(app)
jobs.register(app)
admin.register(app)
payment.register(app)
verify.register(app)
mirror.register(app)
backup.register(app)
doctor.register(app)


def run(arguments: list[str]) -> int:
    """Run one command and return the exit status: 0, 1 for what failed, 2 for what was asked wrongly."""
    try:
        app(args=arguments, prog_name="earnest")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except EarnestError as error:
        err.print(
            f"[bold red]error[/] {escape(with_times(str(error)) + _HINTS.get(getattr(error, 'kind', error.code), ''))}"
        )
        return EXIT_USAGE if isinstance(error, InvalidInput) else EXIT_FAILED
    except OSError as error:
        if error.filename is None:
            raise  # nothing that a person could mend: a fault of ours
        err.print(f"[bold red]error[/] {escape(f'{error.filename}: {error.strerror}')}")
        return EXIT_FAILED
    return 0
