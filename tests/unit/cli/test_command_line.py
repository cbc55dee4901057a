"""The command line with no process and no chain behind it: help, the host's commands, mistakes in a sentence."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from earnest.cli.app import EXIT_FAILED, EXIT_USAGE, run
from earnest.cli.console import with_times
from earnest.cli.listening import Breaks
from earnest.commands.team_roles import TEAM_ROLES
from earnest.payment.errors import TooEarly, TooLate
from earnest.settings import InvalidSettings, load_settings

PAYOUT = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
OPERATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
ARBITER = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
PAYMENT = "0x" + "ab" * 32
COMMANDS = [
    *("listen", "trigger", "chain advance", "chain mine", "chain reorg"),
    *("demo", "dev", "chain", "compile", "deploy", "serve", "follow", "send", "deliver", "doctor", "verify"),
    *("merchant create", "merchant list", "merchant tell", "key create", "key list", "key revoke", "db upgrade"),
    *(f"payment {verb}" for verb in ("create", "show", "list", "timeline", "confirm-delivery", "refund")),
    *(f"payment {verb}" for verb in ("fund", "release", "reclaim", "dispute", "resolve", "withdraw")),
    *(f"payment {verb}" for verb in ("confirm-delivery-many", "release-many", "collect", "repay", "dismiss-operator")),
    *(f"payment {verb}" for verb in ("sign-receipt", "release-with-receipt")),
    *(f"payment {verb}" for verb in ("sign-authorization", "fund-with-authorization")),
]


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the developer's own settings out, and wide lines unbroken."""
    for name in ("EARNEST_API_KEY", "EARNEST_WALLET_KEY", "EARNEST_SECRET_KEY", "EARNEST_RPC_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EARNEST_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run a command that succeeds and return the JSON that it printed."""
    assert run(list(arguments)) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_worth_reading(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert f"Usage: earnest {command}" in text
    assert len(text) > 300


def test_the_commands_above_are_all_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--help"])
    text = capsys.readouterr().out
    groups = {command.split()[0] for command in COMMANDS}
    assert all(f" {group} " in text for group in groups)


def test_a_merchant_and_a_key_are_made_listed_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    parties = ["--payout", PAYOUT, "--operator", OPERATOR, "--arbiter", ARBITER]
    merchant = told(capsys, "merchant", "create", "A shop", *parties)
    assert (merchant["payout"], merchant["dispute_window"]) == (PAYOUT, 72 * 3_600)
    key = told(capsys, "key", "create", merchant["id"], "--scope", "payments:read", "--days", "1")
    assert key["key"].startswith("ek_test_")
    listed = told(capsys, "key", "list", merchant["id"])
    assert [each["id"] for each in listed] == [key["id"]]
    assert key["key"] not in json.dumps(listed)
    assert run(["key", "revoke", merchant["id"], key["id"]]) == 0
    capsys.readouterr()
    assert told(capsys, "key", "list", merchant["id"])[0]["revoked_at"] is not None
    assert [each["id"] for each in told(capsys, "merchant", "list")] == [merchant["id"]]


def test_a_key_is_made_by_a_role(capsys: pytest.CaptureFixture[str]) -> None:
    parties = ["--payout", PAYOUT, "--operator", OPERATOR, "--arbiter", ARBITER]
    merchant = told(capsys, "merchant", "create", "A shop", *parties)["id"]
    for role, scopes in TEAM_ROLES.items():
        made = told(capsys, "key", "create", merchant, "--role", role)
        assert (made["role"], made["scopes"]) == (role, sorted(scopes))
    assert {each["role"] for each in told(capsys, "key", "list", merchant)} == set(TEAM_ROLES)
    for wrong in (["--role", "boss"], ["--role", "owner", "--scope", "payments:read"]):
        assert run(["key", "create", merchant, *wrong]) == EXIT_USAGE
        assert "role" in capsys.readouterr().err


def test_a_key_is_called_what_its_maker_says(capsys: pytest.CaptureFixture[str]) -> None:
    merchant = told(capsys, "merchant", "create", "A shop", "--payout", PAYOUT)["id"]
    assert told(capsys, "key", "create", merchant, "--name", " Ann [bold]<b> ")["name"] == "Ann [bold]<b>"
    assert told(capsys, "key", "create", merchant)["name"] is None
    assert {each["name"] for each in told(capsys, "key", "list", merchant)} == {"Ann [bold]<b>", None}
    for wrong in ("", "n" * 65, "An\x1b[2Jn"):
        assert run(["key", "create", merchant, "--name", wrong]) == EXIT_USAGE
        assert "a key's name has" in capsys.readouterr().err
    assert len(told(capsys, "key", "list", merchant)) == 2


def test_a_merchants_rule_when_he_is_told_is_set_with_the_account_and_changed_later(
    capsys: pytest.CaptureFixture[str],
) -> None:
    steps = [f"{PAYOUT}:safe:5", f"{PAYOUT}:final:6"]
    merchant = told(capsys, "merchant", "create", "A shop", "--payout", PAYOUT, "--tell", steps[1], "--tell", steps[0])
    assert merchant["tell"] == steps
    assert told(capsys, "merchant", "tell", merchant["id"], "*:final:0")["tell"] == ["*:final:0"]
    assert told(capsys, "merchant", "list")[0]["tell"] == ["*:final:0"]
    assert told(capsys, "merchant", "tell", merchant["id"], "--at-once")["tell"] == []
    assert told(capsys, "merchant", "list")[0] == merchant | {"tell": []}


def test_a_merchant_without_an_arbiter_has_no_dispute_window(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "merchant", "create", "A shop", "--payout", PAYOUT)["dispute_window"] == 0


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["merchant", "create", "A shop", "--payout", PAYOUT.replace("C4", "c4")], EXIT_USAGE, "wrong checksum"),
        (["merchant", "create", "A shop", "--payout", "0x12"], EXIT_USAGE, "'0x12' is no address"),
        (["merchant", "create", "A shop", "--payout", PAYOUT, "--delivery-days", "500"], EXIT_USAGE, "delivery_period"),
        (["merchant", "create", "A shop", "--payout", PAYOUT, "--arbiter", PAYOUT], EXIT_USAGE, "arbiter"),
        (["merchant", "create", "A shop", "--payout", PAYOUT, "--tell", "final"], EXIT_USAGE, "TOKEN:FINALITY:AMOUNT"),
        (["merchant", "tell", "mer_1"], EXIT_USAGE, "--at-once"),
        (["merchant", "tell", "mer_1", "*:final:0", "--at-once"], EXIT_USAGE, "--at-once"),
        (["merchant", "tell", "mer_nobody", "--at-once"], EXIT_FAILED, "no merchant mer_nobody"),
        (["key", "create", "mer_nobody"], EXIT_FAILED, "no merchant mer_nobody"),
        (["key", "list", "mer_nobody"], EXIT_FAILED, "no merchant mer_nobody"),
        (["payment", "list"], EXIT_USAGE, "EARNEST_API_KEY"),
        (["payment", "show", "0x12"], EXIT_USAGE, "'0x12' is no 32-byte value"),
        (["deploy", "--network", "nowhere"], EXIT_FAILED, "network 'nowhere' is not known; there are: local"),
        (["deploy", "--network", "base"], EXIT_FAILED, "no endpoint for base"),
        (["nonsense"], EXIT_USAGE, "No such command"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == status
    spoken = capsys.readouterr()
    assert says in spoken.err + spoken.out
    assert "Traceback" not in spoken.err


def test_a_setting_that_cannot_be_used_is_named_without_its_value(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARNEST_PORT", "secret-99")
    assert run(["merchant", "list"]) == EXIT_FAILED
    spoken = capsys.readouterr().err
    assert "EARNEST_PORT" in spoken
    assert "secret-99" not in spoken


def test_a_setting_that_is_misspelt_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EARNEST_DATABSE_URL", "postgresql+psycopg://passw0rd")
    assert run(["merchant", "list"]) == EXIT_FAILED
    told = capsys.readouterr().err
    assert "EARNEST_DATABSE_URL" in told
    assert "EARNEST_DATABASE_URL is most likely what was meant" in told
    assert "passw0rd" not in told


def test_what_other_programs_are_told_is_no_misspelt_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        *("API_KEY", "API_URL", "WALLET_KEY", "DEPLOYER_KEY", "WEBHOOK_SECRET", "SERVICE_HOST", "LOG_LEVEL"),
        *("DATABASE_USER", "DEV_DATABASE_URL", "OPERATOR_TOKEN", "OPERATOR_ENV", "SECRET_KEY_OLD", "RPC_URL_2"),
        *("SECRET_KEY_FILE", "OPERATOR_KEYSTORE_PASSWORD_FILE", "PORT_8000_TCP_ADDR", "1_PORT"),
    ):
        monkeypatch.setenv(f"EARNEST_{name}", "something")
    assert load_settings().network == "local"


@pytest.mark.parametrize("name", ["HSOT", "HOSTS", "PRT", "NETWORC", "rpc_urls", "OPERATOR_KEYSTORE_PASWORD"])
def test_one_letter_or_two_neighbours_make_a_setting_misspelt(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"EARNEST_{name}", "something")
    with pytest.raises(InvalidSettings, match=f"EARNEST_{name.upper()}"):
        load_settings()


@pytest.mark.parametrize("command", [["deploy"], ["payment", "fund", PAYMENT], ["payment", "sign-receipt", PAYMENT]])
def test_a_keystore_that_is_none_is_told_before_its_password_is_asked_for(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    monkeypatch.delenv("EARNEST_DEPLOYER_PASSWORD", raising=False)
    nothing, nonsense = tmp_path / "nope", tmp_path / "nonsense"
    nonsense.write_text("{}")
    for path, says in (
        (nothing, "cannot be read: No such file"),
        (nonsense, "is no keystore"),
        (tmp_path, "directory"),
    ):
        assert run([*command, "--keystore", str(path)]) == EXIT_USAGE
        spoken = capsys.readouterr()
        assert says in spoken.err
        assert "Password" not in spoken.err


def test_a_flag_that_is_given_several_times_names_several_endpoints() -> None:
    settings = load_settings(rpc_url=["http://one.example", "http://two.example,http://three.example"])
    assert settings.chosen_network().rpc_urls == ("http://one.example", "http://two.example", "http://three.example")
    assert load_settings(rpc_url=[]).chosen_network().rpc_urls == load_settings().chosen_network().rpc_urls


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (str(TooEarly("release", 1_763_818_917, 1_763_900_000)), "from 1763900000 (2025-11-23 12:13:20 UTC) on; chain"),
        (str(TooLate("dispute", 1_763_818_917, 1_763_800_000)), "chain time is 1763818917 (2025-11-22 13:41:57 UTC)"),
        ("the amount is 1763818917", "the amount is 1763818917"),
        ("has 1763818917 base units", "has 1763818917 base units"),
    ],
)
def test_times_in_an_error_are_told_as_people_read_them(words: str, told: str) -> None:
    assert told in with_times(words)


def test_doctor_names_the_entry_of_the_audit_log_that_was_altered(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    parties = ["--payout", PAYOUT, "--operator", OPERATOR, "--arbiter", ARBITER]
    merchant = told(capsys, "merchant", "create", "A shop", *parties)
    told(capsys, "key", "create", merchant["id"])
    run(["doctor"])
    assert "audit log: 2 entries, whole; the last is " in capsys.readouterr().out
    with closing(sqlite3.connect(tmp_path / "data" / "earnest.db")) as database:
        database.execute("UPDATE audit_log SET actor = 'nobody' WHERE number = 1")
        database.commit()
    assert run(["doctor"]) == EXIT_FAILED
    assert "audit log: entry 1 of the audit log was altered after it was written" in capsys.readouterr().out


def test_a_stream_that_stays_away_is_told_once_and_so_is_that_it_is_back(capsys: pytest.CaptureFixture[str]) -> None:
    breaks = Breaks()
    breaks.opened()
    for _ in range(3):
        breaks.broke(ConnectionError("nobody there"))
    breaks.opened()
    breaks.broke(ConnectionError("gone again"))
    assert capsys.readouterr().err.splitlines() == [
        "the stream broke off (nobody there); coming back",
        "the stream is back",
        "the stream broke off (gone again); coming back",
    ]
