"""Saved methods: kept when asked, charged only for their owner, never again once removed."""

from __future__ import annotations

import re

from portal.domain.free_text import holds_a_card_number
from portal.domain.outcome import DeclineClass, Outcome
from portal.providers.conformance.case import proves
from portal.providers.conformance.counterpart import Ability, Fault
from portal.providers.conformance.shop import Misbehaved, Shop, expect, expect_declined, expect_outcome
from portal.providers.port import SavedMethod


@proves("A method that was kept has its ids and a title, and no card number.", able=("saves_methods",))
def kept(shop: Shop) -> None:
    _expect_usable(shop.saved())


@proves(
    "A page over nothing keeps a method and takes nothing; the method can be charged.",
    Ability.saves_without_charge,
    able=("saves_methods",),
)
def kept_without_a_charge(shop: Shop) -> None:
    order = shop.order(amount=shop.price * 0)
    answer = shop.bought(order)
    if answer.method is None:
        raise Misbehaved("no method is there")
    _expect_usable(answer.method)
    shop.expect_taken(order.reference)
    expect_outcome(shop.provider.charge(shop.renewal(answer.method)), Outcome.succeeded)


@proves("A page that was not to keep a method keeps none.", able=("saves_methods",))
def not_kept_unasked(shop: Shop) -> None:
    method = shop.bought(shop.order(save=False)).method
    expect(method is None, f"{method} was kept")


@proves("A removed method is never charged again, and that is a hard decline.", able=("saves_methods",))
def removed(shop: Shop) -> None:
    method = shop.saved()
    expect(shop.provider.detach(method.method_ref), "it would not forget the method")
    order = shop.renewal(method)
    expect_declined(shop.provider.charge(order), DeclineClass.hard)
    shop.expect_taken(order.reference)


@proves("Removing a method twice, or one that it never knew, is done.", able=("saves_methods",))
def removed_twice(shop: Shop) -> None:
    method = shop.saved()
    for method_ref in (method.method_ref, method.method_ref, "no-such-method"):
        expect(shop.provider.detach(method_ref), f"detaching {method_ref} is said not to be done")


@proves(
    "A removal that nobody answered is not done until somebody says so.", Fault.timeout_before, able=("saves_methods",)
)
def removal_unanswered(shop: Shop) -> None:
    method = shop.saved()
    shop.other.plan(Fault.timeout_before, "detach")
    expect(not shop.provider.detach(method.method_ref), "nobody answered, it said that it is done")
    expect(shop.provider.detach(method.method_ref), "asked again, it is not done either")


@proves("A method is charged for its owner only.", able=("saves_methods",))
def somebody_elses(shop: Shop) -> None:
    alices, bobs = shop.saved(user="alice"), shop.saved(user="bob")
    mixed = SavedMethod(alices.customer_ref, bobs.method_ref, bobs.kind, bobs.title, bobs.expires)
    order = shop.renewal(mixed)
    expect_outcome(shop.provider.charge(order), Outcome.failed, Outcome.unknown)
    shop.expect_taken(order.reference)


def _expect_usable(method: SavedMethod) -> None:
    expect(bool(method.customer_ref and method.method_ref), "one of its ids is empty")
    expect(method.kind in ("card", "wallet", "bank"), f"{method.kind} is no kind of a method")
    expect(bool(method.title), "it has no title to show")
    expect(not holds_a_card_number(repr(method)), "it holds a card number")
    expires = method.expires is None or re.fullmatch(r"\d{4}-\d{2}", method.expires)
    expect(bool(expires), f"{method.expires} is not a month like 2030-12")
