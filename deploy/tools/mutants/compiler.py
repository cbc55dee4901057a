"""The contract's own compiler, kept warm in a process of its own, and the bytes that it makes of a mutant."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from deploy.tools.mutants.sources import Json, Source, compiler_input, source_texts

BYTES = ["evm.bytecode.object", "evm.deployedBytecode.object"]
# As the tests' own build, which is the fastest.
PLAIN: Json = {"optimizer": {"enabled": False}}
# Two ways of optimizing; sources that either makes the same bytes of are the same program.
OPTIMIZED: tuple[Json, ...] = (
    {"optimizer": {"enabled": True, "runs": 200}},
    {"optimizer": {"enabled": True, "runs": 10_000}, "viaIR": True},
)


class DoesNotCompile(Exception):
    """The compiler refuses the sources; the message is its first error."""


@dataclass(frozen=True)
class Code:
    """A contract's bytes, as hexadecimal digits: those that deploy it, and those that then lie on the chain."""

    creation: str
    runtime: str


Codes = dict[tuple[str, str], Code]
"""By file and contract."""


class Compiler:
    """A warm compiler for the project in `contracts`; use it from one thread at a time."""

    def __init__(self, contracts: Path, environment: dict[str, str]) -> None:
        self._contracts = contracts
        script = Path(__file__).with_name("compiler.js")
        self._process = subprocess.Popen(
            ["node", str(script), str(contracts)],  # noqa: S607 - from the PATH of `environment`
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Compiler:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    def codes(self, changed: dict[str, str], settings: Json) -> Codes:
        """Return the bytes of every contract that can be deployed, with some files' texts changed.

        Raises:
            DoesNotCompile: with the compiler's first error.
        """
        texts = source_texts(self._contracts) | changed
        answer = self._ask(compiler_input(self._contracts, texts, settings, BYTES))
        return {
            (file, name): Code(output["evm"]["bytecode"]["object"], output["evm"]["deployedBytecode"]["object"])
            for file, contracts in answer["contracts"].items()
            for name, output in contracts.items()
            if file in texts and output["evm"]["bytecode"]["object"]
        }

    def sources(self) -> dict[str, Source]:
        """Return the sources with their syntax trees."""
        texts = source_texts(self._contracts)
        answer = self._ask(compiler_input(self._contracts, texts, PLAIN, ["ast"]))
        return {file: Source(file, text, answer["sources"][file]["ast"]) for file, text in texts.items()}

    def _ask(self, question: Json) -> Json:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the compiler's process ended; what it said stands above")
        answer: Json = json.loads(line)
        errors = [error["formattedMessage"] for error in answer.get("errors", []) if error["severity"] == "error"]
        if errors:
            raise DoesNotCompile(errors[0])
        return answer
