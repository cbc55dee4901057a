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

/// @notice A payment's one storage slot.
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
/// @notice No owner, no upgrade, no pause. Every verb takes the payment's terms; the escrow knows only their hash.
///
/// *Assumptions.* A token's balance of the escrow falls only by the escrow's own transfers (rebasing tokens break this for
/// themselves and touch no other token).
///
/// *Warnings.* A payment is a merchant's only if he created its id: anyone can fund terms that merely name him. The amounts
/// in events are base units. Time intervals are half-open: `[from, until)`.
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
    /// @dev All the following events have this one shape.
    /// @param id the payment
    /// @param seq one more than the payment's event before
    /// @param status the status after this event; partial amounts leave it as it was
    /// @param held what the escrow keeps for the payment after this event
    /// @param toMerchant what went to the merchant by this event, the fee already taken off
    /// @param toFeeRecipient the fee
    /// @param toBuyer what went back to the buyer
    /// @param credited bits: 1 merchant, 2 fee recipient, 4 buyer; that push failed, and the money is a credit to withdraw
    event DeliveryConfirmed(
        bytes32 indexed id,
        uint48 seq,
        Status status,
        uint256 held,
        uint256 toMerchant,
        uint256 toFeeRecipient,
        uint256 toBuyer,
        uint8 credited
    );

    /// @notice Money went to the merchant, less the fee. See {DeliveryConfirmed} for the fields.
    event PaymentReleased(
        bytes32 indexed id,
        uint48 seq,
        Status status,
        uint256 held,
        uint256 toMerchant,
        uint256 toFeeRecipient,
        uint256 toBuyer,
        uint8 credited
    );

    /// @notice The merchant or the operator gave money back to the buyer. See {DeliveryConfirmed} for the fields.
    event PaymentRefunded(
        bytes32 indexed id,
        uint48 seq,
        Status status,
        uint256 held,
        uint256 toMerchant,
        uint256 toFeeRecipient,
        uint256 toBuyer,
        uint8 credited
    );

    /// @notice Time ran out on the merchant or on the arbiter: the buyer has his money back. See {DeliveryConfirmed}.
    event PaymentReclaimed(
        bytes32 indexed id,
        uint48 seq,
        Status status,
        uint256 held,
        uint256 toMerchant,
        uint256 toFeeRecipient,
        uint256 toBuyer,
        uint8 credited
    );

    /// @notice The buyer objected inside the dispute window; the arbitration period begins. See {DeliveryConfirmed}.
    event PaymentDisputed(
        bytes32 indexed id,
        uint48 seq,
        Status status,
        uint256 held,
        uint256 toMerchant,
        uint256 toFeeRecipient,
        uint256 toBuyer,
        uint8 credited
    );

    /// @notice The arbiter split what was held. See {DeliveryConfirmed} for the fields.
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

    /// @notice A credit was paid out, in full, to the account that it belonged to.
    event CreditWithdrawn(address indexed account, address indexed token, uint256 amount);

    // ------------------------------------------------------------------------------------- errors of terms, at funding

    /// @notice The amount must lie within `0 < amount < 2^128`, and a part must not be zero.
    error AmountOutOfBounds(uint256 amount);
    /// @notice The terms name no merchant.
    error MerchantIsZero();
    /// @notice Neither the terms nor the payer name a buyer.
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
    /// @notice The token did not raise the escrow's balance by exactly the amount.
    error WrongBalanceRise(uint256 balanceBefore, uint256 balanceAfter, uint256 amount);

    // ------------------------------------------------------------------------------------------ errors of the verbs

    /// @notice Nothing was ever funded under these terms.
    error NotFunded(bytes32 id);
    /// @notice The verb does not exist in this status.
    error WrongStatus(bytes32 id, Status status);
    /// @notice Only the merchant or the operator may.
    error NotMerchantOrOperator(address caller);
    /// @notice Only the buyer may (others may release only everything, and only after the dispute window).
    error NotBuyer(address caller);
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
    /// @notice While disputed, only the whole held amount moves.
    error OnlyWholeWhileDisputed(uint256 amount, uint256 held);
    /// @notice The two parts of a resolution must add up to exactly what is held.
    error PartsNotHeld(uint256 toBuyer, uint256 toMerchant, uint256 held);

    // ------------------------------------------------------------------------------------------ errors of money moving

    /// @notice Too little gas is left to give a receiver all that it may use; send the tx with more.
    error PushNeedsGas(uint256 gasLeft, uint256 gasNeeded);
    /// @notice A token moved another amount than it was told to.
    error WrongBalanceFall(uint256 balanceBefore, uint256 balanceAfter, uint256 amount);
    /// @notice The account has no credit in this token.
    error NoCredit(address account, address token);
    /// @notice The account or the token did not take the withdrawal; the credit stays.
    error WithdrawFailed(address account, address token, uint256 amount);

    // ------------------------------------------------------------------------------------------------------------ verbs

    /// @notice Brings the whole amount, always from the caller, for `buyer`.
    /// @dev Checks the terms, once and for all. Tokens need an allowance to the escrow.
    /// @param terms the payment's terms
    /// @param buyer who gets money back; the one named in the terms, if there is one
    function fund(Terms calldata terms, address buyer) external payable;

    /// @notice Merchant or operator say, within the delivery period, that the goods were handed over.
    /// @dev With a dispute window of zero it releases in the same tx, with a second event.
    function confirmDelivery(Terms calldata terms) external;

    /// @notice Pays the merchant, less the fee: by the buyer at any time while money is held, by anyone (everything) from
    /// the end of the dispute window.
    /// @param terms the payment's terms
    /// @param amount base units; `type(uint256).max`: everything held
    function release(Terms calldata terms, uint256 amount) external;

    /// @notice Merchant or operator give money back to the buyer while it is held; no fee is taken.
    /// @param terms the payment's terms
    /// @param amount base units; `type(uint256).max`: everything held
    function refund(Terms calldata terms, uint256 amount) external;

    /// @notice Anyone sends everything held back to the buyer: from the end of the delivery period while funded, from the
    /// end of the arbitration period while disputed.
    function reclaim(Terms calldata terms) external;

    /// @notice The buyer objects, within the dispute window. From here only whole amounts move.
    function dispute(Terms calldata terms) external;

    /// @notice The arbiter splits everything held, within the arbitration period.
    /// @param terms the payment's terms
    /// @param toBuyer base units for the buyer
    /// @param toMerchant base units for the merchant, before the fee
    function resolve(Terms calldata terms, uint256 toBuyer, uint256 toMerchant) external;

    /// @notice Pays the credit of `account` to `account`, whoever calls. No gas cap; reverts on failure.
    function withdraw(address account, address token) external;

    // ------------------------------------------------------------------------------ views (revert while a call is under way)

    /// @notice The payment's id: `keccak256(abi.encode(TERMS_TYPEHASH, deployment chain id, escrow, terms))`.
    function idOf(Terms calldata terms) external view returns (bytes32);

    /// @notice The payment's slot; all zero when nothing was ever funded under the id.
    function stateOf(bytes32 id) external view returns (PaymentState memory);

    /// @notice Many payments' slots by one call.
    function statesOf(bytes32[] calldata ids) external view returns (PaymentState[] memory);

    /// @notice What the escrow still keeps for the payment, in base units.
    function heldOf(Terms calldata terms) external view returns (uint256);

    /// @notice What the escrow owes `account` because pushing it failed, in base units of `token`.
    function creditOf(address account, address token) external view returns (uint256);
}
