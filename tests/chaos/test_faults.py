"""Some rows of the table of faults: is anything missing or wrong? `python -m tests.chaos.faults` has all, and times."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.faults import ROWS, backfills, reorgs

BLOCKS = 120
SILENT = [row for row in ROWS if row.name in ("10% silently empty", "10% with logs left out", "batches refused")]


def test_a_backfill_under_faults_misses_nothing(tmp_path: Path) -> None:
    told = list(backfills(BLOCKS, SILENT, tmp_path))
    assert [(line.name, line.trouble, line.differences) for line in told if line.trouble or line.differences] == []
    assert sum(line.happened for line in told) > 3


def test_a_reorg_is_right_and_one_past_finality_is_refused(tmp_path: Path) -> None:
    told = list(reorgs("reorg", tmp_path, depths=(1, 3)))
    assert [(line.name, line.trouble, line.differences) for line in told if line.trouble or line.differences] == []
    assert len(told) == 4
