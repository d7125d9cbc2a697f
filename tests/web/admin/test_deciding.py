"""An operator decides about money that a customer asked back: yes or no, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from tests.web.admin.ledger import read_id
from tests.web.admin.office import hidden
from tests.web.cabinet.visitor import Visitor
from tests.world import START, World

DAY = timedelta(days=1)
APPROVE, REFUSE = "Approve and send", "Refuse the refund"
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def asked(world: World, amount: str = "100", choice: str = "other") -> UUID:
    """A refund that waits for a decision."""
    invoice = world.bought("alice")["invoice_guid"]
    world.clock.at += timedelta(hours=1)
    visitor = Visitor(world).open(f"/cabinet/invoices/{invoice}/refund")
    visitor.press("Ask for the refund", choice=choice, amount=amount, comment="Two films\nwere missing.")
    return read_id(world, "SELECT id FROM refunds")


def form_of(world: World, refund: UUID, what: str, login: str = "finance") -> Visitor:
    return Visitor(world, login).open(f"/admin/refunds/{refund}/{what}")


def state(world: World) -> dict[str, object]:
    return world.one("SELECT state, effect, grounds FROM refunds")


def test_what_waits_stands_in_the_list_and_is_approved_with_two_clicks_and_a_choice(world: World) -> None:
    asked(world)
    visitor = Visitor(world, "finance").open("/admin/refunds/").click("Those that wait for a decision")
    assert visitor.path == "/admin/refunds/?state=requested"
    visitor.says("Under consideration", "RUB 100.00", "alice@example.com", "The customer asked for it")
    visitor.click("10 January").says("A sum of the customer's own", "Two films were missing.", "by 20 January 2027")

    visitor.click("Approve").says("Asked for RUB 100.00", "Paid RUB 299.00", "Can be given back RUB 199.00")
    visitor.press(APPROVE, effect="period_end", note="They are right.")

    visitor.says("The refund of RUB 100.00 is on its way.", "Returned", "Ends with the paid time")
    assert state(world) == {"state": "succeeded", "effect": "period_end", "grounds": None}
    assert not world.one("SELECT auto_renew FROM subscriptions")["auto_renew"]
    log = world.one("SELECT act, outcome, operator, note FROM activity")
    assert log == {"act": "refund.approve", "outcome": "done", "operator": "finance", "note": "They are right."}


def test_what_is_refused_says_why_and_frees_the_sum(world: World) -> None:
    refund = asked(world)
    form_of(world, refund, "reject").press(REFUSE, reason="asked_too_late").says(
        "The refund of RUB 100.00 is refused.", "Refused", "Asked for too late", "Can be given back RUB 299.00"
    )
    assert state(world) == {"state": "rejected", "effect": "keep", "grounds": "asked_too_late"}
    assert world.one("SELECT reserved_minor FROM payments") == {"reserved_minor": 0}


def test_of_two_operators_one_decides_and_the_other_reads_that_it_is_decided(world: World) -> None:
    refund = asked(world)
    first, second, third = (form_of(world, refund, what, who) for what, who in OPENED)

    first.press(APPROVE, effect="keep")
    second.press(REFUSE, reason="misuse")
    third.press(APPROVE, effect="end_now")

    assert (first.status, second.status, third.status) == (200, 409, 409)
    second.says("This refund does not wait for a decision any more.", "Returned")
    third.says("This refund does not wait for a decision any more.")
    assert state(world) == {"state": "succeeded", "effect": "keep", "grounds": None}
    outcomes = [row["outcome"] for row in world.rows("SELECT outcome FROM activity ORDER BY seq")]
    assert outcomes == ["done", "not_decidable", "not_decidable"]
    assert world.one("SELECT state FROM subscriptions") == {"state": "active"}


OPENED = (("approve", "finance"), ("reject", "finance2"), ("approve", "admin"))


def test_another_refund_of_the_same_payment_meanwhile_is_told_before_anything_is_sent(world: World) -> None:
    refund = asked(world)
    visitor = form_of(world, refund, "approve")
    payment = read_id(world, "SELECT id FROM payments")
    given = {"choice": "other", "amount": "50", "reason": "goodwill", "effect": "keep"}
    Visitor(world, "finance2").open(f"/admin/payments/{payment}/refund").press("Give money back", **given)

    visitor.press(APPROVE, effect="keep", note="Typed before.")

    assert visitor.status == 409
    visitor.says("beside this refund it is RUB 149.00 now. Nothing was sent.", "Typed before.")
    assert "#left" in visitor.links()
    assert world.one("SELECT state FROM refunds WHERE reason = 'customer'") == {"state": "requested"}
    visitor.press(APPROVE).says("The refund of RUB 100.00 is on its way.")


@pytest.mark.parametrize(("what", "fields"), [("approve", {"effect": "end_now"}), ("reject", {"reason": "misuse"})])
def test_the_same_form_twice_decides_once(world: World, what: str, fields: dict[str, str]) -> None:
    visitor = form_of(world, asked(world), what)
    path, sent = visitor.path, hidden(visitor.answer.text) | fields
    visitor.send(path, sent)
    before = state(world)

    visitor.send(path, sent)

    assert visitor.status == 200
    visitor.says("This was done already; nothing was done twice.")
    assert state(world) == before
    assert world.count("activity") == 1


UNFINISHED = (
    ("approve", {}, "effect", "Choose what happens to access"),
    ("approve", {"effect": "take_back"}, "effect", "Choose what happens to access"),
    ("approve", {"effect": "keep", "note": "x" * 1001}, "note", "at most 1000 characters"),
    ("reject", {"reason": ""}, "reason", "Choose a reason"),
    ("reject", {"reason": "goodwill"}, "reason", "Choose a reason"),
    ("reject", {"reason": "misuse", "note": "x" * 1001}, "note", "at most 1000 characters"),
)


@on_sqlite
def test_an_unfinished_decision_keeps_the_form(world: World, subtests: pytest.Subtests) -> None:
    refund = asked(world)
    for what, fields, field, said in UNFINISHED:
        with subtests.test(f"{what} {fields}"[:60]):
            visitor = form_of(world, refund, what).press(APPROVE if what == "approve" else REFUSE, **fields)
            assert visitor.status == 422
            visitor.says("There is a problem", said)
            assert f"#{field}" in visitor.links()
            assert visitor.page.find(f".//*[@id='{field}']") is not None
    assert state(world)["state"] == "requested"
    assert world.count("activity") == 0


@on_sqlite
def test_under_the_manual_policy_an_offer_is_approved_as_it_was_offered(make_world: Callable[..., World]) -> None:
    world = make_world(refund_policy="manual")
    world.seed()
    refund = asked(world, choice="full", amount="")
    visitor = form_of(world, refund, "approve")
    visitor.says("The offer: everything", "Can be given back RUB 0.00")
    checked = [one.get("value") for one in visitor.page.iter("input") if "checked" in one.attrib]
    assert checked == ["end_now"]
    visitor.press(APPROVE)
    assert state(world) == {"state": "succeeded", "effect": "end_now", "grounds": None}
    assert world.one("SELECT state FROM subscriptions") == {"state": "ended"}


@on_sqlite
def test_what_has_waited_longer_than_the_customer_was_told_is_overdue(world: World) -> None:
    refund = asked(world)
    world.clock.at = START + 5 * DAY
    visitor = Visitor(world, "viewer").open("/admin/refunds/")
    assert "Overdue" not in visitor.read
    world.clock.at = START + 11 * DAY
    visitor.open("/admin/refunds/").says("10 days Overdue")
    visitor.open(f"/admin/refunds/{refund}").says("Refund of RUB 100.00")


@on_sqlite
def test_only_those_who_may_decide(world: World) -> None:
    refund = asked(world)
    for login, may in {"viewer": False, "support": False, "product": False, "finance": True, "admin": True}.items():
        visitor = Visitor(world, login).open(f"/admin/refunds/{refund}")
        links = " ".join(visitor.links())
        assert (f"/admin/refunds/{refund}/approve" in links, f"/admin/refunds/{refund}/reject" in links) == (may, may)
        for what in ("approve", "reject"):
            assert visitor.open(f"/admin/refunds/{refund}/{what}").status == (200 if may else 403), login
    assert state(world)["state"] == "requested"
