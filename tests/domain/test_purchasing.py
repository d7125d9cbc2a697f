"""What an order becomes, for everything the customer may already have."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from portal.domain.consent import Consent
from portal.domain.errors import ConsentRequired, PaymentInProgress, SubscriptionExists
from portal.domain.invoice import Invoice, InvoiceLine
from portal.domain.money import Money
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.pricing import quote
from portal.domain.purchasing import Order, Purchase, Standing, decide
from portal.domain.subscription import LIVE, Subscription
from tests.domain import samples
from tests.domain.ledger import added, moved, moves
from tests.domain.samples import NOW, OTHER_PLAN_ID, SUM

SAME = samples.plan()
OTHER = samples.plan(id=OTHER_PLAN_ID, code="premium")
NOTHING = Standing(None, None, None)
NEW = "+Subscription, +Invoice, +InvoiceLine, +Consent, +Consent, +Consent"
ISSUED = "+Invoice, +InvoiceLine, +Consent, +Consent, +Consent"
SUPERSEDED = "invoice closed, subscription superseded, " + ISSUED
PROLONGED_AGAIN = "invoice closed, " + ISSUED


def order(plan: Plan = SAME, **more: Any) -> Order:
    given: dict[str, Any] = {
        "plan": plan,
        "price": samples.price(plan_id=plan.id),
        "count": 1,
        "provider": "sandbox",
        "agreement": samples.agreement(),
    }
    return Order(**(given | more))


def decided(standing: Standing, placed: Order, zone: str = "Europe/Moscow") -> Purchase:
    return decide(samples.user(), standing, placed, NOW, Policy(), zone)


def fallen(state: str) -> Subscription:
    return samples.running(state=state, past_due_since=NOW, declines=1)


@pytest.mark.parametrize(
    ("subscription",                     "plan", "becomes"),
    [
        (None,                           SAME,  NEW),
        (None,                           OTHER, NEW),
        (samples.subscription(),         SAME,  "subscription superseded, " + ISSUED),
        (samples.subscription(),         OTHER, "subscription superseded, " + ISSUED),
        (samples.running(),              SAME,  ISSUED),
        (samples.running(parked_at=NOW), SAME,  ISSUED),
        (samples.running(),              OTHER, SubscriptionExists),
        (fallen("past_due"),             SAME,  ISSUED),
        (fallen("past_due"),             OTHER, ISSUED),
        (fallen("suspended"),            SAME,  ISSUED),
        (fallen("suspended"),            OTHER, ISSUED),
    ],
)  # fmt: skip
def test_an_order_becomes_what_the_running_subscription_allows(
    subscription: Subscription | None, plan: Plan, becomes: str | type[Exception]
) -> None:
    standing = Standing(subscription, None, None)
    if isinstance(becomes, str):
        assert moves(decided(standing, order(plan)).change) == becomes
        return
    with pytest.raises(becomes) as refused:
        decided(standing, order(plan))
    assert subscription is not None
    assert refused.value.facts == {"subscription_id": subscription.id}  # type: ignore[attr-defined]  # a Refused has them


@pytest.mark.parametrize("state", sorted(LIVE - {"active", "past_due", "suspended"}))
@pytest.mark.parametrize("plan", [SAME, OTHER])
def test_a_trial_or_a_pause_is_no_moment_to_buy(state: str, plan: Plan) -> None:
    with pytest.raises(SubscriptionExists):
        decided(Standing(samples.running(state=state), None, None), order(plan))


def test_a_first_order_writes_a_waiting_subscription_and_an_invoice_over_its_sum() -> None:
    purchase = decided(NOTHING, order(count=3), zone="Europe/Berlin")
    (subscription,), (invoice,) = added(purchase.change, Subscription), added(purchase.change, Invoice)
    assert (subscription.state, subscription.auto_renew, subscription.zone) == ("pending", False, "Europe/Berlin")
    assert (subscription.group, subscription.anchor, subscription.steps) == ("main", None, 0)
    assert purchase.invoice_id == invoice.id
    assert (invoice.total, invoice.count, invoice.state, invoice.reason) == (SUM * 3, 3, "not_paid", "purchase")
    assert invoice.expires_at == NOW + Policy().checkout_ttl
    (line,) = added(purchase.change, InvoiceLine)
    assert (line.unit_minor, line.count, line.total_minor) == (SUM.minor, 3, SUM.minor * 3)
    assert line.names == SAME.names


def test_no_subscription_becomes_live_by_an_order() -> None:
    for subscription in (None, samples.subscription(), samples.running()):
        purchase = decided(Standing(subscription, None, None), order())
        if subscription is not None:
            after = moved(purchase.change, subscription)
            assert (after.state, after.paid_through) == (subscription.state, subscription.paid_through)


# The same open request again

OPEN_ORDER = Standing(samples.subscription(), samples.invoice(), samples.payment("requires_action"))


@pytest.mark.parametrize(
    "payment", [None, *(samples.payment(state) for state in ("unknown", "requires_action", "pending"))]
)
@pytest.mark.parametrize("subscription", [samples.subscription(), samples.running()])
def test_the_same_open_request_again_gives_the_same_invoice(payment: Any, subscription: Subscription) -> None:
    purchase = decided(Standing(subscription, samples.invoice(), payment), order())
    assert purchase == Purchase(samples.INVOICE_ID, None)


@pytest.mark.parametrize(
    "other",
    [
        {"plan": OTHER},
        {"count": 2},
        {"price": samples.price(id=samples.PERIOD_ID, amount_minor=1)},
        {"provider": "another"},
        {"agreement": samples.agreement(renewal=False)},
        {"return_url": "https://cinema.example/thanks"},
    ],
)
def test_any_other_request_supersedes_the_open_one(other: dict[str, Any]) -> None:
    purchase = decided(OPEN_ORDER, replace(order(), **other))
    assert purchase.invoice_id != samples.INVOICE_ID
    assert (moves(purchase.change) or "").startswith("invoice closed, subscription superseded, +Invoice")
    assert moved(purchase.change, samples.invoice()).fail_reason == "superseded"


@pytest.mark.parametrize(("late", "same"), [(timedelta(microseconds=1), True), (timedelta(0), False)])
def test_a_request_whose_checkout_has_run_out_is_not_the_same_any_more(late: timedelta, same: bool) -> None:
    ends = samples.invoice(expires_at=NOW + late)
    purchase = decided(Standing(samples.subscription(), ends, None), order())
    assert (purchase.change is None) is same


def test_a_superseded_order_moves_the_waiting_subscription_to_the_plan_now_asked_for() -> None:
    placed = order(OTHER)
    purchase = decided(OPEN_ORDER, placed)
    after = moved(purchase.change, samples.subscription())
    assert (after.state, after.plan_id, after.price_id) == ("pending", OTHER.id, placed.price.id)
    (invoice,) = added(purchase.change, Invoice)
    assert (invoice.subscription_id, invoice.plan_id) == (after.id, OTHER.id)


def test_a_running_subscription_keeps_its_price_when_it_is_prolonged_at_another() -> None:
    dearer = samples.price(id=samples.PERIOD_ID, amount_minor=99_900)
    purchase = decided(Standing(samples.running(), None, None), order(price=dearer))
    assert moved(purchase.change, samples.running()) == samples.running()
    (invoice,) = added(purchase.change, Invoice)
    assert invoice.total == Money(99_900, "RUB")


def test_prolonging_otherwise_supersedes_the_open_prolonging_only() -> None:
    standing = Standing(samples.running(), samples.invoice(), samples.payment("requires_action"))
    assert moves(decided(standing, order(count=2)).change) == PROLONGED_AGAIN


def test_nothing_is_superseded_while_the_payment_system_works_on_it() -> None:
    with pytest.raises(PaymentInProgress):
        decided(replace(OPEN_ORDER, payment=samples.payment("pending")), order(count=2))


def test_nothing_is_sold_while_a_renewal_is_being_charged() -> None:
    for state in ("active", "past_due", "suspended"):
        with pytest.raises(PaymentInProgress):
            decided(Standing(samples.running(state=state), None, None, renewal_under_way=True), order())


def test_nothing_is_superseded_while_a_person_has_to_look_whether_it_was_paid() -> None:
    looked_at = samples.payment("requires_action", review_at=NOW, next_check_at=None)
    with pytest.raises(PaymentInProgress):
        decided(replace(OPEN_ORDER, payment=looked_at), order(count=2))


@pytest.mark.parametrize("state", ["created", "unknown", "requires_action"])
def test_an_order_nobody_works_on_is_superseded(state: str) -> None:
    purchase = decided(replace(OPEN_ORDER, payment=samples.payment(state)), order(count=2))
    assert moves(purchase.change) == SUPERSEDED


# Consents


@pytest.mark.parametrize("missing", ["terms", "personal_data"])
@pytest.mark.parametrize("standing", [NOTHING, OPEN_ORDER])
def test_without_the_two_consents_nothing_is_sold(missing: str, standing: Standing) -> None:
    with pytest.raises(ConsentRequired):
        decided(standing, order(agreement=samples.agreement(**{missing: False})))


@pytest.mark.parametrize("renewal", [True, False])
def test_what_was_agreed_is_recorded_and_nothing_else(renewal: bool) -> None:
    purchase = decided(NOTHING, order(agreement=samples.agreement(renewal=renewal)))
    (invoice,), consents = added(purchase.change, Invoice), added(purchase.change, Consent)
    assert [consent.kind for consent in consents] == ["terms", "personal_data", "renewal"][: 2 + renewal]
    assert {
        (consent.given, consent.source, consent.at, consent.address, consent.invoice_id) for consent in consents
    } == {(True, "cabinet", NOW, "192.0.2.7", invoice.id)}
    assert invoice.renews is renewal


@pytest.mark.parametrize("count", [1, 2, 12])
def test_the_quote_is_the_unit_price_times_the_count(count: int) -> None:
    priced = quote(SAME, samples.price(), count)
    assert priced.total == SUM * count
    assert [(line.unit, line.count, line.discount) for line in priced.lines] == [(SUM, count, Money.zero("RUB"))]
