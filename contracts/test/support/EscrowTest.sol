// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test, Vm} from "forge-std/Test.sol";

import {Escrow} from "../../src/Escrow.sol";
import {IEscrow, PaymentState, Status, Terms} from "../../src/IEscrow.sol";
import {TestToken} from "../../src/TestToken.sol";

/// @notice What every test of the escrow starts from: the parties, a token, terms, and ways to reach each status.
abstract contract EscrowTest is Test {
    uint256 internal constant ALL = type(uint256).max;
    uint256 internal constant AMOUNT = 100e6;
    uint256 internal constant START = 1_700_000_000;
    uint32 internal constant DELIVERY_PERIOD = 7 days;
    uint32 internal constant DISPUTE_WINDOW = 3 days;
    uint32 internal constant ARBITRATION_PERIOD = 14 days;

    address internal buyer = makeAddr("buyer");
    address internal merchant = makeAddr("merchant");
    address internal operator = makeAddr("operator");
    address internal arbiter = makeAddr("arbiter");
    address internal feeRecipient = makeAddr("fee recipient");
    address internal stranger = makeAddr("stranger");

    Escrow internal escrow;
    TestToken internal token;

    function setUp() public virtual {
        vm.warp(START);
        escrow = newEscrow();
        token = new TestToken();
        token.mint(buyer, 1e30);
        vm.deal(buyer, 1e30);
        vm.prank(buyer);
        token.approve(address(escrow), ALL);
    }

    /// @dev The sources as they are, or with EARNEST_SHIPPED=true the very bytes that the package ships.
    function newEscrow() internal returns (Escrow) {
        if (!vm.envOr("EARNEST_SHIPPED", false)) return new Escrow();
        string memory artifact = vm.readFile("../service/earnest/escrow/artifacts/Escrow.json");
        bytes memory code = vm.parseJsonBytes(artifact, ".bytecode");
        address deployed;
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        return Escrow(deployed);
    }

    function tokenTerms() internal view returns (Terms memory) {
        return Terms({
            buyer: buyer,
            merchant: merchant,
            operator: operator,
            arbiter: arbiter,
            token: address(token),
            amount: AMOUNT,
            feeRecipient: feeRecipient,
            feeBps: 250,
            payBy: uint40(START + 1 days),
            deliveryPeriod: DELIVERY_PERIOD,
            disputeWindow: DISPUTE_WINDOW,
            arbitrationPeriod: ARBITRATION_PERIOD,
            orderHash: keccak256("order 1")
        });
    }

    function coinTerms() internal view returns (Terms memory terms) {
        terms = tokenTerms();
        terms.token = address(0);
    }

    function termsIn(bool coin) internal view returns (Terms memory) {
        return coin ? coinTerms() : tokenTerms();
    }

    /// @dev The same terms for another order: another payment.
    function another(Terms memory terms, uint256 order) internal pure returns (Terms memory copy) {
        copy = abi.decode(abi.encode(terms), (Terms));
        copy.orderHash = bytes32(order);
    }

    function withoutDispute(Terms memory terms) internal pure returns (Terms memory) {
        (terms.arbiter, terms.disputeWindow, terms.arbitrationPeriod) = (address(0), 0, 0);
        return terms;
    }

    function withoutFee(Terms memory terms) internal pure returns (Terms memory) {
        (terms.feeRecipient, terms.feeBps) = (address(0), 0);
        return terms;
    }

    // -------------------------------------------------------------------------------------------- reaching a status

    function fund(Terms memory terms) internal returns (bytes32 id) {
        id = escrow.idOf(terms);
        uint256 value = terms.token == address(0) ? terms.amount : 0;
        address payee = terms.buyer == address(0) ? buyer : terms.buyer;
        vm.prank(buyer);
        escrow.fund{value: value}(terms, payee);
    }

    function confirm(Terms memory terms) internal {
        vm.prank(terms.merchant);
        escrow.confirmDelivery(terms);
    }

    function openDispute(Terms memory terms) internal {
        vm.prank(buyer);
        escrow.dispute(terms);
    }

    /// @dev Gives the merchant a part to repay, and lets him do it.
    function repay(Terms memory terms, uint256 part) internal {
        uint256 value = terms.token == address(0) ? part : 0;
        if (value == 0) {
            token.mint(terms.merchant, part);
            vm.prank(terms.merchant);
            token.approve(address(escrow), part);
        }
        vm.deal(terms.merchant, terms.merchant.balance + value);
        vm.prank(terms.merchant);
        escrow.repay{value: value}(terms, part);
    }

    /// @dev Brings a payment of these terms into the status, as fast as time allows.
    function reach(Terms memory terms, Status status) internal returns (bytes32 id) {
        id = escrow.idOf(terms);
        if (status == Status.None) return id;
        fund(terms);
        if (status == Status.Delivered || status == Status.Disputed || status == Status.Resolved) confirm(terms);
        if (status == Status.Disputed || status == Status.Resolved) openDispute(terms);
        if (status == Status.Released || status == Status.Repaid) {
            vm.prank(buyer);
            escrow.release(terms, ALL);
            if (status == Status.Repaid) repay(terms, terms.amount);
        } else if (status == Status.Refunded) {
            vm.prank(merchant);
            escrow.refund(terms, ALL);
        } else if (status == Status.Reclaimed) {
            vm.warp(block.timestamp + terms.deliveryPeriod);
            escrow.reclaim(terms);
        } else if (status == Status.Resolved) {
            vm.prank(arbiter);
            escrow.resolve(terms, terms.amount, 0);
        }
        assertTrue(escrow.stateOf(id).status == status);
    }

    // ------------------------------------------------------------------------------------------------------- asserting

    function balance(Terms memory terms, address account) internal view returns (uint256) {
        return terms.token == address(0) ? account.balance : token.balanceOf(account);
    }

    function assertState(bytes32 id, Status status, uint256 since, uint256 seq) internal view {
        PaymentState memory state = escrow.stateOf(id);
        assertEq(state.buyer, buyer, "buyer");
        assertEq(uint8(state.status), uint8(status), "status");
        assertEq(state.since, since, "since");
        assertEq(state.seq, seq, "seq");
    }

    function expectRevertWith(bytes memory reason) internal {
        vm.expectRevert(reason, address(escrow));
    }
}
