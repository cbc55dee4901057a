"""The demo as a user runs it: one command, on each chain and each database that we promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TIMEOUT_SECONDS = 180
"""A story takes some twenty seconds; this is for a machine that is busy with something else."""


def run_demo(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `earnest demo --exit` to its end."""
    command = [sys.executable, "-m", "earnest.cli", "demo", "--exit", "--data-dir", str(tmp_path / "data"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)


def check_story(told: subprocess.CompletedProcess[str]) -> None:
    """Check that the story was told to its end, with every chapter and the books."""
    assert told.returncode == 0, told.stdout + told.stderr
    for kind in (
        "funded",
        "delivered",
        "released",
        "refunded",
        "reclaimed",
        "disputed",
        "resolved",
        "reorged",
        "repaid",
    ):
        assert f"payment.{kind}, signature verified" in told.stdout
    for chapter in range(1, 11):
        assert f"\n{chapter}. " in told.stdout
    for said in (
        "brought the buyer's money by it",
        "released the payment by the receipt",
        "repaid the buyer all of it",
        "got the surplus of 2.50 tUSD back",
        "put the buyer on the token's blocklist",
        "is owed 15.00 bUSD by the escrow, and nobody was held up",
        "had the credit paid out to the buyer",
        "sent confirm_delivery_many",
        "sent release_many",
    ):
        assert said in told.stdout
    assert "The story held" in told.stdout


def books_of(symbol: str, told: str) -> list[list[str]]:
    """Return a token's sums as the books tell them, by the chain and by the mirror."""
    return [line.split()[4:] for line in told.splitlines() if line.strip().startswith(f"{symbol}, by the")]


def test_demo_tells_the_story_on_the_embedded_chain_and_sqlite(tmp_path: Path) -> None:
    told = run_demo(tmp_path)
    check_story(told)
    # 100 released, 40 reclaimed, 80 resolved, 20 repaid after their release, 30 from a deposit address, and fifty times
    # 2 came in as tokens; what the chain says is what the mirror says.
    assert books_of("tUSD", told.stdout) == [["370.00", "306.90", "3.10", "60.00", "0.00", "20.00"]] * 2
    # The buyer who was blocked for a while has all of it back.
    assert books_of("bUSD", told.stdout) == [["15.00", "0.00", "0.00", "15.00", "0.00", "0.00"]] * 2


def test_demo_tells_the_same_story_on_anvil(tmp_path: Path, anvil_url: str) -> None:
    check_story(run_demo(tmp_path, "--rpc-url", anvil_url))


def test_demo_tells_the_same_story_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    check_story(run_demo(tmp_path, "--database-url", postgres_url))
