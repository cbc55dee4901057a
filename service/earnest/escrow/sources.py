"""A contract's sources with everything that they import, named without any machine's paths."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import earnest
from earnest.escrow.errors import SourcesMissing
from earnest.payment.primitives import Hash32, hash32, keccak

_IMPORT = re.compile(r"""^\s*import\s+(?:[^"';]*?\bfrom\s+)?["']([^"']+)["']\s*;""", re.MULTILINE)


def contracts_dir() -> Path:
    """Return `contracts/` of the checkout that this package runs from (an installed package has none)."""
    return Path(earnest.__file__).resolve().parents[2] / "contracts"


def read_sources(root: Path, entry: str) -> dict[str, str]:
    """Return the text of the source unit `entry` and of all that it imports, by unit name, sorted.

    Args:
        root: the contracts' folder; its own units are named from there (`src/Escrow.sol`), libraries as they are
            imported (`@openzeppelin/…`) and read from its `node_modules`.
        entry: a unit's name.

    Raises:
        SourcesMissing: a unit is not there.
    """
    sources: dict[str, str] = {}
    waiting = [entry]
    while waiting:
        unit = waiting.pop()
        if unit in sources:
            continue
        sources[unit] = _read(root, unit)
        waiting += [_resolve(unit, name) for name in _IMPORT.findall(sources[unit])]
    return dict(sorted(sources.items()))


def source_hash(sources: dict[str, str]) -> Hash32:
    """Return the Keccak-256 over every unit's name and its text's Keccak-256, in the order of the names."""
    return hash32(keccak(b"".join(keccak(name.encode()) + keccak(text.encode()) for name, text in sources.items())))


def _resolve(importing: str, name: str) -> str:
    if not name.startswith("."):
        return name
    return posixpath.normpath(posixpath.join(posixpath.dirname(importing), name))


def _read(root: Path, unit: str) -> str:
    path = root / "node_modules" / unit if unit.startswith("@") else root / unit
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise SourcesMissing(root, unit) from error
