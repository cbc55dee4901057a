"""Reading JSON-RPC parameters: quantities, byte strings, addresses, blocks. What is wrong is said, with -32602."""

import re
from collections.abc import Sequence
from typing import Any, NoReturn

from eth_typing import Address

from earnest.localnet.errors import INVALID_PARAMS, RpcError

_HEX = re.compile(r"0x[0-9a-fA-F]*\Z")


def refuse(message: str) -> NoReturn:
    """Raise the error for parameters that cannot be understood."""
    raise RpcError(INVALID_PARAMS, message)


def nth(params: Sequence[Any], index: int, what: str) -> Any:
    """Return a required parameter. Raises -32602 naming it."""
    if index >= len(params):
        refuse(f"missing parameter {index + 1}: {what}")
    return params[index]


def optional(params: Sequence[Any], index: int, default: Any = None) -> Any:
    """Return a parameter, or the default where it is absent or null."""
    return params[index] if index < len(params) and params[index] is not None else default


def quantity(value: Any, what: str) -> int:
    """Read a whole number that is not negative: `0x…`, a JSON number, or decimal digits (as anvil allows)."""
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and _HEX.match(value) and len(value) > 2:
        number = int(value, 16)
    elif isinstance(value, str) and value.isascii() and value.isdigit():
        number = int(value)
    if number is None or not 0 <= number < 2**256:
        refuse(f"{what} must be a quantity such as 0x1f, not {value!r}")
    return number


def seconds(value: Any, what: str) -> int:
    """Read a number of seconds or a Unix time, which may be negative only as a JSON number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return quantity(value, what)


def byte_string(value: Any, what: str, length: int | None = None) -> bytes:
    """Read `0x…` bytes, of exactly `length` bytes where one is given."""
    if not isinstance(value, str) or not _HEX.match(value) or len(value) % 2:
        refuse(f"{what} must be a byte string such as 0x00ff, not {value!r}")
    found = bytes.fromhex(value[2:])
    if length is not None and len(found) != length:
        refuse(f"{what} must have {length} bytes, not {len(found)}")
    return found


def address(value: Any, what: str) -> Address:
    """Read a 20-byte address in any case; a checksum is not asked of a machine's caller, as on other nodes."""
    return Address(byte_string(value, what, length=20))


def mapping(value: Any, what: str) -> dict[str, Any]:
    """Read a JSON object."""
    if not isinstance(value, dict):
        refuse(f"{what} must be an object, not {value!r}")
    return value


def flag(value: Any, what: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        refuse(f"{what} must be true or false, not {value!r}")
    return value


def listing(value: Any, what: str) -> list[Any]:
    """Read a JSON array."""
    if not isinstance(value, list):
        refuse(f"{what} must be an array, not {value!r}")
    return value
