// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A dollar that behaves as Tether's on Ethereum does: `transfer`, `transferFrom` and `approve` return nothing; an
/// allowance must go through zero; only the sender is looked up on the blocklist, the receiver never; the owner can
/// pause it, destroy a blocked account's money, and switch on a fee that comes out of what is sent.
/// @dev Tether's own is no package's content; this one is written after its behaviour.
contract UsdtLikeToken {
    string public constant name = "Tether USD";
    string public constant symbol = "USDT";
    uint8 public constant decimals = 6;
    uint256 public constant MAX_BASIS_POINTS = 20;

    address public immutable OWNER = msg.sender;
    uint256 public totalSupply;
    uint256 public basisPointsRate;
    bool public paused;
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    mapping(address account => bool) public isBlackListed;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    modifier onlyOwner() {
        require(msg.sender == OWNER);
        _;
    }

    // ------------------------------------------------------------------------------------------------ what everyone can do

    function transfer(address to, uint256 value) external {
        _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        uint256 allowed = allowance[from][msg.sender];
        require(allowed >= value);
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - value;
        _move(from, to, value);
    }

    function approve(address spender, uint256 value) external {
        require(value == 0 || allowance[msg.sender][spender] == 0);
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
    }

    // ------------------------------------------------------------------------------------------------ what the owner can do

    function issue(address to, uint256 value) external onlyOwner {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function setPaused(bool yes) external onlyOwner {
        paused = yes;
    }

    function setBlocked(address account, bool yes) external onlyOwner {
        isBlackListed[account] = yes;
    }

    function setFee(uint256 basisPoints) external onlyOwner {
        require(basisPoints < MAX_BASIS_POINTS);
        basisPointsRate = basisPoints;
    }

    function destroyBlackFunds(address account) external onlyOwner {
        require(isBlackListed[account]);
        totalSupply -= balanceOf[account];
        balanceOf[account] = 0;
    }

    function _move(address from, address to, uint256 value) private {
        require(!paused);
        require(!isBlackListed[from]);
        require(balanceOf[from] >= value);
        uint256 fee = value * basisPointsRate / 10_000;
        balanceOf[from] -= value;
        balanceOf[to] += value - fee;
        balanceOf[OWNER] += fee;
        emit Transfer(from, to, value - fee);
        if (fee != 0) emit Transfer(from, OWNER, fee);
    }
}
