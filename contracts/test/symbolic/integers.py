"""An SMT solver for halmos that can do arithmetic: yices for a second, then cvc5, which takes words for integers.

Products and quotients of unknown amounts, over which solvers sit for ever that take words apart into bits, are easy for
integers. It runs in `.venv-proofs`: `python integers.py SECONDS FILE`, and answers like any solver: `sat`, `unsat` or
`unknown`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cvc5

YICES = (str(Path(sys.executable).with_name("yices-smt2")), "--smt2-model-format", "--timeout=1")


def ask_yices(path: str) -> str:
    """What yices answers within a second; empty if it does not."""
    answer = subprocess.run([*YICES, path], capture_output=True, text=True, check=False).stdout  # noqa: S603 - halmos's own file
    return answer if answer.startswith(("sat", "unsat")) else ""


def ask_cvc5(path: str, seconds: float) -> str:
    """What cvc5 answers to each command of an SMT-LIB file."""
    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("solve-bv-as-int", "sum")
    solver.setOption("tlimit-per", str(int(seconds * 1000)))
    solver.setOption("produce-models", "true")
    parser = cvc5.InputParser(solver)
    parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, path)
    answers: list[str] = []
    while not (command := parser.nextCommand()).isNull():
        if command.getCommandName() == "get-model" and answers != ["sat"]:
            continue
        answer = command.invoke(solver, parser.getSymbolManager()).strip()
        # With its reason, which nobody asked for: `unknown (TIMEOUT)`.
        answers += ["unknown" if answer.startswith("unknown") else answer] if answer else []
    return "\n".join(answers) + "\n"


if __name__ == "__main__":
    sys.stdout.write(ask_yices(sys.argv[2]) or ask_cvc5(sys.argv[2], float(sys.argv[1])))
