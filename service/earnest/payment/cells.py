"""Cells of a CSV file that no spreadsheet will execute.

Source: OWASP, "CSV injection", for what a cell must not begin with.
"""

from __future__ import annotations

import re
from typing import Final

_FORMULA: Final = frozenset("=+-@＝＋－＠")
_DANGEROUS: Final = _FORMULA | frozenset("\t\r\n")
_CUT: Final = re.compile(r"([;,\t|\r\n][\s\"]*)(?=[=+\-@＝＋－＠])")


def safe_cell(text: str | None) -> str:
    """Return text that a spreadsheet shows and does not compute: what looks like a formula gets an apostrophe.

    Also inside: a spreadsheet whose separator is another one, as in much of Europe, cuts a cell at it.
    """
    if not text:
        return ""
    inside = _CUT.sub(r"\1'", text)
    return f"'{inside}" if inside[0] in _DANGEROUS or inside.lstrip()[:1] in _FORMULA else inside
