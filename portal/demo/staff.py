"""What the cinema's staff did in the last half year: the acts of the script that are done in the back office."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from portal import runtime
from portal.db import rows
from portal.domain.act import Act
from portal.domain.calendar import Interval
from portal.domain.ids import new_id
from portal.domain.money import Money
from portal.domain.offers import available
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.planning import PlanDraft
from portal.domain.refund import Refund
from portal.models.payment import PaymentRow, RefundRow
from portal.models.plan import PlanRow
from portal.queries import subscriptions
from portal.services import grant, operator_cancel, operator_refunds, plans

ADDRESS = "203.0.113.7"  # of RFC 5737, for examples


@dataclass(frozen=True)
class Granted:
    days: int
    note: str


@dataclass(frozen=True)
class GivenBack:
    """A part of the payment made last; the subscription goes on."""

    minor: int
    grounds: str
    note: str


@dataclass(frozen=True)
class Approved:
    """What was asked back."""


@dataclass(frozen=True)
class Rejected:
    grounds: str
    note: str


@dataclass(frozen=True)
class CancelledByPhone:
    note: str


@dataclass(frozen=True)
class Priced:
    plan: str
    minor: int
    currency: str


@dataclass(frozen=True)
class Drafted:
    """A plan that is not on sale yet."""

    draft: PlanDraft
    minor: int
    currency: str


StaffAct = Granted | GivenBack | Approved | Rejected | CancelledByPhone | Priced | Drafted

KIDS = PlanDraft(
    code="kids",
    group="kids",
    names={"ru": "Детям", "en": "For children"},
    descriptions={"ru": "Мультфильмы и сказки без рекламы.", "en": "Cartoons and fairy tales without advertising."},
    features=("library",),
    interval=Interval.month,
    interval_count=1,
    position=5,
)


def perform(act: StaffAct, user_id: str) -> None:
    """`user_id`: the customer it is about; "" where it is about a plan."""
    match act:
        case Granted():
            grant.grant(_by("support", note=act.note), _subscription(user_id), act.days)
        case GivenBack():
            paid = _paid_last(user_id)
            made = _by("finance", act.grounds, act.note)
            operator_refunds.give(made, paid.id, Money(act.minor, paid.currency), available(paid), "keep")
        case Approved():
            refund, payment = _asked(user_id)
            operator_refunds.approve(_by("finance2"), refund.id, "keep", available(payment))
        case Rejected():
            operator_refunds.reject(_by("finance", act.grounds, act.note), _asked(user_id)[0].id)
        case CancelledByPhone():
            operator_cancel.cancel(_by("support", note=act.note), _subscription(user_id), "now", "none", None)
        case Priced():
            _price(_plan(act.plan).id, Money(act.minor, act.currency))
        case Drafted():
            _price(plans.create(_by("product"), act.draft), Money(act.minor, act.currency))


def _by(operator: str, reason: str | None = None, note: str | None = None) -> Act:
    made = new_id(runtime.clock.now())
    return Act(made, operator, made.hex, ADDRESS, reason, note)


def _price(plan_id: UUID, amount: Money) -> None:
    plans.add_price(_by("product"), plan_id, amount, runtime.clock.now())


def _plan(code: str) -> Plan:
    found = rows.find(Plan, PlanRow.code == code)
    assert found is not None  # noqa: S101 - the script says so
    return found


def _subscription(user_id: str) -> UUID:
    card = subscriptions.of_user(user_id, runtime.clock.now(), runtime.policy)[0]
    return card.subscription.id


def _paid_last(user_id: str) -> Payment:
    mine = PaymentRow.user_id == user_id, PaymentRow.state == "succeeded"
    return rows.find_all(Payment, *mine, order=[PaymentRow.id.desc()], limit=1)[0]


def _asked(user_id: str) -> tuple[Refund, Payment]:
    (refund,) = rows.find_all(Refund, RefundRow.user_id == user_id, RefundRow.state == "requested")
    payment = rows.find(Payment, PaymentRow.id == refund.payment_id)
    assert payment is not None  # noqa: S101 - a foreign key holds it
    return refund, payment
