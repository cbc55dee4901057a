"""The compiled contract that ships in the package: what is deployed, and what the code on a chain is compared with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from earnest.escrow.errors import ArtifactBroken
from earnest.payment.primitives import Hash32, hash32, keccak


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract.

    `bytecode` creates it, `runtime_bytecode` is what then stands on the chain, with zeros where `immutable_references`
    (start, length in bytes) say that the constructor fills in a value. `compiler_version` is the long one, with the
    commit. `source_hash` is the Keccak-256 over the names and hashes of all sources that went in.
    """

    name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    runtime_bytecode: bytes
    immutable_references: tuple[tuple[int, int], ...]
    compiler_version: str
    settings: dict[str, Any]
    source_hash: Hash32

    @property
    def bytecode_hash(self) -> Hash32:
        """The Keccak-256 of the creating bytecode: what a deployment's record names the artifact by."""
        return hash32(keccak(self.bytecode))

    def matches_runtime(self, code: bytes) -> bool:
        """Whether `code`, as it stands on a chain, is this contract's, whatever its immutables are."""
        return len(code) == len(self.runtime_bytecode) and self._masked(code) == self._masked(self.runtime_bytecode)

    def immutables(self, code: bytes) -> set[bytes]:
        """Return the different values that the immutables have in `code`; one immutable may stand in many places."""
        return {code[start : start + length] for start, length in self.immutable_references}

    def _masked(self, code: bytes) -> bytes:
        masked = bytearray(code)
        for start, length in self.immutable_references:
            masked[start : start + length] = bytes(length)
        return bytes(masked)


@cache
def load(name: Literal["Escrow", "DepositWallet"] = "Escrow") -> Artifact:
    """Load a contract's artifact from inside the package.

    Raises:
        ArtifactBroken: the file is missing or damaged.
    """
    path = files("earnest.escrow") / "artifacts" / f"{name}.json"
    try:
        return from_json(path.read_text("utf-8"))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ArtifactBroken(str(path), f"{type(error).__name__}: {error}") from error


def wallet_code_hash() -> Hash32:
    """Return the Keccak-256 of the creating bytecode of the wallet at deposit addresses: what CREATE2 makes them from.

    The escrow carries that bytecode in its own; a test holds the two artifacts against each other.
    """
    return load("DepositWallet").bytecode_hash


def from_json(text: str) -> Artifact:
    """Parse an artifact file; raises KeyError, TypeError or ValueError when it is none."""
    raw = json.loads(text)
    return Artifact(
        name=raw["name"],
        abi=tuple(raw["abi"]),
        bytecode=bytes.fromhex(raw["bytecode"][2:]),
        runtime_bytecode=bytes.fromhex(raw["runtimeBytecode"][2:]),
        immutable_references=tuple((each["start"], each["length"]) for each in raw["immutableReferences"]),
        compiler_version=raw["compiler"],
        settings=raw["settings"],
        source_hash=Hash32(raw["sourceHash"]),
    )


def to_json(artifact: Artifact) -> str:
    """Return the artifact file's text, the same for the same artifact."""
    raw = {
        "name": artifact.name,
        "compiler": artifact.compiler_version,
        "settings": artifact.settings,
        "sourceHash": artifact.source_hash,
        "abi": list(artifact.abi),
        "bytecode": "0x" + artifact.bytecode.hex(),
        "runtimeBytecode": "0x" + artifact.runtime_bytecode.hex(),
        "immutableReferences": [{"start": start, "length": length} for start, length in artifact.immutable_references],
    }
    return json.dumps(raw, indent=1, sort_keys=False) + "\n"
