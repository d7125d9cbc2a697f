"""Subscriptions: all of them, one with everything it comes from, and what support may do with it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from flask import flash, request, url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.calendar import Interval, step, zone_or
from portal.domain.errors import Conflict, Forbidden, Refused, SumChanged
from portal.domain.granting import MOST_DAYS
from portal.domain.money import Money
from portal.presentation import checkout, leaving, office_money, operators, sentences, timeline
from portal.presentation.dates import date
from portal.presentation.money import money
from portal.presentation.standing import label, standing
from portal.queries import cancellations
from portal.queries import subscriptions as cards
from portal.queries.office import customers, history, plans
from portal.queries.office import subscriptions as queries
from portal.queries.subscriptions import SubscriptionCard
from portal.services import grant as granting
from portal.services import operator_cancel, unused_money
from portal.web import own_words
from portal.web.admin import lists
from portal.web.admin.cancel_form import RUNS, CancelForm, may_wait
from portal.web.admin.lists import Choice, Days, Kept, Text
from portal.web.admin.screen import Screen, act, attempt, done, form_id, found, needs
from portal.web.admin.shown import raw
from portal.web.admin.words import subscription_states
from portal.web.auth import current_person
from portal.web.locale import language, zone
from portal.web.roles import may

Answer = str | Response | tuple[str, int]
EXAMPLES = (1, 3, 7, 14, 30)  # days
USUAL = 7


class Subscriptions(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Subscriptions"), endpoint="subscriptions")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        sold = {str(plan.id): plan for plan in plans.names().values()}
        asked = lists.read(_filters({guid: plan.code for guid, plan in sold.items()}))
        since, until = asked.ids()
        plan_id = asked.get("plan")
        page = queries.listed(
            asked.window,
            runtime.policy,
            state=asked.get("state"),
            plan_id=UUID(plan_id) if plan_id else None,
            renews=_yes(asked.get("renews")),
            parked=_yes(asked.get("parked")),
            customer=asked.get("user"),
            since=since,
            until=until,
        )
        return self.render(
            "admin/subscriptions.html",
            asked=asked,
            page=page,
            label=lambda one: label(one, language()),
            list_address=lists.here(),
        )

    @expose("/<uuid:guid>")
    @needs("see")
    def subscription(self, guid: UUID) -> str:
        card = _card(guid)
        subscription = card.subscription
        behind = queries.behind(subscription)
        asked = lists.read((Kept("back"),))
        page = history.listed(asked.window, subscription_id=guid)
        cancellation = cancellations.latest(guid)
        answer = cancellation.answer if cancellation else None
        return self.render(
            "admin/subscription.html",
            card=card,
            words=standing(card, language(), _customers_zone(card)),
            email=queries.email_of(subscription.user_id),
            price=queries.price(subscription.price_id),
            behind=behind,
            numbers={invoice.id: invoice.number for invoice in behind.invoices},
            invoice_label=lambda one: checkout.invoice_label(one.state, one.fail_reason, language()),
            reasons=operators.said(office_money.INVOICE_REASONS, language()),
            told=customers.told(subscription.user_id),
            cancellation=cancellation,
            cancel_reason=operators.say(leaving.REASONS, answer.reason if answer else None, language()),
            asked=asked,
            page=page,
            lines=[timeline.history_line(told, language(), zone()) for told in page.rows],
            record=raw(subscription),
            resumable=_resumable(card),
            parked_by=operators.say(operators.PARKED_BY, subscription.park_reason, language()),
            grantable=subscription.state in RUNS,
            back=lists.back(url_for(".index")),
            list_address=lists.here(),
        )

    @expose("/<uuid:guid>/cancel", methods=("GET", "POST"))
    @needs("cancel")
    def cancel(self, guid: UUID) -> Answer:
        card = _card(guid)
        if request.method == "GET":
            if not card.subscription.live:
                return _to(guid)
            return self._cancel(card, CancelForm.of(card.subscription), {})
        form = CancelForm.read(request.form)
        if errors := form.errors():
            return self._cancel(card, form, errors), 422
        made = act(form.reason or None, form.note)
        try:
            with attempt(made, "subscription.cancel", "subscription", guid, card.subscription.user_id):
                if form.money == "unused" and not _may_refund():
                    raise Forbidden("to give money back is a right of its own")
                operator_cancel.cancel(made, guid, form.moment, form.money_back, form.shown)
                flash(_cancelled(form))
            return _to(guid)
        except SumChanged as refusal:
            return self._cancel(_card(guid), form, {"money": _sum_changed(refusal)}), 409
        except Conflict as refusal:
            return self._cancel(_card(guid), form, {"problem": _sentence(refusal)}), 409

    @expose("/<uuid:guid>/resume", methods=("GET", "POST"))
    @needs("cancel")
    def resume(self, guid: UUID) -> Answer:
        card = _card(guid)
        if request.method == "GET":
            return self._resume(card, {}) if _resumable(card) else _to(guid)
        note = request.form.get("note", "").strip()
        if wrong := own_words.error(note):
            return self._resume(card, {"note": wrong}), 422
        made = act(note=note)
        try:
            with attempt(made, "subscription.resume", "subscription", guid, card.subscription.user_id):
                operator_cancel.resume(made, guid)
                flash(gettext("Renewal is switched on."))
            return _to(guid)
        except Conflict as refusal:
            return self._resume(_card(guid), {"problem": _sentence(refusal)}), 409

    @expose("/<uuid:guid>/grant", methods=("GET", "POST"))
    @needs("grant")
    def grant(self, guid: UUID) -> Answer:
        card = _card(guid)
        if request.method == "GET":
            return self._grant(card, str(USUAL), {}) if card.subscription.state in RUNS else _to(guid)
        typed, note = request.form.get("days", "").strip(), request.form.get("note", "").strip()
        days = _days(typed)
        errors = {"note": wrong} if (wrong := own_words.error(note)) else {}
        if days is None:
            errors = {
                "days": gettext("Enter a whole number from %(least)s to %(most)s", least=1, most=MOST_DAYS)
            } | errors
        if errors or days is None:
            return self._grant(card, typed, errors), 422
        made = act(note=note)
        try:
            with attempt(made, "subscription.grant", "subscription", guid, card.subscription.user_id):
                granting.grant(made, guid, days)
                flash(_granted(_card(guid)))
            return _to(guid)
        except Conflict as refusal:
            return self._grant(_card(guid), typed, {"problem": _sentence(refusal)}), 409

    def _cancel(self, card: SubscriptionCard, form: CancelForm, errors: dict[str, str]) -> str:
        return self.render(
            "admin/subscription_cancel.html",
            card=card,
            form=form,
            errors=errors,
            waits=may_wait(card.subscription),
            unused=_unused(card) if _may_refund() else None,
            reasons={"": gettext("Not said")} | operators.said(operators.GIVING, language()),
            now=runtime.clock.now(),
            form_id=form_id(),
            back=_list(),
        )

    def _resume(self, card: SubscriptionCard, errors: dict[str, str]) -> str:
        return self.render(
            "admin/subscription_resume.html",
            card=card,
            errors=errors,
            note=request.form.get("note", ""),
            form_id=form_id(),
            back=_list(),
        )

    def _grant(self, card: SubscriptionCard, typed: str, errors: dict[str, str]) -> str:
        return self.render(
            "admin/subscription_grant.html",
            card=card,
            ends=_ends(card, _days(typed)),
            typed=typed,
            errors=errors,
            note=request.form.get("note", ""),
            most=MOST_DAYS,
            form_id=form_id(),
            back=_list(),
        )


def _filters(codes: dict[str, str]) -> tuple[lists.Filter, ...]:
    yes_no = {"yes": gettext("Yes"), "no": gettext("No")}
    return (
        Choice("state", gettext("State"), subscription_states()),
        Choice("plan", gettext("Plan"), codes),
        Choice("renews", gettext("Renews by itself"), yes_no),
        Choice("parked", gettext("Parked"), yes_no),
        Text("user", gettext("Customer's id or e-mail")),
        Days(gettext("Ordered")),
    )


def _yes(answer: str | None) -> bool | None:
    return None if answer is None else answer == "yes"


def _card(guid: UUID) -> SubscriptionCard:
    card: SubscriptionCard = found(cards.find(guid, runtime.clock.now(), runtime.policy))
    return card


def _customers_zone(card: SubscriptionCard) -> str:
    """In which the customer reads the sentence."""
    user = customers.find(card.subscription.user_id)
    return zone_or(runtime.settings.billing_timezone, user.zone if user else None)


def _resumable(card: SubscriptionCard) -> bool:
    subscription = card.subscription
    return subscription.state in RUNS and not subscription.auto_renew and subscription.disputed_at is None


def _unused(card: SubscriptionCard) -> Money | None:
    """What all the time that has not been used comes to."""
    return unused_money.total(unused_money.parts_of(card.subscription))


def _may_refund() -> bool:
    return may(current_person().roles, "refund")


def _cancelled(form: CancelForm) -> str:
    if form.when == "period_end":
        return str(gettext("Renewal is switched off; access stays until the end of the paid time."))
    if form.money == "unused" and form.shown:
        told = gettext("The subscription is cancelled, %(sum)s goes back.", sum=money(form.shown, language()))
        return str(told)
    return str(gettext("The subscription is cancelled, access is closed."))


def _sum_changed(refusal: SumChanged) -> str:
    left = refusal.facts.get("available")
    now = money(left, language()) if isinstance(left, Money) else ""
    return str(gettext("The sum has changed since the page was opened. It is %(sum)s now: look again.", sum=now))


def _sentence(refusal: Refused) -> str:
    return sentences.refusal(refusal.error_id, refusal.facts, language()).sentence


def _days(typed: str) -> int | None:
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 3 else 0
    return number if 1 <= number <= MOST_DAYS else None


def _ends(card: SubscriptionCard, asked: int | None) -> list[tuple[int, datetime]]:
    """Where so many days lead, those that are asked for among the usual ones."""
    start = card.subscription.runs_until
    if start is None:
        return []
    days = sorted({*EXAMPLES, asked} - {None}) if asked else EXAMPLES
    return [(n, step(start, card.subscription.zone, Interval.day, n)) for n in days if n is not None]


def _granted(card: SubscriptionCard) -> str:
    until = card.subscription.runs_until
    return str(gettext("Time is granted, until %(date)s.", date=date(until, language(), zone()) if until else ""))


def _list() -> str:
    """The list to come back to, where there is one."""
    return lists.back("")


def _to(guid: UUID) -> Response:
    return done(url_for(".subscription", guid=guid, back=_list() or None))
