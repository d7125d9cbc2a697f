"""An operator moves the subscribers of a price: how many, to which, from when; and the log says so."""

from __future__ import annotations

from tests.web.admin.office import furnish, send
from tests.world import World

STARTS = "2027-02-10T12:00"


def test_subscribers_are_moved_from_a_day_on(world: World) -> None:
    places = furnish(world)
    operator = world.browser("product")
    assert "There is no other price in this currency" in operator.get(f"/admin/prices/{places.price}/move").text
    priced = send(operator, f"/admin/plans/{places.plan}/price", amount="349", currency="RUB", valid_from="")
    assert priced.status_code == 303
    page = operator.get(f"/admin/prices/{places.price}/move").text
    assert "1 subscription pays this price today." in page
    new = page.split('<option value="')[2].split('"')[0]

    wrong = send(operator, f"/admin/prices/{places.price}/move", to="", starts_at="2026-01-01T00:00")
    assert wrong.status_code == 422
    assert "Choose one of the list" in wrong.text
    assert "What has begun keeps its price" in wrong.text

    moved = send(operator, f"/admin/prices/{places.price}/move", to=new, starts_at=STARTS, note="as announced")
    assert moved.status_code == 303
    said = world.rows("SELECT operator, act, outcome, note FROM activity ORDER BY seq")[-1]
    assert said == {"operator": "product", "act": "plan.move_price", "outcome": "done", "note": "as announced"}
    assert "in periods that begin on" in operator.get(f"/admin/plans/{places.plan}").text.replace("\xa0", " ")
    again = send(operator, f"/admin/prices/{places.price}/move", to=new, starts_at=STARTS)
    assert (again.status_code, "this price is moved already" in again.text) == (422, True)
    seen = world.browser("alice").get("/cabinet").text.replace("\xa0", " ")
    assert "the price is RUB 349.00" in seen


def test_who_may_not_change_plans_moves_nobody(world: World) -> None:
    places = furnish(world)
    for login in ("viewer", "support", "finance"):
        assert world.browser(login).get(f"/admin/prices/{places.price}/move").status_code == 403
