"""Another plan: choose it, see what it comes to, confirm exactly that. And calling a booked change off."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.errors import InvalidRequest, NotChangeable, NotFound, QuoteVoid
from portal.queries import offers, subscriptions
from portal.queries.offers import Offer
from portal.queries.subscriptions import SubscriptionCard
from portal.services import change_plan
from portal.web.auth import current_person, signed_in
from portal.web.cabinet.payments import shows_its_invoice
from portal.web.cabinet.ways import ways

RUNS = ("trialing", "active")
Answer = str | Response | tuple[str, int]


@signed_in
@shows_its_invoice
def change(guid: UUID) -> Answer:
    """Raises NotFound, NotChangeable, PaymentInProgress, UnknownProduct."""
    card = _mine(guid)
    if request.method == "GET":
        return _choice(card, request.args.get("product", ""), {})
    product = request.form.get("product", "")
    if not product:
        return _choice(card, "", {"product": gettext("Choose a plan")}), 422
    return _confirmed(card, product) if "quote" in request.form else _preview(card, product)


@signed_in
def undo(guid: UUID) -> Response:
    change_plan.unbook(current_person(), guid)
    return redirect(url_for("cabinet.overview"), 303)


def _confirmed(card: SubscriptionCard, product: str) -> Answer:
    try:
        made = change_plan.change(
            current_person(), card.subscription.id, product, _quote(), request.form.get("provider")
        )
    except QuoteVoid as void:
        invoice_id = void.facts.get("invoice_id")
        if invoice_id:  # the same button once more, or another tab: what it did is what there is to see
            return redirect(url_for("cabinet.payment", guid=invoice_id), 303)
        return _preview(card, product, void=True), 409
    if made.invoice_id is None:
        return redirect(url_for("cabinet.overview"), 303)
    return redirect(made.redirect_url or url_for("cabinet.payment", guid=made.invoice_id), 303)


def _quote() -> UUID:
    try:
        return UUID(request.form["quote"])
    except ValueError:
        raise InvalidRequest("quote: this is none") from None


def _preview(card: SubscriptionCard, product: str, void: bool = False) -> str:
    seen = change_plan.preview(current_person(), card.subscription.id, product)
    return render_template("cabinet/change_check.html", card=card, seen=seen, void=void, ways=ways())


def _choice(card: SubscriptionCard, chosen: str, errors: dict[str, str]) -> str:
    return render_template("cabinet/change.html", card=card, offers=_others(card), chosen=chosen, errors=errors)


def _others(card: SubscriptionCard) -> list[Offer]:
    """Of the same group, in the currency that the subscription is paid in."""
    on_sale = offers.on_sale(card.price.currency, runtime.clock.now())
    return [one for one in on_sale if one.plan.group == card.plan.group and one.plan.id != card.plan.id]


def _mine(guid: UUID) -> SubscriptionCard:
    cards = subscriptions.of_user(current_person().id, runtime.clock.now(), runtime.policy)
    card = next((card for card in cards if card.subscription.id == guid), None)
    if card is None:
        raise NotFound(f"no subscription {guid}")
    if card.subscription.state not in RUNS or card.subscription.parked_at is not None:
        raise NotChangeable(f"the subscription is {card.subscription.state}", subscription_id=guid)
    return card
