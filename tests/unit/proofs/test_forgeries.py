"""What a liar with good proofs in his hands might try, and what only a node can find out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from earnest.chain.node import Node
from earnest.chain.proofs import rlp
from earnest.chain.proofs.check import check_proof
from earnest.chain.proofs.compare import compare_with_node
from earnest.chain.proofs.errors import Layer, ProofBroken
from earnest.chain.proofs.make import Wanted
from earnest.chain.proofs.prover import Prover
from earnest.chain.proofs.told import NUMBER, RECEIPTS_ROOT, trie_key
from earnest.chain.proofs.trie import Trie
from earnest.escrow import txs
from earnest.localnet.inprocess import EmbeddedChain
from earnest.payment.primitives import Address, hash32, keccak, to_bytes
from earnest.payment.status import Status
from earnest.payment.terms import payment_id
from earnest.payment.transitions import fold
from tests.support.provable import CHAIN_ID, MERCHANT, EmbeddedNode, Town

Document = dict[str, Any]


def proof_of(node: Node, wanted: Wanted) -> Document:
    document: Document = json.loads(Prover(node).prove(wanted))
    return document


def broken(document: Document) -> ProofBroken:
    with pytest.raises(ProofBroken) as caught:
        check_proof(json.dumps(document).encode())
    return caught.value


def without_state(document: Document) -> Document:
    """The document with its storage part taken away, as if the node had none, and the block that only it needs."""
    used = {each["block"] for each in document["receipts"]}
    blocks = [each for each in document["blocks"] if each["hash"] in used]
    return {**document, "blocks": blocks, "state": None, "why_no_state": "not_offered"}


def shortened(chain: EmbeddedChain, wanted: Wanted) -> Document:
    """An honest proof of the payment without its last event, at the same head, storage taken away."""
    events = wanted.events[:-1]
    state = fold((event, block.timestamp) for block, event in events)
    return proof_of(EmbeddedNode(chain, "eth_getProof"), replace(wanted, events=events, state=state))


def test_a_proof_of_another_payment_proves_nothing_of_this_one(town: Town) -> None:
    mine, other = town.terms(20), town.terms(21)
    town.fund(mine)
    town.fund(other)
    town.release(other)
    good, released = proof_of(town.node, town.wanted(mine)), proof_of(town.node, town.wanted(other))
    error = broken({**released, "payment_id": good["payment_id"], "terms": good["terms"]})
    assert (error.layer, error.where) == (Layer.EVENT, "event 1")
    assert broken({**released, "payment_id": good["payment_id"]}).layer is Layer.TERMS
    # One event of the other's put behind one's own.
    mixed = {name: good[name] + released[name][1:] for name in ("blocks", "receipts")}
    last = {**released["events"][1], "receipt": 1}
    error = broken({**good, **mixed, "events": [*good["events"], last], "payment": released["payment"]})
    assert error.layer in (Layer.EVENT, Layer.HEADER, Layer.RECEIPT)


def test_the_same_terms_in_another_contract_prove_nothing_of_this_one(town: Town) -> None:
    elsewhere = Town(town.node)
    terms = town.terms(22)
    elsewhere.fund(terms)
    theirs = proof_of(elsewhere.node, elsewhere.wanted(terms))
    named = payment_id(terms, CHAIN_ID, town.escrow)
    error = broken({**theirs, "escrow": town.escrow, "payment_id": named})
    assert (error.layer, error.where) == (Layer.LOG, "event 1")
    assert "not by the escrow" in error.why
    assert broken({**theirs, "escrow": town.escrow}).layer is Layer.TERMS


def test_the_same_terms_on_another_chain_prove_nothing_of_this_one(town: Town) -> None:
    terms = town.terms(23)
    town.fund(terms)
    good = proof_of(town.node, town.wanted(terms))
    assert broken({**good, "chain": "eip155:1"}).layer is Layer.TERMS
    named = payment_id(terms, 1, town.escrow)
    assert broken({**good, "chain": "eip155:1", "payment_id": named}).layer is Layer.EVENT


def test_the_last_event_cannot_be_hidden_where_there_is_a_storage_proof(chain: EmbeddedChain, town: Town) -> None:
    terms = town.terms(24)
    town.fund(terms)
    town.release(terms)
    wanted = town.wanted(terms)
    whole, cut = proof_of(town.node, wanted), shortened(chain, wanted)
    proven = check_proof(json.dumps(cut).encode())
    assert (proven.state.status, proven.current_at, proven.why_no_state) == (Status.FUNDED, None, "not_offered")
    cut |= {"blocks": [cut["blocks"][0], whole["blocks"][-1]], "state": whole["state"], "why_no_state": None}
    error = broken(cut)
    assert error.layer is Layer.STORAGE
    assert "released" in error.why
    assert "funded" in error.why


def test_an_older_storage_proof_cannot_stand_in_for_the_newest(town: Town) -> None:
    terms = town.terms(25)
    town.fund(terms)
    before = town.wanted(terms)
    old = proof_of(town.node, before)
    town.release(terms)
    new = proof_of(town.node, town.wanted(terms))
    assert broken({**new, "state": old["state"]}).layer is Layer.STORAGE
    account_only = {**new["state"], "slot_nodes": old["state"]["slot_nodes"]}
    assert broken({**new, "state": account_only}).layer is Layer.STORAGE


def test_anothers_slot_cannot_stand_in_for_this_payments(town: Town) -> None:
    mine, other = town.terms(26), town.terms(27)
    town.fund(mine)
    town.fund(other)
    one, two = proof_of(town.node, town.wanted(mine)), proof_of(town.node, town.wanted(other))
    assert one["state"]["block"] == two["state"]["block"]
    assert broken({**one, "state": two["state"]}).layer is Layer.STORAGE


def test_a_side_event_or_a_tokens_log_is_no_event_of_the_payment(town: Town) -> None:
    terms = town.in_tokens(28)
    town.fund(terms)
    good = proof_of(town.node, town.wanted(terms))
    transfer = [{**good["events"][0], "log": 0}]
    error = broken({**good, "events": transfer})
    assert error.layer is Layer.LOG
    assert "not by the escrow" in error.why


def test_each_payment_of_a_batch_is_proven_by_its_own_log(town: Town) -> None:
    batch = [replace(town.at_once(number), buyer=town.terms().buyer) for number in (30, 31, 32)]
    batch = [replace(each, pay_by=batch[0].pay_by) for each in batch]
    for each in batch:
        town.fund(each)
    town.send(MERCHANT, txs.confirm_delivery_many(town.escrow, CHAIN_ID, batch))
    documents = [proof_of(town.node, town.wanted(each)) for each in batch]
    receipts = [each["receipts"][1]["nodes"] for each in documents]
    assert receipts[0] == receipts[1] == receipts[2]
    assert len({tuple(event["log"] for event in each["events"]) for each in documents}) == 3
    assert all(each["payment"]["status"] == "released" for each in documents)


def test_blocks_of_two_forks_do_not_stand_in_one_proof(chain: EmbeddedChain, town: Town) -> None:
    terms = town.terms(33)
    snapshot = chain.request("evm_snapshot")
    town.fund(terms)
    orphaned = without_state(proof_of(town.node, town.wanted(terms)))
    assert chain.request("evm_revert", [snapshot])
    town.fund(terms)
    town.release(terms)
    good = without_state(proof_of(town.node, town.wanted(terms)))
    assert orphaned["payment"]["status"] == "funded"
    mixed = {
        "blocks": [orphaned["blocks"][0], good["blocks"][1]],
        "receipts": [orphaned["receipts"][0], good["receipts"][1]],
    }
    error = broken({**good, **mixed})
    assert error.layer is Layer.HEADER
    assert "parent" in error.why
    error = broken({**good, "blocks": [orphaned["blocks"][0], *good["blocks"]]})
    assert (error.layer, error.where) == (Layer.HEADER, f"block {good['blocks'][0]['number']}")


def test_a_chain_of_the_liars_own_holds_offline_and_a_node_finds_it_out(town: Town) -> None:
    """Whoever makes up whole blocks makes up what they say; so the verdict says that this is not checked offline."""
    terms = town.terms(34)
    town.fund(terms)
    good = without_state(proof_of(town.node, town.wanted(terms)))
    made_up = _made_up_release(good, town.escrow)
    proven = check_proof(json.dumps(made_up).encode())
    assert proven.state.status is Status.RELEASED
    with pytest.raises(ProofBroken) as caught:
        compare_with_node(proven, town.node, lambda _layer, _what: None)
    assert caught.value.layer is Layer.CHAIN


def test_a_node_of_ones_own_confirms_the_blocks_and_says_how_final_they_are(town: Town, life: bytes) -> None:
    told: list[str] = []
    compare_with_node(check_proof(life), town.node, lambda _layer, what: told.append(what))
    assert len(told) == 5
    assert all("has the same one" in each for each in told)


def test_a_node_on_another_chain_or_behind_confirms_nothing(town: Town, life: bytes) -> None:
    proven = check_proof(life)
    for wrong in (
        replace(proven, chain_id=1),
        replace(proven, blocks=(replace(proven.blocks[0], number=10**6),)),
        replace(proven, blocks=(replace(proven.blocks[0], number=proven.blocks[0].number + 1),)),
    ):
        with pytest.raises(ProofBroken) as caught:
            compare_with_node(wrong, town.node, lambda _layer, _what: None)
        assert caught.value.layer is Layer.CHAIN


def test_a_block_in_which_nothing_stands_is_no_part_of_a_proof(town: Town) -> None:
    terms = town.terms(35)
    town.fund(terms)
    town.release(terms)
    wanted = town.wanted(terms)
    good = without_state(proof_of(town.node, wanted))
    town.fund(town.terms(36))
    later = proof_of(town.node, replace(wanted, head=town.head()))
    assert broken({**good, "blocks": later["blocks"]}).layer is Layer.HEADER


def _made_up_release(good: Document, escrow: Address) -> Document:
    """Put one block behind, with a receipt in which the escrow says that everything was released."""
    data = b"".join(number.to_bytes(32, "big") for number in (2, 3, 0, 975_000, 25_000, 0))
    topics = [
        keccak(b"PaymentReleased(bytes32,uint48,uint8,uint256,uint256,uint256,uint8)"),
        to_bytes(good["payment_id"]),
    ]
    receipt = rlp.encode([b"\1", b"\x52\x08", bytes(256), [[to_bytes(escrow), topics, data]]])
    trie = Trie({trie_key(0): receipt})
    fields = list(rlp.decode(bytes.fromhex(good["blocks"][0]["header"][2:])))
    number = good["blocks"][0]["number"] + 2
    fields[NUMBER], fields[RECEIPTS_ROOT] = rlp.encode_int(number), trie.root
    header = rlp.encode(fields)  # type: ignore[arg-type]
    block = {**good["blocks"][0], "number": number, "hash": hash32(keccak(header)), "header": "0x" + header.hex()}
    nodes = ["0x" + each.hex() for each in trie.prove(trie_key(0))]
    moved = {"held": "0", "to_merchant": "975000", "to_fee_recipient": "25000"}
    event = {
        **good["events"][0],
        **moved,
        "seq": 2,
        "event": "PaymentReleased",
        "status": "released",
        "receipt": 1,
    }
    return {
        **good,
        "payment": {**good["payment"], "status": "released", "since": block["timestamp"], "seq": 2, **moved},
        "blocks": [*good["blocks"], block],
        "receipts": [*good["receipts"], {"block": block["hash"], "tx_index": 0, "nodes": nodes}],
        "events": [*good["events"], event],
    }
