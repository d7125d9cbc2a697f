"""An operator gives money back: the form, what it refuses, and two who press at the same time."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from tests.web.admin.ledger import read_id
from tests.web.admin.office import hidden
from tests.web.cabinet.visitor import Visitor
from tests.world import START, World

DAY = timedelta(days=1)
PRESS = "Give money back"
FILLED = {"choice": "other", "amount": "100", "reason": "goodwill", "effect": "keep"}
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def paid(world: World, login: str = "alice") -> UUID:
    """A payment that money can be given back of."""
    world.bought(login)
    return read_id(world, "SELECT id FROM payments ORDER BY id DESC")


def form_of(world: World, payment: UUID, login: str = "finance", language: str = "en") -> Visitor:
    return Visitor(world, login, language).open(f"/admin/payments/{payment}/refund")


def chosen(visitor: Visitor) -> dict[str, str]:
    """What a form that came back has in it: radio buttons, lists and what was typed."""
    page = visitor.page
    radios = {one.get("name"): one.get("value") for one in page.iter("input") if "checked" in one.attrib}
    lists = {
        one.get("name"): option.get("value")
        for one in page.find(".//main").iter("select")
        for option in one.iter("option")
        if "selected" in option.attrib
    }
    typed = {
        "amount": page.find(".//input[@id='amount']").get("value"),
        "note": (page.find(".//textarea").text or "").strip(),
    }
    return radios | lists | typed


def test_two_operators_with_two_open_forms_give_once_and_the_second_is_told_the_new_sum(world: World) -> None:
    payment = paid(world)
    first, second = form_of(world, payment), form_of(world, payment, "finance2")

    first.press(PRESS, **FILLED)
    second.press(PRESS, **FILLED | {"amount": "250,50", "note": "As we said on the phone.", "effect": "period_end"})

    assert (first.status, second.status) == (200, 409)
    first.says("A refund of RUB 100.00 is on its way.", "Goodwill", "An operator gave it", "Operator finance")
    second.says(
        "There is a problem", "RUB 199.00 can be given back now. Nothing was sent.", "Can be given back RUB 199"
    )
    typed = {"amount": "250,50", "note": "As we said on the phone.", "choice": "other", "reason": "goodwill"}
    assert chosen(second) == typed | {"effect": "period_end"}
    assert world.one("SELECT amount_minor, grounds, reason FROM refunds") == {
        "amount_minor": 10000,
        "grounds": "goodwill",
        "reason": "operator",
    }
    told = world.rows("SELECT act, outcome, operator, reason, note FROM activity ORDER BY seq")
    assert [(row["outcome"], row["operator"]) for row in told] == [("done", "finance"), ("sum_changed", "finance2")]

    second.press(PRESS, **FILLED | {"amount": "199"})

    assert second.status == 200
    assert [row["amount_minor"] for row in world.rows("SELECT amount_minor FROM refunds ORDER BY 1")] == [10000, 19900]
    Visitor(world, "finance").open(f"/admin/payments/{payment}").says("Given back already RUB 299.00")


@on_sqlite
def test_a_sum_that_has_changed_is_told_before_anything_else(world: World) -> None:
    """The first refund ended the subscription: what the second form says of access is no longer to be had either."""
    payment = paid(world)
    first, second = form_of(world, payment), form_of(world, payment, "finance2")
    first.press(PRESS, **FILLED | {"effect": "end_now"})
    second.press(PRESS, **FILLED | {"effect": "period_end", "reason": "x" * 100, "note": "y" * 1001})
    assert second.status == 409
    second.says("RUB 199.00 can be given back now", "Access: Access and renewal are not touched.")
    second.press(PRESS, **FILLED | {"effect": "keep", "note": ""})
    assert world.count("refunds") == 2


def test_the_same_form_twice_is_one_refund(world: World) -> None:
    visitor = form_of(world, paid(world))
    path, fields = visitor.path, hidden(visitor.answer.text) | FILLED | {"effect": "end_now"}
    visitor.send(path, fields).says("A refund of RUB 100.00 is on its way.")

    visitor.send(path, fields)

    assert visitor.status == 200
    visitor.says("This was done already; nothing was done twice.")
    assert world.count("refunds") == 1


@on_sqlite
def test_a_sum_may_be_typed_as_people_type_it(world: World) -> None:
    payment = paid(world)
    typed = {"10": 1000, "10,5": 1050, "10.50": 1050, " 1 1 ": 1100, "1\u00a02": 1200}
    for amount in typed:
        form_of(world, payment).press(PRESS, **FILLED | {"amount": amount})
    given = [row["amount_minor"] for row in world.rows("SELECT amount_minor FROM refunds")]
    assert sorted(given) == sorted(typed.values())


WRONG = (
    ({"choice": ""}, "choice", "Choose how much to give back"),
    ({"choice": "everything"}, "choice", "Choose how much to give back"),
    ({"choice": "unused", "unused": "29900"}, "choice", "There is no unused part any more"),
    ({"amount": ""}, "amount", "Enter a sum in figures"),
    ({"amount": "1e2"}, "amount", "Enter a sum in figures"),
    ({"amount": "-1"}, "amount", "Enter a sum in figures"),
    ({"amount": "0"}, "amount", "more than nothing"),
    ({"amount": "299.01"}, "amount", "At most RUB 299.00 can be given back"),
    ({"reason": ""}, "reason", "Choose a reason"),
    ({"reason": "because"}, "reason", "Choose a reason"),
    ({"effect": ""}, "effect", "Choose what happens to access"),
    ({"effect": "take_back"}, "effect", "Choose what happens to access"),
    ({"note": "x" * 1001}, "note", "at most 1000 characters"),
)


@on_sqlite
def test_what_cannot_be_given_keeps_the_form(world: World, subtests: pytest.Subtests) -> None:
    payment = paid(world)
    before = world.counts(), world.count("activity")
    for wrong, field, said in WRONG:
        with subtests.test(str(wrong)[:60]):
            visitor = form_of(world, payment).press(PRESS, **FILLED | wrong)
            assert visitor.status == 422
            visitor.says("There is a problem", said)
            assert f"#{field}" in visitor.links()
            assert visitor.page.find(f".//*[@id='{field}']") is not None
            assert visitor.page.find(".//title").text.startswith("Error:")
    assert (world.counts(), world.count("activity")) == before


def test_what_no_form_of_ours_sends_is_refused_and_never_an_error_of_ours(world: World) -> None:
    payment = paid(world)
    visitor = form_of(world, payment)
    fields = hidden(visitor.answer.text) | FILLED
    for more, status in (
        ({"note": "a\x00b"}, 422),
        ({"amount": "\x00"}, 422),
        ({"left": "abc"}, 400),
        ({"left": "1", "note": "\x00", "reason": "x" * 300}, 409),
        ({"choice": "all", "left": "0"}, 409),
        ({"choice": "all", "left": "9" * 15}, 409),
        ({"act": "abc"}, 400),
    ):
        assert visitor.client.post(visitor.path, data=fields | more).status_code == status, more
    assert world.count("refunds") == 0


@on_sqlite
def test_nothing_is_chosen_beforehand_and_the_page_says_what_is_at_stake(world: World) -> None:
    payment = paid(world)
    world.clock.at = START + 5 * DAY
    visitor = form_of(world, payment)
    before = world.counts()
    assert not [one for one in visitor.page.iter("input") if "checked" in one.attrib]
    visitor.says(
        "Customer alice@example.com", "What was bought Standard", "10 January 2027, 12:00 MSK — 10 February 2027"
    )
    visitor.says("Paid RUB 299.00", "Given back already RUB 0.00", "Can be given back RUB 299.00")
    visitor.says("All that is left: RUB 299.00", "The unused time: RUB 250.77", "Another sum", "At most RUB 299.00")
    visitor.says("Ends at once", "Ends with the paid time", "Stays as it is", "Goodwill")
    assert world.counts() == before


@on_sqlite
@pytest.mark.parametrize(
    ("effect", "state", "renews"),
    [("end_now", "ended", False), ("period_end", "active", False), ("keep", "active", True)],
)
def test_access_does_what_the_operator_said(world: World, effect: str, state: str, renews: bool) -> None:
    form_of(world, paid(world)).press(PRESS, **FILLED | {"choice": "all", "effect": effect})
    world.drain()
    found = world.one("SELECT state, auto_renew FROM subscriptions")
    assert (found["state"], bool(found["auto_renew"])) == (state, renews)
    assert world.one("SELECT amount_minor FROM refunds") == {"amount_minor": 29900}


@on_sqlite
def test_the_unused_part_is_what_the_page_said_for_as_long_as_an_offer_is_good(world: World) -> None:
    payment = paid(world)
    world.clock.at = START + 5 * DAY
    visitor = form_of(world, payment)
    world.clock.at += timedelta(minutes=10)
    visitor.press(PRESS, **FILLED | {"choice": "unused"}).says("A refund of RUB 250.77 is on its way.")


@on_sqlite
def test_the_unused_part_of_a_page_that_was_open_for_a_day_is_another_one_by_now(world: World) -> None:
    payment = paid(world)
    world.clock.at = START + 5 * DAY
    late = form_of(world, payment)
    world.clock.at += DAY + timedelta(minutes=10)
    late.press(PRESS, **FILLED | {"choice": "unused"})
    assert late.status == 422
    late.says("Time went on while the page was open: now it is RUB 241.06. Nothing was sent.")
    assert chosen(late)["choice"] == "unused"


@on_sqlite
def test_where_no_time_runs_there_is_nothing_to_choose_about_access(world: World) -> None:
    payment = paid(world)
    Visitor(world).open("/cabinet").click("Cancel subscription").press("Cancel subscription", when="now")
    visitor = form_of(world, payment)
    visitor.says("Access: Access and renewal are not touched.")
    assert "Ends at once" not in visitor.read
    visitor.press(PRESS, choice="all", reason="agreement").says("A refund of RUB 299.00 is on its way.")


@on_sqlite
def test_a_payment_that_brought_nothing_or_is_given_back_has_no_form(world: World) -> None:
    payment = paid(world)
    form_of(world, payment).press(PRESS, **FILLED | {"choice": "all"})
    visitor = form_of(world, payment)
    visitor.says("All of this payment has been given back, or is on its way back.")
    assert visitor.page.find(".//main//form") is None
    assert PRESS not in Visitor(world, "finance").open(f"/admin/payments/{payment}").read
    world.buy(world.sign_in("boris"))
    unpaid = read_id(world, "SELECT id FROM payments WHERE user_id = 'boris'")
    visitor.open(f"/admin/payments/{unpaid}/refund").says("Nothing was paid with this payment")


@on_sqlite
def test_only_those_who_may_see_the_button_and_reach_the_form(world: World) -> None:
    payment = paid(world)
    for login, may in {"viewer": False, "support": False, "product": False, "finance": True, "admin": True}.items():
        visitor = Visitor(world, login).open(f"/admin/payments/{payment}")
        assert (f"/admin/payments/{payment}/refund" in " ".join(visitor.links())) is may, login
        assert visitor.open(f"/admin/payments/{payment}/refund").status == (200 if may else 403), login
    fields = hidden(form_of(world, payment).answer.text) | FILLED
    refused = Visitor(world, "finance").send(f"/admin/payments/{payment}/refund", fields | {"csrf_token": "stale"})
    assert refused.status == 400
    assert world.count("refunds") == 0


@on_sqlite
def test_the_way_back_leads_to_the_list_it_was_opened_from(world: World) -> None:
    paid(world)
    visitor = Visitor(world, "finance").open("/admin/payments/?state=succeeded&provider=sandbox")
    visitor.click("10 January").click(PRESS).press(PRESS, **FILLED).click("←")
    assert visitor.path == "/admin/payments/?state=succeeded&provider=sandbox"


@on_sqlite
def test_russian_operators_read_russian_sums(world: World) -> None:
    form_of(world, paid(world), language="ru").says("299,00 ₽")
