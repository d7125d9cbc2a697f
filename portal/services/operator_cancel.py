"""An operator stops a subscription, with or without money back, or lets it renew again."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic
from portal.domain import cancelling, refunding
from portal.domain.act import Act
from portal.domain.cancelling import When
from portal.domain.change import Change
from portal.domain.errors import InvalidRequest, SumChanged
from portal.domain.invoice import Invoice
from portal.domain.money import Money
from portal.domain.offers import Offer
from portal.domain.payment import Payment
from portal.domain.refund import GIVING, Refund
from portal.domain.subscription import Period, Subscription
from portal.models.invoice import InvoiceRow
from portal.models.subscription import PeriodRow
from portal.services import activity, give_back, journal, standing
from portal.services.methods import chargeable
from portal.services.refund import offered, paid_by
from portal.services.settle import refund_facts

MoneyBack = Literal["none", "unused"]


def cancel(act: Act, subscription_id: UUID, when: When, money: MoneyBack, shown: Money | None) -> UUID | None:
    """Where it is so already, nothing happens but the entry in the log. Answers the refund of the unused time.

    `unused` goes with `now` only, and `shown` is its sum as the operator read it: the same offer that customers have,
    of the time bought last, good for as long. Raises NotFound, AlreadyDone, AlreadyEnded, InvalidRequest, SumChanged.
    """
    now = runtime.clock.now()
    if money == "unused" and when != "now":
        raise InvalidRequest("who keeps the paid time has not left any unused", field="money")
    with atomic():
        facts = standing.to_cancel(subscription_id)
        activity.refuse_repeat(act)
        change = cancelling.cancel(facts, when, now, act.actor, runtime.policy)
        refund, returned = _unused(act, subscription_id, shown, now) if money == "unused" else (None, None)
        journal.record([one for one in (returned, change) if one is not None])
        given = {"refund_id": refund.id, "amount_minor": refund.amount_minor} if refund else {}
        _log(act, "subscription.cancel", facts.subscription, {"when": when} | given)
    if refund is None:
        return None
    failpoints.reached("refund.reserved")
    give_back.send(refund.id)
    return refund.id


def resume(act: Act, subscription_id: UUID) -> None:
    """Where it renews already, nothing happens but the entry in the log.

    Raises NotFound, AlreadyDone, NotResumable, MethodRequired.
    """
    now = runtime.clock.now()
    with atomic():
        facts = standing.to_cancel(subscription_id)
        activity.refuse_repeat(act)
        subscription = facts.subscription
        ready = chargeable(subscription.payment_method_id, subscription.user_id) is not None
        change = cancelling.resume(facts, ready, now, act.actor, runtime.policy)
        if change:
            journal.record([change])
        _log(act, "subscription.resume", subscription, {})


def _unused(act: Act, subscription_id: UUID, shown: Money | None, now: datetime) -> tuple[Refund, Change]:
    """Access ends with the cancelling, so that the refund itself leaves it alone."""
    if shown is None:
        raise InvalidRequest("the sum that was shown is missing", field="shown")
    payment, offer = _offer(subscription_id)
    if payment is None or offer is None or not offer.is_meant_by(shown):
        left = offer.amount if offer else Money.zero(shown.currency)
        raise SumChanged(f"{left.major} {left.currency} is unused now", available=left)
    grounds = act.reason if act.reason in GIVING else None
    return refunding.give(refund_facts(payment), shown, "keep", grounds, now, act.actor)


def _offer(subscription_id: UUID) -> tuple[Payment | None, Offer | None]:
    """The unused part of the time bought last, and what paid for it."""
    invoice = _last_bought(subscription_id)
    payment = paid_by(invoice.id, lock=True) if invoice else None
    found = offered(invoice, payment) if invoice and payment else []
    return payment, next((offer for offer in found if offer.kind == "unused"), None)


def _last_bought(subscription_id: UUID) -> Invoice | None:
    bought = rows.find_all(
        Period,
        PeriodRow.subscription_id == subscription_id,
        PeriodRow.invoice_id.is_not(None),
        PeriodRow.intervals > 0,
        PeriodRow.revoked_at.is_(None),
        order=[PeriodRow.start.desc()],
        limit=1,
    )
    return rows.find(Invoice, InvoiceRow.id == bought[0].invoice_id) if bought else None


def _log(act: Act, what: str, before: Subscription, more: dict[str, object]) -> None:
    after = standing.subscription(before.id)
    activity.log(
        act,
        what,
        "subscription",
        before.id,
        user_id=before.user_id,
        before=_told(before),
        after=_told(after) | more,
    )


def _told(subscription: Subscription) -> dict[str, object]:
    return {
        "state": subscription.state,
        "auto_renew": subscription.auto_renew,
        "paid_through": subscription.paid_through,
    }
