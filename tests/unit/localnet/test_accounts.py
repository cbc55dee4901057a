from __future__ import annotations

import subprocess
import sys

from eth_account import Account

from earnest.localnet.accounts import DEV_MNEMONIC, dev_accounts


def test_accounts_are_those_of_the_mnemonic() -> None:
    Account.enable_unaudited_hdwallet_features()
    for index, account in enumerate(dev_accounts()):
        derived = Account.from_mnemonic(DEV_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
        assert (account.address, account.private_key) == (derived.address, "0x" + bytes(derived.key).hex())
    assert len(dev_accounts()) == 10


def test_accounts_and_tokens_are_there_without_the_optional_packages() -> None:
    # In a process of its own, since this one may have loaded them already.
    program = (
        "import sys, earnest.localnet.accounts, earnest.localnet.tokens\n"
        "assert not {'eth', 'eth_tester'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
