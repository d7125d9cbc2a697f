"""Why did you cancel: asked once, below the proof, and counted where operators look."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from tests.services.month import subscription_id
from tests.services.together import at_once
from tests.web.admin.office import send
from tests.web.admin.statements import Statements
from tests.web.cabinet.visitor import Visitor
from tests.world import World, csrf_of


def cancelled(world: World, login: str = "alice") -> Visitor:
    world.bought(login)
    return Visitor(world, login).open("/cabinet").click("Cancel subscription").press("Cancel subscription")


def answers(world: World) -> list[tuple[str, str | None]]:
    return [(row["reason"], row["comment"]) for row in world.rows("SELECT * FROM cancel_reasons ORDER BY at")]


def test_one_click_answers_once_and_changes_nothing_of_the_cancellation(world: World) -> None:
    visitor = cancelled(world)
    visitor.says("Why did you cancel?", "You need not answer.")
    before, proof = world.counts(), visitor.read.partition("Why did you cancel?")[0]
    address, token = f"{visitor.path}/reason", csrf_of(visitor.answer.text)
    form = {"csrf_token": token}

    assert visitor.send(address, form | {"reason": "because"}).status == 400
    assert visitor.send(address, {"reason": "technical"}).status == 400
    assert visitor.send(address, form | {"reason": "other", "comment": "x" * 501}).status == 422
    visitor.says("There is a problem", "Write at most 500 characters of plain text", "x" * 501)
    stranger = Visitor(world, "boris").open("/terms")
    told = {"csrf_token": csrf_of(stranger.answer.text), "reason": "technical"}
    assert stranger.send(address, told).status == 404
    assert answers(world) == []

    visitor.open(address.removesuffix("/reason")).press("Too expensive")

    visitor.says("Thank you for the answer")
    assert visitor.read.partition("Thank you")[0].replace("Error: ", "") == proof
    visitor.send(address, form | {"reason": "other", "comment": "No, something else"})
    assert answers(world) == [("too_expensive", None)]
    assert world.counts() == before


def test_two_answers_at_once_are_one_and_a_resumed_subscription_is_asked_about_anew(world: World) -> None:
    visitor = cancelled(world)
    address, token = f"{visitor.path}/reason", csrf_of(visitor.answer.text)
    client = visitor.client

    def answer() -> int:
        return client.post(
            address, data={"csrf_token": token, "reason": "other", "comment": " In a hurry "}
        ).status_code

    assert at_once(*[answer] * 4) == [303] * 4
    assert answers(world) == [("other", "In a hurry")]
    visitor.open("/cabinet").press("Switch renewal on")
    assert visitor.send(address, {"csrf_token": token, "reason": "technical"}).status == 404
    visitor.open("/cabinet").click("Cancel subscription").press("Cancel subscription").press("Technical problems")
    assert len(answers(world)) == 2
    with pytest.raises(IntegrityError, match="ck_cancel_reasons_comment"):
        world.write("UPDATE cancel_reasons SET comment = 'x' WHERE reason = 'technical'")
    with pytest.raises(IntegrityError, match="ck_cancel_reasons_reason"):
        world.write("UPDATE cancel_reasons SET reason = 'because', comment = NULL")


def test_operators_see_who_said_what_and_how_many_of_how_many(world: World) -> None:
    cancelled(world).press("Something else", comment="<b>Adverts</b>")
    cancelled(world, "boris").press("Too expensive")
    cancelled(world, "clara")
    office = Visitor(world, "viewer").open("/admin/leaving/")
    office.says("2 of 3 cancellations", "Too expensive 1 50 %", "Technical problems 0 0 %", "<b>Adverts</b>")
    assert "clara@example.com" not in office.read
    office.open("/admin/leaving/?reason=too_expensive").says("boris@example.com")
    assert "Adverts" not in office.read
    office.open("/admin/leaving/?until=2027-01-09").says("0 of 0 cancellations", "Nothing here")
    assert office.open("/admin/leaving/?since=yesterday").status == 200
    office.says("Enter a day as year-month-day")
    statements = Statements(world)
    many = statements.of(office, "/admin/leaving/")
    assert statements.of(office, "/admin/leaving/?reason=other") == many
    office.open("/admin/leaving/").click("Standard").says("Why: Too expensive")


def test_who_was_cancelled_by_support_is_not_asked(world: World) -> None:
    world.bought("alice")
    guid = subscription_id(world)
    page = f"/admin/subscriptions/{guid}/cancel"
    assert send(world.browser("support"), page, when="period_end", money="none").status_code == 303
    visitor = Visitor(world).open(f"/cabinet/subscriptions/{guid}/cancel")
    visitor.says("The subscription is cancelled")
    assert "Why did you cancel?" not in visitor.read
