"""Calls that leave no trace: `eth_call` and the estimate of gas."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth.abc import BlockHeaderAPI, ComputationAPI, StateAPI
from eth.exceptions import OutOfGas, Revert
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.spoof import SpoofTransaction
from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError
from eth_typing import Address
from eth_utils.exceptions import ValidationError

from earnest.localnet.errors import EXECUTION_REVERTED, SERVER_ERROR, RpcError
from earnest.localnet.ledger import Ledger
from earnest.localnet.pool import floor_gas
from earnest.localnet.wire import hex_bytes

_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")
_CALL_STIPEND_GAS = 2_300
"""What a call with a value is given on top; an estimate that has it to spare is right at once more often."""
_TOLERANCE_DIVISOR = 16
"""An estimate lies at most by this part of it above the least gas. Each halving costs one run more, and running a batch
takes Python a second; wallets add more than that to an estimate."""


@dataclass(frozen=True)
class CallRequest:
    """A call: what `eth_call` is given. Fees are not charged, so none are here."""

    sender: Address
    to: Address
    """Empty for the creation of a contract, as py-evm has it."""
    data: bytes
    value: int
    gas: int | None
    access_list: tuple[tuple[Address, tuple[int, ...]], ...] = ()


def call(
    ledger: Ledger, request: CallRequest, header: BlockHeaderAPI, prepare: Callable[[StateAPI], None] | None = None
) -> bytes:
    """Run a call in the context of `header` and on its state, and return what it returns.

    `prepare` may change the state first (state overrides). Raises `RpcError`: code 3 with the data of a revert.
    """
    state = _free_state(ledger, header, prepare)
    computation = _run(state, request, request.gas or header.gas_limit)
    _raise_if_failed(computation)
    return computation.output


def estimate_gas(
    ledger: Ledger, request: CallRequest, header: BlockHeaderAPI, prepare: Callable[[StateAPI], None] | None = None
) -> int:
    """Return gas with which the call succeeds, at most 1/15 more than it needs. Raises `RpcError` if none does."""
    most = min(request.gas or header.gas_limit, header.gas_limit)
    state = _free_state(ledger, header, prepare)
    snapshot = state.snapshot()
    computation = _run(state, request, most)
    _raise_if_failed(computation, most)
    spent = most - computation.get_gas_remaining()
    state.revert(snapshot)
    least = floor_gas(_as_tx(request, most, 0))
    spent = max(least, spent)
    if request.to and not state.get_code(request.to):
        return spent
    # A call inside gets at most 63/64 of what is left, so that a little more than was spent does in most cases. Where a
    # contract insists on having more, the least is seldom far: doubling comes near it sooner than halving.
    low, high = spent - 1, most
    guess = spent + spent // 63 + _CALL_STIPEND_GAS
    while high - low > high // _TOLERANCE_DIVISOR:
        low, high = _narrow(state, request, min(guess, (low + high) // 2), low, high)
        guess = 2 * low
    return high


def revert_message(data: bytes) -> str:
    """Return geth's sentence for a revert: with the reason where the data is `Error(string)` or `Panic(uint256)`."""
    try:
        if data[:4] == _ERROR_STRING:
            return f"execution reverted: {abi_decode(['string'], data[4:])[0]}"
        if data[:4] == _PANIC:
            return f"execution reverted: panic code {abi_decode(['uint256'], data[4:])[0]:#04x}"
    except (DecodingError, UnicodeDecodeError):
        return "execution reverted"
    return "execution reverted"


def _free_state(ledger: Ledger, header: BlockHeaderAPI, prepare: Callable[[StateAPI], None] | None = None) -> StateAPI:
    state = ledger.state_at(header.copy(base_fee_per_gas=0))
    if prepare is not None:
        prepare(state)
    return state


def _narrow(state: StateAPI, request: CallRequest, gas: int, low: int, high: int) -> tuple[int, int]:
    snapshot = state.snapshot()
    failed = _run(state, request, gas).is_error
    state.revert(snapshot)
    return (gas, high) if failed else (low, gas)


def _run(state: StateAPI, request: CallRequest, gas: int) -> ComputationAPI:
    try:
        return state.apply_transaction(_as_tx(request, gas, state.get_nonce(request.sender)))
    except ValidationError as error:
        balance = state.get_balance(request.sender)
        if balance < request.value:
            message = f"insufficient funds for gas * price + value: balance {balance}, tx cost {request.value}"
            raise RpcError(SERVER_ERROR, message) from error
        raise RpcError(SERVER_ERROR, f"invalid call: {error}") from error


def _as_tx(request: CallRequest, gas: int, nonce: int) -> Any:
    unsigned = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
        chain_id=0,
        nonce=nonce,
        max_priority_fee_per_gas=0,
        max_fee_per_gas=0,
        gas=gas,
        to=request.to,
        value=request.value,
        data=request.data,
        access_list=request.access_list,
    )
    return SpoofTransaction(unsigned, from_=request.sender)


def _raise_if_failed(computation: ComputationAPI, gas: int | None = None) -> None:
    if not computation.is_error:
        return
    error = computation.error
    if isinstance(error, Revert):
        data = computation.output
        raise RpcError(EXECUTION_REVERTED, revert_message(data), hex_bytes(data))
    if isinstance(error, OutOfGas):
        bound = f"gas required exceeds allowance ({gas})" if gas else "out of gas"
        raise RpcError(SERVER_ERROR, bound)
    raise RpcError(SERVER_ERROR, f"{type(error).__name__}: {error}")
