"""What may be read, by whom, and what a bad question is told."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.web.api.refusals import Untouched, wrong_in
from tests.world import World

BAD_QUERIES = (
    "page_limit=0",
    "page_limit=101",
    "page_limit=-1",
    "page_limit=x",
    "page_number=0",
    "page_number=100001",
    f"page_number={10**30}",
    "page_number=",
    "product_id=a%20b",
    "product_id=%00",
    "product_id=",
    "user_guid=",
    "user_guid=%00",
    f"user_guid={'x' * 256}",
)


@pytest.mark.fault("N1")
@pytest.mark.fault("N9")
def test_a_bad_question_is_refused(world: World) -> None:
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    for who in (world.sign_in("alice"), world.sign_in("viewer")):
        wrong = {q: said for q in BAD_QUERIES if (said := wrong_in(who.get(f"/purchases?{q}"), 400, "invalid_request"))}
        assert wrong == {}
    assert wrong_in(world.sign_in("alice").get("/plans?currency=rub"), 400) is None


@pytest.mark.fault("A1")
def test_somebody_elses_invoice_is_as_unknown_as_one_that_never_was(world: World) -> None:
    mine = world.buy(world.sign_in("alice"))["invoice_guid"]
    boris = world.sign_in("boris")
    with Untouched(world):
        foreign, unknown = boris.get(f"/invoices/{mine}"), boris.get(f"/invoices/{uuid4()}")
        assert wrong_in(foreign, 404, "not_found") is None
        assert wrong_in(unknown, 404, "not_found") is None
        assert foreign.json["error_desc"] == unknown.json["error_desc"]
        assert boris.get("/purchases").json == boris.get("/subscriptions").json == []


@pytest.mark.fault("A3")
def test_somebody_elses_purchases_are_for_those_who_may_see_all(world: World) -> None:
    world.bought("alice")
    assert wrong_in(world.sign_in("boris").get("/purchases?user_guid=alice"), 403, "forbidden") is None
    assert wrong_in(world.sign_in("product").get("/purchases?user_guid=alice"), 403, "forbidden") is None
    for role in ("viewer", "support", "finance", "admin"):
        seen = world.sign_in(role).get("/purchases?user_guid=alice")
        assert [entry["state"] for entry in seen.json] == ["paid"]
        assert seen.headers["X-Total-Count"] == "1"


def test_paths_and_methods_that_do_not_exist_are_told_in_json(world: World) -> None:
    alice = world.sign_in("alice")
    assert wrong_in(alice.get("/nothing"), 404, "not_found") is None
    assert wrong_in(alice.get("/invoices/1"), 404, "not_found") is None
    assert wrong_in(alice.get("/invoices/%00"), 404, "not_found") is None
    assert wrong_in(alice.post("/plans", {}), 405, "method_not_allowed") is None


def test_an_error_is_told_in_the_language_that_was_asked_for(world: World) -> None:
    alice = world.sign_in("alice")
    told = {
        language: alice.get(f"/invoices/{uuid4()}", headers={"Accept-Language": language}).json["error_desc"]
        for language in ("ru", "en", "fr")
    }
    assert told["ru"] != told["en"]
    assert told["fr"] == told["ru"]
