"""One sentence for every state a subscription can be in. The customer and the operator read the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portal.domain.subscription import Subscription
from portal.presentation.checkout import Label
from portal.presentation.dates import date
from portal.presentation.language import N_, tell, words
from portal.queries.subscriptions import SubscriptionCard


@dataclass(frozen=True)
class Standing:
    tone: str  # good | calm | warn | bad: an icon and a colour beside the words, never instead of them
    label: str
    sentence: str


# Rows: tone, label, then sentences from the most to the least precise; the first whose facts are known is told.
# Facts: paid_until, access_until, trial_end, ended, retry.
TABLE: Mapping[str, tuple[str, ...]] = {
    "pending": (
        "warn",
        N_("Awaiting payment"),
        N_("The subscription starts as soon as the payment goes through."),
    ),
    "pending.parked": (
        "warn",
        N_("Checking the payment"),
        N_("We are checking the payment by hand. You need not do anything, and please do not pay again."),
    ),
    "trialing": (
        "good",
        N_("Trial"),
        N_("The trial runs until %(trial_end)s, then the subscription goes on for a fee."),
        N_("The trial is running."),
    ),
    "trialing.not_reached": (
        "warn",
        N_("Trial, charge under way"),
        N_("The bank cannot be reached for the first charge; nothing has been charged, and we try again by ourselves."),
    ),
    "trialing.ending": (
        "calm",
        N_("Trial"),
        N_("The trial ends on %(trial_end)s. Nothing will be charged."),
        N_("The trial is running. Nothing will be charged."),
    ),
    "trialing.parked": (
        "warn",
        N_("Trial, being checked"),
        N_("You can go on watching. We are checking something by hand; until that is done nothing is charged."),
    ),
    "active": (
        "good",
        N_("Active"),
        N_("Paid until %(paid_until)s and renews by itself."),
    ),
    "active.not_reached": (
        "warn",
        N_("Active, renewal under way"),
        N_(
            "The bank cannot be reached for the renewal; nothing has been charged, and we try again by ourselves. "
            "Access until %(access_until)s."
        ),
        N_("The bank cannot be reached for the renewal; nothing has been charged, and we try again by ourselves."),
    ),
    "active.ending": (
        "calm",
        N_("Active, without renewal"),
        N_("No further charges. Access until %(paid_until)s."),
    ),
    "active.disputed": (
        "calm",
        N_("Active, without renewal"),
        N_(
            "The bank is looking into a payment for this subscription. Until it has decided, nothing is charged; "
            "access until %(paid_until)s."
        ),
        N_("The bank is looking into a payment for this subscription. Until it has decided, nothing is charged."),
    ),
    "active.parked": (
        "warn",
        N_("Active, payment being checked"),
        N_("You can go on watching. We are checking a payment by hand; until that is done nothing is charged."),
    ),
    "past_due": (
        "bad",
        N_("Payment failed"),
        N_("The last charge did not go through. We try again on %(retry)s; you can watch until %(access_until)s."),
        N_("The last charge did not go through. You can watch until %(access_until)s."),
        N_("The last charge did not go through."),
    ),
    "past_due.stuck": (
        "bad",
        N_("Payment failed"),
        N_("The last charge did not go through, and it will not be tried again. You can watch until %(access_until)s."),
        N_("The last charge did not go through, and it will not be tried again."),
    ),
    "past_due.parked": (
        "warn",
        N_("Payment being checked"),
        N_("We are checking a payment by hand; until that is done nothing is charged. Access until %(access_until)s."),
        N_("We are checking a payment by hand; until that is done nothing is charged."),
    ),
    "suspended.parked": (
        "warn",
        N_("Suspended, payment being checked"),
        N_("We are checking a payment by hand. Please do not pay again until that is done."),
    ),
    "suspended.stuck": (
        "bad",
        N_("Suspended"),
        N_("The charge did not go through, and it will not be tried again. Access is closed until you pay."),
    ),
    "suspended": (
        "bad",
        N_("Suspended"),
        N_("The charge did not go through, so access is closed. We try again on %(retry)s."),
        N_("The charge did not go through, so access is closed. It opens again as soon as you pay."),
    ),
    "paused": (
        "calm",
        N_("Paused"),
        N_("The subscription is paused at your request: no access and no charges."),
    ),
    "expired": (
        "calm",
        N_("Not started"),
        N_("The order was not paid in time, so the subscription did not start. No money has been taken."),
    ),
    "ended": (
        "calm",
        N_("Ended"),
        N_("The subscription ended on %(ended)s. Nothing more will be charged."),
        N_("The subscription has ended. Nothing more will be charged."),
    ),
    "ended.cancelled": (
        "calm",
        N_("Ended"),
        N_("The subscription was cancelled and ended on %(ended)s. Nothing more will be charged."),
    ),
    "ended.no_method": (
        "calm",
        N_("Ended"),
        N_("The subscription ended on %(ended)s because there was no payment method to renew it with."),
    ),
    "ended.unpaid": (
        "calm",
        N_("Ended"),
        N_("The subscription ended on %(ended)s because the renewal was not paid."),
    ),
    "ended.refunded": (
        "calm",
        N_("Ended"),
        N_("The subscription ended on %(ended)s with a refund."),
    ),
    "ended.disputed": (
        "calm",
        N_("Ended"),
        N_("The subscription ended on %(ended)s because the payment was contested through the bank."),
    ),
}


def standing(card: SubscriptionCard, locale: str, zone: str) -> Standing:
    tone, label, *sentences = TABLE[case_of(card.subscription)]
    return Standing(tone, words(locale).gettext(label), tell(sentences, _facts(card, locale, zone), locale))


def label(subscription: Subscription, locale: str) -> Label:
    """What a list has room for: the same label without its sentence."""
    tone, text, *_ = TABLE[case_of(subscription)]
    return Label(tone, words(locale).gettext(text))


def case_of(subscription: Subscription) -> str:
    """The row of the table: the state, and what about it changes the sentence."""
    state = subscription.state
    ending = not (subscription.auto_renew and subscription.payment_method_id)
    stuck = subscription.method_dead or ending
    detail = {
        "pending": "parked" if subscription.parked_at else None,
        "trialing": _detail_of_running(subscription, ending),
        "active": _detail_of_running(subscription, ending),
        "past_due": "parked" if subscription.parked_at else "stuck" if stuck else None,
        "suspended": "parked" if subscription.parked_at else "stuck" if stuck else None,
        "ended": subscription.end_reason,
    }.get(state)
    case = f"{state}.{detail}"
    return case if detail and case in TABLE else state


def _detail_of_running(subscription: Subscription, ending: bool) -> str | None:
    if subscription.parked_at:
        return "parked"
    if subscription.disputed_at:
        return "disputed"
    return "ending" if ending else "not_reached" if subscription.gateway_failures else None


def _facts(card: SubscriptionCard, locale: str, zone: str) -> dict[str, str]:
    subscription = card.subscription
    moments = {
        "paid_until": subscription.paid_through,
        "access_until": card.access_until,
        "trial_end": subscription.trial_end,
        "ended": subscription.ended_at,
        "retry": card.next.at if card.next and card.next.what == "retry" else None,
    }
    return {name: date(at, locale, zone) for name, at in moments.items() if at}
