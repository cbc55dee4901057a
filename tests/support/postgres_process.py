"""A throw-away PostgreSQL that cannot outlive whoever started it.

Run as a program: `postgres_process.py BIN [WHERE]` makes a cluster in a temporary folder, starts it on a Unix socket
there, prints the folder's name, and waits until its standard input closes: by being told, or because the parent is
gone, killed or not. Then it stops the server and removes the folder. Where WHERE is given, the cluster's files lie in a
folder in there, and the first folder points to it. It imports nothing but the standard library.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

# Nothing here has to survive a power cut; without waiting for the disk the tests take a fraction of the time. What is
# committed is handed to the operating system, though: a server that is killed has it when it is started again.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "timezone": "UTC",
}
# A machine with both cores busy took 0.3 s; a minute means that something is wrong.
START_TIMEOUT_SECONDS = 60.0


def server_account() -> pwd.struct_passwd | None:
    """Return whom the server runs as: PostgreSQL refuses root, so there it is `postgres`, or else `nobody`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SystemExit("no account to run PostgreSQL as: neither postgres nor nobody")


def reachable(binaries: Path, scratch: Path, account: pwd.struct_passwd | None) -> Path:
    """Return binaries that `account` may run: a copy where the folders above these are closed to others."""
    if account is None or all(parent.stat().st_mode & 0o001 for parent in binaries.resolve().parents):
        return binaries
    package = binaries.parents[1]
    # A wheel keeps the shared libraries that its programs need in a folder beside the package.
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.is_dir():
            shutil.copytree(folder, scratch / "site" / folder.name, symlinks=True)
    return scratch / "site" / binaries.relative_to(package.parent)


def launch(command: Sequence[str], scratch: Path, account: pwd.struct_passwd | None) -> subprocess.Popen[bytes]:
    """Start a program of PostgreSQL's as `account`, with its output in `scratch/<its name>.log`."""
    with (scratch / f"{Path(command[0]).name}.log").open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=scratch,  # one that its account may enter
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )


def start(binaries: Path, scratch: Path) -> subprocess.Popen[bytes]:
    """Make a cluster under `scratch` and start its server, which answers once this returns."""
    account = server_account()
    binaries = reachable(binaries, scratch, account)
    data = scratch / "data"
    data.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(data, account.pw_uid, account.pw_gid)
        os.chown(scratch, account.pw_uid, account.pw_gid)
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    if launch([str(binaries / "initdb"), "-D", str(data), *options], scratch, account).wait():
        raise SystemExit(f"initdb failed:\n{(scratch / 'initdb.log').read_text()}")
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command = [str(binaries / "postgres"), "-D", str(data), "-k", str(scratch), *settings]
    server = launch(command, scratch, account)
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not is_ready(data):
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"PostgreSQL did not start:\n{(scratch / 'postgres.log').read_text()}")
        time.sleep(0.01)
    return server


def is_ready(data: Path) -> bool:
    """Return whether the server wrote `ready` as the last line of its pid file, as pg_ctl would look for it."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def main() -> None:
    # An interrupted test run reaches the whole group: the parent then closes the pipe, and only that ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.setpgid(0, 0)
    scratch = Path(tempfile.mkdtemp(prefix="earnest-pg-", dir="/tmp"))  # short: a socket's path has 104 bytes
    scratch.chmod(0o755)
    elsewhere = Path(tempfile.mkdtemp(prefix="earnest-pg-", dir=sys.argv[2])) if len(sys.argv) > 2 else None
    server = None
    try:
        if elsewhere:
            (scratch / "data").symlink_to(elsewhere)
        server = start(Path(sys.argv[1]), scratch)
        print(scratch, flush=True)
        sys.stdin.read()
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            server.wait()
        for folder in (elsewhere, scratch):
            if folder:
                shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
