"""Finding sources and a compiler, and saying exactly what differs; compiling itself is the house's own check."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from earnest.escrow.artifact import load, to_json
from earnest.escrow.compile import ARTIFACTS, differences, write_artifacts
from earnest.escrow.compilers import long_version
from earnest.escrow.errors import ArtifactDiffers, CompilerMissing, SourcesMissing
from earnest.escrow.sources import contracts_dir, read_sources, source_hash
from earnest.payment.primitives import Hash32


def tree(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".sol").write_text(text)
    return root


def test_sources_are_named_without_any_machines_paths(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        src__A='import {B} from "./sub/B.sol";\nimport {L} from "@lib/L.sol";',
        src__sub__B='import "../C.sol";',
        src__C="contract C {}",
        src__Unused="contract Unused {}",
    )
    tree(tmp_path / "node_modules", **{"@lib__L": "library L {}"})
    sources = read_sources(root, "src/A.sol")
    assert list(sources) == ["@lib/L.sol", "src/A.sol", "src/C.sol", "src/sub/B.sol"]


def test_imports_over_several_lines_are_followed(tmp_path: Path) -> None:
    root = tree(tmp_path, src__A='import {\n    B,\n    B2\n} from "./B.sol";', src__B="contract B {}")
    assert "src/B.sol" in read_sources(root, "src/A.sol")


def test_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourcesMissing, match=r"@lib/L.sol is not in .*npm ci"):
        read_sources(tree(tmp_path, src__A='import "@lib/L.sol";'), "src/A.sol")


def test_source_hash_changes_with_any_text_and_any_name() -> None:
    hashes = {source_hash(each) for each in ({"a": "x"}, {"a": "y"}, {"b": "x"}, {"a": "x", "b": "x"})}
    assert len(hashes) == 4


def test_committed_artifact_was_made_of_the_sources_that_are_here() -> None:
    # Cheaper than compiling, and it catches the usual mistake: a change of the sources without a new artifact.
    if not (contracts_dir() / "node_modules" / "@openzeppelin").is_dir():
        pytest.skip("MISSING: OpenZeppelin's sources (npm ci in contracts/)")
    assert source_hash(read_sources(contracts_dir(), "src/Escrow.sol")) == load("Escrow").source_hash


def test_no_difference_between_an_artifact_and_its_own_file() -> None:
    assert differences("Escrow", ARTIFACTS["Escrow"], load("Escrow")) == []


def test_each_difference_is_named() -> None:
    fresh = load("Escrow")
    other = replace(
        fresh,
        abi=fresh.abi[1:],
        bytecode=fresh.bytecode + b"\0",
        compiler_version="0.8.1+commit.0",
        source_hash=Hash32("0x00"),
    )
    lines = differences("Escrow", ARTIFACTS["Escrow"], other)
    said = "\n".join(lines)
    assert len(lines) == 4
    for word in ("compiler", "sources' hash", "ABI", "bytecode"):
        assert word in said
    assert "earnest compile" in str(ArtifactDiffers(lines))


def test_file_in_another_form_is_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "Escrow.json"
    path.write_text(to_json(load("Escrow")) + "\n")
    assert differences("Escrow", path, load("Escrow")) == ["Escrow: Escrow.json says the same in another form"]
    path.write_text("{}")
    assert "cannot be read" in differences("Escrow", path, load("Escrow"))[0]


def test_writing_twice_changes_once(tmp_path: Path) -> None:
    targets = {"Escrow": tmp_path / "deep" / "Escrow.json"}
    assert write_artifacts({"Escrow": load("Escrow")}, targets) == [targets["Escrow"]]
    assert write_artifacts({"Escrow": load("Escrow")}, targets) == []
    assert [path.name for path in targets["Escrow"].parent.iterdir()] == ["Escrow.json"]


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("Version: 0.8.37+commit.f401782d.Linux.g++", "0.8.37+commit.f401782d"),
        ("Version: 0.8.37+commit.f401782d", "0.8.37+commit.f401782d"),
        ("hello", None),
    ],
)
def test_long_version_is_the_same_for_native_and_wasm(tmp_path: Path, answer: str, version: str | None) -> None:
    compiler = tmp_path / "solc"
    compiler.write_text(f"#!/bin/sh\necho '{answer}'\n")
    compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
    assert long_version(compiler) == version


def test_long_version_of_no_program_is_none(tmp_path: Path) -> None:
    assert long_version(tmp_path / "nothing") is None


def test_missing_compiler_says_what_was_tried_and_what_to_install() -> None:
    said = str(CompilerMissing("0.8.37", ["`solc` on the path: none"]))
    assert "`solc` on the path: none" in said
    assert "npm ci" in said
    assert "install_solc" in said
