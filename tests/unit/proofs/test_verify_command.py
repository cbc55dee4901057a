"""`earnest verify` on files and standard input: what it prints, how it ends, and never a stack trace."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from earnest.chain.proofs.prover import Prover
from earnest.cli.app import run
from earnest.localnet.inprocess import EmbeddedChain
from tests.support.provable import EmbeddedNode, Town


@pytest.fixture(autouse=True)
def wide_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def file(tmp_path: Path, life: bytes) -> Path:
    path = tmp_path / "proof.json"
    path.write_bytes(life)
    return path


def test_a_good_proof_is_told_line_by_line_with_what_is_left_open(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", str(file)]) == 0
    said = capsys.readouterr().out
    for layer, count in {"terms": 1, "header": 5, "receipt": 5, "event": 5, "fold": 1, "storage": 1}.items():
        assert said.count(f"ok     {layer:8} ") == count, layer
    assert "released since" in said
    assert "nothing came after it" in said
    assert "Not checked" in said
    assert "--rpc-url" in said
    assert run(["verify", str(file), "--current"]) == 0


def test_a_proof_without_storage_says_that_something_may_have_come_after(
    chain: EmbeddedChain, town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terms = town.terms(50)
    town.fund(terms)
    path = tmp_path / "weaker.json"
    path.write_bytes(Prover(EmbeddedNode(chain, "eth_getProof")).prove(town.wanted(terms)))
    assert run(["verify", str(path)]) == 0
    assert "Not proven that nothing came after it: the service's node offers no eth_getProof" in capsys.readouterr().out
    assert run(["verify", str(path), "--current"]) == 1
    assert "--current" in capsys.readouterr().out


def test_a_broken_proof_ends_with_status_1_and_says_where(
    file: Path, life: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(life.replace(b'"held":"600000"', b'"held":"600001"', 1))
    assert run(["verify", str(file)]) == 1
    said = capsys.readouterr().out
    assert "broken event    event 2: held is '600001', and the bytes say '600000'" in said
    assert "The proof does not hold." in said
    assert "Proven" not in said


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\x00\xff", b"[" * 50_000, b"[/red]"])
def test_what_is_no_proof_is_refused_in_a_sentence(
    content: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert run(["verify", "-"]) == 1
    said = capsys.readouterr()
    assert "broken form" in said.out
    assert "Traceback" not in said.out + said.err


def test_standard_input_is_read(
    life: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(life)))
    assert run(["verify", "-"]) == 0


def test_a_file_without_end_is_not_read_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "/dev/zero"]) == 1
    assert "a proof has at most" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(tmp_path / "nothing.json")]) == 1
    assert "No such file" in capsys.readouterr().err
    assert run(["verify", str(tmp_path)]) == 1
