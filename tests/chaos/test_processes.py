"""A short share of the stories with real processes; `python -m tests.chaos.stories --processes` tells the rest."""

from __future__ import annotations

import pytest

from tests.chaos.stories import told


@pytest.mark.parametrize("seed", [9_001])
def test_what_is_believed_and_told_survives_kills(seed: int) -> None:
    (run,) = told([seed], workers=1, processes=True)
    assert run["differences"] == []
    assert run["crashes"] > 0
