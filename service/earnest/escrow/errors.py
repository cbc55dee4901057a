"""What can go wrong with the contract's code, its compiler and its deployment; leaves of the one tree in `payment`.

EscrowError
├── ArtifactBroken          the compiled contract that ships in the package cannot be read
├── ArtifactDiffers         compiling the sources again gives something else than what is committed
├── SourcesMissing          no contract sources here (an installed package has none; a checkout does)
├── CompilerMissing         no Solidity compiler of the pinned version was found
├── CompileFailed           the compiler refused the sources
├── NodeUnreachable         the node does not answer; a retry can help
├── ChainMismatch           the node is on another chain than the one that was asked for
├── InsufficientFunds       the deployer cannot pay for the deployment
├── DeploymentRefused       the person who was asked said no
├── DeploymentFailed        the chain did not do what was sent
├── DeploymentRecordBroken  the recorded deployment cannot be read
├── NothingAtAddress        a deployment is recorded, and the chain has no code there
└── CodeMismatch            a deployment is recorded, and the chain has other code there
"""

from __future__ import annotations

from pathlib import Path

from earnest.payment.errors import EarnestError, Misconfigured, Unavailable


class EscrowError(EarnestError):
    """Root of this room's errors."""

    code = "escrow_error"


class ArtifactBroken(EscrowError, Misconfigured):
    """The compiled contract that ships in the package cannot be read."""

    code = "artifact_broken"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"the compiled contract {path} cannot be read ({reason}): install the package again")


class ArtifactDiffers(EscrowError):
    """Compiling the sources again gives something else than what is committed."""

    code = "artifact_differs"

    def __init__(self, differences: list[str]) -> None:
        lines = "".join(f"\n  - {line}" for line in differences)
        super().__init__(f"the committed artifacts are not what the sources compile to:{lines}\nrun `earnest compile`")
        self.differences = differences


class SourcesMissing(EscrowError, Misconfigured):
    """There are no contract sources at the path."""

    code = "sources_missing"

    def __init__(self, path: Path, missing: str) -> None:
        super().__init__(
            f"{missing} is not in {path}: compile in a checkout of the project, after `npm ci` in contracts/"
        )


class CompilerMissing(EscrowError, Misconfigured):
    """No Solidity compiler of the pinned version was found."""

    code = "compiler_missing"

    def __init__(self, version: str, tried: list[str]) -> None:
        lines = "".join(f"\n  - {line}" for line in tried)
        super().__init__(
            f"no Solidity compiler {version} was found. Tried:{lines}\n"
            f"install one of them: `npm ci` in contracts/ (needs Node), or "
            f'`python -c "import solcx; solcx.install_solc({version!r})"`'
        )
        self.tried = tried


class CompileFailed(EscrowError):
    """The compiler refused the sources."""

    code = "compile_failed"


class NodeUnreachable(EscrowError, Unavailable):
    """The node does not answer as a node should."""

    code = "node_unreachable"

    def __init__(self, rpc_url: str, reason: str) -> None:
        super().__init__(f"the node at {rpc_url} does not answer ({reason}): check the address, and that it is up")


class ChainMismatch(EscrowError, Misconfigured):
    """The node is on another chain than the one that was asked for."""

    code = "chain_mismatch"

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"the node is on chain {actual}, and chain {expected} was asked for: check the RPC address")
        self.expected, self.actual = expected, actual


class InsufficientFunds(EscrowError):
    """The deployer cannot pay for the deployment; both amounts are in wei."""

    code = "insufficient_funds"

    def __init__(self, payer: str, balance: int, needed: int) -> None:
        super().__init__(f"{payer} has {balance} wei and needs up to {needed} wei: send it {needed - balance} wei more")
        self.balance, self.needed = balance, needed


class DeploymentRefused(EscrowError):
    """The person who was asked said no; nothing was sent."""

    code = "deployment_refused"

    def __init__(self) -> None:
        super().__init__("not deployed: the plan was refused, and nothing was spent")


class DeploymentFailed(EscrowError):
    """The chain did not do what was sent."""

    code = "deployment_failed"


class DeploymentRecordBroken(EscrowError, Misconfigured):
    """The recorded deployment cannot be read."""

    code = "deployment_record_broken"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"the recorded deployment {path} cannot be read ({reason}): restore it, or remove it and deploy"
        )


class NothingAtAddress(EscrowError, Misconfigured):
    """A deployment is recorded, and the chain has no code there."""

    code = "nothing_at_address"

    def __init__(self, address: str, chain_id: int, record: Path) -> None:
        super().__init__(
            f"{record} says that the escrow is at {address}, and chain {chain_id} has no code there: "
            f"this is another chain with the same id (a wiped one, perhaps). If so, remove the record and deploy again"
        )
        self.address, self.chain_id = address, chain_id


class CodeMismatch(EscrowError, Misconfigured):
    """The chain has other code at the address than the artifact's."""

    code = "code_mismatch"

    def __init__(self, address: str, chain_id: int, reason: str) -> None:
        super().__init__(
            f"the code at {address} on chain {chain_id} is not the escrow of this version: {reason}. "
            f"Send no money there; use the version that deployed it, or deploy this one to a new record"
        )
        self.address, self.chain_id = address, chain_id


class AnotherGenesis(EscrowError, Misconfigured):
    """The code is right, and the chain is another one with the same id all the same."""

    code = "another_genesis"

    def __init__(self, chain_id: int, expected: str, actual: str, record: Path) -> None:
        super().__init__(
            f"another chain, same id: {record} is of a chain {chain_id} with genesis {expected}, "
            f"and the node's genesis is {actual}. If the chain was wiped, remove the record and deploy again"
        )
        self.expected, self.actual = expected, actual
