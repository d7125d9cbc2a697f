"""Ask about everything that is due to be asked about: lost answers, lost webhooks, refunds not yet sent."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, select

from portal import runtime
from portal.db.session import db, end_reads
from portal.domain.payment import OPEN
from portal.models.payment import PaymentRow, RefundRow
from portal.services import collect, disputes, give_back, save_method
from portal.services.ask import Heard, ask, ask_about_refund
from portal.services.one_by_one import one_by_one

ANSWERED_LATER = ("unknown", "pending")


def run_once(limit: int = 100) -> int:
    """Answers how many were asked about or sent."""
    now = runtime.clock.now()
    payments = _ids(PaymentRow, limit, PaymentRow.state.in_(OPEN), PaymentRow.next_check_at <= now)
    one_by_one(payments, _ask_again)
    unsent = _ids(RefundRow, limit, RefundRow.state == "submitted", RefundRow.next_check_at <= now)
    one_by_one(unsent, give_back.send)
    ours = RefundRow.reason != "provider"
    refunds = _ids(RefundRow, limit, RefundRow.state.in_(ANSWERED_LATER), ours, RefundRow.next_check_at <= now)
    one_by_one(refunds, ask_about_refund)
    taken_back = disputes.due(limit)
    one_by_one(taken_back, disputes.ask_about_money_back)
    setups = save_method.due(limit)
    one_by_one(setups, save_method.ask_about_setup)
    return len(payments) + len(unsent) + len(refunds) + len(taken_back) + len(setups)


def _ask_again(payment_id: UUID) -> None:
    """A charge that never arrived is sent again with the same key, if it still may be."""
    if ask(payment_id) is Heard.absent:
        collect.charge_again(payment_id)


def _ids(table: type[PaymentRow] | type[RefundRow], limit: int, *where: ColumnElement[bool]) -> list[UUID]:
    found = list(db.session.scalars(select(table.id).where(*where).order_by(table.next_check_at).limit(limit)))
    end_reads()
    return found
