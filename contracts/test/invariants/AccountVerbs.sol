// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms} from "../../src/IEscrow.sol";
import {DepositWallet} from "../../src/DepositWallet.sol";
import {BatchVerbs} from "./BatchVerbs.sol";
import {Property, Verb} from "./Books.sol";

/// @notice What concerns accounts instead of payments, and the tries of those who have no business here.
abstract contract AccountVerbs is BatchVerbs {
    function dismissOperator(uint256 seed) external step(seed) {
        Action memory action;
        action.verb = Verb.DismissOperator;
        action.caller = _oneIn(3) ? _any(actors) : people[3 + _roll(3)];
        // One in three is somebody who is an operator of no one.
        action.data = abi.encodeCall(escrow.dismissOperator, (people[5 + _roll(4)]));
        _act(action);
    }

    function withdraw(uint256 seed) external step(seed) {
        Action memory action;
        (action.verb, action.caller) = (Verb.Withdraw, _any(actors));
        (action.account, action.token) = _someCredit();
        action.amount = _part(credits[action.token][action.account]);
        action.data = abi.encodeCall(escrow.withdraw, (action.account, action.token, action.amount));
        _act(action);
    }

    /// @return account and token of a credit, if there is one
    function _someCredit() private returns (address, address) {
        uint256 start = _oneIn(2) ? 0 : _roll(tokens.length); // coin first
        for (uint256 i = 0; i < tokens.length; ++i) {
            address token_ = tokens[(start + i) % tokens.length];
            uint256 first = creditors[token_].length == 0 ? 0 : _roll(creditors[token_].length);
            for (uint256 j = 0; j < creditors[token_].length; ++j) {
                address account = creditors[token_][(first + j) % creditors[token_].length];
                if (credits[token_][account] != 0) return (account, token_);
            }
        }
        return (_any(actors), tokens[start]);
    }

    /// @dev Any function of the escrow with a payment's terms and nonsense behind them, and its wallets' own functions.
    function meddle(uint256 seed) external step(seed) {
        bytes32 id = _pickAny();
        Action memory action = _action(Verb.Meddle, id);
        action.caller = people[12];
        uint256 kind = _roll(6);
        if (kind < 2) return _commandWallet(id, action.caller);
        if (kind == 2) action.data = abi.encodeCall(escrow.receiveDeposit, (id));
        if (kind == 3) action.data = abi.encodePacked(bytes4(uint32(_roll(1 << 32))), abi.encode(books[id].terms));
        if (kind == 4) action.data = abi.encodeCall(escrow.refund, (_altered(id), ALL));
        if (kind == 5) action.data = abi.encodeCall(escrow.release, (_altered(id), ALL));
        if (_oneIn(2)) action.value = _roll(3);
        if (_act(action)) _break(Property.OnlyForward, "a meddler got through");
    }

    /// @dev A payment with oneself as merchant or buyer; one's own already is altered otherwise.
    function _altered(bytes32 id) private returns (Terms memory terms) {
        terms = books[id].terms;
        if (_oneIn(2)) terms.merchant = people[12];
        else terms.buyer = people[12];
        if (escrow.idOf(terms) == id) terms.orderHash = ~terms.orderHash;
    }

    function _commandWallet(bytes32 id, address stranger_) private {
        DepositWallet wallet = DepositWallet(payable(escrow.depositAddressOf(id)));
        if (address(wallet).code.length == 0) return;
        address token_ = books[id].terms.token;
        uint256 balance = _balance(token_, address(wallet));
        bool coin = token_ == address(0);
        vm.prank(stranger_);
        try wallet.execute(
            coin ? stranger_ : token_,
            coin ? balance : 0,
            coin ? bytes("") : abi.encodeWithSignature("transfer(address,uint256)", stranger_, balance)
        ) {
            _break(Property.OnlyParties, "a stranger commands a deposit address");
        } catch {}
    }
}
