"""Operators make plans, price and sell them; what was sold stays as it was sold, whoever buys at that moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.domain.calendar import Interval
from portal.domain.errors import (
    AlreadyDone,
    CodeTaken,
    InvalidAmount,
    InvalidRequest,
    NotFound,
    PlanNotSellable,
    PlanSold,
    PriceExists,
    Refused,
)
from portal.domain.money import Money
from portal.domain.planning import PlanDraft
from portal.services.plans import add_price, archive, create, delete, edit, put_on_sale
from tests.services.desk import entries, entry, or_refused, press, refused
from tests.services.month import DAY, HOUR, do, shown, subscribed
from tests.services.promise import assert_kept, uuid_of
from tests.services.stubborn import order
from tests.services.together import at_once
from tests.world import Caller, World

KIDS = PlanDraft(
    code="kids",
    group="kids",
    names={"en": "Kids", "ru": "Детям"},
    descriptions={"en": "Cartoons.\nNo adverts."},
    features=("cartoons", "two_screens"),
    interval=Interval.month,
    interval_count=3,
    position=9,
)
PRICE = Money(9900, "RUB")
ENGLISH = {"Accept-Language": "en"}
BUYERS = ("alice", "boris", "clara", "finance", "viewer")


def made(world: World, draft: PlanDraft = KIDS) -> UUID:
    return do(world, create, press(), draft)


def priced(world: World, plan: UUID, amount: Money = PRICE, after: timedelta = timedelta(0)) -> UUID:
    return do(world, add_price, press(), plan, amount, world.clock.now() + after)


def on_sale(world: World) -> UUID:
    plan = made(world)
    priced(world, plan)
    do(world, put_on_sale, press(), plan)
    return plan


def listed(world: World) -> dict[str, dict[str, Any]]:
    """What customers see."""
    return {plan["product_id"]: plan for plan in world.app.test_client().get("/api/v1/plans", headers=ENGLISH).json}


def row(world: World, plan: UUID) -> dict[str, Any] | None:
    found = [one for one in world.rows("SELECT * FROM plans") if uuid_of(one["id"]) == plan]
    return found[0] if found else None


def plan_named(world: World, code: str) -> UUID:
    return uuid_of(world.one("SELECT id FROM plans WHERE code = :code", code=code)["id"])


def test_a_plan_is_made_priced_put_on_sale_and_bought(world: World) -> None:
    plan = made(world)
    assert "kids" not in listed(world)
    priced(world, plan)
    assert "kids" not in listed(world)
    do(world, put_on_sale, press(), plan)
    assert "kids" in listed(world)
    subscribed(world, plan="kids")
    assert (shown(world)["status"], shown(world)["next"]["at"]) == ("active", "2027-04-10T09:00:00Z")
    assert_kept(world)


def test_each_act_is_told_once_with_what_changed(world: World) -> None:
    plan = on_sale(world)
    do(world, edit, press(), plan, replace(KIDS, position=1))
    do(world, archive, press(), plan)
    do(world, delete, press(), plan)
    said = entries(world)
    assert [one["act"] for one in said] == [
        "plan.create",
        "plan.price",
        "plan.sell",
        "plan.edit",
        "plan.archive",
        "plan.delete",
    ]
    assert {(one["kind"], uuid_of(one["subject_id"]), one["user_id"]) for one in said} == {("plan", plan, None)}
    create_, price, sell, change, archive_, delete_ = ((one["before"], one["after"]) for one in said)
    assert (create_[0], create_[1]["code"], create_[1]["names"]) == ({}, "kids", dict(KIDS.names))
    assert (price[1]["amount_minor"], price[1]["currency"]) == (9900, "RUB")
    assert (sell, archive_) == (
        ({"state": "draft"}, {"state": "on_sale"}),
        ({"state": "on_sale"}, {"state": "archived"}),
    )
    assert change == ({"position": 9}, {"position": 1})
    assert (delete_[0]["code"], delete_[1]) == ("kids", {})


def test_a_code_is_there_once(world: World) -> None:
    plan = made(world)
    assert type(refused(world, create, press(), KIDS)) is CodeTaken
    assert type(refused(world, edit, press(), plan, replace(KIDS, code="standard"))) is CodeTaken
    assert (row(world, plan) or {})["code"] == "kids"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "Kids"),
        ("code", ""),
        ("code", "k" * 65),
        ("code", "kids\n"),
        ("group", "kids and more"),
        ("names", {}),
        ("names", {"en": " "}),
        ("names", {"en": "Ki\x00ds"}),
        ("names", {"en": "K\ud800"}),
        ("names", {"english": "Kids"}),
        ("descriptions", {"en": "\x00"}),
        ("features", ("two screens",)),
        ("features", ("uhd", "uhd")),
        ("interval", "fortnight"),
        ("interval_count", 0),
        ("interval_count", 37),
        ("position", -1),
        ("position", 2**31),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused_with_its_field(world: World, field: str, value: Any) -> None:
    wrong = replace(KIDS, **{field: value})
    error = refused(world, create, press(), wrong)
    assert (type(error), error.facts) == (InvalidRequest, {"field": field})
    assert world.one("SELECT count(*) AS n FROM plans")["n"] == 4


def test_before_it_was_sold_everything_may_change(world: World) -> None:
    plan = on_sale(world)
    other = PlanDraft("family", "home", {"ru": "Семья"}, {}, (), Interval.year, 1, 2)
    do(world, edit, press(), plan, other)
    now = row(world, plan) or {}
    assert (now["code"], now["group"], now["interval"], now["state"]) == ("family", "home", "year", "on_sale")


def test_once_sold_only_words_and_position_change(world: World) -> None:
    plan = on_sale(world)
    world.buy(world.sign_in("alice"), "kids")  # ordered is sold: an invoice names it
    shown_anew = replace(KIDS, names={"en": "Children"}, descriptions={}, position=2)
    do(world, edit, press(), plan, shown_anew)
    assert listed(world)["kids"]["product_name"] == "Children"
    for change in (
        {"code": "children"},
        {"group": "main"},
        {"features": ("cartoons",)},
        {"interval": Interval.week},
        {"interval_count": 1},
    ):
        assert type(refused(world, edit, press(), plan, replace(shown_anew, **change))) is PlanSold
    assert type(refused(world, delete, press(), plan)) is PlanSold


def test_a_new_price_is_for_who_buys_from_then_on(world: World) -> None:
    subscribed(world)
    standard = plan_named(world, "standard")
    priced(world, standard, Money(39900, "RUB"), after=2 * DAY)
    assert listed(world)["standard"]["price"]["amount"] == 299
    world.pass_time(3 * DAY)
    assert listed(world)["standard"]["price"]["amount"] == 399
    world.pass_time(31 * DAY)
    totals = [one["total_minor"] for one in world.rows("SELECT total_minor FROM invoices ORDER BY created_at")]
    assert totals == [29900, 29900]
    assert_kept(world)


def test_a_price_begins_now_or_later_and_once(world: World) -> None:
    plan, now = made(world), world.clock.now()
    for moment in (now - HOUR, now.replace(tzinfo=None)):
        error = refused(world, add_price, press(), plan, PRICE, moment)
        assert (type(error), error.facts) == (InvalidRequest, {"field": "valid_from"})
    assert type(refused(world, add_price, press(), plan, Money(0, "RUB"), now)) is InvalidAmount
    do(world, add_price, press(), plan, PRICE, now - timedelta(minutes=2))
    assert world.rows("SELECT 1 FROM prices WHERE amount_minor = 9900 AND valid_from = created_at") != []
    assert type(refused(world, add_price, press(), plan, Money(10000, "RUB"), now)) is PriceExists
    do(world, add_price, press(), plan, Money(199, "USD"), now)
    assert type(refused(world, add_price, press(), uuid4(), PRICE, now)) is NotFound


def test_what_has_no_price_today_in_the_portals_currency_is_not_sold(world: World) -> None:
    plan = made(world)
    assert type(refused(world, put_on_sale, press(), plan)) is PlanNotSellable
    priced(world, plan, Money(199, "USD"))
    priced(world, plan, PRICE, after=DAY)
    assert type(refused(world, put_on_sale, press(), plan)) is PlanNotSellable
    world.pass_time(DAY)
    do(world, put_on_sale, press(), plan)
    assert "kids" in listed(world)


@pytest.mark.fault("S9")
def test_an_archived_plan_renews_and_is_not_sold_until_it_is_put_back(world: World) -> None:
    subscribed(world)
    standard = plan_named(world, "standard")
    do(world, archive, press(), standard)
    assert "standard" not in listed(world)
    assert order(world.sign_in("boris")).json["error_id"] == "unknown_product"
    world.pass_time(31 * DAY)
    assert world.one("SELECT count(*) AS n FROM periods")["n"] == 2
    do(world, put_on_sale, press(), standard)
    assert order(world.sign_in("boris")).status_code == 200


def test_a_plan_that_nobody_bought_goes_with_its_prices(world: World) -> None:
    plan = on_sale(world)
    before = world.one("SELECT count(*) AS n FROM prices")["n"]
    act = press()
    do(world, delete, act, plan)
    assert (row(world, plan), world.one("SELECT count(*) AS n FROM prices")["n"]) == (None, before - 1)
    assert type(refused(world, delete, act, plan)) is AlreadyDone
    for service, more in ((delete, ()), (archive, ()), (put_on_sale, ()), (edit, (KIDS,))):
        assert type(refused(world, service, press(), plan, *more)) is NotFound


def test_the_same_form_makes_one_plan_and_one_price(world: World) -> None:
    form = press()
    answers = at_once(*[or_refused(world, create, form, KIDS)] * 4)
    assert sorted(type(one).__name__ for one in answers) == ["AlreadyDone"] * 3 + ["UUID"]
    assert entry(world)["act"] == "plan.create"
    plan, price = plan_named(world, "kids"), press()
    answers = at_once(*[or_refused(world, add_price, price, plan, PRICE, world.clock.now())] * 4)
    assert sorted(type(one).__name__ for one in answers) == ["AlreadyDone"] * 3 + ["UUID"]


def test_two_operators_with_one_code_make_one_plan(world: World) -> None:
    drafts = (KIDS, replace(KIDS, names={"en": "Others"}))
    answers = at_once(*[or_refused(world, create, press(operator=str(n)), draft) for n, draft in enumerate(drafts)])
    assert sorted(type(one).__name__ for one in answers) == ["CodeTaken", "UUID"]
    assert len(entries(world)) == 1


def buyers(world: World, count: int) -> list[Callable[[], object]]:
    """Each orders the plan in a client of their own: what the API says."""

    def one(who: Caller) -> Callable[[], object]:
        def run() -> object:
            answer = order(who, "kids")
            return answer.status_code if answer.status_code == 200 else answer.json["error_id"]

        return run

    return [one(world.sign_in(login)) for login in BUYERS[:count]]


@pytest.mark.fault("C12")
@pytest.mark.parametrize("service", [archive, delete])
def test_who_buys_while_a_plan_goes_has_it_or_is_told_so(world: World, service: Callable[..., None]) -> None:
    plan = on_sale(world)
    orders = buyers(world, 5)
    answers = at_once(*orders[:2], or_refused(world, service, press(), plan), *orders[2:])

    gone = answers.pop(2)
    assert gone is None or isinstance(gone, PlanSold)
    assert set(answers) <= {200, "unknown_product"}
    assert world.count("subscriptions") == world.count("invoices") == answers.count(200)
    if service is delete:
        assert (row(world, plan) is None) is (gone is None) is (200 not in answers)
    assert {one["total_minor"] for one in world.rows("SELECT total_minor FROM invoices")} <= {9900}


@pytest.mark.fault("C12")
def test_who_buys_while_a_plan_changes_has_the_old_one_or_the_new_one_whole(world: World) -> None:
    plan = on_sale(world)
    other = replace(KIDS, group="main", interval=Interval.year, interval_count=1)
    orders = buyers(world, 4)
    answers = at_once(*orders[:2], or_refused(world, edit, press(), plan, other), *orders[2:])

    changed = answers.pop(2)
    assert changed is None or isinstance(changed, Refused)
    assert answers == [200] * 4
    now = row(world, plan) or {}
    assert {one["group"] for one in world.rows('SELECT "group" FROM subscriptions')} == {now["group"]}
    assert now["group"] == ("kids" if isinstance(changed, PlanSold) else "main")


@pytest.mark.fault("C12")
def test_who_buys_while_the_price_changes_pays_the_one_on_the_invoice(world: World) -> None:
    plan = on_sale(world)
    world.clock.at += HOUR
    orders = buyers(world, 4)
    dearer = or_refused(world, add_price, press(), plan, Money(12900, "RUB"), world.clock.now())
    answers = at_once(*orders[:2], dearer, *orders[2:])
    assert [one for one in answers if one != 200 and not isinstance(one, UUID)] == []
    for one in world.rows("SELECT i.total_minor, p.amount_minor FROM invoices i JOIN prices p ON p.id = i.price_id"):
        assert one["total_minor"] == one["amount_minor"]
        assert one["total_minor"] in (9900, 12900)
