"""`earnest backup` and `earnest restore` as a host runs them: a disk is lost, and the service goes on elsewhere."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from earnest.chain.rpc import Rpc
from earnest.payment.primitives import Address
from earnest.testing.stack import LocalStack
from tests.acceptance.forked import run
from tests.integration.chain.conftest import Town

PATIENCE_SECONDS = 120.0


def earnest(stack: LocalStack, *arguments: str) -> tuple[int, str]:
    """Run a command with the stack's settings; returns its status and all that it said."""
    _, settings = stack.child_settings("command")
    status, out, err = run(arguments, settings, stack.data_dir, stack.data_dir, PATIENCE_SECONDS)
    return status, out + err


def test_a_host_who_lost_his_disk_goes_on_elsewhere(tmp_path: Path) -> None:
    with LocalStack(tmp_path / "here") as here, closing(Rpc(here.node_url)) as rpc:
        town = Town(here.node_url, rpc, Address(here.deployment.address), here.deployment.block_number)
        assert town.fund(town.terms(1)) is not None
        here.wait_caught_up()
        file = tmp_path / "backup"
        status, said = earnest(here, "backup", str(file))
        assert (status, "rows" in said, file.stat().st_mode & 0o777) == (0, True, 0o600), said
        assert earnest(here, "restore", str(file))[0] == 1, "this database is in use"
        # What happens after the backup has to be found by whoever restores it.
        assert town.fund(town.terms(2)) is not None
        here.service.stop()
        there = LocalStack(tmp_path / "there", rpc_url=here.node_url)
        (there.data_dir / "secret.key").write_text((here.data_dir / "secret.key").read_text())
        there.install_contract()
        status, said = earnest(there, "restore", str(file))
        assert (status, "restored as of" in said) == (0, True), said
        there.start_service()
        try:
            there.wait_caught_up()
            status, said = earnest(there, "rebuild", "--dry-run")
            assert (status, "to the last byte" in said) == (0, True), said
            status, said = earnest(there, "reconcile", "--json")
            assert (status, json.loads(said[: said.rindex("}") + 1])["payments"]) == (0, 2), said
        finally:
            there.service.stop()


def test_a_damaged_file_is_refused_by_name_before_anything_is_written(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path / "new", rpc_url="http://127.0.0.1:1")
    file = tmp_path / "backup"
    status, said = earnest(stack, "backup", str(file))
    assert status == 0, said
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    file.write_bytes(damaged)
    status, said = earnest(stack, "restore", str(file))
    assert (status, f"{file} is damaged at byte" in " ".join(said.split())) == (2, True), said
    status, said = earnest(stack, "restore", str(tmp_path / "nowhere"))
    assert (status, "No such file" in said) == (1, True), said
