"""Why the escrow said no, as a sentence: the data of a revert read with the artifact's own list of errors."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from earnest.escrow.artifact import load
from earnest.escrow.txs import selector
from earnest.payment.primitives import checksum_address
from earnest.payment.status import ON_CHAIN

_ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}")

SENTENCES: Final[dict[str, str]] = {
    "AlreadyFunded": "payment {id} was funded before (it is {status}) and cannot be funded again",
    "AmountExceedsCredit": "{amount} base units were asked for, and only {credit} are owed",
    "AmountExceedsHeld": "{amount} base units were asked for, and only {held} are held",
    "AmountExceedsRepayable": "{amount} base units were to be repaid, and only {repayable} were released and are not "
    "repaid yet",
    "AmountOutOfBounds": "the amount is {amount} base units: it must be over 0 and under 2^128",
    "ArbiterIsParty": "the arbiter {arbiter} is also buyer, merchant or operator: he must be none of them",
    "ArbitrationPeriodOutOfBounds": "the arbitration period is {arbitrationPeriod} s: it must be 1 to 400 days",
    "BalanceUnknown": "the token {token} does not tell a balance, so no money can be moved",
    "BuyerIsMerchant": "buyer and merchant are the same, {buyer}",
    "BuyerIsZero": "the buyer at funding is zero, or the terms of a deposit address name none",
    "BuyerNotNamed": "the terms name {named} as the buyer, not {buyer}",
    "CoinSentWithToken": "{sent} wei were sent along, and the terms ask for a token: send none",
    "ConfirmTooLate": "delivery could be confirmed before {confirmableUntil}; chain time is {now_}",
    "DeliveryPeriodOutOfBounds": "the delivery period is {deliveryPeriod} s: it must be 1 second to 400 days",
    "DepositTooShort": "the deposit address holds {balance} base units, and the amount is {amount}: send the "
    "rest, or have the buyer himself collect it",
    "DisputeTermsIncomplete": "dispute window ({disputeWindow} s), arbiter ({arbiter}) and arbitration period "
    "({arbitrationPeriod} s) must be given all together or not at all",
    "DisputeTooLate": "a dispute was possible before {disputableUntil}; chain time is {now_}",
    "DisputeWindowOutOfBounds": "the dispute window is {disputeWindow} s: it must be 1 hour to 400 days",
    "FeeBpsOutOfBounds": "the fee is {feeBps} hundredths of a percent: it must be at most 10000",
    "FeeTermsIncomplete": "fee ({feeBps}) and fee recipient ({feeRecipient}) must be given both or neither",
    "FundTooLate": "the payment could be funded before {payBy}; chain time is {now_}",
    "MerchantIsZero": "the terms name no merchant",
    "NoCredit": "the escrow owes {account} nothing in the token {token}",
    "NotArbiter": "only the arbiter may do this, and {caller} is not the arbiter",
    "NotBuyer": "only the buyer may do this now, and {caller} is not the buyer",
    "NotBuyersReceipt": "this is no receipt of the buyer {buyer} for payment {id} on this escrow and chain",
    "NotDepositAddress": "only the payment's deposit address may do this, and {caller} is not it",
    "NotFunded": "nothing was ever funded under payment {id}: the terms differ, or nobody paid yet",
    "NotMerchant": "only the merchant may do this, and {caller} is not the merchant",
    "NotMerchantOrOperator": "only the merchant or the operator may do this, and {caller} is neither",
    "NothingToCollect": "the deposit address {depositAddress} holds nothing of the token {token}",
    "OnlyWholeWhileDisputed": "while disputed only all of it moves: {amount} were asked for, {held} are held",
    "OperatorIsDismissed": "the merchant {merchant} has dismissed the operator {operator}, once and for all",
    "PartsNotHeld": "the parts {toBuyer} (buyer) and {toMerchant} (merchant) must add up to the held {held}",
    "PayeeIsEscrow": "buyer, merchant and fee recipient must not be the escrow itself",
    "PushNeedsGas": "{gasLeft} gas was left and {gasNeeded} is needed to pay out: send the tx with more gas",
    "ReclaimTooEarly": "the money can be reclaimed from {reclaimableFrom} on; chain time is {now_}",
    "ReentrancyGuardReentrantCall": "the escrow was called while a call to it was under way",
    "ReleaseTooEarly": "others than the buyer can release from {releasableFrom} on; chain time is {now_}",
    "ResolveTooLate": "the arbiter could decide before {resolvableUntil}; chain time is {now_}",
    "ReturnFailed": "the buyer or the token {token} did not take the {amount} base units at the deposit address "
    "{depositAddress}: they stay there for another try",
    "TokenHasNoCode": "the token {token} is no contract on this chain",
    "WithdrawFailed": "{account} or the token {token} did not take the {amount} base units; the credit stays",
    "WrongBalanceFall": "the token moved another amount than {amount}: the escrow's balance went from "
    "{balanceBefore} to {balanceAfter}",
    "WrongBalanceRise": "the token did not bring exactly {amount}: the receiver's balance went from "
    "{balanceBefore} to {balanceAfter}",
    "WrongCoinAmount": "{sent} wei were sent, and the amount is {amount}",
    "WrongStatus": "payment {id} is {status}, and this is not possible there",
}
"""One sentence for each of the escrow's errors; a test holds it against the artifact."""

_OF_TOKENS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "ERC20InsufficientAllowance": (
        ("address", "uint256", "uint256"),
        "the token says: {0} is allowed to take {1} base units and needs {2}; approve it first",
    ),
    "ERC20InsufficientBalance": (
        ("address", "uint256", "uint256"),
        "the token says: {0} has {1} base units and needs {2}",
    ),
    "ERC2612ExpiredSignature": (("uint256",), "the token says: the permit held until {0}"),
    "ERC2612InvalidSigner": (("address", "address"), "the token says: the permit is signed by {0}, not by {1}"),
    "ERC3009InvalidSignature": ((), "the token says: the authorization is not signed by the payer"),
    "ERC3009InvalidAuthorizationTime": (("uint256", "uint256"), "the token says: it holds after {0} and before {1}"),
    "ERC3009UsedAuthorization": (("address", "bytes32"), "the token says: {0} has used this authorization before"),
    "AccountBlocked": (("address",), "the token says: {0} is on its blocklist"),
    "InvalidNonce": ((), "Permit2 says: the nonce was used before"),
    "InvalidSigner": ((), "Permit2 says: it is not signed by the payer, or not for this payment, payer and buyer"),
    "InvalidContractSignature": ((), "Permit2 says: the payer's wallet does not accept the signature"),
    "InvalidSignature": ((), "Permit2 says: the signature is malformed"),
    "InvalidSignatureLength": ((), "Permit2 says: the signature has neither 64 nor 65 bytes"),
    "SignatureExpired": (("uint256",), "Permit2 says: the signature held until {0}"),
    "Error": (("string",), "the contract says: {0}"),
    "Panic": (("uint256",), "the contract failed with panic code {0}"),
}
"""What the escrow passes on: errors of the language, of tokens (ERC-6093, EIP-2612, EIP-3009, the test token's of its
blocklist) and of Permit2."""

OF_LIBRARIES: Final = frozenset({"InvalidShortString", "StringTooLong"})
"""Errors in the escrow's ABI that only its constructor could raise, and does not."""


def explain_revert(data: str) -> str | None:
    """Return a sentence for the data of a revert (`0x…`), or None if the escrow has no such error.

    Times in it are Unix seconds by the chain's clock, amounts are base units.
    """
    try:
        raw = bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        return None
    entry = _by_selector().get(raw[:4])
    if entry is None:
        return None
    name, types, names = entry
    try:
        values = decode(types, raw[4:])
    except DecodingError:
        return None
    if name in _OF_TOKENS:
        return _OF_TOKENS[name][1].format(*(_shown("", value) for value in values))
    return SENTENCES[name].format(**{key: _shown(key, value) for key, value in zip(names, values, strict=True)})


def error_name(error_selector: str) -> str | None:
    """Return the name of the escrow's error with this selector (`0x` and 8 digits), as `ItemSkipped` tells it."""
    entry = _by_selector().get(bytes.fromhex(error_selector[2:]))
    return entry[0] if entry else None


@cache
def _by_selector() -> dict[bytes, tuple[str, list[str], list[str]]]:
    known = {
        selector(f"{name}({','.join(types)})"): (name, list(types), [""] * len(types))
        for name, (types, _) in _OF_TOKENS.items()
    }
    for entry in load("Escrow").abi:
        if entry["type"] == "error" and entry["name"] not in OF_LIBRARIES:
            types, names = [i["type"] for i in entry["inputs"]], [i["name"] for i in entry["inputs"]]
            known[selector(f"{entry['name']}({','.join(types)})")] = (entry["name"], types, names)
    return known


def _shown(name: str, value: Any) -> str:
    if name == "status":
        return ON_CHAIN[value].value
    if isinstance(value, str):
        # The decoder gives addresses in lower case; no error of ours has any other text than these.
        return checksum_address(value) if _ADDRESS.fullmatch(value) else value
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
