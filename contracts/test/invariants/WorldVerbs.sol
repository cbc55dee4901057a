// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {OddlyAnsweringToken} from "../support/BadTokens.sol";
import {UsdcCounterpart, IUsdc} from "../support/counterparts/UsdcCounterpart.sol";
import {AccountVerbs} from "./AccountVerbs.sol";

/// @notice What happens without the escrow: time passes, tokens and receivers turn bad and good again.
abstract contract WorldVerbs is AccountVerbs {
    using UsdcCounterpart for IUsdc;

    /// @dev By a little, or right to where an interval of some payment ends.
    function passTime(uint256 seed) external step(seed) {
        if (!_oneIn(3)) return _goTo(clock + _roll([uint256(2), 1 hours, 1 hours, 2 days][_roll(4)]));
        bytes32 id = _pickAny();
        uint256 boundary = [
            books[id].terms.payBy,
            _since(id) + books[id].terms.deliveryPeriod,
            _since(id) + books[id].terms.disputeWindow,
            _since(id) + books[id].terms.arbitrationPeriod
        ][_roll(4)];
        _nearly(boundary);
    }

    function upsetReceivers(uint256 seed) external step(seed) {
        moody.setOpen(_oneIn(2));
        moodyToo.setOpen(_oneIn(2));
    }

    /// @dev One token, one turn for the worse; or all are good again.
    function upsetTokens(uint256 seed) external step(seed) {
        if (_oneIn(4)) return _calmTokens();
        uint256 which = _roll(11);
        address account = _oneIn(4) ? address(escrow) : _someParty();
        if (which == 0) usdc.setBlocked(account, true);
        else if (which == 1) usdc.setPaused(true);
        else if (which == 2) blocklist.setBlocked(account, true);
        else if (which == 3) pausable.setPaused(true);
        else if (which == 4) oddly.setAnswer(OddlyAnsweringToken.Answer(_roll(4)));
        else if (which == 5) taxing.setOnlyFrom([address(escrow), account, address(0)][_roll(3)]);
        else if (which == 6) senderPays.setTaxed(account);
        else if (which == 7) _upsetUsdt(account);
        else if (which == 8) _rebase(account);
        else if (which == 9) hungry.setAppetite([uint256(250_000), 295_000, 305_000, 400_000][_roll(4)]);
        else vm.etch(address(vanishing), "");
    }

    function _someParty() private returns (address) {
        Book storage book = books[_pickAny()];
        uint256 which = _roll(3);
        return which == 0 ? book.buyer : which == 1 ? book.terms.merchant : book.terms.feeRecipient;
    }

    function audit(uint256 seed) external step(seed) {
        if (_oneIn(4)) _audit();
    }

    // --------------------------------------------------------------------------------------------------- tokens one by one

    function _upsetUsdt(address account) private {
        uint256 which = _roll(3);
        if (which == 0) usdt.setFee(19);
        else if (which == 1) usdt.setPaused(true);
        else usdt.setBlocked(account, true);
    }

    /// @dev At once, and from now on in the middle of transfers.
    function _rebase(address account) private {
        rebasing.setChange(account, int256(_roll(200)) - 100);
        if (_oneIn(2)) rebasing.mint(address(escrow), _roll(1e6));
    }

    function _calmTokens() internal {
        for (uint256 i = 0; i < actors.length; ++i) {
            _calmFor(actors[i]);
        }
        _calmFor(address(escrow));
        usdc.setPaused(false);
        pausable.setPaused(false);
        oddly.setAnswer(OddlyAnsweringToken.Answer.Nothing);
        taxing.setOnlyFrom(TAX); // that is, from nobody who moves anything
        senderPays.setTaxed(address(0));
        usdt.setFee(0);
        usdt.setPaused(false);
        rebasing.setChange(address(0), 0);
        hungry.setAppetite(0);
        vm.etch(address(vanishing), vanishedCode);
    }

    function _calmFor(address account) private {
        usdc.setBlocked(account, false);
        blocklist.setBlocked(account, false);
        usdt.setBlocked(account, false);
    }
}
