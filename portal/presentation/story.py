"""A customer's history in sentences. What happened only between us and the payment system is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from portal.domain.money import Money
from portal.presentation.dates import date
from portal.presentation.declines import why_declined
from portal.presentation.language import N_, in_language, tell
from portal.presentation.money import money
from portal.queries.history import HistoryEntry


@dataclass(frozen=True)
class Episode:
    at: datetime
    tone: str
    text: str
    detail: str  # why, where there is a why
    amount: Money | None  # money that moved: taken is positive, given back negative
    page: tuple[str, UUID] | None = None  # what has a page of its own: invoice or refund

    @property
    def taken(self) -> bool:
        return self.amount is not None and self.amount.minor > 0


TECHNICAL = frozenset(
    {
        ("payment", "created"),
        ("payment", "sent"),
        ("payment", "asked"),
        ("payment", "aborted"),
        ("payment", "refund_reserved"),
        ("payment", "refund_done"),
        ("payment", "refund_released"),
        ("payment", "refund_undone"),
        ("payment", "disputed"),
        ("payment", "dispute_won"),
        ("payment", "dispute_lost"),
        ("payment", "dispute_counted"),
        ("refund", "sent"),
        ("refund", "asked"),
        ("refund", "bounced"),
        ("refund", "held"),
        ("refund", "put_in_review"),
        ("subscription", "not_reached"),
        ("subscription", "rescheduled"),
        ("subscription", "dispute_noted"),
        ("subscription", "dispute_over"),
        ("dispute", "asked"),
        ("dispute", "counted"),
    }
)

# How a card got onto the books: the subscriptions it is for tell of it themselves.
TECHNICAL_KINDS = frozenset({"setup"})

# By kind and event, where needed also by cause: tone, then sentences from the most to the least precise.
# Facts: plan, amount, number, until.
SENTENCES: Mapping[str, tuple[str, ...]] = {
    "subscription.created": ("calm", N_("Order placed: %(plan)s.")),
    "subscription.superseded": ("calm", N_("Order changed: now %(plan)s.")),
    "subscription.first_paid": (
        "good",
        N_("Subscription started: %(plan)s, paid until %(until)s."),
        N_("Subscription started: %(plan)s."),
    ),
    "subscription.trial_started": (
        "good",
        N_("Trial started: %(plan)s, until %(until)s."),
        N_("Trial started: %(plan)s."),
    ),
    "subscription.trial_converted": (
        "good",
        N_("The trial is over, the subscription goes on: %(plan)s, paid until %(until)s."),
        N_("The trial is over, the subscription goes on: %(plan)s."),
    ),
    "subscription.trial_declined": (
        "bad",
        N_("The trial is over, and the first charge did not go through. Access closed: %(plan)s."),
    ),
    "subscription.prolonged": (
        "good",
        N_("Subscription prolonged: %(plan)s, paid until %(until)s."),
        N_("Subscription prolonged: %(plan)s."),
    ),
    "subscription.renewed": (
        "good",
        N_("Subscription renewed: %(plan)s, paid until %(until)s."),
        N_("Subscription renewed: %(plan)s."),
    ),
    "subscription.granted": (
        "good",
        N_("Time added by our support: %(plan)s, paid until %(until)s."),
        N_("Time added by our support: %(plan)s."),
    ),
    "subscription.renewal_declined": ("bad", N_("The renewal could not be charged: %(plan)s.")),
    "subscription.declined_again": ("bad", N_("The renewal could not be charged once more: %(plan)s.")),
    "subscription.recovered": (
        "good",
        N_("The renewal is paid: %(plan)s, paid until %(until)s."),
        N_("The renewal is paid: %(plan)s."),
    ),
    "subscription.grace_over": ("bad", N_("Access closed because the renewal was not paid: %(plan)s.")),
    "subscription.given_up": ("calm", N_("Subscription ended because the renewal was not paid: %(plan)s.")),
    "subscription.period_over": ("calm", N_("The paid time is over, the subscription ended: %(plan)s.")),
    "subscription.cancelled_at_period_end": (
        "calm",
        N_("Renewal switched off: %(plan)s, access until %(until)s."),
        N_("Renewal switched off: %(plan)s."),
    ),
    "subscription.cancelled_now": ("calm", N_("Subscription cancelled, access closed: %(plan)s.")),
    "subscription.refunded": ("calm", N_("Subscription ended with a refund: %(plan)s.")),
    "subscription.time_returned": (
        "calm",
        N_("Time that had not begun was refunded: %(plan)s, paid until %(until)s."),
        N_("Time that had not begun was refunded: %(plan)s."),
    ),
    "subscription.dispute_opened": (
        "calm",
        N_("Renewal switched off while the bank looks into a payment: %(plan)s, paid until %(until)s."),
        N_("Renewal switched off while the bank looks into a payment: %(plan)s."),
    ),
    "subscription.dispute_lost": (
        "calm",
        N_("Subscription ended because its payment was returned through the bank: %(plan)s."),
    ),
    "subscription.plan_changed": ("good", N_("Plan changed: now %(plan)s.")),
    "subscription.plan_returned": (
        "calm",
        N_("The better plan was refunded: %(plan)s goes on, paid until %(until)s."),
        N_("The better plan was refunded: %(plan)s goes on."),
    ),
    "subscription.change_booked": (
        "calm",
        N_("Another plan is chosen for the next period. %(plan)s runs until %(until)s."),
        N_("Another plan is chosen for the next period. %(plan)s runs until then."),
    ),
    "subscription.change_unbooked": ("calm", N_("The change of plan is called off: %(plan)s stays.")),
    "subscription.resumed": ("good", N_("Renewal switched on: %(plan)s.")),
    "subscription.method_removed": ("calm", N_("Payment method removed, nothing more is charged: %(plan)s.")),
    "subscription.method_forgotten": ("calm", N_("Payment method removed, nothing more is charged: %(plan)s.")),
    "subscription.method_changed": ("calm", N_("Payment method changed: %(plan)s.")),
    "subscription.method_added": ("calm", N_("Payment method added: %(plan)s.")),
    "subscription.checkout_closed": ("calm", N_("The order was not paid in time and is closed: %(plan)s.")),
    "subscription.parked": ("warn", N_("A payment is being checked by hand: %(plan)s.")),
    "subscription.unparked": ("calm", N_("The check by hand is over, everything goes on: %(plan)s.")),
    "invoice.created": (
        "calm",
        N_("Invoice %(number)s issued for %(amount)s."),
        N_("Invoice issued for %(amount)s."),
        N_("Invoice issued."),
    ),
    "invoice.paid": ("good", N_("Invoice %(number)s is paid."), N_("The invoice is paid.")),
    "invoice.closed": ("calm", N_("Invoice %(number)s is closed."), N_("The invoice is closed.")),
    "invoice.closed.expired": (
        "calm",
        N_("Invoice %(number)s was not paid in time and is closed."),
        N_("The invoice was not paid in time and is closed."),
    ),
    "invoice.closed.superseded": (
        "calm",
        N_("Invoice %(number)s is replaced by another order."),
        N_("The invoice is replaced by another order."),
    ),
    "payment.action_required": ("calm", N_("Payment page opened.")),
    "payment.taken_in_hand": ("calm", N_("The payment system is processing the payment.")),
    "payment.succeeded": ("good", N_("Payment received.")),
    "payment.succeeded_again": ("warn", N_("A second payment for the same invoice came in; it is returned in full.")),
    "payment.failed": ("bad", N_("The payment did not go through. No money has been taken.")),
    "payment.failed.given_back": ("bad", N_("The payment was undone.")),
    "payment.failed.closed": ("calm", N_("The payment page closed without a payment.")),
    "payment.put_in_review": ("warn", N_("We are checking the payment with the payment system.")),
    "refund.approved": ("calm", N_("Refund of %(amount)s approved."), N_("Refund approved.")),
    "refund.rejected": ("calm", N_("The refund of %(amount)s was refused."), N_("The refund was refused.")),
    "refund.created": ("calm", N_("Refund of %(amount)s started."), N_("Refund started.")),
    "refund.created.requested": (
        "calm",
        N_("Refund of %(amount)s requested: a person looks at it first."),
        N_("Refund requested: a person looks at it first."),
    ),
    "refund.taken_in_hand": (
        "calm",
        N_("The payment system is returning %(amount)s."),
        N_("The payment system is returning the money."),
    ),
    "refund.succeeded": ("good", N_("Money returned.")),
    "refund.overtaken": (
        "calm",
        N_("The refund of %(amount)s is not needed any more: the money has been returned in another way."),
        N_("The refund is not needed any more: the money has been returned in another way."),
    ),
    "dispute.created": (
        "calm",
        N_("The bank is looking into a payment that was contested there: %(amount)s."),
        N_("The bank is looking into a payment that was contested there."),
    ),
    "dispute.won": (
        "calm",
        N_("The bank has confirmed the payment that was contested there."),
    ),
    "dispute.lost": ("calm", N_("The bank has returned the money of the contested payment.")),
    "refund.failed": (
        "bad",
        N_("The refund of %(amount)s did not go through. Please write to us: we will find another way."),
        N_("The refund did not go through. Please write to us: we will find another way."),
    ),
}

# The first and the last line of a refund lead to its page.
HAS_PAGE = {
    ("refund", "created"),
    ("refund", "rejected"),
    ("refund", "succeeded"),
    ("refund", "failed"),
    ("refund", "overtaken"),
}

# What belongs to an invoice leads there: what came in, what did not, and what became of it.
OF_AN_INVOICE = {
    ("invoice", "created"),
    ("invoice", "closed"),
    ("payment", "succeeded"),
    ("payment", "succeeded_again"),
    ("payment", "failed"),
    ("payment", "put_in_review"),
    ("dispute", "created"),
    ("dispute", "won"),
    ("dispute", "lost"),
}

MOVES_MONEY = {
    ("payment", "succeeded"): 1,
    ("payment", "succeeded_again"): 1,
    ("refund", "succeeded"): -1,
    ("dispute", "lost"): -1,
}


# What a sentence may be about more exactly; of a refund it is where it came to.
DETAILS = ("fail_reason", "decline_code", "decline_kind")


def story(entries: Iterable[HistoryEntry], locale: str, zone: str) -> list[Episode]:
    """In the order given. An event without a sentence is left out, as technical ones are."""
    return [_episode(entry, locale, zone) for entry in entries if _row(entry) is not None]


def _row(entry: HistoryEntry) -> tuple[str, ...] | None:
    if entry.kind in TECHNICAL_KINDS or (entry.kind, entry.event) in TECHNICAL:
        return None
    event = f"{entry.kind}.{entry.event}"
    details = [entry.to_state] if entry.kind == "refund" else [entry.facts.get(of) for of in DETAILS]
    exact = (SENTENCES.get(f"{event}.{detail}") for detail in details)
    return next(filter(None, exact), SENTENCES.get(event))


def _episode(entry: HistoryEntry, locale: str, zone: str) -> Episode:
    tone, *sentences = _row(entry) or ("calm",)
    sum_ = _sum(entry.facts)
    sign = MOVES_MONEY.get((entry.kind, entry.event))
    return Episode(
        at=entry.at,
        tone=tone,
        text=tell(sentences, _facts(entry, sum_, locale, zone), locale),
        detail=_why(entry, locale),
        amount=sum_ * sign if sum_ and sign else None,
        page=_page(entry),
    )


def _page(entry: HistoryEntry) -> tuple[str, UUID] | None:
    if (entry.kind, entry.event) in HAS_PAGE:
        return "refund", entry.subject_id
    if (entry.kind, entry.event) not in OF_AN_INVOICE:
        return None
    of = str(entry.subject_id) if entry.kind == "invoice" else entry.facts.get("invoice_id")
    return ("invoice", UUID(of)) if of else None


def _sum(facts: Mapping[str, Any]) -> Money | None:
    minor, currency = facts.get("amount_minor", facts.get("total_minor")), facts.get("currency")
    return Money(minor, currency) if minor is not None and currency else None


def _facts(entry: HistoryEntry, sum_: Money | None, locale: str, zone: str) -> dict[str, str]:
    facts = {"plan": in_language(entry.plan_names, locale)}
    if sum_:
        facts["amount"] = money(sum_, locale)
    if entry.facts.get("number"):
        facts["number"] = entry.facts["number"]
    if until := entry.facts.get("until") or entry.facts.get("paid_through") or entry.facts.get("trial_end"):
        facts["until"] = date(datetime.fromisoformat(until), locale, zone)
    return facts


def _why(entry: HistoryEntry, locale: str) -> str:
    if (entry.kind, entry.event) != ("payment", "failed") or entry.facts.get("decline_kind") == "closed":
        return ""
    return why_declined(entry.facts.get("decline_kind"), entry.facts.get("decline_code"), locale).why
