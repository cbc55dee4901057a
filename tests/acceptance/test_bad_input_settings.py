"""What the host sets wrongly and what a person mistypes: one sentence that says what to mend, and no secret in it.

All commands run at once, two at a time, since there are many.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from eth_account import Account

from earnest.cli.demo.run import account_of
from earnest.testing.processes import free_port
from tests.acceptance.bad_input import Said, earnest, good_settings

pytestmark = pytest.mark.xdist_group("settings")  # one worker has started all of them

PAYOUT = "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"
MISTYPED = "0x9965507d1a55bcC2695C58ba16FB37d819B0A4dc"
PASSWORD = "correct horse battery staple"
NOBODY = f"http://127.0.0.1:{free_port()}"


@dataclass(frozen=True)
class Wrong:
    """One thing made wrong: the command, what is set, the status, what must be told and what must not be repeated."""

    command: tuple[str, ...]
    words: tuple[str, ...]
    env: dict[str, str | None] = field(default_factory=dict)
    secret: str | None = None
    status: int = 1
    prepare: Callable[[Path], object] = lambda folder: None


def keystore(folder: Path) -> None:
    """Write a keystore, made with few rounds so that it opens at once."""
    encrypted = Account.encrypt(
        bytes.fromhex(account_of("operator").private_key[2:]), PASSWORD, kdf="pbkdf2", iterations=1_000
    )
    write(folder, json.dumps(encrypted).encode())


def write(folder: Path, content: bytes) -> None:
    """Write what stands where the keystore should."""
    (folder / "operator.json").write_bytes(content)
    (folder / "operator.json").chmod(0o600)


KEYSTORE = {"EARNEST_OPERATOR_KEYSTORE": "operator.json"}
WRONG = {
    "several settings": Wrong(
        ("serve",),
        ("EARNEST_PORT", "65535", "EARNEST_MAX_FEE_GWEI", "EARNEST_WEBHOOKS_ALLOW_PRIVATE"),
        {"EARNEST_PORT": "70000", "EARNEST_MAX_FEE_GWEI": "zero-gwei", "EARNEST_WEBHOOKS_ALLOW_PRIVATE": "perhaps"},
        secret="zero-gwei",
    ),
    "unknown network": Wrong(
        ("serve", "--network", "mainnet"),
        ("network 'mainnet' is not known", "there are: local, ethereum, base"),
    ),
    "no secret key": Wrong(
        ("serve",), ("EARNEST_SECRET_KEY is not set", "openssl rand -base64 32"), {"EARNEST_SECRET_KEY": None}
    ),
    "malformed secret key": Wrong(
        ("serve",),
        ("EARNEST_SECRET_KEY must be 32 random bytes in base64", "openssl rand -base64 32"),
        {"EARNEST_SECRET_KEY": "hunter2"},
        secret="hunter2",
    ),
    "node URL that is none": Wrong(
        ("serve", "--rpc-url", "node.example/hunter2"),
        ("the node's URL cannot be used", "http://"),
        secret="hunter2",
    ),
    "no deployment": Wrong(
        ("serve",),
        ("no escrow is recorded for local (chain 31337)", "earnest deploy --network local"),
        prepare=lambda folder: (folder / "deployments" / "31337.json").unlink(),
    ),
    "wrong keystore password": Wrong(
        ("serve",),
        ("the keystore operator.json does not open with the password given",),
        {**KEYSTORE, "EARNEST_OPERATOR_KEYSTORE_PASSWORD": "incorrect horse"},
        secret="incorrect horse",
        prepare=keystore,
    ),
    "no keystore password": Wrong(
        ("serve",),
        ("EARNEST_OPERATOR_KEYSTORE needs EARNEST_OPERATOR_KEYSTORE_PASSWORD",),
        {**KEYSTORE},
        prepare=keystore,
    ),
    "operator's key that is none": Wrong(
        ("serve",),
        ("EARNEST_OPERATOR_KEY: the private key is not 64 hexadecimal digits",),
        {"EARNEST_OPERATOR_KEY": "incorrect"},
        secret="incorrect",
    ),
    "keystore that is a program": Wrong(
        ("serve",),
        ("operator.json is no Ethereum keystore", "it is not JSON"),
        {**KEYSTORE, "EARNEST_OPERATOR_KEYSTORE_PASSWORD": PASSWORD},
        prepare=lambda folder: write(folder, b"\x7fELF\x00"),
    ),
    "keystore of another kind": Wrong(
        ("serve",),
        ("operator.json is no Ethereum keystore",),
        {**KEYSTORE, "EARNEST_OPERATOR_KEYSTORE_PASSWORD": PASSWORD},
        prepare=lambda folder: write(folder, b'{"version": 3, "crypto": {"cipher": "rot13"}}'),
    ),
    "mistyped payout": Wrong(
        ("merchant", "create", "A shop", "--payout", MISTYPED),
        (f"{MISTYPED} has a wrong checksum", f"write it as {PAYOUT}"),
        status=2,
    ),
    "days that are no number": Wrong(
        ("merchant", "create", "A shop", "--payout", PAYOUT, "--delivery-days", "nan"),
        ("delivery_days is nan: give a number",),
        status=2,
    ),
    "service that is down": Wrong(
        ("payment", "create", "12.50", "tUSD", "--api-url", NOBODY, "--api-key", "ek_test_x"),
        (f"no answer from {NOBODY}", "Start it", "give its URL (--api-url)"),
    ),
    "service URL that is none": Wrong(
        ("payment", "list", "--api-url", "localhost:8000", "--api-key", "ek_test_x"),
        ("'localhost:8000' is no URL of a service", "http://127.0.0.1:8000"),
        status=2,
    ),
    "API key that is none": Wrong(
        ("payment", "list", "--api-url", NOBODY, "--api-key", "ek_test_hunter2\n"),
        ("the API key has a space or a sign that no key has",),
        status=2,
        secret="hunter2",
    ),
}


@dataclass(frozen=True)
class Run:
    """A command under way, in a folder of its own, and what was in there before."""

    said: Future[Said]
    folder: Path
    before: dict[str, bytes]


def files(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder with its content."""
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> dict[str, Run]:
    """Every command of the table, started in its order."""
    started: dict[str, Run] = {}
    pool = ThreadPoolExecutor(2)
    request.addfinalizer(lambda: pool.shutdown(cancel_futures=True))
    for name, wrong in WRONG.items():
        folder = tmp_path_factory.mktemp("settings")
        env: dict[str, str | None] = {**good_settings(folder), **wrong.env}
        wrong.prepare(folder)
        given = {key: value for key, value in env.items() if value is not None}
        started[name] = Run(pool.submit(earnest, *wrong.command, env=given, cwd=folder), folder, files(folder))
    return started


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_in_a_sentence_and_nothing_is_touched(runs: dict[str, Run], name: str) -> None:
    wrong, run = WRONG[name], runs[name]
    said = run.said.result()
    said.refuses(wrong.status, *wrong.words)
    assert wrong.secret is None or wrong.secret not in said.err
    assert files(run.folder) == run.before
