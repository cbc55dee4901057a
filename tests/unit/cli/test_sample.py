"""Whose key a command uses: the one given, else the sample merchant's where `earnest dev` keeps its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from earnest.cli.app import EXIT_USAGE, run
from earnest.cli.sample import FILE, known_key
from earnest.payment.errors import InvalidInput

PAYMENT = "0x" + "ab" * 32
MERCHANTS = (
    ("list",),
    ("create", "12.50", "tUSD"),
    ("timeline", PAYMENT),
    ("confirm-delivery", PAYMENT),
    ("refund", PAYMENT),
    ("release-many", PAYMENT),
)


@pytest.fixture(autouse=True)
def data_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder with nothing in it, and no key in the environment."""
    monkeypatch.delenv("EARNEST_API_KEY", raising=False)
    monkeypatch.setenv("EARNEST_DATA_DIR", str(tmp_path))
    return tmp_path


def test_the_sample_merchants_key_is_known_where_the_developers_stack_stood(data_dir: Path) -> None:
    (data_dir / FILE).write_text(json.dumps({"id": "mer_1", "api_key": "ek_test_sample"}))
    assert known_key(None) == "ek_test_sample"
    assert known_key("ek_test_given") == "ek_test_given"


def test_without_one_it_is_said_where_a_key_is_given(data_dir: Path) -> None:
    with pytest.raises(InvalidInput, match="--api-key or EARNEST_API_KEY") as told:
        known_key(None)
    assert str(data_dir) in str(told.value)


@pytest.mark.parametrize("command", MERCHANTS, ids=lambda each: each[0])
def test_every_verb_of_a_merchant_asks_for_it(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["payment", *command]) == EXIT_USAGE
    assert "--api-key or EARNEST_API_KEY" in capsys.readouterr().err
