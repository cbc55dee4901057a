"""Solidity that only tests use, compiled when it is needed and kept in `.cache` under the hash of its sources."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import solcx

from earnest.escrow.compilers import find_compiler
from earnest.escrow.errors import CompilerMissing, SourcesMissing
from earnest.escrow.sources import contracts_dir, read_sources, source_hash
from earnest.payment.primitives import hash32, keccak

ROOT = contracts_dir()
_CACHE = ROOT.parent / ".cache" / "solidity"
_SETTINGS: dict[str, Any] = {"evmVersion": "prague", "optimizer": {"enabled": True, "runs": 200}}


def creation_codes(*units: str, root: Path = ROOT) -> list[bytes]:
    """Return the creating bytecodes of contracts below `root`, each `path/of/its/source.sol:Name`.

    The test is skipped where there is no compiler, or where a library is not installed.
    """
    try:
        sources: dict[str, str] = {}
        for unit in units:
            sources |= read_sources(root, _path(unit))
        kept = _CACHE / f"{hash32(keccak(source_hash(sources).encode() + ','.join(units).encode()))}.json"
        if not kept.exists():
            _write(kept, json.dumps(_compiled(units, sources, root)))
    except (CompilerMissing, SourcesMissing) as error:
        pytest.skip(f"MISSING: {error}")
    return [bytes.fromhex(code) for code in json.loads(kept.read_text())]


def _compiled(units: tuple[str, ...], sources: dict[str, str], root: Path) -> list[str]:
    asked = {
        "language": "Solidity",
        "sources": {each: {"content": text} for each, text in sources.items()},
        "settings": {**_SETTINGS, "outputSelection": {_path(unit): {"*": ["evm.bytecode.object"]} for unit in units}},
    }
    contracts = solcx.compile_standard(asked, solc_binary=find_compiler(root).path)["contracts"]
    return [contracts[_path(unit)][unit.rpartition(":")[2]]["evm"]["bytecode"]["object"] for unit in units]


def _path(unit: str) -> str:
    return unit.partition(":")[0]


def _write(path: Path, text: str) -> None:
    """Write at once or not at all: several workers may compile the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(f".{os.getpid()}")
    half.write_text(text)
    half.replace(path)
