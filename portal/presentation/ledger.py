"""The books in words: accounts, and why something was posted."""

from __future__ import annotations

from collections.abc import Mapping

from portal.domain.ledger import CLEARING
from portal.presentation.language import N_, words

ACCOUNTS: Mapping[str, str] = {
    CLEARING: N_("Money at %(provider)s"),
    "receivable": N_("Asked for by invoices, not paid yet"),
    "disputed": N_("Taken by banks until a dispute is decided"),
    "invoiced": N_("Invoiced, not paid yet"),
    "deferred": N_("Deferred revenue: paid for time still to come"),
    "owed": N_("Owed to customers: paid twice or too late"),
    "revenue": N_("Earned revenue"),
}

EVENTS: Mapping[str, str] = {
    "invoice_issued": N_("Invoice issued"),
    "invoice_closed": N_("Unpaid invoice closed"),
    "payment_received": N_("Payment received"),
    "revenue_deferred": N_("Paid for time still to come"),
    "money_not_ours": N_("Paid twice or too late"),
    "money_returned": N_("Money given back"),
    "revenue_earned": N_("Earned by the time that has passed"),
    "revenue_returned": N_("Not earned after all: given back"),
    "dispute_opened": N_("Taken by the bank: dispute"),
    "dispute_won": N_("Dispute won"),
    "dispute_lost": N_("Dispute lost"),
    "opening": N_("There when the books began"),
}


def account(code: str, locale: str) -> str:
    kind, _, provider = code.partition(":")
    return words(locale).gettext(ACCOUNTS[kind]) % {"provider": provider} if kind in ACCOUNTS else code


def event(code: str, locale: str) -> str:
    return words(locale).gettext(EVENTS[code]) if code in EVENTS else code
