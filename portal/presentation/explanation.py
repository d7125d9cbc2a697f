"""Why was I charged: what an invoice is for and how it came about, in sentences built from its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from portal.domain.calendar import Interval
from portal.domain.payment import Payment
from portal.presentation.dates import date, moment
from portal.presentation.declines import declined
from portal.presentation.intervals import duration
from portal.presentation.language import N_, NBSP, in_language, tell, words
from portal.presentation.money import money
from portal.queries.circumstances import Circumstances
from portal.queries.invoices import InvoiceDetail

# What it is for, by case; from the most to the least precise. Facts: plan, old, length, ordered, due, until.
CASES: Mapping[str, tuple[str, ...]] = {
    "purchase": (N_("This is your order of %(ordered)s: %(plan)s, %(length)s."),),
    "purchase.trial": (
        N_("This is your order of %(ordered)s: %(plan)s with a trial. A card is saved, and nothing is taken."),
    ),
    "purchase.prolonged": (
        N_("You paid ahead on %(ordered)s: %(plan)s, %(length)s. The new time follows the time paid for before."),
    ),
    "purchase.recovered": (
        N_("The renewal had not gone through, so you paid for it yourself on %(ordered)s: %(plan)s, %(length)s."),
    ),
    "renewal": (
        N_("The subscription renews by itself. The time paid for before ended on %(due)s: %(plan)s, %(length)s more."),
    ),
    "renewal.trial": (N_("The trial ended on %(due)s, and the subscription goes on for a fee: %(plan)s, %(length)s."),),
    "plan_change": (
        N_(
            "On %(ordered)s you moved from %(old)s to %(plan)s, which costs more. "
            "The difference is due for the time until %(until)s."
        ),
        N_("On %(ordered)s you moved to %(plan)s."),
    ),
    "plan_change.anew": (
        N_("On %(ordered)s you moved from %(old)s to %(plan)s, which is paid for another length: %(length)s."),
        N_("On %(ordered)s you moved to %(plan)s."),
    ),
}

# How the sum of a change of plan came about. Facts: plan, old, gross, credit, waived, total, until.
SUMS: Mapping[str, str] = {
    "plan_change": N_(
        "For that time %(plan)s costs %(gross)s, and %(credit)s of what you had paid for %(old)s was unused. "
        "That leaves %(total)s."
    ),
    "plan_change.anew": N_(
        "It costs %(gross)s, and %(credit)s of what you had paid for %(old)s was unused. That leaves %(total)s."
    ),
    "waived": N_("A rest of %(waived)s is too small to be charged, so it is not taken."),
}


def explain(detail: InvoiceDetail, led: Circumstances, locale: str, zone: str) -> list[str]:
    """Never empty: there is no charge without an explanation."""
    case = case_of(detail, led)
    told = [tell(CASES[case], _facts(detail, led, locale, zone), locale)]
    told += _sums(case, detail, led, locale)
    if detail.invoice.reason == "renewal":
        told += _agreement(detail, led, locale, zone)
    told += _price(led, locale, zone)
    told += _tries(detail, locale, zone)
    return [*told, *_money(detail, locale, zone)]


def case_of(detail: InvoiceDetail, led: Circumstances) -> str:
    """The row of the table: the invoice's reason, and what about it changes the sentence."""
    invoice = detail.invoice
    kind = {
        "purchase": "trial" if invoice.trial_days else led.granted,
        "renewal": "trial" if led.after_trial else None,
        "plan_change": "anew" if led.change and led.change.quote.anew else None,
    }[invoice.reason]
    case = f"{invoice.reason}.{kind}"
    return case if case in CASES else invoice.reason


def _facts(detail: InvoiceDetail, led: Circumstances, locale: str, zone: str) -> dict[str, str]:
    invoice, plan = detail.invoice, detail.plan
    names = detail.lines[0].names if detail.lines else plan.names
    facts = {
        "plan": in_language(names, locale),
        "length": duration(Interval(plan.interval), plan.interval_count * invoice.count, locale),
        "ordered": date(invoice.created_at, locale, zone),
        "due": date(invoice.due_at, locale, zone),
    }
    if led.change:
        facts["old"] = in_language(led.change.old_names, locale)
        facts["until"] = date(led.change.quote.until, locale, zone)
    return facts


def _sums(case: str, detail: InvoiceDetail, led: Circumstances, locale: str) -> list[str]:
    """The same sums that were shown before the change was confirmed."""
    if led.change is None or detail.invoice.reason != "plan_change":
        return []
    quote, gettext = led.change.quote, words(locale).gettext
    facts = {
        "plan": in_language(detail.plan.names, locale),
        "old": in_language(led.change.old_names, locale),
        "gross": money(quote.gross, locale),
        "credit": money(quote.credit, locale),
        "waived": money(quote.waived, locale),
        "total": money(quote.gross - quote.credit, locale),
    }
    return [gettext(SUMS[key]) % facts for key in (case, *(["waived"] if quote.waived_minor else []))]


def _agreement(detail: InvoiceDetail, led: Circumstances, locale: str, zone: str) -> list[str]:
    gettext, told = words(locale).gettext, []
    if led.agreed_at:
        on = {"date": date(led.agreed_at, locale, zone)}
        told.append(gettext("On %(date)s you allowed renewals to be charged.") % on)
    if led.switched_on:
        at, actor = led.switched_on
        by_support = gettext("Renewal was switched on by our support on %(date)s.")
        by_customer = gettext("You switched on renewal on %(date)s.")
        told.append((by_support if actor.startswith("operator:") else by_customer) % {"date": date(at, locale, zone)})
    if led.change:
        quote = led.change.quote
        facts = {
            "old": in_language(led.change.old_names, locale),
            "plan": in_language(detail.plan.names, locale),
            "date": date(quote.used_at or quote.created_at, locale, zone),
        }
        told.append(gettext("On %(date)s you chose to move from %(old)s to %(plan)s.") % facts)
    return told


def _price(led: Circumstances, locale: str, zone: str) -> list[str]:
    if led.price_moved is None:
        return []
    facts = {"date": date(led.price_moved.since, locale, zone), "old": money(led.price_moved.old, locale)}
    return [words(locale).gettext("The price has changed for periods from %(date)s on; before it was %(old)s.") % facts]


def _tries(detail: InvoiceDetail, locale: str, zone: str) -> list[str]:
    """Tries that did not go through before the one that did, or that are the last so far."""
    over = [one for one in detail.payments if one.state == "failed" and one.review_at is None]
    failed = [one for one in over if one.decline_kind != "closed"]
    if not failed:
        return []
    facts = {
        "n": len(failed),
        "date": date(failed[0].created_at, locale, zone),
        "why": declined(failed[0], locale).why,
    }
    return [
        words(locale).ngettext(
            "%(n)d try did not go through, on %(date)s: %(why)s",
            "%(n)d tries did not go through, the last one on %(date)s: %(why)s",
            len(failed),
        )
        % facts
    ]


def _money(detail: InvoiceDetail, locale: str, zone: str) -> list[str]:
    """What was really taken."""
    invoice, gettext = detail.invoice, words(locale).gettext
    told = [_taken(one, detail, locale, zone) for one in _came_in(detail) if one.state == "succeeded"]
    twice = [one for one in detail.payments if one.state == "duplicate"]
    if invoice.state == "fail" and (told or twice):
        told.append(
            gettext("The payment came after this invoice had been closed, so the money goes back to you in full.")
        )
    elif twice:
        facts = {"amount": money(twice[0].amount, locale)}
        told.append(gettext("A second payment of %(amount)s for it came in and is returned in full.") % facts)
    if any(one.review_at is not None for one in detail.payments):
        return [*told, gettext("We are checking the payment with the payment system.")]
    if any(one.decline_code == "given_back" for one in detail.payments):
        return told or [gettext("In the end you have paid nothing for it.")]
    return told or [gettext("No money has been taken for it.")]


def _came_in(detail: InvoiceDetail) -> Sequence[Payment]:
    """A page over nothing that saved a card brought no money."""
    return [one for one in detail.payments if one.amount_minor]


def _taken(payment: Payment, detail: InvoiceDetail, locale: str, zone: str) -> str:
    facts = {
        "amount": money(payment.amount, locale),
        "moment": moment(payment.succeeded_at or payment.modified_at, locale, zone),
        "card": (detail.method_title or "").replace(" ", NBSP),
    }
    gettext = words(locale).gettext
    if payment.kind == "charge":
        return gettext("%(amount)s was charged on %(moment)s with the saved card %(card)s.") % facts
    if detail.method_title:
        return gettext("You paid %(amount)s on the payment system's page on %(moment)s with %(card)s.") % facts
    return gettext("You paid %(amount)s on the payment system's page on %(moment)s; the card was not kept.") % facts
