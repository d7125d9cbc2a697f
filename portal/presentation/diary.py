"""What happened, one line each, for a terminal: the moment, who, what. Operators read it, in English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from portal.domain.money import Money
from portal.presentation.dates import clock_time, date
from portal.presentation.language import NBSP, in_language, tell
from portal.presentation.money import money
from portal.queries.happenings import Happening

LANGUAGE = "en"

# From the most to the least precise, as in a customer's story. Facts: plan, amount, number, until, why.
OF_SUBSCRIPTIONS: Mapping[str, tuple[str, ...]] = {
    "subscription.created": ("ordered %(plan)s",),
    "subscription.superseded": ("ordered %(plan)s instead",),
    "subscription.first_paid": ("bought %(plan)s for %(amount)s, until %(until)s", "bought %(plan)s, until %(until)s"),
    "subscription.trial_started": ("saved a card and tries %(plan)s, until %(until)s", "tries %(plan)s"),
    "subscription.trial_converted": (
        "paid %(amount)s for %(plan)s after the trial, until %(until)s",
        "paid for %(plan)s after the trial, until %(until)s",
    ),
    "subscription.trial_declined": (
        "first charge of %(plan)s after the trial declined (%(why)s), access closed",
        "first charge of %(plan)s after the trial declined, access closed",
    ),
    "subscription.prolonged": (
        "prolonged %(plan)s for %(amount)s, until %(until)s",
        "prolonged %(plan)s, until %(until)s",
    ),
    "subscription.renewed": ("renewed %(plan)s for %(amount)s, until %(until)s", "renewed %(plan)s, until %(until)s"),
    "subscription.recovered": (
        "paid %(amount)s for %(plan)s after all, until %(until)s",
        "paid for %(plan)s after all, until %(until)s",
    ),
    "subscription.granted": ("was given time for %(plan)s, until %(until)s",),
    "subscription.renewal_declined": ("renewal of %(plan)s declined (%(why)s)", "renewal of %(plan)s declined"),
    "subscription.declined_again": (
        "renewal of %(plan)s declined again (%(why)s)",
        "renewal of %(plan)s declined again",
    ),
    "subscription.not_reached": ("the bank was not reached for %(plan)s, to be tried again",),
    "subscription.grace_over": ("%(plan)s suspended, access closed",),
    "subscription.given_up": ("%(plan)s ended, it was not paid",),
    "subscription.period_over": ("%(plan)s ended, the paid time is over",),
    "subscription.cancelled_at_period_end": ("switched off renewal of %(plan)s, access until %(until)s",),
    "subscription.cancelled_now": ("cancelled %(plan)s, access closed",),
    "subscription.dispute_opened": (
        "the bank has a payment of %(plan)s under dispute, renewal switched off, access until %(until)s",
    ),
    "subscription.dispute_noted": ("the bank has a payment of %(plan)s under dispute",),
    "subscription.dispute_over": ("no payment of %(plan)s is under dispute any more",),
    "subscription.dispute_lost": ("%(plan)s ended with a lost dispute, access closed",),
    "subscription.plan_changed": ("moved to %(plan)s for %(amount)s", "moved to %(plan)s"),
    "subscription.plan_returned": ("is back on %(plan)s, the better plan was given back",),
    "subscription.change_booked": ("booked another plan to follow %(plan)s on %(until)s", "booked another plan"),
    "subscription.change_unbooked": ("called off the change of plan, %(plan)s stays",),
    "subscription.resumed": ("switched on renewal of %(plan)s",),
    "subscription.refunded": ("%(plan)s ended with a refund, access closed",),
    "subscription.time_returned": ("gave back time of %(plan)s that had not begun, until %(until)s",),
    "subscription.method_removed": ("removed the payment method of %(plan)s",),
    "subscription.method_forgotten": ("removed the payment method of %(plan)s",),
    "subscription.method_changed": ("changed the payment method of %(plan)s",),
    "subscription.method_added": ("added a payment method to %(plan)s",),
    "subscription.checkout_closed": ("order of %(plan)s closed, it was not paid in time",),
    "subscription.parked": ("%(plan)s parked until somebody looks",),
    "subscription.unparked": ("%(plan)s is no longer parked",),
}

# Told only where no subscription tells of it in the same commit.
OF_MONEY: Mapping[str, tuple[str, ...]] = {
    "payment.succeeded": ("a payment of %(amount)s came in",),
    "payment.succeeded_again": ("a second payment of %(amount)s came in, it goes back",),
    "payment.action_required": ("the bank wants the customer to confirm %(amount)s",),
    "payment.failed": ("a payment of %(amount)s failed (%(why)s)", "a payment of %(amount)s failed"),
    "payment.put_in_review": ("a payment of %(amount)s waits until somebody looks",),
    "invoice.closed": ("invoice %(number)s closed",),
    "refund.succeeded": ("%(amount)s given back",),
    "refund.overtaken": ("a refund of %(amount)s not needed any more, it was returned in another way",),
    "dispute.created": ("the bank has %(amount)s under dispute",),
    "dispute.won": ("a dispute about %(amount)s won",),
    "dispute.lost": ("a dispute about %(amount)s lost",),
    "refund.failed": ("a refund of %(amount)s failed",),
    "refund.rejected": ("a refund of %(amount)s refused",),
}


def diary(happenings: Iterable[Happening], zone: str) -> list[str]:
    """In the order given. What was written in one commit is told together; what has no sentence is left out."""
    commits = groupby(happenings, key=lambda one: (one.at, one.user_id, one.subscription_id))
    told = [(key, sentence) for key, rows in commits for sentence in _sentences(list(rows), zone)]
    return [f"{stamp(at, zone)}  {user_id}  {sentence}" for (at, user_id, _), sentence in told]


def stamp(at: datetime, zone: str) -> str:
    """2027-02-28 13:00 MSK"""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d} {_plain(clock_time(at, LANGUAGE, zone))}"


def _sentences(commit: Sequence[Happening], zone: str) -> list[str]:
    facts: dict[str, Any] = {}
    for one in commit:
        facts |= _facts(one, zone)
    told = [OF_SUBSCRIPTIONS[one.name] for one in commit if one.name in OF_SUBSCRIPTIONS]
    told = told or [OF_MONEY[one.name] for one in commit if one.name in OF_MONEY]
    return [tell(sentences, facts, LANGUAGE) for sentences in told]


def _facts(one: Happening, zone: str) -> dict[str, str]:
    facts = {"plan": in_language(one.plan_names, LANGUAGE)}
    minor = one.facts.get("amount_minor", one.facts.get("total_minor"))
    if minor is not None:
        facts["amount"] = _plain(money(Money(minor, one.facts["currency"]), LANGUAGE))
    if one.facts.get("number"):
        facts["number"] = one.facts["number"]
    if until := one.facts.get("paid_through") or one.facts.get("trial_end"):
        facts["until"] = _plain(date(datetime.fromisoformat(until), LANGUAGE, zone))
    if one.facts.get("decline_code") not in (None, "declined"):  # the bank that gives no reason says only this
        facts["why"] = one.facts["decline_code"].replace("_", " ")
    return facts


def _plain(text: str) -> str:
    """Terminals break lines by themselves, and people search for what they can type."""
    return text.replace(NBSP, " ")
