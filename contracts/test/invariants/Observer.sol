// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Vm} from "forge-std/Test.sol";

import {IEscrow, Status, Terms} from "../../src/IEscrow.sol";
import {Table} from "./Table.sol";
import {Feat, Property, Verb} from "./Books.sol";
import {Conduct} from "./World.sol";

/// @notice Reads what a call of the escrow did: its logs into the books, and the tokens' own logs beside them.
abstract contract Observer is Table {
    /// @dev A call of the escrow, and whom it may concern.
    struct Action {
        Verb verb;
        address caller;
        uint256 value;
        bytes data;
        address token; // the only one in which money may move
        bytes32[] targets; // the only payments that may change
        address account; // whose credit is withdrawn
        uint256 amount; // how much of it
        address payer; // who signed for the money
        address buyer; // who is to be the buyer
        bool forged; // must not succeed
    }

    /// @dev An amount that went to an account.
    struct Flow {
        address to;
        uint256 amount;
    }

    /// @dev What a call did, first as the escrow's events say, then as tokens and coin balances show.
    struct Deed {
        uint256 funded;
        uint256 left; // the escrow, as its events say
        Flow[] told;
        uint256 tolds;
        Flow[] seen;
        uint256 seens;
        bool credited; // a push failed; forge records the token's log of it all the same
    }

    struct Moved {
        uint48 seq;
        Status status;
        uint256 held;
        uint256 toMerchant;
        uint256 toFeeRecipient;
        uint256 toBuyer;
        uint8 credited;
    }

    struct Funded {
        uint48 seq;
        Status status;
        uint256 held;
        address payer;
        address buyer;
        Terms terms;
    }

    mapping(bytes32 id => uint256 step) internal targeted;

    function _isTarget(bytes32 id) internal view returns (bool) {
        return targeted[id] == steps;
    }

    function _read(Action memory action, Vm.Log[] memory logs) internal returns (Deed memory deed) {
        // The three parties of each event, and every mover of tokens.
        deed.told = new Flow[](3 * logs.length);
        deed.seen = new Flow[](logs.length + actors.length);
        confirmedInThisCall = false;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(escrow)) _readEvent(action, logs[i], deed);
            else if (conductOf[logs[i].emitter] != Conduct.Unknown) _readTransfer(action, logs[i], deed);
        }
    }

    // ------------------------------------------------------------------------------------------------ the escrow's events

    function _readEvent(Action memory action, Vm.Log memory log, Deed memory deed) private {
        bytes32 event_ = log.topics[0];
        if (event_ == IEscrow.CreditWithdrawn.selector) return _readWithdrawal(action, log, deed);
        if (event_ == IEscrow.DepositReturned.selector) return _readReturn(log, deed);
        if (event_ == IEscrow.ItemSkipped.selector) return _count(Feat.ItemSkipped);
        if (event_ == IEscrow.OperatorDismissed.selector) {
            dismissed[_account(log.topics[1])][_account(log.topics[2])] = true;
            if (_account(log.topics[1]) != action.caller) _break(Property.Binding, "dismissed for another");
            return;
        }
        bytes32 id = log.topics[1];
        if (!books[id].drafted) return _break(Property.Binding, "an event of an id that no terms have");
        if (!_isPaymentEvent(event_)) return _break(Property.OnlyForward, "an event that the table does not know");
        if (!_isTarget(id)) return _break(Property.Isolation, "an event of another payment");
        if (event_ == IEscrow.PaymentFunded.selector) _readFunded(action, id, log.data, deed);
        else _readMoved(action, id, event_, log.data, deed);
    }

    function _readWithdrawal(Action memory action, Vm.Log memory log, Deed memory deed) private {
        (address account, address token_) = (_account(log.topics[1]), _account(log.topics[2]));
        uint256 amount = abi.decode(log.data, (uint256));
        if (account != action.account || token_ != action.token) _break(Property.Isolation, "another's credit");
        uint256 credit = credits[token_][account];
        if (amount != (action.amount == ALL ? credit : action.amount) || amount > credit) {
            return _break(Property.Conservation, "not what was asked for of a credit");
        }
        credits[token_][account] -= amount;
        deed.left += amount;
        deed.told[deed.tolds++] = Flow(account, amount);
    }

    function _readReturn(Vm.Log memory log, Deed memory deed) private {
        _count(Feat.DepositReturned);
        (address buyer_, uint256 amount) = abi.decode(log.data, (address, uint256));
        deed.told[deed.tolds++] = Flow(buyer_, amount);
    }

    function _readFunded(Action memory action, bytes32 id, bytes memory data, Deed memory deed) private {
        Funded memory funded = abi.decode(data, (Funded));
        Book storage book = books[id];
        if (keccak256(abi.encode(funded.terms)) != keccak256(abi.encode(book.terms))) {
            _break(Property.Binding, "the event tells other terms");
        }
        address buyer_ = book.terms.buyer == address(0) ? action.buyer : book.terms.buyer;
        if (funded.buyer != buyer_) _break(Property.Binding, "another buyer than was named or signed for");
        if (funded.payer != action.payer) _break(Property.Binding, "another payer");
        if (funded.held != book.terms.amount) _break(Property.Conservation, "funded with another amount");
        _follow(action, book, IEscrow.PaymentFunded.selector, funded.status, funded.seq, false);
        (book.buyer, book.funded) = (funded.buyer, funded.held);
        deed.funded += funded.held;
        if (action.verb == Verb.Collect) _count(Feat.DepositFunded);
    }

    function _readMoved(Action memory action, bytes32 id, bytes32 event_, bytes memory data, Deed memory deed) private {
        Moved memory moved = _decode(event_, data);
        Book storage book = books[id];
        bool repaid = event_ == IEscrow.PaymentRepaid.selector;
        _countParts(event_, book.status == moved.status);
        if (action.verb == Verb.ReleaseMany || action.verb == Verb.ConfirmDeliveryMany) {
            _count(Feat.ItemDone);
        }
        _follow(action, book, event_, moved.status, moved.seq, moved.held == 0);
        if (event_ == IEscrow.DeliveryConfirmed.selector) confirmedInThisCall = true;
        book.net += moved.toMerchant;
        book.fee += moved.toFeeRecipient;
        if (repaid) book.repaid += moved.toBuyer;
        else book.toBuyer += moved.toBuyer;
        _checkSums(book, moved);
        _tell(action, deed, book.terms.merchant, moved.toMerchant, moved.credited & 1 != 0, true);
        _tell(action, deed, book.terms.feeRecipient, moved.toFeeRecipient, moved.credited & 2 != 0, true);
        // A token that is repaid goes straight from the merchant to the buyer.
        bool out = !repaid || book.terms.token == address(0);
        _tell(action, deed, book.buyer, moved.toBuyer, moved.credited & 4 != 0, out);
    }

    /// @dev Each event carries the amounts that it can move; the others are zero.
    function _decode(bytes32 event_, bytes memory data) private pure returns (Moved memory m) {
        if (event_ == IEscrow.DisputeResolved.selector) return abi.decode(data, (Moved));
        if (event_ == IEscrow.DeliveryConfirmed.selector || event_ == IEscrow.PaymentDisputed.selector) {
            (m.seq, m.status, m.held) = abi.decode(data, (uint48, Status, uint256));
        } else if (event_ == IEscrow.PaymentReleased.selector) {
            (m.seq, m.status, m.held, m.toMerchant, m.toFeeRecipient, m.credited) =
                abi.decode(data, (uint48, Status, uint256, uint256, uint256, uint8));
        } else {
            (m.seq, m.status, m.held, m.toBuyer, m.credited) =
                abi.decode(data, (uint48, Status, uint256, uint256, uint8));
        }
    }

    /// @dev Conservation, in what the events say: nothing is lost between the parties, and the fee is the whole's.
    function _checkSums(Book storage book, Moved memory moved) private {
        uint256 gross = book.net + book.fee;
        if (gross + book.toBuyer + moved.held != book.funded) _break(Property.Conservation, "the sums do not add up");
        if (book.fee != gross * book.terms.feeBps / 10_000) _break(Property.Conservation, "not the fee of the whole");
        if (book.repaid > gross) _break(Property.Conservation, "more repaid than released");
        if (book.status == Status.Repaid && book.repaid != gross) _break(Property.Conservation, "repaid, not in full");
    }

    function _tell(Action memory action, Deed memory deed, address to, uint256 amount, bool credited, bool out)
        private
    {
        if (credited && amount == 0) return _break(Property.Conservation, "a credit of nothing");
        if (amount == 0) return;
        if (!credited) {
            if (out) deed.left += amount;
            if (out) deed.told[deed.tolds++] = Flow(to, amount);
            return;
        }
        _count(Feat.Credit);
        deed.credited = true;
        credits[action.token][to] += amount;
        if (!isCreditor[action.token][to]) {
            isCreditor[action.token][to] = true;
            creditors[action.token].push(to);
        }
        if (_alwaysPays(action.token) && _isWilling(to)) {
            _break(Property.NoStarving, "a willing receiver got a credit");
        }
    }

    /// @dev The payment's status goes on, along the table, and so does its number.
    function _follow(Action memory action, Book storage book, bytes32 event_, Status to, uint48 seq, bool whole)
        private
    {
        if (seq != book.seq + 1) _break(Property.SeqGapless, "not the next number");
        if (!_leads(event_, book.status, to)) _break(Property.OnlyForward, "not in the table");
        if (!_mayNow(event_, book, action.verb, action.caller, whole)) {
            _break(Property.OnlyForward, "not by him, or not at that time");
        }
        if (_holds(to) == whole) _break(Property.OnlyForward, "the status does not say whether money is held");
        if (book.status != to) book.since = uint40(clock);
        (book.status, book.seq) = (to, seq);
    }

    // ------------------------------------------------------------------------------------------------ the tokens' own logs

    function _readTransfer(Action memory action, Vm.Log memory log, Deed memory deed) private {
        if (log.topics[0] != IERC20.Transfer.selector || log.topics.length != 3) return;
        (address from, address to) = (_account(log.topics[1]), _account(log.topics[2]));
        // What a token mints, burns or keeps by itself is its own affair.
        if (from == address(0) || to == address(0) || to == TAX || to == address(this)) return;
        uint256 amount = abi.decode(log.data, (uint256));
        if (log.emitter != action.token) return _break(Property.OnlyParties, "another token moved");
        if (isActor[from]) return _checkAllowance(action, from, to);
        if (to == address(escrow) || amount == 0) return;
        deed.seen[deed.seens++] = Flow(to, amount);
    }

    /// @dev A standing allowance is spent by its owner, or by his signature for this very payment.
    function _checkAllowance(Action memory action, address from, address to) private {
        bool repays = action.verb == Verb.Repay && to == books[action.targets[0]].buyer;
        if (to != address(escrow) && !repays) _break(Property.OnlyParties, "a payer's money went elsewhere");
        bool signs = action.verb == Verb.FundWithAuthorization || action.verb == Verb.FundWithPermit2;
        if (from != (signs ? action.payer : action.caller)) _break(Property.Binding, "another's allowance was spent");
    }

    // ------------------------------------------------------------------------------------------------------------ counting

    function _countParts(bytes32 event_, bool partial_) private {
        if (!partial_) return;
        if (event_ == IEscrow.PaymentReleased.selector) _count(Feat.PartialRelease);
        if (event_ == IEscrow.PaymentRefunded.selector) _count(Feat.PartialRefund);
        if (event_ == IEscrow.PaymentRepaid.selector) _count(Feat.PartialRepay);
    }

    function _count(Feat feat) internal {
        ++feats[uint8(feat)];
    }

    function _account(bytes32 topic) internal pure returns (address) {
        return address(uint160(uint256(topic)));
    }
}
