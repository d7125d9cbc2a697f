"""The portal with Stripe: settings, client, real HTTP, signed webhooks, and what the customer ends up with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from portal.config import Settings
from portal.services import save_method
from portal.services.audit import Books, violations
from tests.conftest import settings_for
from tests.providers.stripe.shop import ALWAYS_ASKS
from tests.services.month import AGREED, ALICE, do
from tests.services.trial import DAYS, tried
from tests.stripe_wire.world import StripeWorld, stripe_world
from tests.web.admin.statements import Statements
from tests.world import csrf_of

MONTH = timedelta(days=32)
TRIES = "SELECT state, provider_ref, decline_code, redirect_url FROM payments WHERE kind = 'charge' ORDER BY id"

CLAIMS = (
    b'{"id": "evt_%d", "object": "event", "livemode": false, "type": "payment_intent.succeeded", "data": {"object": '
    b'{"id": "pi_1", "object": "payment_intent", "metadata": {"matinee_reference": "%s"}}}}'
)


@pytest.fixture
def world(tmp_path: Path, database_url: str, secrets_template: Path) -> Iterator[StripeWorld]:
    shutil.copytree(secrets_template, tmp_path / "secrets", dirs_exist_ok=True)

    def make(**more: object) -> Settings:
        return settings_for(tmp_path, database_url, **more)

    with stripe_world(tmp_path, make) as opened:
        yield opened


def subscription(world: StripeWorld) -> str:
    return str(world.one("SELECT state FROM subscriptions")["state"])


def test_bought_renewed_and_given_back(world: StripeWorld) -> None:
    invoice = world.bought()
    assert invoice["state"] == "paid"
    assert subscription(world) == "active"
    (method,) = world.rows("SELECT provider, title, kind FROM payment_methods")
    assert dict(method) == {"provider": "stripe", "title": "Visa ·· 4242", "kind": "card"}
    world.pass_time(MONTH)
    assert [row["state"] for row in world.rows(TRIES)] == ["succeeded"]
    assert len(world.stripe.taken()) == 2
    asked = {"invoice_guid": invoice["invoice_guid"], "price": {"amount": 100, "currency": "RUB"}}
    assert world.sign_in("alice").post("/refunds", asked).status_code == 200
    world.drain()
    assert world.one("SELECT count(*) AS n FROM refunds WHERE state IN ('requested', 'succeeded')")["n"] == 1


def test_a_trial_saves_a_card_over_nothing_and_charges_it_at_its_end(world: StripeWorld) -> None:
    tried(world)
    assert (subscription(world), world.stripe.taken()) == ("trialing", [])
    world.pass_time(timedelta(days=DAYS, hours=1))
    assert (subscription(world), world.stripe.taken()) == ("active", [29900])


def test_a_card_saved_in_the_cabinet_pays_the_next_month(world: StripeWorld) -> None:
    world.bought()
    page = do(world, save_method.start, ALICE, AGREED)
    world.pay(page, "5555 5555 5555 4444")
    world.drain()
    world.pass_time(MONTH)
    assert [one["card"] for one in world.stripe.book.charges()] == ["good", "mastercard"]
    customers = world.rows("SELECT DISTINCT customer_ref FROM payment_methods")
    assert len(customers) == 1


def test_a_page_of_an_order_that_was_given_up_cannot_be_paid(world: StripeWorld) -> None:
    alice = world.sign_in("alice")
    started = world.buy(alice)
    assert alice.post(f"/invoices/{started['invoice_guid']}/cancel", {}).status_code == 200
    assert world.pay(started["redirect_url"]).status_code == 410
    world.drain()
    invoice = alice.get(f"/invoices/{started['invoice_guid']}").json
    assert (invoice["state"], invoice["fail_reason"]) == ("fail", "cancelled")


def test_a_page_that_nobody_paid_runs_out(world: StripeWorld) -> None:
    started = world.buy(world.sign_in("alice"))
    world.pass_time(timedelta(hours=25))
    invoice = world.sign_in("alice").get(f"/invoices/{started['invoice_guid']}").json
    assert (invoice["state"], invoice["fail_reason"]) == ("fail", "expired")
    assert subscription(world) == "expired"


@pytest.mark.fault("P12")
def test_a_bank_that_asks_at_the_renewal_is_answered_on_the_same_payment(world: StripeWorld) -> None:
    started = world.buy(world.sign_in("alice"))
    world.pay(started["redirect_url"], ALWAYS_ASKS)
    world.drain()
    world.pass_time(MONTH)
    (asked,) = world.rows(TRIES)
    assert asked["state"] == "requires_action"
    world.stripe.decide(asked["redirect_url"])
    world.drain()
    (paid,) = world.rows(TRIES)
    assert (paid["state"], paid["provider_ref"]) == ("succeeded", asked["provider_ref"])
    assert subscription(world) == "active"
    assert len(world.stripe.taken()) == 2


@pytest.mark.fault("P10")
def test_all_tries_for_one_renewal_are_one_payment_at_stripe(world: StripeWorld) -> None:
    world.bought()
    world.stripe.plan("decline", "charge", code="insufficient_funds")
    world.pass_time(MONTH)
    assert subscription(world) == "past_due"
    world.pass_time(timedelta(days=1, hours=1))
    first, second = world.rows(TRIES)
    assert (first["state"], first["decline_code"]) == ("failed", "insufficient_funds")
    assert (second["state"], second["provider_ref"]) == ("succeeded", first["provider_ref"])
    assert subscription(world) == "active"
    world.stripe.dispute(world.stripe.book.charges()[-1]["reference"])
    world.drain()
    assert world.one("SELECT p.state FROM disputes d JOIN payments p ON p.id = d.payment_id")["state"] == "succeeded"


@pytest.mark.fault("P1")
@pytest.mark.fault("P3")
@pytest.mark.fault("W8")
@pytest.mark.parametrize("fault", ["error_after", "garbage", "truncated", "reset"])
def test_an_answer_that_was_lost_is_found_and_nothing_is_taken_twice(world: StripeWorld, fault: str) -> None:
    world.bought()
    world.stripe.plan("drop", "webhook")
    world.stripe.plan(fault, "charge", when="after")
    world.pass_time(MONTH)
    world.settle(hours=1)
    assert [row["state"] for row in world.rows(TRIES)] == ["succeeded"]
    assert len(world.stripe.taken()) == 2


@pytest.mark.fault("P1")
def test_a_second_try_of_which_nobody_answered_is_found_at_the_payment_of_the_first(world: StripeWorld) -> None:
    world.bought()
    world.stripe.plan("decline", "charge")
    world.pass_time(MONTH)
    world.stripe.plan("drop", "webhook")
    world.stripe.plan("error_after", "charge")
    world.pass_time(timedelta(days=1, hours=1))
    world.settle(hours=1)
    first, second = world.rows(TRIES)
    assert (second["state"], second["provider_ref"]) == ("succeeded", first["provider_ref"])
    assert len(world.stripe.taken()) == 2


@pytest.mark.fault("P8")
def test_a_wrong_key_duns_nobody(world: StripeWorld) -> None:
    world.bought()
    world.stripe.plan("wrong_key", "charge")
    world.pass_time(MONTH)
    assert subscription(world) == "active"
    world.settle(hours=1)
    assert len(world.stripe.taken()) == 2


@pytest.mark.fault("P20")
def test_a_method_removed_in_the_cabinet_is_detached_at_stripe(world: StripeWorld) -> None:
    world.bought()
    browser = world.browser("alice")
    (row,) = world.rows("SELECT id, method_ref FROM payment_methods")
    page = f"/cabinet/methods/{UUID(str(row['id']))}/remove"
    browser.post(page, data={"csrf_token": csrf_of(browser.get(page).text)})
    world.run_jobs()
    detached = [one for one in world.stripe.book.requests() if one["operation"] == "detach"]
    assert [one["took_effect"] for one in detached] == [True]
    world.pass_time(MONTH)
    assert len(world.stripe.taken()) == 1
    assert subscription(world) == "ended"


@pytest.mark.fault("P24")
@pytest.mark.fault("P25")
def test_what_is_taken_back_past_us_is_imported(world: StripeWorld) -> None:
    world.bought()
    (reference,) = [one["reference"] for one in world.stripe.book.charges()]
    world.stripe.refund_by_hand(reference, 5000)
    world.drain()
    (refund,) = world.rows("SELECT state, reason, amount_minor FROM refunds")
    assert (refund["state"], refund["reason"], refund["amount_minor"]) == ("succeeded", "provider", 5000)
    world.stripe.dispute(reference)
    world.drain()
    assert [row["state"] for row in world.rows("SELECT state FROM disputes")] == ["open"]
    world.stripe.dispute(reference, "lost")
    world.drain()
    assert [row["state"] for row in world.rows("SELECT state FROM disputes")] == ["lost"]
    assert subscription(world) == "ended"


@pytest.mark.fault("W11")
@pytest.mark.fault("W19")
def test_every_webhook_is_kept_once(world: StripeWorld) -> None:
    world.stripe.plan("repeat", "webhook", copies=3)
    world.bought()
    rows = world.rows("SELECT kind, state FROM inbox ORDER BY seq")
    assert [row["kind"] for row in rows] == ["checkout.session.completed", "payment_intent.succeeded"]
    assert {row["state"] for row in rows} == {"processed"}


@pytest.mark.fault("W20")
def test_a_flood_of_forged_webhooks_does_not_reach_the_database(world: StripeWorld) -> None:
    world.buy(world.sign_in("alice"))
    reference = world.stripe.book.payments()[0]["reference"]
    door, before = world.app.test_client(), world.counts()
    statements = Statements(world)
    for number in range(300):
        body = CLAIMS % (number, reference.encode())
        forged = world.stripe.sign(body, secret=f"guess {number}")
        assert door.post("/webhooks/stripe", data=body, headers=forged).status_code == 400
    assert statements.count == 0
    assert world.counts() == before
    body = CLAIMS % (300, reference.encode())
    assert door.post("/webhooks/stripe", data=body, headers=world.stripe.sign(body)).status_code == 200
    assert world.counts() == before | {"inbox": before["inbox"] + 1}


@pytest.mark.fault("W5")
def test_what_a_webhook_of_stripes_claims_is_not_believed_but_asked_for(world: StripeWorld) -> None:
    started = world.buy(world.sign_in("alice"))
    body = CLAIMS % (1, world.stripe.book.payments()[0]["reference"].encode())
    door = world.app.test_client()
    assert door.post("/webhooks/stripe", data=body, headers=world.stripe.sign(body)).status_code == 200
    world.drain()
    assert world.sign_in("alice").get(f"/invoices/{started['invoice_guid']}").json["state"] == "not_paid"
    assert world.count("periods") == 0


def test_the_audit_finds_our_books_and_stripes_the_same(world: StripeWorld) -> None:
    world.bought()
    world.stripe.plan("decline", "charge")
    world.pass_time(MONTH)
    world.pass_time(timedelta(days=1, hours=1))
    with world.app.app_context():
        assert list(violations(provider=Books())) == []


@pytest.mark.fault("P4")
def test_nothing_new_is_opened_while_the_bank_still_thinks(world: StripeWorld) -> None:
    world.bought()
    world.stripe.plan("pending_then_late", "charge", after=3 * 86_400)
    world.pass_time(MONTH)
    assert [row["state"] for row in world.rows(TRIES)] == ["pending"]
    answer = world.sign_in("alice").post("/purchases", {"product_id": "premium", "product_count": 1})
    assert answer.status_code == 409
    assert world.count("payments") == 2


@pytest.mark.fault("P13")
def test_a_bank_that_nobody_answers_ends_the_try_and_gives_no_time(world: StripeWorld) -> None:
    started = world.buy(world.sign_in("alice"))
    world.pay(started["redirect_url"], ALWAYS_ASKS)
    world.drain()
    world.pass_time(MONTH)
    for _ in range(20):
        world.pass_time(timedelta(days=1))
    assert {row["state"] for row in world.rows(TRIES)} == {"failed"}
    assert (subscription(world), world.count("periods"), len(world.stripe.taken())) == ("ended", 1, 1)


@pytest.mark.fault("P14")
def test_a_yes_that_comes_after_the_customer_has_gone_is_given_back(world: StripeWorld) -> None:
    world.bought()
    world.stripe.plan("pending_then_late", "charge", after=3 * 86_400)
    world.pass_time(MONTH)
    alice = world.sign_in("alice")
    (held,) = alice.get("/subscriptions").json
    assert alice.post(f"/subscriptions/{held['subscription_id']}/cancel", {"when": "now"}).status_code == 200
    for _ in range(6):
        world.pass_time(timedelta(days=1))
    assert [row["state"] for row in world.rows(TRIES)] == ["succeeded"]
    given = world.rows("SELECT reason, state FROM refunds")
    assert [(row["reason"], row["state"]) for row in given] == [("late", "succeeded")]


@pytest.mark.fault("W18")
@pytest.mark.parametrize("body", [b"\xff" * 100, b"[" * 20_000, b'{"id": 1}', b"null"])
def test_a_signed_body_that_says_nothing_is_refused_or_kept_and_never_an_error(world: StripeWorld, body: bytes) -> None:
    answer = world.app.test_client().post("/webhooks/stripe", data=body, headers=world.stripe.sign(body))
    assert answer.status_code in (200, 400)
    world.drain()
    assert world.count("payments") == 0


@pytest.mark.fault("W18")
def test_a_body_of_ten_megabytes_is_not_read(world: StripeWorld) -> None:
    body = b" " * 10_000_000
    answer = world.app.test_client().post("/webhooks/stripe", data=body, headers=world.stripe.sign(body))
    assert answer.status_code == 413
    assert world.count("inbox") == 0


@pytest.mark.fault("W9")
def test_what_we_could_not_take_for_an_hour_comes_again_and_is_believed(world: StripeWorld) -> None:
    started = world.buy(world.sign_in("alice"))
    world.pay(started["redirect_url"])
    world.write("ALTER TABLE inbox RENAME TO inbox_away")
    with world.app.app_context():
        world.deliverer.run_once()
    world.write("ALTER TABLE inbox_away RENAME TO inbox")
    world.drain()
    assert (subscription(world), world.count("inbox")) == ("pending", 0)
    world.clock.at += timedelta(hours=1)
    world.drain()  # nobody asks by himself here: only the webhook can have said it
    assert subscription(world) == "active"


@pytest.mark.fault("P7")
@pytest.mark.fault("P19")
def test_hours_in_which_nothing_can_be_charged_are_nobodys_decline(world: StripeWorld) -> None:
    world.bought()
    world.stripe.plan("rate_limited", "charge", times=4)
    world.pass_time(MONTH)
    for _ in range(6):
        assert (subscription(world), len(world.rights("alice")["entitlements"])) == ("active", 1)
        world.pass_time(timedelta(hours=1))
    assert len(world.stripe.taken()) == 2
    assert world.one("SELECT declines FROM subscriptions")["declines"] == 0
