// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PaymentState, Status, Terms} from "../../src/IEscrow.sol";
import {Property, Verb} from "./Books.sol";
import {Conduct} from "./World.sol";
import {Observer} from "./Observer.sol";

/// @notice Holds what a call did against what the books expect: whose money moved, what is held, and whether it is there.
abstract contract Judge is Observer {
    /// @dev Balances before a call.
    struct Before {
        uint256[] inEscrow; // by token
        uint256[] coinOf; // by actor
        uint256 coinInWallet;
    }

    uint256[] private owed; // by token, what the views say is held

    // ------------------------------------------------------------------------------------------------------------- before

    function _before(Action memory action) internal view returns (Before memory b) {
        b.inEscrow = _inEscrow();
        if (action.token != address(0)) return b;
        b.coinOf = new uint256[](actors.length);
        for (uint256 i = 0; i < actors.length; ++i) {
            b.coinOf[i] = actors[i].balance;
        }
        b.coinInWallet = _coinInWallet(action);
    }

    function _inEscrow() private view returns (uint256[] memory balances) {
        balances = new uint256[](tokens.length);
        for (uint256 i = 0; i < balances.length; ++i) {
            balances[i] = _balance(tokens[i], address(escrow));
        }
    }

    function _coinInWallet(Action memory action) private view returns (uint256) {
        return action.verb == Verb.Collect ? escrow.depositAddressOf(action.targets[0]).balance : 0;
    }

    // ------------------------------------------------------------------------------------------------------------ judging

    function _judge(Action memory action, Before memory b, Deed memory deed) internal {
        if (action.token == address(0)) _seeCoin(action, b, deed);
        if (!_areParties(action, deed)) _break(Property.OnlyParties, "money went to somebody else");
        else if (conductOf[action.token] == Conduct.Good && !deed.credited) _judgeFlows(deed);
        _judgeBalances(action, b, deed);
        _judgePayments();
        _judgeSolvency(action);
    }

    /// @dev Coin leaves no logs; the actors' balances tell.
    function _seeCoin(Action memory action, Before memory b, Deed memory deed) private {
        uint256 left = b.inEscrow[0] + b.coinInWallet + action.value;
        uint256 there = address(escrow).balance + _coinInWallet(action);
        uint256 arrived = 0;
        for (uint256 i = 0; i < actors.length; ++i) {
            uint256 had = b.coinOf[i];
            if (actors[i] == action.caller) had -= action.value;
            uint256 has = actors[i].balance;
            if (has < had) _break(Property.Binding, "coin was taken from an account");
            if (has <= had) continue;
            arrived += has - had;
            deed.seen[deed.seens++] = Flow(actors[i], has - had);
        }
        if (there + arrived != left) _break(Property.OnlyParties, "coin went to nobody who is known");
    }

    function _areParties(Action memory action, Deed memory deed) private view returns (bool) {
        for (uint256 i = 0; i < deed.seens; ++i) {
            if (!_isParty(action, deed.seen[i].to)) return false;
        }
        return true;
    }

    /// @dev To each party must have gone what the events say.
    function _judgeFlows(Deed memory deed) private {
        for (uint256 i = 0; i < deed.tolds; ++i) {
            _judgeFlow(deed, deed.told[i].to);
        }
        for (uint256 i = 0; i < deed.seens; ++i) {
            _judgeFlow(deed, deed.seen[i].to);
        }
    }

    function _judgeFlow(Deed memory deed, address to) private {
        if (_sum(deed.told, to) != _sum(deed.seen, to)) {
            _break(Property.Conservation, "a party got another amount than the event says");
        }
    }

    function _sum(Flow[] memory flows, address to) private pure returns (uint256 sum) {
        for (uint256 i = 0; i < flows.length; ++i) {
            if (flows[i].to == to) sum += flows[i].amount;
        }
    }

    function _isParty(Action memory action, address account) private view returns (bool) {
        if (action.verb == Verb.Withdraw) return account == action.account;
        for (uint256 i = 0; i < action.targets.length; ++i) {
            Book storage book = books[action.targets[i]];
            if (account == book.terms.merchant || account == book.terms.feeRecipient) return true;
            // What a deposit address gives back may never have been funded.
            if (account == (book.buyer == address(0) ? book.terms.buyer : book.buyer)) return true;
        }
        return false;
    }

    /// @dev Of the one token as much as the events say, of the others nothing.
    function _judgeBalances(Action memory action, Before memory b, Deed memory deed) private {
        uint256[] memory has = _inEscrow();
        for (uint256 i = 0; i < tokens.length; ++i) {
            if (tokens[i] != action.token && has[i] < b.inEscrow[i] && conductOf[tokens[i]] != Conduct.Rebasing) {
                _break(Property.Isolation, "less of another token");
            }
        }
        Conduct conduct = conductOf[action.token];
        if (conduct == Conduct.Unknown || conduct == Conduct.Rebasing) return;
        uint256 i_ = indexOf[action.token];
        uint256 came = deed.funded;
        if (action.verb == Verb.Repay && action.token == address(0)) came += action.value;
        if (has[i_] + deed.left < b.inEscrow[i_] + came) _break(Property.Solvency, "more left than the events say");
        if (has[i_] + deed.left > b.inEscrow[i_] + came) {
            _break(Property.Conservation, "less left than the events say");
        }
    }

    // ------------------------------------------------------------------------------------------------ payments and credits

    function _judgePayments() private {
        delete owed;
        for (uint256 i = 0; i < tokens.length; ++i) {
            owed.push(0);
        }
        PaymentState[] memory states = escrow.statesOf(slots);
        for (uint256 i = 0; i < slots.length; ++i) {
            _judgePayment(slots[i], states[i]);
        }
        if (archive.length == 0) return;
        bytes32 old = archive[_roll(archive.length)];
        _judgePayment(old, escrow.stateOf(old));
    }

    /// @dev The books know the payment from its logs alone.
    function _judgePayment(bytes32 id, PaymentState memory state) private {
        Book storage book = books[id];
        (bool target, uint256 held) = (_isTarget(id), _heldOf(book, state.status));
        owed[indexOf[book.terms.token]] += held;
        if (state.seq != book.seq) {
            _break(target ? Property.SeqGapless : Property.Isolation, "a number without its event");
        }
        if (state.status != book.status || state.since != book.since) {
            _break(target ? Property.OnlyForward : Property.Isolation, "a status without its event");
        }
        if (state.buyer != book.buyer) _break(target ? Property.Binding : Property.Isolation, "another buyer");
        if (held != _heldBy(book)) {
            _break(target ? Property.Conservation : Property.Isolation, "another amount held than the events say");
        }
    }

    /// @dev What the view says; something that is no amount where it reverts.
    function _heldOf(Book storage book, Status status) private view returns (uint256) {
        if (!_holds(status) && !_holds(book.status)) return 0;
        Terms memory terms = book.terms;
        try escrow.heldOf(terms) returns (uint256 held) {
            return held;
        } catch {
            return 1 << 200;
        }
    }

    /// @dev For the token that moved; the others' balances did not fall, and their payments are what they were.
    function _judgeSolvency(Action memory action) private {
        if (conductOf[action.token] == Conduct.Unknown) return;
        for (uint256 i = 0; i < action.targets.length; ++i) {
            Book storage book = books[action.targets[i]];
            _judgeCredit(action.token, book.terms.merchant);
            _judgeCredit(action.token, book.buyer);
            if (book.terms.feeRecipient != book.terms.merchant) _judgeCredit(action.token, book.terms.feeRecipient);
        }
        if (!_isSolvent(action.token)) _break(Property.Solvency, "more is owed than is there");
    }

    /// @dev Money that left the books for a credit is there as one.
    function _judgeCredit(address token_, address account) internal {
        uint256 credit = escrow.creditOf(account, token_);
        if (credit < credits[token_][account]) _break(Property.Conservation, "a credit is missing");
        if (credit > credits[token_][account]) _noteCreditor(token_, account);
    }

    function _noteCreditor(address token_, address account) internal {
        if (isCreditor[token_][account]) return;
        isCreditor[token_][account] = true;
        creditors[token_].push(account);
    }

    /// @dev Balance ≥ everything held and credited, by the views; a rebasing token can't promise it.
    function _isSolvent(address token_) internal view returns (bool) {
        if (conductOf[token_] == Conduct.Rebasing) return true;
        if (token_ != address(0) && token_.code.length == 0) return true;
        uint256 sum = owed[indexOf[token_]];
        for (uint256 i = 0; i < creditors[token_].length; ++i) {
            sum += escrow.creditOf(creditors[token_][i], token_);
        }
        return _balance(token_, address(escrow)) >= sum;
    }

    // ------------------------------------------------------------------------------------------------------------ auditing

    /// @dev Everything at once: all accounts' credits in all tokens, and all payments of the past.
    function _audit() internal {
        _judgePayments();
        for (uint256 i = 0; i < tokens.length; ++i) {
            for (uint256 j = 0; j < actors.length; ++j) {
                _judgeCredit(tokens[i], actors[j]);
            }
            if (!_isSolvent(tokens[i])) _break(Property.Solvency, "more is owed than is there, all counted");
        }
        for (uint256 i = 0; i < archive.length; ++i) {
            _judgePayment(archive[i], escrow.stateOf(archive[i]));
        }
    }
}
