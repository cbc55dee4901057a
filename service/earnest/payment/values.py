"""Frozen dataclasses that are made quickly: the mirror makes several for each event, a million times over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def quick(cls: type[T]) -> type[T]:
    """Give a frozen dataclass with slots an `__init__` that takes a quarter of the time; put it above `@dataclass`.

    What `dataclass` writes for a frozen class sets each field through `object.__setattr__`, by name. Here an instance
    is, while it is being filled, one of a twin class that has the same slots and is not frozen. Nothing else changes:
    `replace`, copies, equality, hashes and the refusal to be changed are the dataclass's own.

    Raises:
        TypeError: a field is none that an `__init__` of plain parameters could fill.
    """
    made = _written(cls, "__init__", "self, ", "_become(self, _Filling)", "")
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    cls.__init__ = made  # type: ignore[method-assign]
    return cls


def maker(cls: Callable[P, T]) -> Callable[P, T]:
    """Return a function that makes the same instances as calling a quick class does, in half of that time.

    For the few places that make one for each event: a function of ours calls another one without what it takes to go
    through a type and its `__init__`.

    Raises:
        TypeError: as `quick`.
    """
    made: Callable[P, T] = _written(cls, "make", "", "self = _Filling()", "return self")
    return made


def _written(cls: Any, name: str, first: str, begin: str, end: str) -> Any:
    """Return a function, written for this class, that fills an instance of its unfrozen twin and turns it into ours."""
    names = [field.name for field in fields(cls)]
    known: dict[str, Any] = {"_made": cls, "_become": object.__dict__["__class__"].__set__}
    parameters = []
    for field in fields(cls):
        if not field.init or field.kw_only or field.default_factory is not MISSING or hasattr(cls, "__post_init__"):
            raise TypeError(f"{cls.__name__}.{field.name} needs the `__init__` that dataclass writes")
        if field.default is MISSING:
            parameters.append(field.name)
        else:
            known[f"_default_{field.name}"] = field.default
            parameters.append(f"{field.name}=_default_{field.name}")
    known["_Filling"] = type(cls.__name__, (), {"__slots__": tuple(names)})
    lines = [
        f"def {name}({first}{', '.join(parameters)}):",
        f"    {begin}",
        *(f"    self.{field} = {field}" for field in names),
        "    self.__class__ = _made",
        f"    {end}",
    ]
    exec("\n".join(lines), known)  # noqa: S102 - as dataclass itself does; every word of it is a field's name
    return known[name]
