"""The pages on the verbs and on trust, held against the compiled contract, its NatSpec and the tests that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from deploy.tools.setup import ROOT
from earnest.escrow.artifact import load
from earnest.payment.status import ON_CHAIN

PAGES = ROOT / "docs" / "verbs"
CONTRACT_TESTS = ROOT / "contracts" / "test"
HEADINGS = ["Purpose", "Who, and when", "Before and after", "Events", "Errors"]
HEADINGS += ["In the API and the command line", "What to mind", "Tests that show it"]
# For the deposit address alone; it stands on the page of `collect`.
NO_VERB = {"receiveDeposit"}
# The EIP-712 domain's, from a library; none of our verbs emits it.
NOT_OURS = {"EIP712DomainChanged"}
SIGNED_TYPES = {"Receipt", "Funding"}
TEST_FILE = re.compile(r"(?:[\w/]+/)?(?:\w+\.t\.sol|test_\w+\.py)")
TEST_NAME = re.compile(r"(?:test|invariant|check)_\w+")


@cache
def abi(*kinds: str) -> dict[str, list[str]]:
    """Return the names of the ABI's entries of some kinds, each with the names of its arguments."""
    return {entry["name"]: [arg["name"] for arg in entry["inputs"]] for entry in load().abi if entry["type"] in kinds}


def functions(*mutabilities: str) -> set[str]:
    entries = load().abi
    return {e["name"] for e in entries if e["type"] == "function" and e["stateMutability"] in mutabilities}


def verbs() -> list[str]:
    return sorted(functions("payable", "nonpayable") - NO_VERB)


def pages() -> list[Path]:
    return sorted(PAGES.glob("*.md"))


def words(text: str) -> list[str]:
    """Return what stands in backticks, but for whole blocks of code."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def section(page: str, heading: str) -> str:
    return page.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_every_verb_has_its_page_and_every_page_its_verb() -> None:
    others = {"README", "errors", "views"}
    assert {path.stem for path in pages()} - others == set(verbs())
    index = (PAGES / "README.md").read_text()
    assert [verb for verb in verbs() if f"[{verb}]({verb}.md)" not in index] == []


@pytest.mark.parametrize("verb", verbs())
def test_a_page_has_its_headings_and_the_verbs_arguments(verb: str) -> None:
    page = (PAGES / f"{verb}.md").read_text()
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == HEADINGS
    assert page.startswith(f"# {verb}\n\n`{verb}({', '.join(abi('function')[verb])})`")


def test_every_view_is_described() -> None:
    views = words((PAGES / "views.md").read_text())
    wanted = {f"{name}({', '.join(abi('function')[name])})" for name in functions("view", "pure")}
    assert wanted - set(views) == set()


def test_every_error_is_in_the_table_and_every_event_on_some_page() -> None:
    table = {word.split("(")[0] for word in words((PAGES / "errors.md").read_text())}
    assert set(abi("error")) - table == set()
    said = {word.split("(")[0] for path in pages() for word in words(path.read_text())}
    assert set(abi("event")) - NOT_OURS - said == set()


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.stem)
def test_what_a_page_calls_an_event_or_an_error_is_one_with_these_values(path: Path) -> None:
    known = abi("error", "event")
    for name, values in re.findall(r"`([A-Z]\w+)\(([^`]*)\)`", path.read_text()):
        if name not in SIGNED_TYPES:
            assert known.get(name) == [value for value in values.split(", ") if value], name


@pytest.mark.parametrize("verb", verbs())
def test_under_events_and_errors_nothing_is_named_that_is_not_there(verb: str) -> None:
    page = (PAGES / f"{verb}.md").read_text()
    statuses = {str(status).capitalize() for status in ON_CHAIN}
    named = {word.split("(")[0] for word in words(section(page, "Events") + section(page, "Errors"))}
    assert {name for name in named if name[0].isupper()} - set(abi("error", "event")) - statuses == set()


@pytest.mark.parametrize("verb", verbs())
def test_a_page_names_the_errors_that_the_interface_names(verb: str) -> None:
    named = {word.split("(")[0] for word in words((PAGES / f"{verb}.md").read_text())}
    assert promised(verb) - named == set()


def promised(verb: str) -> set[str]:
    """Return the errors in a verb's NatSpec."""
    source = (ROOT / "contracts" / "src" / "IEscrow.sol").read_text()
    before = re.split(rf"function {verb}\(", source)[0]
    comment = before[before.rindex("/// @notice") :]
    return {name for name in re.findall(r"\{(\w+)\}", comment) if name in abi("error")}


def documents() -> list[Path]:
    return [*pages(), ROOT / "docs" / "trust.md"]


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.stem)
def test_the_tests_that_a_page_names_are_there(path: Path) -> None:
    named = list(named_tests(path.read_text()))
    assert [f"{file}: {name}" for file, name in named if not is_test(file, name)] == []
    assert named or path.name in {"README.md", "errors.md"}


def named_tests(text: str) -> Iterator[tuple[str, str]]:
    """Yield the tests that a page names, each with the file that was named last before it."""
    file = "no file"
    for word in words(text):
        if TEST_FILE.fullmatch(word):
            file = word
        elif TEST_NAME.fullmatch(word):
            yield file, word


def is_test(file: str, name: str) -> bool:
    """Say whether a file, by its path or as a contract's by its name alone, has this test."""
    path = ROOT / file if "/" in file else next(iter(CONTRACT_TESTS.rglob(file)), ROOT / file)
    return path.is_file() and re.search(rf"(?:function|def) {name}\(", path.read_text()) is not None


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.stem)
def test_files_and_functions_that_a_page_names_are_there(path: Path) -> None:
    text = path.read_text()
    for word in words(text):
        if word.startswith(("contracts/", "tests/", "service/")):
            assert (ROOT / word).exists(), word
        elif re.fullmatch(r"earnest(?:\.\w+)+", word):
            assert is_importable(word), word
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert "://" in link or (path.parent / link).exists(), link


def is_importable(name: str) -> bool:
    """Say whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for taken in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:taken]))
        except ModuleNotFoundError:
            continue
        return taken == len(parts) or (taken == len(parts) - 1 and hasattr(found, parts[-1]))
    return False


def test_trust_is_said_of_every_role() -> None:
    text = (ROOT / "docs" / "trust.md").read_text()
    roles = ["Buyer", "Merchant", "Operator", "Arbiter", "Fee recipient", "Payer", "Relayer", "Stranger", "Token"]
    headings = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert headings == [*roles, "Deposit address", "Host"]
    for before, after in pairwise([*headings, None]):
        part = text.split(f"### {before}\n", 1)[1].split(f"### {after}\n" if after else "\n## ", 1)[0]
        assert "**can**" in part, before
        assert "**can never**" in part, before
