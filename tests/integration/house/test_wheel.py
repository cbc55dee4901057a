"""The wheel holds what the package needs, and nothing else has to be there for it to be imported."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from deploy.tools.setup import ROOT

# What is not Python and has to travel with it.
FILES = ("earnest/py.typed", "earnest/networks.toml", "earnest/escrow/artifacts/")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("earnest-*.whl")
    return built


@pytest.mark.parametrize("name", FILES)
def test_the_wheel_holds(wheel: Path, name: str) -> None:
    held = zipfile.ZipFile(wheel).namelist()
    assert any(entry == name or (name.endswith("/") and entry.startswith(name)) for entry in held)


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "service/earnest"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    files = {name.removeprefix("service/") for name in listed if name and (ROOT / name).is_file()}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == files


def test_the_wheel_is_imported_in_an_environment_without_anything_else(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "empty", with_pip=False, symlinks=True)
    python = tmp_path / "empty" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    where = "import earnest; print(earnest.__file__)"
    done = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "empty")
