// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Escrow} from "../../src/Escrow.sol";
import {TestToken} from "../../src/TestToken.sol";
import {GasBurner, HungryReceiver, ReturnBomb, RevertingReceiver} from "../support/BadReceivers.sol";
import {
    BlocklistToken,
    DecimalsToken,
    FeeOnTransferToken,
    HookedToken,
    HungryToken,
    NothingIsTooLittleToken,
    OddToken,
    OddlyAnsweringToken,
    RebasingToken,
    SenderPaysToken
} from "../support/BadTokens.sol";
import {EscrowTest} from "../support/EscrowTest.sol";
import {Permit2Counterpart} from "../support/counterparts/Permit2Counterpart.sol";
import {ISafe, SafeCounterpart} from "../support/counterparts/SafeCounterpart.sol";
import {IUsdc, UsdcCounterpart} from "../support/counterparts/UsdcCounterpart.sol";
import {UsdtLikeToken} from "../support/counterparts/UsdtLikeToken.sol";
import {IWeth, WethCounterpart} from "../support/counterparts/WethCounterpart.sol";
import {CallsBack} from "./CallsBack.sol";
import {PausableToken} from "./PausableToken.sol";

/// @notice What may be expected of a token, when the escrow handles it rightly.
enum Conduct {
    Unknown, // no token of this world
    Good, // it moves what it is told, or nothing; the receiver gets what left
    Taxing, // what leaves the escrow may not arrive, but no more leaves than the escrow sent
    Rebasing // the escrow's balance changes by itself
}

/// @notice Who and what there is: people with keys, a Safe, odd receivers, and a token of each sort. All are rich in every
/// token and have allowed the escrow and Permit2 everything, so that a contract that takes from the wrong one can.
abstract contract World is EscrowTest {
    using UsdcCounterpart for IUsdc;
    using WethCounterpart for IWeth;

    uint256 internal constant WEALTH = 1 << 140;
    /// @dev Where tokens of the bad list send what they keep.
    address internal constant TAX = address(0xfee);

    Escrow internal elsewhere; // another escrow, for signatures that were not made for this one
    address[] internal actors;
    address[] internal people; // those with keys
    address[] internal oddOnes; // receivers that make trouble
    address[] internal tokens; // the zero address first: coin
    mapping(address actor => bool) internal isActor;
    mapping(address actor => uint256) internal keyOf;
    mapping(address token => Conduct) internal conductOf;
    mapping(address token => uint256) internal indexOf;

    ISafe internal safe;
    CallsBack internal callsBack = new CallsBack();
    CallsBack internal callsBackToo = new CallsBack();
    RevertingReceiver internal moody = new RevertingReceiver();
    RevertingReceiver internal moodyToo = new RevertingReceiver();

    TestToken internal signable; // knows EIP-2612 and EIP-3009
    IUsdc internal usdc;
    UsdtLikeToken internal usdt = new UsdtLikeToken();
    IWeth internal weth;
    DecimalsToken internal big = new DecimalsToken(24);
    DecimalsToken internal small = new DecimalsToken(0);
    NothingIsTooLittleToken internal noZero = new NothingIsTooLittleToken();
    PausableToken internal pausable = new PausableToken();
    BlocklistToken internal blocklist = new BlocklistToken();
    OddlyAnsweringToken internal oddly = new OddlyAnsweringToken();
    FeeOnTransferToken internal taxing = new FeeOnTransferToken();
    SenderPaysToken internal senderPays = new SenderPaysToken();
    RebasingToken internal rebasing = new RebasingToken();
    HookedToken internal hooked = new HookedToken();
    HungryToken internal hungry = new HungryToken();
    DecimalsToken internal vanishing = new DecimalsToken(6);
    bytes internal vanishedCode;
    address internal constant NO_TOKEN = address(0xdead);

    constructor() {
        setUp();
        elsewhere = newEscrow();
        Permit2Counterpart.deploy();
        _makePeople();
        _makeOddReceivers();
        _makeTokens();
        for (uint256 i = 0; i < actors.length; ++i) {
            _enrich(actors[i]);
        }
    }

    // ----------------------------------------------------------------------------------------------------------- accounts

    function _makePeople() private {
        string[13] memory names =
            ["ann", "bob", "cem", "dia", "eva", "fay", "gus", "ida", "jon", "kim", "leo", "mia", "stranger"];
        for (uint256 i = 0; i < names.length; ++i) {
            (address account, uint256 key) = makeAddrAndKey(names[i]);
            keyOf[account] = key;
            people.push(account);
            _addActor(account);
        }
        // Signed for by its one owner.
        safe = SafeCounterpart.deploy(people[0]);
        keyOf[address(safe)] = keyOf[people[0]];
        _addActor(address(safe));
    }

    function _makeOddReceivers() private {
        oddOnes = [
            address(callsBack),
            address(callsBackToo),
            address(moody),
            address(moodyToo),
            address(new GasBurner()),
            address(new HungryReceiver(90_000)),
            address(new ReturnBomb(false)),
            address(new ReturnBomb(true))
        ];
        for (uint256 i = 0; i < oddOnes.length; ++i) {
            _addActor(oddOnes[i]);
        }
    }

    function _addActor(address account) private {
        actors.push(account);
        isActor[account] = true;
    }

    /// @dev Takes any push that is not starved: has no code, or is a Safe.
    function _isWilling(address account) internal view returns (bool) {
        return keyOf[account] != 0;
    }

    // ------------------------------------------------------------------------------------------------------------- tokens

    function _makeTokens() private {
        signable = token;
        usdc = UsdcCounterpart.deploy();
        weth = WethCounterpart.deploy();
        vanishedCode = address(vanishing).code;
        address[12] memory good = [
            address(0),
            address(signable),
            address(usdc),
            address(weth),
            address(big),
            address(small),
            address(noZero),
            address(pausable),
            address(blocklist),
            address(oddly),
            address(hooked),
            address(vanishing)
        ];
        for (uint256 i = 0; i < good.length; ++i) {
            _addToken(good[i], Conduct.Good);
        }
        _addToken(address(usdt), Conduct.Taxing);
        _addToken(address(taxing), Conduct.Taxing);
        _addToken(address(senderPays), Conduct.Taxing);
        // It may run out of gas after its event, and forge records the logs of what was undone, too.
        _addToken(address(hungry), Conduct.Taxing);
        _addToken(address(rebasing), Conduct.Rebasing);
    }

    function _addToken(address token_, Conduct conduct) private {
        indexOf[token_] = tokens.length;
        tokens.push(token_);
        conductOf[token_] = conduct;
    }

    /// @dev These take every push to a willing receiver, so that a credit would be a starved one.
    function _alwaysPays(address token_) internal view returns (bool) {
        return token_ == address(0) || token_ == address(signable) || token_ == address(weth) || token_ == address(big)
            || token_ == address(small) || token_ == address(noZero);
    }

    function _enrich(address account) private {
        usdc.issue(account, WEALTH);
        usdt.issue(account, WEALTH);
        weth.issue(account, WEALTH);
        for (uint256 i = 1; i < tokens.length; ++i) {
            address each = tokens[i];
            if (each != address(usdc) && each != address(usdt) && each != address(weth)) {
                OddToken(each).mint(account, WEALTH);
            }
            require(_approve(each, account, address(escrow), ALL));
            require(_approve(each, account, address(Permit2Counterpart.PERMIT2), ALL));
        }
        vm.deal(account, WEALTH);
    }

    function _approve(address token_, address account, address spender, uint256 amount) internal returns (bool ok) {
        vm.prank(account);
        (ok,) = token_.call(abi.encodeCall(IERC20.approve, (spender, amount)));
    }

    /// @dev Zero for a token that has no code at the time.
    function _balance(address token_, address account) internal view returns (uint256) {
        if (token_ == address(0)) return account.balance;
        if (token_.code.length == 0) return 0;
        return IERC20(token_).balanceOf(account);
    }
}
