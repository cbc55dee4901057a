"""Bars by day, drawn as SVG on the server: no script, no style of their own, and a sentence for who cannot see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

WIDTH: Final = 720
HEIGHT: Final = 160
GAP: Final = 4

Column = Sequence[tuple[str, int]]
"""One day: pieces from the bottom up, each with the style sheet's name for it and how much it is."""


def bars(label: str, columns: Sequence[Column], titles: Sequence[str]) -> Markup:
    """Return columns as bars; whole pixels, rounded up, so that no day with something in it looks empty."""
    most = max((sum(amount for _, amount in each) for each in columns), default=0) or 1
    width = WIDTH // max(1, len(columns))
    parts: list[Markup] = []
    for place, (column, title) in enumerate(zip(columns, titles, strict=True)):
        pieces = list[Markup]()
        below = 0
        for kind, amount in column:
            bottom, below = below, below + amount
            height = _pixels(below, most) - _pixels(bottom, most)
            if amount:
                shape = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"></rect>')
                pieces.append(shape.format(kind, place * width, HEIGHT - _pixels(below, most), width - GAP, height))
        if pieces:
            parts.append(Markup("<g><title>{}</title>{}</g>").format(title, Markup("").join(pieces)))
    head = Markup('<svg class="bars" viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="none">')
    return head.format(WIDTH, HEIGHT, label) + Markup("").join(parts) + Markup("</svg>")


def _pixels(amount: int, most: int) -> int:
    return -(-amount * (HEIGHT - 8) // most)
