"""Money back: what we give back, and everything that was taken back of a payment, whoever did it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from portal.domain.outcome import DeclineClass, Outcome
from portal.providers.port import Answer, Clues, MoneyBack, RefundOrder, RefundSeen
from portal.providers.stripe import said
from portal.providers.stripe.client import Client
from portal.providers.stripe.created import created
from portal.providers.stripe.finding import MOST_PAGES, Ask, find, listed_as, one_page
from portal.providers.stripe.said import REFERENCE, UNREADABLE, Said

Seen = TypeVar("Seen")


class NobodyCouldTell(Exception):
    """A list of what was taken back did not come, or could not be read."""


def refund(client: Client, order: RefundOrder) -> Answer:
    heard = client.hear(
        lambda stripe: stripe.refunds.create(
            {
                "payment_intent": order.payment_ref,
                "amount": order.amount.minor,
                "metadata": {REFERENCE: order.reference},
            },
            {"idempotency_key": order.reference},
        )
    )
    return created(heard, partial(said.refund, reference=order.reference), refused=DeclineClass.hard)


def find_refund(client: Client, reference: str, clues: Clues) -> Answer:
    there = _by_id(client, reference, clues.provider_ref or "")
    if there is not None:
        return there
    narrow = {"payment_intent": clues.payment_ref} if clues.payment_ref else {}
    # Of one payment there are few, so no moment is needed to narrow them further.
    when = Clues() if clues.payment_ref else clues
    found = listed_as(client, lambda stripe, params: stripe.refunds.list({**params, **narrow}), reference, when)
    return _retrieved(client, reference, found) if isinstance(found, str) else found


def _by_id(client: Client, reference: str, refund_ref: str) -> Answer | None:
    return _retrieved(client, reference, refund_ref) if refund_ref.startswith("re_") else None


def _retrieved(client: Client, reference: str, refund_ref: str) -> Answer:
    heard = client.hear(lambda stripe: stripe.refunds.retrieve(refund_ref))
    return said.read(heard, partial(said.refund, reference=reference))


def money_back(client: Client, reference: str, clues: Clues) -> MoneyBack:
    """Of a payment that is not there nothing can have been taken back."""
    payment = clues.provider_ref or ""
    if not payment.startswith("pi_"):
        found = find(client, reference, clues)
        if found.outcome is Outcome.unknown and not found.absent:
            return MoneyBack(known=False, note=found.note)
        payment = found.provider_ref or ""
    if not payment.startswith("pi_"):
        return MoneyBack(known=True)
    of = {"payment_intent": payment}
    try:
        refunds = _all(client, lambda stripe, params: stripe.refunds.list({**params, **of}), _refund)
        disputes = _all(client, lambda stripe, params: stripe.disputes.list({**params, **of}), said.dispute)
    except NobodyCouldTell as silence:
        return MoneyBack(known=False, note=str(silence))
    oldest_first = sorted(refunds, key=lambda one: one.made_at)
    return MoneyBack(True, tuple(oldest_first), tuple(sorted(disputes, key=lambda one: one.opened_at)))


def _refund(body: Said) -> RefundSeen:
    reference = said.reference_of(body) or said.text(body["id"])
    return RefundSeen(reference, said.any_refund(body), said.moment(body["created"]))


def _all(client: Client, ask: Ask, read: Callable[[dict[str, Any]], Seen | None]) -> list[Seen]:
    found: list[Seen] = []
    after = ""
    for _ in range(MOST_PAGES):
        page = one_page(client, ask, after, {})
        if isinstance(page, Answer):
            raise NobodyCouldTell(page.note)
        try:
            # Stripe's lists begin with the newest; what was made in one second keeps its order that way round.
            found += [one for one in map(read, page[0]) if one is not None]
        except UNREADABLE as error:
            raise NobodyCouldTell(f"unreadable answer: {type(error).__name__}") from None
        after = page[1]
        if not after:
            return found[::-1]
    raise NobodyCouldTell("too many of them")
