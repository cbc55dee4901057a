// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Status, Terms} from "../../src/IEscrow.sol";
import {World} from "./World.sol";

/// @notice What must hold; the names are those of `contract.md`, and the last two what it says of pushes and the lock.
enum Property {
    Solvency,
    Isolation,
    Conservation,
    OnlyParties,
    OnlyForward,
    Exit,
    Binding,
    SeqGapless,
    NoStarving,
    OneAtATime
}

/// @notice The verbs, and with them the tries of those who have no business here.
enum Verb {
    Fund,
    FundWithPermit,
    FundWithAuthorization,
    FundWithPermit2,
    Collect,
    ConfirmDelivery,
    Release,
    ReleaseWithReceipt,
    Refund,
    Reclaim,
    Dispute,
    Resolve,
    Repay,
    ReleaseMany,
    ConfirmDeliveryMany,
    DismissOperator,
    Withdraw,
    Meddle
}

/// @notice What should have been tried often, besides the verbs.
enum Feat {
    PartialRelease,
    PartialRefund,
    PartialRepay,
    Credit,
    DepositFunded,
    DepositReturned,
    ItemSkipped,
    Reentry,
    Forgery,
    ShortOfGas,
    ShortOfGasYetDone,
    ItemDone,
    Departed // payments that ended and made room for another
}

/// @notice What is known of the payments from the logs alone, and what was found broken.
abstract contract Books is World {
    /// @dev What a payment's logs say.
    struct Book {
        Status status;
        uint40 since;
        uint48 seq;
        address buyer;
        uint256 funded;
        uint256 net; // to the merchant
        uint256 fee;
        uint256 toBuyer; // while held
        uint256 repaid; // afterwards
        bool drafted;
        Terms terms;
    }

    uint256 internal constant SLOTS = 12;

    mapping(bytes32 id => Book) internal books;
    /// @dev The payments that are looked at after every call; ended ones make room and go to the archive.
    bytes32[] internal slots;
    bytes32[] internal archive;
    /// @dev What the logs say of credits, and who ever had one.
    mapping(address token => mapping(address account => uint256)) internal credits;
    mapping(address token => address[]) internal creditors;
    mapping(address token => mapping(address account => bool)) internal isCreditor;
    mapping(address merchant => mapping(address operator => bool)) internal dismissed;

    uint256 internal clock = START;
    uint256 internal steps;
    uint256 internal random;
    uint256[18] public tries;
    uint256[18] public successes;
    uint256[13] public feats;

    /// @dev Only the call that first breaks something is judged; what follows from it proves nothing. So a broken world
    /// stands still.
    uint256 internal broken;
    string[] internal complaints;

    // --------------------------------------------------------------------------------------------------------- properties

    function _break(Property property, string memory complaint) internal {
        broken |= 1 << uint8(property);
        complaints.push(complaint);
    }

    function isBroken() public view returns (bool) {
        return broken != 0;
    }

    function holds(Property property) external view returns (bool) {
        return broken & 1 << uint8(property) == 0;
    }

    function complaintText() external view returns (string memory all) {
        for (uint256 i = 0; i < complaints.length; ++i) {
            all = string.concat(all, complaints[i], "; ");
        }
    }

    // ---------------------------------------------------------------------------------------------------------- randomness

    function _roll(uint256 sides) internal returns (uint256) {
        random = uint256(keccak256(abi.encode(random)));
        return random % sides;
    }

    function _oneIn(uint256 sides) internal returns (bool) {
        return _roll(sides) == 0;
    }

    function _any(address[] storage list) internal returns (address) {
        return list[_roll(list.length)];
    }

    function _goTo(uint256 time) internal {
        if (time <= clock) return;
        clock = time;
        vm.warp(time);
    }

    // ------------------------------------------------------------------------------------------------------------ payments

    function _holds(Status status) internal pure returns (bool) {
        return status == Status.Funded || status == Status.Delivered || status == Status.Disputed;
    }

    function _heldBy(Book storage book) internal view returns (uint256) {
        return book.funded - book.net - book.fee - book.toBuyer;
    }

    /// @dev Computed here once more, from what `contract.md` says.
    function _idOf(Terms memory terms, address escrow_) internal view returns (bytes32) {
        bytes32 typehash = keccak256(
            "Terms(address buyer,address merchant,address operator,address arbiter,address token,uint256 amount,address feeRecipient,uint16 feeBps,uint40 payBy,uint32 deliveryPeriod,uint32 disputeWindow,uint32 arbitrationPeriod,bytes32 orderHash)"
        );
        return keccak256(abi.encode(typehash, block.chainid, escrow_, terms));
    }

    /// @return a payment in one of these statuses (a set of bits), if there is one; now and then any
    function _pick(uint256 statuses) internal returns (bytes32) {
        if (_oneIn(10)) return _pickAny();
        uint256 start = _roll(slots.length);
        for (uint256 i = 0; i < slots.length; ++i) {
            bytes32 id = slots[(start + i) % slots.length];
            if (statuses & _bit(books[id].status) != 0) return id;
        }
        return _pickFresh();
    }

    /// @dev Funded, if there is one, since everything can become of it.
    function _pickFresh() private returns (bytes32) {
        uint256 start = _roll(slots.length);
        for (uint256 i = 0; i < slots.length; ++i) {
            bytes32 id = slots[(start + i) % slots.length];
            if (books[id].status == Status.Funded) return id;
        }
        return slots[start];
    }

    function _pickAny() internal returns (bytes32) {
        if (archive.length != 0 && _oneIn(4)) return archive[_roll(archive.length)];
        return slots[_roll(slots.length)];
    }

    function _bit(Status status) internal pure returns (uint256) {
        return 1 << uint8(status);
    }
}
