"""Words for those who work in the back office: what they do, why, and who did it."""

from __future__ import annotations

from collections.abc import Mapping

from portal.presentation.checkout import Label
from portal.presentation.language import N_, words

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
    "auth.replay": N_("Auth told again"),
    "auth.settle": N_("Auth told what differed"),
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
    "too_many_users": ("warn", N_("Refused: too many customers at once")),
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

ACTORS: Mapping[str, str] = {
    "user": N_("Customer %(name)s"),
    "unsigned": N_("Customer %(name)s, without signing in"),
    "operator": N_("Operator %(name)s"),
    "provider": N_("Payment system %(name)s"),
    "worker": N_("By itself"),
}


def say(table: Mapping[str, str], key: str | None, locale: str) -> str:
    """The word for a key; a key without one is shown as it is."""
    return words(locale).gettext(table[key]) if key and key in table else key or ""


def said(table: Mapping[str, str], locale: str) -> dict[str, str]:
    """A whole table, for a list to choose from."""
    return {key: words(locale).gettext(text) for key, text in table.items()}


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
