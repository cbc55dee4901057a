"""Write the hashed files of `deploy/requirements/` anew from `pyproject.toml`: `make lock`.

One file for running and one for developing, which never disagree; small ones for what builds and installs; two for the
tools that examine the contract, which have an environment of their own (`proofs.py`). They are universal (any system,
Python 3.11 and newer) and name no registry.
"""

from __future__ import annotations

import sys

from deploy.tools.setup import REQUIREMENTS, SetupFailed, run, uv

OPTIONS = [
    *("--quiet", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--no-header"),
    # eth-tester and py-evm publish what goes with today's web3 as prereleases only.
    *("--prerelease", "if-necessary-or-explicit"),
]
RUN = "deploy/requirements/run.txt"
SOURCES = {
    "run.txt": "pyproject.toml --extra local",
    "dev.txt": f"pyproject.toml --extra local --extra compile --extra otel --group dev -c {RUN}",
    "build.txt": f"--group build -c {RUN}",
    "installer.txt": "--group installer",
    "node.txt": "--group node",
    "slither.txt": "--group slither",
    "proofs.txt": "--group proofs -c deploy/requirements/slither.txt",
}


def main() -> int:
    program = uv()
    if program is None:
        print("lock: this needs uv, which is not to be had here", file=sys.stderr)
        return 1
    for name, source in SOURCES.items():
        output = ("--output-file", (REQUIREMENTS / name).relative_to(REQUIREMENTS.parents[1]))
        if not run(program, "pip", "compile", *OPTIONS, *source.split(), *sys.argv[1:], *output):
            raise SetupFailed(f"{name} could not be resolved; what uv said stands above")
    return 0


if __name__ == "__main__":
    sys.exit(main())
