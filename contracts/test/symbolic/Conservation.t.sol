// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Terms} from "../../src/IEscrow.sol";
import {HonestToken} from "./HonestToken.sol";
import {svm, vm} from "./Cheats.sol";
import {both} from "./Logic.sol";
import {SymbolicEscrow} from "./SymbolicEscrow.sol";

/// @notice `Conservation`: whatever else is stored, for all terms with an amount below 2^128 and a fee of at most 10,000 hundredths of a
/// per cent, for all amounts, callers, times below 2^40 and every slot of the payment, if a verb does not revert, then the
/// merchant, the fee recipient and the buyer become richer by exactly what the verb gives each of them, a fourth account does
/// not, and what is held falls by exactly the sum. An account's wealth is its balance and its credit in the escrow; any push may
/// fail. The four are different accounts at fixed addresses. Bounds: see `SymbolicEscrow` and `docs/proofs.md`.
abstract contract Conservation is SymbolicEscrow {
    struct Scene {
        uint96 slot; // of the payment, without its buyer
        address caller; // not the escrow
        uint256 coin; // what the caller has, and sends to verbs that take it
        uint40 time;
    }

    struct Books {
        Terms terms;
        bytes32 id;
        uint256 held;
        uint256 givenBack; // as the second slot has it
        uint256 fee;
        uint256[4] wealth;
    }

    address internal constant MERCHANT = address(0xa11);
    address internal constant FEE_RECIPIENT = address(0xa12);
    address internal constant BUYER = address(0xa13);
    address internal constant OTHER = address(0xa14);

    function _token() internal virtual returns (address);

    function _balanceOf(address account) internal view virtual returns (uint256);

    /// @notice Funding takes the amount from the caller, who is the fourth here; it is held.
    function check_fund(Terms memory terms, address buyer, Scene memory scene) external {
        scene.caller = OTHER;
        Books memory books = _before(terms, scene);
        if (!done(OTHER, scene.coin, abi.encodeCall(IEscrow.fund, (terms, buyer)))) return;
        bool moved = _rose(books, [0, 0, 0, _minus(terms.amount)]);
        assert(both(moved, both(books.held == 0, escrow.heldOf(terms) == terms.amount)));
    }

    /// @notice Release pays the part less the fee to the merchant, and the fee to its recipient; any part, any fee.
    function check_release(Terms memory terms, uint256 amount, Scene memory scene) external {
        Books memory books = _before(terms, scene);
        uint256 released = amount == ALL ? books.held : amount;
        books.fee = escrow.feeOn(books.id, terms.feeBps, released);
        if (!done(scene.caller, 0, abi.encodeCall(IEscrow.release, (terms, amount)))) return;
        _assertMoved(books, released, 0);
    }

    /// @notice A release by receipt pays all that is held.
    function check_releaseWithReceipt(Terms memory terms, Scene memory scene) external {
        Books memory books = _before(terms, scene);
        bytes memory signature = svm.createBytes(65, "signature");
        uint256 released = books.held;
        books.fee = escrow.feeOn(books.id, terms.feeBps, released);
        if (!done(scene.caller, 0, abi.encodeCall(IEscrow.releaseWithReceipt, (terms, signature)))) return;
        _assertMoved(books, released, 0);
    }

    /// @notice Refund pays the part to the buyer, without a fee.
    function check_refund(Terms memory terms, uint256 amount, Scene memory scene) external {
        Books memory books = _before(terms, scene);
        if (!done(scene.caller, 0, abi.encodeCall(IEscrow.refund, (terms, amount)))) return;
        _assertMoved(books, 0, amount == ALL ? books.held : amount);
    }

    /// @notice Reclaim pays all that is held to the buyer.
    function check_reclaim(Terms memory terms, Scene memory scene) external {
        Books memory books = _before(terms, scene);
        if (!done(scene.caller, 0, abi.encodeCall(IEscrow.reclaim, (terms)))) return;
        _assertMoved(books, 0, books.held);
    }

    /// @notice Dispute moves nothing.
    function check_dispute(Terms memory terms, Scene memory scene) external {
        Books memory books = _before(terms, scene);
        if (!done(scene.caller, 0, abi.encodeCall(IEscrow.dispute, (terms)))) return;
        _assertMoved(books, 0, 0);
    }

    /// @notice Repay takes the part from the merchant and gives it to the buyer; what he was given back never exceeds the amount.
    function check_repay(Terms memory terms, uint256 amount, Scene memory scene) external {
        scene.caller = MERCHANT;
        Books memory books = _before(terms, scene);
        if (!done(MERCHANT, scene.coin, abi.encodeCall(IEscrow.repay, (terms, amount)))) return;
        uint256 repayable = terms.amount - books.givenBack;
        uint256 part = amount == ALL ? repayable : amount;
        bool moved = both(_rose(books, [_minus(part), 0, part, 0]), part <= repayable);
        assert(both(moved, both(books.held == 0, escrow.heldOf(terms) == 0)));
    }

    /// @notice Withdrawing turns credit into balance, for its owner alone.
    function check_withdraw(Terms memory terms, Scene memory scene, uint256 amount) external {
        Books memory books = _before(terms, scene);
        if (!done(scene.caller, 0, abi.encodeCall(IEscrow.withdraw, (BUYER, terms.token, amount)))) return;
        assert(both(_rose(books, [uint256(0), 0, 0, 0]), escrow.heldOf(terms) == books.held));
    }

    function _before(Terms memory terms, Scene memory scene) internal returns (Books memory books) {
        vm.warp(scene.time);
        vm.deal(scene.caller, scene.coin);
        vm.assume(both(scene.caller != address(escrow), both(terms.amount < 1 << 128, terms.feeBps <= 10_000)));
        (terms.token, terms.merchant, terms.feeRecipient) = (_token(), MERCHANT, FEE_RECIPIENT);
        books.terms = terms;
        books.id = escrow.idOf(terms);
        vm.assume(uint48(scene.slot) < type(uint48).max - 1);
        vm.store(address(escrow), books.id, bytes32(uint256(uint160(BUYER)) << 96 | scene.slot));
        (books.held, books.givenBack) = (escrow.heldOf(terms), escrow.givenBackOf(books.id));
        books.wealth = _wealths(terms.token);
    }

    function _wealths(address token) private view returns (uint256[4] memory) {
        return [_wealth(token, MERCHANT), _wealth(token, FEE_RECIPIENT), _wealth(token, BUYER), _wealth(token, OTHER)];
    }

    function _wealth(address token, address who) private view returns (uint256) {
        unchecked {
            return _balanceOf(who) + escrow.creditOf(who, token);
        }
    }

    /// @dev Modulo 2^256, where amounts below 2^128 can't be mistaken.
    function _rose(Books memory books, uint256[4] memory by) private view returns (bool all) {
        uint256[4] memory later = _wealths(books.terms.token);
        all = true;
        unchecked {
            for (uint256 i = 0; i < 4; ++i) {
                all = both(all, later[i] == books.wealth[i] + by[i]);
            }
        }
    }

    function _minus(uint256 amount) private pure returns (uint256) {
        unchecked {
            return 0 - amount;
        }
    }

    /// @param released to the merchant's side, the fee included
    function _assertMoved(Books memory books, uint256 released, uint256 toBuyer) internal view {
        unchecked {
            bool moved = _rose(books, [released - books.fee, books.fee, toBuyer, 0]);
            assert(both(moved, escrow.heldOf(books.terms) == books.held - released - toBuyer));
        }
    }
}

/// @notice In coin; a push fails where the escrow has too little of it. The two verbs with the most paths are proven here alone.
contract ConservationInCoinProof is Conservation {
    /// @notice Confirming delivery moves nothing, or releases all if there is no dispute window.
    function check_confirmDelivery(Terms memory terms, Scene memory scene) external {
        Books memory books = _before(terms, scene);
        uint256 released = terms.disputeWindow == 0 ? books.held : 0;
        books.fee = escrow.feeOn(books.id, terms.feeBps, released);
        if (!done(scene.caller, 0, abi.encodeCall(IEscrow.confirmDelivery, (terms)))) return;
        _assertMoved(books, released, 0);
    }

    /// @notice Resolve pays both parts, which are all that is held; the fee is on the merchant's.
    function check_resolve(Terms memory terms, uint256 toBuyer, uint256 toMerchant, Scene memory scene) external {
        Books memory books = _before(terms, scene);
        books.fee = escrow.feeOn(books.id, terms.feeBps, toMerchant);
        if (!done(scene.caller, 0, abi.encodeCall(IEscrow.resolve, (terms, toBuyer, toMerchant)))) return;
        _assertMoved(books, toMerchant, toBuyer);
    }

    function _token() internal override returns (address) {
        uint256 balance = svm.createUint256("balance");
        vm.assume(balance < 1 << 120);
        vm.deal(address(escrow), balance);
        return address(0);
    }

    function _balanceOf(address account) internal view override returns (uint256) {
        return account.balance;
    }
}

/// @notice In an honest token that may refuse anyone, with any balances.
contract ConservationInTokensProof is Conservation {
    HonestToken private _honest;

    function setUp() public override {
        super.setUp();
        _honest = new HonestToken();
        svm.enableSymbolicStorage(address(_honest));
    }

    function _token() internal view override returns (address) {
        return address(_honest);
    }

    function _balanceOf(address account) internal view override returns (uint256) {
        return _honest.balanceOf(account);
    }
}
