"""Words for those who work in the back office: reasons, acts, actors, and what a payment was reckoned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from portal.domain.calendar import zone_or
from portal.domain.payment import Payment
from portal.presentation import checkout
from portal.presentation.checkout import Label
from portal.presentation.dates import moment
from portal.presentation.language import N_, words
from portal.presentation.story import story
from portal.queries.history import HistoryEntry

# Why an operator gives money back.
GIVING: Mapping[str, str] = {
    "not_as_described": N_("Not what was described"),
    "technical_fault": N_("A technical fault of ours"),
    "charged_by_mistake": N_("Charged by mistake"),
    "not_recognised": N_("The customer does not recognise the charge"),
    "goodwill": N_("Goodwill"),
    "agreement": N_("As agreed with the customer"),
}

# And why not. The customer can be told these.
REFUSING: Mapping[str, str] = {
    "time_used": N_("The paid time has been used"),
    "asked_too_late": N_("Asked for too late"),
    "already_returned": N_("Already returned in another way"),
    "misuse": N_("Misuse"),
}

# What a refund does to access: as a short name, and as what will happen.
EFFECTS: Mapping[str, tuple[str, str]] = {
    "end_now": (
        N_("Ends at once"),
        N_("The subscription ends as soon as the payment system accepts the refund. Access closes, nothing renews."),
    ),
    "period_end": (
        N_("Ends with the paid time"),
        N_("Renewal is switched off; the customer can watch until the paid time is over."),
    ),
    "keep": (
        N_("Stays as it is"),
        N_("Access and renewal are not touched."),
    ),
    "take_back": (
        N_("Time that has not begun is taken back"),
        N_("Only the time that has not begun is taken back. Access until then and renewal stay."),
    ),
    "old_plan": (
        N_("The plan before comes back"),
        N_("The better plan ends as soon as the payment system accepts the refund; the plan before it runs on."),
    ),
}

ACTS: Mapping[str, str] = {
    "plan.create": N_("Plan created"),
    "plan.edit": N_("Plan changed"),
    "plan.delete": N_("Plan deleted"),
    "plan.archive": N_("Plan archived"),
    "plan.sell": N_("Plan put on sale"),
    "plan.price": N_("Price added"),
    "plan.move_price": N_("Subscribers moved to another price"),
    "subscription.cancel": N_("Subscription cancelled"),
    "subscription.resume": N_("Renewal switched on"),
    "subscription.grant": N_("Time granted"),
    "subscription.park": N_("Subscription parked"),
    "subscription.unpark": N_("Parking lifted"),
    "payment.ask": N_("Payment system asked again"),
    "refund.give": N_("Refund given"),
    "refund.approve": N_("Refund approved"),
    "refund.reject": N_("Refund refused"),
    "event.replay": N_("Event sent again"),
    "webhook.again": N_("Webhook applied again"),
    "ledger.export": N_("Postings taken as a file"),
}

# What came of an act: done, or the error_id of the refusal.
OUTCOMES: Mapping[str, tuple[str, str]] = {
    "done": ("good", N_("Done")),
    "forbidden": ("bad", N_("Refused: no right to do it")),
    "sum_changed": ("warn", N_("Refused: the sum had changed")),
    "exceeds_refundable": ("warn", N_("Refused: more than what is left")),
    "not_refundable": ("warn", N_("Refused: nothing to give back")),
    "not_decidable": ("warn", N_("Refused: decided already")),
    "not_grantable": ("warn", N_("Refused: nothing to prolong")),
    "not_resumable": ("warn", N_("Refused: renewal cannot be switched on")),
    "not_parkable": ("warn", N_("Refused: nothing that could be parked")),
    "not_askable": ("warn", N_("Refused: there is nothing to ask about")),
    "already_ended": ("warn", N_("Refused: over already")),
    "plan_sold": ("warn", N_("Refused: the plan was sold")),
    "plan_not_sellable": ("warn", N_("Refused: the plan has no price")),
    "code_taken": ("warn", N_("Refused: the code is taken")),
    "price_exists": ("warn", N_("Refused: there is such a price")),
    "too_many_rows": ("warn", N_("Refused: too many rows for one file")),
    "not_found": ("warn", N_("Refused: not found")),
}

# Why a subscription is parked, by itself or by an operator.
PARKED_BY: Mapping[str, str] = {
    "review": N_("A payment is of unknown outcome"),
    "charges_a_day": N_("More charges in a day than are allowed"),
    "charges_a_run": N_("More charges in one run than are allowed"),
    "broken": N_("What we have on record contradicts itself"),
    "suspicious": N_("Something looks suspicious"),
    "clarified": N_("It is being clarified with the customer or the bank"),
    "fault": N_("A fault of ours is being looked into"),
}

# Why an operator lets it go on.
UNPARKING: Mapping[str, str] = {
    "cleared": N_("It has been cleared up"),
    "mistake": N_("It was parked by mistake"),
}

INVOICE_REASONS: Mapping[str, str] = {
    "purchase": N_("Purchase"),
    "renewal": N_("Renewal"),
    "plan_change": N_("Change of plan"),
}

PAYMENT_KINDS: Mapping[str, str] = {
    "checkout": N_("The customer paid on the payment page"),
    "charge": N_("The saved method was charged"),
}

# Who set a refund going.
REFUND_REASONS: Mapping[str, str] = {
    "customer": N_("The customer asked for it"),
    "operator": N_("An operator gave it"),
    "duplicate": N_("By itself: paid twice"),
    "late": N_("By itself: paid too late"),
    "provider": N_("Somebody made it at the payment system"),
}

OFFERS: Mapping[str, str] = {
    "full": N_("The offer: everything"),
    "unused": N_("The offer: the unused time"),
}

ACTORS: Mapping[str, str] = {
    "user": N_("Customer %(name)s"),
    "operator": N_("Operator %(name)s"),
    "provider": N_("Payment system %(name)s"),
    "worker": N_("By itself"),
}

DECLINE_KINDS: Mapping[str, str] = {
    "soft": N_("The bank said no for now; it may say yes later."),
    "hard": N_("The bank said never again with this method."),
    "gateway": N_("The bank was not reached; that does not count as a decline."),
    "closed": N_("The payment page closed without a payment."),
}

# Operators may know what customers are not told.
DECLINE_CODES: Mapping[str, str] = {
    "insufficient_funds": N_("not enough money"),
    "expired_card": N_("the card has expired"),
    "lost_card": N_("the card was reported lost"),
    "stolen_card": N_("the card was reported stolen"),
    "authentication_failed": N_("the customer was not authenticated"),
    "limit_exceeded": N_("above the card's limit"),
    "method_detached": N_("the method is unknown to the payment system"),
    "gateway": N_("no connection to the bank"),
    "declined": N_("no reason given"),
    "checkout_expired": N_("the payment page ran out"),
    "checkout_closed": N_("the payment page was closed"),
}

# What customers are not told of, because it happens between us and the payment system.
TECHNICAL: Mapping[str, str] = {
    "payment.created": N_("Payment prepared"),
    "payment.sent": N_("Handed to the payment system"),
    "payment.asked": N_("The payment system was asked, without news"),
    "payment.aborted": N_("Payment not sent"),
    "payment.refund_reserved": N_("The sum of a refund was set aside"),
    "payment.refund_done": N_("The payment was given back, in part or in full"),
    "payment.refund_released": N_("The sum that was set aside is free again"),
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

PRICE_ROW = N_("Price row")

TO_CUSTOMERS_THEMSELVES: Mapping[str, str] = {
    "requires_action": N_("Waits for the customer on the payment page"),
}


@dataclass(frozen=True)
class Fact:
    name: str
    text: str
    exact: bool = False  # an id, to be copied


def say(table: Mapping[str, str], key: str | None, locale: str) -> str:
    """The word for a key; a key without one is shown as it is."""
    return words(locale).gettext(table[key]) if key and key in table else key or ""


def said(table: Mapping[str, str], locale: str) -> dict[str, str]:
    """A whole table, for a list to choose from."""
    return {key: words(locale).gettext(text) for key, text in table.items()}


def effect(key: str, locale: str) -> tuple[str, str]:
    name, means = EFFECTS[key]
    gettext = words(locale).gettext
    return gettext(name), gettext(means)


def outcome(key: str, locale: str) -> Label:
    """Refusals that nobody has named yet read as what they are called."""
    if key in OUTCOMES:
        tone, text = OUTCOMES[key]
        return Label(tone, words(locale).gettext(text))
    return Label("warn", words(locale).gettext("Refused: %(what)s") % {"what": key.replace("_", " ")})


def actor(name: str, locale: str) -> str:
    """`user:alice`, `provider:sandbox`, `worker` in words."""
    kind, _, who = name.partition(":")
    return say(ACTORS, kind, locale) % {"name": who} if kind in ACTORS else name


def payment_label(state: str, locale: str, decline_kind: str | None = None) -> Label:
    """As the customer sees it, but not spoken to them."""
    label = checkout.payment_label(state, locale, decline_kind)
    if state in TO_CUSTOMERS_THEMSELVES:
        return replace(label, text=say(TO_CUSTOMERS_THEMSELVES, state, locale))
    return label


def payment_states(locale: str) -> dict[str, str]:
    states = (state for state in checkout.PAYMENTS if "." not in state)
    return {state: payment_label(state, locale).text for state in states}


def refund_states(locale: str) -> dict[str, str]:
    """Three of them are one to the customer; the word of the row tells them apart."""
    return {state: f"{checkout.refund_label(state, locale).text} · {state}" for state in checkout.REFUNDS}


def dispute_states(locale: str) -> dict[str, str]:
    return {state: checkout.dispute_label(state, locale).text for state in checkout.DISPUTES}


def invoice_states(locale: str) -> dict[str, str]:
    states = (state for state in checkout.INVOICES if "." not in state)
    return {state: checkout.invoice_label(state, None, locale).text for state in states}


def decline(kind: str | None, code: str | None, locale: str) -> str:
    """Why the bank said no, for somebody who is asked about it."""
    if kind is None:
        return ""
    told = say(DECLINE_KINDS, kind, locale)
    reason = say(DECLINE_CODES, code, locale)
    if not reason:
        return told
    return f"{told} " + words(locale).gettext("Reason: %(reason)s.") % {"reason": reason}


def happened(entry: HistoryEntry, locale: str, zone: str) -> tuple[str, str]:
    """Tone and sentence of a row of the history. What the customer reads as well reads the same."""
    told = next(iter(story([entry], locale, zone)), None)
    if told is not None and told.text:
        return told.tone, f"{told.text} {told.detail}".strip()
    return "calm", say(TECHNICAL, f"{entry.kind}.{entry.event}", locale)


def reckoned(payment: Payment, locale: str, zone: str) -> list[Fact]:
    """What the sum of a payment comes from, as far as its row knows."""
    gettext, why = words(locale).gettext, payment.why
    found = [(N_("Charged for"), say(INVOICE_REASONS, _text(why, "reason"), locale))]
    if (count := why.get("count")) is not None:
        found.append((N_("Intervals bought"), str(count)))
    found.append((PRICE_ROW, _text(why, "price_id") or ""))
    if anchor := _moment(_text(why, "anchor")):
        of_subscription = zone_or(zone, _text(why, "zone"))
        found.append((N_("Intervals are counted from"), moment(anchor, locale, of_subscription)))
    elif "anchor" in why and why["anchor"] is None:
        found.append((N_("Intervals are counted from"), gettext("the moment of this payment: it is the first")))
    if (steps := why.get("steps")) is not None:
        found.append((N_("Intervals used before it"), str(steps)))
    found.append((N_("Time zone of the subscription"), _text(why, "zone") or ""))
    if (declines := why.get("declines")) is not None:
        found.append((N_("Declined tries before it"), str(declines)))
    return [Fact(gettext(name), text, exact=name == PRICE_ROW) for name, text in found if text]


def _text(why: Mapping[str, object], name: str) -> str | None:
    value = why.get(name)
    return value if isinstance(value, str) else None


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None
