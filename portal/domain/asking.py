"""When to ask a payment system again about something it has not settled."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.domain.outcome import Decline, DeclineClass
from portal.domain.payment import Payment
from portal.domain.refund import Refund

FIRST_ASKS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=60))
THEN = timedelta(days=1)
KEY_WINDOW = timedelta(hours=20)  # inside the shortest key lifetime we know (24 h), with room for a slow clock
DAILY_ASKS_BEFORE_REVIEW = 5


def next_check(now: datetime, checks: int) -> datetime:
    """After `checks` questions: 1, 5, 60 minutes, then daily."""
    return now + (FIRST_ASKS[checks] if checks < len(FIRST_ASKS) else THEN)


def wants_review(checks: int) -> bool:
    """Nobody could tell for days: a person has to look."""
    return checks >= len(FIRST_ASKS) + DAILY_ASKS_BEFORE_REVIEW


def may_resend(sent_at: datetime | None, now: datetime) -> bool:
    """The same key is sent again only while every provider still recognises it."""
    return sent_at is None or now - sent_at < KEY_WINDOW


ABSENT_AFTER = timedelta(hours=24)  # since the last send: by then it has appeared if it ever will
IN_FLIGHT = timedelta(seconds=30)  # longer than any call of ours may take


def absence(payment: Payment, now: datetime) -> Decline | None:
    """What it proves that the provider knows no such object.

    A checkout whose address nobody was ever given cannot be paid: once our call cannot be under way any more, it has
    failed, and the next try gets a key of its own. A charge that is absent today may still appear: it has failed once
    it was looked for in vain again and again, the last time a whole day after its last send.
    """
    if payment.sent_at is None or payment.redirect_url is not None:
        return None
    age = now - payment.sent_at
    if payment.kind == "charge":
        proven = age >= KEY_WINDOW + ABSENT_AFTER and payment.checks > len(FIRST_ASKS)
    else:
        proven = age >= IN_FLIGHT
    return Decline(DeclineClass.gateway, "not_created") if proven else None


def refund_absence(refund: Refund, now: datetime) -> Decline | None:
    """The provider knows no such refund, and our last send is too old to be under way: nothing was given back.

    Its key is forgotten by then, so that the same refund is asked for anew. Without this a refund whose first answer
    was a 500, which a provider repeats for the life of the key, would never be made.
    """
    if refund.sent_at is None or now - refund.sent_at < KEY_WINDOW + ABSENT_AFTER:
        return None
    return Decline(DeclineClass.gateway, "not_created")
