"""Settings, keys, files and ports that cannot be used: `earnest` refuses to start, says what to mend, breaks nothing."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from eth_account import Account

from earnest.cli.demo.run import account_of
from earnest.payment.primitives import ZERO_HASH
from earnest.store import open_store
from earnest.testing.processes import free_port
from tests.acceptance.bad_input import Shop, database_url, earnest

PAYOUT = "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"
MISTYPED = "0x9965507d1a55bcC2695C58ba16FB37d819B0A4dc"
SECRET_KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="
PASSWORD = "correct horse battery staple"


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Settings with which `serve` would start, on a node that is down."""
    deployments = tmp_path / "deployments"
    deployments.mkdir()
    record = {
        "chain_id": 31337,
        "genesis_hash": ZERO_HASH,
        "address": PAYOUT,
        "method": "create",
        "salt": None,
        "constructor_args": [],
        "artifact_hash": ZERO_HASH,
        "tx_hash": None,
        "block_number": 1,
        "block_hash": ZERO_HASH,
        "deployer": None,
    }
    (deployments / "31337.json").write_text(json.dumps(record))
    return {
        "EARNEST_DATA_DIR": str(tmp_path),
        "EARNEST_SECRET_KEY": SECRET_KEY,
        "EARNEST_RPC_URL": f"http://127.0.0.1:{free_port()}",
        "EARNEST_PORT": "0",
    }


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port of the loopback address on which somebody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


# What is set.


def test_malformed_settings_are_all_named_and_never_repeated(settings: dict[str, str]) -> None:
    wrong = {"EARNEST_PORT": "70000", "EARNEST_MAX_FEE_GWEI": "zero-gwei", "EARNEST_WEBHOOKS_ALLOW_PRIVATE": "perhaps"}
    said = earnest("serve", env=settings | wrong)
    said.refuses(1, "EARNEST_PORT", "65535", "EARNEST_MAX_FEE_GWEI", "EARNEST_WEBHOOKS_ALLOW_PRIVATE")
    assert "zero-gwei" not in said.err, "a value may be a secret"


def test_unknown_network_is_told_with_those_there_are(settings: dict[str, str]) -> None:
    said = earnest("serve", "--network", "mainnet", env=settings)
    said.refuses(1, "network 'mainnet' is not known", "there are: local, ethereum, base")


def test_missing_secret_key_is_asked_for(settings: dict[str, str]) -> None:
    del settings["EARNEST_SECRET_KEY"]
    earnest("serve", env=settings).refuses(1, "EARNEST_SECRET_KEY is not set", "openssl rand -base64 32")


def test_malformed_secret_key_is_not_repeated(settings: dict[str, str]) -> None:
    said = earnest("serve", env=settings | {"EARNEST_SECRET_KEY": "hunter2"})
    said.refuses(1, "EARNEST_SECRET_KEY must be 32 random bytes in base64", "openssl rand -base64 32")
    assert "hunter2" not in said.err


def test_a_node_url_that_is_none_is_not_repeated(settings: dict[str, str]) -> None:
    said = earnest("serve", "--rpc-url", "node.example/secret", env=settings)
    said.refuses(1, "the node's URL cannot be used", "http://")
    assert "secret" not in said.err


def test_a_chain_without_a_deployment_says_how_to_deploy(settings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "deployments" / "31337.json").unlink()
    said = earnest("serve", env=settings)
    said.refuses(1, "no escrow is recorded for local (chain 31337)", "earnest deploy --network local")


# The operator's key.


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keystore, made with few rounds so that it opens at once."""
    path = tmp_path_factory.mktemp("keys") / "operator.json"
    path.write_text(
        json.dumps(Account.encrypt(account_of("operator").private_key, PASSWORD, kdf="pbkdf2", iterations=1_000))
    )
    path.chmod(0o600)
    return path


def test_wrong_keystore_password_is_told_and_not_repeated(settings: dict[str, str], keystore: Path) -> None:
    given = {"EARNEST_OPERATOR_KEYSTORE": str(keystore), "EARNEST_OPERATOR_KEYSTORE_PASSWORD": "incorrect horse"}
    before = keystore.read_bytes()
    said = earnest("serve", env=settings | given)
    said.refuses(1, f"the keystore {keystore} does not open with the password given")
    assert "incorrect horse" not in said.err
    assert keystore.read_bytes() == before


def test_a_keystore_without_its_password_asks_for_it(settings: dict[str, str], keystore: Path) -> None:
    said = earnest("serve", env=settings | {"EARNEST_OPERATOR_KEYSTORE": str(keystore)})
    said.refuses(1, "EARNEST_OPERATOR_KEYSTORE needs EARNEST_OPERATOR_KEYSTORE_PASSWORD")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x7fELF\x00", "it is not JSON"),
        (b'{"version": 3, "crypto": {"cipher": "rot13"}}', "is no Ethereum keystore"),
    ],
)
def test_a_keystore_that_is_none_is_refused(settings: dict[str, str], tmp_path: Path, content: bytes, why: str) -> None:
    wrong = tmp_path / "not-a-keystore.json"
    wrong.write_bytes(content)
    given = {"EARNEST_OPERATOR_KEYSTORE": str(wrong), "EARNEST_OPERATOR_KEYSTORE_PASSWORD": PASSWORD}
    earnest("serve", env=settings | given).refuses(1, str(wrong), why)


# Ports and files that others have.


@pytest.mark.parametrize("command", ["serve", "chain"])
def test_a_port_in_use_is_told_before_any_file_is_touched(
    settings: dict[str, str], tmp_path: Path, busy_port: int, command: str
) -> None:
    before = sorted(tmp_path.iterdir())
    said = earnest(command, "--port", str(busy_port), env=settings)
    said.refuses(1, f"port {busy_port} on 127.0.0.1 is in use", "another")
    assert sorted(tmp_path.iterdir()) == before


def test_a_second_serve_on_one_file_points_to_postgresql(shop: Shop, settings: dict[str, str]) -> None:
    folder = shop.stack.data_dir
    taken = {"EARNEST_DATA_DIR": str(folder), "EARNEST_RPC_URL": shop.stack.node_url}
    said = earnest("serve", env=settings | taken)
    said.refuses(1, f"another process already works on {folder / 'earnest.db'}", "stop that one, or use PostgreSQL")


def test_a_second_chain_on_one_file_names_the_first(shop: Shop) -> None:
    assert shop.stack.chain is not None
    said = earnest("chain", "--port", "0", "--data-dir", str(shop.stack.data_dir))
    said.refuses(1, f"{shop.stack.data_dir / 'chain.db'} is in use by process {shop.stack.chain.pid}", "stop that one")


# The database.


def dump(path: Path) -> list[str]:
    """Return all that an SQLite file holds."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@pytest.fixture
def used_file(shared_shop: Shop, tmp_path: Path) -> Path:
    """A copy of a database that holds something."""
    copy = tmp_path / "earnest.db"
    with (
        closing(sqlite3.connect(shared_shop.stack.data_dir / "earnest.db")) as source,
        closing(sqlite3.connect(copy)) as to,
    ):
        source.backup(to)
    return copy


def test_a_database_of_a_newer_schema_is_left_as_it_is(settings: dict[str, str], used_file: Path) -> None:
    with closing(sqlite3.connect(used_file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = dump(used_file)
    for command in (("serve",), ("db", "upgrade")):
        said = earnest(*command, env=settings)
        said.refuses(1, "the database has schema 9999", "start the newer Earnest", "restore a backup")
    assert dump(used_file) == before


def test_a_file_that_is_no_database_is_left_as_it_is(settings: dict[str, str], tmp_path: Path) -> None:
    letter = b"Dear customer, this is no database. " * 100
    (tmp_path / "earnest.db").write_bytes(letter)
    earnest("serve", env=settings).refuses(
        1, "earnest.db", "is not a database", "name another file, or restore a backup"
    )
    assert (tmp_path / "earnest.db").read_bytes() == letter


def test_a_read_only_sqlite_file_says_so(settings: dict[str, str], used_file: Path) -> None:
    locked = used_file.parent / "locked"
    locked.mkdir()
    file = Path(shutil.move(used_file, locked))
    before = dump(file)
    file.chmod(0o444)
    locked.chmod(0o555)
    try:
        url = {"EARNEST_DATABASE_URL": f"sqlite:///{file}"}
        earnest("serve", obey_permissions=True, env=settings | url).refuses(
            1, str(file), "can be read and not written", "permissions"
        )
    finally:
        locked.chmod(0o755)
    assert dump(file) == before


def test_a_read_only_postgresql_says_so(settings: dict[str, str], postgres_url: str) -> None:
    with closing(open_store(postgres_url)) as store:
        store.upgrade()
    with psycopg.connect(postgres_url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    said = earnest("serve", env=settings | {"EARNEST_DATABASE_URL": postgres_url})
    said.refuses(1, name, "can be read and not written", "a standby, or set to read only")


# The command line's own arguments.


def test_a_mistyped_address_is_refused_with_the_right_spelling(settings: dict[str, str], tmp_path: Path) -> None:
    said = earnest("merchant", "create", "A shop", "--payout", MISTYPED, env=settings)
    said.refuses(2, f"{MISTYPED} has a wrong checksum", f"write it as {PAYOUT}")
    assert not (tmp_path / "earnest.db").exists()


def test_a_merchant_whom_no_payment_could_pay_is_refused(shop: Shop, tmp_path: Path) -> None:
    there = {"EARNEST_DATA_DIR": str(shop.stack.data_dir)}
    with closing(open_store(database_url(shop.stack.data_dir))) as store, store.read() as tx:
        before = tx.merchants.list()
    said = earnest("merchant", "create", "A shop", "--payout", PAYOUT, "--delivery-days", "401", env=there)
    said.refuses(2, "delivery_period is 34646400: it must be from 1 to 34560000 seconds")
    said = earnest("merchant", "create", "A shop", "--payout", PAYOUT, "--delivery-days", "nan", env=there)
    said.refuses(2, "delivery_days is nan: give a number")
    with closing(open_store(database_url(shop.stack.data_dir))) as store, store.read() as tx:
        assert tx.merchants.list() == before


def test_a_service_that_is_down_is_told_with_its_address() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    said = earnest("payment", "create", "12.50", "tUSD", "--api-url", url, "--api-key", "ek_test_x")
    said.refuses(1, f"no answer from {url}", "start the service, or give its URL (--api-url)")


def test_an_api_key_that_cannot_be_one_is_not_repeated() -> None:
    said = earnest("payment", "list", "--api-key", "ek_test_secret\n", "--api-url", "http://127.0.0.1:1")
    said.refuses(2, "the API key has a space or a sign that no key has")
    assert "secret" not in said.err
