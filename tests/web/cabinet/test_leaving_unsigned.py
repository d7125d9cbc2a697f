"""Cancelling without sign-in: an e-mail and an invoice number, the proof at once, and nothing for who pries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from tests.services.bank import bank, payment_of
from tests.services.month import DAY, DECLINES_LATER, subscribed, subscription_id
from tests.services.promise import uuid_of
from tests.services.together import at_once
from tests.services.trial import tried
from tests.web.admin.office import send
from tests.web.cabinet.site import words
from tests.web.cabinet.visitor import Visitor
from tests.world import World, csrf_of

NUMBER = "M-2027-000001"
EMAIL = "alice@example.com"
SAME_WORDS = "We found no subscription with this e-mail address and this invoice number."


def stranger(world: World) -> FlaskClient:
    client = world.app.test_client()
    client.set_cookie("lang", "en", domain="localhost")
    return client


def ask(client: FlaskClient, email: str = EMAIL, number: str = NUMBER) -> TestResponse:
    page = client.get("/cancel?account=other").text
    return client.post("/cancel", data={"csrf_token": csrf_of(page), "email": email, "number": number})


def proof(client: FlaskClient, answer: TestResponse) -> str:
    assert answer.status_code == 303, words(answer.text)
    assert answer.location.startswith("/cancel/")
    shown = client.get(answer.location)
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "no-store"
    return words(shown.text).replace("\u00a0", " ")


def left(world: World) -> str:
    """What the proof of a stranger who knows both says."""
    client = stranger(world)
    return proof(client, ask(client))


def renewal(world: World) -> dict[str, Any]:
    return world.one("SELECT state, auto_renew FROM subscriptions")


def test_who_knows_both_ends_the_renewal_and_has_the_proof_at_once(world: World) -> None:
    world.bought("alice")
    client = stranger(world)
    assert 'href="/cancel"' in client.get("/").text
    events = world.count("outbox")

    read = proof(client, ask(client, "  Alice@Example.COM ", "м 2027-000001".replace(" ", "\u2013")))

    assert "The subscription is cancelled No further charges. Access until 10 February 2027." in read
    assert "Cancelled on 10 January 2027, 12:00 MSK Access until 10 February 2027, 12:00 MSK" in read
    assert "Reference number C-0000" in read
    assert "alice" not in read.lower()
    assert renewal(world) == {"state": "active", "auto_renew": False}
    assert world.count("outbox") == events + 1
    (told,) = world.rows("SELECT actor FROM history WHERE event = 'cancelled_at_period_end'")
    assert told["actor"] == "unsigned:alice"
    page = f"/admin/subscriptions/{subscription_id(world)}"
    Visitor(world, "viewer").open(page).says("Customer alice, without signing in")
    before = world.counts()
    assert left(world) == read
    assert world.counts() == before
    Visitor(world).open("/cabinet").press("Switch renewal on")
    assert "The subscription is cancelled" in left(world)
    assert len(world.rows("SELECT 1 FROM history WHERE event = 'cancelled_at_period_end'")) == 2


def test_nobody_learns_whose_e_mail_is_a_customers(world: World) -> None:
    world.bought("alice")
    world.bought("boris")
    before, client = world.counts(), stranger(world)
    wrong = [
        ("boris@example.com", NUMBER),
        (EMAIL, "M-2027-000002"),
        (EMAIL, "M-2027-999999"),
        ("nobody@example.com", NUMBER),
        ("nobody@example.com", "M-2027-999999"),
        ("nobody@example.com", "000001"),
        ("x" * 400, NUMBER),
    ]
    pages = set()
    for email, number in wrong:
        answer = ask(client, email, number)
        assert answer.status_code == 422
        read = words(answer.text)
        assert SAME_WORDS in read
        pages.add(read)
    assert len(pages) == 1, "what was typed stands in fields, the words are the same"
    for email, number, said in (
        ("", NUMBER, "Enter the e-mail"),
        ("alice\x00@example.com", NUMBER, "Enter the e-mail"),
        (EMAIL, " ", "Enter the number"),
        (EMAIL, f"{NUMBER}\x00", "Enter the number"),
    ):
        answer = ask(client, email, number)
        assert (answer.status_code, said in words(answer.text)) == (422, True)
    assert client.post("/cancel", data={"email": EMAIL, "number": NUMBER}).status_code == 400
    assert client.get("/cancel", query_string={"email": EMAIL, "number": NUMBER}).status_code == 200
    assert world.counts() == before


def test_the_address_of_a_proof_cannot_be_guessed_and_closes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.bought("alice")
    guid, client = subscription_id(world), stranger(world)
    address = ask(client).location
    foreign = URLSafeTimedSerializer("another secret", salt="proof of cancelling").dumps(str(guid))
    for token in (str(guid), foreign, "x", address.rpartition("/")[2][:-1]):
        answer = client.get(f"/cancel/{token}")
        assert answer.status_code == 410
        assert "Standard" not in answer.text
    assert client.get(address).status_code == 200
    monkeypatch.setattr("portal.web.cabinet.leave.PROOF_OPEN_FOR", timedelta(seconds=-1))
    closed = client.get(address)
    assert closed.status_code == 410
    assert "What was cancelled stays cancelled." in words(closed.text)


def test_whoever_is_signed_in_is_led_to_their_own(world: World) -> None:
    assert Visitor(world).open("/cancel").says("E-mail of the account")
    world.bought("alice")
    alice = Visitor(world).open("/cancel")
    assert alice.path == f"/cabinet/subscriptions/{subscription_id(world)}/cancel"
    world.bought("alice", "sport")
    alice.open("/cancel").says("Which subscription do you want to cancel?", "Standard", "Sport")
    alice.click("Cancel it without signing in").says("E-mail of the account")
    client = stranger(world)
    assert "Another subscription of this account still renews." in proof(client, ask(client))


def test_a_debt_is_not_tried_again_and_an_ended_one_says_so(world: World) -> None:
    subscribed(world, DECLINES_LATER)
    world.pass_time(32 * DAY)
    assert renewal(world)["state"] == "past_due"
    read = left(world)
    assert "The subscription is cancelled" in read
    assert "Ended on 11 February 2027" in read
    tries = world.count("payments")
    world.pass_time(10 * DAY)
    assert (renewal(world)["state"], world.count("payments")) == ("ended", tries)
    assert left(world) == read


def test_a_trial_is_cancelled_before_its_first_charge(world: World) -> None:
    tried(world)
    assert "The trial ends on 17 January 2027. Nothing will be charged." in left(world)
    world.pass_time(10 * DAY)
    assert renewal(world)["state"] == "ended"
    assert len(world.rows("SELECT 1 FROM payments WHERE amount_minor > 0")) == 0


def test_what_never_began_is_parked_or_disputed_is_answered_in_its_own_words(world: World) -> None:
    world.buy(world.sign_in("alice"))
    assert "There is nothing to cancel" in left(world)
    assert "Nothing is charged unless you pay the order yourself." in left(world)
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])
    world.drain()
    guid = subscription_id(world)
    parked = send(world.browser("support"), f"/admin/parking/{guid}/park", reason="suspicious")
    assert parked.status_code == 303
    assert "The subscription is cancelled" in left(world)
    assert not renewal(world)["auto_renew"]
    bank(world, payment_of(world, uuid_of(world.one("SELECT id FROM invoices")["id"])))
    assert "The subscription is cancelled" in left(world)


def test_twice_at_once_cancels_once(world: World) -> None:
    world.bought("alice")
    clients = [stranger(world) for _ in range(6)]

    def leaver(client: FlaskClient) -> Callable[[], int]:
        token = csrf_of(client.get("/cancel").text)
        form = {"csrf_token": token, "email": EMAIL, "number": NUMBER}
        return lambda: client.post("/cancel", data=form).status_code

    assert at_once(*[leaver(client) for client in clients]) == [303] * 6
    assert len(world.rows("SELECT 1 FROM history WHERE event = 'cancelled_at_period_end'")) == 1


def test_trying_many_pairs_ends_soon_for_an_address_and_for_an_account(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tries(client: FlaskClient, email: str, address: str, times: int) -> list[int]:
        token = csrf_of(client.get("/cancel").text)
        form = {"csrf_token": token, "email": email, "number": "M-2027-999999"}
        sent = [client.post("/cancel", data=form, environ_base={"REMOTE_ADDR": address}) for _ in range(times)]
        return [answer.status_code for answer in sent]

    client = stranger(world)
    assert tries(client, EMAIL, "192.0.2.1", 11) == [422] * 10 + [429]
    assert tries(client, EMAIL.upper(), "192.0.2.2", 1) == [429]
    assert tries(client, "boris@example.com", "192.0.2.2", 1) == [422]
    others = [tries(client, f"{n}@example.com", "192.0.2.3", 1)[0] for n in range(31)]
    assert others == [422] * 30 + [429]
    assert client.get("/cancel").status_code == 200
    assert world.bought("alice")["state"] == "paid"
