"""Payments, refunds and rows of the history as several screens show them: each with its words beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from flask_babel import gettext

from portal.domain.dispute import Dispute
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.presentation import office_money, operators
from portal.presentation.checkout import Label, dispute_label, refund_label
from portal.presentation.happened import happened
from portal.presentation.reckoned import Fact, reckoned
from portal.queries.office.records import Record
from portal.web.locale import language, zone


@dataclass(frozen=True)
class PaymentTold:
    payment: Payment
    label: Label
    kind: str
    reckoned: Sequence[Fact]
    declined: str


@dataclass(frozen=True)
class RefundTold:
    refund: Refund
    label: Label
    reason: str
    effect: str


@dataclass(frozen=True)
class DisputeTold:
    dispute: Dispute
    label: Label


@dataclass(frozen=True)
class RecordTold:
    record: Record
    tone: str
    text: str
    actor: str


def payment_told(payment: Payment) -> PaymentTold:
    return PaymentTold(
        payment,
        office_money.payment_label(payment.state, language(), payment.decline_kind),
        operators.say(office_money.PAYMENT_KINDS, payment.kind, language()),
        reckoned(payment, language(), zone()),
        office_money.decline(payment.decline_kind, payment.decline_code, language()),
    )


def refund_told(refund: Refund) -> RefundTold:
    return RefundTold(
        refund,
        refund_label(refund.state, language()),
        operators.say(office_money.REFUND_REASONS, refund.reason, language()),
        office_money.effect(refund.effect, language())[0],
    )


def dispute_told(dispute: Dispute) -> DisputeTold:
    return DisputeTold(dispute, dispute_label(dispute.state, language()))


def disputed() -> str:
    """Why a form that gives money back did nothing."""
    return str(gettext("The bank has this payment under dispute: until it has decided, nothing can be given back."))


def told(records: Sequence[Record]) -> list[RecordTold]:
    return [
        RecordTold(record, *happened(record.entry, language(), zone()), operators.actor(record.actor, language()))
        for record in records
    ]


def raw(row: Any) -> dict[str, object]:
    """A row as the database has it, for those who need to see exactly that."""
    return {name: _plain(value) for name, value in asdict(row).items()}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, UUID) else value
