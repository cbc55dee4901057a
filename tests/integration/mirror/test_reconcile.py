"""Every payment against the contract itself, at one block."""

from __future__ import annotations

from tests.integration.mirror.yard import Yard


def test_a_mirror_that_is_right_has_no_differences(yard: Yard) -> None:
    yard.busy()
    done, said = yard.reconciled()
    assert said == []
    assert done.payments == 8
    print(done)
    done, said = yard.rebuilt()
    assert said == []
