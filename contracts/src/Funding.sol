// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {DepositWallet} from "./DepositWallet.sol";
import {IERC3009Bytes} from "./IERC3009Bytes.sol";
import {IEscrow, Status, Terms} from "./IEscrow.sol";
import {IPermit2} from "./IPermit2.sol";
import {Ledger} from "./Ledger.sol";
import {State, StateLib} from "./StateLib.sol";
import {TermsLib} from "./TermsLib.sol";

/// @title Every way to pay.
/// @dev Each has the same rhythm: `_open` checks and writes the state, then the money comes, then `_tellFunded` tells it.
abstract contract Funding is Ledger, ReentrancyGuardTransient {
    using TermsLib for Terms;

    /// @dev Where Permit2 has another address (on ZKsync chains), the verb reverts.
    IPermit2 private constant PERMIT2 = IPermit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    bytes32 private constant FUNDING_TYPEHASH = keccak256("Funding(bytes32 id,address payer,address buyer)");
    /// @dev Permit2 puts this behind its own type's open bracket; the types follow in alphabetical order (EIP-712).
    string private constant WITNESS_TYPE =
        "Funding witness)Funding(bytes32 id,address payer,address buyer)TokenPermissions(address token,uint256 amount)";
    /// @dev For a surplus, which must not keep the payment from being funded: a token's push and what the wallet itself needs.
    uint256 private constant SURPLUS_GAS = TOKEN_PUSH_GAS + 10_000;
    bytes32 private immutable WALLET_CODE_HASH = keccak256(type(DepositWallet).creationCode);

    // -------------------------------------------------------------------------------------------- by the payer himself

    /// @inheritdoc IEscrow
    function fund(Terms calldata terms, address buyer) external payable nonReentrant {
        bytes32 id = _open(terms, buyer);
        _pull(terms.token, address(this), terms.amount);
        _tellFunded(id, terms, msg.sender, buyer);
    }

    /// @inheritdoc IEscrow
    function fundWithPermit(Terms calldata terms, address buyer, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
    {
        bytes32 id = _open(terms, buyer);
        // Whoever saw the permit may have used it first; then this fails, and the allowance is there all the same.
        // slither-disable-next-line unused-return
        LowLevelCall.callNoReturn(
            terms.token,
            abi.encodeCall(IERC20Permit.permit, (msg.sender, address(this), terms.amount, deadline, v, r, s))
        );
        _pullToken(terms.token, address(this), terms.amount);
        _tellFunded(id, terms, msg.sender, buyer);
    }

    // ------------------------------------------------------------------------------------------- by the payer's signature

    /// @inheritdoc IEscrow
    function fundWithAuthorization(
        Terms calldata terms,
        address payer,
        uint256 validAfter,
        uint256 validBefore,
        bytes calldata signature
    ) external nonReentrant {
        address buyer = _namedBuyerOr(payer, terms);
        bytes32 id = _open(terms, buyer);
        (address token, uint256 amount) = (terms.token, terms.amount);
        uint256 balanceBefore = _tokenBalance(token, address(this));
        bytes memory call = _authorization(payer, amount, validAfter, validBefore, id, signature);
        if (!LowLevelCall.callNoReturn(token, call)) LowLevelCall.bubbleRevert();
        _requireRise(token, address(this), balanceBefore, amount);
        _tellFunded(id, terms, payer, buyer);
    }

    /// @inheritdoc IEscrow
    function fundWithPermit2(
        Terms calldata terms,
        address payer,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external nonReentrant {
        address buyer = _namedBuyerOr(payer, terms);
        bytes32 id = _open(terms, buyer);
        bytes32 witness = keccak256(abi.encode(FUNDING_TYPEHASH, id, payer, buyer));
        _pullByPermit2(terms, payer, nonce, deadline, witness, signature);
        _tellFunded(id, terms, payer, buyer);
    }

    // --------------------------------------------------------------------------------------------- by the deposit address

    /// @inheritdoc IEscrow
    function collect(Terms calldata terms, address token) external nonReentrant {
        if (terms.buyer == address(0)) revert BuyerIsZero();
        bytes32 id = _idOf(terms);
        DepositWallet wallet = _walletOf(id);
        uint256 balance = _balanceOf(token, address(wallet));
        if (balance == 0) revert NothingToCollect(address(wallet), token);
        bool fundable = _isFundable(id, terms);
        if (!fundable || token != terms.token || balance < terms.amount) {
            return _giveBackAll(wallet, id, terms, token, fundable && msg.sender != terms.buyer);
        }
        _fundFrom(wallet, id, terms);
        if (balance == terms.amount) return;
        _requireGasFor(SURPLUS_GAS);
        _giveBack(wallet, id, terms.buyer, token, SURPLUS_GAS);
    }

    /// @inheritdoc IEscrow
    function receiveDeposit(bytes32 id) external payable {
        if (msg.sender != _depositAddressOf(id)) revert NotDepositAddress(msg.sender);
    }

    // ------------------------------------------------------------------------------------------------- steps of funding

    /// @dev Checks everything that can be known before the money comes, and writes the state.
    function _open(Terms calldata terms, address buyer) private returns (bytes32 id) {
        id = _idOf(terms);
        State state = _stateOf(id);
        if (!state.isIn(Status.None)) revert AlreadyFunded(id, state.status());
        if (block.timestamp >= terms.payBy) revert FundTooLate(block.timestamp, terms.payBy);
        terms.check(buyer);
        _save(id, StateLib.funded(buyer));
    }

    /// @dev The event {PaymentFunded}. In assembly, because encoding 13 checked fields anew costs 1% of funding.
    function _tellFunded(bytes32 id, Terms calldata terms, address payer, address buyer) private {
        (bytes32 topic, uint256 payerWord, uint256 buyerWord) = (PaymentFunded.selector, uint160(payer), uint160(buyer));
        assembly ("memory-safe") {
            let data := mload(0x40) // beyond the free memory pointer, where nothing is kept
            mstore(data, 1) // seq
            mstore(add(data, 0x20), 1) // Status.Funded
            calldatacopy(add(data, 0xa0), terms, 0x1a0)
            mstore(add(data, 0x40), mload(add(data, 0x140))) // held: the amount
            mstore(add(data, 0x60), payerWord)
            mstore(add(data, 0x80), buyerWord)
            log2(data, 0x240, topic, id)
        }
    }

    function _pullByPermit2(
        Terms calldata terms,
        address payer,
        uint256 nonce,
        uint256 deadline,
        bytes32 witness,
        bytes calldata signature
    ) private {
        (address token, uint256 amount) = (terms.token, terms.amount);
        uint256 balanceBefore = _tokenBalance(token, address(this));
        PERMIT2.permitWitnessTransferFrom(
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(token, amount), nonce, deadline),
            IPermit2.SignatureTransferDetails(address(this), amount),
            payer,
            witness,
            WITNESS_TYPE,
            signature
        );
        _requireRise(token, address(this), balanceBefore, amount);
    }

    function _namedBuyerOr(address payer, Terms calldata terms) private pure returns (address) {
        return terms.buyer == address(0) ? payer : terms.buyer;
    }

    /// @dev 65 bytes are `r, s, v`, which every EIP-3009 token takes; newer ones hand anything else to the payer's wallet.
    function _authorization(
        address payer,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 id,
        bytes calldata signature
    ) private view returns (bytes memory) {
        if (signature.length != 65) {
            return abi.encodeCall(
                IERC3009Bytes.receiveWithAuthorization,
                (payer, address(this), amount, validAfter, validBefore, id, signature)
            );
        }
        (uint8 v, bytes32 r, bytes32 s) = ECDSA.parseCalldata(signature);
        return abi.encodeCall(
            IERC3009.receiveWithAuthorization, (payer, address(this), amount, validAfter, validBefore, id, v, r, s)
        );
    }

    // ----------------------------------------------------------------------------------------- steps of deposit addresses

    /// @dev `checkTerms` is asked by a call, so that terms out of bounds send the money back instead of keeping it.
    function _isFundable(bytes32 id, Terms calldata terms) private view returns (bool) {
        if (!_stateOf(id).isIn(Status.None) || block.timestamp >= terms.payBy) return false;
        try this.checkTerms(terms, terms.buyer) {
            return true;
        } catch {
            return false;
        }
    }

    function _fundFrom(DepositWallet wallet, bytes32 id, Terms calldata terms) private {
        _open(terms, terms.buyer);
        (address token, uint256 amount) = (terms.token, terms.amount);
        if (token == address(0)) {
            wallet.execute(address(this), amount, abi.encodeCall(this.receiveDeposit, (id)));
        } else {
            uint256 balanceBefore = _tokenBalance(token, address(this));
            _send(wallet, token, address(this), amount, gasleft());
            _requireRise(token, address(this), balanceBefore, amount);
        }
        _tellFunded(id, terms, address(wallet), terms.buyer);
    }

    /// @dev Sends the buyer what does not fund the payment, or reverts.
    /// @param fundable whether what is there in the payment's own token may still fund it, and so is the buyer's alone to take.
    /// Tokens have second addresses here and there, and so has the coin: what is called another token may be the same.
    function _giveBackAll(DepositWallet wallet, bytes32 id, Terms calldata terms, address token, bool fundable)
        private
    {
        uint256 deposit = fundable ? _balanceOf(terms.token, address(wallet)) : 0;
        if (fundable && token == terms.token) revert DepositTooShort(deposit, terms.amount);
        if (!_giveBack(wallet, id, terms.buyer, token, gasleft())) {
            revert ReturnFailed(address(wallet), token, _balanceOf(token, address(wallet)));
        }
        if (fundable && _balanceOf(terms.token, address(wallet)) < deposit) revert NotBuyer(msg.sender);
    }

    /// @dev Sends the buyer all that the wallet holds.
    /// @return whether any of it left; what did not is there for another try
    function _giveBack(DepositWallet wallet, bytes32 id, address buyer, address token, uint256 gasCap)
        private
        returns (bool)
    {
        uint256 balanceBefore = _balanceOf(token, address(wallet));
        _send(wallet, token, buyer, balanceBefore, gasCap);
        uint256 balanceAfter = _balanceOf(token, address(wallet));
        if (balanceAfter >= balanceBefore) return false;
        emit DepositReturned(id, token, buyer, balanceBefore - balanceAfter);
        return true;
    }

    /// @dev Has the wallet send tokens, or coin where `token` is zero. What came of it, the balances tell.
    function _send(DepositWallet wallet, address token, address to, uint256 amount, uint256 gasCap) private {
        (address target, uint256 value, bytes memory data) =
            token == address(0) ? (to, amount, bytes("")) : (token, 0, abi.encodeCall(IERC20.transfer, (to, amount)));
        try wallet.execute{gas: gasCap}(target, value, data) {} catch {}
    }

    function _walletOf(bytes32 id) private returns (DepositWallet) {
        address wallet = _depositAddressOf(id);
        return wallet.code.length == 0 ? new DepositWallet{salt: id}() : DepositWallet(payable(wallet));
    }

    function _depositAddressOf(bytes32 id) internal view returns (address) {
        return Create2.computeAddress(id, WALLET_CODE_HASH);
    }
}
