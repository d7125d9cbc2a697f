"""What somebody's data still has to wait for before it can be erased."""

from __future__ import annotations

from sqlalchemy import select

from portal.db import rows
from portal.domain import payment, refund, setup
from portal.domain.dispute import Dispute
from portal.domain.erasing import Unsettled
from portal.domain.invoice import Invoice
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.domain.setup import MethodSetup
from portal.models.invoice import InvoiceRow
from portal.models.payment import DisputeRow, PaymentRow, RefundRow
from portal.models.subscription import SubscriptionRow
from portal.models.user import MethodSetupRow


def unsettled(user_id: str) -> Unsettled:
    """Five statements. Payments are looked for among the user's invoices, for they have no index by user."""
    pending = select(SubscriptionRow.id).where(SubscriptionRow.user_id == user_id, SubscriptionRow.state == "pending")
    of_theirs = select(InvoiceRow.id).where(InvoiceRow.user_id == user_id)
    return Unsettled(
        orders=rows.find_all(
            Invoice,
            InvoiceRow.user_id == user_id,
            InvoiceRow.state == "not_paid",
            InvoiceRow.subscription_id.in_(pending),
            order=[InvoiceRow.id],
        ),
        payments=rows.find_all(
            Payment,
            PaymentRow.invoice_id.in_(of_theirs),
            PaymentRow.state.in_(payment.OPEN),
            order=[PaymentRow.id],
        ),
        refunds=rows.find_all(
            Refund, RefundRow.user_id == user_id, RefundRow.state.in_(refund.OPEN), order=[RefundRow.id]
        ),
        disputes=rows.find_all(
            Dispute, DisputeRow.user_id == user_id, DisputeRow.state == "open", order=[DisputeRow.id]
        ),
        setups=rows.find_all(
            MethodSetup,
            MethodSetupRow.user_id == user_id,
            MethodSetupRow.state.in_(setup.OPEN),
            order=[MethodSetupRow.id],
        ),
    )
