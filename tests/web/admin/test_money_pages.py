"""Invoices, payments and refunds as operators read them: lists of any length, and pages that explain."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote, urlencode
from uuid import UUID

import pytest

from tests.web.admin.ledger import any_id, long_past, read_id
from tests.web.admin.statements import Statements
from tests.web.cabinet.visitor import Visitor
from tests.world import START, World

DAY = timedelta(days=1)
DECLINES = "4000 0000 0000 9995"
EVIL = "<script>x</script>"
LISTS = ("invoices", "payments", "refunds")
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def firsts(visitor: Visitor) -> list[str]:
    """The first link of each row: what it leads to."""
    body = visitor.page.find(".//main//tbody")
    return [] if body is None else [row.find(".//th//a").get("href").partition("?")[0] for row in body.iter("tr")]


def buttons(visitor: Visitor) -> list[str]:
    paging = visitor.page.find(".//main//nav[@class='paging']")
    return [] if paging is None else [a.text for a in paging.iter("a")]


@pytest.mark.parametrize("kind", LISTS)
def test_a_long_list_is_read_to_its_end_and_back(world: World, kind: str) -> None:
    long_past(world, 120)
    visitor = Visitor(world, "viewer").open(f"/admin/{kind}/")
    pages = [firsts(visitor)]
    assert buttons(visitor) == ["Older", "Oldest"]

    while "Older" in buttons(visitor):
        pages.append(firsts(visitor.click("Older")))
    everything = [one for page in pages for one in page]
    assert [len(page) for page in pages] == [50, 50, 20]
    assert len(set(everything)) == 120
    assert everything == sorted(everything, reverse=True)  # ids are in the order of time
    assert buttons(visitor) == ["Newest", "Newer"]

    assert firsts(visitor.click("Newer")) == pages[1]
    assert firsts(visitor.click("Newer")) == pages[0]
    assert firsts(visitor.click("Oldest")) == everything[-50:]
    assert firsts(visitor.click("Newest")) == pages[0]


@on_sqlite
@pytest.mark.parametrize("kind", LISTS)
def test_a_list_costs_as_many_statements_for_fifty_rows_as_for_one(world: World, kind: str) -> None:
    statements, visitor = Statements(world), Visitor(world, "viewer")
    world.bought("clara")
    few = statements.of(visitor, f"/admin/{kind}/")
    long_past(world, 60)
    assert statements.of(visitor, f"/admin/{kind}/") == few <= 5  # with the language


@on_sqlite
def test_a_page_costs_a_bounded_number_of_statements(world: World) -> None:
    statements, visitor = Statements(world), Visitor(world, "finance")
    long_past(world, 1)
    for kind, most in (("invoice", 12), ("payment", 14), ("refund", 15)):
        found = any_id(world, f"{kind}s")
        assert statements.of(visitor, f"/admin/{kind}s/{found}") <= most, kind


ASKED: tuple[tuple[dict[str, str], int], ...] = (
    ({}, 3),
    ({"state": "paid"}, 2),
    ({"state": "not_paid"}, 1),
    ({"state": "fail"}, 0),
    ({"reason": "purchase"}, 3),
    ({"reason": "plan_change"}, 0),
    ({"plan": "premium"}, 1),
    ({"plan": "sport"}, 0),
    ({"sent": "waiting"}, 1),
    ({"sent": "sent"}, 1),
    ({"user": "alice"}, 1),
    ({"user": "Alice@Example.com"}, 1),
    ({"user": "nobody"}, 0),
    ({"since": "2027-01-11"}, 2),
    ({"until": "2027-01-11"}, 2),
    ({"since": "2027-01-11", "until": "2027-01-11"}, 1),
    ({"state": "paid", "plan": "premium", "since": "2027-01-11", "user": "boris"}, 1),
)


def test_invoices_are_filtered_by_what_the_address_says(world: World, subtests: pytest.Subtests) -> None:
    three_invoices(world)
    visitor = Visitor(world, "viewer")
    for asked, count in ASKED:
        with subtests.test(str(asked)):
            visitor.open(f"/admin/invoices/?{urlencode(asked)}")
            assert len(firsts(visitor)) == count, visitor.read
            assert ("No row fits these filters." in visitor.read) is (count == 0)


@on_sqlite
def test_a_filter_that_cannot_be_understood_says_so_and_hides_nothing(world: World) -> None:
    three_invoices(world)
    visitor = Visitor(world, "viewer")
    for asked in ("state=lost", "since=yesterday", "plan=none"):
        visitor.open(f"/admin/invoices/?{asked}")
        assert len(firsts(visitor)) == 3, asked
        assert visitor.page.find(".//main//p[@class='error']") is not None, asked
    assert visitor.client.get("/admin/invoices/?user=%00").status_code == 200


def three_invoices(world: World) -> None:
    """Alice's paid and told, Boris's paid the day after and not yet told, Clara's not paid, another day later."""
    world.bought("alice")
    world.clock.at += DAY
    world.bought("boris", plan="premium")
    world.write("UPDATE outbox SET published_at = NULL WHERE user_id = 'boris'")
    world.clock.at += DAY
    world.buy(world.sign_in("clara"))


def test_payments_are_filtered_as_well(world: World) -> None:
    three_invoices(world)
    world.write("UPDATE payments SET review_at = created_at WHERE user_id = 'clara'")
    visitor = Visitor(world, "viewer")
    for asked, count in {
        "": 3, "state=succeeded": 2, "state=requires_action": 1, "state=failed": 0, "review=yes": 1,
        "provider=sandbox": 3, "user=boris": 1, "user=boris@example.com": 1, "user=nobody": 0, "since=2027-01-12": 1,
        "state=succeeded&until=2027-01-10": 1,
    }.items():  # fmt: skip
        assert len(firsts(visitor.open(f"/admin/payments/?{asked}"))) == count, asked
    visitor.open("/admin/payments/").click("Those that need a look").says("Needs a look", "clara@example.com")


def test_refunds_are_filtered_as_well(world: World) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    Visitor(world).open(f"/cabinet/invoices/{invoice}/refund").press("Ask for", choice="other", amount="5")
    visitor = Visitor(world, "viewer")
    for asked, count in {
        "": 1, "state=requested": 1, "state=succeeded": 0, "reason=customer": 1, "reason=late": 0, "user=alice": 1,
        "user=boris": 0, "since=2027-01-10&until=2027-01-10": 1, "until=2027-01-09": 0,
    }.items():  # fmt: skip
        assert len(firsts(visitor.open(f"/admin/refunds/?{asked}"))) == count, asked


@on_sqlite
def test_the_list_of_invoices_says_what_was_sent(world: World) -> None:
    three_invoices(world)
    visitor = Visitor(world, "viewer").open("/admin/invoices/")
    visitor.says("M-2027-000003 clara@example.com Not paid Nothing to send RUB 299.00 Standard Purchase")
    visitor.says("M-2027-000002 boris@example.com Paid Waits to be sent RUB 499.00 Premium Purchase")
    visitor.says("M-2027-000001 alice@example.com Paid Sent RUB 299.00 Standard Purchase 10 January 2027, 12:00 MSK")


@on_sqlite
def test_a_place_that_is_none_of_ours_is_refused_in_words(world: World) -> None:
    visitor = Visitor(world, "viewer")
    for kind in LISTS:
        assert visitor.open(f"/admin/{kind}/?before=abc").status == 400
        assert visitor.open(f"/admin/{kind}/{UUID(int=1)}").status == 404


@on_sqlite
def test_an_invoice_says_everything_about_itself(world: World) -> None:
    world.bought("alice")
    visitor = Visitor(world, "viewer").open("/admin/invoices/").click("M-2027-000001")
    visitor.says("Invoice M-2027-000001 Paid", "Paid time 10 January 2027, 12:00 MSK — 10 February 2027, 12:00 MSK")
    visitor.says("Standard RUB 299.00 1 RUB 0.00 RUB 299.00", "Total RUB 299.00", "Nothing was given back.")
    visitor.says("Charged for Purchase", "Time zone of the subscription Europe/Moscow", "Intervals bought 1")
    visitor.says("1 subscription.activated Sent 1", "Invoice M-2027-000001 issued for RUB 299.00. Customer alice")
    visitor.says("Payment received. Payment system sandbox", "not_paid → paid", '"number": "M-2027-000001"')
    refs = [one.text for one in visitor.page.iter("code") if one.get("class") == "ref"]
    payment = world.one("SELECT provider_ref FROM payments")["provider_ref"]
    assert {payment, "alice", f"payment:{any_id(world, 'payments')}"} <= set(refs)
    places = " ".join(visitor.links())
    for place in (
        "/admin/customers/customer?",
        "id=alice",
        "/admin/subscriptions/",
        "/admin/plans/",
        "/admin/outbox/1",
    ):
        assert place in places
    visitor.click("← Invoices")
    assert visitor.path == "/admin/invoices/"


@on_sqlite
def test_a_declined_payment_is_explained_to_operators(world: World) -> None:
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"], DECLINES)
    world.drain()
    payment = read_id(world, "SELECT id FROM payments WHERE state = 'failed'")
    visitor = Visitor(world, "viewer").open(f"/admin/payments/{payment}")
    visitor.says("Declined", "The bank said no for now; it may say yes later. Reason: not enough money.")
    visitor.says("soft / insufficient_funds", "Price of an interval RUB 299.00", "none was kept")


@on_sqlite
def test_a_renewal_says_what_its_sum_was_reckoned_from(world: World) -> None:
    world.bought("alice")
    world.clock.at = START + 31 * DAY
    world.pass_time(timedelta(hours=1))
    payment = read_id(world, "SELECT id FROM payments ORDER BY id DESC")
    visitor = Visitor(world, "viewer").open(f"/admin/payments/{payment}")
    visitor.says("The saved method was charged", "Charged for Renewal", "Intervals used before it 1")
    visitor.says("Intervals are counted from 10 January 2027, 12:00 MSK", "Declined tries before it 0", "By itself")


@pytest.mark.fault("A10")
@on_sqlite
def test_what_customers_and_operators_typed_is_text_and_nothing_else(world: World) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    ask = Visitor(world).open(f"/cabinet/invoices/{invoice}/refund")
    ask.press("Ask for", choice="other", amount="5", comment=EVIL)
    names = f'{{"en": "{EVIL}"}}'
    for statement in (
        "UPDATE users SET email = :evil",
        "UPDATE plans SET names = :names",
        "UPDATE invoice_lines SET names = :names",
        "UPDATE payment_methods SET title = :evil",
        "UPDATE payments SET note = :evil, provider_ref = :evil",
        "UPDATE refunds SET note = :evil, provider_ref = :evil",
        "UPDATE outbox SET last_error = :evil",
    ):
        world.write(
            statement, **{name: value for name, value in (("evil", EVIL), ("names", names)) if f":{name}" in statement}
        )
    payment, refund = any_id(world, "payments"), any_id(world, "refunds")
    visitor = Visitor(world, "finance")
    for path in (
        "invoices/",
        f"invoices/{invoice}",
        "payments/",
        f"payments/{payment}",
        f"payments/{payment}/refund",
        "refunds/",
        f"refunds/{refund}",
        f"refunds/{refund}/approve",
        f"refunds/{refund}/reject",
        f"search/?q={quote(EVIL)}",
    ):
        visitor.open(f"/admin/{path}")
        assert visitor.status == 200, path
        assert EVIL not in visitor.answer.text, path
        assert EVIL in visitor.read, path
        assert len(list(visitor.page.iter("h1"))) == 1, path


@on_sqlite
def test_reading_writes_nothing(world: World) -> None:
    long_past(world, 3)
    visitor = Visitor(world, "admin").open("/admin/invoices/")
    before = world.counts() | {"activity": world.count("activity")}
    for kind in ("invoice", "payment", "refund"):
        visitor.open(f"/admin/{kind}s/{any_id(world, f'{kind}s')}").open(f"/admin/{kind}s/")
    assert world.counts() | {"activity": world.count("activity")} == before
