"""A refund's own page: where it stands, what comes next, what has been done when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.domain.policy import Policy
from portal.domain.refund import Refund
from portal.presentation.dates import date
from portal.presentation.language import N_, words


@dataclass(frozen=True)
class Step:
    text: str
    at: datetime


@dataclass(frozen=True)
class Tracker:
    tone: str
    title: str
    why: str  # it was refused; "" where it was not
    next: str  # what happens now, or what to do
    access: str  # what it does to access; "" where that is nothing new
    steps: list[Step]  # in the order in which they happened


# By state: tone, title, what comes next. Facts: answer_by.
STATES: Mapping[str, tuple[str, str, str]] = {
    "requested": (
        "calm",
        N_("Your refund is being considered"),
        N_("A person looks at it and answers by %(answer_by)s at the latest. You need not do anything."),
    ),
    "rejected": (
        "calm",
        N_("The refund was refused"),
        N_("No money was returned. If you think that this is wrong, write to us and quote the reference below."),
    ),
    "submitted": (
        "calm",
        N_("Your refund is on its way"),
        N_("We are handing it to the payment system. You need not do anything."),
    ),
    "unknown": (
        "calm",
        N_("Your refund is on its way"),
        N_("We wait for the payment system's answer and go on asking for it. You need not do anything."),
    ),
    "pending": (
        "calm",
        N_("Your refund is on its way"),
        N_("The payment system has accepted it and is returning the money. You need not do anything."),
    ),
    "succeeded": (
        "good",
        N_("The money is returned"),
        N_(
            "The payment system has returned it. If the bank does not show it in a few days, quote the reference there."
        ),
    ),
    "failed": (
        "bad",
        N_("The refund did not go through"),
        N_("No money was returned. Please write to us and quote the reference below: we will find another way."),
    ),
}

BEGINNINGS: Mapping[str, str] = {
    "duplicate": N_("Started by us: the invoice was paid twice"),
    "late": N_("Started by us: the payment came after the invoice had been closed"),
    "operator": N_("Started by us"),
    "customer": N_("Requested by you"),
    "provider": N_("Started by us"),
}

# Why it was refused, by grounds.
GROUNDS: Mapping[str, str] = {
    "time_used": N_("The reason: the time that was paid for has already been used."),
    "asked_too_late": N_("The reason: it was requested after the time in which money can be returned."),
    "already_returned": N_("The reason: the money for this has already been returned."),
    "misuse": N_("The reason: the subscription was used against the terms of service."),
}

# The last step, with the moment of the row's last change.
ENDINGS: Mapping[str, str] = {
    "rejected": N_("Refused"),
    "succeeded": N_("Returned"),
    "failed": N_("Did not go through"),
}


def tracker(refund: Refund, policy: Policy, locale: str, zone: str) -> Tracker:
    gettext = words(locale).gettext
    tone, title, comes_next = STATES[refund.state]
    facts = {"answer_by": date(answer_by(refund.created_at, policy), locale, zone)}
    why = GROUNDS.get(refund.grounds or "") if refund.state == "rejected" else None
    return Tracker(
        tone=tone,
        title=gettext(title),
        why=gettext(why) if why else "",
        next=gettext(comes_next) % facts,
        access=gettext(_access(refund)),
        steps=_steps(refund, locale),
    )


def answer_by(asked_at: datetime, policy: Policy) -> datetime:
    return asked_at + timedelta(days=policy.refund_answer_days)


def _access(refund: Refund) -> str:
    """The empty message would be a catalog's header, so it is never asked for."""
    if refund.state in ("rejected", "failed"):
        return N_("Access is as it was.") if refund.accepted_at is None else N_("Access stays as the refund left it.")
    match refund.effect:
        case "end_now" if refund.accepted_at:
            return N_("The subscription has ended with this refund.")
        case "end_now":
            return N_("Access ends when the payment system accepts the refund.")
        case "old_plan" if refund.accepted_at:
            return N_("The plan that you had before runs on.")
        case "old_plan":
            return N_("The plan that you had before comes back once the payment system accepts the refund.")
        case "take_back" if refund.accepted_at:
            return N_("The time that had not begun is taken back. The time before it stays.")
        case "take_back":
            return N_("Only the time that has not begun is taken back, once the payment system accepts the refund.")
        case "period_end":
            return N_("Access stays until the end of the paid time; the subscription does not renew.")
    return N_("Access is not affected by this refund.")


def _steps(refund: Refund, locale: str) -> list[Step]:
    done = (
        (BEGINNINGS.get(refund.reason, BEGINNINGS["operator"]), refund.created_at),
        (N_("Handed to the payment system"), refund.sent_at),
        (N_("Accepted by the payment system"), refund.accepted_at),
        (ENDINGS.get(refund.state, ""), refund.modified_at if refund.state in ENDINGS else None),
    )
    return [Step(words(locale).gettext(text), at) for text, at in done if at is not None]
