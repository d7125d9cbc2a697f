"""Everything is found again by our reference, and everything is listed."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.domain.outcome import Outcome
from portal.providers.conformance.case import proves
from portal.providers.conformance.counterpart import Ability
from portal.providers.conformance.shop import Misbehaved, Shop, expect, expect_outcome, shown
from portal.providers.port import Listable, Listed

MOST_PAGES = 1000


@proves("An open page is found waiting, with its sum and the address to go on with.")
def an_open_page(shop: Shop) -> None:
    order = shop.order()
    url = shop.open(order)
    found = shop.provider.find(order.reference)
    expect_outcome(found, Outcome.requires_action)
    expect((found.amount, found.redirect_url) == (shop.price, url), f"{shown(found)} at {found.redirect_url}")


@proves("A charge is found as it was said: the same id, the same sum.", able=("saves_methods",))
def a_charge(shop: Shop) -> None:
    order = shop.renewal(shop.saved())
    said, found = shop.provider.charge(order), shop.provider.find(order.reference)
    same = (said.outcome, said.provider_ref, said.amount) == (found.outcome, found.provider_ref, found.amount)
    expect(same, f"{shown(said)}, then {shown(found)}")


@proves("A reference finds its own payment only, not one whose reference looks alike.")
def similar_references(shop: Shop) -> None:
    order = shop.order()
    shop.bought(order)
    expect(shop.provider.find(f"{order.reference}0").absent, "a longer reference finds the shorter one")
    expect(shop.provider.find(order.reference[:-1]).absent, "the beginning of a reference finds it")


@proves("A list of payments is complete, with what was really taken of each.")
def listed_payments(shop: Shop) -> None:
    opened, paid = shop.order(), shop.order()
    since = shop.other.now()
    shop.open(opened)
    payment = shop.bought(paid)
    seen = {one.reference: one for one in _all(shop, "payments", since)}
    if paid.reference not in seen:
        raise Misbehaved("a paid payment is not listed")
    one = seen[paid.reference]
    said = (one.provider_ref, one.payment_ref, one.state, one.minor, one.currency)
    expected = (payment.provider_ref, payment.provider_ref, "succeeded", shop.price.minor, shop.price.currency)
    expect(said == expected, f"it is listed as {one}")
    expect(opened.reference not in seen or seen[opened.reference].minor == 0, "an open page is listed as taken")


@proves(
    "A list read page by page has everything once, also what was there before somebody bought meanwhile.",
    Ability.small_pages,
)
def page_by_page(shop: Shop) -> None:
    since = shop.other.now()
    orders = [shop.order() for _ in range(5)]
    for order in orders:
        shop.bought(order)
    seen, after = [], ""
    for _ in range(MOST_PAGES):
        page = shop.provider.listed("payments", after, since)
        expect(page.known, f"a page is not known: {page.note}")
        seen += [one.reference for one in page.objects if one.state == "succeeded"]
        if page.after is None:
            break
        after = page.after
        if len(orders) == 5:
            orders.append(shop.order())
            shop.bought(orders[-1])
    missing = [order.reference for order in orders[:5] if seen.count(order.reference) != 1]
    expect(not missing, f"{len(missing)} of 5 payments are not there once")
    expect(len(orders) == 6, "it came in one page")


@proves("A list since a moment leaves out what is older.")
def listed_since(shop: Shop) -> None:
    older = shop.order()
    shop.bought(older)
    shop.other.advance(timedelta(days=1))
    since = shop.other.now()
    shop.other.advance(timedelta(minutes=1))
    newer = shop.order()
    shop.bought(newer)
    seen = {one.reference for one in _all(shop, "payments", since)}
    expect(newer.reference in seen, "what is newer is missing")
    expect(older.reference not in seen, "what is older is there")


@proves(
    "A list of refunds has ours and those made by hand, each with its payment.",
    Ability.refunds_by_hand,
    able=("partial_refunds",),
)
def listed_refunds(shop: Shop) -> None:
    since = shop.other.now()
    bought = shop.order()
    payment = shop.bought(bought)
    ours = shop.back(payment, shop.part)
    shop.provider.refund(ours)
    theirs = shop.price - shop.part
    shop.other.refund_by_hand(bought.reference, theirs.minor)
    seen = [one for one in _all(shop, "refunds", since) if one.payment_ref == payment.provider_ref]
    expect(sorted(one.minor for one in seen) == sorted([shop.part.minor, theirs.minor]), f"it lists {seen}")
    expect(ours.reference in [one.reference for one in seen], "our refund has lost its reference")


@proves("A list of disputes has each with its payment, its sum and its state.", Ability.disputes)
def listed_disputes(shop: Shop) -> None:
    since = shop.other.now()
    bought = shop.order()
    payment = shop.bought(bought)
    shop.other.dispute(bought.reference)
    seen = [(one.state, one.minor) for one in _all(shop, "disputes", since) if one.payment_ref == payment.provider_ref]
    expect(seen == [("open", shop.price.minor)], f"it lists {seen}")


def _all(shop: Shop, what: Listable, since: datetime) -> list[Listed]:
    found: list[Listed] = []
    after = ""
    for _ in range(MOST_PAGES):
        page = shop.provider.listed(what, after, since)
        expect(page.known, f"a page is not known: {page.note}")
        found += page.objects
        if page.after is None:
            return found
        after = page.after
    raise Misbehaved("the list does not end")
