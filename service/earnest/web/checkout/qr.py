"""QR codes as pictures in the page: drawn here, so that no script and no third party is needed for them."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Final

import segno
from markupsafe import Markup

KEPT: Final = 1_000
"""Some 4 KB each. A page looks for news each few seconds, and a code takes 20 ms to draw."""


@lru_cache(maxsize=KEPT)
def lasting_qr_svg(text: str, label: str) -> Markup:
    """Return the QR code of what stands on a page for long, drawn once; nothing secret, since it is kept."""
    return qr_svg(text, label)


def qr_svg(text: str, label: str) -> Markup:
    """Return a QR code as SVG with a title for those who cannot see it.

    Black on white in the dark too: many readers take no other. Error correction M survives a scratched screen.
    """
    code = segno.make_qr(text, error="m")
    drawn = BytesIO()
    code.save(
        drawn, kind="svg", border=2, xmldecl=False, svgns=True, nl=False, omitsize=True, light="#fff", dark="#000"
    )
    svg = drawn.getvalue().decode()
    head = Markup('<svg role="img" aria-label="{}" class="qr" ').format(label)
    return head + Markup(svg.removeprefix("<svg "))  # noqa: S704 (the library draws squares, whatever the text)
