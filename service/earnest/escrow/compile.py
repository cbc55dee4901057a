"""Compiling the contracts with the pinned compiler, so that anyone gets the same bytes, and checking that he does."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import earnest
from earnest.escrow.artifact import Artifact, from_json, to_json
from earnest.escrow.compilers import Compiler, find_compiler
from earnest.escrow.errors import ArtifactDiffers, CompileFailed, CompilerMissing
from earnest.escrow.sources import contracts_dir, read_sources, source_hash
from earnest.payment.primitives import hash32, keccak

SETTINGS: dict[str, Any] = {
    "evmVersion": "prague",
    "viaIR": True,
    # A payment's few calls are paid by people; deploying is paid once.
    "optimizer": {"enabled": True, "runs": 1_000_000},
    # Without the hash of comments and file names, the bytes depend on the code alone.
    "metadata": {"bytecodeHash": "none", "useLiteralContent": False},
}

_PACKAGE = Path(earnest.__file__).resolve().parent
ARTIFACTS: dict[str, Path] = {
    "Escrow": _PACKAGE / "escrow" / "artifacts" / "Escrow.json",
    "DepositWallet": _PACKAGE / "escrow" / "artifacts" / "DepositWallet.json",
    # The embedded chain may not look into this room, so its tokens' artifacts lie in its own.
    "TestToken": _PACKAGE / "localnet" / "artifacts" / "TestToken.json",
    "BlocklistToken": _PACKAGE / "localnet" / "artifacts" / "BlocklistToken.json",
}
COMPILED_WITH: dict[str, str] = {"DepositWallet": "Escrow"}
"""The escrow creates this wallet itself, so the bytes that count are those of the escrow's own compilation."""


def compile_contracts(contracts: Path | None = None, *, compiler: Compiler | None = None) -> dict[str, Artifact]:
    """Compile every shipped contract; the same sources give the same artifacts on every machine.

    Args:
        contracts: the folder with `src/` and `node_modules/`; by default the checkout's.
        compiler: by default the first that is found.

    Raises:
        CompilerMissing, SourcesMissing: something has to be installed first; the message says what.
        CompileFailed: the compiler refused the sources; the message is the compiler's.
    """
    root = contracts or contracts_dir()
    found = compiler or find_compiler(root)
    # One by one: with via-IR, a source that is merely compiled along can change another contract's bytes.
    compiled: dict[str, Artifact] = {}
    for entry in ARTIFACTS:
        if entry not in COMPILED_WITH:
            names = [entry, *(name for name, creator in COMPILED_WITH.items() if creator == entry)]
            compiled |= _compile(root, names, found)
    return {name: compiled[name] for name in ARTIFACTS}


def write_artifacts(compiled: dict[str, Artifact], targets: dict[str, Path] | None = None) -> list[Path]:
    """Write the artifacts where they ship from; returns the paths of those that changed."""
    changed = []
    for name, path in (targets or ARTIFACTS).items():
        text = to_json(compiled[name])
        if not path.exists() or path.read_text("utf-8") != text:
            _write_atomically(path, text)
            changed.append(path)
    return changed


def check(contracts: Path | None = None, targets: dict[str, Path] | None = None) -> None:
    """Compile again and compare with what is committed, byte for byte.

    Raises:
        ArtifactDiffers: it differs; the error says in what, artifact by artifact.
        CompilerMissing, SourcesMissing, CompileFailed: as `compile_contracts`.
    """
    compiled = compile_contracts(contracts)
    found = [line for name, path in (targets or ARTIFACTS).items() for line in differences(name, path, compiled[name])]
    if found:
        raise ArtifactDiffers(found)


def _compile(root: Path, names: list[str], compiler: Compiler) -> dict[str, Artifact]:
    """Compile the first contract, whose sources include the others', and return the artifacts of all."""
    sources = read_sources(root, _unit(names[0]))
    selection = ["abi", "evm.bytecode.object", "evm.deployedBytecode"]
    output = _run(
        compiler,
        {
            "language": "Solidity",
            "sources": {each: {"content": text} for each, text in sources.items()},
            "settings": {
                **SETTINGS,
                "outputSelection": {_unit(name): {name: selection} for name in names},
            },
        },
    )
    return {name: _artifact(root, name, output["contracts"][_unit(name)][name], compiler) for name in names}


def _unit(name: str) -> str:
    return f"src/{name}.sol"


def _artifact(root: Path, name: str, contract: dict[str, Any], compiler: Compiler) -> Artifact:
    deployed = contract["evm"]["deployedBytecode"]
    places = [place for each in deployed.get("immutableReferences", {}).values() for place in each]
    return Artifact(
        name=name,
        abi=tuple(contract["abi"]),
        bytecode=bytes.fromhex(contract["evm"]["bytecode"]["object"]),
        runtime_bytecode=bytes.fromhex(deployed["object"]),
        immutable_references=tuple(sorted((place["start"], place["length"]) for place in places)),
        compiler_version=compiler.version,
        settings=SETTINGS,
        source_hash=source_hash(read_sources(root, _unit(name))),
    )


def _run(compiler: Compiler, standard_input: dict[str, Any]) -> dict[str, Any]:
    try:
        import solcx  # noqa: PLC0415 - an extra that only compiling needs
        from solcx.exceptions import SolcError  # noqa: PLC0415
    except ImportError as error:
        raise CompilerMissing("py-solc-x", ["the Python package py-solc-x: not installed"]) from error
    try:
        output: dict[str, Any] = solcx.compile_standard(standard_input, solc_binary=compiler.path)
    except SolcError as error:
        raise CompileFailed(f"the compiler refused the sources:\n{error.message}") from error
    return output


def differences(name: str, path: Path, fresh: Artifact) -> list[str]:
    """Return in what the artifact file at `path` differs from a fresh one, a line each; empty: in nothing."""
    try:
        text = path.read_text("utf-8")
        committed = from_json(text)
    except (OSError, KeyError, TypeError, ValueError) as error:
        return [f"{name}: {path.name} cannot be read ({type(error).__name__}: {error})"]
    lines = []
    for label, old, new in (
        ("compiler", committed.compiler_version, fresh.compiler_version),
        ("settings", committed.settings, fresh.settings),
        ("sources' hash", committed.source_hash, fresh.source_hash),
        ("ABI", *_abi_difference(committed, fresh)),
        ("bytecode", _fingerprint(committed.bytecode), _fingerprint(fresh.bytecode)),
        ("runtime bytecode", _fingerprint(committed.runtime_bytecode), _fingerprint(fresh.runtime_bytecode)),
        ("immutable references", committed.immutable_references, fresh.immutable_references),
    ):
        if old != new:
            lines.append(f"{name}: the {label} is {old} in the committed artifact, {new} when compiled")
    if not lines and text != to_json(fresh):
        lines.append(f"{name}: {path.name} says the same in another form")
    return lines


def _abi_difference(committed: Artifact, fresh: Artifact) -> tuple[list[str], list[str]]:
    old, new = (
        {repr(entry): str(entry.get("name", entry["type"])) for entry in each.abi} for each in (committed, fresh)
    )
    return sorted(old[key] for key in old.keys() - new.keys()), sorted(new[key] for key in new.keys() - old.keys())


def _fingerprint(code: bytes) -> str:
    return f"{len(code)} bytes with hash {hash32(keccak(code))}"


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
