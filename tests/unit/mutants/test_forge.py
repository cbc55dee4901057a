"""Who failed, from what forge says: its words were captured, those of the sequence from a broken escrow."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.tools.mutants.workplace import failing_test

SEQUENCE = Path(__file__).parent / "forge" / "sequence.txt"


def ended(verdict: str) -> str:
    return f"Failing tests:\nEncountered 1 failing test in test/Till.t.sol:TillTest\n{verdict}\n\nEncountered a total …"


def test_an_invariant_is_named_after_its_sequence_of_calls() -> None:
    assert failing_test(SEQUENCE.read_text()) == "test/invariants/Deep.t.sol:invariant_all_of_them"


@pytest.mark.parametrize(
    ("verdict", "name"),
    [
        ("[FAIL: no ground] setUp() (gas: 0)", "setUp"),
        (
            "[FAIL: full (now)]\n\t[Sequence]\n\t\tcalldata=sum() args=[]\n invariant_e() (runs: 2, calls: 20)",
            "invariant_e",
        ),
        ("[FAIL: one\ntwo: 0 != 1] test_lines() (gas: 99)", "test_lines"),
        ("[FAIL: 6 >= 5; counterexample: calldata=0x33 args=[6]] test_a(uint256) (runs: 0, μ: 0, ~: 0)", "test_a"),
        ("[FAIL: args=[P({ a: 2 }), [3]]] test_b((uint256,address),uint256[]) (runs: 0, μ: 0, ~: 0)", "test_b"),
    ],
)
def test_a_failing_test_is_named_whatever_its_reason(verdict: str, name: str) -> None:
    assert failing_test(ended(verdict)) == f"test/Till.t.sol:{name}"


def test_the_first_of_several_is_named() -> None:
    more = "Encountered 2 failing tests in test/Late.t.sol:LateTest\n[FAIL: x] test_late() (gas: 1)\n"
    assert failing_test(ended("[FAIL: x] test_early() (gas: 1)") + more) == "test/Till.t.sol:test_early"


def test_nobody_is_named_where_all_pass() -> None:
    assert failing_test("Ran 1 test suite in 1.00s: 7 tests passed, 0 failed, 0 skipped (7 total tests)\n") == ""
