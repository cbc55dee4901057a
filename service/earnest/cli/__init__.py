"""The `earnest` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; a mistake of the user's or a fault of the world is one sentence, never a stack trace."""
    from earnest.cli.app import run  # noqa: PLC0415 (loaded here so that the package can be imported without Typer)

    sys.exit(run(sys.argv[1:]))
