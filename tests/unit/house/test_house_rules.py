"""Rules about the repository itself: where files lie, how long they are, what they must not name."""

from __future__ import annotations

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

from deploy.tools.parts import PARTS
from deploy.tools.setup import PURPOSES, REQUIREMENTS, ROOT

TOP_LEVEL_FOLDERS = {"contracts", "service", "deploy", "tests", "docs"}
LONGEST_FILE_LINES = 400
# Hosts are pieced together so that this file does not name them either.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("static", "crates", "io"),
        ("proxy", "golang", "org"),
    ]
]
# Folders of tests that `make test` leaves out on purpose, and why.
RUN_BY_HAND: dict[str, str] = {}


@cache
def repository_files() -> tuple[Path, ...]:
    """Every file that is committed or would be: what git does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    return tuple(path for path in (ROOT / name for name in names if name) if path.is_file())


def test_every_top_level_folder_is_one_of_the_five() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in repository_files() if path.parent != ROOT}
    assert {name for name in folders if not name.startswith(".")} - TOP_LEVEL_FOLDERS == set()


def test_no_file_of_the_service_has_two_subjects() -> None:
    sources = [path for path in repository_files() if path.suffix == ".py" and "service" in path.parts]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE_LINES} == {}


def test_no_file_names_the_host_of_a_package_registry() -> None:
    hosts = re.compile("|".join(re.escape(host) for host in REGISTRY_HOSTS).encode())
    assert [str(path.relative_to(ROOT)) for path in repository_files() if hosts.search(path.read_bytes())] == []


def test_every_requirement_is_pinned_with_its_hash() -> None:
    for path in REQUIREMENTS.glob("*.txt"):
        blocks = re.split(r"\n(?=[A-Za-z0-9])", path.read_text())
        assert [block.split()[0] for block in blocks if "==" not in block or "--hash=sha256:" not in block] == []


def test_running_and_developing_agree_on_every_version() -> None:
    run, develop = (pinned_versions(REQUIREMENTS / name) for name in ("run.txt", "dev.txt"))
    assert run - develop == set()
    assert pinned_versions(REQUIREMENTS / "build.txt") - develop == set()


def pinned_versions(path: Path) -> set[tuple[str, str]]:
    """Return the pairs of name and version that a requirements file pins."""
    return set(re.findall(r"^([A-Za-z0-9_.\-]+)(?:\[[^\]]*\])?==([^\s;]+)", path.read_text(), re.MULTILINE))


def test_every_dependency_of_the_project_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[\[><=~! ]", line)[0] for line in project["dependencies"]}
    locked = {name for file in PURPOSES["run"] for name, _ in pinned_versions(REQUIREMENTS / file)}
    assert wanted - locked == set()


def test_every_folder_of_tests_is_run() -> None:
    """A folder that no part names would be written and never run."""
    folders = {path.relative_to(ROOT).parts[1] for path in (ROOT / "tests").glob("*/**/test_*.py")}
    run = {folder.split("/")[1] for part in PARTS for folder in part.folders}
    assert folders - run - set(RUN_BY_HAND) == set()


def test_the_ci_script_is_executable_and_calls_the_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o100
    assert "make test" in script.read_text()
