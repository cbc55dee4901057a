"""How the story is told: who did what, what it cost, and what was proven on the way."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console

COLOURS = {
    "merchant": "cyan",
    "buyer": "green",
    "operator": "magenta",
    "arbiter": "yellow",
    "webhook": "blue",
    "chain": "bright_black",
    "issuer": "red",
    "anyone": "white",
    "books": "bold",
}


class Narrator:
    """Prints one line for each thing that happened, with the seconds since the beginning."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the story began."""
        return time.monotonic() - self._start

    def chapter(self, title: str) -> None:
        """Begin a new part of the story."""
        self._console.print(f"\n[bold]{title}[/bold]")

    def tell(self, who: str, what: str) -> None:
        """Say what somebody did."""
        colour = COLOURS.get(who, "white")
        self._console.print(f"  [bright_black]{self.seconds:5.1f} s[/]  [{colour}]{who:<9}[/] {what}")

    def table(self, title: str, head: list[str], rows: list[list[str]]) -> None:
        """Print a small table with right-aligned figures behind the first column."""
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
        self._console.print(f"\n[bold]{title}[/bold]")
        for index, row in enumerate((head, *rows)):
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            line = "  " + "   ".join(cells)
            self._console.print(f"[bright_black]{line}[/]" if index == 0 else line)

    def plain(self, text: Any = "") -> None:
        """Print a line as it is."""
        self._console.print(text)


def short(hexadecimal: str) -> str:
    """Return the beginning of a hash or an address, enough to recognise it."""
    return hexadecimal[:10] + "…"
