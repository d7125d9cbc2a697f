"""Cancelling without sign-in: an e-mail and an invoice number are enough, and the answer is the proof."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

from flask import current_app, redirect, render_template, request, url_for
from flask_babel import gettext
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.errors import NotFound
from portal.presentation.standing import standing
from portal.queries import cancellations, subscriptions
from portal.queries.subscriptions import SubscriptionCard
from portal.services import cancel
from portal.web.locale import language, reader, zone

NUMBER = re.compile(r"M-[0-9]{4}-[0-9]{6,12}", re.ASCII)
LONGEST_EMAIL = 320
PROOF_OPEN_FOR = timedelta(hours=1)  # its address is a key: it must not open anything tomorrow
# The Cyrillic letter that looks like it, and every dash there is.
TYPED_ALIKE = str.maketrans("\u041c\u2010\u2011\u2012\u2013\u2014\u2212", "M------")


def leave() -> str | Response | tuple[str, int]:
    """Whoever is signed in is led to their own subscriptions, unless they mean another account."""
    if request.method == "POST":
        return _leave()
    mine = _mine() if request.args.get("account") != "other" else []
    if len(mine) == 1:
        return redirect(url_for("cabinet.cancel", guid=mine[0].subscription.id))
    return _form({}, mine=mine)


def left(token: str) -> str | tuple[str, int]:
    """The proof, as the rows say now."""
    card = _card(token)
    if card is None:
        return render_template("cabinet/left_closed.html"), 410
    held = subscriptions.of_user(card.subscription.user_id, runtime.clock.now(), runtime.policy)
    others = [one for one in held if one.subscription.live and one.subscription.id != card.subscription.id]
    return render_template(
        "cabinet/left.html",
        card=card,
        words=standing(card, language(), zone()),
        cancellation=cancellations.latest(card.subscription.id),
        others=[one for one in others if one.subscription.auto_renew],
    )


def _leave() -> Response | tuple[str, int]:
    email, number = _typed("email"), written(_typed("number"))
    errors = {}
    if not email:
        errors["email"] = gettext("Enter the e-mail address of the account")
    if not number:
        errors["number"] = gettext("Enter the number of one of its invoices")
    if errors:
        return _form(errors), 422
    try:
        if len(email) > LONGEST_EMAIL or NUMBER.fullmatch(number) is None:
            raise NotFound("none of our numbers")
        subscription_id = cancel.cancel_without_sign_in(email, number)
    except NotFound:
        # One sentence for whatever is wrong: nobody learns here whose e-mail is a customer's.
        sentence = gettext("We found no subscription with this e-mail address and this invoice number. Check both.")
        return _form({"email": sentence}), 422
    return redirect(url_for("cabinet.left", token=proof_of(subscription_id)), 303)


def _typed(name: str) -> str:
    """With every gap as one space. What no keyboard types is as good as nothing."""
    text = " ".join(request.form.get(name, "").split())
    return text if text.isprintable() else ""


def written(number: str) -> str:
    """As it stands on the invoice, however it was typed."""
    return "".join(number.split()).upper().translate(TYPED_ALIKE)


def proof_of(subscription_id: UUID) -> str:
    return _signer().dumps(str(subscription_id))


def _card(token: str) -> SubscriptionCard | None:
    """None: the address is not of our making, or it is too old."""
    try:
        named = _signer().loads(token, max_age=int(PROOF_OPEN_FOR.total_seconds()))
    except BadSignature:
        return None
    return subscriptions.find(UUID(named), runtime.clock.now(), runtime.policy)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="proof of cancelling")


def _mine() -> list[SubscriptionCard]:
    person = reader()
    if person is None:
        return []
    cards = subscriptions.of_user(person.id, runtime.clock.now(), runtime.policy)
    return [card for card in cards if card.subscription.live]


def _form(errors: dict[str, str], mine: list[SubscriptionCard] | None = None) -> str:
    return render_template(
        "cabinet/leave.html",
        errors=errors,
        mine=mine or [],
        email=_typed("email"),
        number=_typed("number"),
    )
