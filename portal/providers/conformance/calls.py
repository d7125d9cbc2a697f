"""A call answers, whatever the network and the server do: in time, without an exception, without a secret."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from portal.providers.conformance.case import Case, proves
from portal.providers.conformance.counterpart import Fault, Operation
from portal.providers.conformance.shop import Shop, expect

Call = Callable[[], object]
SLACK_SECONDS: Final = 2.0  # for everything that is not waiting
WIRE: Final = (
    Fault.timeout_before,
    Fault.timeout_after,
    Fault.reset,
    Fault.error_before,
    Fault.error_after,
    Fault.garbage,
    Fault.rate_limited,
    Fault.wrong_key,
    Fault.key_in_use,
)
LEAST: Final = (Fault.timeout_after,)  # who can plan no fault at all shows nothing here
TALKATIVE: Final[tuple[Operation, ...]] = ("start_checkout", "refund", "find", "listed")
CREATES: Final = frozenset({"start_checkout", "charge", "refund"})


def _start(shop: Shop) -> Call:
    order = shop.order()
    return lambda: shop.provider.start_checkout(order)


def _close(shop: Shop) -> Call:
    order = shop.order()
    shop.open(order)
    return lambda: shop.provider.close_checkout(order.reference)


def _charge(shop: Shop) -> Call:
    order = shop.renewal(shop.saved())
    return lambda: shop.provider.charge(order)


def _refund(shop: Shop) -> Call:
    order = shop.back(shop.bought(shop.order()), shop.price)
    return lambda: shop.provider.refund(order)


def _find(shop: Shop) -> Call:
    order = shop.order()
    shop.open(order)
    return lambda: shop.provider.find(order.reference)


def _find_refund(shop: Shop) -> Call:
    return lambda: shop.provider.find_refund(shop.reference("refund"))


def _money_back(shop: Shop) -> Call:
    order = shop.order()
    shop.bought(order)
    return lambda: shop.provider.money_back(order.reference)


def _listed(shop: Shop) -> Call:
    return lambda: shop.provider.listed("payments")


def _detach(shop: Shop) -> Call:
    method = shop.saved()
    return lambda: shop.provider.detach(method.method_ref)


PREPARED: Final[dict[Operation, tuple[Callable[[Shop], Call], tuple[str, ...]]]] = {
    "start_checkout": (_start, ()),
    "close_checkout": (_close, ("closes_checkouts",)),
    "charge": (_charge, ("saves_methods",)),
    "refund": (_refund, ()),
    "find": (_find, ()),
    "find_refund": (_find_refund, ()),
    "money_back": (_money_back, ()),
    "listed": (_listed, ()),
    "detach": (_detach, ("saves_methods",)),
}


def _never_raises(operation: Operation) -> Case:
    prepare, able = PREPARED[operation]

    def play(shop: Shop) -> None:
        for fault in WIRE:
            if _may_meet(shop, fault, operation):
                call = prepare(shop)
                shop.other.plan(fault, operation)
                raised = _raised(call)
                expect(not raised, f"{fault}: {raised}")

    sentence = f"{operation} answers whatever goes wrong, and raises nothing."
    return Case(f"calls.{operation}_always_answers", sentence, play, LEAST, able)


def _may_meet(shop: Shop, fault: Fault, operation: Operation) -> bool:
    """Only what creates something has a key that could be in use."""
    return fault in shop.other.has and (fault is not Fault.key_in_use or operation in CREATES)


def _raised(call: Call) -> str:
    try:
        call()
    except Exception as error:
        return f"it raised {type(error).__name__}"
    return ""


@proves("What a call says, or raises, holds neither the API key nor the webhook secret.", *LEAST)
def no_secret_is_told(shop: Shop) -> None:
    for fault in WIRE:
        for operation in TALKATIVE:
            if _may_meet(shop, fault, operation):
                call = PREPARED[operation][0](shop)
                shop.other.plan(fault, operation)
                said = _said(call)
                secret = any(one in said for one in shop.other.secrets)
                expect(not secret, f"{operation} under {fault} tells a secret")


def _said(call: Call) -> str:
    try:
        return repr(call())
    except Exception as error:
        return repr(error)


def _in_time(operation: Operation) -> Case:
    prepare, able = PREPARED[operation]

    def play(shop: Shop) -> None:
        call = prepare(shop)
        shop.other.plan(Fault.trickle, operation)
        began = time.monotonic()
        raised = _raised(call)
        took, allowed = time.monotonic() - began, shop.other.patience + SLACK_SECONDS
        expect(took < allowed, f"it took {took:.1f} s, {allowed:.1f} s were allowed")
        expect(not raised, raised)

    sentence = f"{operation} ends in its time, also where the answer comes a byte at a time."
    return Case(f"calls.{operation}_ends_in_time", sentence, play, (Fault.trickle,), able)


ALL: Final = tuple(case for operation in PREPARED for case in (_never_raises(operation), _in_time(operation)))
