"""The history in words for operators: what customers read, and what they are not told of."""

from __future__ import annotations

from collections.abc import Mapping

from portal.presentation.language import N_
from portal.presentation.operators import say
from portal.presentation.story import story
from portal.queries.history import HistoryEntry

# What customers are not told of, because it happens between us and the payment system.
TECHNICAL: Mapping[str, str] = {
    "payment.created": N_("Payment prepared"),
    "payment.sent": N_("Handed to the payment system"),
    "payment.asked": N_("The payment system was asked, without news"),
    "payment.aborted": N_("Payment not sent"),
    "payment.refund_reserved": N_("The sum of a refund was set aside"),
    "payment.refund_done": N_("The payment was given back, in part or in full"),
    "payment.refund_released": N_("The sum that was set aside is free again"),
    "payment.refund_undone": N_("Money that was given back has come back"),
    "payment.disputed": N_("The bank has the payment under dispute; nothing of it can be given back"),
    "payment.dispute_won": N_("The disputed sum is ours again"),
    "payment.dispute_lost": N_("The disputed sum is lost; it counts as given back"),
    "payment.dispute_counted": N_("A refund was not made after all; its sum was the bank's already"),
    "dispute.asked": N_("The payment system was asked about the dispute, without news"),
    "dispute.counted": N_("The dispute takes a sum that a refund had set aside"),
    "refund.held": N_("The refund waits until the bank has decided the dispute"),
    "subscription.dispute_noted": N_("The bank has a payment under dispute; renewal was off already"),
    "subscription.dispute_over": N_(
        "No payment is under dispute any more; renewal stays off until the customer switches it on"
    ),
    "refund.sent": N_("Refund handed to the payment system"),
    "refund.asked": N_("The payment system was asked about the refund, without news"),
    "refund.bounced": N_("The bank was not reached; the refund is sent again later"),
    "refund.put_in_review": N_("Nobody could tell for days what became of the refund"),
    "subscription.not_reached": N_("The bank was not reached; the charge is tried again"),
    "subscription.rescheduled": N_("The next step was moved"),
}


def happened(entry: HistoryEntry, locale: str, zone: str) -> tuple[str, str]:
    """Tone and sentence of a row of the history. What the customer reads as well reads the same."""
    told = next(iter(story([entry], locale, zone)), None)
    if told is not None and told.text:
        return told.tone, f"{told.text} {told.detail}".strip()
    return "calm", say(TECHNICAL, f"{entry.kind}.{entry.event}", locale)
