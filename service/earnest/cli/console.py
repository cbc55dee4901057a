"""How the command line speaks: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """Tell a person what is going on; nothing in it is markup, for paths and names may have brackets."""
    err.print(message, markup=False)


def show_json(data: Any) -> None:
    """Print a result for programs and people alike."""
    if out.is_terminal:
        out.print_json(data=data)
    else:
        out.file.write(json.dumps(data, indent=2) + "\n")
