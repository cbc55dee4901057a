"""What deploying would do and cost, worked out before anyone is asked and anything is spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from earnest.escrow.artifact import Artifact
from earnest.escrow.create2 import (
    PROXY,
    PROXY_RAW_TX,
    PROXY_RUNTIME,
    PROXY_TX_COST_WEI,
    PROXY_TX_GAS_PRICE_WEI,
    PROXY_TX_SENDER,
    create2_address,
    create_address,
)
from earnest.escrow.deployment import Method
from earnest.escrow.errors import DeploymentFailed
from earnest.escrow.node import Fees, Node, Refused
from earnest.payment.primitives import Address

TRANSFER_GAS: Final = 21_000
_PROXY_OVERHEAD_GAS: Final = 30_000
"""The proxy's own work, the salt as call data and the hash of the code, on top of a plain creation."""
_CONSTRUCTOR_GAS: Final = 10_000
"""The constructor copies the code and fills in the chain id; it stores nothing."""


@dataclass(frozen=True, slots=True)
class DeployPlan:
    """What deploying would do and cost at most, for a person to agree to. Amounts are wei.

    `deploys_proxy` says that the deterministic deployment proxy is put there first. With `create` the address depends
    on the payer's nonce, and `why_not_create2` says why it has to.
    """

    chain_id: int
    address: Address
    method: Method
    payer: Address
    gas: int
    max_fee_per_gas_wei: int
    cost_wei: int
    balance_wei: int
    deploys_proxy: bool
    why_not_create2: str | None


def proxy_funding(node: Node) -> int:
    """Return what the sender of the proxy's presigned tx still lacks for it, in wei."""
    return max(0, PROXY_TX_COST_WEI - node.balance(PROXY_TX_SENDER))


class Planner:
    """Asks the node what a plan depends on; sends nothing that could be mined."""

    def __init__(self, node: Node, payer: Address, chain_id: int, artifact: Artifact) -> None:
        self._node, self._payer, self._chain_id, self._artifact = node, payer, chain_id, artifact

    def plan(self, fees: Fees) -> DeployPlan:
        """Return what would be done, at these fees."""
        why_not, deploys_proxy = self._proxy_obstacle(fees)
        method = Method.CREATE2 if why_not is None else Method.CREATE
        gas = self._gas(method)
        cost = gas * fees.max_fee_wei
        if deploys_proxy:
            cost += proxy_funding(self._node) + TRANSFER_GAS * fees.max_fee_wei
        if method is Method.CREATE2:
            address = create2_address(self._artifact.bytecode)
        else:
            address = create_address(self._payer, self._node.nonce(self._payer))
        return DeployPlan(
            chain_id=self._chain_id,
            address=address,
            method=method,
            payer=self._payer,
            gas=gas,
            max_fee_per_gas_wei=fees.max_fee_wei,
            cost_wei=cost,
            balance_wei=self._node.balance(self._payer),
            deploys_proxy=deploys_proxy,
            why_not_create2=why_not,
        )

    def _proxy_obstacle(self, fees: Fees) -> tuple[str | None, bool]:
        """Return why CREATE2 is out of reach (None: it is not), and whether the proxy must be deployed first."""
        code = self._node.code(PROXY)
        if code == PROXY_RUNTIME:
            return None, False
        if code:
            return f"other code than the deterministic deployment proxy's is at {PROXY}", False
        if fees.least_wei > PROXY_TX_GAS_PRICE_WEI:
            return "the proxy is not there, and gas costs more than its presigned tx pays", False
        refusal = self._proxy_refusal()
        return refusal, refusal is None

    def _proxy_refusal(self) -> str | None:
        """Return why the chain does not take a tx that names no chain, or None if it does."""
        if proxy_funding(self._node) == 0:
            return None
        try:
            # The sender has no money for it, so this can only fail; how it fails tells whether the form is accepted.
            self._node.send(PROXY_RAW_TX)
        except Refused as refusal:
            if not _for_want_of_money(refusal):
                return f"the proxy is not there, and the chain does not take its presigned tx ({refusal})"
        return None

    def _gas(self, method: Method) -> int:
        """Return the gas limit: the node's estimate of a plain creation, a tenth more, and the proxy's own work."""
        try:
            plain = self._node.estimate_gas(self._payer, None, self._artifact.bytecode)
        except Refused as refusal:
            if not _for_want_of_money(refusal):
                raise DeploymentFailed(f"the chain would not take the contract ({refusal})") from refusal
            plain = self._computed_gas()
        return plain + plain // 10 + (_PROXY_OVERHEAD_GAS if method is Method.CREATE2 else 0)

    def _computed_gas(self) -> int:
        """Return what the creation needs by the protocol's prices, for nodes that estimate for the rich only.

        Source: EIP-2 (creation), EIP-2028 (call data), EIP-3860 (words of creating code), EIP-170's price of code.
        """
        code, runtime = len(self._artifact.bytecode), len(self._artifact.runtime_bytecode)
        return 53_000 + 16 * code + 2 * (code // 32 + 1) + 200 * runtime + _CONSTRUCTOR_GAS


def _for_want_of_money(refusal: Refused) -> bool:
    """Whether a node refused because the sender has too little; they have no common error code for it."""
    said = str(refusal).lower()
    return "insufficient" in said or "afford" in said
