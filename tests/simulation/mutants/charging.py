"""Mistakes in asking for money and in hearing what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from portal.db import rows
from portal.domain import asking, bounds, dunning
from portal.domain import methods as methods_domain
from portal.domain.change import Change, Set
from portal.domain.consent import Consent
from portal.domain.method import PaymentMethod
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.models.subscription import SubscriptionRow
from portal.models.user import PaymentMethodRow
from portal.providers.port import Answer, ChargeOrder
from portal.providers.sandbox import SandboxProvider
from portal.providers.sandbox_said import NO_ANSWER, Heard, look
from portal.services import collect, give_back, inbox, janitor, methods, renew, standing
from portal.services.settle import settle
from tests.simulation.mutants.planting import mutant, without_guards


@contextmanager
def _sent_again(path: str) -> Iterator[None]:
    call = SandboxProvider._call

    def called(self: SandboxProvider, method: str, to: str, *more: Any, key: str | None = None, **named: Any) -> Heard:
        heard = call(self, method, to, *more, key=key, **named)
        if to == path and (heard.status == NO_ANSWER or heard.status >= 500):
            return call(self, method, to, *more, key=f"{key}:again", **named)
        return heard

    with mock.patch.object(SandboxProvider, "_call", called):
        yield


@mutant
def new_key_per_retry() -> Iterator[None]:
    """A charge that nobody answered is sent again at once, with a new key."""
    with _sent_again("/v1/charges"):
        yield


@mutant
def refund_with_new_key() -> Iterator[None]:
    """A refund that nobody answered is sent again at once, with a new key."""
    with _sent_again("/v1/refunds"):
        yield


@mutant
def sent_again_after_a_day() -> Iterator[None]:
    """The same key is sent again however old it is."""
    for_ever = {"may_resend": lambda sent_at, now: True}
    with mock.patch.multiple(collect, **for_ever), mock.patch.multiple(give_back, **for_ever):
        yield


@contextmanager
def _charge_answers(guess: Any) -> Iterator[None]:
    charge = SandboxProvider.charge

    def charged(self: SandboxProvider, order: ChargeOrder) -> Answer:
        answer = charge(self, order)
        return guess(answer, order) if answer.outcome is Outcome.unknown else answer

    with mock.patch.object(SandboxProvider, "charge", charged):
        yield


@mutant
def unknown_is_failed() -> Iterator[None]:
    """No answer to a charge is taken for a failure."""
    decline = Decline(DeclineClass.gateway, "no_answer")
    with _charge_answers(lambda answer, _: replace(answer, outcome=Outcome.failed, decline=decline)):
        yield


@mutant
def unknown_is_succeeded() -> Iterator[None]:
    """No answer to a charge is taken for a success."""
    with _charge_answers(lambda answer, order: replace(answer, outcome=Outcome.succeeded, amount=order.amount)):
        yield


@mutant
def absent_is_failed() -> Iterator[None]:
    """What the payment system does not find at the first question has failed."""
    with mock.patch.object(asking, "_missed_for_good", lambda *_: True):
        yield


@mutant
def nobody_asks_again() -> Iterator[None]:
    """Webhooks come anyway, so that the worker need not ask."""
    with mock.patch.object(janitor, "one_by_one", lambda ids, work: None):
        yield


@mutant
def left_behind_is_forgotten() -> Iterator[None]:
    """Payments whose process died before it called are not picked up by the next one."""
    with mock.patch.object(renew, "_left_behind", list):
        yield


@mutant
def busy_is_charged() -> Iterator[None]:
    """A subscription is renewed also while a payment of it is open, and no index minds."""
    free = SubscriptionRow.parked_at.is_(None)
    with without_guards("uq_payments_one_open"), mock.patch.object(renew, "_claimable", lambda: (free,)):
        yield


@mutant
def cancelled_is_charged() -> Iterator[None]:
    """Neither the schedule nor the look right before the call sees that renewal was switched off."""
    with (
        mock.patch.object(dunning, "renews", lambda subscription: subscription.payment_method_id is not None),
        mock.patch.object(collect, "_wanted", lambda subscription, invoice: subscription.live),
    ):
        yield


@mutant
def removed_method_is_charged() -> Iterator[None]:
    """Removing a method only notes when: what renews with it, and the payment system, hear nothing of it."""
    forget, park = methods_domain.remove, bounds.reason_to_park

    def remove(*given: Any) -> Change:
        change = forget(*given)
        return replace(change, writes=tuple(one for one in change.writes if isinstance(one, Set | Consent)))

    def chargeable(method_id: object, user_id: str) -> PaymentMethod | None:
        return rows.find(PaymentMethod, PaymentMethodRow.id == method_id, PaymentMethodRow.user_id == user_id)

    def reason(subscription: Any, price: Any, method: PaymentMethod, *more: Any) -> str | None:
        return park(subscription, price, replace(method, removed_at=None), *more)

    with (
        mock.patch.object(methods_domain, "remove", remove),
        mock.patch.object(methods, "chargeable", chargeable),
        mock.patch.object(SandboxProvider, "detach", lambda self, method_ref: True),
        mock.patch.object(bounds, "reason_to_park", reason),
    ):
        yield


@mutant
def dunning_at_every_run() -> Iterator[None]:
    """What is owed is asked for at every run, and the bound of a day is reckoned one short."""
    park = bounds.reason_to_park

    def reason(subscription: Any, price: Any, method: Any, charged_today: int, *more: Any) -> str | None:
        return park(subscription, price, method, max(charged_today - 1, 0), *more)

    with (
        mock.patch.object(dunning, "next_retry", lambda subscription, policy: subscription.past_due_since),
        mock.patch.object(bounds, "reason_to_park", reason),
    ):
        yield


@mutant
def page_for_each_press() -> Iterator[None]:
    """Each press of "pay" makes a payment and a page of its own, and no index minds."""
    with without_guards("uq_payments_one_open"), mock.patch.object(standing, "open_payment", lambda invoice_id: None):
        yield


@contextmanager
def _bodies_believed() -> Iterator[None]:
    ask = inbox._apply

    def applied(received: inbox.Received) -> inbox.Applied:
        said = json.loads(received.body)["data"]
        subject = inbox._subject_of(said["reference"])
        if subject is None or subject.kind != "payment" or said["object"] != "payment":
            return ask(received)
        settle(subject.id, look(Heard(200, {"decline": None, **said}), said["reference"]))
        return inbox.Applied("processed", inbox.Came.through, subject)

    with mock.patch.object(inbox, "_apply", applied):
        yield


@mutant
def webhook_is_believed() -> Iterator[None]:
    """What a webhook says is written as it stands, and nobody asks who signed it."""
    with (
        _bodies_believed(),
        mock.patch.object(SandboxProvider, "verify", lambda self, headers, body, now: self.parse(body)),
    ):
        yield
