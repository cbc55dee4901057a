"""The bytecode of everything that is measured or stands beside it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

from deploy.tools.node import CONTRACTS, set_up_node
from deploy.tools.setup import ROOT
from earnest.escrow.compile import SETTINGS
from earnest.payment import typed_data
from earnest.payment.primitives import to_bytes
from tests.benchmarks.gas.people import address
from tests.support import counterparts

PLAIN_TOKEN = Path(__file__).with_name("PlainToken.sol")
FLOOR = Path(__file__).with_name("Floor.yul")
ESCROW = ROOT / "service" / "earnest" / "escrow" / "artifacts" / "Escrow.json"
PERMIT2 = to_bytes(typed_data.PERMIT2)
PERMIT2_SALT = to_bytes(counterparts.PERMIT2_SALT)
_OPENZEPPELIN = [
    f"@openzeppelin/contracts/{each}.sol"
    for each in (
        "interfaces/draft-IERC6093",
        "token/ERC20/ERC20",
        "token/ERC20/IERC20",
        "token/ERC20/extensions/IERC20Metadata",
        "utils/Context",
    )
]
_CACHE = ROOT / ".cache" / "gas"
_OPTIMIZER = {"enabled": True, "runs": 10_000}


def standard(request: dict[str, Any]) -> dict[str, Any]:
    """Ask the pinned compiler; an answer is kept in `.cache`, since loading the compiler takes seconds."""
    text = json.dumps(request, sort_keys=True)
    kept = _CACHE / f"{hashlib.sha256(text.encode()).hexdigest()}.json"
    if not kept.exists():
        path = f"{set_up_node()}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [CONTRACTS / "tools" / "solc", "--standard-json"],
            input=text,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        answer = json.loads(done.stdout)
        errors = [each["formattedMessage"] for each in answer.get("errors", []) if each["severity"] == "error"]
        if errors:
            raise ValueError("\n".join(errors))
        _CACHE.mkdir(parents=True, exist_ok=True)
        kept.write_text(done.stdout, "utf-8")
    found: dict[str, Any] = json.loads(kept.read_text("utf-8"))
    return found


def floor() -> bytes:
    """Return the creating bytecode of the hand-written floor."""
    answer = standard(
        {
            "language": "Yul",
            "sources": {FLOOR.name: {"content": FLOOR.read_text("utf-8")}},
            "settings": {
                "evmVersion": "prague",
                "optimizer": _OPTIMIZER,
                "outputSelection": {"*": {"*": ["evm.bytecode.object"]}},
            },
        }
    )
    return bytes.fromhex(answer["contracts"][FLOOR.name]["Floor"]["evm"]["bytecode"]["object"])


def plain_token() -> bytes:
    """Return the creating bytecode of OpenZeppelin's ERC-20 without any extension."""
    unit = f"src/{PLAIN_TOKEN.name}"
    sources = {unit: {"content": PLAIN_TOKEN.read_text("utf-8")}}
    for imported in _OPENZEPPELIN:
        sources[imported] = {"content": (CONTRACTS / "node_modules" / imported).read_text("utf-8")}
    settings = {**SETTINGS, "outputSelection": {unit: {"PlainToken": ["evm.bytecode.object"]}}}
    answer = standard({"language": "Solidity", "sources": sources, "settings": settings})
    return bytes.fromhex(answer["contracts"][unit]["PlainToken"]["evm"]["bytecode"]["object"])


def test_token() -> bytes:
    """Return the creating bytecode of the test token: OpenZeppelin's ERC-20 with EIP-2612 and EIP-3009."""
    text = (files("earnest.localnet") / "artifacts" / "TestToken.json").read_text("utf-8")
    return bytes.fromhex(json.loads(text)["bytecode"][2:])


def permit2() -> bytes:
    """Return the creating bytecode of the true Permit2; with its salt it comes to its address."""
    return counterparts.permit2_code()


def usdc(name: str, library: bytes | None = None) -> bytes:
    """Return the creating bytecode of a contract of USDC, such as `v2/FiatTokenV2_2`, linked with its one library."""
    return counterparts.usdc_code(name, None if library is None else address(library))
