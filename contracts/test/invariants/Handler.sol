// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Status, Terms} from "../../src/IEscrow.sol";
import {Verb} from "./Books.sol";
import {WorldVerbs} from "./WorldVerbs.sol";

/// @notice Everything that a run may call, and the way out of it.
contract Handler is WorldVerbs {
    /// @dev A world in which nothing was ever funded would waste the first calls.
    constructor() {
        for (uint256 i = 0; i < 8; ++i) {
            _begin(i);
            _fund(tokens[i % 5]);
        }
    }

    function selectors() external pure returns (bytes4[] memory list) {
        list = new bytes4[](23);
        (list[0], list[1], list[2]) = (this.fund.selector, this.fundWithPermit.selector, this.collect.selector);
        (list[3], list[4]) = (this.fundWithAuthorization.selector, this.fundWithPermit2.selector);
        (list[5], list[6]) = (this.sendToDeposit.selector, this.confirmDelivery.selector);
        (list[7], list[8]) = (this.release.selector, this.releaseWithReceipt.selector);
        (list[9], list[10]) = (this.refund.selector, this.reclaim.selector);
        (list[11], list[12]) = (this.dispute.selector, this.resolve.selector);
        (list[13], list[14]) = (this.repay.selector, this.releaseMany.selector);
        (list[15], list[16]) = (this.confirmDeliveryMany.selector, this.dismissOperator.selector);
        (list[17], list[18]) = (this.withdraw.selector, this.meddle.selector);
        (list[19], list[20]) = (this.passTime.selector, this.upsetReceivers.selector);
        (list[21], list[22]) = (this.upsetTokens.selector, this.audit.selector);
    }

    // ---------------------------------------------------------------------------------------------------------- the way out

    /// @notice Lets all time pass, and a stranger alone empty every payment; then he withdraws every credit.
    /// @return complaint what could not be moved; empty: everything could, and all of it was judged as always
    function exit() external returns (string memory complaint) {
        _begin(0);
        _goTo(clock + 401 days);
        // First with all receivers and tokens as bad as they are: who may refuse money may not keep it from moving on.
        complaint = _emptyAll(false);
        _calmTokens();
        moody.setOpen(true);
        moodyToo.setOpen(true);
        complaint = string.concat(complaint, _emptyAll(true), _withdrawAll());
        _audit();
    }

    function _emptyAll(bool calm) private returns (string memory complaint) {
        for (uint256 i = 0; i < slots.length; ++i) {
            bytes32 id = slots[i];
            if (!_holds(books[id].status) || !(calm || _letsItselfBeAsked(books[id].terms.token))) continue;
            if (!_empty(id) && _isBacked(id)) {
                complaint = string.concat(complaint, "not to be emptied: ", vm.toString(id), "; ");
            }
        }
    }

    /// @dev The other tokens can lie about a transfer in its midst; while they do, nothing moves that would be lost.
    function _letsItselfBeAsked(address token_) private view returns (bool) {
        return token_ != address(vanishing) && token_ != address(senderPays) && token_ != address(rebasing);
    }

    /// @dev A token that rebased downwards may have left less than is held.
    function _isBacked(bytes32 id) private view returns (bool) {
        return books[id].terms.token != address(rebasing) || rebasing.balanceOf(address(escrow)) >= _heldBy(books[id]);
    }

    function _empty(bytes32 id) private returns (bool) {
        ++steps;
        bool delivered = books[id].status == Status.Delivered;
        Action memory action = _action(delivered ? Verb.Release : Verb.Reclaim, id);
        action.caller = people[12];
        Terms memory terms = books[id].terms;
        action.data = delivered ? abi.encodeCall(escrow.release, (terms, ALL)) : abi.encodeCall(escrow.reclaim, (terms));
        return _actWithPlenty(action);
    }

    function _withdrawAll() private returns (string memory complaint) {
        for (uint256 i = 0; i < tokens.length; ++i) {
            for (uint256 j = 0; j < creditors[tokens[i]].length; ++j) {
                address account = creditors[tokens[i]][j];
                bool willing = tokens[i] != address(0) || _isWilling(account) || account == address(moody);
                if (!willing || tokens[i] == address(rebasing) || credits[tokens[i]][account] == 0) continue;
                if (!_withdraw(account, tokens[i])) {
                    complaint = string.concat(complaint, "a credit can't be withdrawn; ");
                }
            }
        }
    }

    function _withdraw(address account, address token_) private returns (bool) {
        ++steps;
        Action memory action;
        (action.verb, action.caller, action.account, action.token) = (Verb.Withdraw, people[12], account, token_);
        action.amount = ALL;
        action.data = abi.encodeCall(escrow.withdraw, (account, token_, ALL));
        return _actWithPlenty(action);
    }
}
