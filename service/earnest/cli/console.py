"""How the command line speaks: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


_TIME: Final = re.compile(
    r"\b((?:from|until|before|after|(?:time|pay_by|deadline|valid_after|valid_before) is) )(1[4-9]\d{8}|[2-9]\d{9})\b"
)
"""A number of seconds since 1970, where the words before it say that it is a time; an amount is none."""


def with_times(message: str) -> str:
    """Return an error's words with the time that people read behind each number of Unix seconds."""

    def told(found: re.Match[str]) -> str:
        return f"{found[1]}{found[2]} ({datetime.fromtimestamp(int(found[2]), UTC):%Y-%m-%d %H:%M:%S} UTC)"

    return _TIME.sub(told, message)


def say(message: str) -> None:
    """Tell a person what is going on; nothing in it is markup, for paths and names may have brackets."""
    err.print(message, markup=False)


def show_json(data: Any) -> None:
    """Print a result for programs and people alike."""
    if out.is_terminal:
        out.print_json(data=data)
    else:
        out.file.write(json.dumps(data, indent=2) + "\n")
