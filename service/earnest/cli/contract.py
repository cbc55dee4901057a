"""`earnest compile` and `earnest deploy`: the contract, from its sources to a chain."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from earnest.cli.console import err, say, show_json
from earnest.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="compile")(compile_command)
    app.command(name="deploy")(deploy_command)
