// The floor: what an escrow of one slot a payment costs if it knows fewer terms, checks next to nothing, trusts every token,
// tells little and locks nothing. Nobody should use it.
//
// Calldata: a selector, the terms' six words (buyer, merchant, token, amount, until, order hash), and what the verb says.
// `until` ends the time for funding and begins the time for reclaiming.
// The slot, under the payment's id: buyer 160 | status 48 | since 48.
object "Floor" {
    code {
        datacopy(0, dataoffset("runtime"), datasize("runtime"))
        return(0, datasize("runtime"))
    }
    object "runtime" {
        code {
            {
                let id := idOf()
                switch shr(224, calldataload(0))
                // fund(terms), coin or token
                case 0xf1f1f101 {
                    open(id)
                    switch token()
                    case 0 { require(eq(callvalue(), amount())) }
                    default {
                        require(iszero(callvalue()))
                        pull(caller(), address())
                    }
                    tellFunded(id)
                }
                // fundWithAuthorization(terms, validBefore, v, r, s), EIP-3009 with the id as nonce
                case 0xf1f1f102 {
                    open(id)
                    mstore(0, shl(224, 0xef55bec6)) // receiveWithAuthorization
                    mstore(4, buyer())
                    mstore(36, address())
                    mstore(68, amount())
                    mstore(100, 0)
                    mstore(132, calldataload(196))
                    mstore(164, id)
                    calldatacopy(196, 228, 96)
                    require(call(gas(), token(), 0, 0, 292, 0, 0))
                    tellFunded(id)
                }
                // fundWithPermit(terms, deadline, v, r, s), EIP-2612
                case 0xf1f1f103 {
                    open(id)
                    mstore(0, shl(224, 0xd505accf)) // permit
                    mstore(4, caller())
                    mstore(36, address())
                    mstore(68, amount())
                    calldatacopy(100, 196, 128)
                    require(call(gas(), token(), 0, 0, 228, 0, 0))
                    pull(caller(), address())
                    tellFunded(id)
                }
                // fundWithPermit2(terms, nonce, deadline, signature of 65 bytes); the witness is Funding(id, payer)
                case 0xf1f1f104 {
                    open(id)
                    datacopy(0, dataoffset("Funding"), datasize("Funding"))
                    mstore(0, keccak256(0, datasize("Funding")))
                    mstore(32, id)
                    mstore(64, buyer())
                    let witness := keccak256(0, 96)
                    mstore(0, shl(224, 0x137c29fe)) // permitWitnessTransferFrom
                    mstore(4, token())
                    mstore(36, amount())
                    calldatacopy(68, 196, 64)
                    mstore(132, address())
                    mstore(164, amount())
                    mstore(196, buyer())
                    mstore(228, witness)
                    mstore(260, 320)
                    mstore(292, 448)
                    mstore(324, datasize("Witness"))
                    datacopy(356, dataoffset("Witness"), datasize("Witness"))
                    mstore(452, 65)
                    calldatacopy(484, 260, 65)
                    require(call(gas(), 0x000000000022D473030F116dDEE9F6B43aC78BA3, 0, 0, 580, 0, 0))
                    tellFunded(id)
                }
                // release(terms)
                case 0xf1f1f105 {
                    let state := sload(id)
                    require(eq(caller(), shr(96, state)))
                    enter(id, state, 1, 2)
                    pay(merchant(), amount())
                    tell(id, amount())
                }
                // refund(terms)
                case 0xf1f1f106 {
                    require(eq(caller(), merchant()))
                    let state := sload(id)
                    enter(id, state, 1, 3)
                    pay(shr(96, state), amount())
                    tell(id, amount())
                }
                // reclaim(terms)
                case 0xf1f1f107 {
                    require(iszero(lt(timestamp(), until())))
                    let state := sload(id)
                    enter(id, state, 1, 4)
                    pay(shr(96, state), amount())
                    tell(id, amount())
                }
                // repay(terms)
                case 0xf1f1f108 {
                    require(eq(caller(), merchant()))
                    let state := sload(id)
                    enter(id, state, 2, 5)
                    pull(caller(), shr(96, state))
                    tell(id, amount())
                }
                // releaseMany(terms in common, items of buyer, amount and order hash); the caller bought all of them
                case 0xf1f1f109 {
                    let sum := 0
                    for { let item := 196 } lt(item, calldatasize()) { item := add(item, 96) } {
                        mstore(0, calldataload(item))
                        let part := calldataload(add(item, 32))
                        mstore(96, part)
                        mstore(160, calldataload(add(item, 64)))
                        let one := keccak256(0, 256)
                        let state := sload(one)
                        require(eq(caller(), shr(96, state)))
                        enter(one, state, 1, 2)
                        sum := add(sum, part)
                        mstore(256, part)
                        log2(256, 32, 0xfefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefe, one)
                    }
                    pay(merchant(), sum)
                }
                default { revert(0, 0) }
                stop()
            }

            function idOf() -> id {
                calldatacopy(0, 4, 192)
                mstore(192, chainid())
                mstore(224, address())
                id := keccak256(0, 256)
            }
            function buyer() -> account { account := calldataload(4) }
            function merchant() -> account { account := calldataload(36) }
            function token() -> account { account := calldataload(68) }
            function amount() -> units { units := calldataload(100) }
            function until() -> time { time := calldataload(132) }

            function open(id) {
                require(iszero(sload(id)))
                require(lt(timestamp(), until()))
                require(amount())
                sstore(id, or(shl(96, buyer()), or(shl(48, 1), timestamp())))
            }
            function enter(id, state, from, to) {
                require(eq(and(shr(48, state), 0xffffffffffff), from))
                sstore(id, or(shl(96, shr(96, state)), or(shl(48, to), timestamp())))
            }
            function pull(from, to) {
                mstore(0, shl(224, 0x23b872dd)) // transferFrom
                mstore(4, from)
                mstore(36, to)
                mstore(68, amount())
                require(call(gas(), token(), 0, 0, 100, 0, 32))
                require(eq(mload(0), 1))
            }
            function pay(to, units) {
                switch token()
                case 0 { require(call(gas(), to, units, 0, 0, 0, 0)) }
                default {
                    mstore(0, shl(224, 0xa9059cbb)) // transfer
                    mstore(4, to)
                    mstore(36, units)
                    require(call(gas(), token(), 0, 0, 68, 0, 32))
                    require(eq(mload(0), 1))
                }
            }
            function tellFunded(id) {
                calldatacopy(0, 4, 192)
                log2(0, 192, 0xfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfdfd, id)
            }
            function tell(id, units) {
                mstore(0, units)
                log2(0, 32, 0xfefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefe, id)
            }
            function require(yes) { if iszero(yes) { revert(0, 0) } }
        }
        data "Funding" "Funding(bytes32 id,address payer)"
        data "Witness" "Funding witness)Funding(bytes32 id,address payer)TokenPermissions(address token,uint256 amount)"
    }
}
