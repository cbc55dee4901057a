"""A short share of the stories under reorgs, faults and crashes; `python -m tests.chaos.stories` tells the rest."""

from __future__ import annotations

import pytest

from tests.chaos.results import Run, summary
from tests.chaos.stories import told

pytestmark = pytest.mark.xdist_group("stories")  # one worker tells them for all that look at them
SEEDS = range(9_000, 9_012)
"""Others than those of the long command, which begins at 0."""


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return list(told(SEEDS, workers=1))


def test_what_is_believed_and_told_is_what_the_chain_has(runs: list[Run]) -> None:
    assert {run["seed"]: run["differences"] for run in runs if run["differences"]} == {}, "\n".join(
        summary("stories", runs, "python -m tests.chaos.stories --replay")
    )


def test_the_stories_are_as_bad_as_they_are_meant_to_be(runs: list[Run]) -> None:
    """Without crashes, reorgs and faults the first test would pass for nothing."""
    for name in ("crashes", "reorgs", "faults", "payments", "webhooks"):
        assert sum(run[name] for run in runs) > 10, name


def test_a_seed_tells_the_same_story_again(runs: list[Run]) -> None:
    (again,) = told([SEEDS[0]], workers=1)
    assert {**again, "cpu_seconds": 0} == {**runs[0], "cpu_seconds": 0}
