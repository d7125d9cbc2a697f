"""Parking a subscription and letting it go on: pages of their own, reached from the subscription's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from flask import flash, redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.act import Act
from portal.domain.errors import Conflict
from portal.domain.parking import PARKING, UNPARKING
from portal.presentation import operators, sentences
from portal.queries import subscriptions as cards
from portal.queries.office import subscriptions as office
from portal.queries.subscriptions import SubscriptionCard
from portal.services import parking
from portal.web import own_words
from portal.web.admin import lists
from portal.web.admin.screen import Screen, act, attempt, done, form_id, found, needs
from portal.web.locale import language

Answer = str | Response | tuple[str, int]


class Parking(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Parked subscriptions"), endpoint="parking")

    def is_visible(self) -> bool:
        """In the menu: subscriptions stand there, and these are some of them."""
        return False

    @expose("/")
    @needs("see")
    def index(self) -> Response:
        return redirect(url_for("subscriptions.index", parked="yes"), 303)

    @expose("/<uuid:guid>/park", methods=("GET", "POST"))
    @needs("cancel")
    def park(self, guid: UUID) -> Answer:
        card = _card(guid)
        subscription = card.subscription
        if request.method == "GET":
            may_be = subscription.parked_at is None and (subscription.live or subscription.state == "pending")
            return self._form("park", card, {}) if may_be else _to(guid)
        told = gettext("The subscription is parked. Nothing happens to it by itself now.")
        return self._act("park", card, PARKING, parking.park, told)

    @expose("/<uuid:guid>/unpark", methods=("GET", "POST"))
    @needs("cancel")
    def unpark(self, guid: UUID) -> Answer:
        card = _card(guid)
        if request.method == "GET":
            return self._form("unpark", card, {}) if card.subscription.parked_at else _to(guid)
        told = gettext("The subscription goes on by itself again.")
        return self._act("unpark", card, UNPARKING, parking.unpark, told)

    def _act(
        self,
        what: str,
        card: SubscriptionCard,
        reasons: tuple[str, ...],
        service: Callable[[Act, UUID], None],
        told: str,
    ) -> Answer:
        guid, reason, note = card.subscription.id, request.form.get("reason", ""), request.form.get("note", "").strip()
        errors = {} if reason in reasons else {"reason": gettext("Choose one of the list")}
        if wrong := own_words.error(note):
            errors["note"] = wrong
        if errors:
            return self._form(what, card, errors), 422
        made = act(reason, note)
        try:
            with attempt(made, f"subscription.{what}", "subscription", guid, card.subscription.user_id):
                service(made, guid)
                flash(told)
            return _to(guid)
        except Conflict as refusal:
            sentence = sentences.refusal(refusal.error_id, refusal.facts, language()).sentence
            return self._form(what, _card(guid), {"problem": sentence}), 409

    def _form(self, what: str, card: SubscriptionCard, errors: Mapping[str, str]) -> str:
        words = {one: operators.PARKED_BY[one] for one in PARKING} if what == "park" else operators.UNPARKING
        return self.render(
            f"admin/subscription_{what}.html",
            card=card,
            errors=errors,
            reasons={"": gettext("Choose")} | operators.said(words, language()),
            parked_by=operators.say(operators.PARKED_BY, card.subscription.park_reason, language()),
            in_review=office.in_review(card.subscription.id),
            reason=request.form.get("reason", ""),
            note=request.form.get("note", ""),
            form_id=form_id(),
            back=lists.back(""),
        )


def _card(guid: UUID) -> SubscriptionCard:
    card: SubscriptionCard = found(cards.find(guid, runtime.clock.now(), runtime.policy))
    return card


def _to(guid: UUID) -> Response:
    return done(url_for("subscriptions.subscription", guid=guid, back=lists.back("") or None))
