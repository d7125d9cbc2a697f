"""What of the money for a subscription bought time that nobody has used yet, payment by payment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from portal import runtime
from portal.db import rows
from portal.domain.money import Money
from portal.domain.offers import READ_WITHIN, available, left_of
from portal.domain.payment import Payment
from portal.domain.subscription import Subscription
from portal.models.payment import PaymentRow
from portal.services import paid_time, standing


@dataclass(frozen=True)
class Part:
    """`shown`: what it came to a little earlier, when it may have been read."""

    payment: Payment
    amount: Money
    shown: Money


def parts_of(subscription: Subscription) -> list[Part]:
    """The time bought last first, a better plan before the time that it is for; also what was carried into it."""
    if not subscription.live:
        return []
    now = runtime.clock.now()
    earlier = {payment.id: amount for payment, amount in _sums(subscription, now - READ_WITHIN)}
    return [Part(payment, amount, earlier[payment.id]) for payment, amount in _sums(subscription, now) if amount]


def split(parts: list[Part], shown: Money) -> list[tuple[Payment, Money]] | None:
    """How much of what was shown comes back of each payment. None: that is not what is unused."""
    more = shown.minor - sum(part.amount.minor for part in parts)
    found = []
    for part in parts:
        extra = min(max(more, 0), part.shown.minor - part.amount.minor)
        more -= extra
        found.append((part.payment, Money(part.amount.minor + extra, shown.currency)))
    same = all(part.amount.currency == shown.currency for part in parts)
    return found if found and same and more == 0 else None


def total(parts: list[Part]) -> Money | None:
    return sum((part.amount for part in parts[1:]), start=parts[0].amount) if parts else None


def _sums(subscription: Subscription, at: datetime) -> Iterator[tuple[Payment, Money]]:
    for quoted in reversed(paid_time.betterments(subscription.id, runtime.clock.now())):
        yield from _of_invoice(quoted.invoice_id, paid_time.share_of(quoted, subscription, at))
    for period in reversed(standing.periods_ahead(subscription.id)):
        if not period.bought:
            continue
        share = paid_time.share_ahead(subscription, period, at)
        yield from _of_invoice(period.invoice_id, share)
        exchanged = standing.quote_of(period.invoice_id) if period.invoice_id else None
        yield from _carried(exchanged.carried if exchanged else {}, share)


def _of_invoice(invoice_id: UUID | None, share: Fraction) -> Iterator[tuple[Payment, Money]]:
    payment = rows.find(Payment, PaymentRow.invoice_id == invoice_id, PaymentRow.state == "succeeded")
    if payment is not None and payment.disputed_at is None:
        yield payment, left_of(payment, share)


def _carried(carried: Mapping[str, int], share: Fraction) -> Iterator[tuple[Payment, Money]]:
    """The unused part of what was paid for other time, and went into this."""
    for payment_id, minor in carried.items():
        payment = rows.find(Payment, PaymentRow.id == UUID(payment_id))
        if payment is not None and payment.disputed_at is None:
            kept = min(minor, available(payment).minor)
            yield payment, Money(kept, payment.currency).share(share)
