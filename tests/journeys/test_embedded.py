"""The demo on its embedded defaults: a purchase from outside, then the same while its processes are killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.journeys.conftest import Visit, running
from tests.journeys.demo import Demo
from tests.journeys.waiting import until

pytestmark = pytest.mark.xdist_group("embedded demo")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running(tmp_path_factory.mktemp("embedded")) as demo:
        yield demo


def test_a_purchase_is_paid_in_three_seconds_and_the_refreshed_token_opens_the_film(demo: Demo, visit: Visit) -> None:
    alice, boris = visit(demo, "alice"), visit(demo, "boris")
    plans = {plan["product_id"]: plan for plan in alice.http.get("/api/v1/plans").json()}
    order = alice.order("premium").raise_for_status().json()
    assert 'name="card_number"' in alice.http.get(order["redirect_url"]).text
    assert alice.get("/cinema/second-moon").status_code == 403

    paid = alice.pay(order["redirect_url"], "4242424242424242")

    assert (paid.status_code, paid.headers["Location"]) == (303, f"{demo.origin}/payments/{order['invoice_guid']}")
    until(lambda: alice.state(order["invoice_guid"]) == "paid", 3, "the invoice is paid")
    old = alice.access
    until(lambda: alice.check(old) == 401, 3, "the old token is refused")
    assert alice.get("/cinema/second-moon", old).status_code == 401
    alice.refresh()
    assert alice.check() == 200
    (right,) = alice.claims["subscriptions"]
    assert (right["plan"], right["features"]) == ("premium", plans["premium"]["features"])
    assert alice.get("/cinema/second-moon").status_code == 200
    offered = boris.get("/cinema/second-moon")
    assert offered.status_code == 403
    assert 'href="/"' in offered.text


def test_each_call_of_the_api_is_in_the_log_with_its_caller_and_its_id(demo: Demo, visit: Visit) -> None:
    alice = visit(demo, "alice")
    named = {"Authorization": f"Bearer {alice.access}", "X-Request-Id": "looked-for-in-the-log"}
    alice.http.get("/api/v1/purchases", headers=named).raise_for_status()
    log = demo.data / "logs" / "web.log"
    until(lambda: "looked-for-in-the-log" in log.read_text(), 5, "the call is in the log")
    (line,) = [json.loads(line) for line in log.read_text().splitlines() if "looked-for-in-the-log" in line]
    assert (line["event"], line["caller"]) == ("GET /api/v1/purchases 200", "user:alice")


@pytest.mark.parametrize(
    ("victim", "login"), [("relay", "boris"), ("inbox", "clara"), ("deliver-webhooks", "support"), ("web", "viewer")]
)
def test_a_purchase_survives_a_process_that_is_killed_meanwhile(
    demo: Demo, visit: Visit, victim: str, login: str
) -> None:
    shopper = visit(demo, login)
    killed = demo.kill(victim)

    guid = shopper.buy("standard")

    until(lambda: demo.is_back(victim, killed), 60, f"{victim} is back")
    until(lambda: version_at_auth(demo, login) == 1, 60, "Auth knows")
    assert charges(demo, guid) == 1


@pytest.mark.fault("D10")
def test_a_killed_worker_and_a_queue_lost_twice_cost_time_and_nothing_else(demo: Demo, visit: Visit) -> None:
    """Lost while nobody runs and again under the running worker: the month that has passed is charged once."""
    visit(demo, "product").buy("sport")
    due, before = live(demo), last_beat(demo)
    demo.kill("worker")
    lose_queue(demo)
    until(lambda: last_beat(demo) != before, 120, "the worker is back")

    lose_queue(demo)
    travel(demo, timedelta(days=32))

    until(lambda: renewed(demo) == due, 150, "everybody is renewed", every=0.25)
    until(lambda: unpublished(demo) == 0, 60, "every event is published")
    taken = demo.rows("SELECT reference FROM sandbox_payments WHERE state = 'succeeded'", "sandbox_database")
    assert len(taken) == len({one["reference"] for one in taken}) == 2 * due
    until(lambda: len(applied(demo)) == 2 * due, 30, "Auth applied every event")
    assert version_gaps(demo) == []


def last_beat(demo: Demo) -> object:
    return demo.rows("SELECT beat_at FROM heartbeats WHERE process = 'worker'")[0]["beat_at"]


def lose_queue(demo: Demo) -> None:
    for file in demo.data.glob("queue.db*"):
        file.unlink()


def version_at_auth(demo: Demo, login: str) -> int:
    (row,) = demo.rows("SELECT version FROM auth_users WHERE id = :login", "auth_database", login=login)
    return int(row["version"])


def charges(demo: Demo, guid: str) -> int:
    """How often the provider took money for an invoice."""
    payments = demo.rows("SELECT id FROM payments WHERE invoice_id = :id", id=guid.replace("-", ""))
    book = demo.rows("SELECT reference FROM sandbox_payments WHERE state = 'succeeded'", "sandbox_database")
    taken = [row["reference"].removeprefix("payment:").replace("-", "") for row in book]
    return sum(taken.count(payment["id"]) for payment in payments)


def live(demo: Demo) -> int:
    return int(demo.rows("SELECT count(*) AS n FROM subscriptions WHERE state = 'active'")[0]["n"])


def renewed(demo: Demo) -> int:
    found = demo.rows("SELECT count(*) AS n FROM invoices WHERE reason = 'renewal' AND state = 'paid'")
    return int(found[0]["n"])


def unpublished(demo: Demo) -> int:
    return int(demo.rows("SELECT count(*) AS n FROM outbox WHERE published_at IS NULL")[0]["n"])


def travel(demo: Demo, step: timedelta) -> None:
    """The offset row alone: for the processes it is as if they had slept."""
    step_microseconds = int(step.total_seconds() * 1_000_000)
    demo.rows("INSERT INTO clock (id, offset_microseconds) VALUES (1, 0) ON CONFLICT DO NOTHING")
    demo.rows("UPDATE clock SET offset_microseconds = offset_microseconds + :step", step=step_microseconds)


def applied(demo: Demo) -> list[dict[str, Any]]:
    query = "SELECT user_id, version FROM auth_deliveries WHERE result = 'applied' ORDER BY seq"
    return demo.rows(query, "auth_database")


def version_gaps(demo: Demo) -> list[str]:
    """Auth applied each version of each user once, in order."""
    users = {row["user_id"] for row in applied(demo)}
    heard = {user: [row["version"] for row in applied(demo) if row["user_id"] == user] for user in users}
    return [f"{user}: {versions}" for user, versions in heard.items() if versions != list(range(1, len(versions) + 1))]
