"""`earnest compile` and `earnest deploy`: the contract, from its sources to a chain."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earnest.cli.console import err, say, show_json
from earnest.cli.keystores import check_keystore, open_keystore
from earnest.cli.panels import CONTRACT
from earnest.cli.serve import RPC_URL
from earnest.payment.errors import InvalidInput
from earnest.settings import Network, load_settings

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from earnest.escrow.deploy import DeployPlan

WEI = 10**18
GWEI = 10**9


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="compile", rich_help_panel=CONTRACT)(compile_command)
    app.command(name="deploy", rich_help_panel=CONTRACT)(deploy_command)


def compile_command(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing: fail if compiling gives other bytes than those committed.")
    ] = False,
) -> None:
    """Compile the contracts with the pinned compiler and write the artifacts that the package ships.

    Needs a checkout and a compiler; whoever uses or runs Earnest needs neither, for the artifact is in the package.
    """
    from earnest.escrow.compile import check as check_artifacts  # noqa: PLC0415
    from earnest.escrow.compile import compile_contracts, write_artifacts  # noqa: PLC0415

    with err.status("compiling …"):
        if check:
            check_artifacts()
            changed = None
        else:
            changed = write_artifacts(compile_contracts())
    if changed is None:
        say("the committed artifacts are what the sources compile to, byte for byte")
    else:
        say(f"written: {', '.join(str(path) for path in changed)}" if changed else "nothing changed")


def deploy_command(
    network: Annotated[str | None, typer.Option(help="A chain of networks.toml.", show_default="local")] = None,
    rpc_url: RPC_URL = None,
    keystore: Annotated[
        Path | None,
        typer.Option(help="The payer's keystore (its password: EARNEST_DEPLOYER_PASSWORD, or asked for)."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Spend without asking.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Where files are kept.", show_default=".earnest")] = None,
) -> None:
    """Put the escrow on a chain, at the same address everywhere, and record it; safe to run again.

    Where it is recorded already, the code at the address is verified instead, and nothing is spent. The payer's key
    comes from --keystore or EARNEST_DEPLOYER_KEY; it gets no rights by deploying, for the contract has no owner.
    """
    from earnest.escrow.deploy import deploy  # noqa: PLC0415 (web3 takes its time to load)
    from earnest.wiring import reach_node  # noqa: PLC0415

    if keystore is not None:
        check_keystore(keystore)
    settings = load_settings(network=network, rpc_url=rpc_url, data_dir=data_dir)
    chain = settings.chosen_network()
    reach_node(chain).close()
    folder = settings.deployments(chain)
    with err.status(f"deploying to {chain.name} …") as status:

        def confirm(plan: DeployPlan) -> bool:
            status.stop()
            _show_plan(plan, chain)
            return yes or typer.confirm("Spend it?", err=True)

        deployment = deploy(chain.rpc_urls[0], _payer(chain, keystore), chain.chain_id, confirm, folder)
    say(f"the escrow is at {deployment.address} on {chain.name}, recorded in {folder / f'{chain.chain_id}.json'}")
    show_json({"address": deployment.address, "chain_id": deployment.chain_id, "block_number": deployment.block_number})


def _show_plan(plan: DeployPlan, network: Network) -> None:
    coin = network.coin.symbol
    say(f"chain      {network.name} ({plan.chain_id})")
    say(f"address    {plan.address} ({plan.method})")
    if plan.why_not_create2:
        say(f"           not at the address that it has elsewhere: {plan.why_not_create2}")
    say(f"payer      {plan.payer} with {plan.balance_wei / WEI:.6f} {coin}")
    say(f"gas        {plan.gas:,} at up to {plan.max_fee_per_gas_wei / GWEI:.3f} gwei")
    say(f"at most    {plan.cost_wei / WEI:.6f} {coin}" + (", the deployment proxy included" * plan.deploys_proxy))


def _payer(network: Network, keystore: Path | None) -> LocalAccount:
    from earnest.chain.signer import LocalSigner  # noqa: PLC0415
    from earnest.localnet.accounts import dev_accounts  # noqa: PLC0415

    if keystore is not None:
        return open_keystore(keystore, "EARNEST_DEPLOYER_PASSWORD").account
    if key := os.environ.get("EARNEST_DEPLOYER_KEY"):
        return LocalSigner.from_key(key).account
    if network.is_local:
        return LocalSigner.from_key(dev_accounts()[0].private_key).account
    raise InvalidInput("who pays? give --keystore FILE, or EARNEST_DEPLOYER_KEY in the environment")
