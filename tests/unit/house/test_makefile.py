"""The Makefile's choice of a Python: one that outlives what the commands make and remove."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def _make(folder: Path, *arguments: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTHON"))}
    return subprocess.run(
        ["make", "-f", str(ROOT / "Makefile"), *arguments],
        cwd=folder,
        env=environment | {"PATH": path, "PWD": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _python(at: Path) -> Path:
    at.mkdir(parents=True)
    (at / "python3").symlink_to(sys.executable)
    return at


def test_the_environments_own_python_is_not_chosen_to_make_it(tmp_path: Path) -> None:
    own, other = _python(tmp_path / ".venv" / "bin"), _python(tmp_path / "else where")
    tools = Path(shutil.which("make") or "make").parent
    done = _make(tmp_path, "-n", "setup-run", path=f"{own}:{other}:{tools}")
    assert done.returncode == 0, done.stderr
    assert f'"{other}/python3" deploy/tools/setup.py run' in done.stdout


@pytest.mark.parametrize("named", ["/nowhere/python3", "python-of-nobody"])
def test_a_python_that_is_not_there_is_said_not_to_be_there(tmp_path: Path, named: str) -> None:
    done = _make(tmp_path, f"PYTHON={named}", "setup-run")
    assert done.returncode != 0
    assert done.stderr.startswith(f"{named} is not there")
