"""Check your order, then pay: everything that matters is on one page before anybody is sent to the payment system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flask import redirect, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.errors import EmailRequired, SubscriptionExists
from portal.domain.purchasing import MAX_COUNT
from portal.queries import subscriptions
from portal.queries.subscriptions import SubscriptionCard
from portal.services import buy as buying
from portal.services.buy import Preview
from portal.web.auth import current_person, signed_in
from portal.web.cabinet.check_form import CheckForm, count_of
from portal.web.cabinet.payments import shows_its_invoice
from portal.web.cabinet.ways import ways


@signed_in
@shows_its_invoice
def check(code: str) -> str | Response | tuple[str, int]:
    if request.method == "POST":
        return _order(code)
    asked = request.args
    form = CheckForm(count_of(asked), provider=asked.get("provider"), trial=asked.get("trial") != "no")
    return _page(code, form, {})


def _order(code: str) -> Response | tuple[str, int]:
    form = CheckForm.read(request.form)
    wanted = buying.preview(current_person(), code, form.count, form.trial, form.provider)
    if form.trial and not wanted.trial_days:
        # Nobody is sent to pay a sum that the page did not show.
        return _page(code, replace(form, trial=False), {"total": _why_no_trial(wanted)}), 409
    errors = form.errors(wanted.needs_email, wanted.trial_days > 0)
    if errors:
        return _page(code, form, errors), 422
    try:
        bought = buying.buy(current_person(), form.request(code))
    except EmailRequired:
        return _page(code, form, {"email": gettext("Enter an e-mail address like name@example.com")}), 422
    return redirect(bought.redirect_url, 303)


def _why_no_trial(wanted: Preview) -> str:
    saves = runtime.providers[wanted.provider].abilities.saves_methods
    started_meanwhile = gettext("The trial is no longer on offer to you.")
    keeps_nothing = gettext("There is no trial with this way to pay: it keeps no card for the charge after it.")
    return str(started_meanwhile if saves else keeps_nothing)


def taken(refused: SubscriptionExists) -> tuple[str, int]:
    """What the customer already has in this group, and how to go on from there."""
    cards = [card for card in _mine() if card.subscription.id == refused.facts.get("subscription_id")]
    wanted = (request.view_args or {}).get("code")
    return render_template("cabinet/taken.html", card=cards[0] if cards else None, wanted=wanted), 409


def _page(code: str, form: CheckForm, errors: Mapping[str, str]) -> str:
    """Raises UnknownProduct, UnknownPaymentSystem, InvalidRequest, SubscriptionExists."""
    preview = buying.preview(current_person(), code, form.count, form.trial, form.provider)
    running = [card for card in _mine() if card.subscription.live and card.plan.id == preview.offer.plan.id]
    return render_template(
        "cabinet/check.html",
        preview=preview,
        running=running[0] if preview.prolongs and running else None,
        form=form,
        errors=errors,
        counts=range(1, MAX_COUNT + 1),
        ways=ways(),
        saves=any(provider.abilities.saves_methods for provider in runtime.providers.values()),
    )


def _mine() -> list[SubscriptionCard]:
    return subscriptions.of_user(current_person().id, runtime.clock.now(), runtime.policy)
