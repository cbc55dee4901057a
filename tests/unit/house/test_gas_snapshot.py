"""The gas snapshot: when a measurement is worse than what is committed, and what is said then."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.gas.snapshot import complaints, read, savings, write

BEFORE = {"release, all": 50_000, "deployed size, bytes": 20_000}
BOUNDS = {"release, all": 51_500, "deployed size, bytes": 24_576}


def test_nothing_is_said_when_nothing_changed() -> None:
    assert complaints(BEFORE, dict(BEFORE), BOUNDS) == []
    assert savings(BEFORE, dict(BEFORE)) == []


def test_one_unit_more_is_a_complaint_that_tells_by_how_much() -> None:
    assert complaints(BEFORE, BEFORE | {"release, all": 50_001}, BOUNDS) == [
        "release, all: grew by 1, from 50,000 to 50,001 (wanted? make gas ARGS=--renew)"
    ]


def test_a_larger_contract_is_a_complaint() -> None:
    assert complaints(BEFORE, BEFORE | {"deployed size, bytes": 20_100}, BOUNDS) == [
        "deployed size, bytes: grew by 100, from 20,000 to 20,100 (wanted? make gas ARGS=--renew)"
    ]


def test_a_figure_over_its_bound_is_a_complaint_though_it_was_renewed() -> None:
    now = BEFORE | {"release, all": 51_600}
    assert complaints(now, now, BOUNDS) == ["release, all: 51,600 is 100 over the bound of 51,500"]


def test_a_figure_at_its_bound_is_none() -> None:
    now = BEFORE | {"release, all": 51_500}
    assert complaints(now, now, BOUNDS) == []


def test_an_operation_must_stand_in_both() -> None:
    now = {"refund": 50_000, "deployed size, bytes": 20_000}
    assert complaints(BEFORE, now, BOUNDS) == [
        "release, all: was not measured, and stands in the snapshot",
        "refund: does not stand in the snapshot (make gas ARGS=--renew)",
    ]


def test_a_saving_is_told_and_is_no_complaint() -> None:
    now = BEFORE | {"release, all": 49_000}
    assert complaints(BEFORE, now, BOUNDS) == []
    assert savings(BEFORE, now) == ["fell: 1; make gas ARGS=--renew keeps it from growing back"]


def test_a_written_snapshot_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "gas-snapshot"
    assert read(path) == {}
    write(BEFORE, path)
    assert read(path) == BEFORE
