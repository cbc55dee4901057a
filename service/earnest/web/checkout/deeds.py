"""What the buyer can do after paying: each with what happens next, and from when until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from earnest.payment.status import HOLDING, Role, Status, Verb
from earnest.web.checkout.facts import Facts
from earnest.web.checkout.story import who_is_paid
from earnest.web.templates import show_moment
from earnest.web.words import Words

WITHDRAW: Final = "withdraw"
"""No verb of a payment: the escrow owes it to the account."""
RECEIPT: Final = "receipt"
"""The receipt shown at the door: signed now, used when the goods are handed over."""


@dataclass(frozen=True, slots=True)
class Button:
    """One way to do it: `verb` is what the page's script does, `relayed` whether the host sends it."""

    verb: str
    label: str
    relayed: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that the buyer can do, or will be able to; without buttons it is not time yet."""

    name: str
    title: str
    explained: Markup
    buttons: tuple[Button, ...] = ()
    caution: bool = False


def deeds(facts: Facts, words: Words) -> tuple[Deed, ...]:
    """Return what the page offers the buyer, the most likely first."""
    found = [_reclaim(facts, words), _withdraw(facts, words), _receive(facts, words), _dispute(facts, words)]
    offered = [each for each in found if each is not None]
    # What has no button yet is only told; what can be done stands above it.
    return tuple(sorted(offered, key=lambda each: not each.buttons))


def _receive(facts: Facts, words: Words) -> Deed | None:
    if facts.status not in HOLDING:
        return None
    wallet = Verb.RELEASE_WITH_RECEIPT if facts.can_relay else Verb.RELEASE
    merchant, held = who_is_paid(facts, words), facts.money(facts.payment.state.held)
    if facts.status is Status.DISPUTED:
        # Never what stands out: whoever disputes must not pay by mistake.
        settle = words("deed.settle.button", merchant=merchant)
        button = Button(str(wallet), settle, relayed=facts.can_relay, quiet=True)
        explained = words.rich("deed.receive.disputed", held=held, merchant=merchant)
        return Deed("receive", words("deed.settle.title", merchant=merchant), explained, (button,))
    # Where the buyer may take everything back, that is what stands out.
    overdue = any(each.verb is Verb.RECLAIM and each.possible_from <= facts.now for each in facts.actions)
    buttons = (
        Button(str(wallet), words("deed.receive.button"), relayed=facts.can_relay, quiet=overdue),
        Button(RECEIPT, words("deed.receive.door"), quiet=True),
    )
    release = [each for each in facts.actions if each.verb is Verb.RELEASE and Role.ANYONE in each.by]
    over = any(each.possible_from <= facts.now for each in release)
    explained = words.rich("deed.receive.over" if over else "deed.receive.explained", held=held, merchant=merchant)
    return Deed("receive", words("deed.receive.title"), explained, buttons)


def _dispute(facts: Facts, words: Words) -> Deed | None:
    window = facts.window(Verb.DISPUTE)
    if window is None:
        return None
    arbitration = facts.payment.terms.arbitration_period
    explained = words.rich(
        "deed.dispute.explained", until=show_moment(window[1] or 0, words), period=words.duration(arbitration)
    )
    button = Button(str(Verb.DISPUTE), words("deed.dispute.button"), quiet=True)
    return Deed("dispute", words("deed.dispute.title"), explained, (button,), caution=True)


def _reclaim(facts: Facts, words: Words) -> Deed | None:
    found = [each for each in facts.actions if each.verb is Verb.RECLAIM and Role.ANYONE in each.by]
    if not found:
        return None
    due = found[0].possible_from
    held = facts.money(facts.payment.state.held)
    if facts.now < due:
        explained = words.rich("deed.reclaim.later", when=show_moment(due, words), held=held)
        return Deed("reclaim", words("deed.reclaim.title"), explained)
    button = Button(str(Verb.RECLAIM), words("deed.reclaim.button"), relayed=facts.can_relay)
    return Deed("reclaim", words("deed.reclaim.title"), words.rich("deed.reclaim.explained", held=held), (button,))


def _withdraw(facts: Facts, words: Words) -> Deed | None:
    if not facts.owed:
        return None
    explained = words.rich("deed.withdraw.explained", owed=facts.money(facts.owed))
    return Deed(WITHDRAW, words("deed.withdraw.title"), explained, (Button(WITHDRAW, words("deed.withdraw.button")),))
