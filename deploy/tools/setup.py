"""Make `.venv` hold what a command needs: `python3 deploy/tools/setup.py run` or `… test`.

Standard library only: this runs before anything is installed. What is installed is named, with hashes, by the files
of `deploy/requirements/`. A stamp in `.venv` remembers what was installed, so that a second run costs nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "deploy" / "requirements"
# The Python that this was called with, and not `.venv` itself where that is active: it may be made anew.
BASE_PYTHON: str = getattr(sys, "_base_executable", sys.executable)
PURPOSES = {
    # What `earnest demo` needs, and what builds the project itself into the environment.
    "run": ("run.txt", "build.txt"),
    # Everything of `run`, the test tools, the compiler's driver and a PostgreSQL.
    "test": ("dev.txt",),
}

# What the programs load when they start: the command, the service, the demo and the embedded chain.
PROGRAMS = (
    *("earnest.cli.app", "earnest.cli.demo.run", "earnest.api", "earnest.chain.follower", "earnest.commands.journal"),
    *("earnest.mirror", "earnest.webhooks.post", "earnest.store.upgrades"),
    *("earnest.localnet.fresh", "earnest.localnet.rpc"),
)


class SetupFailed(Exception):
    """The environment could not be made; the message says what to do."""


def say(line: str) -> None:
    print(f"setup: {line}", file=sys.stderr, flush=True)


def run(*command: str | Path, quiet: bool = True) -> bool:
    """Run a command in the project's folder; its output is shown only when it fails. Return whether it succeeded."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode and done.stdout:
        sys.stderr.write(done.stdout)
    return done.returncode == 0


def succeeds(*command: str | Path) -> bool:
    """Return whether a command exists and ends with status 0, without showing anything of it."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, check=False, cwd=ROOT)
    except OSError:
        return False
    return done.returncode == 0


def ensure_venv() -> None:
    """Make `.venv` with a pip in it, unless it is there, was made in this place, and its Python still starts."""
    # The programs in a virtual environment name its path: one that was moved or copied is of no use.
    place = VENV / ".earnest-place"
    moved = place.exists() and place.read_text() != str(VENV)
    if not moved and PYTHON.exists() and succeeds(PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"):
        if succeeds(PYTHON, "-m", "pip", "--version") or succeeds(PYTHON, "-m", "ensurepip", "--upgrade"):
            return
        say(".venv has no pip: making it anew")
    if not succeeds(BASE_PYTHON, "-c", "import ensurepip, venv"):
        install_venv_module()
    say(f"making .venv with Python {sys.version.split()[0]}")
    if not run(BASE_PYTHON, "-m", "venv", "--clear", VENV):
        raise SetupFailed(f"{BASE_PYTHON} -m venv failed; what it said stands above")
    place.write_text(str(VENV))


def install_venv_module() -> None:
    """Install what Debian leaves out of its Python, where that is allowed without asking.

    Raises:
        SetupFailed: with the line to run, where it is not.
    """
    package = f"python3.{sys.version_info.minor}-venv"
    line = f"apt-get install -y --no-install-recommends {package}"
    allowed = os.geteuid() == 0 and (os.environ.get("CI") == "true" or os.environ.get("SETUP") == "1")
    if shutil.which("apt-get") is None:
        raise SetupFailed(f"{BASE_PYTHON} has no venv and ensurepip; install them, or use another Python: PYTHON=…")
    if not allowed:
        raise SetupFailed(f"this Python has no venv and ensurepip. Run: sudo {line}\n(as root, SETUP=1 lets me do it)")
    say(line)
    if not (run("apt-get", "update", "-qq") and run(*line.split())):
        raise SetupFailed(f"`{line}` failed; what it said stands above")


def uv() -> Path | None:
    """Return uv, installed from `installer.txt` if need be; None where plain pip has to do.

    uv installs in seconds what takes pip most of a minute. It does not read pip's configuration, so where pip was
    told of another index, pip does the work.
    """
    settings = subprocess.run(
        [str(PYTHON), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    if ".index-url=" in settings or ".no-index=" in settings:
        return None
    program = VENV / "bin" / "uv"
    if succeeds(program, "--version"):
        return program
    requirements = REQUIREMENTS / "installer.txt"
    pip = (PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check")
    if succeeds(*pip, "--only-binary=:all:", "--require-hashes", "-r", requirements):
        return program
    say("no uv for this machine: pip will do, more slowly")
    return None


def install(files: tuple[str, ...], into: Path = PYTHON) -> None:
    """Install hashed requirement files of `deploy/requirements/`, by uv if it can, else by pip.

    `into` is the Python whose environment gets them; that one needs no pip of its own.
    """
    arguments = [part for name in files for part in ("-r", str(REQUIREMENTS / name))]
    fast = uv()
    if fast and run(fast, "pip", "install", "-q", "--python", into, "--require-hashes", *arguments):
        return
    if fast:
        say("uv failed (see above): trying pip")
    pip = (PYTHON, "-m", "pip", "--python", into, "install", "-q", "--disable-pip-version-check")
    if not run(*pip, "--require-hashes", *arguments):
        raise SetupFailed(f"{', '.join(files)} could not be installed; what pip said stands above")


def install_project() -> None:
    """Install Earnest itself from the work tree, editable, with the build tools that are already there."""
    pip = (PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check")
    if not run(*pip, "--no-deps", "--no-build-isolation", "--no-index", "-e", ROOT):
        raise SetupFailed("the project itself could not be installed; what pip said stands above")


def compile_imports() -> None:
    """Keep the bytecode of whatever the programs import: uv leaves it to their first start, which takes twice as long.

    Only of that: to compile everything installed takes thrice as long. It is kept even where Python was told to keep
    none (as in many containers), since every start of every program would pay for it.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([str(PYTHON), "-c", f"import {', '.join(PROGRAMS)}"], env=environment, cwd=ROOT, check=False)


def fingerprint(purpose: str) -> str:
    """Return a hash of everything that decides what `purpose` installs, this folder's path included."""
    digest = hashlib.sha256(f"{VENV} {purpose}".encode())
    for path in [REQUIREMENTS / name for name in PURPOSES[purpose]] + [ROOT / "pyproject.toml"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_done(purpose: str) -> bool:
    stamp = VENV / f".earnest-{purpose}"
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == fingerprint(purpose)


def set_up(purpose: str) -> None:
    """Make the environment hold what `purpose` needs; do nothing if it does already."""
    # Whatever serves the tests serves a run as well.
    if is_done(purpose) or (purpose == "run" and is_done("test")):
        return
    started = time.monotonic()
    ensure_venv()
    say(f"installing {' and '.join(PURPOSES[purpose])}")
    install(PURPOSES[purpose])
    install_project()
    compile_imports()
    (VENV / f".earnest-{purpose}").write_text(fingerprint(purpose))
    say(f"ready in {time.monotonic() - started:.0f} s")


def main() -> int:
    purpose = sys.argv[1] if len(sys.argv) == 2 else ""
    if purpose not in PURPOSES:
        print(f"usage: setup.py {'|'.join(PURPOSES)}", file=sys.stderr)
        return 2
    try:
        set_up(purpose)
    except SetupFailed as problem:
        print(f"setup: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
