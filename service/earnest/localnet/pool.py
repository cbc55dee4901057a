"""Txs that wait: accepted or refused by geth's rules, ordered by what they pay. Kept in memory only.

What was not mined when the process ends is gone; whoever sent it sends it again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from eth.abc import SignedTransactionAPI
from eth.exceptions import PyEVMError, UnrecognizedTransactionType
from eth_typing import Address
from eth_utils.exceptions import ValidationError

from earnest.localnet.errors import SERVER_ERROR, RpcError
from earnest.localnet.wire import tx_type

_BLOB_TYPE = 3
_REPLACEMENT_BUMP_PERCENT = 10
"""By how much both fees of a replacement must rise, as in geth (`txpool.pricebump`)."""
_MAX_POOLED = 5_000
"""A bound on memory, as in geth (`txpool.globalslots`)."""
_FLOOR_GAS_PER_TOKEN = 10
_TOKENS_PER_NON_ZERO_BYTE = 4
_TX_GAS = 21_000


def floor_gas(tx: SignedTransactionAPI) -> int:
    """Return the least gas a tx must carry: the intrinsic cost or the data floor of EIP-7623, the higher one."""
    zeros = tx.data.count(0)
    tokens = zeros + _TOKENS_PER_NON_ZERO_BYTE * (len(tx.data) - zeros)
    return max(tx.intrinsic_gas, _TX_GAS + _FLOOR_GAS_PER_TOKEN * tokens)


@dataclass(frozen=True)
class Account:
    """What the newest block says of a sender."""

    nonce: int
    balance_wei: int


def check_tx(tx: SignedTransactionAPI, account: Account, chain_id: int, block_gas_limit: int) -> None:
    """Refuse a tx that could never be mined from `account`. Raises `RpcError` in geth's words."""
    if tx_type(tx) == _BLOB_TYPE:
        raise _refusal("transaction type not supported: blobs")
    if tx.chain_id not in (None, chain_id):
        raise _refusal(f"invalid chain id for signer: have {tx.chain_id} want {chain_id}")
    if tx.nonce < account.nonce:
        raise _refusal(f"nonce too low: next nonce {account.nonce}, tx nonce {tx.nonce}")
    if tx.gas > block_gas_limit:
        raise _refusal(f"exceeds block gas limit: gas {tx.gas}, limit {block_gas_limit}")
    if tx.max_priority_fee_per_gas > tx.max_fee_per_gas:
        raise _refusal("max priority fee per gas higher than max fee per gas")
    if tx.gas < floor_gas(tx):
        raise _refusal(f"intrinsic gas too low: gas {tx.gas}, minimum needed {floor_gas(tx)}")
    cost = tx.gas * tx.max_fee_per_gas + tx.value
    if account.balance_wei < cost:
        raise _refusal(
            f"insufficient funds for gas * price + value: balance {account.balance_wei}, tx cost {cost}, "
            f"overshot {cost - account.balance_wei}"
        )


def decode_tx(raw: bytes, decode: Callable[[bytes], SignedTransactionAPI]) -> SignedTransactionAPI:
    """Decode a raw tx and check its signature. Raises `RpcError` for bytes that are no signed tx."""
    if raw[:1] == bytes([_BLOB_TYPE]):
        raise _refusal("transaction type not supported: blobs")
    try:
        tx = decode(raw)
        tx.validate()
        tx.check_signature_validity()
        tx.sender  # noqa: B018 (recovering it is the check)
    except UnrecognizedTransactionType as error:
        raise _refusal("transaction type not supported") from error
    except (PyEVMError, ValidationError) as error:
        raise _refusal(f"invalid transaction: {error}") from error
    except Exception as error:
        # Decoders of nested RLP raise many kinds of errors for bytes that are no tx; all mean the same here.
        raise _refusal(f"rlp: not a signed transaction ({type(error).__name__})") from error
    return tx


@dataclass
class Pool:
    """Waiting txs, by sender and nonce."""

    _by_sender: dict[Address, dict[int, SignedTransactionAPI]] = field(default_factory=dict)
    _by_hash: dict[bytes, SignedTransactionAPI] = field(default_factory=dict)

    def add(self, tx: SignedTransactionAPI) -> None:
        """Take a checked tx in; one of the same sender and nonce is replaced if this one pays enough more."""
        if tx.hash in self._by_hash:
            raise _refusal("already known")
        waiting = self._by_sender.setdefault(tx.sender, {})
        old = waiting.get(tx.nonce)
        if old is not None and not _pays_for_replacing(tx, old):
            raise _refusal("replacement transaction underpriced")
        if old is None and len(self._by_hash) >= _MAX_POOLED:
            raise _refusal("txpool is full")
        if old is not None:
            del self._by_hash[old.hash]
        waiting[tx.nonce] = tx
        self._by_hash[tx.hash] = tx

    def get(self, tx_hash: bytes) -> SignedTransactionAPI | None:
        """Return a waiting tx."""
        return self._by_hash.get(tx_hash)

    def __len__(self) -> int:
        return len(self._by_hash)

    def __iter__(self) -> Iterator[SignedTransactionAPI]:
        return iter(tuple(self._by_hash.values()))

    def next_nonce(self, sender: Address, account_nonce: int) -> int:
        """Return the nonce after the sender's unbroken run of waiting txs: the `pending` count."""
        waiting = self._by_sender.get(sender, {})
        nonce = account_nonce
        while nonce in waiting:
            nonce += 1
        return nonce

    def ready(self, account_nonce: Callable[[Address], int], base_fee: int) -> list[SignedTransactionAPI]:
        """Return what the next block can take, the best tip first, each sender's in the order of nonces.

        A tx that pays less than `base_fee`, or comes after a gap, waits on.
        """
        runs = {sender: self._run(sender, account_nonce(sender), base_fee) for sender in self._by_sender}
        found: list[SignedTransactionAPI] = []
        while runs := {sender: run for sender, run in runs.items() if run}:
            best = max(runs, key=lambda sender: _tip(runs[sender][0], base_fee))
            found.append(runs[best].pop(0))
        return found

    def remove(self, tx: SignedTransactionAPI) -> None:
        """Forget a tx, and nothing if it is not here."""
        if self._by_hash.pop(tx.hash, None) is None:
            return
        waiting = self._by_sender[tx.sender]
        if waiting.get(tx.nonce) is tx or waiting[tx.nonce].hash == tx.hash:
            del waiting[tx.nonce]
        if not waiting:
            del self._by_sender[tx.sender]

    def forget_below(self, sender: Address, account_nonce: int) -> None:
        """Forget what the chain has overtaken."""
        for nonce in [nonce for nonce in self._by_sender.get(sender, {}) if nonce < account_nonce]:
            self.remove(self._by_sender[sender][nonce])

    def clear(self) -> None:
        """Forget all."""
        self._by_sender.clear()
        self._by_hash.clear()

    def _run(self, sender: Address, nonce: int, base_fee: int) -> list[SignedTransactionAPI]:
        waiting = self._by_sender[sender]
        run: list[SignedTransactionAPI] = []
        while nonce in waiting and waiting[nonce].max_fee_per_gas >= base_fee:
            run.append(waiting[nonce])
            nonce += 1
        return run


def _tip(tx: SignedTransactionAPI, base_fee: int) -> int:
    return min(tx.max_priority_fee_per_gas, tx.max_fee_per_gas - base_fee)


def _pays_for_replacing(new: SignedTransactionAPI, old: SignedTransactionAPI) -> bool:
    def bumped(new_fee: int, old_fee: int) -> bool:
        return new_fee * 100 >= old_fee * (100 + _REPLACEMENT_BUMP_PERCENT)

    return bumped(new.max_fee_per_gas, old.max_fee_per_gas) and bumped(
        new.max_priority_fee_per_gas, old.max_priority_fee_per_gas
    )


def _refusal(message: str) -> RpcError:
    return RpcError(SERVER_ERROR, message)
