"""What is fixed about the embedded chain, known without loading py-evm."""

CHAIN_ID = 31337
"""The number that development chains of this kind share; wallets know it."""

BLOCK_GAS_LIMIT = 30_000_000
"""As anvil's default: a whole payment's tx fits some four hundred times."""

DEPLOYMENT_PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""The deterministic deployment proxy (CREATE2 with the salt in front of the code), at its address on every chain."""
