"""The payment system takes back what it said: money that came after a no, another sum, a yes that is said twice."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from portal import runtime
from portal.db.session import db
from portal.demo.sandbox.tables import refunds
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.domain.user import Person
from portal.providers.port import Answer, ChargeOrder, MoneyBack, RefundSeen
from portal.services import parking, refund
from portal.services.ask import ask
from portal.services.disputes import ask_about_money_back, settle_money_back
from portal.services.settle import settle
from tests.services.bank import bank, refund_by_hand
from tests.services.desk import press
from tests.services.month import do, invoice_id, may_watch, subscribed
from tests.services.promise import assert_kept, auth_knows, history_is_a_path, period_per_paid_invoice, uuid_of
from tests.services.stubborn import order, plan_fault
from tests.test_cli import flask
from tests.world import Caller, World

YES = Answer(Outcome.succeeded, provider_ref="pay_1", amount=Money(29900, "RUB"))
NO = Answer(Outcome.failed, provider_ref="pay_1", decline=Decline(DeclineClass.soft, "declined"))
CLOSED = Answer(Outcome.failed, provider_ref="pay_1", decline=Decline(DeclineClass.closed, "checkout_closed"))
OTHER_SUM = Answer(Outcome.succeeded, provider_ref="pay_1", amount=Money(30000, "RUB"))
OTHER_CURRENCY = Answer(Outcome.succeeded, provider_ref="pay_1", amount=Money(29900, "USD"))
NO_SUM = Answer(Outcome.succeeded, provider_ref="pay_1")
ASKS = Answer(Outcome.requires_action, provider_ref="pay_1", redirect_url="https://pay.example/1")
WAITS = Answer(Outcome.pending, provider_ref="pay_1")
SILENCE = Answer(Outcome.unknown, note="ReadTimeout")


@pytest.fixture
def payment(world: World) -> UUID:
    """Alice's, whose page is open."""
    world.buy(world.sign_in("alice"))
    return uuid_of(world.one("SELECT id FROM payments")["id"])


def hear(world: World, payment: UUID, *said: Answer) -> None:
    with world.app.app_context():
        for word in said:
            settle(payment, word)
            world.clock.at += timedelta(seconds=1)
        db.session.remove()
    world.drain()


def paid_another_sum(world: World) -> tuple[Caller, dict[str, Any], UUID]:
    """Alice, what she bought, and the payment that took more."""
    alice = world.sign_in("alice")
    plan_fault(world, "wrong_amount", "pay")
    bought = world.buy(alice)
    world.pay(bought["redirect_url"])
    world.drain()
    return alice, bought, uuid_of(world.one("SELECT id FROM payments")["id"])


def states(world: World) -> tuple[str, str, str]:
    payment = world.one("SELECT state FROM payments")["state"]
    invoice = world.one("SELECT state FROM invoices")["state"]
    return payment, invoice, world.one("SELECT state FROM subscriptions")["state"]


@pytest.mark.fault("W5")
def test_nothing_said_later_takes_back_a_yes(world: World, payment: UUID) -> None:
    hear(world, payment, YES)
    before = world.counts()
    hear(world, payment, YES, NO, CLOSED, ASKS, WAITS, SILENCE, OTHER_SUM, NO_SUM)
    assert states(world) == ("succeeded", "paid", "active")
    assert world.counts() == before


@pytest.mark.fault("W4")
def test_a_yes_after_a_no_is_heard_while_the_order_stands(world: World, payment: UUID) -> None:
    hear(world, payment, NO, YES)
    assert states(world) == ("succeeded", "paid", "active")
    assert [check for rule in (period_per_paid_invoice, auth_knows, history_is_a_path) for check in rule(world)] == []


@pytest.mark.fault("P14")
def test_a_yes_after_the_page_was_closed_is_sent_back_in_full(world: World, payment: UUID) -> None:
    hear(world, payment, CLOSED, YES)
    assert states(world) == ("succeeded", "fail", "expired")
    (refund,) = world.rows("SELECT amount_minor, reason FROM refunds")
    assert (refund["amount_minor"], refund["reason"]) == (29900, "late")
    assert world.count("periods") == 0
    assert world.rights("alice")["version"] == 0


@pytest.mark.fault("P16")
@pytest.mark.fault("M4")
@pytest.mark.parametrize(
    ("before", "word"),
    [((), NO_SUM), ((WAITS,), OTHER_SUM), ((NO,), OTHER_CURRENCY), ((CLOSED,), OTHER_SUM)],
    ids=["open", "pending", "declined", "closed"],
)
def test_another_sum_than_asked_for_is_kept_for_a_person_to_look_at(
    world: World, payment: UUID, before: tuple[Answer, ...], word: Answer
) -> None:
    hear(world, payment, *before, word, word)
    assert world.one("SELECT review_at FROM payments")["review_at"] is not None
    assert world.count("periods") == world.count("refunds") == 0
    assert world.rights("alice")["version"] == 0
    assert history_is_a_path(world) == []


@pytest.mark.fault("P14")
@pytest.mark.fault("P16")
def test_two_charges_of_one_invoice_are_told_until_what_waits_for_a_person_was_given_back(world: World) -> None:
    """The first one's yes comes after all, while the second one took another sum and waits for somebody to look."""
    subscribed(world)
    plan_fault(world, "declined_then_late", "charge", after=6 * 3600, code="processing_error")
    world.pass_time(timedelta(days=31))
    plan_fault(world, "wrong_amount", "charge")
    world.settle(hours=3)
    waits = world.one("SELECT id, state FROM payments WHERE review_at IS NOT NULL")
    world.settle(hours=9)
    assert world.one("SELECT state FROM invoices WHERE reason = 'renewal'")["state"] == "paid"

    told = flask(world.app, "audit", "--provider")
    assert told.exit_code == 1
    (found,) = [json.loads(line) for line in told.stdout.splitlines()]
    assert (found["invariant"], found["ids"]["payment_id"]) == ("I6", str(uuid_of(waits["id"])))
    assert "at the payment system" in found["todo"]

    refund_by_hand(world, uuid_of(waits["id"]))
    assert flask(world.app, "audit", "--provider").exit_code == 0
    assert world.rows("SELECT id FROM payments WHERE review_at IS NOT NULL") == []
    assert_kept(world)


@pytest.mark.fault("P16")
def test_another_sum_that_went_back_there_is_as_good_as_declined_and_nobody_is_kept_from_paying(world: World) -> None:
    alice, bought, payment = paid_another_sum(world)
    assert world.one("SELECT note FROM payments")["note"].endswith(" 300.00 RUB")
    assert order(alice).status_code == 409

    refund_by_hand(world, payment, 100)  # a part of it is not enough
    assert order(alice).status_code == 409
    refund_by_hand(world, payment)

    assert world.one("SELECT state, decline_code, review_at FROM payments") == {
        "state": "failed",
        "decline_code": "given_back",
        "review_at": None,
    }
    with world.app.app_context():
        ask(payment)  # its success is told once more, and does not come back
        ask_about_money_back(payment)
        db.session.remove()
    assert world.one("SELECT state, review_at FROM payments") == {"state": "failed", "review_at": None}
    for page in ("/payments/{}", "/cabinet/invoices/{}", "/cabinet/history"):
        text = world.browser("alice").get(page.format(bought["invoice_guid"])).text
        assert "Another sum was taken than was due, and all of it went back." in text
        assert "No money has been taken" not in text
    told = world.browser("finance").get(f"/admin/payments/{payment}").text
    assert "Another sum was taken than was asked for, and all of it went back." in told
    assert "The bank said no" not in told
    world.pay(world.buy(alice)["redirect_url"])
    world.drain()
    assert may_watch(world)
    assert_kept(world)


@pytest.mark.fault("P16")
def test_another_sum_that_the_bank_took_back_is_closed_as_one_that_we_gave_back(world: World) -> None:
    alice, _, payment = paid_another_sum(world)
    bank(world, payment)
    assert order(alice).status_code == 409
    bank(world, payment, "lost")
    assert world.one("SELECT state, review_at FROM payments") == {"state": "failed", "review_at": None}
    told = flask(world.app, "audit", "--provider", "--auth")
    assert (told.exit_code, told.stdout) == (0, "")
    assert order(alice).status_code == 200


@pytest.mark.fault("P16")
@pytest.mark.fault("P23")
def test_another_sum_whose_refund_fails_days_later_waits_for_a_person_again(world: World, payment: UUID) -> None:
    hear(world, payment, OTHER_SUM)
    back = RefundSeen("dashboard:1", replace(OTHER_SUM, provider_ref="re_1"), world.clock.now())
    came_again = replace(back, answer=replace(NO, provider_ref="re_1", amount=OTHER_SUM.amount))
    waits = []
    with world.app.app_context():
        for seen in (back, came_again, came_again, back, back):
            assert settle_money_back(payment, MoneyBack(True, (seen,)), OTHER_SUM.amount)
            db.session.remove()
            waits.append(world.one("SELECT review_at IS NOT NULL AS waits FROM payments")["waits"])
    assert [bool(one) for one in waits] == [False, True, True, False, False]
    assert world.one("SELECT state, decline_code FROM payments") == {"state": "failed", "decline_code": "given_back"}
    assert history_is_a_path(world) == []


@pytest.mark.fault("P16")
@pytest.mark.fault("P23")
def test_another_sum_that_came_again_unheard_is_found_within_a_day_and_nobody_is_told_that_it_went_back(
    world: World,
) -> None:
    _, bought, payment = paid_another_sum(world)
    refund_by_hand(world, payment)
    assert world.one("SELECT decline_code FROM payments")["decline_code"] == "given_back"
    with world.sandbox.book.write() as book:  # the bank sends it back, and the webhook is lost
        book.execute(refunds.update().values(state="failed", decline_code="declined", decline_class="hard"))
    assert "What became of" in world.browser("support").get(f"/admin/payments/{payment}/review").text

    world.pass_time(timedelta(days=1))
    assert world.one("SELECT review_at IS NOT NULL AS waits FROM payments")["waits"]
    for page in ("/payments/{}", "/cabinet/invoices/{}"):
        text = world.browser("alice").get(page.format(bought["invoice_guid"])).text
        assert "We are checking" in text
        assert "all of it went back" not in text
    refund_by_hand(world, payment)
    assert world.one("SELECT review_at FROM payments")["review_at"] is None
    closed = world.browser("alice").get(f"/payments/{bought['invoice_guid']}").text
    assert "can no longer be paid. In the end you have paid nothing for it." in closed


@pytest.mark.fault("P16")
def test_what_was_paid_with_another_sum_is_not_tried_once_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it went back, and the demand still stands: the next try is a payment of its own."""
    subscribed(world)
    plan_fault(world, "wrong_amount", "charge")
    world.pass_time(timedelta(days=31))
    first = world.one("SELECT id FROM payments WHERE review_at IS NOT NULL")["id"]
    refund_by_hand(world, uuid_of(first))
    tried, sandbox = [], world.app.extensions[runtime.KEY].providers["sandbox"]
    real = sandbox.charge

    def charge(given: ChargeOrder) -> Answer:
        tried.append(given.payment_ref)
        return real(given)

    monkeypatch.setattr(sandbox, "charge", charge)
    subscription = uuid_of(world.one("SELECT id FROM subscriptions")["id"])
    do(world, parking.unpark, press("cleared"), subscription)
    world.settle(hours=48)
    assert tried == [None]
    assert world.one("SELECT state FROM invoices WHERE reason = 'renewal'")["state"] == "paid"
    assert_kept(world)


@pytest.mark.fault("C1")
@pytest.mark.fault("P7")
def test_of_one_order_sent_twice_the_one_that_was_turned_away_takes_no_page_away(world: World, payment: UUID) -> None:
    turned_away = Answer(Outcome.failed, decline=Decline(DeclineClass.gateway, "rate_limited"))
    before = world.one("SELECT redirect_url FROM payments")["redirect_url"]
    hear(world, payment, turned_away)
    assert states(world) == ("requires_action", "not_paid", "pending")
    assert world.buy(world.sign_in("alice"))["redirect_url"] == before


@pytest.mark.fault("P16")
def test_another_sum_after_a_no_waits_for_nobody_once_it_went_back(world: World, payment: UUID) -> None:
    hear(world, payment, NO, OTHER_SUM)
    assert world.one("SELECT state, review_at IS NULL AS done FROM payments") == {"state": "failed", "done": False}
    back = RefundSeen("dashboard:1", replace(OTHER_SUM, provider_ref="re_1"), world.clock.now())
    with world.app.app_context():
        for seen in ((), (back,), (back,)):
            assert settle_money_back(payment, MoneyBack(True, seen), OTHER_SUM.amount)
        db.session.remove()
    assert world.one("SELECT state, review_at FROM payments") == {"state": "failed", "review_at": None}
    assert history_is_a_path(world) == []


def with_an_order_for_longer(world: World) -> tuple[Caller, UUID, dict[str, Any]]:
    """Alice, the invoice that she paid, and one that she may still pay."""
    subscribed(world)
    paid, alice = invoice_id(world, "purchase"), world.sign_in("alice")
    return alice, paid, world.buy(alice)


@pytest.mark.fault("C2")
def test_nobody_can_pay_for_longer_once_a_refund_has_ended_the_subscription(world: World) -> None:
    """Neither on the page that is open, nor by trying again after it was declined."""
    alice, paid, longer = with_an_order_for_longer(world)
    do(world, refund.accept, Person("alice"), paid, "unused", None)
    world.pass_time(timedelta(minutes=1))
    world.pay(longer["redirect_url"])
    world.drain()
    assert len(world.sandbox.book.charges()) == 1

    assert alice.get(f"/invoices/{longer['invoice_guid']}").json["state"] == "fail"
    assert flask(world.app, "audit", "--provider", "--auth").exit_code == 0


@pytest.mark.fault("C2")
def test_the_audit_waits_for_the_worker_before_it_blames_an_order_of_an_ended_subscription(world: World) -> None:
    _, paid, longer = with_an_order_for_longer(world)
    world.pay(longer["redirect_url"], "4000 0000 0000 0002")
    do(world, refund.accept, Person("alice"), paid, "unused", None)
    world.drain()
    assert flask(world.app, "audit").exit_code == 0
    world.clock.at += timedelta(days=3)
    told = [json.loads(line) for line in flask(world.app, "audit").stdout.splitlines()]
    assert [one["ids"]["invoice_id"] for one in told if "can still be paid" in one["what"]] == [longer["invoice_guid"]]


@pytest.mark.fault("C2")
def test_an_order_that_was_declined_before_its_subscription_ended_is_closed_with_it(world: World) -> None:
    alice, paid, longer = with_an_order_for_longer(world)
    world.pay(longer["redirect_url"], "4000 0000 0000 0002")
    world.drain()
    do(world, refund.accept, Person("alice"), paid, "unused", None)
    world.pass_time(timedelta(minutes=1))
    invoice = alice.get(f"/invoices/{longer['invoice_guid']}").json
    assert (invoice["state"], invoice["fail_reason"]) == ("fail", "expired")
    assert flask(world.app, "audit", "--provider", "--auth").exit_code == 0


@pytest.mark.fault("P5")
def test_a_second_send_that_was_not_heard_says_nothing_of_the_first(world: World) -> None:
    """Which may still be on its way: what is asked for again then would be a second charge."""
    subscribed(world)
    plan_fault(world, "timeout_before", "charge")
    plan_fault(world, "rate_limited", "charge")
    world.pass_time(timedelta(days=31))
    world.pass_time(timedelta(minutes=2))
    sent = world.rows("SELECT event FROM history WHERE kind = 'payment' AND event = 'sent'")
    assert len(sent) == 3  # the page, the charge, and the charge once more
    assert [row["state"] for row in world.rows("SELECT state FROM payments WHERE kind = 'charge'")] == ["unknown"]
    world.settle(hours=30)
    assert [row["state"] for row in world.rows("SELECT state FROM payments WHERE kind = 'charge'")] == ["succeeded"]
    assert len(world.sandbox.book.charges()) == 2
    assert_kept(world)


def test_a_silence_changes_nothing_but_the_next_question(world: World, payment: UUID) -> None:
    hear(world, payment, SILENCE, SILENCE)
    assert states(world) == ("requires_action", "not_paid", "pending")
