// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Batches} from "./Batches.sol";
import {Funding} from "./Funding.sol";
import {IEscrow, PaymentState, Terms} from "./IEscrow.sol";
import {State} from "./StateLib.sol";
import {TermsLib} from "./TermsLib.sol";

/// @title The escrow; {IEscrow} says what it promises.
/// @dev How payments are funded stands in `Funding`, what becomes of them in `Settling` and `Batches`, what is remembered of
/// them in `Ledger`, and how money moves in `Treasury`.
contract Escrow is Funding, Batches {
    using TermsLib for Terms;

    constructor() EIP712("Earnest Escrow", "1") {}

    // --------------------------------------------------------------------------------------------------------- accounts

    /// @inheritdoc IEscrow
    function dismissOperator(address operator) external nonReentrant {
        _dismissed[msg.sender][operator] = true;
        emit OperatorDismissed(msg.sender, operator);
    }

    /// @inheritdoc IEscrow
    function withdraw(address account, address token, uint256 amount) external nonReentrant {
        uint256 part = _payCredit(account, token, amount);
        emit CreditWithdrawn(account, token, part);
    }

    // ------------------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IEscrow
    function idOf(Terms calldata terms) external view nonReentrantView returns (bytes32) {
        return _idOf(terms);
    }

    /// @inheritdoc IEscrow
    function stateOf(bytes32 id) external view nonReentrantView returns (PaymentState memory) {
        return _stateOf(id).unpack();
    }

    /// @inheritdoc IEscrow
    function statesOf(bytes32[] calldata ids) external view nonReentrantView returns (PaymentState[] memory states) {
        states = new PaymentState[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            states[i] = _stateOf(ids[i]).unpack();
        }
    }

    /// @inheritdoc IEscrow
    function heldOf(Terms calldata terms) external view nonReentrantView returns (uint256) {
        bytes32 id = _idOf(terms);
        State state = _stateOf(id);
        if (!state.holds()) return 0;
        return state.isSplit() ? _heldOf(id, terms.amount) : terms.amount;
    }

    /// @inheritdoc IEscrow
    function creditOf(address account, address token) external view nonReentrantView returns (uint256) {
        return _credit(account, token);
    }

    /// @inheritdoc IEscrow
    function depositAddressOf(bytes32 id) external view nonReentrantView returns (address) {
        return _depositAddressOf(id);
    }

    /// @inheritdoc IEscrow
    function isDismissed(address merchant, address operator) external view nonReentrantView returns (bool) {
        return _dismissed[merchant][operator];
    }

    /// @inheritdoc IEscrow
    function checkTerms(Terms calldata terms, address buyer) external view {
        terms.check(buyer);
    }
}
