"""One try to collect one invoice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.domain.ids import new_id
from portal.domain.invoice import Invoice
from portal.domain.method import PaymentMethod
from portal.domain.money import Money
from portal.domain.subscription import Subscription

OPEN = frozenset({"created", "requires_action", "pending", "unknown"})
GIVEN_BACK = "given_back"  # declined as: it took another sum than was asked for, and all of that went back


@dataclass(frozen=True)
class Payment:
    id: UUID
    invoice_id: UUID
    subscription_id: UUID
    user_id: str
    provider: str
    kind: str  # checkout (the customer is present) | charge (a saved method)
    state: str
    amount_minor: int
    currency: str
    created_at: datetime
    modified_at: datetime
    why: Mapping[str, object]  # anchor, steps, zone, price row, count: what this sum was reckoned from
    payment_method_id: UUID | None = None
    provider_ref: str | None = None
    redirect_url: str | None = None
    expires_at: datetime | None = None
    sent_at: datetime | None = None
    succeeded_at: datetime | None = None
    next_check_at: datetime | None = None
    checks: int = 0
    review_at: datetime | None = None  # since when an operator has to look
    absent_at: datetime | None = None  # since when the provider says, whenever it answers, that it knows no such object
    decline_kind: str | None = None
    decline_code: str | None = None
    note: str | None = None  # the provider's last word, for operators
    refunded_minor: int = 0
    reserved_minor: int = 0
    disputed_minor: int = 0
    disputed_at: datetime | None = None  # since when the bank has it under dispute

    @property
    def reference(self) -> str:
        """Our name for this payment at the provider, and the idempotency key of the call that creates it."""
        return f"payment:{self.id}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def in_question(self) -> bool:
        """A person has to look at it, or all that it took went back past us, which may yet come again."""
        return self.review_at is not None or self.decline_code == GIVEN_BACK

    @property
    def askable(self) -> bool:
        """The payment system may have something new to say of it."""
        return self.sent_at is not None and (self.open or self.in_question)

    @property
    def may_hold_money(self) -> bool:
        """Open, and perhaps paid already: the provider works on it, or said something that a person has to look at."""
        if self.state == "pending":
            return True
        return self.open and self.review_at is not None and self.redirect_url is not None


def payment_id_of(reference: str) -> UUID | None:
    """The payment that a reference names; None where it names none of ours."""
    kind, _, value = reference.partition(":")
    try:
        return UUID(value) if kind == "payment" else None
    except ValueError:
        return None


def intent(
    invoice: Invoice,
    subscription: Subscription,
    now: datetime,
    *,
    kind: str,
    method: PaymentMethod | None = None,
) -> Payment:
    """A payment as it stands before anybody is called: its id is its key, and it says what its sum comes from.

    A saved method is charged where it was saved, also for an invoice that began at another payment system.
    """
    anchor = subscription.trial_end if subscription.state == "trialing" else subscription.anchor
    return Payment(
        id=new_id(now),
        invoice_id=invoice.id,
        subscription_id=invoice.subscription_id,
        user_id=invoice.user_id,
        provider=method.provider if method else invoice.provider,
        kind=kind,
        state="created",
        amount_minor=invoice.total_minor,
        currency=invoice.currency,
        created_at=now,
        modified_at=now,
        expires_at=invoice.expires_at,
        payment_method_id=method.id if method else None,
        why={
            "reason": invoice.reason,
            "price_id": str(invoice.price_id),
            "count": invoice.count,
            "anchor": anchor.isoformat() if anchor else None,
            "steps": subscription.steps,
            "zone": subscription.zone,
            "declines": subscription.declines,
            **({"trial_days": invoice.trial_days} if invoice.trial_days else {}),
        },
    )
