"""What nobody can tell is unknown: never guessed, and found by our reference later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from portal.domain.outcome import DeclineClass, Outcome
from portal.providers.conformance.case import Case, proves
from portal.providers.conformance.counterpart import Fault
from portal.providers.conformance.shop import Shop, expect, expect_declined, expect_outcome, shown
from portal.providers.port import Answer

# What is known of the money after each: was the request carried out?
SILENCES: Final = {
    Fault.timeout_before: ("was lost on its way", False),
    Fault.timeout_after: ("was not answered", True),
    Fault.reset: ("broke off", True),
    Fault.error_before: ("ended in a 5xx and did nothing", False),
    Fault.error_after: ("ended in a 5xx and was carried out", True),
    Fault.garbage: ("was answered with something unreadable", True),
}


def _charge(fault: Fault, done: bool) -> Callable[[Shop], None]:
    def play(shop: Shop) -> None:
        order = shop.renewal(shop.saved())
        shop.other.plan(fault, "charge")
        expect_outcome(shop.provider.charge(order), Outcome.unknown)
        _expect_found(shop.provider.find(order.reference), done)
        shop.expect_taken(order.reference, *([shop.price] if done else []))

    return play


def _checkout(fault: Fault, done: bool) -> Callable[[Shop], None]:
    def play(shop: Shop) -> None:
        order = shop.order()
        shop.other.plan(fault, "start_checkout")
        expect_outcome(shop.provider.start_checkout(order), Outcome.unknown)
        found = shop.provider.find(order.reference)
        if done:
            expect_outcome(found, Outcome.requires_action)
        else:
            _expect_found(found, done=False)

    return play


def _refund(fault: Fault, done: bool) -> Callable[[Shop], None]:
    def play(shop: Shop) -> None:
        bought = shop.order()
        order = shop.back(shop.bought(bought), shop.price)
        shop.other.plan(fault, "refund")
        expect_outcome(shop.provider.refund(order), Outcome.unknown)
        _expect_found(shop.provider.find_refund(order.reference), done)
        shop.expect_given_back(bought.reference, *([shop.price] if done else []))

    return play


def _close(fault: Fault, done: bool) -> Callable[[Shop], None]:
    def play(shop: Shop) -> None:
        order = shop.order()
        shop.open(order)
        shop.other.plan(fault, "close_checkout")
        expect_outcome(shop.provider.close_checkout(order.reference), Outcome.unknown)
        found = shop.provider.find(order.reference)
        if done:
            expect_declined(found, DeclineClass.closed)
        else:
            expect_outcome(found, Outcome.requires_action)

    return play


def _expect_found(found: Answer, done: bool) -> None:
    if done:
        expect_outcome(found, Outcome.succeeded, Outcome.pending)
    else:
        expect(found.absent, f"nothing is there, it said {shown(found)}")


SENT: Final = {
    "charge": (_charge, ("saves_methods",)),
    "checkout": (_checkout, ()),
    "refund": (_refund, ()),
    "closing": (_close, ("closes_checkouts",)),
}
SENDING: Final = tuple(
    Case(
        f"unknown.{what}_{fault}",
        f"A {what} that {how} is unknown, and asking tells the truth.",
        make(fault, done),
        (fault,),
        able,
    )
    for what, (make, able) in SENT.items()
    for fault, (how, done) in SILENCES.items()
)


@proves("What was never asked for is absent, payment or refund.")
def never_asked_for(shop: Shop) -> None:
    for found in (shop.provider.find(shop.reference()), shop.provider.find_refund(shop.reference("refund"))):
        expect(found.absent and found.outcome is Outcome.unknown, f"it said {shown(found)}")


def _asking(fault: Fault) -> Callable[[Shop], None]:
    def play(shop: Shop) -> None:
        shop.other.plan(fault, "find")
        _expect_not_known(shop.provider.find(shop.reference()))
        shop.other.plan(fault, "find_refund")
        _expect_not_known(shop.provider.find_refund(shop.reference("refund")))
        shop.other.plan(fault, "money_back")
        expect(not shop.provider.money_back(shop.reference()).known, "it knows that nothing was taken back")
        shop.other.plan(fault, "listed")
        expect(not shop.provider.listed("payments").known, "it knows a list that it was not given")

    return play


def _expect_not_known(found: Answer) -> None:
    expect(found.outcome is Outcome.unknown and not found.absent, f"it said {shown(found)}")


UNANSWERED: Final = (Fault.timeout_after, Fault.error_before, Fault.garbage, Fault.rate_limited, Fault.wrong_key)
ASKING: Final = tuple(
    Case(
        f"unknown.asking_{fault}",
        f"A question that meets {fault} is no proof that nothing is there.",
        _asking(fault),
        (fault,),
    )
    for fault in UNANSWERED
)


def _not_begun(fault: Fault) -> Callable[[Shop], None]:
    def play(shop: Shop) -> None:
        order = shop.renewal(shop.saved())
        shop.other.plan(fault, "charge")
        _expect_to_be_sent_again(shop.provider.charge(order))
        shop.expect_taken(order.reference)
        expect_outcome(shop.provider.charge(order), Outcome.succeeded)
        shop.expect_taken(order.reference, shop.price)

    return play


def _refund_not_begun(fault: Fault) -> Callable[[Shop], None]:
    def play(shop: Shop) -> None:
        bought = shop.order()
        order = shop.back(shop.bought(bought), shop.price)
        shop.other.plan(fault, "refund")
        _expect_to_be_sent_again(shop.provider.refund(order))
        shop.expect_given_back(bought.reference)
        expect_outcome(shop.provider.refund(order), Outcome.succeeded, Outcome.pending)

    return play


def _expect_to_be_sent_again(answer: Answer) -> None:
    expect_outcome(answer, Outcome.failed, Outcome.unknown)
    kind = answer.decline.kind if answer.decline else None
    expect(kind in (None, DeclineClass.gateway), f"the customer's bank never heard of it, it said {shown(answer)}")


REFUSED: Final = (Fault.rate_limited, Fault.wrong_key)
NOT_BEGUN: Final = tuple(
    case
    for fault in REFUSED
    for case in (
        Case(
            f"unknown.charge_{fault}",
            f"A charge refused as {fault} blames nobody's card, and goes through when sent again.",
            _not_begun(fault),
            (fault,),
            ("saves_methods",),
        ),
        Case(
            f"unknown.refund_{fault}",
            f"A refund refused as {fault} is not refused for good.",
            _refund_not_begun(fault),
            (fault,),
        ),
    )
)


@proves(
    "A key that is still in use proves nothing: somebody may be taking the money right now.",
    Fault.key_in_use,
    able=("saves_methods",),
)
def key_in_use(shop: Shop) -> None:
    order = shop.renewal(shop.saved())
    shop.other.plan(Fault.key_in_use, "charge")
    expect_outcome(shop.provider.charge(order), Outcome.unknown, Outcome.succeeded)


@proves(
    "A charge over another sum than was asked for says what was really taken.",
    Fault.wrong_amount,
    able=("saves_methods",),
)
def wrong_amount(shop: Shop) -> None:
    order = shop.renewal(shop.saved())
    shop.other.plan(Fault.wrong_amount, "charge")
    for answer in (shop.provider.charge(order), shop.provider.find(order.reference)):
        truly = shop.other.taken(order.reference)
        honest = answer.outcome is Outcome.unknown or [answer.amount] == truly
        expect(honest, f"{shown(answer)}, and the book says {[str(one.major) for one in truly]}")
