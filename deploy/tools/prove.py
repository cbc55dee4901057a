"""The symbolic proofs of `contracts/test/symbolic`, by halmos: `make prove`, with any of halmos's own options.

What stands in `contracts/halmos.toml` holds for every proof. Contracts named `…Proof` are proven, by their functions
`check_…`. They are built apart from the tests: with the optimizer, without which there are more paths to walk, and with
the contracts' code in them, since halmos knows nothing of `dynamic_test_linking`.
"""

from __future__ import annotations

import re
import subprocess
import sys

from deploy.tools.node import CONTRACTS
from deploy.tools.proofs import set_up_proofs
from deploy.tools.setup import ROOT, SetupFailed

BUILD = ROOT / ".cache" / "halmos"
FOUNDRY = {
    "FOUNDRY_SRC": "test/symbolic",
    "FOUNDRY_TEST": "test/symbolic",
    "FOUNDRY_OUT": str(BUILD / "out"),
    "FOUNDRY_CACHE_PATH": str(BUILD / "cache"),
    "FOUNDRY_OPTIMIZER": "true",
    "FOUNDRY_DYNAMIC_TEST_LINKING": "false",
}
CLOSING_LINE = re.compile(r"Symbolic test result: (\d+) passed; (\d+) failed")


def prove(options: list[str]) -> int:
    """Run halmos and return 0 if everything was proven and there was something to prove."""
    process = subprocess.Popen(
        ["halmos", "--root", str(CONTRACTS), "--forge-build-out", str(BUILD / "out"), "--no-status", *options],  # noqa: S607 - from the PATH of the environment
        cwd=CONTRACTS,
        env=set_up_proofs("proofs") | FOUNDRY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    sums: list[tuple[int, int]] = []
    for line in process.stdout:
        print(line, end="", flush=True)
        sums += [(int(passed), int(failed)) for passed, failed in CLOSING_LINE.findall(line)]
    passed, failed = sum(one for one, _ in sums), sum(other for _, other in sums)
    print(f"\n{passed} proven, {failed} not")
    return process.wait() or (0 if passed and not failed else 1)


def main() -> int:
    try:
        return prove(sys.argv[1:])
    except SetupFailed as problem:
        print(f"prove: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
