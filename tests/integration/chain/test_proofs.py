"""Proofs out of real nodes over HTTP: the embedded chain and anvil, before and after a reorg."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earnest.chain.proofs.check import check_proof
from earnest.chain.proofs.compare import code_at, compare_with_node
from earnest.chain.proofs.errors import BlockMissing, Layer, ProofBroken
from earnest.chain.proofs.prover import Prover
from earnest.chain.rpc import Rpc
from earnest.escrow.artifact import load
from earnest.escrow.verify import check_code
from earnest.localnet.tokens import install_test_tokens
from earnest.payment.status import Status
from tests.integration.localnet.nodes import ChainProcess
from tests.support.anvil import find_anvil, running_anvil
from tests.support.provable import CHAIN_ID, Town, whole_life


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with ExitStack() as stack:
        if request.param == "embedded":
            process = ChainProcess(tmp_path_factory.mktemp("proofs"))
            stack.callback(process.stop)
            url = process.url
        else:
            program = find_anvil()
            if program is None:
                pytest.skip("MISSING: anvil (npm ci in contracts/)")
            url = stack.enter_context(running_anvil(program))
            install_test_tokens(url)
        rpc = Rpc(url)
        stack.callback(rpc.close)
        yield Town(rpc)


@pytest.fixture(scope="module")
def life(town: Town) -> bytes:
    return Prover(town.node).prove(town.wanted(whole_life(town)))


def test_a_whole_life_is_proven_with_the_storage_that_ends_it(town: Town, life: bytes) -> None:
    proven = check_proof(life)
    assert (proven.state.status, proven.state.seq) == (Status.RELEASED, 5)
    assert proven.current_at is not None
    compare_with_node(proven, town.node, lambda _layer, _what: None)
    check_code(load("Escrow"), town.escrow, CHAIN_ID, code_at(town.escrow, town.node))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_byte_of_what_a_real_node_told_is_found(life: bytes, data: st.DataObject) -> None:
    whole = json.loads(life)
    part = data.draw(st.sampled_from([(Layer.STORAGE, "account_nodes"), (Layer.STORAGE, "slot_nodes")]))
    nodes = whole["state"][part[1]]
    place = data.draw(st.integers(0, len(nodes) - 1))
    raw = bytearray.fromhex(nodes[place][2:])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    nodes[place] = "0x" + raw.hex()
    with pytest.raises(ProofBroken) as caught:
        check_proof(json.dumps(whole).encode())
    assert caught.value.layer is part[0]


def test_many_txs_in_one_block_make_a_deeper_trie(town: Town) -> None:
    terms = [town.terms(200 + number) for number in range(40)]
    town.node.call("evm_setAutomine", (False,))
    try:
        hashes = [town.fund_unmined(each, number % 6 + 1) for number, each in enumerate(terms)]
        town.node.call("evm_mine")
    finally:
        town.node.call("evm_setAutomine", (True,))
    blocks = {town.node.call("eth_getTransactionReceipt", (each,))["blockHash"] for each in hashes}
    assert len(blocks) == 1
    for each in terms[::9]:
        content = Prover(town.node).prove(town.wanted(each))
        assert check_proof(content).state.status is Status.FUNDED
        assert len(json.loads(content)["receipts"][0]["nodes"]) >= 2


def test_after_a_reorg_the_old_proof_still_hashes_and_the_node_no_longer_knows_it(town: Town) -> None:
    terms = town.terms(300)
    town.fund(terms)
    town.release(terms)
    wanted = town.wanted(terms)
    content = Prover(town.node).prove(wanted)
    town.node.call("anvil_reorg", (2, []))
    proven = check_proof(content)
    with pytest.raises(ProofBroken) as caught:
        compare_with_node(proven, town.node, lambda _layer, _what: None)
    assert caught.value.layer is Layer.CHAIN
    with pytest.raises(BlockMissing):
        Prover(town.node).prove(wanted)
