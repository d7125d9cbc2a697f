"""A receipt in words: what the page prints and what the PDF holds, line by line the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portal.domain.calendar import Interval
from portal.domain.invoice import InvoiceLine
from portal.domain.money import Money
from portal.presentation.dates import moment
from portal.presentation.intervals import duration
from portal.presentation.language import in_language, words
from portal.presentation.money import money
from portal.queries.invoices import InvoiceDetail


@dataclass(frozen=True)
class Line:
    name: str
    detail: str
    amount: str


@dataclass(frozen=True)
class Receipt:
    title: str
    facts: Sequence[tuple[str, str]]
    lines: Sequence[Line]
    why: Sequence[str]  # the explanation, sentence by sentence
    total: tuple[str, str]
    refunds: Sequence[tuple[str, str]]  # what was given back, and what is left; empty where nothing was
    note: str


def receipt_of(
    detail: InvoiceDetail, why: Sequence[str], buyer: str, seller: str, help_at: str, locale: str, zone: str
) -> Receipt:
    """Of an invoice that is paid."""
    invoice, gettext = detail.invoice, words(locale).gettext
    assert invoice.paid_at is not None  # noqa: S101 - a paid invoice has the moment
    facts = [
        (gettext("Seller"), seller),
        (gettext("Questions"), help_at),
        (gettext("Customer"), buyer),
        (gettext("Paid"), moment(invoice.paid_at, locale, zone)),
    ]
    if detail.method_title:
        facts.append((gettext("Paid with"), detail.method_title))
    if detail.period:
        start, end = (moment(at, locale, zone) for at in (detail.period.start, detail.period.end))
        facts.append((gettext("Trial") if invoice.trial_days else gettext("Paid time"), f"{start} — {end}"))
    return Receipt(
        title=gettext("Receipt for invoice %(number)s") % {"number": invoice.number},
        facts=facts,
        lines=[_line(one, detail, locale) for one in detail.lines],
        why=why,
        total=(gettext("Total"), money(invoice.total, locale)),
        refunds=_refunds(detail, locale, zone),
        note=gettext("%(seller)s confirms this payment. It is not a fiscal receipt.") % {"seller": seller},
    )


def _line(line: InvoiceLine, detail: InvoiceDetail, locale: str) -> Line:
    gettext, currency, trial = words(locale).gettext, detail.invoice.currency, detail.invoice.trial_days
    told = f"{line.count} × {money(Money(line.unit_minor, currency), locale)}"
    if trial:
        told = gettext("%(length)s of trial") % {"length": duration(Interval.day, trial, locale)} + f": {told}"
    if line.discount_minor:
        discount = money(Money(line.discount_minor, currency), locale)
        told += ", " + gettext("discount %(amount)s") % {"amount": discount}
    description = in_language(line.descriptions, locale)
    detail_text = f"{description} {told}" if description else told
    return Line(in_language(line.names, locale), detail_text, money(Money(line.total_minor, currency), locale))


def _refunds(detail: InvoiceDetail, locale: str, zone: str) -> list[tuple[str, str]]:
    """Oldest first; what was given back of the payment that counts, not of one that came twice."""
    counts = {one.id for one in detail.payments if one.state == "succeeded"}
    sent = [one for one in detail.refunds if one.state == "succeeded" and one.payment_id in counts]
    if not sent:
        return []
    gettext, told = words(locale).gettext, []
    for refund in sorted(sent, key=lambda one: one.created_at):
        on = moment(refund.accepted_at or refund.modified_at, locale, zone)
        told.append((gettext("Given back %(moment)s") % {"moment": on}, money(-refund.amount, locale)))
    kept = detail.invoice.total.minor - sum(one.amount.minor for one in sent)
    return [*told, (gettext("Paid after refunds"), money(Money(kept, detail.invoice.currency), locale))]
