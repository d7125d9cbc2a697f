"""A demand for money. Its lines are frozen when it is issued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.domain.ids import new_id
from portal.domain.money import Money
from portal.domain.pricing import Quote, QuoteLine
from portal.domain.subscription import Subscription


@dataclass(frozen=True)
class Invoice:
    id: UUID
    number: str  # given by the journal when the row is written
    user_id: str
    subscription_id: UUID
    plan_id: UUID
    price_id: UUID
    reason: str  # purchase | renewal | plan_change
    due_at: datetime
    state: str  # not_paid | paid | fail
    count: int
    total_minor: int
    currency: str
    provider: str
    renews: bool  # the customer agreed that the method is saved and charged again
    expires_at: datetime
    created_at: datetime
    modified_at: datetime
    fail_reason: str | None = None
    paid_at: datetime | None = None
    return_url: str | None = None
    trial_days: int | None = None  # it saves a method and takes nothing; the first charge follows after these days

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)

    @property
    def saves_method(self) -> bool:
        """Only where the box was ticked for it: a renewal paid by hand keeps no other card than the agreed one."""
        return self.renews and self.reason == "purchase"

    @property
    def payable(self) -> bool:
        return self.state == "not_paid"


@dataclass(frozen=True)
class InvoiceLine:
    id: UUID
    invoice_id: UUID
    position: int
    names: Mapping[str, str]
    descriptions: Mapping[str, str]
    unit_minor: int
    count: int
    discount_minor: int
    tax_rate: str  # percent, a decimal in text: "0", "22"
    total_minor: int


def issue(
    subscription: Subscription,
    quoted: Quote,
    *,
    price_id: UUID,
    reason: str,
    due_at: datetime,
    provider: str,
    renews: bool,
    expires_at: datetime,
    now: datetime,
    return_url: str | None = None,
    trial_days: int | None = None,
) -> tuple[Invoice, list[InvoiceLine]]:
    """An invoice for what was quoted, with its lines. One plan, so the first line says which and how many."""
    first, total = quoted.lines[0], quoted.total
    invoice = Invoice(
        id=new_id(now),
        number="",
        user_id=subscription.user_id,
        subscription_id=subscription.id,
        plan_id=first.plan.id,
        price_id=price_id,
        reason=reason,
        due_at=due_at,
        state="not_paid",
        count=first.count,
        total_minor=total.minor,
        currency=total.currency,
        provider=provider,
        renews=renews,
        expires_at=expires_at,
        created_at=now,
        modified_at=now,
        return_url=return_url,
        trial_days=trial_days,
    )
    return invoice, [_line(invoice, line, position) for position, line in enumerate(quoted.lines, start=1)]


def _line(invoice: Invoice, line: QuoteLine, position: int) -> InvoiceLine:
    return InvoiceLine(
        id=new_id(invoice.created_at),
        invoice_id=invoice.id,
        position=position,
        names=line.plan.names,
        descriptions=line.plan.descriptions,
        unit_minor=line.unit.minor,
        count=line.count,
        discount_minor=line.discount.minor,
        tax_rate="0",
        total_minor=line.total.minor,
    )
