"""Mutants made by rules of our own, for what gambit does not touch: every verb and view without its lock."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.tools.mutants.mutant import Mutant
from deploy.tools.mutants.sources import Source, definitions


def without_modifiers(source: Source) -> Iterator[Mutant]:
    """Yield a mutant for each modifier of each function, without it."""
    for _, node in definitions(source.tree):
        for modifier in node.get("modifiers", []):
            # A base contract's constructor stands in the same place and cannot be left out.
            if modifier["kind"] != "modifierInvocation":
                continue
            start, length, _ = map(int, modifier["src"].split(":"))
            before, after = source.at_bytes(start), source.at_bytes(start + length)
            name = modifier["modifierName"]["name"]
            mutated = source.text[:before].rstrip(" ") + source.text[after:]
            function = source.function_at(before)
            yield Mutant(f"without its {name}", source.file, function, source.text, mutated)
