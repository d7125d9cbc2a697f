"""A person's data as a file for programs. Its shape is described in docs/personal-data.md, and numbered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from portal.domain.invoice import Invoice
from portal.presentation.dates import machine
from portal.queries.personal_data import PersonalData

FORMAT, VERSION = "matinee.personal-data", 1

# By their names here: the fields of rows, and what they are called where that is something else.
ACCOUNT = "email locale>language chosen_locale>chosen_language zone>time_zone created_at first_subscribed_at erased_at"
CONSENT = "id kind given text_version source at locale>language address user_agent invoice_id payment_method_id"
METHOD = "id provider>payment_system kind title expires created_at removed_at"
SETUP = "id provider>payment_system state created_at"
SUBSCRIPTION = (
    "id plan_id>plan state auto_renew zone>time_zone created_at started_at trial_end paid_through ended_at end_reason "
    "payment_method_id"
)
PERIOD = "id subscription_id start end invoice_id revoked_at"
QUOTE = (
    "id subscription_id from_plan_id>from_plan plan_id>plan gross_minor>price credit_minor>credit created_at used_at "
    "applied_at"
)
INVOICE = (
    "id number subscription_id plan_id>plan reason state fail_reason total_minor>total created_at due_at expires_at "
    "paid_at return_url"
)
LINE = "names descriptions count unit_minor>unit discount_minor>discount tax_rate total_minor>total"
PAYMENT = (
    "id invoice_id payment_method_id provider>payment_system kind state amount_minor>amount refunded_minor>refunded "
    "disputed_minor>disputed created_at succeeded_at decline_code"
)
REFUND = (
    "id payment_id invoice_id reason state amount_minor>amount grounds comment created_at modified_at>changed_at "
    "accepted_at"
)
DISPUTE = "id payment_id invoice_id state amount_minor>amount opened_at decided_at"
REASON = "subscription_id at reason comment"
HISTORY = "at due_at subscription_id kind subject_id event from_state>from to_state>to actor>by reason"
ACT = "at act outcome reason note"
EVENT = "id created_at>at type version"
WEBHOOK = "received_at>at provider>payment_system kind subject_id"


def told(user_id: str, data: PersonalData | None, now: datetime) -> dict[str, Any]:
    head = {"format": FORMAT, "version": VERSION, "made_at": machine(now), "user_id": user_id}
    if data is None:
        return head | {"account": None}
    plans = data.plans
    return head | {
        "account": _one(ACCOUNT, data.user, plans),
        "consents": _all(CONSENT, data.consents, plans),
        "payment_methods": _all(METHOD, data.methods, plans),
        "card_pages": _all(SETUP, data.setups, plans),
        "subscriptions": _all(SUBSCRIPTION, data.subscriptions, plans),
        "periods": _all(PERIOD, data.periods, plans),
        "plan_changes": _all(QUOTE, data.quotes, plans),
        "invoices": [_invoice(invoice, data) for invoice in data.invoices],
        "payments": _all(PAYMENT, data.payments, plans),
        "refunds": _all(REFUND, data.refunds, plans),
        "disputes": _all(DISPUTE, data.disputes, plans),
        "reasons_for_cancelling": _all(REASON, data.reasons, plans),
        "history": _all(HISTORY, data.history, plans),
        "acts_of_operators": _all(ACT, data.acts, plans),
        "told_to_auth": _all(EVENT, data.events, plans),
        "heard_from_payment_systems": _all(WEBHOOK, data.webhooks, plans),
    }


def _invoice(invoice: Invoice, data: PersonalData) -> dict[str, Any]:
    lines = [line for line in data.lines if line.invoice_id == invoice.id]
    return _one(INVOICE, invoice, data.plans) | {
        "lines": [_one(LINE, line, data.plans, invoice.currency) for line in lines]
    }


def _all(names: str, found: Iterable[object], plans: Mapping[UUID, str]) -> list[dict[str, Any]]:
    return [_one(names, row, plans) for row in found]


def _one(names: str, row: object, plans: Mapping[UUID, str], currency: str | None = None) -> dict[str, Any]:
    made = {}
    for pair in names.split():
        field, _, name = pair.partition(">")
        value = row[field] if isinstance(row, Mapping) else getattr(row, field)
        if field.endswith("_minor"):
            value = {"minor": value, "currency": currency or getattr(row, "currency", None)}
        elif field.endswith("plan_id"):
            value = plans[value]
        elif field == "actor":
            value = value.partition(":")[0]  # user | operator | provider | worker: nobody else's id
        made[name or field] = _plain(value)
    return made


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return machine(value)
    return str(value) if isinstance(value, UUID) else value
