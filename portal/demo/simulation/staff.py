"""Operators at their desks, cardholders' banks, and somebody who gives money back at the payment system, past us."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, select

from portal import runtime
from portal.db import rows
from portal.db.session import db
from portal.demo.sandbox import disputes, refunds
from portal.demo.sandbox.orders import DisputeOrder, HandRefundOrder
from portal.demo.sandbox.refusal import Refusal
from portal.demo.simulation.chance import around
from portal.demo.simulation.house import House
from portal.domain.act import Act
from portal.domain.ids import new_id
from portal.domain.money import Money
from portal.domain.offers import available
from portal.domain.payment import OPEN, Payment
from portal.domain.plan import Price
from portal.domain.refund import GIVING, REFUSING, Refund
from portal.domain.refund_effects import Effect
from portal.domain.subscription import LIVE, Subscription
from portal.models.invoice import InvoiceRow
from portal.models.payment import PaymentRow, RefundRow
from portal.models.plan import PriceRow
from portal.models.subscription import SubscriptionRow
from portal.services import ask_again, grant, move_price, operator_cancel, operator_refunds, parking, plans

BY_ITSELF: Final = ("late", "duplicate")
RECENT: Final = timedelta(days=40)
OF_OPEN_PAYMENTS: Final = select(PaymentRow.subscription_id).where(PaymentRow.state.in_(OPEN))
T = TypeVar("T")


class Staff:
    def __init__(self, chance: Random, house: House, pace: timedelta) -> None:
        """`pace`: how long between two acts of all of them together."""
        self._chance = chance
        self._house = house
        self._pace = pace

    def act(self) -> timedelta:
        inside: tuple[tuple[int, Callable[[], None]], ...] = (
            (4, self._decide_refund),
            (3, self._give_back),
            (3, self._grant),
            (2, self._park),
            (5, self._unpark),
            (1, self._cancel),
            (3, self._ask_again),
            (4, self._move_price),
            (4, self._work_off),
        )
        outside = ((4, self._dispute), (6, self._decide_dispute), (2, self._refund_by_hand))
        acts = [act for _, act in (*inside, *outside)]
        (act,) = self._chance.choices(acts, [weight for weight, _ in (*inside, *outside)])
        if act in [one for _, one in outside]:
            act()
        else:
            self._house.run(act)
        return around(self._chance, self._pace)

    def finish(self) -> None:
        """Whatever waits for an operator is done."""
        self._house.run(self._work_off)
        contested = {one["reference"] for one in self._house.system.book.disputes() if one["state"] == "open"}
        for reference in self._house.run(_another_sum) or ():
            if reference in contested:  # nothing is given back by hand before the bank has decided
                self._move(DisputeOrder(reference=reference, state="lost"))
            self._by_hand(HandRefundOrder(reference=reference))

    # Operators

    def _work_off(self) -> None:
        """What a payment system would not give back by itself is given back by hand."""
        for refund in rows.find_all(Refund, RefundRow.state == "failed", RefundRow.reason.in_(BY_ITSELF)):
            payment = rows.find(Payment, PaymentRow.id == refund.payment_id)
            if payment is not None and (left := available(payment)).minor > 0:
                operator_refunds.give(self._press(GIVING), payment.id, left, left, "keep")

    def _decide_refund(self) -> None:
        asked = self._one(Refund, RefundRow, RefundRow.state == "requested")
        payment = rows.find(Payment, PaymentRow.id == asked.payment_id) if asked else None
        if asked is None or payment is None:
            return
        if self._chance.random() < 0.4:
            operator_refunds.reject(self._press(REFUSING), asked.id)
        else:
            effect: Effect = self._chance.choice(("keep", "period_end", "end_now"))
            operator_refunds.approve(self._press(GIVING), asked.id, effect, available(payment))

    def _give_back(self) -> None:
        payment = self._one(Payment, PaymentRow, PaymentRow.state.in_(("succeeded", "duplicate")))
        if payment is None or available(payment).minor == 0:
            return
        left = available(payment)
        sum_ = Money(self._chance.randint(1, left.minor), left.currency)
        effect: Effect = self._chance.choice(("keep", "keep", "period_end", "end_now"))
        operator_refunds.give(self._press(GIVING), payment.id, sum_, left, effect)

    def _grant(self) -> None:
        """Mostly to somebody who calls because a payment hangs."""
        runs, hangs = SubscriptionRow.state.in_(("trialing", "active")), SubscriptionRow.id.in_(OF_OPEN_PAYMENTS)
        held = self._one(Subscription, SubscriptionRow, runs, hangs) or self._one(Subscription, SubscriptionRow, runs)
        if held is not None:
            grant.grant(self._press(), held.id, self._chance.randint(1, 20))

    def _park(self) -> None:
        held = self._one(Subscription, SubscriptionRow, SubscriptionRow.state.in_(LIVE))
        if held is not None:
            parking.park(self._press(("suspicious",)), held.id)

    def _unpark(self) -> None:
        parked = self._one(Subscription, SubscriptionRow, SubscriptionRow.parked_at.is_not(None))
        if parked is not None:
            parking.unpark(self._press(("cleared",)), parked.id)

    def _cancel(self) -> None:
        held = self._one(Subscription, SubscriptionRow, SubscriptionRow.state.in_(LIVE))
        if held is not None:
            operator_cancel.cancel(self._press(), held.id, self._chance.choice(("now", "period_end")), "none", None)

    def _ask_again(self) -> None:
        unclear = self._one(Payment, PaymentRow, PaymentRow.state.in_(("unknown", "pending", "requires_action")))
        if unclear is not None:
            ask_again.ask_again(self._press(), unclear.id)

    def _move_price(self) -> None:
        """A little dearer from next week on, for everybody who pays what somebody pays today."""
        held = self._one(Subscription, SubscriptionRow, SubscriptionRow.state.in_(LIVE))
        old = rows.find(Price, PriceRow.id == held.price_id) if held else None
        if old is None:
            return
        starts = runtime.clock.now() + timedelta(days=7)
        dearer = Money(old.amount_minor + self._chance.randint(1, 3000), old.currency)
        new = plans.add_price(self._press(), old.plan_id, dearer, starts)
        move_price.move_price(self._press(), old.plan_id, old.id, new, starts)

    def _press(self, reasons: tuple[str, ...] = ()) -> Act:
        """Of a button, on a form of its own."""
        made = new_id(runtime.clock.now())
        return Act(made, "olga", made.hex, "192.0.2.9", self._chance.choice(reasons) if reasons else None, "simulated")

    def _one(self, shape: type[T], table: Any, *where: ColumnElement[bool]) -> T | None:
        """Any of the newest that are so."""
        found = rows.find_all(shape, *where, order=[table.id.desc()], limit=20)
        return self._chance.choice(found) if found else None

    # Banks, and hands on the payment system's pages

    def _dispute(self) -> None:
        reference = self._recent()
        if reference is not None:
            self._move(DisputeOrder(reference=reference))

    def _decide_dispute(self) -> None:
        open_ones = [one["reference"] for one in self._house.system.book.disputes() if one["state"] == "open"]
        if open_ones:
            state = self._chance.choice(("won", "lost"))
            self._move(DisputeOrder(reference=self._chance.choice(open_ones), state=state))

    def _move(self, order: DisputeOrder) -> None:
        try:
            with self._house.system.book.write() as connection:
                disputes.move(connection, self._house.clock.now(), order)
        except Refusal:
            return  # all of it was given back meanwhile

    def _refund_by_hand(self) -> None:
        reference = self._recent()
        if reference is not None:
            self._by_hand(HandRefundOrder(reference=reference, amount=self._chance.choice((None, 1, 100))))

    def _by_hand(self, order: HandRefundOrder) -> None:
        try:
            with self._house.system.book.write() as connection:
                refunds.by_hand(connection, self._house.clock.now(), order, None)
        except Refusal:
            return  # nothing was taken, or all of it was given back meanwhile

    def _recent(self) -> str | None:
        since = self._house.clock.now() - RECENT
        charged = [one["reference"] for one in self._house.system.book.charges() if one["created_at"] > since]
        return self._chance.choice(charged) if charged else None


def _another_sum() -> list[str]:
    """References of what waits for a person, and was paid for otherwise meanwhile: that money has to go back there."""
    paid = PaymentRow.review_at.is_not(None), InvoiceRow.state == "paid"
    waits = select(PaymentRow.id).join(InvoiceRow, InvoiceRow.id == PaymentRow.invoice_id).where(*paid)
    return [f"payment:{payment_id}" for payment_id in db.session.scalars(waits.order_by(PaymentRow.id))]
