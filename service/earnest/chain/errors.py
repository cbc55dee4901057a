"""What can go wrong with a chain, as leaves of the tree in `earnest.payment.errors`.

Misconfigured
├── ChainMismatch               the node is on another chain than configured
├── GenesisChanged              the same chain id, but another chain: it was wiped
├── BadNodeUrl                  not an http(s) URL
└── KeyUnusable                 a signer cannot be opened
    ├── WrongPassword           the keystore does not open with this password
    └── NotAKeystore            the file is there, but is no keystore
Unavailable
├── NodeUnavailable             no answer, or none that is JSON-RPC
│   ├── NodeTimeout             no answer in time
│   ├── RateLimited             asked too often
│   ├── AnswerTooLarge          the answer is larger than we read
│   ├── MalformedAnswer         an answer that is no JSON-RPC, or not of the method's shape
│   ├── SubscriptionLost        new heads are no longer told
│   └── SubscriptionRefused     new heads are not told at this URL at all
├── RpcError                    the node answered with an error; keeps code, message and data
├── NodeBehind                  the node does not have a block yet that we ask about
├── MirrorMoved                 somebody else has written to the mirror since it was looked at
└── OperatorOutOfGasMoney       the signer's account cannot pay for the tx
ChainDisagrees
├── MalformedLog                a log that the escrow cannot have written
├── UnknownEvent                a log of the escrow under a topic that we do not know
├── HeadersDisagree             headers that do not follow one another
├── HeaderForged                a header whose fields do not hash to its hash
├── LogsDisagree                logs that do not fit their block
├── EndpointsDisagree           two endpoints tell different blocks of a height that is final for both
└── ReorgPastFinality           a block that was final is no longer on the node's chain
Conflict
├── NoContract                  nothing stands at the address that is to be called
├── TxWouldRevert               the contract refuses; carries its reason
└── TooMuchGas                  the tx would burn more gas than we pay for
"""

from __future__ import annotations

from collections.abc import Mapping

from earnest.payment.errors import ChainDisagrees, Conflict, Misconfigured, Unavailable


class ChainMismatch(Misconfigured):
    """The node is on another chain than configured."""

    code = "chain_mismatch"

    def __init__(self, endpoint: str, expected: int, actual: int) -> None:
        super().__init__(f"the node at {endpoint} is on chain {actual}; configured is chain {expected}")
        self.expected, self.actual = expected, actual


class GenesisChanged(Misconfigured):
    """The same chain id, but another chain: a test chain was wiped, most likely."""

    code = "genesis_changed"

    def __init__(self, chain_id: int, expected: str, actual: str) -> None:
        super().__init__(
            f"another chain, same id: chain {chain_id} was followed from genesis {expected}, "
            f"and the node has {actual}; point at the former chain, or start with an empty database"
        )
        self.expected, self.actual = expected, actual


class BadNodeUrl(Misconfigured):
    """Not a URL at which a node could be asked; the URL is not repeated, since it may hold a secret."""

    code = "bad_node_url"

    def __init__(self, why: str) -> None:
        super().__init__(f"the node's URL cannot be used: {why}")


class KeyUnusable(Misconfigured):
    """A signer's key cannot be opened."""

    code = "key_unusable"


class WrongPassword(KeyUnusable):
    """The keystore does not open with this password."""

    code = "wrong_password"

    def __init__(self, path: object) -> None:
        super().__init__(f"the keystore {path} does not open with the password given")


class NotAKeystore(KeyUnusable):
    """The file is there, but is no Ethereum keystore (Web3 Secret Storage, version 3)."""

    code = "not_a_keystore"

    def __init__(self, path: object, why: str) -> None:
        super().__init__(f"{path} is no Ethereum keystore: {why}")


class NodeUnavailable(Unavailable):
    """No answer from the node, or none that is JSON-RPC. `endpoint` is its host, never the whole URL."""

    code = "node_unavailable"

    def __init__(self, endpoint: str, why: str) -> None:
        super().__init__(f"the node at {endpoint} {why}")
        self.endpoint = endpoint


class NodeTimeout(NodeUnavailable):
    """No answer in time."""

    code = "node_timeout"


class RateLimited(NodeUnavailable):
    """The node says that it is asked too often; `retry_after_seconds` is its own wish, if it told one."""

    code = "node_rate_limited"

    def __init__(self, endpoint: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(endpoint, "says that it is asked too often")
        self.retry_after_seconds = retry_after_seconds


class AnswerTooLarge(NodeUnavailable):
    """The answer is larger than we read."""

    code = "node_answer_too_large"


class MalformedAnswer(NodeUnavailable):
    """An answer that is no JSON-RPC, or that does not have the shape of its method."""

    code = "node_malformed_answer"


class SubscriptionLost(NodeUnavailable):
    """The node does not tell of new heads any more, or what it tells cannot be read; the next attempt may do."""

    code = "subscription_lost"


class SubscriptionRefused(NodeUnavailable):
    """The node does not tell of new heads at this URL, and will not before it is set up otherwise."""

    code = "subscription_refused"


class RpcError(Unavailable):
    """The node answered with a JSON-RPC error; `data` is whatever came with it (a revert's bytes, for one)."""

    code = "rpc_error"

    def __init__(self, method: str, error_code: int, message: str, data: object = None) -> None:
        super().__init__(f"{method}: {message} (JSON-RPC error {error_code})")
        self.method, self.error_code, self.message, self.data = method, error_code, message, data


class NodeBehind(Unavailable):
    """The node does not have a block yet that we ask about: wait for it."""

    code = "node_behind"


class MirrorMoved(Unavailable):
    """Somebody else has written to the mirror since it was looked at: look again."""

    code = "mirror_moved"


class OperatorOutOfGasMoney(Unavailable):
    """The signer's account cannot pay for the tx; amounts are in the coin's base units (wei)."""

    code = "operator_out_of_gas_money"

    def __init__(self, address: str, balance: int, needed: int) -> None:
        super().__init__(
            f"{address} has {balance} wei and needs {needed} wei for gas: send it at least {needed - balance}"
        )
        self.address, self.balance, self.needed = address, balance, needed


class MalformedLog(ChainDisagrees):
    """A log that the escrow cannot have written."""

    code = "malformed_log"


class UnknownEvent(ChainDisagrees):
    """A log of the escrow under a topic that we do not know: is it the escrow that stands at this address?"""

    code = "unknown_event"


class HeadersDisagree(ChainDisagrees):
    """Headers that do not follow one another; most often the chain moved while we asked."""

    code = "headers_disagree"


class HeaderForged(ChainDisagrees):
    """A header whose fields do not hash to the hash under which it is told, so that one of them is not the chain's."""

    code = "header_forged"

    def __init__(self, endpoint: str, number: str, block_hash: str) -> None:
        super().__init__(
            f"the header that {endpoint} tells of block {number[:18]} does not hash to {block_hash[:66]}: "
            "something in it was altered, or the chain's headers have a form by now that is not known here"
        )
        self.endpoint = endpoint


class LogsDisagree(ChainDisagrees):
    """Logs that do not fit the block in which they are said to stand."""

    code = "logs_disagree"


class EndpointsDisagree(ChainDisagrees):
    """Two endpoints tell different blocks of a height that is final for both.

    `outvoted`: the endpoint that was followed stands alone against more than one other, so it is the one that is wrong.
    Otherwise nobody can say, and nothing is written.
    """

    code = "endpoints_disagree"

    def __init__(self, number: int, told: Mapping[str, str], *, outvoted: bool) -> None:
        tellings = ", ".join(f"{name} tells {block_hash}" for name, block_hash in sorted(told.items()))
        end = "the others are believed" if outvoted else "nothing is written until they agree"
        super().__init__(f"the endpoints tell different final blocks {number}: {tellings}; {end}")
        self.number, self.outvoted = number, outvoted


class ReorgPastFinality(ChainDisagrees):
    """A block that was final is no longer on the node's chain: nothing is written until they agree again."""

    code = "reorg_past_finality"
    retryable = False

    def __init__(self, number: int, expected: str, actual: str | None) -> None:
        super().__init__(
            f"block {number} was final as {expected}, and the node now has {actual or 'none'}; "
            "nothing is written until the node agrees again or the mirror is rebuilt"
        )
        self.number, self.expected, self.actual = number, expected, actual


class NoContract(Conflict):
    """Nothing stands at the address that is to be called, so the tx would succeed and do nothing."""

    code = "no_contract"

    def __init__(self, endpoint: str, address: str) -> None:
        super().__init__(
            f"there is no contract at {address} on the chain of the node at {endpoint}: "
            "was the chain wiped, or is it another one? nothing was sent"
        )


class TxWouldRevert(Conflict):
    """The contract would refuse the tx; `reason` is the contract's own, decoded where we know its errors."""

    code = "tx_would_revert"

    def __init__(self, verb: str, reason: str) -> None:
        super().__init__(f"{verb} would be refused by the contract: {reason}")
        self.verb, self.reason = verb, reason


class TooMuchGas(Conflict):
    """The tx would burn more gas than we pay for, or than a chain takes in one tx; nothing was signed."""

    code = "too_much_gas"

    def __init__(self, verb: str, estimate: int, most: int) -> None:
        super().__init__(f"{verb} would need {estimate} gas, and at most {most} are paid for: nothing was sent")
        self.verb, self.estimate, self.most = verb, estimate, most
