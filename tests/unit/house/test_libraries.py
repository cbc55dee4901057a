"""Which room may know which library, read from the import graph that import-linter also checks."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import grimp
import pytest

SERVICE = Path(__file__).parents[3] / "service" / "earnest"
ROOMS_THAT_MAY_IMPORT = {
    "web3": {"chain", "escrow", "testing", "wiring"},
    "eth_tester": {"localnet", "testing"},
    "eth": {"localnet", "testing"},  # py-evm
    "trie": {"localnet", "testing"},  # comes with py-evm alone
    "sqlalchemy": {"store", "wiring"},
    "websockets": {"chain", "testing"},
    "fastapi": {"api", "web", "localnet", "wiring"},
    "jinja2": {"web"},
    "segno": {"web"},
}
CODECS = {"eth_abi", "eth_hash", "eth_typing", "eth_utils", "sha3"}
# A pure room asks neither the clock nor chance nor the machine that it runs on.
IMPURE = {
    *("asyncio", "io", "logging", "os", "pathlib", "random", "secrets", "socket", "subprocess", "sys"),
    *("tempfile", "threading", "time", "urllib", "uuid"),
}


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("earnest", include_external_packages=True)


@pytest.mark.parametrize("library", sorted(ROOMS_THAT_MAY_IMPORT))
def test_only_its_rooms_import_a_library(library: str) -> None:
    if library not in graph().modules:
        return
    importers = graph().find_modules_that_directly_import(library)
    strangers = {name for name in importers if name.split(".")[1] not in ROOMS_THAT_MAY_IMPORT[library]}
    assert strangers == set()


def test_payment_imports_only_pure_codecs() -> None:
    payment = {name for name in graph().modules if name.startswith("earnest.payment")}
    imported = {found.split(".")[0] for name in payment for found in graph().find_modules_directly_imported_by(name)}
    assert imported - {"earnest"} - CODECS - set(sys.stdlib_module_names) == set()
    assert imported & IMPURE == set()


@pytest.mark.parametrize("path", sorted((SERVICE / "payment").glob("**/*.py")), ids=lambda path: path.name)
def test_payment_has_no_float_and_no_clock(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        where = f"{path.name}:{getattr(node, 'lineno', 0)}"
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), f"{where}: a float"
        assert not (isinstance(node, ast.Name) and node.id == "float"), f"{where}: float"
        assert not (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)), f"{where}: `/`"
        called = node.func if isinstance(node, ast.Call) else None
        clock = isinstance(called, ast.Attribute) and called.attr in {"now", "today", "utcnow"}
        assert not clock, f"{where}: asks the clock"
