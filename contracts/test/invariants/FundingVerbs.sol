// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Terms} from "../../src/IEscrow.sol";
import {Acting} from "./Acting.sol";
import {Verb} from "./Books.sol";

/// @notice Paying from one's own wallet, and by plain transfers to deposit addresses.
abstract contract FundingVerbs is Acting {
    function fund(uint256 seed) external step(seed) {
        _fund(_token());
    }

    function _fund(address token_) internal {
        bytes32 id = _toFund(token_);
        Terms memory terms = books[id].terms;
        Action memory action = _action(Verb.Fund, id);
        action.caller = action.payer = _any(actors);
        action.buyer = _chosenBuyer(terms);
        if (terms.token == address(0)) action.value = _oneIn(20) ? terms.amount ^ 1 : terms.amount;
        else if (_oneIn(20)) action.value = 1;
        if (_oneIn(10)) _nearly(terms.payBy);
        action.data = abi.encodeCall(escrow.fund, (terms, action.buyer));
        _act(action);
    }

    function _chosenBuyer(Terms memory terms) internal returns (address) {
        return terms.buyer == address(0) || _oneIn(12) ? _buyer() : terms.buyer;
    }

    // ---------------------------------------------------------------------------------------------------- deposit addresses

    function sendToDeposit(uint256 seed) external step(seed) {
        _sendToDeposit(_oneIn(3) ? _pickAny() : _toFund(_depositToken()));
    }

    function _sendToDeposit(bytes32 id) private {
        Terms memory terms = books[id].terms;
        address token_ = _oneIn(6) ? tokens[_roll(tokens.length)] : terms.token;
        uint256 amount = terms.amount > WEALTH ? 1 : terms.amount;
        uint256 kind = _roll(6);
        if (kind == 0) amount += 1 + _roll(100);
        if (kind == 1) amount = amount / 2 + 1;
        _transfer(token_, _any(actors), escrow.depositAddressOf(id), amount);
    }

    /// @dev Any of them, but one half of the time one that can be paid out of at once.
    function _depositToken() private returns (address) {
        if (_oneIn(2)) return _token();
        return [address(0), address(signable), address(usdc), address(big)][_roll(4)];
    }

    /// @dev A plain one, that the escrow does not hear of.
    function _transfer(address token_, address from, address to, uint256 amount) internal returns (bool ok) {
        vm.prank(from);
        if (token_ == address(0)) (ok,) = to.call{value: amount}("");
        else (ok,) = token_.call(abi.encodeCall(IERC20.transfer, (to, amount)));
    }

    function collect(uint256 seed) external step(seed) {
        bytes32 id = _withDeposit();
        Terms memory terms = books[id].terms;
        Action memory action = _action(Verb.Collect, id);
        if (_oneIn(6)) action.token = tokens[_roll(tokens.length)];
        action.caller = _oneIn(3) ? _mostly(terms.buyer) : _any(actors);
        action.payer = escrow.depositAddressOf(id);
        if (_oneIn(10)) _nearly(terms.payBy);
        action.data = abi.encodeCall(escrow.collect, (terms, action.token));
        _act(action);
    }

    /// @return a payment whose deposit address has something of its token, if there is one
    function _withDeposit() private returns (bytes32) {
        uint256 start = _roll(slots.length);
        for (uint256 i = 0; i < slots.length; ++i) {
            bytes32 id = slots[(start + i) % slots.length];
            if (_balance(books[id].terms.token, escrow.depositAddressOf(id)) != 0) return id;
        }
        bytes32 fresh = _toFund(_depositToken());
        _sendToDeposit(fresh);
        return fresh;
    }
}
