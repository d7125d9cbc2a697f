"""Everything that is kept about one person, for the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from portal.db import rows
from portal.db.session import db
from portal.domain.consent import Consent
from portal.domain.dispute import Dispute
from portal.domain.invoice import Invoice, InvoiceLine
from portal.domain.leaving import CancelReason
from portal.domain.method import PaymentMethod
from portal.domain.payment import Payment
from portal.domain.quote import ChangeQuote
from portal.domain.refund import Refund
from portal.domain.setup import MethodSetup
from portal.domain.subscription import Period, Subscription
from portal.domain.user import User
from portal.models.activity import ActivityRow
from portal.models.history import HistoryRow
from portal.models.invoice import InvoiceLineRow, InvoiceRow
from portal.models.leaving import CancelReasonRow
from portal.models.messages import InboxRow, OutboxRow
from portal.models.payment import DisputeRow, PaymentRow, RefundRow
from portal.models.plan import PlanRow
from portal.models.quote import ChangeQuoteRow
from portal.models.subscription import PeriodRow, SubscriptionRow
from portal.models.user import ConsentRow, MethodSetupRow, PaymentMethodRow
from portal.queries import people

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class PersonalData:
    user: User
    consents: Sequence[Consent]
    methods: Sequence[PaymentMethod]  # also those that were removed
    setups: Sequence[MethodSetup]
    subscriptions: Sequence[Subscription]
    periods: Sequence[Period]
    quotes: Sequence[ChangeQuote]
    invoices: Sequence[Invoice]
    lines: Sequence[InvoiceLine]
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    disputes: Sequence[Dispute]
    reasons: Sequence[CancelReason]  # why they cancelled
    history: Rows
    acts: Rows  # of operators, without who it was: that is somebody else's data
    events: Rows  # that Auth was told
    webhooks: Rows  # that payment systems sent
    plans: Mapping[UUID, str]  # codes, by id


def of_user(user_id: str) -> PersonalData | None:
    """Eighteen statements, however much there is. None: they have left nothing here."""
    user = people.find(user_id)
    if user is None:
        return None
    subscriptions = select(SubscriptionRow.id).where(SubscriptionRow.user_id == user_id)
    invoices = select(InvoiceRow.id).where(InvoiceRow.user_id == user_id)
    return PersonalData(
        user=user,
        consents=rows.find_all(Consent, ConsentRow.user_id == user_id, order=[ConsentRow.id]),
        methods=rows.find_all(PaymentMethod, PaymentMethodRow.user_id == user_id, order=[PaymentMethodRow.id]),
        setups=rows.find_all(MethodSetup, MethodSetupRow.user_id == user_id, order=[MethodSetupRow.id]),
        subscriptions=rows.find_all(Subscription, SubscriptionRow.user_id == user_id, order=[SubscriptionRow.id]),
        periods=rows.find_all(Period, PeriodRow.subscription_id.in_(subscriptions), order=[PeriodRow.id]),
        quotes=rows.find_all(ChangeQuote, ChangeQuoteRow.subscription_id.in_(subscriptions), order=[ChangeQuoteRow.id]),
        invoices=rows.find_all(Invoice, InvoiceRow.user_id == user_id, order=[InvoiceRow.id]),
        lines=rows.find_all(InvoiceLine, InvoiceLineRow.invoice_id.in_(invoices), order=[InvoiceLineRow.position]),
        payments=rows.find_all(Payment, PaymentRow.invoice_id.in_(invoices), order=[PaymentRow.id]),
        refunds=rows.find_all(Refund, RefundRow.user_id == user_id, order=[RefundRow.id]),
        disputes=rows.find_all(Dispute, DisputeRow.user_id == user_id, order=[DisputeRow.id]),
        reasons=rows.find_all(CancelReason, CancelReasonRow.user_id == user_id, order=[CancelReasonRow.cancellation]),
        history=_read(
            select(
                HistoryRow.at,
                HistoryRow.due_at,
                HistoryRow.subscription_id,
                HistoryRow.kind,
                HistoryRow.subject_id,
                HistoryRow.event,
                HistoryRow.from_state,
                HistoryRow.to_state,
                HistoryRow.actor,
                HistoryRow.reason,
            )
            .where(HistoryRow.user_id == user_id)
            .order_by(HistoryRow.seq)
        ),
        acts=_read(
            select(ActivityRow.at, ActivityRow.act, ActivityRow.outcome, ActivityRow.reason, ActivityRow.note)
            .where(ActivityRow.user_id == user_id)
            .order_by(ActivityRow.seq)
        ),
        events=_read(
            select(OutboxRow.id, OutboxRow.created_at, OutboxRow.type, OutboxRow.version)
            .where(OutboxRow.user_id == user_id)
            .order_by(OutboxRow.version)
        ),
        webhooks=_read(
            select(InboxRow.received_at, InboxRow.provider, InboxRow.kind, InboxRow.subject_id)
            .where(InboxRow.user_id == user_id)
            .order_by(InboxRow.seq)
        ),
        plans={row.id: row.code for row in db.session.execute(select(PlanRow.id, PlanRow.code))},
    )


def _read(statement: Select[*tuple[Any, ...]]) -> Rows:
    return [dict(row) for row in db.session.execute(statement).mappings()]
