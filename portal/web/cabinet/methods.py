"""Payment methods: which there are, which renewals use, adding one, removing one."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from flask import jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.consent import Agreement
from portal.domain.errors import NotFound, ProviderUnavailable
from portal.domain.method import PaymentMethod
from portal.presentation import methods as words
from portal.presentation.checkout import Label
from portal.queries import methods as queries
from portal.queries import subscriptions
from portal.queries.subscriptions import SubscriptionCard
from portal.services import methods as service
from portal.services import save_method
from portal.web.auth import current_person, signed_in
from portal.web.cabinet.check_form import LONGEST_AGENT
from portal.web.cabinet.ways import ways_to_save
from portal.web.locale import language

RETRY_AFTER = "5"  # seconds


@dataclass(frozen=True)
class Shown:
    """One method of the list."""

    method: PaymentMethod
    label: Label
    expires: str  # 12/34
    used_for: list[SubscriptionCard]
    may_be_used: bool  # some subscription does not use it yet, and it is not dead


@dataclass(frozen=True)
class News:
    """What came of the last page on which a method was to be saved."""

    stage: str
    label: Label
    why: str
    url: str | None
    method: PaymentMethod | None


@signed_in
def methods() -> str:
    cards = _live()
    return render_template(
        "cabinet/methods.html",
        shown=[_shown(method, cards) for method in queries.of_user(current_person().id)],
        lacking=[card for card in cards if card.subscription.payment_method_id is None],
        removed=_just_removed(),
        setup=_news(),
        now=runtime.clock.now(),
    )


@signed_in
def state() -> Response:
    """For the page's own polling: how the last page is on which a card was to be saved."""
    news = _news()
    stage = news.stage if news else ""
    return jsonify(state=stage, settled=stage != "unfinished", text=news.label.text if news else "")


@signed_in
def check() -> Response:
    """Ask the payment system now instead of waiting for it to tell."""
    setup = queries.last_setup(current_person().id)
    if setup is not None and setup.open:
        save_method.ask_about_setup(setup.id)
    return _to_list()


@signed_in
def use(guid: UUID) -> Response:
    service.use(current_person(), guid)
    return _to_list()


@signed_in
def remove(guid: UUID) -> str | Response:
    method = queries.find(guid, current_person().id)
    if method is None:
        raise NotFound(f"no payment method {guid}")
    if request.method == "POST":
        service.remove(current_person(), guid)
        return _to_list(removed=guid)
    if method.removed_at is not None:
        return _to_list(removed=guid)
    return render_template("cabinet/method_remove.html", method=method, used_for=_using(method, _live()))


@signed_in
def add() -> str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]:
    if request.method != "POST":
        return _form({})
    if "renewal" not in request.form:
        return _form({"renewal": gettext("Tick the box: without it the card cannot be charged for renewals")}), 422
    try:
        return redirect(save_method.start(current_person(), _agreement(), request.form.get("provider")), 303)
    except ProviderUnavailable:
        return _form({}, silent=True), 503, {"Retry-After": RETRY_AFTER}


def _form(errors: dict[str, str], *, silent: bool = False) -> str:
    return render_template("cabinet/method_add.html", errors=errors, silent=silent, cards=_live(), ways=ways_to_save())


def _agreement() -> Agreement:
    return Agreement(
        terms=True,
        personal_data=True,
        renewal=True,
        source="cabinet",
        locale=language(),
        address=request.remote_addr,
        user_agent=request.user_agent.string[:LONGEST_AGENT] or None,
    )


def _shown(method: PaymentMethod, cards: list[SubscriptionCard]) -> Shown:
    using, now = _using(method, cards), runtime.clock.now()
    refused = any(card.subscription.method_dead for card in using)
    label = words.method_label(method, used=bool(using), refused=refused, now=now, locale=language())
    others = len(using) < len(cards)
    dead = refused or method.dead_at is not None
    return Shown(method, label, words.expires(method), using, others and not dead)


def _using(method: PaymentMethod, cards: list[SubscriptionCard]) -> list[SubscriptionCard]:
    return [card for card in cards if card.subscription.payment_method_id == method.id]


def _live() -> list[SubscriptionCard]:
    cards = subscriptions.of_user(current_person().id, runtime.clock.now(), runtime.policy)
    return [card for card in cards if card.subscription.live]


def _news() -> News | None:
    setup = queries.last_setup(current_person().id)
    saved_id = setup.payment_method_id if setup else None
    saved = queries.find(saved_id, current_person().id) if saved_id else None
    stage = words.setup_stage(setup, saved, runtime.clock.now())
    if setup is None or stage is None:
        return None
    why = words.why_not_saved(setup, language()) if stage == "failed" else ""
    return News(stage, words.setup_label(stage, language()), why, setup.redirect_url, saved)


def _just_removed() -> PaymentMethod | None:
    """Named by the address, told by the row."""
    try:
        method = queries.find(UUID(request.args.get("removed", "")), current_person().id)
    except ValueError:
        return None
    return method if method is not None and method.removed_at is not None else None


def _to_list(removed: UUID | None = None) -> Response:
    return redirect(url_for("cabinet.methods", removed=removed), 303)
