"""Mutation testing: change the contract in every small way that there is, and see whether a test notices.

`make mutants`, or `python -m deploy.tools.mutants [--only TEXT] [--sample N] [--workers N] [--list | --report]`.
Mutants come from gambit, from rules of our own, and from `contracts/mutants/handwritten.txt`. Each is compiled and the
Forge suite run against it; what survives is tried once more with everything compiled anew and more runs of the fuzzer.
A survivor is a missing test, or changes nothing: then it is listed, with the reason, in
`contracts/mutants/equivalent.txt`. Results are kept in `.cache/mutants`, so that a run can be stopped and goes on where
it was; a changed test costs the verdicts that rest on its file, a changed source all of them.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from deploy.tools.mutants.blocks import BadList, Block, apply, read_blocks
from deploy.tools.mutants.compiler import Compiler, DoesNotCompile
from deploy.tools.mutants.gambit import NoGambit, gambit_mutants, gambit_program
from deploy.tools.mutants.ground import ground_of
from deploy.tools.mutants.mutant import Mutant, without_doubles
from deploy.tools.mutants.report import Report
from deploy.tools.mutants.results import Results
from deploy.tools.mutants.runner import Runner
from deploy.tools.mutants.solidity import solidity_mutants
from deploy.tools.mutants.workplace import SuiteBroken
from deploy.tools.mutants.yul import assembly_mutants
from deploy.tools.node import CONTRACTS
from deploy.tools.proofs import PROOFS, set_up_proofs
from deploy.tools.setup import ROOT, SetupFailed

CACHE = ROOT / ".cache" / "mutants"


def all_mutants(environment: dict[str, str], contracts: Path, cache: Path) -> list[Mutant]:
    """Return every mutant of the sources, each once.

    Raises:
        BadList: if a mutant written by hand no longer fits the sources.
        NoGambit: if gambit is not to be had.
        DoesNotCompile: if the sources as they are do not compile.
    """
    with Compiler(contracts, environment) as compiler:
        sources = compiler.sources()
    written = [apply(block, sources) for block in read_list(contracts, "handwritten.txt")]
    rules = (solidity_mutants, assembly_mutants)
    ruled = [mutant for rule in rules for source in sources.values() for mutant in rule(source)]
    made = gambit_mutants(gambit_program(PROOFS), contracts, sources, cache / "gambit")
    return without_doubles(written + ruled + made)


def read_list(contracts: Path, name: str) -> list[Block]:
    path = contracts / "mutants" / name
    return read_blocks(path) if path.exists() else []


def test_mutants(arguments: argparse.Namespace) -> int:
    """Try all mutants, or those that are asked for, and report; return the exit status."""
    contracts, cache = arguments.contracts.resolve(), arguments.cache.resolve()
    environment = set_up_proofs("proofs")
    ground = ground_of(contracts)
    everything = all_mutants(environment, contracts, cache)
    chosen = [mutant for mutant in everything if arguments.only in f"{mutant.file} {mutant.function} {mutant.name}"]
    chosen = chosen[: arguments.sample]
    print(f"mutants: {len(chosen)} of {len(everything)}", flush=True)
    if arguments.list:
        print("\n\n".join(map(str, chosen)))
        return 0
    results = Results(cache / "results.jsonl", ground)
    listed = read_list(contracts, "equivalent.txt")
    if not arguments.report:
        Runner(contracts, ground, cache, environment, results, listed).run(chosen, arguments.workers)
    found = [(mutant, result) for mutant in chosen if (result := results.known(mutant))]
    report = Report(found, listed, is_whole=len(found) == len(everything))
    print("\n".join(report.lines()))
    return 0 if report.is_good else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants whose file, function or name holds this")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="so many at a time (2)")
    parser.add_argument("--sample", type=int, metavar="N", help="only so many, chosen by chance and the same each time")
    parser.add_argument("--list", action="store_true", help="show the mutants and try none")
    parser.add_argument("--report", action="store_true", help="report what is known from before and try none")
    parser.add_argument("--contracts", type=Path, default=CONTRACTS, help="another folder with the project's contracts")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where results and copies are kept")
    arguments = parser.parse_args()
    for request in (signal.SIGINT, signal.SIGTERM):  # the first is ignored behind a shell's `&`
        signal.signal(request, signal.default_int_handler)
    try:
        return test_mutants(arguments)
    except (BadList, DoesNotCompile, NoGambit, SetupFailed, SuiteBroken) as problem:
        print(f"mutants: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nmutants: stopped; what was found is kept, and the next run goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
