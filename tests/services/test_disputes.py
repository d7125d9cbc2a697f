"""The bank takes money back, somebody refunds at the payment system: what becomes of money, access and renewal."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from portal.demo.sandbox.webhooks import sign
from portal.domain.errors import ExceedsRefundable, NotRefundable, NotResumable
from portal.domain.money import Money
from portal.services import ask_again, cancel, inbox, operator_refunds, refund
from portal.services.disputes import ask_about_money_back
from portal.services.inbox import ATTEMPTS, LONGEST_WAIT
from tests.services.bank import bank, disputed, made, money, payment_of, quietly, refund_by_hand
from tests.services.changes import plan_of, upgraded, watches
from tests.services.desk import assert_kept, given_back, or_refused, press
from tests.services.month import (
    ALICE,
    DAY,
    DECLINES_LATER,
    HOUR,
    MINUTE,
    NO_RENEWAL,
    days_pass,
    do,
    may_watch,
    shown,
    subscribed,
    subscription_id,
    taken,
    told,
)
from tests.services.promise import moment_of, uuid_of
from tests.services.stubborn import forget_faults, plan_fault
from tests.services.together import at_once
from tests.world import World

RUB = "RUB"
ALL = 29900


def paid(world: World, **more: object) -> UUID:
    """Alice's month is paid for; answers the payment."""
    return payment_of(world, subscribed(world, **more))  # type: ignore[arg-type]  # as `subscribed` takes them


def invoice_of(world: World) -> UUID:
    return uuid_of(world.rows("SELECT id FROM invoices ORDER BY created_at")[0]["id"])


def reasons(world: World) -> list[str]:
    return [row["end_reason"] for row in world.rows("SELECT end_reason FROM subscriptions WHERE state = 'ended'")]


# Opened


def test_an_open_dispute_stops_renewal_and_leaves_access_until_the_paid_through(world: World) -> None:
    payment = paid(world)
    world.pass_time(3 * DAY)
    bank(world, payment)
    assert (disputed(world), money(world, payment)) == ([("open", ALL)], (0, 0, ALL))
    now = shown(world)
    assert (now["status"], now["auto_renew"], now["access_until"]) == ("active", False, "2027-02-10T09:00:00Z")
    assert told(world) == ["activated", "cancelled"]
    assert may_watch(world)
    days_pass(world, 40)
    assert (taken(world), shown(world)["status"], reasons(world)) == ([ALL], "ended", ["cancelled"])
    assert not may_watch(world)
    assert_kept(world)


@pytest.mark.fault("P25")
def test_while_it_is_open_nothing_is_given_back_and_renewal_stays_off(world: World) -> None:
    payment = paid(world)
    bank(world, payment)
    invoice = invoice_of(world)
    assert do(world, refund.offers_of, ALICE, invoice) == []
    with pytest.raises(NotRefundable, match="dispute"):
        do(world, refund.request, ALICE, invoice, Money(100, RUB), None)
    with pytest.raises(NotRefundable, match="dispute"):
        do(world, operator_refunds.give, press("goodwill"), payment, Money(100, RUB), Money(0, RUB), "keep")
    asked = world.sign_in("alice").post(
        "/refunds", {"invoice_guid": str(invoice), "price": {"amount": 1, "currency": RUB}}
    )
    assert (asked.status_code, asked.json["error_id"]) == (409, "not_refundable")
    with pytest.raises(NotResumable):
        do(world, cancel.resume, ALICE, subscription_id(world))
    assert (world.count("refunds"), given_back(world)) == (0, [])


def test_a_renewal_that_was_written_down_is_not_charged_any_more(world: World) -> None:
    payment = paid(world)
    world.clock.at += 31 * DAY
    quietly(world, payment)
    world.drain()
    world.run_jobs()
    world.drain()
    assert taken(world) == [ALL]
    assert shown(world)["status"] == "ended"
    assert_kept(world)


def test_in_dunning_a_dispute_ends_grace_and_every_retry(world: World) -> None:
    payment = paid(world, card=DECLINES_LATER)
    days_pass(world, 32)
    assert (shown(world)["status"], may_watch(world)) == ("past_due", True)
    bank(world, payment)
    assert not may_watch(world)
    assert told(world)[-1] == "cancelled"
    tries = world.count("payments")
    days_pass(world, 20)
    assert (world.count("payments"), shown(world)["status"]) == (tries, "ended")
    assert_kept(world)


def test_a_new_order_while_it_is_open_does_not_switch_renewal_on(world: World) -> None:
    payment = paid(world, card=DECLINES_LATER)
    days_pass(world, 32)
    bank(world, payment)
    world.clock.at += HOUR
    subscribed(world)
    assert (shown(world)["status"], shown(world)["auto_renew"]) == ("active", False)
    bank(world, payment, "won")
    do(world, cancel.resume, ALICE, subscription_id(world))
    world.drain()
    assert shown(world)["auto_renew"]
    assert_kept(world)


# Decided


@pytest.mark.fault("P25")
def test_won_it_can_be_refunded_again_and_renewal_waits_for_its_customer(world: World) -> None:
    payment = paid(world)
    bank(world, payment)
    bank(world, payment, "won")
    assert (disputed(world), money(world, payment)) == ([("won", ALL)], (0, 0, 0))
    assert (shown(world)["status"], shown(world)["auto_renew"]) == ("active", False)
    assert told(world) == ["activated", "cancelled"]
    do(world, cancel.resume, ALICE, subscription_id(world))
    assert shown(world)["auto_renew"]
    do(world, refund.request, ALICE, invoice_of(world), Money(ALL, RUB), None)
    world.drain()
    assert (money(world, payment), given_back(world), shown(world)["status"]) == ((ALL, 0, 0), [ALL], "ended")
    assert_kept(world)


@pytest.mark.fault("P25")
def test_lost_in_full_it_counts_as_given_back_and_the_subscription_ends(world: World) -> None:
    payment = paid(world)
    bank(world, payment)
    world.pass_time(2 * DAY)
    bank(world, payment, "lost")
    assert (disputed(world), money(world, payment)) == ([("lost", ALL)], (ALL, 0, 0))
    assert (shown(world)["status"], reasons(world), may_watch(world)) == ("ended", ["disputed"], False)
    assert told(world) == ["activated", "cancelled", "deactivated"]
    with pytest.raises(ExceedsRefundable):
        do(world, refund.request, ALICE, invoice_of(world), Money(1, RUB), None)
    days_pass(world, 40)
    assert taken(world) == [ALL]
    assert_kept(world)


def test_lost_for_a_better_plan_the_one_before_runs_on(world: World) -> None:
    paid(world)
    better = payment_of(world, upgraded(world))
    assert (plan_of(world), watches(world)) == ("premium", ["premium"])
    bank(world, better)
    world.pass_time(2 * DAY)
    assert (watches(world), shown(world)["auto_renew"]) == (["premium"], False)
    bank(world, better, "lost")
    world.drain()
    assert (disputed(world), money(world, better)) == ([("lost", 13548)], (13548, 0, 0))
    assert (plan_of(world), watches(world), shown(world)["status"]) == ("standard", ["standard"], "active")
    assert told(world) == ["activated", "changed", "cancelled", "changed"]
    assert do(world, refund.offers_of, ALICE, invoice_of(world)) != [], "the month itself is refunded as before"
    days_pass(world, 40)
    assert (taken(world), reasons(world)) == ([ALL, 13548], ["cancelled"])
    assert_kept(world)


def test_lost_in_part_it_leaves_access_and_the_rest_can_be_given_back(world: World) -> None:
    payment = paid(world)
    bank(world, payment)
    bank(world, payment, "lost", 10000)
    assert (disputed(world), money(world, payment)) == ([("lost", 10000)], (10000, 0, 0))
    assert (shown(world)["status"], shown(world)["auto_renew"], may_watch(world)) == ("active", False, True)
    do(world, operator_refunds.give, press("goodwill"), payment, Money(19900, RUB), Money(19900, RUB), "keep")
    world.drain()
    assert (money(world, payment), given_back(world)) == ((ALL, 0, 0), [19900])
    assert_kept(world)


def test_of_time_that_has_not_begun_only_that_is_lost(world: World) -> None:
    subscribed(world)
    world.clock.at += HOUR
    ahead = payment_of(world, subscribed(world))
    bank(world, ahead)
    bank(world, ahead, "lost")
    now = shown(world)
    assert (now["status"], now["auto_renew"], now["access_until"]) == ("active", False, "2027-02-10T09:00:00Z")
    assert told(world) == ["activated", "renewed", "cancelled", "changed"]
    assert_kept(world)


def test_an_old_payment_of_a_running_subscription_takes_no_access(world: World) -> None:
    first = paid(world)
    days_pass(world, 40)
    assert len(taken(world)) == 2
    bank(world, first)
    bank(world, first, "lost")
    assert (shown(world)["status"], shown(world)["auto_renew"], may_watch(world)) == ("active", False, True)
    assert money(world, first) == (ALL, 0, 0)
    assert_kept(world)


def test_an_old_payment_of_an_ended_subscription_moves_money_only(world: World) -> None:
    payment = paid(world, **NO_RENEWAL)
    days_pass(world, 40)
    before = told(world)
    bank(world, payment)
    assert money(world, payment) == (0, 0, ALL)
    bank(world, payment, "lost")
    assert (money(world, payment), told(world), reasons(world)) == ((ALL, 0, 0), before, ["cancelled"])
    assert_kept(world)


def test_a_second_payment_of_one_invoice_is_disputed_without_touching_the_time(world: World) -> None:
    started = world.buy(world.sign_in("alice"))
    plan_fault(world, "pending_then_late", "pay", after=3600)
    world.pay(started["redirect_url"])
    world.drain()
    world.write("UPDATE payments SET state = 'failed', decline_kind = 'soft', next_check_at = NULL")
    again = world.buy(world.sign_in("alice"))
    plan_fault(world, "pending_then_late", "refund", after=86400, outcome="failed")
    world.pay(again["redirect_url"])
    world.drain()
    world.clock.at += HOUR
    world.drain()
    duplicate = payment_of(world, UUID(started["invoice_guid"]), "duplicate")
    assert money(world, duplicate) == (0, ALL, 0)
    world.pass_time(2 * DAY)
    assert money(world, duplicate) == (0, 0, 0)  # the refund failed
    bank(world, duplicate)
    bank(world, duplicate, "lost")
    assert (money(world, duplicate), shown(world)["status"], may_watch(world)) == ((ALL, 0, 0), "active", True)


# What comes late, twice, in another order, or from somebody else


def test_the_order_in_which_we_hear_does_not_matter(world: World) -> None:
    payment = paid(world)
    for decision in ("open", "lost"):
        plan_fault(world, "drop", "webhook")
        bank(world, payment, decision)
    assert disputed(world) == []
    do(world, ask_about_money_back, payment)
    world.drain()
    assert (disputed(world), money(world, payment)) == ([("lost", ALL)], (ALL, 0, 0))
    assert told(world) == ["activated", "cancelled", "deactivated"]
    for _ in range(3):
        do(world, ask_about_money_back, payment)
    assert (world.count("disputes"), told(world)) == (1, ["activated", "cancelled", "deactivated"])
    assert_kept(world)


@pytest.mark.fault("W4")
def test_reordered_and_repeated_webhooks_change_nothing_more(world: World) -> None:
    payment = paid(world)
    plan_fault(world, "reorder", "webhook", seconds=60)
    quietly(world, payment)
    plan_fault(world, "repeat", "webhook", copies=3)
    quietly(world, payment, "won")
    world.drain()
    world.pass_time(timedelta(minutes=2))
    assert (disputed(world), money(world, payment)) == ([("won", ALL)], (0, 0, 0))
    assert told(world) == ["activated", "cancelled"]
    assert_kept(world)


def test_a_decision_whose_webhook_was_lost_is_asked_for_within_a_day(world: World) -> None:
    payment = paid(world)
    bank(world, payment)
    plan_fault(world, "drop", "webhook")
    bank(world, payment, "won")
    assert disputed(world) == [("open", ALL)]
    days_pass(world, 2)
    assert disputed(world) == [("won", ALL)]
    assert_kept(world)


def test_what_a_webhook_claims_is_not_believed(world: World) -> None:
    payment = paid(world)
    theirs = world.one("SELECT provider_ref FROM payments")["provider_ref"]
    about = {"object": "dispute", "id": "dp_1", "reference": f"payment:{payment}", "payment": theirs, "state": "lost"}
    for claim in (about, about | {"reference": "dashboard:1", "object": "refund"}, about | {"payment": "pay_other"}):
        event = {"id": f"evt_{uuid4().hex}", "type": "dispute.lost", "data": claim | {"amount": ALL, "currency": RUB}}
        body = json.dumps(event).encode()
        for secret, status in (("a stranger's", 400), (world.sandbox.webhook_secret, 200)):
            headers = {"Sandbox-Signature": sign(body, secret, world.clock.now())}
            answer = world.app.test_client().post("/webhooks/sandbox", data=body, headers=headers)
            assert answer.status_code == status
    world.drain()
    assert (disputed(world), money(world, payment), shown(world)["auto_renew"]) == ([], (0, 0, 0), True)
    assert_kept(world)


def test_a_payment_system_that_cannot_tell_is_asked_again(world: World) -> None:
    payment = paid(world)
    plan_fault(world, "error_before", "find", times=2)
    bank(world, payment)
    assert disputed(world) == []
    world.pass_time(timedelta(minutes=1))
    world.pass_time(timedelta(minutes=1))
    assert disputed(world) == [("open", ALL)]


def silently(world: World, payment: UUID) -> dict[str, object]:
    """A dispute that nobody can be asked about; answers its webhook, looked at once."""
    plan_fault(world, "error_before", "find", times=10_000)
    bank(world, payment)
    return webhook(world)


def webhook(world: World) -> dict[str, object]:
    return world.rows("SELECT state, attempts, processed_at, outcome, received_at FROM inbox ORDER BY seq DESC")[0]


def test_a_silent_payment_system_is_no_attempt_and_a_webhook_waits_days_for_it(world: World) -> None:
    first = silently(world, paid(world))
    assert (first["state"], first["attempts"]) == ("received", 0)
    for _ in range(11):
        world.clock.at += 6 * HOUR
        assert do(world, inbox.run_once) == 1
    assert webhook(world) == first
    next_look = moment_of(world.one("SELECT next_attempt_at FROM inbox WHERE state = 'received'")["next_attempt_at"])
    assert next_look - world.clock.now() <= LONGEST_WAIT
    forget_faults(world)
    world.pass_time(10 * MINUTE)
    assert (disputed(world), webhook(world)["state"]) == ([("open", ALL)], "processed")
    assert_kept(world)


def test_after_days_of_silence_it_is_given_up_and_says_when(world: World) -> None:
    silently(world, paid(world))
    world.clock.at += 3 * DAY
    world.drain()
    given_up = webhook(world)
    assert (given_up["state"], given_up["outcome"]) == ("dead", "the payment system could not tell")
    assert moment_of(given_up["processed_at"]) == world.clock.now()


def test_what_raises_uses_the_attempts_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = paid(world)
    monkeypatch.setattr(inbox, "ask_about_money_back", lambda _: 1 // 0)
    quietly(world, payment)
    for _ in range(ATTEMPTS):
        assert world.rows("SELECT 1 FROM inbox WHERE state = 'dead'") == []
        world.drain()
        world.clock.at += 10 * MINUTE
    given_up = webhook(world)
    assert (given_up["state"], given_up["attempts"]) == ("dead", ATTEMPTS)
    assert "ZeroDivisionError" in str(given_up["outcome"])
    assert given_up["processed_at"] is not None


@pytest.mark.fault("P16")
def test_money_back_of_a_payment_that_waits_for_a_person_is_heard_once_and_changes_nothing(world: World) -> None:
    plan_fault(world, "wrong_amount", "pay")
    subscribed(world)
    row = world.one("SELECT id, state, review_at FROM payments")
    assert row["review_at"] is not None
    bank(world, uuid_of(row["id"]))
    assert (webhook(world)["state"], webhook(world)["attempts"]) == ("processed", 1)
    assert (disputed(world), world.one("SELECT id, state, review_at FROM payments")) == ([], row)
    assert_kept(world)


def test_once_a_person_has_asked_again_the_dispute_of_the_meantime_is_known(world: World) -> None:
    subscribed(world)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    plan_fault(world, "timeout_before", "find", times=10_000, hold_seconds=0)
    plan_fault(world, "drop", "webhook")
    world.clock.at += 31 * DAY
    days_pass(world, 9)
    (row,) = world.rows("SELECT id FROM payments WHERE kind = 'charge' AND review_at IS NOT NULL")
    payment = uuid_of(row["id"])
    forget_faults(world)
    plan_fault(world, "drop", "webhook")
    bank(world, payment)
    do(world, ask_again.ask_again, press(), payment)
    world.drain()
    assert (disputed(world), money(world, payment)) == ([("open", ALL)], (0, 0, ALL))
    assert_kept(world)


# Disputes and refunds of one payment


def test_a_refund_on_its_way_is_left_alone_and_the_dispute_takes_the_rest(world: World) -> None:
    payment = paid(world)
    plan_fault(world, "pending_then_late", "refund", after=86400)
    do(world, operator_refunds.give, press("goodwill"), payment, Money(10000, RUB), Money(ALL, RUB), "keep")
    bank(world, payment)
    assert (made(world), money(world, payment)) == ([("operator", "pending", 10000, "keep")], (0, 10000, 19900))
    bank(world, payment, "lost")
    assert money(world, payment) == (19900, 10000, 0)
    days_pass(world, 2)
    assert money(world, payment) == (ALL, 0, 0)
    assert_kept(world)


def test_a_request_waits_while_it_is_open_and_gives_way_when_it_is_lost(world: World) -> None:
    payment = paid(world)
    asked = do(world, refund.request, ALICE, invoice_of(world), Money(10000, RUB), "changed my mind")
    bank(world, payment)
    assert money(world, payment) == (0, 10000, 19900)
    with pytest.raises(NotRefundable, match="dispute"):
        do(world, operator_refunds.approve, press(), asked, "keep", Money(0, RUB))
    bank(world, payment, "lost")
    assert (disputed(world), money(world, payment)) == ([("lost", ALL)], (ALL, 0, 0))
    row = world.one("SELECT state, grounds FROM refunds")
    assert (row["state"], row["grounds"]) == ("rejected", "already_returned")
    assert (given_back(world), shown(world)["status"]) == ([], "ended")
    assert_kept(world)


def test_a_request_that_is_refused_leaves_its_sum_to_the_bank(world: World) -> None:
    payment = paid(world)
    asked = do(world, refund.request, ALICE, invoice_of(world), Money(10000, RUB), None)
    bank(world, payment)
    do(world, operator_refunds.reject, press("misuse"), asked)
    assert money(world, payment) == (0, 0, ALL)
    bank(world, payment, "won")
    assert money(world, payment) == (0, 0, 0)
    assert_kept(world)


def test_a_refund_that_was_not_sent_yet_waits_for_the_bank(world: World) -> None:
    payment = paid(world)
    plan_fault(world, "rate_limited", "refund", times=1)
    do(world, refund.request, ALICE, invoice_of(world), Money(ALL, RUB), None)
    assert [state for _, state, *_ in made(world)] == ["submitted"]
    quietly(world, payment)
    world.drain()
    assert money(world, payment) == (0, ALL, 0)
    days_pass(world, 3)
    assert (given_back(world), [state for _, state, *_ in made(world)]) == ([], ["submitted"])
    bank(world, payment, "won")
    assert (given_back(world), [state for _, state, *_ in made(world)]) == ([ALL], ["succeeded"])
    assert_kept(world)


@pytest.mark.fault("C9")
def test_of_an_operator_s_refund_and_a_dispute_at_one_moment_nothing_is_given_back_twice(world: World) -> None:
    payment = paid(world)
    quietly(world, payment)
    give = or_refused(
        world, operator_refunds.give, press("goodwill"), payment, Money(ALL, RUB), Money(ALL, RUB), "keep"
    )
    learn: Callable[[], object] = lambda: do(world, ask_about_money_back, payment)  # noqa: E731 - one of two threads
    at_once(give, learn)
    world.settle(3)
    bank(world, payment, "lost")
    assert (given_back(world), money(world, payment), disputed(world)) == ([], (ALL, 0, 0), [("lost", ALL)])
    assert_kept(world)


# Refunds made at the payment system


@pytest.mark.fault("P24")
def test_a_part_refunded_at_the_payment_system_becomes_a_refund_that_keeps_access(world: World) -> None:
    payment = paid(world)
    refund_by_hand(world, payment, 10000)
    assert (made(world), money(world, payment)) == ([("provider", "succeeded", 10000, "keep")], (10000, 0, 0))
    assert (shown(world)["status"], shown(world)["auto_renew"], told(world)) == ("active", True, ["activated"])
    do(world, ask_about_money_back, payment)
    assert world.count("refunds") == 1
    assert_kept(world)


@pytest.mark.fault("P24")
def test_the_whole_refunded_there_ends_the_subscription(world: World) -> None:
    payment = paid(world)
    refund_by_hand(world, payment, 10000)
    world.clock.at += HOUR
    refund_by_hand(world, payment)
    assert made(world) == [("provider", "succeeded", 10000, "keep"), ("provider", "succeeded", 19900, "end_now")]
    assert (money(world, payment), shown(world)["status"], reasons(world)) == ((ALL, 0, 0), "ended", ["refunded"])
    assert told(world) == ["activated", "deactivated"]
    assert_kept(world)


def test_a_slow_refund_made_there_is_followed_to_its_end(world: World) -> None:
    payment = paid(world)
    plan_fault(world, "pending_then_late", "refund", after=2 * 86400, outcome="failed")
    refund_by_hand(world, payment, 10000)
    do(world, ask_about_money_back, payment)
    world.drain()
    assert (made(world), money(world, payment)) == ([("provider", "pending", 10000, "keep")], (0, 10000, 0))
    plan_fault(world, "drop", "webhook")
    days_pass(world, 4)
    assert (made(world), money(world, payment)) == ([("provider", "failed", 10000, "keep")], (0, 0, 0))
    assert_kept(world)


def test_what_was_made_there_never_exceeds_the_payment_and_a_request_gives_way(world: World) -> None:
    payment = paid(world)
    do(world, refund.request, ALICE, invoice_of(world), Money(25000, RUB), None)
    world.clock.at += HOUR
    refund_by_hand(world, payment, 10000)
    assert [(reason, state) for reason, state, *_ in made(world)] == [
        ("customer", "rejected"),
        ("provider", "succeeded"),
    ]
    assert money(world, payment) == (10000, 0, 0)
    assert_kept(world)


def test_our_own_refund_is_not_taken_for_somebody_else_s(world: World) -> None:
    payment = paid(world)
    plan_fault(world, "timeout_after", "refund", hold_seconds=0)
    do(world, operator_refunds.give, press("goodwill"), payment, Money(10000, RUB), Money(ALL, RUB), "keep")
    do(world, ask_about_money_back, payment)
    assert world.count("refunds") == 1
    refund_by_hand(world, payment, 5000)
    world.settle(3)
    assert (sorted(given_back(world)), money(world, payment)) == ([5000, 10000], (15000, 0, 0))
    assert_kept(world)
