"""What is on sale, and asking whether it still is."""

from __future__ import annotations

import pytest

from portal.domain.money import Money
from portal.services import plans
from tests.services.desk import press
from tests.services.month import do
from tests.services.promise import uuid_of
from tests.world import Caller, World


@pytest.fixture
def engine() -> str:
    return "sqlite"


def kept(who: Caller, etag: str, path: str = "/plans", **headers: str) -> int:
    """How somebody is answered who has kept the answer of that name."""
    return who.get(path, headers={"If-None-Match": etag, **headers}).status_code


def test_who_kept_the_plans_is_told_that_nothing_has_changed(alice: Caller) -> None:
    first = alice.get("/plans")
    again = alice.get("/plans", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == again.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert kept(alice, f'"another", W/{first.headers["ETag"]}') == 304
    assert kept(alice, '"another"') == kept(alice, "no etag at all") == 200


def test_another_language_or_currency_is_another_answer(alice: Caller) -> None:
    etag = alice.get("/plans").headers["ETag"]

    assert kept(alice, etag, **{"Accept-Language": "ru"}) == 200
    assert kept(alice, etag, "/plans?currency=USD") == 200


def test_a_new_price_and_a_plan_withdrawn_change_the_name_of_the_answer(world: World, alice: Caller) -> None:
    names = [alice.get("/plans").headers["ETag"]]
    plan = uuid_of(world.one("SELECT id FROM plans WHERE code = 'standard'")["id"])
    do(world, plans.add_price, press(), plan, Money(99_900, "RUB"), world.clock.now())
    names.append(alice.get("/plans").headers["ETag"])
    do(world, plans.archive, press(), plan)
    names.append(alice.get("/plans").headers["ETag"])

    assert [kept(alice, name) for name in names] == [200, 200, 304]
