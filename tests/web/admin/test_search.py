"""The one search box: what opens at once, what is listed, and what finds nothing."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote, urlsplit
from uuid import UUID

import pytest

from tests.web.admin.ledger import any_id
from tests.web.admin.statements import Statements
from tests.web.cabinet.visitor import Visitor
from tests.world import World

DAY = timedelta(days=1)
HELP = "the last four digits of a card and the day"
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def found(world: World, typed: str) -> str:
    """Where the search leads at once; "" where it does not."""
    answer = world.browser("viewer").get("/admin/search/", query_string={"q": typed})
    assert answer.status_code in (200, 303), answer.text
    return answer.headers.get("Location", "")


def test_whatever_has_a_name_opens_at_once(world: World, subtests: pytest.Subtests) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    Visitor(world).open(f"/cabinet/invoices/{invoice}/refund").press("Ask for the refund")
    payment, refund, subscription = (any_id(world, table) for table in ("payments", "refunds", "subscriptions"))
    event = world.rows("SELECT seq, id FROM outbox ORDER BY seq")[0]
    webhook = world.rows("SELECT seq, event_id FROM inbox ORDER BY seq")[0]
    method = world.one("SELECT customer_ref, method_ref FROM payment_methods")
    alice = "/admin/customers/customer?id=alice"
    names = {
        "alice@example.com": alice,
        " Alice@Example.COM ": alice,
        "alice": alice,
        str(any_id(world, "payment_methods")): alice,
        method["customer_ref"]: alice,
        method["method_ref"]: alice,
        "M-2027-000001": f"/admin/invoices/{invoice}",
        "m-2027-000001": f"/admin/invoices/{invoice}",
        invoice: f"/admin/invoices/{invoice}",
        UUID(invoice).hex: f"/admin/invoices/{invoice}",
        str(subscription): f"/admin/subscriptions/{subscription}",
        str(payment): f"/admin/payments/{payment}",
        f"payment:{payment}": f"/admin/payments/{payment}",
        world.one("SELECT provider_ref FROM payments")["provider_ref"]: f"/admin/payments/{payment}",
        str(refund): f"/admin/refunds/{refund}",
        f"refund:{refund}": f"/admin/refunds/{refund}",
        world.one("SELECT provider_ref FROM refunds")["provider_ref"]: f"/admin/refunds/{refund}",
        str(UUID(str(event["id"]))): f"/admin/outbox/{event['seq']}",
        webhook["event_id"]: f"/admin/inbox/{webhook['seq']}",
        "4242 2027-01-10": f"/admin/payments/{payment}",
        "4242 10.01.2027": f"/admin/payments/{payment}",
        "2027-01-10  4242": f"/admin/payments/{payment}",
    }
    for typed, place in names.items():
        with subtests.test(typed):
            assert found(world, typed) == place
    plan = world.rows("SELECT id FROM plans ORDER BY code")[0]["id"]
    assert found(world, str(UUID(str(plan)))) == f"/admin/plans/{UUID(str(plan))}"


def test_several_things_of_one_name_are_listed_with_what_they_are(world: World) -> None:
    world.bought("alice")
    world.bought("boris")
    world.write("UPDATE payments SET provider_ref = 'shared'")
    visitor = Visitor(world, "viewer").open("/admin/search/?q=shared")
    visitor.says("Several things are called shared.", "Payment", "alice", "boris")
    links = [link for link in visitor.links() if link.startswith("/admin/payments/")]
    assert len(links) == 2
    visitor.open(links[0]).click("←")
    assert visitor.path == "/admin/search/?q=shared"


def test_the_day_of_a_card_is_the_portals_own_day(world: World) -> None:
    world.bought("alice")
    world.clock.at += timedelta(hours=13)  # 01:00 on the eleventh in Moscow
    world.bought("boris")
    assert found(world, "4242 2027-01-10") != found(world, "4242 2027-01-11") != ""
    world.bought("clara")
    Visitor(world, "viewer").open("/admin/search/?q=4242+2027-01-11").says("Several", "boris", "clara", "Visa ·· 4242")
    assert found(world, "4242 2027-01-12") == found(world, "0000 2027-01-11") == ""


@on_sqlite
@pytest.mark.parametrize(
    "typed",
    ["", " ", "nobody", "a\x00b", "x" * 5000, "%", "_", "4242", "4242 2027-02-30", "2027-01-10", "payment:abc",
     "4242 0000-00-00", "٤٢٤٢ 2027-01-10", "\ud800".encode("utf-8", "replace").decode(), "' OR 1=1 --", "{}", "🎬"],
)  # fmt: skip
def test_what_finds_nothing_says_what_can_be_searched_for(world: World, typed: str) -> None:
    visitor = Visitor(world, "viewer").open(f"/admin/search/?q={quote(typed)}")
    assert visitor.status == 200
    visitor.says("Only exact names are found", HELP)


@on_sqlite
def test_a_search_is_two_statements_at_the_most_beside_who_reads_it(world: World) -> None:
    world.bought("alice")
    statements, visitor = Statements(world), Visitor(world, "viewer")
    for typed in ("nobody", "4242 2027-01-12", "00000000-0000-0000-0000-000000000001", "x" * 400):
        assert statements.of(visitor, f"/admin/search/?q={quote(typed)}") <= 4, typed  # with BEGIN and the language


@on_sqlite
def test_strangers_search_nothing(world: World) -> None:
    assert Visitor(world, "alice").open("/admin/search/?q=alice").status == 403
    away = world.app.test_client().get("/admin/search/?q=alice")
    assert urlsplit(away.headers["Location"]).path.startswith("/auth")
