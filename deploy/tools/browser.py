"""A Chromium for the tests of the pages, and the checker of accessibility; running Earnest needs neither.

Chromium is the machine's own, or Debian's, installed as root under CI or with SETUP=1. The checker, axe-core, comes
from npm by the lock file in `tests/browser` and is never shipped.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from deploy.tools.node import find_node, install_packages
from deploy.tools.setup import ROOT, SetupFailed, run, say

PAGES: Final = ROOT / "tests" / "browser"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL: Final = "apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk fonts-dejavu-core"
CHROMIUM_OPTIONS: Final = [
    # Its sandbox does not start as root, as which containers run; it opens nothing but our own pages.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # It shall ask nobody but the local stack.
    *("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-default-apps", "--disable-extensions", "--no-proxy-server"),
]


def find_chromium() -> Path | None:
    """Return the machine's Chromium, None if it has none; `EARNEST_TEST_CHROMIUM` goes first."""
    named = os.environ.get("EARNEST_TEST_CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    # On Ubuntu the package is a stub that only tells how to install another.
    return Path(found) if found and run(found, "--version") else None


def set_up_browser() -> Path:
    """Return a Chromium that starts, installing Debian's where that is allowed; and install the npm packages.

    Raises:
        SetupFailed: with the line to run, where it is not allowed or does not work.
    """
    install_packages(PAGES, find_node())
    found = find_chromium()
    if found is not None:
        return found
    allowed = os.geteuid() == 0 and (os.environ.get("CI") == "true" or os.environ.get("SETUP") == "1")
    if shutil.which("apt-get") is None or not allowed:
        raise SetupFailed(f"no Chromium here. Run: sudo {INSTALL}\n(as root, SETUP=1 lets me do it)")
    say(INSTALL)
    installed = run("apt-get", "update", "-qq") and run(*INSTALL.split())
    found = find_chromium() if installed else None
    if found is None:
        raise SetupFailed(f"`{INSTALL}` gave no Chromium that starts; what it said stands above")
    return found
