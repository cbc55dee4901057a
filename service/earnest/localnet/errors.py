"""What can go wrong in the embedded chain, as leaves of the tree in `earnest.payment.errors`.

    Misconfigured
    └── LocalnetError               the embedded chain cannot do as asked
        ├── ChainInUse              another process owns the file
        ├── PortInUse               another program listens there
        ├── ChainFileUnusable       not ours, of another version, damaged, or not writable
        ├── LocalExtraMissing       py-evm and eth-tester are not installed
        └── TestTokenUnavailable    a token cannot be put at its address on that node

Apart from the tree, and never seen outside a request: `RpcError` is a JSON-RPC error object as the wire carries it;
`ConnectionDropped` is an injected fault, no answer at all.
"""

from pathlib import Path
from typing import Any

from earnest.payment.errors import Misconfigured

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
"""What geth answers for a refused tx, an unknown block and the like (JSON-RPC's range for servers)."""
EXECUTION_REVERTED = 3
"""geth's and anvil's code for a call that reverted; `data` then holds what the contract returned."""


class LocalnetError(Misconfigured):
    """The embedded chain could not do as asked."""

    code = "localnet_error"


class ChainInUse(LocalnetError):
    """A second process asked for a chain file that has an owner."""

    code = "chain_in_use"

    def __init__(self, path: Path, pid: int | None) -> None:
        self.path = path
        self.pid = pid
        owner = f"process {pid}" if pid else "another process"
        super().__init__(f"{path} is in use by {owner}: stop that one first, or give another data directory")


class PortInUse(LocalnetError):
    """The address to listen on is taken."""

    code = "port_in_use"

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        super().__init__(f"port {port} on {host} is in use: stop what listens there, or choose another with --port")


class ChainFileUnusable(LocalnetError):
    """The file is no chain of ours, is damaged, is of another version, or cannot be written."""

    code = "chain_file_unusable"

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"cannot use {path}: {why}")


class LocalExtraMissing(LocalnetError):
    """The optional packages of the embedded chain are not installed."""

    code = "local_extra_missing"

    def __init__(self, missing: str) -> None:
        super().__init__(f"the embedded chain needs {missing}: pip install 'earnest[local]'")


class TestTokenUnavailable(LocalnetError):
    """A test token cannot stand at its usual address on this node."""

    code = "test_token_unavailable"
    __test__ = False  # not a test class, whatever pytest makes of its name


class RpcError(Exception):
    """A JSON-RPC error object: code, message, and sometimes data."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        self.code = code
        self.message = message
        self.data = data
        super().__init__(f"{message} (code {code})")

    def as_object(self) -> dict[str, Any]:
        """Return the error as JSON-RPC writes it."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        return error


class ConnectionDropped(ConnectionError):
    """An injected fault: the caller gets no answer."""
