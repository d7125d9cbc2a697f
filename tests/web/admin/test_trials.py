"""Operators give a plan its days of trial, and a trial more days."""

from __future__ import annotations

import pytest

from tests.services.trial import tried
from tests.web.admin.office import send
from tests.world import World

FORM = {
    "code": "kids",
    "group": "kids",
    "name_ru": "Детям",
    "name_en": "For children",
    "interval": "month",
    "interval_count": "1",
    "position": "9",
    "features": "library",
}


def test_a_plan_is_made_with_days_of_trial_which_stay_once_it_is_sold(world: World) -> None:
    product = world.browser("product")
    made = send(product, "/admin/plans/new", **FORM, trial_days="14")
    assert made.status_code == 303, made.text
    page = product.get(made.headers["Location"]).text
    assert "14" in page[page.index("Trial</dt>") :][:60]
    path = made.headers["Location"]
    assert send(product, f"{path}/edit", **FORM, trial_days="7").status_code == 303
    assert world.one("SELECT trial_days FROM plans WHERE code = 'kids'")["trial_days"] == 7

    world.bought("alice")
    plan = world.one("SELECT id FROM plans WHERE code = 'standard'")["id"]
    listed = product.get("/admin/plans/").text
    assert "kids" in listed
    form = FORM | {"code": "standard"}
    send(product, f"/admin/plans/{plan}/edit", **form, trial_days="30")
    assert world.one("SELECT trial_days FROM plans WHERE code = 'standard'")["trial_days"] == 0


@pytest.mark.parametrize("typed", ["-1", "91", "x", "", "1.5"])
def test_days_of_trial_are_a_whole_number_up_to_ninety(world: World, typed: str) -> None:
    answer = send(world.browser("product"), "/admin/plans/new", **FORM, trial_days=typed)
    assert answer.status_code == 422
    assert "Enter a whole number from 0 to 90" in answer.text


def test_a_trial_is_granted_days_and_its_page_says_until_when(world: World) -> None:
    tried(world)
    world.sign_in("alice")
    subscription = world.sign_in("alice").get("/subscriptions").json[0]["subscription_id"]
    support, path = world.browser("support"), f"/admin/subscriptions/{subscription}"
    assert "Trial until" in support.get(path).text
    assert "The trial grows longer" in support.get(f"{path}/grant").text
    answer = send(support, f"{path}/grant", days="10", note="asked for it")
    assert answer.status_code == 303, answer.text
    world.drain()
    assert world.sign_in("alice").get("/subscriptions").json[0]["next"]["at"] == "2027-01-27T09:00:00Z"
