"""The environment of the tools that examine the contract: slither, halmos, and the gambit that makes mutants.

They want other versions of what Earnest itself uses, so they live in `.venv-proofs`, beside `.venv`. The test command
needs slither alone (about 70 MB); `make mutants` and `make prove` need the rest too (about 290 MB).
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from deploy.tools.node import set_up_node
from deploy.tools.setup import PYTHON, REQUIREMENTS, ROOT, SetupFailed, install, run, say, succeeds

PROOFS = ROOT / ".venv-proofs"
# The second file holds everything of the first.
PURPOSES = {"slither": "slither.txt", "proofs": "proofs.txt"}


def set_up_proofs(purpose: str) -> dict[str, str]:
    """Make `.venv-proofs` and the npm packages hold what a purpose needs; return the environment to run its tools in.

    Raises:
        SetupFailed: the message says what is missing.
    """
    node = set_up_node()
    if not (_is_done(purpose) or _is_done("proofs")):
        _make(purpose)
    # The tools look for `forge` and `solc` on the path: those of the contract come first.
    folders = [ROOT / "contracts" / "tools", PROOFS / "bin", node]
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    return {**os.environ, "PATH": path}


def _make(purpose: str) -> None:
    started = time.monotonic()
    _ensure_venv()
    say(f"installing {PURPOSES[purpose]} into {PROOFS.name}")
    install((PURPOSES[purpose],), into=PROOFS / "bin" / "python")
    _stamp(purpose).write_text(_fingerprint(purpose))
    say(f"{PROOFS.name} ready in {time.monotonic() - started:.0f} s")


def _ensure_venv() -> None:
    place = PROOFS / ".earnest-place"
    moved = not place.exists() or place.read_text() != str(PROOFS)
    if not moved and succeeds(PROOFS / "bin" / "python", "--version"):
        return
    if not run(PYTHON, "-m", "venv", "--without-pip", "--clear", PROOFS):
        raise SetupFailed(f"{PROOFS.name} could not be made; what venv said stands above")
    place.write_text(str(PROOFS))


def _stamp(purpose: str) -> Path:
    return PROOFS / f".earnest-{purpose}"


def _is_done(purpose: str) -> bool:
    return _stamp(purpose).exists() and _stamp(purpose).read_text() == _fingerprint(purpose)


def _fingerprint(purpose: str) -> str:
    return hashlib.sha256(f"{PROOFS}".encode() + (REQUIREMENTS / PURPOSES[purpose]).read_bytes()).hexdigest()
