"""Finding the pinned Solidity compiler: py-solc-x's own, one on the path, or npm's behind `contracts/tools/solc`."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from earnest.escrow.errors import CompilerMissing

SOLC_VERSION = "0.8.37"
"""Pinned: another version gives other bytes, and so another address."""

_LONG_VERSION = re.compile(r"Version: (\d+\.\d+\.\d+\+commit\.[0-9a-f]+)")
_VERSION_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Compiler:
    """A compiler's executable and its long version, `0.8.37+commit.…`."""

    path: Path
    version: str


def find_compiler(contracts: Path) -> Compiler:
    """Find the pinned compiler.

    Raises:
        CompilerMissing: none is there; the message says what was tried and what to install.
    """
    tried: list[str] = []
    for where, path in (
        ("py-solc-x's installed versions", _from_solcx()),
        ("`solc` on the path", _on_path()),
        ("npm's, in contracts/node_modules", _from_npm(contracts)),
    ):
        if path is None:
            tried.append(f"{where}: none")
            continue
        version = long_version(path)
        if version is not None and version.startswith(f"{SOLC_VERSION}+"):
            return Compiler(path, version)
        tried.append(f"{where}: {path} is {version or 'no working compiler'}")
    raise CompilerMissing(SOLC_VERSION, tried)


def long_version(path: Path) -> str | None:
    """Return what a compiler says its version is, or None if it says nothing of use."""
    try:
        answer = subprocess.run(  # noqa: S603 - a compiler found by name, called with one fixed argument
            [str(path), "--version"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _LONG_VERSION.search(answer.stdout)
    return found.group(1) if found else None


def _from_solcx() -> Path | None:
    try:
        import solcx  # noqa: PLC0415 - an extra that only compiling needs
        from solcx.exceptions import SolcNotInstalled  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return Path(solcx.install.get_executable(SOLC_VERSION))
    except SolcNotInstalled:
        return None


def _on_path() -> Path | None:
    found = shutil.which("solc")
    return Path(found) if found else None


def _from_npm(contracts: Path) -> Path | None:
    tool = contracts / "tools" / "solc"
    there = tool.is_file() and (contracts / "node_modules" / "solc").is_dir() and shutil.which("node")
    return tool if there else None
