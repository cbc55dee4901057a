// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The immutable conditions of a payment, set by the merchant. Their hash, with the chain's id and the escrow's
/// address, is the payment's id.
/// @param buyer gets money back; zero: named at funding
/// @param merchant is paid
/// @param operator may confirm delivery and refund in the merchant's name; zero: none
/// @param arbiter splits a disputed amount between buyer and merchant; zero: none, then there is no dispute
/// @param token an ERC-20; zero: the chain's own coin
/// @param amount base units of the token, `0 < amount < 2^128`
/// @param feeRecipient gets the fee out of the merchant's part; zero: none
/// @param feeBps the fee in hundredths of a per cent, at most 10,000
/// @param payBy Unix time; funding is possible before it
/// @param deliveryPeriod seconds from funding, 1 second to 400 days
/// @param disputeWindow seconds from delivery, 1 hour to 400 days; zero: confirming delivery releases at once
/// @param arbitrationPeriod seconds from dispute, 1 to 400 days; zero: no arbiter
/// @param orderHash the merchant's order reference, hashed with a random salt
struct Terms {
    address buyer;
    address merchant;
    address operator;
    address arbiter;
    address token;
    uint256 amount;
    address feeRecipient;
    uint16 feeBps;
    uint40 payBy;
    uint32 deliveryPeriod;
    uint32 disputeWindow;
    uint32 arbitrationPeriod;
    bytes32 orderHash;
}

/// @notice Where a payment stands.
enum Status {
    None, // nothing was ever funded under this id
    Funded, // warm: reclaimable once the delivery period is over
    Delivered, // warm: releasable by anyone once the dispute window is over
    Released, // cold: the last unit went to the merchant
    Refunded, // cold: the merchant gave the last unit back
    Reclaimed, // cold: the buyer got it back because time ran out
    Disputed, // warm: reclaimable once the arbitration period is over
    Resolved, // cold: the arbiter split it
    Repaid // cold: the merchant paid everything back afterwards
}

/// @notice What one payment of a batch does not share with the others; the rest of its terms it has in common with them.
/// @dev The fields mean what they mean in {Terms}.
struct Item {
    address buyer;
    uint256 amount;
    uint40 payBy;
    bytes32 orderHash;
}

/// @notice What a payment's storage slot says.
/// @param buyer the buyer, named in the terms or at funding
/// @param status where the payment stands
/// @param since Unix time at which the present status began; partial amounts never move it
/// @param seq number of the payment's latest event: 1, 2, 3, …
struct PaymentState {
    address buyer;
    Status status;
    uint40 since;
    uint48 seq;
}

/// @title Escrow: holds what buyers pay until it belongs to someone, and pays nobody but the parties named in the terms.
/// @notice No owner, no upgrade, no pause. A payment's verbs take its terms, of which the escrow knows only the hash.
///
/// *Assumptions.* A token's balance of the escrow falls only by the escrow's own transfers (rebasing tokens break this for
/// themselves and touch no other token).
///
/// *Warnings.* A payment is a merchant's only if he created its id: anyone can fund terms that merely name him. The amounts
/// in events are base units. Time intervals are half-open: `[from, until)`.
///
/// *Errors.* Every verb but {receiveDeposit}, and every view but {checkTerms}, raises `ReentrancyGuardReentrantCall()` while
/// another is under way.
interface IEscrow {
    // ---------------------------------------------------------------------------------------------------------- events

    /// @notice The escrow holds the whole amount; always the payment's first event.
    /// @param id the payment
    /// @param seq 1
    /// @param status Funded
    /// @param held what the escrow keeps for the payment after this event
    /// @param payer who brought the money
    /// @param buyer who gets it back, if anyone
    /// @param terms the whole terms, so that logs alone rebuild every payment
    event PaymentFunded(
        bytes32 indexed id, uint48 seq, Status status, uint256 held, address payer, address buyer, Terms terms
    );

    /// @notice The goods or the service were handed over, says the merchant or the operator. The dispute window opens.
    /// @dev All the following events begin alike; each carries the amounts that it can move.
    /// @param id the payment
    /// @param seq one more than the payment's event before
    /// @param status the status after this event; partial amounts leave it as it was
    /// @param held what the escrow keeps for the payment after this event
    event DeliveryConfirmed(bytes32 indexed id, uint48 seq, Status status, uint256 held);

    /// @notice Money went to the merchant, less the fee. See {DeliveryConfirmed} for the fields that all have.
    /// @param toMerchant what went to the merchant, the fee already taken off
    /// @param toFeeRecipient the fee
    /// @param credited a bit for each push that failed, so that the money is a credit to withdraw: 1 merchant, 2 fee recipient,
    /// 4 buyer
    event PaymentReleased(
        bytes32 indexed id,
        uint48 seq,
        Status status,
        uint256 held,
        uint256 toMerchant,
        uint256 toFeeRecipient,
        uint8 credited
    );

    /// @notice The merchant or the operator gave money back to the buyer. See {DeliveryConfirmed} for the fields that all have.
    /// @param toBuyer what went back to the buyer
    event PaymentRefunded(bytes32 indexed id, uint48 seq, Status status, uint256 held, uint256 toBuyer, uint8 credited);

    /// @notice Time ran out on the merchant or on the arbiter: the buyer has his money back. See {PaymentRefunded}.
    event PaymentReclaimed(
        bytes32 indexed id, uint48 seq, Status status, uint256 held, uint256 toBuyer, uint8 credited
    );

    /// @notice The buyer objected inside the dispute window; the arbitration period begins. See {DeliveryConfirmed}.
    event PaymentDisputed(bytes32 indexed id, uint48 seq, Status status, uint256 held);

    /// @notice The arbiter split what was held. See {PaymentReleased} and {PaymentRefunded} for the fields.
    event DisputeResolved(
        bytes32 indexed id,
        uint48 seq,
        Status status,
        uint256 held,
        uint256 toMerchant,
        uint256 toFeeRecipient,
        uint256 toBuyer,
        uint8 credited
    );

    /// @notice The merchant gave back to the buyer, after the payment was released or resolved. `toBuyer` came from the
    /// merchant's own wallet, not from what is held. See {PaymentRefunded} for the fields.
    event PaymentRepaid(bytes32 indexed id, uint48 seq, Status status, uint256 held, uint256 toBuyer, uint8 credited);

    // The following are no part of a payment's own history, and carry no `seq`.

    /// @notice A credit was paid out, in full, to the account that it belonged to.
    event CreditWithdrawn(address indexed account, address indexed token, uint256 amount);

    /// @notice Money that a deposit address received and that could not fund its payment went to the buyer.
    /// @dev *Warns*: anyone can cause it, for any terms, with a token of his own that says whatever he likes.
    event DepositReturned(bytes32 indexed id, address indexed token, address buyer, uint256 amount);

    /// @notice A batch passed over one of its items. Anyone can cause it, for any payment.
    /// @param id the item's payment
    /// @param item its place in the batch, from zero
    /// @param why the selector of the error that the single verb would have raised
    event ItemSkipped(bytes32 indexed id, uint256 item, bytes4 why);

    /// @notice This operator may never again act for this merchant.
    event OperatorDismissed(address indexed merchant, address indexed operator);

    // ------------------------------------------------------------------------------------------------- errors of terms

    /// @notice The amount must lie within `0 < amount < 2^128`, and a part must not be zero.
    error AmountOutOfBounds(uint256 amount);
    /// @notice The terms name no merchant.
    error MerchantIsZero();
    /// @notice The buyer at funding is zero, or the terms of a deposit address name none.
    error BuyerIsZero();
    /// @notice The terms name another buyer than the payer does.
    error BuyerNotNamed(address buyer, address named);
    /// @notice Buyer and merchant must be two.
    error BuyerIsMerchant(address buyer);
    /// @notice The arbiter must be none of buyer, merchant and operator.
    error ArbiterIsParty(address arbiter);
    /// @notice Buyer, merchant and fee recipient must not be the escrow itself.
    error PayeeIsEscrow();
    /// @notice The delivery period must be 1 second to 400 days.
    error DeliveryPeriodOutOfBounds(uint256 deliveryPeriod);
    /// @notice Dispute window, arbiter and arbitration period must be all zero or none of them.
    error DisputeTermsIncomplete(uint256 disputeWindow, address arbiter, uint256 arbitrationPeriod);
    /// @notice The dispute window must be 1 hour to 400 days.
    error DisputeWindowOutOfBounds(uint256 disputeWindow);
    /// @notice The arbitration period must be 1 to 400 days.
    error ArbitrationPeriodOutOfBounds(uint256 arbitrationPeriod);
    /// @notice Fee and fee recipient must be both zero or neither of them.
    error FeeTermsIncomplete(address feeRecipient, uint256 feeBps);
    /// @notice The fee must be at most 10,000 hundredths of a per cent.
    error FeeBpsOutOfBounds(uint256 feeBps);

    // ----------------------------------------------------------------------------------------------- errors of funding

    /// @notice Funding ended at `payBy`.
    error FundTooLate(uint256 now_, uint256 payBy);
    /// @notice The id was funded before, and can't be again.
    error AlreadyFunded(bytes32 id, Status status);
    /// @notice The address of the token has no code.
    error TokenHasNoCode(address token);
    /// @notice The coin sent must be exactly the amount.
    error WrongCoinAmount(uint256 sent, uint256 amount);
    /// @notice The terms ask for a token; no coin may be sent along.
    error CoinSentWithToken(uint256 sent);
    /// @notice The token did not raise the receiver's balance by exactly the amount: the escrow's, or by {repay} the buyer's.
    error WrongBalanceRise(uint256 balanceBefore, uint256 balanceAfter, uint256 amount);
    /// @notice The deposit address holds none of this token.
    error NothingToCollect(address depositAddress, address token);
    /// @notice The deposit address holds less than the amount; only the buyer may have it back before `payBy`.
    error DepositTooShort(uint256 balance, uint256 amount);
    /// @notice The token or the buyer did not take what the deposit address holds; it stays there for another try.
    error ReturnFailed(address depositAddress, address token, uint256 amount);
    /// @notice Only the deposit address of this payment may, and only while it is collected.
    error NotDepositAddress(address caller);

    // ------------------------------------------------------------------------------------------ errors of the verbs

    /// @notice Nothing was ever funded under these terms.
    error NotFunded(bytes32 id);
    /// @notice The verb does not exist in this status.
    error WrongStatus(bytes32 id, Status status);
    /// @notice Only the merchant or the operator may.
    error NotMerchantOrOperator(address caller);
    /// @notice Only the buyer may (others may release only everything, and only after the dispute window; or collect by a token's
    /// second address only what can't fund the payment any more).
    error NotBuyer(address caller);
    /// @notice Only the merchant may.
    error NotMerchant(address caller);
    /// @notice The merchant has dismissed this operator.
    error OperatorIsDismissed(address merchant, address operator);
    /// @notice The signature is not the buyer's, or not for this payment, escrow and chain.
    error NotBuyersReceipt(bytes32 id, address buyer);
    /// @notice Only the arbiter may.
    error NotArbiter(address caller);
    /// @notice Delivery could be confirmed before `confirmableUntil`, the end of the delivery period.
    error ConfirmTooLate(uint256 now_, uint256 confirmableUntil);
    /// @notice Others than the buyer may release from `releasableFrom`, the end of the dispute window.
    error ReleaseTooEarly(uint256 now_, uint256 releasableFrom);
    /// @notice The money may be reclaimed from `reclaimableFrom`, the end of the delivery or the arbitration period.
    error ReclaimTooEarly(uint256 now_, uint256 reclaimableFrom);
    /// @notice A dispute could be opened before `disputableUntil`, the end of the dispute window.
    error DisputeTooLate(uint256 now_, uint256 disputableUntil);
    /// @notice The arbiter could decide before `resolvableUntil`, the end of the arbitration period.
    error ResolveTooLate(uint256 now_, uint256 resolvableUntil);
    /// @notice More was asked for than is held.
    error AmountExceedsHeld(uint256 amount, uint256 held);
    /// @notice More was to be repaid than the merchant's side was paid, the fee included, and has not repaid yet.
    error AmountExceedsRepayable(uint256 amount, uint256 repayable);
    /// @notice While disputed, only the whole held amount moves.
    error OnlyWholeWhileDisputed(uint256 amount, uint256 held);
    /// @notice The two parts of a resolution must add up to exactly what is held.
    error PartsNotHeld(uint256 toBuyer, uint256 toMerchant, uint256 held);

    // ------------------------------------------------------------------------------------------ errors of money moving

    /// @notice Too little gas is left to give a receiver all that it may use; send the tx with more.
    error PushNeedsGas(uint256 gasLeft, uint256 gasNeeded);
    /// @notice The token does not tell a balance; without that no money can be moved.
    error BalanceUnknown(address token);
    /// @notice A token moved another amount than it was told to.
    error WrongBalanceFall(uint256 balanceBefore, uint256 balanceAfter, uint256 amount);
    /// @notice The account has no credit in this token.
    error NoCredit(address account, address token);
    /// @notice More than the account's credit in this token.
    error AmountExceedsCredit(uint256 amount, uint256 credit);
    /// @notice The account or the token did not take the withdrawal; the credit stays.
    error WithdrawFailed(address account, address token, uint256 amount);

    // ---------------------------------------------------------------------------------------------------- verbs: funding
    // Those named `fund…` check the terms, once and for all, and raise the errors of terms, {AlreadyFunded} and {FundTooLate};
    // for a token {TokenHasNoCode}, {BalanceUnknown} and {WrongBalanceRise}, too.

    /// @notice Brings the whole amount, always from the caller, for `buyer`.
    /// @dev *Who*: anyone, before `payBy`. *Assumes*: for a token, an allowance to the escrow; for coin, exactly the amount
    /// sent along. *Warns*: whoever funds unnamed terms says who gets the money back.
    /// *Errors*: {WrongCoinAmount}, {CoinSentWithToken}; the token's own.
    /// @param terms the payment's terms
    /// @param buyer who gets money back; the one named in the terms, if there is one
    function fund(Terms calldata terms, address buyer) external payable;

    /// @notice {fund} with the allowance signed in the same tx, by EIP-2612.
    /// @dev *Who*: the payer himself, before `payBy`; a permit says nothing of the terms, so nobody relays it. *Assumes*: a
    /// permit of the caller to the escrow for exactly the amount. *Warns*: a stranger may use the permit first; that does no
    /// harm, for what counts is the allowance, and only its owner can spend it here. *Errors*: the token's own when
    /// there is no allowance in the end.
    /// @param terms the payment's terms
    /// @param buyer who gets money back; the one named in the terms, if there is one
    /// @param deadline Unix time until which the permit holds
    /// @param v of the permit's signature, as `r` and `s`
    function fundWithPermit(Terms calldata terms, address buyer, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice Brings the amount from `payer`'s wallet by his EIP-3009 authorization; he needs no gas.
    /// @dev *Who*: any relayer, before `payBy`. *Assumes*: `payer` signed `ReceiveWithAuthorization` of the token, from himself
    /// to the escrow, over the amount, with the payment's id as its nonce: so it binds the terms and is used up with them.
    /// The buyer is the named one, else the payer, never the relayer. *Warns*: signatures of smart-contract wallets work as
    /// far as the token asks them. *Errors*: the token's own.
    /// @param terms the payment's terms
    /// @param payer whose money it is, and who signed
    /// @param validAfter Unix time after which the authorization holds
    /// @param validBefore Unix time before which it holds
    /// @param signature 65 bytes `r, s, v`; any other length goes to the token's form for contract wallets
    function fundWithAuthorization(
        Terms calldata terms,
        address payer,
        uint256 validAfter,
        uint256 validBefore,
        bytes calldata signature
    ) external;

    /// @notice Brings the amount from `payer`'s wallet by Permit2; he needs no gas.
    /// @dev *Who*: any relayer, before `payBy`. *Assumes*: an allowance of `payer` to Permit2, and his signature of
    /// `PermitWitnessTransferFrom` for the amount to the escrow with the witness `Funding(bytes32 id,address payer,address buyer)`.
    /// The buyer is the named one, else the payer, never the relayer. *Warns*: nonces that follow one another (0, 1, 2, …) are
    /// 15,000 gas cheaper than scattered ones. *Errors*: Permit2's own; no data where the chain
    /// has no Permit2.
    /// @param terms the payment's terms
    /// @param payer whose money it is, and who signed
    /// @param nonce an unused one of Permit2's unordered nonces
    /// @param deadline Unix time until which the signature holds
    /// @param signature as Permit2 takes them: 65 or 64 bytes, or a contract wallet's
    function fundWithPermit2(
        Terms calldata terms,
        address payer,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Takes what plain transfers brought to the payment's deposit address: funds the payment with it where it can, and
    /// gives everything else to the buyer.
    /// @dev *Who*: anyone; with less than the amount in it, before `payBy`, the buyer alone, who so has his money back.
    /// *Assumes*: terms with a named buyer. Funds if the token is the payment's, the amount is there, the terms keep their
    /// bounds, nothing was funded yet and `payBy` is not reached. A surplus, and whatever came too late, twice, or in another
    /// token, goes to the buyer; what he or the token does not take stays at the deposit address for another try. *Warns*: the
    /// address is this chain's alone: what is sent there on another chain is lost. A token that keeps a fee on transfers can't
    /// fund, and a full deposit of it waits until `payBy`. *Errors*: {BuyerIsZero}, {TokenHasNoCode}, {BalanceUnknown}, {NothingToCollect}, {DepositTooShort},
    /// {NotBuyer}, {ReturnFailed}, {WrongBalanceRise}, {PushNeedsGas}.
    /// @param terms the payment's terms
    /// @param token what to collect; zero: coin
    function collect(Terms calldata terms, address token) external;

    /// @notice Takes coin from the deposit address of a payment that is being collected; of no use to anyone else.
    /// @dev *Who*: that address, in {collect}; so it needs no lock. *Errors*: {NotDepositAddress}.
    function receiveDeposit(bytes32 id) external payable;

    // --------------------------------------------------------------------------------------------------- verbs: settling
    // All of them raise {NotFunded} for terms that were never funded, and {WrongStatus} where the verb does not exist. Those that
    // push money raise {PushNeedsGas} when the caller's gas could starve a receiver, {BalanceUnknown} where a token does not tell
    // its balance, {WrongBalanceFall} where it tells that another amount left. What a payee can't be paid becomes his credit.

    /// @notice The goods or the service were handed over; the dispute window opens.
    /// @dev *Who*: merchant or operator; `Funded`, within the delivery period. *Warns*: with a dispute window of zero it
    /// releases in the same tx, with a second event. *Errors*: {NotMerchantOrOperator}, {OperatorIsDismissed}, {ConfirmTooLate}.
    function confirmDelivery(Terms calldata terms) external;

    /// @notice Pays the merchant, less the fee.
    /// @dev *Who*: the buyer, any part, while money is held (while disputed, everything); anyone, everything, from the end of
    /// the dispute window. *Errors*: {NotBuyer}, {ReleaseTooEarly}, {AmountOutOfBounds}, {AmountExceedsHeld},
    /// {OnlyWholeWhileDisputed}.
    /// @param terms the payment's terms
    /// @param amount base units; `type(uint256).max`: everything held
    function release(Terms calldata terms, uint256 amount) external;

    /// @notice Pays the merchant everything held, less the fee, on the buyer's receipt.
    /// @dev *Who*: anyone with the buyer's EIP-712 signature of `Receipt(bytes32 id,address buyer)`, while money is held. *Warns*:
    /// a receipt can be signed ahead, even before funding, and can't be taken back: it is as good as the money. *Errors*:
    /// {NotBuyersReceipt}.
    /// @param terms the payment's terms
    /// @param signature 65 bytes `r, s, v`, or whatever the buyer's contract wallet (ERC-1271) accepts
    function releaseWithReceipt(Terms calldata terms, bytes calldata signature) external;

    /// @notice Gives money back to the buyer while it is held; no fee is taken.
    /// @dev *Who*: merchant or operator, any part, while money is held, after every deadline too (while disputed, everything).
    /// *Errors*: {NotMerchantOrOperator}, {OperatorIsDismissed}, {AmountOutOfBounds}, {AmountExceedsHeld},
    /// {OnlyWholeWhileDisputed}.
    /// @param terms the payment's terms
    /// @param amount base units; `type(uint256).max`: everything held
    function refund(Terms calldata terms, uint256 amount) external;

    /// @notice Sends everything held back to the buyer, because time ran out on the merchant or on the arbiter.
    /// @dev *Who*: anyone; `Funded` from the end of the delivery period, `Disputed` from the end of the arbitration period.
    /// *Errors*: {ReclaimTooEarly}.
    function reclaim(Terms calldata terms) external;

    /// @notice The buyer objects. From here only whole amounts move.
    /// @dev *Who*: the buyer; `Delivered`, within the dispute window. *Errors*: {NotBuyer}, {DisputeTooLate}.
    function dispute(Terms calldata terms) external;

    /// @notice The arbiter splits everything held; the fee is taken of the merchant's part.
    /// @dev *Who*: the arbiter; `Disputed`, within the arbitration period. *Errors*: {NotArbiter}, {ResolveTooLate},
    /// {PartsNotHeld}.
    /// @param terms the payment's terms
    /// @param toBuyer base units for the buyer
    /// @param toMerchant base units for the merchant, before the fee
    function resolve(Terms calldata terms, uint256 toBuyer, uint256 toMerchant) external;

    /// @notice The merchant gives back, out of his own wallet, what was released; all of it makes the status `Repaid`.
    /// @dev *Who*: the merchant himself; `Released` or `Resolved`. *Assumes*: for a token, an allowance to the escrow; for coin,
    /// exactly the part sent along. *Warns*: at most what was released in gross; the fee comes back from nobody else.
    /// *Errors*: {NotMerchant}, {AmountOutOfBounds}, {AmountExceedsRepayable}, {WrongCoinAmount}, {CoinSentWithToken},
    /// {TokenHasNoCode}, {BalanceUnknown}, {WrongBalanceRise}.
    /// @param terms the payment's terms
    /// @param amount base units; `type(uint256).max`: everything that is not repaid yet
    function repay(Terms calldata terms, uint256 amount) external payable;

    // ---------------------------------------------------------------------------------------------------- verbs: batches
    // An item that the single verb would refuse, or that stands in the batch twice, is skipped with {ItemSkipped}; the
    // others go ahead.

    /// @notice {release} of everything held, for many payments of one merchant, with one push to each payee.
    /// @dev *Who*: as {release}, item by item. *Warns*: a push that fails becomes one credit over all items. *Errors*:
    /// {PushNeedsGas}, {BalanceUnknown}, {WrongBalanceFall}.
    /// @param common the terms that all items share; its `buyer`, `amount`, `payBy` and `orderHash` are not read
    /// @param items what each payment has for itself
    function releaseMany(Terms calldata common, Item[] calldata items) external;

    /// @notice {confirmDelivery} for many payments of one merchant.
    /// @dev *Who*: merchant or operator. *Warns*: with a dispute window of zero it releases in the same tx. *Errors*:
    /// {NotMerchantOrOperator}, {OperatorIsDismissed}, {PushNeedsGas}, {BalanceUnknown}, {WrongBalanceFall}.
    /// @param common the terms that all items share; its `buyer`, `amount`, `payBy` and `orderHash` are not read
    /// @param items what each payment has for itself
    function confirmDeliveryMany(Terms calldata common, Item[] calldata items) external;

    // ---------------------------------------------------------------------------------------------------- verbs: accounts

    /// @notice Takes from `operator`, once and for all, every right to act for the caller: for a key that leaked.
    /// @dev *Who*: a merchant, for himself, at any time, for payments old and new. *Warns*: it can't be taken back.
    function dismissOperator(address operator) external;

    /// @notice Pays the credit of `account`, or a part of it, to `account`.
    /// @dev *Who*: anyone. *Warns*: no gas cap; on failure it reverts and the credit stays, so where the token can't move it whole,
    /// ask for less. *Errors*: {NoCredit}, {AmountOutOfBounds}, {AmountExceedsCredit}, {PushNeedsGas}, {WithdrawFailed},
    /// {BalanceUnknown}, {WrongBalanceFall}.
    /// @param amount base units; `type(uint256).max` means the whole credit
    function withdraw(address account, address token, uint256 amount) external;

    // ------------------------------------------------------------------------------------------------------------ views

    /// @notice The payment's id: `keccak256(abi.encode(TERMS_TYPEHASH, deployment chain id, escrow, terms))`.
    function idOf(Terms calldata terms) external view returns (bytes32);

    /// @notice The payment's slot; all zero when nothing was ever funded under the id.
    /// @dev *Assumes*: an id, that is the hash of some terms. *Warns*: the slot lies in the storage at the id itself. Any other
    /// number shows something else that the escrow keeps, and whoever likes can make one that shows any state, or none that can be
    /// read, so that the call reverts. So hash the terms, or ask {heldOf}, which does.
    function stateOf(bytes32 id) external view returns (PaymentState memory);

    /// @notice Many payments' slots by one call.
    function statesOf(bytes32[] calldata ids) external view returns (PaymentState[] memory);

    /// @notice What the escrow still keeps for the payment, in base units.
    function heldOf(Terms calldata terms) external view returns (uint256);

    /// @notice What the escrow owes `account` because pushing it failed, in base units of `token`.
    function creditOf(address account, address token) external view returns (uint256);

    /// @notice Where plain transfers for the payment go: a wallet (CREATE2, salt = id) that only the escrow commands. It is
    /// known before anything is there, and is made by the first {collect}. Terms without a named buyer have none: never send anything
    /// there, for nothing comes back.
    function depositAddressOf(bytes32 id) external view returns (address);

    /// @notice Whether the merchant has dismissed this operator.
    function isDismissed(address merchant, address operator) external view returns (bool);

    /// @notice Whether these terms with this buyer keep every bound; reverts with the one that breaks.
    /// @dev It reads no state, and so answers at any time.
    function checkTerms(Terms calldata terms, address buyer) external view;
}
