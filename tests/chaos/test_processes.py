"""A short share of the stories with real processes; `python -m tests.chaos.stories --processes` tells the rest."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.processes.run import ON_POSTGRESQL, ProcessStory
from tests.chaos.results import summary
from tests.chaos.stories import told


@pytest.mark.parametrize("seed", [9_001])
def test_what_is_believed_and_told_survives_kills(seed: int) -> None:
    (run,) = told([seed], workers=1, processes=True)
    assert run["differences"] == []
    assert run["crashes"] > 0


def test_the_summary_counts_the_runs_on_postgresql() -> None:
    server: Any = object()
    seeds = range(2 * ON_POSTGRESQL)

    def counted(postgres: Any) -> str:
        runs = [asdict(ProcessStory(seed, postgres, Path(), postgres).outcome) for seed in seeds]
        (line,) = (line for line in summary("processes", runs, "again") if "on postgresql" in line)
        return " ".join(line.split())

    assert counted(server) == "on postgresql 2 in all, 1 at most in one run"
    assert counted(None) == "on postgresql 0 in all, 0 at most in one run"
