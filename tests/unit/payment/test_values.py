"""A quick dataclass is a frozen dataclass in every respect but its price."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from earnest.payment.values import maker, quick


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    number: int
    text: str = "some"


@dataclass(frozen=True, slots=True)
class Plain:
    number: int
    text: str = "some"


def test_it_takes_what_the_plain_one_takes() -> None:
    assert Quick(1) == Quick(number=1, text="some") == Quick(1, "some")
    assert repr(Quick(1)) == repr(Plain(1)).replace("Plain", "Quick")
    assert hash(Quick(1)) == hash(Plain(1))
    assert Quick(1) != Quick(2)
    for wrong in ((), (1, "some", 3)):
        with pytest.raises(TypeError):
            Quick(*wrong)


def test_it_is_frozen_and_of_its_own_class() -> None:
    made = Quick(1)
    assert type(made) is Quick
    with pytest.raises(FrozenInstanceError):
        made.number = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del made.text


def test_it_can_be_replaced_copied_pickled_and_matched() -> None:
    made = replace(Quick(1), number=2)
    assert copy.copy(made) == copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == Quick(2)
    match made:
        case Quick(number, text):
            assert (number, text) == (2, "some")


def test_a_class_that_it_cannot_fill_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Listing:
        every: list[int] = field(default_factory=list)

    @dataclass(frozen=True, slots=True)
    class Checked:
        number: int

        def __post_init__(self) -> None:
            raise AssertionError

    for cls in (Listing, Checked):
        with pytest.raises(TypeError, match="needs the"):
            quick(cls)


def test_a_maker_makes_the_very_same_and_takes_the_same_parameters() -> None:
    make = maker(Quick)
    assert make(1) == make(number=1, text="some") == Quick(1)
    assert type(make(1)) is Quick
    assert make(1, "other").text == "other"
    with pytest.raises(FrozenInstanceError):
        make(1).number = 2  # type: ignore[misc]
    with pytest.raises(TypeError):
        make()  # type: ignore[call-arg]
