"""Leaving a subscription, both ways on one page; the same address is the proof afterwards. And coming back."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.errors import NotFound
from portal.domain.leaving import LONGEST_COMMENT, Reason
from portal.domain.offers import Offer
from portal.presentation.leaving import REASONS
from portal.presentation.operators import said
from portal.presentation.standing import standing
from portal.queries import cancellations, invoices, subscriptions
from portal.queries.subscriptions import SubscriptionCard
from portal.services import cancel as service
from portal.services import cancel_reason, refund
from portal.web import own_words
from portal.web.auth import current_person, signed_in
from portal.web.locale import language, zone

LATEST = 20  # an order that waits to be paid is never far from the top
RUNS = ("trialing", "active")  # these can go on until what was paid for is over; others end at once


@signed_in
def cancel(guid: UUID) -> str | Response | tuple[str, int]:
    card = _mine(guid)
    if request.method == "POST":
        return _cancel(card)
    if card.subscription.state == "pending":
        return redirect(_unpaid_order(card), 303)
    return _proof(card) if _stopped(card) else _choice(card)


@signed_in
def resume(guid: UUID) -> Response:
    service.resume(current_person(), guid)
    return redirect(url_for("cabinet.overview"), 303)


@signed_in
def reason(guid: UUID) -> Response | tuple[str, int]:
    """Raises NotFound, InvalidRequest, CardNumberWritten."""
    comment = request.form.get("comment", "").strip()
    chosen = request.form.get("reason", "")
    wrong = own_words.error(comment, LONGEST_COMMENT)
    if chosen == Reason.other and wrong:
        return _proof(_mine(guid), {"comment": wrong}), 422
    cancel_reason.say(current_person(), guid, chosen, comment)
    return redirect(url_for("cabinet.cancel", guid=guid, _anchor="asked"), 303)


def _cancel(card: SubscriptionCard) -> str | Response | tuple[str, int]:
    """Raises AlreadyEnded."""
    when = request.form.get("when")
    if when not in ("now", "period_end"):
        return _choice(card, {"when": gettext("Choose when the subscription ends")}), 422
    service.cancel(current_person(), card.subscription.id, "now" if when == "now" else "period_end")
    return redirect(url_for("cabinet.cancel", guid=card.subscription.id), 303)


def _choice(card: SubscriptionCard, errors: dict[str, str] | None = None) -> str:
    return render_template(
        "cabinet/cancel.html",
        card=card,
        ends=_paid_until(card),
        runs=card.subscription.state in RUNS,
        offer=_best_offer(card),
        errors=errors or {},
    )


def _proof(card: SubscriptionCard, errors: dict[str, str] | None = None) -> str:
    subscription = card.subscription
    return render_template(
        "cabinet/cancelled.html",
        card=card,
        words=standing(card, language(), zone()),
        cancellation=cancellations.latest(subscription.id),
        ends=subscription.ended_at or _paid_until(card),
        offer=_best_offer(card),
        reasons={key: text for key, text in said(REASONS, language()).items() if key != Reason.other},
        longest=LONGEST_COMMENT,
        errors=errors or {},
        comment=request.form.get("comment", ""),
    )


def _stopped(card: SubscriptionCard) -> bool:
    """Nothing will be charged any more: what is left to choose is whether to leave even earlier."""
    subscription = card.subscription
    if subscription.state in RUNS:
        return not (subscription.auto_renew and subscription.payment_method_id)
    return not subscription.live


def _paid_until(card: SubscriptionCard) -> object:
    return card.subscription.runs_until


def _best_offer(card: SubscriptionCard) -> Offer | None:
    """The most that could be had back without asking anybody, of the time bought last."""
    if card.last_invoice_id is None or not card.subscription.live:
        return None
    found = refund.offers_of(current_person(), card.last_invoice_id)
    return max(found, key=lambda offer: offer.amount.minor, default=None)


def _unpaid_order(card: SubscriptionCard) -> str:
    """What has not been paid is no subscription yet: its invoice is what can be closed."""
    latest, _ = invoices.page_of_user(current_person().id, limit=LATEST, offset=0)
    mine = [e.invoice for e in latest if e.invoice.subscription_id == card.subscription.id and e.invoice.payable]
    return url_for("cabinet.invoice", guid=mine[0].id) if mine else url_for("cabinet.overview")


def _mine(subscription_id: UUID) -> SubscriptionCard:
    cards = subscriptions.of_user(current_person().id, runtime.clock.now(), runtime.policy)
    found = next((card for card in cards if card.subscription.id == subscription_id), None)
    if found is None:
        raise NotFound(f"no subscription {subscription_id}")
    return found
