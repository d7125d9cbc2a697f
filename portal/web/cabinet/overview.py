"""My subscriptions: what I have, until when, what is charged next, and what waits to be paid."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template

from portal import runtime
from portal.domain.method import PaymentMethod
from portal.presentation import checkout
from portal.presentation import methods as words
from portal.presentation.standing import standing
from portal.queries import invoices, methods, subscriptions
from portal.queries.invoices import InvoiceEntry
from portal.queries.subscriptions import SubscriptionCard
from portal.web.auth import current_person, signed_in
from portal.web.locale import language, zone

LATEST = 20  # an open invoice is never far from the top: another order supersedes it


@dataclass(frozen=True)
class AtRisk:
    """A charge that may find its card expired."""

    card: SubscriptionCard
    method: PaymentMethod
    expires: str  # 12/34
    in_time: bool  # the next charge comes before that; the ones after it do not


@signed_in
def overview() -> str:
    cards = subscriptions.of_user(current_person().id, runtime.clock.now(), runtime.policy)
    told = [(card, standing(card, language(), zone())) for card in cards]
    open_now = _open()
    return render_template(
        "cabinet/overview.html",
        live=[(card, words) for card, words in told if card.subscription.live],
        waiting=[(card, words) for card, words in told if card.subscription.state == "pending"],
        over=[(card, words) for card, words in told if card.subscription.state == "ended"],
        unpaid=[entry for entry in open_now if entry.invoice.reason != "renewal"],
        to_confirm=[entry for entry in open_now if entry.invoice.reason == "renewal" and _waits_for_customer(entry)],
        at_risk=_at_risk(cards),
        now=runtime.clock.now(),
    )


def _at_risk(cards: list[SubscriptionCard]) -> list[AtRisk]:
    renewing = [card for card in cards if card.next and card.next.what == "renewal"]
    if not renewing:
        return []
    now, found = runtime.clock.now(), []
    saved = {method.id: method for method in methods.of_user(current_person().id)}
    for card in renewing:
        method = saved.get(card.subscription.payment_method_id) if card.subscription.payment_method_id else None
        over = words.runs_out(method, now) if method else None
        if method and over and card.next:
            found.append(AtRisk(card, method, words.expires(method), card.next.at < over))
    return found


def _open() -> list[InvoiceEntry]:
    latest, _ = invoices.page_of_user(current_person().id, limit=LATEST, offset=0)
    now = runtime.clock.now()
    return [entry for entry in latest if entry.invoice.payable and now < entry.invoice.expires_at]


def _waits_for_customer(entry: InvoiceEntry) -> bool:
    """The bank wants to see the customer. Any other renewal is charged by itself, and its card says when."""
    detail = invoices.detail(entry.invoice.id, current_person().id)
    return detail is not None and checkout.stage(detail, runtime.clock.now()) == "unfinished"
