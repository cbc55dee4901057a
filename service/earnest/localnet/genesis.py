"""Block 0: the funded accounts, and the contracts that wallets and deployers take for granted."""

from typing import Any

from eth.constants import POST_MERGE_DIFFICULTY, POST_MERGE_MIX_HASH, POST_MERGE_NONCE
from eth.typing import AccountDetails, AccountState
from eth_typing import Address

from earnest.localnet.accounts import DEV_BALANCE_WEI, DEV_MNEMONIC, dev_accounts
from earnest.localnet.facts import BLOCK_GAS_LIMIT, DEPLOYMENT_PROXY

DEPLOYMENT_PROXY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b"
    "8082525050506014600cf3"
)
"""The runtime code of the deterministic deployment proxy, as found on the main network and preinstalled by anvil."""


def genesis_state() -> AccountState:
    """Return py-evm's account state for block 0; eth-tester derives the accounts from the mnemonic."""
    from eth_tester import PyEVMBackend  # noqa: PLC0415 (only a fresh chain needs it)

    state: dict[Address, AccountDetails] = PyEVMBackend.generate_genesis_state(
        mnemonic=DEV_MNEMONIC,
        num_accounts=len(dev_accounts()),
        overrides={"balance": DEV_BALANCE_WEI},
        hd_path="m/44'/60'/0'/0",
    )
    proxy_address = bytes.fromhex(DEPLOYMENT_PROXY[2:])
    proxy: AccountDetails = {"balance": 0, "nonce": 1, "code": DEPLOYMENT_PROXY_CODE, "storage": {}}
    return state | {Address(proxy_address): proxy}


def genesis_header_fields(timestamp: int) -> dict[str, Any]:
    """Return the header fields of block 0 at `timestamp` (Unix seconds), after the merge."""
    return {
        "difficulty": POST_MERGE_DIFFICULTY,
        "mix_hash": POST_MERGE_MIX_HASH,
        "nonce": POST_MERGE_NONCE,
        "gas_limit": BLOCK_GAS_LIMIT,
        "timestamp": timestamp,
    }
