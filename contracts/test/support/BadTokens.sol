// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token that moves money as it should; the odd ones change one thing.
abstract contract OddToken is ERC20("Odd", "ODD") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @notice Keeps one per cent of every transfer, or of those out of one account only.
contract FeeOnTransferToken is OddToken {
    address public onlyFrom;

    function setOnlyFrom(address account) external {
        onlyFrom = account;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0) || to == address(0) || (onlyFrom != address(0) && from != onlyFrom)) {
            return super._update(from, to, amount);
        }
        super._update(from, address(0xfee), amount / 100);
        super._update(from, to, amount - amount / 100);
    }
}

/// @notice Takes one per cent from the sender on top of what he sends.
contract SenderPaysToken is OddToken {
    address public taxed;

    function setTaxed(address account) external {
        taxed = account;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (taxed != address(0) && from == taxed) super._update(from, address(0xfee), 1);
    }
}

/// @notice Answers in odd ways: nothing at all, or false, having moved the money or not.
contract OddlyAnsweringToken is OddToken {
    enum Answer {
        Nothing,
        FalseThoughMoved,
        FalseAndNotMoved,
        TrueAndNotMoved
    }

    Answer public answer;

    function setAnswer(Answer answer_) external {
        answer = answer_;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (uint8(answer) < 2) super.transfer(to, amount);
        _answer();
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (uint8(answer) < 2) super.transferFrom(from, to, amount);
        _answer();
    }

    function _answer() private view {
        if (answer == Answer.Nothing) {
            assembly {
                return(0, 0)
            }
        }
        bool yes = answer == Answer.TrueAndNotMoved;
        assembly {
            mstore(0, yes)
            return(0, 32)
        }
    }
}

/// @notice Reverts for accounts on a list, as the big dollar tokens do.
contract BlocklistToken is OddToken {
    mapping(address => bool) public blocked;

    error Blocked(address account);

    function setBlocked(address account, bool yes) external {
        blocked[account] = yes;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (blocked[from]) revert Blocked(from);
        if (blocked[to]) revert Blocked(to);
        super._update(from, to, amount);
    }
}

/// @notice Changes the watched account's balance during transfers, up or down.
contract RebasingToken is OddToken {
    address public watched;
    int256 public change;

    function setChange(address watched_, int256 change_) external {
        (watched, change) = (watched_, change_);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from == address(0) || watched == address(0)) return;
        if (change > 0) super._update(address(0), watched, uint256(change));
        if (change < 0) super._update(watched, address(0), uint256(-change));
    }
}

/// @notice Calls someone in the middle of a transfer, as ERC-777 does.
contract HookedToken is OddToken {
    address public target;
    bytes public data;
    bool public succeeded;
    bytes public answer;

    function setHook(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (target != address(0)) (succeeded, answer) = target.call(data);
    }
}

/// @notice Uses up a given amount of gas in each transfer.
contract HungryToken is OddToken {
    uint256 public appetite;

    function setAppetite(uint256 gas_) external {
        appetite = gas_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 atStart = gasleft();
        super._update(from, to, amount);
        while (appetite != 0 && atStart - gasleft() < appetite) {}
    }
}

/// @notice A token with a second address, by which the same balances move: as where a chain's coin is a token, too.
contract TwoFacedToken is OddToken {
    SecondFace public immutable SECOND_FACE = new SecondFace(this);

    function transferBySecondFace(address from, address to, uint256 amount) external {
        require(msg.sender == address(SECOND_FACE), "only the second face");
        _transfer(from, to, amount);
    }
}

contract SecondFace {
    TwoFacedToken private immutable TOKEN;

    constructor(TwoFacedToken token) {
        TOKEN = token;
    }

    function balanceOf(address account) external view returns (uint256) {
        return TOKEN.balanceOf(account);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        TOKEN.transferBySecondFace(msg.sender, to, amount);
        return true;
    }
}

/// @notice Refuses calls with a byte too many, as tokens do that guard against addresses that lack one.
contract ExactCalldataToken is OddToken {
    modifier ofWords(uint256 words) {
        require(msg.data.length == 4 + 32 * words, "not its arguments");
        _;
    }

    function balanceOf(address account) public view override ofWords(1) returns (uint256) {
        return super.balanceOf(account);
    }

    function transfer(address to, uint256 amount) public override ofWords(2) returns (bool) {
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override ofWords(3) returns (bool) {
        return super.transferFrom(from, to, amount);
    }
}

/// @notice Refuses to move nothing, as some older tokens do.
contract NothingIsTooLittleToken is OddToken {
    error NothingToMove();

    function _update(address from, address to, uint256 amount) internal override {
        if (amount == 0) revert NothingToMove();
        super._update(from, to, amount);
    }
}

/// @notice Counts in units as small or as large as it was told.
contract DecimalsToken is OddToken {
    uint8 private immutable DECIMALS;

    constructor(uint8 decimals_) {
        DECIMALS = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }
}

/// @notice Moves no more than its limit at a time.
contract LimitedToken is OddToken {
    uint256 public limit = type(uint256).max;

    function setLimit(uint256 amount) external {
        limit = amount;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(amount <= limit, "too much at once");
        super._update(from, to, amount);
    }
}

/// @notice Its issuer stretches or shrinks an account's balance between calls, as interest or a haircut does.
contract ElasticToken is OddToken {
    function setBalance(address account, uint256 amount) external {
        uint256 present = balanceOf(account);
        if (amount > present) _mint(account, amount - present);
        else _burn(account, present - amount);
    }
}

/// @notice Moves only when it is given enough gas, and else leaves all of it to the caller: the easiest to starve.
contract FussyToken is OddToken {
    uint256 public need;

    function setNeed(uint256 gas_) external {
        need = gas_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(gasleft() >= need, "too little gas");
        super._update(from, to, amount);
    }
}

/// @notice Tells balances in odd ways: not at all, by reverting, in too few bytes, or at length.
contract OddlyCountingToken is OddToken {
    enum Telling {
        Right,
        Nothing,
        Reverting,
        TooShort,
        AtLength
    }

    Telling public telling;

    function setTelling(Telling telling_) external {
        telling = telling_;
    }

    function balanceOf(address account) public view override returns (uint256) {
        uint256 held = super.balanceOf(account);
        require(telling != Telling.Reverting, "no");
        if (telling == Telling.Right) return held;
        uint256 size = telling == Telling.Nothing ? 0 : telling == Telling.TooShort ? 31 : 320;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, held)
            return(data, size)
        }
    }
}
