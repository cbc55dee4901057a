"""Nobody draws from the one generator that the whole process shares: whoever seeds it must be alone with it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[3] / "service" / "earnest"
GENERATORS = {"Random", "SystemRandom"}


def shared_draws(source: str) -> list[str]:
    """Return what a module takes from `random` besides generators of its own, with the line."""
    if "random" not in source:  # most files, which need not be parsed
        return []
    names, taken = set(), []
    nodes = list(ast.walk(ast.parse(source)))
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {each.asname or each.name for each in node.names if each.name == "random"}
        elif isinstance(node, ast.ImportFrom) and node.module == "random":
            taken += [(node.lineno, each.name) for each in node.names]
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
            taken.append((node.lineno, node.attr))
    return [f"{line}: random.{name}" for line, name in sorted(taken) if name not in GENERATORS]


def test_no_module_draws_from_the_generator_of_the_whole_process() -> None:
    found = {str(path.relative_to(SERVICE)): shared_draws(path.read_text()) for path in SERVICE.glob("**/*.py")}
    assert {name: draws for name, draws in found.items() if draws} == {}


@pytest.mark.parametrize(
    ("source", "draws"),
    [
        ("import random\nrandom.uniform(0, 1)", ["2: random.uniform"]),
        ("import random as chance\nwait = chance.random", ["2: random.random"]),
        ("from random import Random, shuffle", ["1: random.shuffle"]),
        ("import random\nrandom.SystemRandom().uniform(0, 1)\nrandom.Random(5).random()", []),
        ("def draw(random): return random.choice('ab')", []),
    ],
)
def test_a_draw_from_it_is_noticed_however_it_is_written(source: str, draws: list[str]) -> None:
    assert shared_draws(source) == draws
