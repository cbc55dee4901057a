"""Recorded deployments: one JSON file a chain, written at once or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from earnest.escrow.errors import DeploymentRecordBroken
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Address, Hash32, parse_address, parse_hash32


class Method(StrEnum):
    """How the escrow came to its address."""

    CREATE2 = "create2"
    """Through the deterministic deployment proxy: the same address on every chain."""
    CREATE = "create"
    """By the deployer's own tx: the address depends on his nonce."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the escrow is on one chain, and since when.

    `block_number` is that of the deploying tx; logs are read from there. `tx_hash` and `deployer` are None when the
    escrow was found at its deterministic address and the tx that put it there was not. `salt` is None for `create`.
    """

    chain_id: int
    genesis_hash: Hash32
    address: Address
    method: Method
    salt: Hash32 | None
    constructor_args: tuple[str, ...]
    artifact_hash: Hash32
    tx_hash: Hash32 | None
    block_number: int
    block_hash: Hash32
    deployer: Address | None


@dataclass(frozen=True, slots=True)
class SentDeployment:
    """A deploying tx that was signed and perhaps sent: written down first, so that a killed run is taken up again."""

    chain_id: int
    genesis_hash: Hash32
    address: Address
    method: Method
    salt: Hash32 | None
    artifact_hash: Hash32
    deployer: Address
    tx_hash: Hash32
    raw_tx: str


def record_path(deployments_dir: Path, chain_id: int) -> Path:
    """Return where a chain's deployment is recorded."""
    return deployments_dir / f"{chain_id}.json"


def load_deployment(deployments_dir: Path, chain_id: int) -> Deployment | None:
    """Return the recorded deployment of a chain, or None if there is none.

    Raises:
        DeploymentRecordBroken: the file is there and cannot be read as one.
    """
    path = record_path(deployments_dir, chain_id)
    raw = _read(path)
    if raw is None:
        return None
    try:
        return Deployment(
            **_common(raw, chain_id),
            constructor_args=tuple(str(each) for each in raw["constructor_args"]),
            tx_hash=None if raw["tx_hash"] is None else parse_hash32(raw["tx_hash"]),
            block_number=int(raw["block_number"]),
            block_hash=parse_hash32(raw["block_hash"]),
            deployer=None if raw["deployer"] is None else parse_address(raw["deployer"]),
        )
    except (EarnestError, KeyError, TypeError, ValueError) as error:
        raise DeploymentRecordBroken(path, str(error)) from error


def save_deployment(deployments_dir: Path, deployment: Deployment) -> Path:
    """Record a deployment, atomically; returns the file's path."""
    path = record_path(deployments_dir, deployment.chain_id)
    _write(path, asdict(deployment))
    return path


def load_sent(deployments_dir: Path, chain_id: int) -> SentDeployment | None:
    """Return the deploying tx that an earlier run signed and did not see through, or None.

    Raises:
        DeploymentRecordBroken: the file is there and cannot be read as one.
    """
    path = _sent_path(deployments_dir, chain_id)
    raw = _read(path)
    if raw is None:
        return None
    try:
        return SentDeployment(
            **_common(raw, chain_id),
            deployer=parse_address(raw["deployer"]),
            tx_hash=parse_hash32(raw["tx_hash"]),
            raw_tx=str(raw["raw_tx"]),
        )
    except (EarnestError, KeyError, TypeError, ValueError) as error:
        raise DeploymentRecordBroken(path, str(error)) from error


def save_sent(deployments_dir: Path, sent: SentDeployment) -> None:
    """Write down a signed tx, atomically, before it is sent."""
    _write(_sent_path(deployments_dir, sent.chain_id), asdict(sent))


def forget_sent(deployments_dir: Path, chain_id: int) -> None:
    """Remove what `save_sent` wrote; nothing happens if there is nothing."""
    _sent_path(deployments_dir, chain_id).unlink(missing_ok=True)


def _sent_path(deployments_dir: Path, chain_id: int) -> Path:
    return deployments_dir / f".{chain_id}.sent.json"


def _common(raw: dict[str, Any], chain_id: int) -> dict[str, Any]:
    if raw["chain_id"] != chain_id:
        raise ValueError(f"it says chain {raw['chain_id']}")
    return {
        "chain_id": chain_id,
        "genesis_hash": parse_hash32(raw["genesis_hash"]),
        "address": parse_address(raw["address"]),
        "method": Method(raw["method"]),
        "salt": None if raw["salt"] is None else parse_hash32(raw["salt"]),
        "artifact_hash": parse_hash32(raw["artifact_hash"]),
    }


def _read(path: Path) -> dict[str, Any] | None:
    try:
        raw = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DeploymentRecordBroken(path, str(error)) from error
    if not isinstance(raw, dict):
        raise DeploymentRecordBroken(path, "it is no JSON object")
    return raw


def _write(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(value, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
