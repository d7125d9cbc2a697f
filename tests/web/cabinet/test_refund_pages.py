"""Asking for money back on the pages, and following it, on real rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from portal.domain.policy import Policy
from portal.domain.refund import Refund
from portal.presentation.refunds import STATES, tracker
from tests.presentation.samples import NOW, refund
from tests.web.cabinet.visitor import Visitor
from tests.world import START, World

DAY = timedelta(days=1)


def form_of(world: World, login: str = "alice", count: int = 1) -> Visitor:
    invoice = world.bought(login, count=count)["invoice_guid"]
    return Visitor(world, login).open(f"/cabinet/invoices/{invoice}/refund")


def token_of(visitor: Visitor) -> str:
    found: str = visitor.page.find(".//footer//input[@name='csrf_token']").get("value")
    return found


def test_the_page_says_what_was_paid_and_what_each_offer_does(world: World) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    world.clock.at = START + 5 * DAY
    path = f"/cabinet/invoices/{invoice}/refund"
    visitor = Visitor(world).open(path)
    visitor.says("Paid RUB 299.00, 10 January 2027, Visa ·· 4242", "Paid time 10 January 2027 — 10 February 2027")
    visitor.says("The unused time: RUB 250.77", "Everything: RUB 299.00", "Access ends and renewal stops")
    visitor.says("Another sum", "answers by 25 January 2027 at the latest", "At most RUB 299.00", "same card")
    Visitor(world, language="ru").open(path).says(
        "За неиспользованное время: 250,77 ₽", "Всё: 299,00 ₽", "не позднее 25 января 2027 г. До тех пор"
    )


def test_a_refund_is_asked_for_in_two_clicks_and_followed_on_its_page(world: World) -> None:
    world.bought("alice")
    world.clock.at = START + 5 * DAY
    visitor = Visitor(world).open("/cabinet")

    visitor.click("Ask for a refund").press("Ask for the refund", choice="unused", comment="Not my films.\nSorry.")

    assert visitor.clicks == 2
    assert visitor.path.startswith("/cabinet/refunds/")
    visitor.says("The money is returned", "Refund RUB 250.77", "Goes to Visa ·· 4242", "same card", "For the bank")
    visitor.says("The subscription has ended with this refund.", "Not my films. Sorry.", "Requested by you 15 January")
    assert world.one("SELECT state, offer, amount_minor, comment FROM refunds") == {
        "state": "succeeded",
        "offer": "unused",
        "amount_minor": 25077,
        "comment": "Not my films.\nSorry.",
    }
    Visitor(world).open("/cabinet").says("ended on 15 January 2027 with a refund")
    Visitor(world).open("/cabinet/history").says("Refund of RUB 250.77 started.", "Money returned.", "−RUB 250.77")


def test_from_the_invoice_and_from_the_history_it_is_three_clicks_away(world: World) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    by_invoice = Visitor(world).open("/cabinet").click("Invoices").click("M-2027").click("Ask for a refund")
    by_history = Visitor(world).open("/cabinet").click("History").click("Invoice").click("Ask for a refund")
    for visitor in (by_invoice, by_history):
        assert (visitor.path, visitor.clicks) == (f"/cabinet/invoices/{invoice}/refund", 3)


def test_another_sum_waits_for_a_person_and_says_until_when(world: World) -> None:
    visitor = form_of(world).press("Ask for the refund", choice="other", amount="100,50")

    visitor.says("Your refund is being considered", "answers by 20 January 2027", "Access is not affected")
    assert world.one("SELECT state, amount_minor FROM refunds") == {"state": "requested", "amount_minor": 10050}
    Visitor(world).open("/cabinet/history").says("Refund of RUB 100.50 requested: a person looks at it first.")
    Visitor(world, language="ru").open(visitor.path).says("Возврат на рассмотрении", "не позднее 20 января 2027 г.")


def test_under_the_manual_policy_every_request_says_that_a_person_looks_first(
    make_world: Callable[..., World],
) -> None:
    world = make_world(refund_policy="manual")
    world.seed()
    visitor = form_of(world)
    visitor.says("A person looks at every request first and answers by 20 January 2027")
    visitor.press("Ask for the refund").says("Your refund is being considered")


@pytest.mark.parametrize(
    ("sent", "field", "said"),
    [
        ({"choice": ""}, "choice", "Choose what you would like to have back"),
        ({"choice": "everything"}, "choice", "Choose what you would like to have back"),
        ({"choice": "other", "amount": ""}, "amount", "Enter a sum in figures"),
        ({"choice": "other", "amount": "0"}, "amount", "more than nothing"),
        ({"choice": "other", "amount": "-5"}, "amount", "Enter a sum in figures"),
        ({"choice": "other", "amount": "NaN"}, "amount", "Enter a sum in figures"),
        ({"choice": "other", "amount": "1e2"}, "amount", "Enter a sum in figures"),
        ({"choice": "other", "amount": "1.005"}, "amount", "Enter a sum in figures"),
        ({"choice": "other", "amount": "٣"}, "amount", "Enter a sum in figures"),
        ({"choice": "other", "amount": "299.01"}, "amount", "At most RUB 299.00 can be returned"),
        ({"choice": "other", "amount": "999999999999"}, "amount", "At most RUB 299.00 can be returned"),
        ({"choice": "other", "amount": "5", "comment": "x" * 1001}, "comment", "at most 1000 characters"),
    ],
)
def test_what_cannot_be_asked_for_keeps_the_form(world: World, sent: dict[str, str], field: str, said: str) -> None:
    visitor = form_of(world)
    before = world.counts()

    visitor.press("Ask for the refund", **sent)

    assert visitor.status == 422
    visitor.says("There is a problem", said)
    assert f"#{field}" in visitor.links()
    assert visitor.page.find(".//title").text.startswith("Error:")
    if sent.get("amount"):
        assert visitor.page.find(".//input[@id='amount']").get("value") == sent["amount"]
    assert world.counts() == before


def test_an_offer_that_has_shrunk_meanwhile_is_shown_anew(world: World) -> None:
    visitor = form_of(world)
    world.clock.at = START + 3 * DAY

    visitor.press("Ask for the refund", choice="unused", shown_unused="29900")

    assert visitor.status == 422
    visitor.says("now it is RUB 270.06")
    assert world.count("refunds") == 0
    visitor.press("Ask for the refund").says("Refund RUB 270.06")


def test_kopecks_that_ran_away_while_the_page_was_read_are_no_obstacle(world: World) -> None:
    visitor = form_of(world)
    world.clock.at = START + timedelta(minutes=10)

    visitor.press("Ask for the refund", choice="unused", shown_unused="29900")

    assert world.one("SELECT offer, state FROM refunds") == {"offer": "unused", "state": "succeeded"}


@pytest.mark.parametrize("sent", [{"choice": "full"}, {"choice": "other", "amount": "10"}])
def test_the_same_request_twice_is_one_refund(world: World, sent: dict[str, str]) -> None:
    visitor = form_of(world)
    world.clock.at = START + timedelta(hours=1)
    action, fields = visitor.path, {"csrf_token": token_of(visitor), **sent}
    visitor.send(action, fields)
    first, before = visitor.path, world.counts()

    visitor.send(action, fields)

    assert (visitor.path, world.counts()) == (first, before)


def test_time_that_has_not_begun_is_taken_back_alone(world: World) -> None:
    world.bought("alice")
    world.clock.at += DAY
    visitor = form_of(world)
    visitor.says("Only the time that has not begun is taken back")
    visitor.press("Ask for the refund").says("The time that had not begun is taken back.")
    Visitor(world).open("/cabinet").says("Next charge 10 February 2027, RUB 299.00")


def test_what_was_bought_last_comes_back_first(world: World) -> None:
    first = world.bought("alice")["invoice_guid"]
    world.clock.at += DAY
    last = world.bought("alice")["invoice_guid"]
    visitor = Visitor(world).open(f"/cabinet/invoices/{first}/refund")
    visitor.says("You have bought more time since.")
    assert visitor.click("Ask for that refund").path == f"/cabinet/invoices/{last}/refund"


def test_what_is_over_offers_nothing_by_itself_but_a_person(world: World) -> None:
    visitor = form_of(world)
    Visitor(world).open("/cabinet").click("Cancel subscription").press("Cancel subscription", when="now")
    visitor.open(visitor.path)
    visitor.says("This subscription is over", "Another sum")
    assert "Everything:" not in visitor.read


def test_what_was_returned_or_never_paid_has_no_form(world: World) -> None:
    visitor = form_of(world)
    path = visitor.path
    visitor.press("Ask for the refund").says("The money is returned")
    visitor.open(path).says("has been returned, or is on its way back", "Refund of 10 January 2027")
    assert "Ask for the refund" not in visitor.read
    unpaid = world.buy(world.sign_in("alice"))["invoice_guid"]
    visitor.open(f"/cabinet/invoices/{unpaid}/refund").says("Nothing was paid for this invoice")
    refused = visitor.send(visitor.path, {"csrf_token": token_of(visitor), "choice": "other", "amount": "1"})
    assert refused.status == 409


def test_a_form_without_its_token_and_strangers_get_nowhere(world: World) -> None:
    visitor = form_of(world)
    path = visitor.path
    visitor.press("Ask for the refund", choice="other", amount="10")
    tracked, before = visitor.path, world.counts()
    boris = Visitor(world, "boris").open("/terms")
    assert visitor.send(path, {"choice": "full"}).status == 400
    for hidden in (path, tracked, f"/cabinet/refunds/{uuid4()}"):
        assert boris.open(hidden).status == 404
    boris.open("/terms")
    assert boris.send(path, {"choice": "full", "csrf_token": token_of(boris)}).status == 404
    assert world.counts() == before


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("state", STATES)
def test_every_state_of_a_refund_has_a_page(world: World, state: str, language: str) -> None:
    visitor = form_of(world).press("Ask for the refund", choice="other", amount="10")
    world.write("UPDATE refunds SET state = :state", state=state)
    shown = Visitor(world, language=language).open(visitor.path)
    assert shown.status == 200
    assert len(shown.page.findall(".//h1")) == 1


@pytest.mark.parametrize("locale", ["ru", "en"])
@pytest.mark.parametrize("effect", ["end_now", "take_back", "keep", "period_end"])
def test_every_state_says_what_comes_next_and_what_becomes_of_access(effect: str, locale: str) -> None:
    for state in STATES:
        for accepted in (None, NOW):
            for reason in ("customer", "duplicate", "late", "operator"):
                made: Refund = refund(state, effect=effect, accepted_at=accepted, reason=reason, sent_at=NOW)
                told = tracker(made, Policy(), locale, "Europe/Moscow")
                assert all((told.title, told.next, told.access))
                assert len(told.steps) >= 2
                assert "%(" not in told.next
