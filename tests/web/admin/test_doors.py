"""Who gets in where: every route of the back office, against every role, against the token, against GET."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask_admin.contrib.sqla import ModelView
from werkzeug.routing import Rule

from portal.domain.parking import PARKING, UNPARKING
from portal.web.roles import MATRIX, PREFIX, ROLES, may
from tests.web.admin.office import OPERATORS, Places, furnish, hidden, send
from tests.world import World, csrf_of

# What each route that acts needs. Every other one only shows, and needs `see` or what stands in ASKING.
ACTING = {
    "plans.new": "plans",
    "plans.edit": "plans",
    "plans.price": "plans",
    "plans.sell": "plans",
    "plans.archive": "plans",
    "plans.delete": "plans",
    "move_price.move": "plans",
    "payments.refund": "refund",
    "payments.ask": "deliver",
    "parking.park": "cancel",
    "parking.unpark": "cancel",
    "refunds.approve": "refund",
    "refunds.reject": "refund",
    "subscriptions.cancel": "cancel",
    "subscriptions.resume": "cancel",
    "subscriptions.grant": "grant",
    "outbox.again": "deliver",
    "inbox.again": "deliver",
    "auth_rights.settle": "deliver",
    "auth_rights.replay": "deliver",
    "ledger.export": "export",
}
ASKING = {"auth_rights.compare": "deliver"}  # shows what somebody else answers
STRANGERS = (None, "alice")  # nobody signed in; a customer


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def places(world: World) -> Places:
    return furnish(world)


def routes(world: World) -> list[Rule]:
    found = [rule for rule in world.app.url_map.iter_rules() if rule.rule.startswith("/admin")]
    assert len(found) > 25
    return found


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def right_of(rule: Rule) -> str:
    return (ACTING | ASKING).get(rule.endpoint, "see")


@pytest.mark.fault("A5")
def test_every_route_that_acts_is_listed_with_its_right_and_no_other_takes_forms(world: World) -> None:
    assert {rule.endpoint for rule in routes(world) if methods(rule) != ["GET"]} == set(ACTING)


@pytest.mark.fault("A3")
@pytest.mark.parametrize("who", [*STRANGERS, *OPERATORS])
def test_each_route_lets_in_exactly_the_roles_of_the_matrix(world: World, places: Places, who: str | None) -> None:
    client = world.browser(who) if who else world.app.test_client()
    claimed = [f"{PREFIX}{who}"] if who in OPERATORS else []
    wrong = []
    for rule in routes(world):
        for method in methods(rule):
            answer = client.open(places.address(rule), method=method, data=_token(client, method))
            allowed = may(claimed, right_of(rule))
            expected = "in" if allowed else "sign in" if who is None else "forbidden"
            got = {302: "sign in", 403: "forbidden"}.get(answer.status_code, "in")
            if method == "POST" and who is None:
                got = "sign in" if answer.status_code == 303 else got
            if got != expected:
                wrong.append(f"{who} {method} {rule.rule}: {answer.status_code}, expected to be {expected}")
    assert wrong == []


def _token(client: object, method: str) -> dict[str, str]:
    """A form with nothing in it but what proves that it is ours: it may be refused, but not for being foreign."""
    if method == "GET":
        return {}
    return {"csrf_token": csrf_of(client.get("/").text)}  # type: ignore[attr-defined]  # a FlaskClient


def test_every_role_of_the_matrix_can_sign_in_and_every_right_belongs_to_an_administrator() -> None:
    assert set(ROLES) == set(OPERATORS)
    assert all("admin" in roles for roles in MATRIX.values())
    assert not may(["billing:admin"], "unheard-of")
    assert not may(["admin", "finance"], "see")  # a role of another service


@pytest.mark.fault("A6")
@pytest.mark.fault("T16")
@pytest.mark.parametrize("endpoint", ACTING)
def test_a_form_without_its_token_does_nothing(world: World, places: Places, endpoint: str) -> None:
    (rule,) = [rule for rule in routes(world) if rule.endpoint == endpoint]
    before = everything(world)
    answer = world.browser("admin").post(places.address(rule), data={"act": str(uuid4())})
    assert answer.status_code == 400
    assert "csrf_expired" in answer.text or "open for too long" in answer.text
    assert everything(world) == before


@pytest.mark.fault("T17")
def test_no_get_writes_anything(world: World, places: Places) -> None:
    admin = world.browser("admin")
    before = everything(world)
    for rule in routes(world):
        if "GET" in methods(rule):
            answer = admin.get(places.address(rule))
            assert answer.status_code in (200, 303, 409), f"{rule.rule}: {answer.status_code}"
    for path in ("/admin/?x=1", "/admin/search/?q=alice@example.com", "/admin/invoices/?state=paid&oldest=1"):
        admin.get(path)
    assert everything(world) == before


def everything(world: World) -> dict[str, list[object]]:
    """Every row of every table but those that say that a process lives."""
    names = [name for name in world.app.extensions["sqlalchemy"].metadatas[None].tables if name != "heartbeats"]
    return {name: [tuple(row.values()) for row in world.rows(f'SELECT * FROM "{name}"')] for name in names}  # noqa: S608 - names of our own tables


# What must be typed into each form for it to act. `plans.new` and others that change the same plan come in order.
FORMS: dict[str, dict[str, str]] = {
    "plans.new": {"code": "late", "group": "late", "name_ru": "Ночь", "name_en": "Night", "interval": "week"}
    | {"interval_count": "1", "position": "20", "features": "", "note": "for the night"},
    "plans.edit": {"code": "kids", "group": "kids", "name_ru": "Дети", "name_en": "Children", "interval": "month"}
    | {"interval_count": "1", "position": "5", "features": "library", "note": ""},
    "plans.price": {"amount": "249,50", "currency": "RUB", "valid_from": "", "note": ""},
    "plans.sell": {"note": ""},
    "plans.archive": {"note": ""},
    "plans.delete": {"note": ""},
    "move_price.move": {"starts_at": "2027-02-01T00:00", "note": "as announced"},
    "payments.refund": {"choice": "other", "amount": "10", "reason": "goodwill", "effect": "keep", "note": "a call"},
    "payments.ask": {"note": ""},
    "parking.park": {"reason": PARKING[0], "note": "the bank called"},
    "parking.unpark": {"reason": UNPARKING[0], "note": ""},
    "ledger.export": {"from_day": "2027-01-01", "to_day": "2027-01-31"},
    "refunds.approve": {"effect": "keep", "note": ""},
    "refunds.reject": {"reason": "time_used", "note": ""},
    "subscriptions.cancel": {"when": "period_end", "money": "none", "note": "asked by phone"},
    "subscriptions.resume": {"note": ""},
    "subscriptions.grant": {"days": "3", "note": "sorry"},
    "outbox.again": {"note": ""},
    "inbox.again": {"note": ""},
    "auth_rights.settle": {"user": "alice", "note": ""},
    "auth_rights.replay": {"whom": "all", "since": "", "note": ""},
}
SHOWN_AT = {"outbox.again": "/admin/outbox/1", "inbox.again": "/admin/inbox/1", "ledger.export": "/admin/ledger/"}
AGAIN = {"ledger.export"}  # the page stays while a file is saved, and the same form makes another


@pytest.mark.fault("A8")
@pytest.mark.parametrize("endpoint", FORMS)
def test_each_act_leaves_one_row_in_the_activity_log_and_the_same_form_none_more(
    world: World, places: Places, endpoint: str
) -> None:
    assert set(FORMS) == set(ACTING)
    (rule,) = [rule for rule in routes(world) if rule.endpoint == endpoint]
    admin = world.browser("admin")
    places, more = prepared(world, places, endpoint)
    path = places.address(rule)
    page = admin.get(SHOWN_AT.get(endpoint, path)).text
    form = hidden(page) | FORMS[endpoint] | more
    before = world.count("activity")
    first = admin.post(path, data=form)
    assert first.status_code == (200 if endpoint in AGAIN else 303), first.text
    assert world.count("activity") == before + 1
    row = world.rows("SELECT * FROM activity ORDER BY seq DESC")[0]
    assert (row["operator"], row["outcome"], row["note"]) == ("admin", "done", FORMS[endpoint].get("note") or None)
    assert row["request_id"] == first.headers["X-Request-Id"]
    if endpoint in AGAIN:
        return
    again = admin.post(path, data=form)
    assert again.status_code in (303, 404), again.text
    assert world.count("activity") == before + 1


def prepared(world: World, places: Places, endpoint: str) -> tuple[Places, dict[str, str]]:
    """Things as the act needs them, and what else its form says."""
    world.clock.at += timedelta(minutes=1)  # there is one price of a moment
    alice = world.sign_in("alice")
    match endpoint:
        case "subscriptions.resume":
            alice.post(f"/subscriptions/{places.subscription}/cancel", {"when": "period_end"})
        case "plans.archive":
            world.write("UPDATE plans SET state = 'on_sale'")
        case "payments.ask":
            world.buy(alice, "sport")
            open_one = world.rows("SELECT id FROM payments WHERE state = 'requires_action'")[0]["id"]
            return replace(places, payment=UUID(open_one)), {}
        case "parking.unpark":
            form = {"reason": PARKING[0], "note": ""}
            assert send(world.browser("admin"), f"/admin/parking/{places.subscription}/park", **form).status_code == 303
        case "move_price.move":
            path = f"/admin/plans/{places.plan}/price"
            assert send(world.browser("admin"), path, amount="349", currency="RUB", valid_from="").status_code == 303
            dearer = world.rows("SELECT id FROM prices WHERE amount_minor = 34900 AND currency = 'RUB'")[0]["id"]
            return places, {"to": str(UUID(dearer))}
    return places, {}


@pytest.mark.fault("A3")
def test_what_a_role_may_not_do_is_refused_and_written_down(world: World, places: Places) -> None:
    support = world.browser("support")
    answer = support.post(f"/admin/payments/{places.payment}/refund", data=_token(support, "POST"))
    assert answer.status_code == 403
    row = world.rows("SELECT * FROM activity ORDER BY seq DESC")[0]
    assert (row["operator"], row["act"], row["outcome"]) == ("support", "payments.refund", "forbidden")


@pytest.mark.fault("A5")
def test_no_screen_is_a_model_view(world: World) -> None:
    """Those write by themselves, round the services."""
    (admin,) = world.app.extensions["admin"]
    assert [view.name for view in admin._views if isinstance(view, ModelView)] == []


@pytest.mark.fault("A12")
def test_a_role_that_was_taken_away_is_gone_with_the_next_token(world: World) -> None:
    client = world.browser("finance")
    assert client.get("/admin/").status_code == 200
    client.set_cookie(world.settings.auth_cookie, world.sign_in("boris").token, domain="localhost")
    assert client.get("/admin/").status_code == 403


@pytest.mark.fault("N9")
@pytest.mark.parametrize("cursor", ["x", "AA", "%00", "eyJhIjoxfQ", "WyJub25lIl0", "W10", "9" * 300])
def test_a_place_in_a_list_that_is_none_of_ours_is_refused_in_words(world: World, cursor: str) -> None:
    admin = world.browser("admin")
    for path in ("invoices", "customers", "outbox", "activity"):
        assert admin.get(f"/admin/{path}/?before={cursor}").status_code == 400
        assert admin.get(f"/admin/{path}/?after={cursor}").status_code == 400


@pytest.mark.parametrize("query", ["state=none-such", "since=yesterday", "user=%00", "since=9999-99-99"])
def test_a_filter_that_cannot_be_understood_is_said_beside_its_field(world: World, query: str) -> None:
    page = world.browser("admin").get(f"/admin/invoices/?{query}")
    assert page.status_code == 200
    assert 'aria-invalid="true"' in page.text or "user" in query
