"""The register and the page of one customer, through the door that operators use."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.web.admin.statements import Statements
from tests.web.cabinet.visitor import Visitor
from tests.world import World

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
SAVES_THEN_DECLINES = "4000 0000 0000 0341"
DAY = timedelta(days=1)


def page_of(user_id: str) -> str:
    return f"/admin/customers/customer?id={quote(user_id, safe='')}"


def subscribers(world: World, count: int) -> None:
    """More people who have what Alice has."""
    for n in range(count):
        world.write(
            "INSERT INTO users (id, email, locale, zone, first_subscribed_at, entitlements_version, "
            "tokens_from_version, created_at) SELECT :id, :email, locale, zone, first_subscribed_at, 0, 0, created_at "
            "FROM users WHERE id = 'alice'",
            id=f"someone {n:03}",
            email=f"someone{n}@example.com",
        )


def test_the_register_lists_those_who_ever_subscribed_newest_first(world: World) -> None:
    world.bought("alice")
    world.clock.at += DAY
    world.bought("clara", plan="premium")
    world.buy(world.sign_in("boris"))  # ordered only

    office = Visitor(world, "viewer").open("/admin/customers/")

    office.says("clara@example.com clara Premium Active 11 January 2027, 12:00 MSK")
    office.says("alice@example.com alice Standard Active 10 January 2027, 12:00 MSK")
    assert office.read.index("clara@example.com") < office.read.index("alice@example.com")
    assert "boris" not in office.read
    assert office.page.findall(".//h1").__len__() == 1


def test_the_register_is_filtered_by_days_e_mail_and_state(world: World) -> None:
    world.bought("alice")
    world.clock.at += 2 * DAY
    world.bought("clara")
    office = Visitor(world, "viewer")
    for query, shown in {
        "since=2027-01-11": {"clara"},
        "until=2027-01-10": {"alice"},
        "since=2027-01-10&until=2027-01-12": {"alice", "clara"},
        "email=alice%40example.com": {"alice"},
        "email=Alice%40example.com": {"alice"},
        "email=alice": set(),
        "state=active": {"alice", "clara"},
        "state=past_due": set(),
        "state=active&until=2027-01-10": {"alice"},
    }.items():
        office.open(f"/admin/customers/?{query}")
        assert {name for name in ("alice", "clara") if f"{name}@example.com" in office.read} == shown, query
        office.says("Clear filters")


@on_sqlite
def test_a_filter_that_makes_no_sense_is_told_beside_its_field(world: World) -> None:
    world.bought("alice")
    office = Visitor(world, "viewer").open("/admin/customers/?since=tomorrow&state=rich")
    office.says("Enter a day as year-month-day", "Choose one of the list", "alice@example.com")


def test_the_pages_of_the_register_lose_nobody_and_lead_back(world: World) -> None:
    world.bought("alice")
    subscribers(world, 119)  # all of one moment: the id decides
    office = Visitor(world, "viewer").open("/admin/customers/")
    seen = []
    while True:
        seen.append(links_to_customers(office))
        if "Older" not in office.read:
            break
        office.click("Older")
    assert [len(page) for page in seen] == [50, 50, 20]
    assert len(set().union(*seen)) == 120
    assert links_to_customers(office.click("Newer")) == seen[1]
    assert links_to_customers(office.click("Newest")) == seen[0]
    assert links_to_customers(office.click("Oldest"))[-1] == seen[2][-1]


def links_to_customers(office: Visitor) -> list[str]:
    queries = [parse_qs(urlsplit(link).query) for link in office.links() if "/customer?" in link]
    return [query["id"][0] for query in queries]


@on_sqlite
def test_the_customers_page_says_what_the_cabinet_says(world: World) -> None:
    started = world.buy(world.sign_in("alice"))
    world.pay(started["redirect_url"], SAVES_THEN_DECLINES)
    world.drain()
    told = set()
    for days in (0, 31, 8, 8):
        world.pass_time(timedelta(days=days, minutes=1))
        if days == 0:  # the cabinet says it once the renewal is off
            world.write("UPDATE subscriptions SET auto_renew = false")
        for language in ("en", "ru"):
            sentence = sentence_on(Visitor(world, "support", language).open(page_of("alice")))
            cabinet = Visitor(world, "alice", language)
            cabinet.open("/cabinet").says(sentence)
            told.add(sentence)
        world.write("UPDATE subscriptions SET auto_renew = true WHERE state <> 'ended'")
    assert len(told) == 8, told
    assert "No further charges. Access until 10 February 2027." in told
    assert "The subscription ended on 26 February 2027 because the renewal was not paid." in told


def sentence_on(office: Visitor) -> str:
    return str(office.page.find(".//article/p").text).replace("\u00a0", " ")


@on_sqlite
def test_the_customers_page_shows_what_is_open_agreed_saved_and_told(world: World) -> None:
    world.bought("alice")
    world.buy(world.sign_in("alice"), "sport")
    office = Visitor(world, "viewer").open(page_of("alice"))
    office.says("Visa ·· 4242 Used for renewals 12/34 10 January 2027, 12:00 MSK")
    office.says("Invoice M-2027-000002 Not paid", "Payment Waits for the customer on the payment page")
    office.says("Agreed to be charged for renewals, version 2026-11.", "127.0.0.1")
    office.says("Version 1 Tokens count from version 1", "standard until 17 February 2027, 12:00 MSK")
    office.says("10 February 2027, 12:00 MSK: RUB 299.00 is charged")

    Visitor(world).open("/cabinet/methods").click("Remove").press("Remove")
    world.drain()
    office.open(page_of("alice")).says("Visa ·· 4242 Removed", "Took back the consent to be charged for renewals")
    office.click("10 January 2027, 12:00 MSK").says("Consent", "From the address")


@on_sqlite
def test_an_id_may_be_any_text(world: World) -> None:
    world.bought("alice")
    strange = "тест/../?id=1&x=%2F <b>"
    world.write(
        "INSERT INTO users (id, email, locale, first_subscribed_at, entitlements_version, tokens_from_version, "
        "created_at) SELECT :id, :email, 'en', first_subscribed_at, 0, 0, created_at FROM users WHERE id = 'alice'",
        id=strange,
        email="<script>alert(1)</script>@example.com",
    )
    office = Visitor(world, "viewer").open("/admin/customers/")
    assert "<script>alert" not in office.answer.text
    office.click("<script>").says(strange, "<script>alert(1)</script>@example.com", "Nothing yet.")
    assert "<script>alert" not in office.answer.text
    office.open(f"/admin/customers/?email={quote('<script>alert(1)</script>@example.com')}").says("not said")
    assert office.open(page_of("nobody")).status == 404
    assert office.open("/admin/customers/customer").status == 404
    assert office.open("/admin/customers/customer?id=%00").status == 404
    assert office.open("/admin/customers/customer?id=" + "x" * 300).status == 404


@on_sqlite
def test_neither_page_sends_more_statements_for_more_rows(world: World) -> None:
    world.bought("alice")
    statements, office = Statements(world), Visitor(world, "viewer")
    register, one = statements.of(office, "/admin/customers/"), statements.of(office, page_of("alice"))
    subscribers(world, 40)
    for _ in range(3):
        world.clock.at += DAY
        world.bought("alice", count=2)
    assert statements.of(office, "/admin/customers/") == register <= 8
    assert statements.of(office, page_of("alice")) == one <= 25


@on_sqlite
@pytest.mark.parametrize("path", ["/admin/customers/", "/admin/customers/customer?id=alice"])
def test_customers_do_not_get_in_and_nothing_is_written(world: World, path: str) -> None:
    world.bought("alice")
    before = world.counts()
    assert Visitor(world, "boris").open(path).status == 403
    assert Visitor(world, "viewer").open(path).status == 200
    assert world.app.test_client().get(path).status_code == 302
    assert world.counts() == before
    assert world.count("activity") == 0
