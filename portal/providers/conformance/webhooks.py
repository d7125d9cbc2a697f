"""A webhook is believed for its proof, and is a hint where to look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from portal.domain.errors import BadSignature
from portal.domain.outcome import Outcome
from portal.providers.conformance.case import proves
from portal.providers.conformance.counterpart import Ability, Card, Delivery
from portal.providers.conformance.shop import Misbehaved, Shop, expect, expect_outcome
from portal.providers.port import CheckoutOrder

TOO_OLD: Final = timedelta(seconds=301)
UNREADABLE: Final = (b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"id": 1}', b"[" * 100_000)


@proves("A genuine webhook about a payment names it, and reads the same after it was stored.", Ability.signs_webhooks)
def genuine(shop: Shop) -> None:
    order, told = _paid(shop)
    notice = shop.provider.verify(told.headers, told.body, shop.other.now())
    expect(notice.reference == order.reference, f"it named {notice.reference}")
    expect(bool(notice.event_id) and bool(notice.kind), "it has no id, or no kind")
    expect(shop.provider.parse(told.body) == notice, "read again, it says something else")


@proves("A webhook without its proof is refused.", Ability.signs_webhooks)
def unsigned(shop: Shop) -> None:
    _, told = _paid(shop)
    _expect_refused(shop, {"Content-Type": "application/json"}, told.body)
    _expect_refused(shop, dict.fromkeys(shop.other.sign(told.body, shop.other.now()), ""), told.body)


@proves("A webhook signed by somebody else is refused.", Ability.signs_webhooks)
def forged(shop: Shop) -> None:
    _, told = _paid(shop)
    _expect_refused(shop, shop.other.forge(told.body, shop.other.now()), told.body)


@proves("A webhook of which one byte was changed is refused.", Ability.signs_webhooks)
def tampered(shop: Shop) -> None:
    _, told = _paid(shop)
    _expect_refused(shop, told.headers, told.body + b" ")
    _expect_refused(shop, told.headers, told.body.replace(b"succeeded", b"succeedee", 1) + b"\n")


@proves("A webhook signed more than five minutes ago is refused: somebody may have kept it.", Ability.signs_webhooks)
def stale(shop: Shop) -> None:
    _, told = _paid(shop)
    now = shop.other.now()
    _expect_refused(shop, shop.other.sign(told.body, now - TOO_OLD), told.body)
    _expect_refused(shop, told.headers, told.body, at=now + timedelta(days=1))


@proves("A webhook signed more than five minutes ahead of us is refused.", Ability.signs_webhooks)
def from_the_future(shop: Shop) -> None:
    _, told = _paid(shop)
    _expect_refused(shop, shop.other.sign(told.body, shop.other.now() + TOO_OLD), told.body)


@proves("A webhook sent again, signed anew, is recognised by its id.", Ability.signs_webhooks)
def repeated(shop: Shop) -> None:
    _, told = _paid(shop)
    later = shop.other.now() + timedelta(hours=1)
    first = shop.provider.verify(told.headers, told.body, shop.other.now())
    again = shop.provider.verify(shop.other.sign(told.body, later), told.body, later)
    expect(first.event_id == again.event_id, f"{first.event_id} came back as {again.event_id}")


@proves("Two webhooks about two things have two ids.", Ability.signs_webhooks)
def two_events(shop: Shop) -> None:
    for _ in range(2):
        shop.bought(shop.order())
    ids = [one.event_id for one in shop.notices()]
    expect(len(ids) > 1 and len(set(ids)) == len(ids), f"the ids are {ids}")


@proves(
    "Webhooks in the wrong order change nothing: what is asked for afterwards is the present.", Ability.signs_webhooks
)
def reordered(shop: Shop) -> None:
    order = shop.order()
    refund = shop.back(shop.bought(order), shop.price)
    shop.provider.refund(refund)
    deliveries = shop.other.deliveries()
    expect(len(deliveries) > 1, f"{len(deliveries)} webhooks came of a payment and its refund")
    for told in reversed(deliveries):
        shop.provider.verify(told.headers, told.body, shop.other.now())
        expect_outcome(shop.provider.find(order.reference), Outcome.succeeded)
    expect_outcome(shop.provider.find_refund(refund.reference), Outcome.succeeded, Outcome.pending)


@proves("The webhook about a refund of ours names the refund, or the payment it takes from.", Ability.signs_webhooks)
def about_a_refund(shop: Shop) -> None:
    order = shop.order()
    payment = shop.bought(order)
    shop.other.deliveries()
    refund = shop.back(payment, shop.price)
    shop.provider.refund(refund)
    leads = {refund.reference, order.reference}
    told = [one for one in shop.notices() if one.reference in leads or one.payment_ref == payment.provider_ref]
    expect(bool(told), "no webhook leads to the refund")


@proves(
    "A genuine webhook about something that is none of ours has no reference, and is no error.", Ability.signs_webhooks
)
def about_somebody_else(shop: Shop) -> None:
    told = shop.other.stray()
    notice = shop.provider.verify(told.headers, told.body, shop.other.now())
    expect(notice.reference is None, f"it named {notice.reference}")


@proves("A genuine webhook that cannot be read is no error; two of them are told apart.", Ability.signs_webhooks)
def unreadable(shop: Shop) -> None:
    now = shop.other.now()
    read = [shop.provider.verify(shop.other.sign(body, now), body, now) for body in UNREADABLE]
    expect(all(one.reference is None for one in read), "it read a reference out of nothing")
    expect(len({one.event_id for one in read}) == len(read), "two different bodies have one id")


def _paid(shop: Shop) -> tuple[CheckoutOrder, Delivery]:
    """A paid page, and the last webhook that names it."""
    order = shop.order()
    url = shop.open(order)
    shop.other.deliveries()
    shop.other.pay(url, Card.good)
    told = [one for one in shop.other.deliveries() if shop.provider.parse(one.body).reference == order.reference]
    if not told:
        raise Misbehaved("the page was paid, and no webhook leads to it")
    return order, told[-1]


def _expect_refused(shop: Shop, headers: Mapping[str, str], body: bytes, at: datetime | None = None) -> None:
    try:
        notice = shop.provider.verify(headers, body, at or shop.other.now())
    except BadSignature:
        return
    raise Misbehaved(f"it was believed, as {notice.kind}")
