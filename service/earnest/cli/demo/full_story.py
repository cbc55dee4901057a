"""Further chapters: every other way in and out, and many payments at once.

These are told by the demo alone. Unlike the chapters before them, they do not go on after a process was killed: a batch
mined by hand is a state of the chain that a restart would lose.
"""

from __future__ import annotations

from collections.abc import Callable

from eth_account.messages import encode_typed_data

from earnest.chain.fees import price
from earnest.chain.sending import SignedTx, UnsignedTx
from earnest.cli.demo.books import balance_of
from earnest.cli.demo.narrator import short
from earnest.cli.demo.story import HOUR_AND_MORE, Step, Story
from earnest.cli.demo.world import StoryFailed, World
from earnest.client import PreparedTx, ToSign
from earnest.escrow import txs
from earnest.escrow.views import credit_of, decode_credit_of
from earnest.localnet.tokens import BLOCKLIST_TOKEN_ADDRESS
from earnest.payment.primitives import Address
from earnest.payment.status import Verb

MANY = 50
"""As the gas table's batches; each of them one payment of 2.00."""
GAS_TO_FUND = 200_000
"""Some 80,000 are used; fifty such limits fit into a block three times."""


class FullStory(Story):
    """The story with all chapters."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.many: list[str] = []

    def steps(self) -> list[Step]:
        """Return all steps: the story's own, the further ones, and the end."""
        *own, end = super().steps()
        further: tuple[Callable[[], None], ...] = (
            self.pay_by_signature,
            self.receive_by_signature,
            self.repay,
            self.pay_from_an_exchange,
            self.owe_a_credit,
            self.fund_many,
            self.confirm_many,
            self.release_many,
        )
        return [*own, *(Step(each.__name__, each) for each in further), end]

    # 6. By signatures: the buyer never sends a tx.

    def pay_by_signature(self) -> None:
        """The buyer signs EIP-3009; a stranger relays it."""
        self.world.narrator.chapter("6. Paid and received by signatures, without gas")
        self._create("gasless", "repaid", "20.00", self.world.token.address)
        told, before = self.payments["gasless"], self._nonce("buyer")
        tx = self._signed_by_wallet("buyer", told.id, "fund_with_authorization")
        self.world.narrator.tell("buyer", "signed that the escrow may take 20.00 tUSD for this payment (EIP-3009)")
        self.world.tell_gas("anyone", "brought the buyer's money by it", self.world.wallets["anyone"].send(tx))
        self._hear("gasless", "payment.funded")
        self.world.expect(self._nonce("buyer") == before, "the buyer sent a tx, and he was not to")

    def receive_by_signature(self) -> None:
        """At the door, the buyer signs that the goods arrived; a stranger releases by it."""
        told, before = self.payments["gasless"], self._nonce("buyer")
        tx = self._signed_by_wallet("buyer", told.id, "release_with_receipt")
        self.world.narrator.tell("buyer", "signed at the door that the goods arrived (a receipt)")
        self.world.tell_gas("anyone", "released the payment by the receipt", self.world.wallets["anyone"].send(tx))
        self._hear("gasless", "payment.released")
        self.world.expect(self._nonce("buyer") == before, "the buyer sent a tx, and he was not to")

    def repay(self) -> None:
        """A week later the goods come back, and the merchant repays out of his own wallet."""
        self.world.narrator.chapter("7. Repaid after it was released")
        told, merchant = self.payments["gasless"], self.world.wallets["merchant"]
        approval = txs.approve(told.token, self.world.network.chain_id, self.world.escrow, told.amount)
        self.world.tell_gas("merchant", "approved exactly the amount", merchant.send(approval))
        self.world.send("merchant", "repaid the buyer all of it", "repay", told.id)
        self._hear("gasless", "payment.repaid")

    # 8. A plain transfer, as exchanges make them.

    def pay_from_an_exchange(self) -> None:
        """Somebody sends plain tokens, too many of them; anyone collects, and the surplus goes to the buyer."""
        world = self.world
        world.narrator.chapter("8. Paid from an exchange, with a surplus")
        buyer = world.wallets["buyer"].address
        self._create("deposited", "released", "30.00", world.token.address, buyer=buyer)
        told = self.payments["deposited"]
        address = Address(world.api.payment(told.id).deposit_address or "")
        sent = told.amount + 2_500_000
        receipt = world.wallets["second buyer"].send(_transfer(world, told.token, address, sent))
        world.tell_gas("anyone", f"an exchange sent 32.50 tUSD to the deposit address {short(address)}", receipt)
        before = balance_of(world.rpc, told.token, buyer)
        world.send("anyone", "collected it into the escrow", "collect", told.id, token=told.token)
        self._hear("deposited", "payment.funded")
        returned = [str(row.returned) for row in world.api.timeline(told.id) if row.event == "DepositReturned"]
        world.expect(returned == ["2.50 tUSD"], f"the timeline tells {returned} as returned, not 2.50 tUSD")
        world.expect(balance_of(world.rpc, told.token, buyer) == before + 2_500_000, "the surplus is not the buyer's")
        world.narrator.tell("buyer", "got the surplus of 2.50 tUSD back")
        world.send("buyer", "released the payment", "release", told.id)
        self._hear("deposited", "payment.released")

    # 9. A buyer who cannot be paid stands in nobody's way.

    def owe_a_credit(self) -> None:
        """The token blocks the buyer, so that his refund becomes a credit; unblocked, he gets it from anyone."""
        world, token = self.world, Address(BLOCKLIST_TOKEN_ADDRESS)
        world.narrator.chapter("9. Refunded to a buyer on the token's blocklist: a credit")
        buyer = world.wallets["second buyer"].address
        self._create("credited", "refunded", "15.00", token)
        self._fund("credited", "second buyer")
        told = self.payments["credited"]
        self._set_blocked(token, buyer, True, "put the buyer on the token's blocklist")
        world.ask_operator(told.id, "refund", {}, key="refund-credited")
        self._hear("credited", "payment.refunded")
        row = world.api.timeline(told.id)[-1]
        world.expect(row.credited == ("buyer",), "the refund did not become a credit")
        world.expect(self._credit(buyer, token) == told.amount, "the escrow does not owe the buyer the amount")
        world.narrator.tell("buyer", "is owed 15.00 bUSD by the escrow, and nobody was held up")
        self._set_blocked(token, buyer, False, "took the buyer off the blocklist")
        before = balance_of(world.rpc, token, buyer)
        withdrawal = txs.withdraw(world.escrow, world.network.chain_id, buyer, token)
        receipt = world.wallets["anyone"].send(withdrawal)
        world.tell_gas("anyone", "had the credit paid out to the buyer", receipt)
        world.expect(balance_of(world.rpc, token, buyer) == before + told.amount, "it did not arrive")
        world.expect(self._credit(buyer, token) == 0, "the escrow owes the buyer still")

    # 10. Fifty at once.

    def fund_many(self) -> None:
        """Fifty orders are created and paid; their txs wait for one block."""
        world = self.world
        world.narrator.chapter(f"10. {MANY} payments confirmed and released at once")
        for number in range(MANY):
            payment = world.create(f"many-{number}", "2.00", world.token.address, {})
            self.many.append(payment.id)
        world.narrator.tell("merchant", f"created {MANY} payments over 2.00 tUSD")
        gas = self._fund_in_one_block("buyer")
        world.narrator.tell("buyer", f"funded them  [bright_black]{gas // MANY:,} gas a payment, one tx each[/]")
        self._wait_all("funded")

    def confirm_many(self) -> None:
        """All deliveries are confirmed by one tx."""
        self._ask_many("confirm_delivery_many")
        self._wait_all("delivered")
        self.world.travel(self.many[0], HOUR_AND_MORE, "the dispute window of all of them passes")
        self.world.wait_followed()

    def release_many(self) -> None:
        """All payments are released by one tx, one push for each payee."""
        self._ask_many("release_many")
        self._wait_all("released")

    def finalize(self) -> None:
        """The end, the many payments included."""
        super().finalize()
        told = {each.id for each in self.world.api.payments(status="released", finality="final")}
        self.world.expect(set(self.many) <= told, f"not all of the {MANY} are released and final")

    # What these steps share.

    def _signed_by_wallet(self, who: str, payment: str, verb: str) -> txs.UnsignedTx:
        """Have typed data signed as a wallet does, and return the tx that anyone can send with it."""
        world, signer = self.world, self.world.signers[who]
        asked = world.api.prepare(payment, verb, signer.address)
        if not isinstance(asked, ToSign):
            raise StoryFailed(f"{verb} needs no signature")
        signable = encode_typed_data(full_message=asked.typed_data)
        signature = "0x" + bytes(signer.account.sign_message(signable).signature).hex()
        sender = world.wallets["anyone"].address
        tx = world.api.prepare(payment, verb, sender, signature=signature, **asked.come_back_with)
        if not isinstance(tx, PreparedTx):
            raise StoryFailed(f"{verb} wants another signature")
        return txs.UnsignedTx(Address(tx.to), tx.data, tx.value, tx.chain_id)

    def _fund_in_one_block(self, who: str) -> int:
        """Approve the sum, send one funding tx for each of the many, mine them together; returns the gas of all."""
        world, wallet = self.world, self.world.wallets[who]
        chain_id, escrow = world.network.chain_id, world.escrow
        terms = [world.terms_of(each) for each in self.many]
        wallet.send(txs.approve(world.token.address, chain_id, escrow, sum(each.amount for each in terms)))
        nonce, fee = self._nonce(who), price(world.rpc)
        signed: list[SignedTx] = []
        for number, each in enumerate(terms):
            tx = txs.fund(escrow, chain_id, each, wallet.address)
            unsigned = UnsignedTx(
                chain_id,
                nonce + number,
                tx.to,
                bytes.fromhex(tx.data[2:]),
                tx.value,
                GAS_TO_FUND,
                fee.max_fee_per_gas,
                fee.max_priority_fee_per_gas,
            )
            signed.append(world.signers[who].sign(unsigned, 0))
        world.node("evm_setAutomine", False)
        try:
            for each_tx in signed:
                world.rpc.send_raw(each_tx.raw)
            world.node("evm_mine")
        finally:
            world.node("evm_setAutomine", True)
        receipts = [each for each in world.rpc.receipts([each.hash for each in signed]) if each and each.succeeded]
        world.expect(len(receipts) == MANY, f"{len(receipts)} of {MANY} payments were funded")
        return sum(each.gas_used for each in receipts)

    def _ask_many(self, verb: str) -> None:
        world = self.world
        call = world.api.confirm_delivery_many if verb == Verb.CONFIRM_DELIVERY_MANY else world.api.release_many
        answer = call(self.many, idempotency_key=f"{world.story_name}-{verb}")
        world.narrator.tell("merchant", f"asked for {verb} of {MANY} payments")
        world.expect(not answer.left_out, f"{len(answer.left_out)} payments were left out of {verb}")
        (batch,) = answer.sent
        receipt = world.mined(batch.tx.hash)
        if receipt is not None:
            world.tell_gas("operator", f"sent {verb}: {receipt.gas_used // MANY:,} gas a payment", receipt)

    def _wait_all(self, status: str) -> None:
        """Wait until the service knows all of the many in a status; they moved in one block, so that it looks once."""
        self.world.wait_followed()
        told = {each.id for each in self.world.api.payments(status=status)}
        self.world.expect(set(self.many) <= told, f"not all of the many are {status}")

    def _nonce(self, who: str) -> int:
        return self.world.rpc.tx_count(self.world.wallets[who].address)

    def _set_blocked(self, token: Address, account: Address, yes: bool, did: str) -> None:
        """Do as the token's issuer does; the test token lets anyone do it."""
        data = txs.encode_call("setBlocked", ["address", "bool"], [account, yes])
        tx = txs.UnsignedTx(token, data, 0, self.world.network.chain_id)
        self.world.tell_gas("issuer", did, self.world.wallets["anyone"].send(tx))

    def _credit(self, account: Address, token: Address) -> int:
        call = {"to": self.world.escrow, "data": credit_of(account, token)}
        answer = self.world.rpc.call("eth_call", [call, "latest"])
        return decode_credit_of(bytes.fromhex(str(answer)[2:]))


def _transfer(world: World, token: Address, to: Address, amount: int) -> txs.UnsignedTx:
    """Return a plain token transfer, which knows nothing of any escrow."""
    data = txs.encode_call("transfer", ["address", "uint256"], [to, amount])
    return txs.UnsignedTx(token, data, 0, world.network.chain_id)
