"""Whether the optional packages of the embedded chain are there."""

from importlib.util import find_spec

from earnest.localnet.errors import LocalExtraMissing

_NEEDED = {"eth": "py-evm", "eth_tester": "eth-tester"}


def require_local_extra() -> None:
    """Raise `LocalExtraMissing`, which says what to install, unless py-evm and eth-tester can be imported."""
    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise LocalExtraMissing(" and ".join(missing))
