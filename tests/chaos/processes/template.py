"""What every run begins with, made once: a chain with the contracts and rich people on it, and an empty database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from earnest.chain.signer import LocalSigner
from earnest.escrow.deploy import deploy
from earnest.escrow.deployment import load_deployment
from earnest.localnet.accounts import dev_accounts
from earnest.localnet.tokens import BLOCKLIST_TOKEN_ADDRESS, TEST_TOKEN_ADDRESS, install_test_tokens
from earnest.payment.money import Token
from earnest.payment.primitives import Address
from earnest.store import open_store
from earnest.testing.processes import free_port
from earnest.webhooks.secretbox import new_key
from tests.chaos.inprocess.world import COIN, EVERYBODY, INFINITE, OPERATOR, RICHES
from tests.chaos.processes.chain import DirectChain
from tests.chaos.processes.forks import Fork
from tests.support.evm import call_data

CHAIN_ID = 31337
DATABASE = "earnest.db"
WEI = 10**24


@dataclass(frozen=True)
class Template:
    """A data folder to be copied."""

    folder: Path
    secret_key: str

    chain_id = CHAIN_ID
    tokens = (
        COIN,
        Token(Address(TEST_TOKEN_ADDRESS), "tUSD", 6),
        Token(Address(BLOCKLIST_TOKEN_ADDRESS), "bUSD", 6),
    )

    @cached_property
    def escrow(self) -> Address:
        deployment = load_deployment(self.folder / "deployments", CHAIN_ID)
        assert deployment is not None
        return deployment.address

    def copied(self, to: Path) -> Path:
        return Path(shutil.copytree(self.folder, to))

    def settings(self, folder: Path, rpc_url: str) -> Mapping[str, str]:
        """Return the environment of chain and service."""
        return {
            "EARNEST_DATA_DIR": str(folder),
            "EARNEST_NETWORK": "local",
            "EARNEST_RPC_URL": rpc_url,
            "EARNEST_SECRET_KEY": self.secret_key,
            "EARNEST_OPERATOR_KEY": OPERATOR.key.to_hex(),
            "EARNEST_WEBHOOKS_ALLOW_PRIVATE": "true",
        }


def make_template(folder: Path) -> Template:
    """Make it: some seconds of work."""
    folder.mkdir()
    template = Template(folder, new_key(os.urandom(32)))
    port = free_port()
    chain = DirectChain(f"http://127.0.0.1:{port}")
    process = Fork("the chain", ("chain", "--port", str(port)), template.settings(folder, chain.url), folder / "log")
    process.start()
    try:
        process.wait(chain.answers)
        install_test_tokens(chain.url)
        deployer = LocalSigner.from_key(dev_accounts()[0].private_key).account
        deploy(chain.url, deployer, CHAIN_ID, lambda _plan: True, folder / "deployments")
        _enrich(chain, template)
    finally:
        process.kill()
        chain.http.close()
    with closing(open_store(f"sqlite:///{folder / DATABASE}")) as store:
        store.upgrade()
    return template


def _enrich(chain: DirectChain, template: Template) -> None:
    for person in EVERYBODY:
        chain.ask("anvil_setBalance", person.address, hex(WEI))
    for token, minter in zip(template.tokens[1:], (dev_accounts()[0], dev_accounts()[-1]), strict=True):
        for person in EVERYBODY:
            data = call_data("mint(address,uint256)", person.address, RICHES)
            minted = {"from": minter.address, "to": token.address, "data": "0x" + data.hex(), "gas": hex(200_000)}
            chain.ask("eth_sendTransaction", minted)
            if person is not OPERATOR:  # his nonces are what is judged
                allowed = call_data("approve(address,uint256)", template.escrow, INFINITE)
                chain.send(chain.tx(person, token.address, allowed))
