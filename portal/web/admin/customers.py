"""The register of users, and one customer with everything that happened about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext

from portal import runtime
from portal.domain.calendar import zone_or
from portal.domain.method import PaymentMethod
from portal.domain.money import Money
from portal.domain.subscription import LIVE
from portal.domain.user import User
from portal.presentation import checkout, methods, office_money, timeline
from portal.presentation.checkout import Label
from portal.presentation.standing import Standing, standing
from portal.presentation.standing import label as standing_label
from portal.queries import subscriptions
from portal.queries.office import customers as queries
from portal.queries.office import timeline as lines
from portal.queries.office.customers import OpenMoney
from portal.queries.subscriptions import SubscriptionCard
from portal.web.admin import lists
from portal.web.admin.lists import LONGEST, Choice, Days, Kept, Text
from portal.web.admin.screen import Screen, found, needs
from portal.web.admin.words import subscription_states
from portal.web.locale import language, zone


@dataclass(frozen=True)
class ShownMethod:
    method: PaymentMethod
    label: Label
    expires: str  # 12/34


@dataclass(frozen=True)
class Matter:
    """Something that is not settled, and where it is shown."""

    endpoint: str
    guid: UUID
    name: str
    label: Label
    amount: Money
    since: datetime


class Customers(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Customers"), endpoint="customers")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        asked = lists.read(
            (
                Text("email", gettext("E-mail")),
                Choice("state", gettext("Has a subscription that is"), subscription_states(LIVE)),
                Days(gettext("First subscribed")),
            )
        )
        since, until = asked.moments()
        page = queries.register(
            asked.window, since=since, until=until, email=asked.get("email"), state=asked.get("state")
        )
        held = queries.held_by([user.id for user in page.rows])
        return self.render(
            "admin/customers.html",
            asked=asked,
            page=page,
            held=held,
            label=lambda one: standing_label(one.subscription, language()),
            list_address=lists.here(),
        )

    @expose("/customer")
    @needs("see")
    def customer(self) -> str:
        user = _asked_for()
        asked = lists.read((Kept("id"), Kept("back"), Choice("source", gettext("Show"), _sources())))
        page = lines.of_user(user.id, asked.window, asked.get("source"))
        now = runtime.clock.now()
        cards = subscriptions.of_user(user.id, now, runtime.policy)
        return self.render(
            "admin/customer.html",
            user=user,
            zone=_zone_of(user),
            cards=[(card, _standing(card, user)) for card in cards],
            methods=_methods(user, cards),
            matters=_matters(queries.open_money(user.id)),
            consents=[(one, timeline.consent_text(one, language())) for one in queries.consents_of(user.id)],
            told=queries.told(user.id),
            asked=asked,
            page=page,
            lines=[timeline.line(entry, language(), zone()) for entry in page.rows],
            now=now,
            list_address=lists.here(),
            back=lists.back(url_for(".index")),
        )

    @expose("/consent/<uuid:guid>")
    @needs("see")
    def consent(self, guid: UUID) -> str:
        consent = found(queries.consent(guid))
        return self.render(
            "admin/consent.html",
            consent=consent,
            text=timeline.consent_text(consent, language()),
            back=lists.back(url_for(".customer", id=consent.user_id)),
            list_address=lists.here(),
        )


def _asked_for() -> User:
    """An id may be any text, so it never stands in a path."""
    user_id = request.args.get("id", "")
    known = queries.find(user_id) if len(user_id) <= LONGEST and "\x00" not in user_id else None
    user: User = found(known)
    return user


def _standing(card: SubscriptionCard, user: User) -> Standing:
    """Word for word what the customer reads, with their dates."""
    return standing(card, language(), _zone_of(user))


def _zone_of(user: User) -> str:
    return zone_or(runtime.settings.billing_timezone, user.zone)


def _methods(user: User, cards: list[SubscriptionCard]) -> list[ShownMethod]:
    return [_shown(method, cards) for method in queries.methods_of(user.id)]


def _shown(method: PaymentMethod, cards: list[SubscriptionCard]) -> ShownMethod:
    using = [c.subscription for c in cards if c.subscription.live and c.subscription.payment_method_id == method.id]
    if method.removed_at is not None:
        return ShownMethod(method, Label("calm", gettext("Removed")), methods.expires(method))
    label = methods.method_label(
        method,
        used=bool(using),
        refused=any(one.method_dead for one in using),
        now=runtime.clock.now(),
        locale=language(),
    )
    return ShownMethod(method, label, methods.expires(method))


def _matters(money: OpenMoney) -> list[Matter]:
    invoices = [
        Matter(
            "invoices.invoice",
            one.id,
            gettext("Invoice %(number)s", number=one.number),
            checkout.invoice_label(one.state, one.fail_reason, language()),
            one.total,
            one.created_at,
        )
        for one in money.invoices
    ]
    payments = [
        Matter(
            "payments.payment",
            one.id,
            gettext("Payment"),
            office_money.payment_label(one.state, language()),
            one.amount,
            one.created_at,
        )
        for one in money.payments
    ]
    refunds = [
        Matter(
            "refunds.refund",
            one.id,
            gettext("Refund"),
            checkout.refund_label(one.state, language()),
            one.amount,
            one.created_at,
        )
        for one in money.refunds
    ]
    disputes = [
        Matter(
            "payments.payment",
            one.payment_id,
            gettext("Dispute"),
            checkout.dispute_label(one.state, language()),
            one.amount,
            one.opened_at,
        )
        for one in money.disputes
    ]
    return [*invoices, *payments, *refunds, *disputes]


def _sources() -> dict[str, str]:
    return {name: timeline.source(name, language()) for name in timeline.SOURCES}
