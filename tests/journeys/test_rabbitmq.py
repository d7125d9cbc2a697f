"""The same purchase on PostgreSQL, RabbitMQ and Redis, as another service hears of it; and a broker that dies."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest

from tests.journeys.broker import Broker, Heard, Listener, QueuesGone, vhost_of_our_own
from tests.journeys.conftest import Visit, empty_database, running
from tests.journeys.demo import Demo
from tests.journeys.waiting import until

REDIS = os.environ.get("TEST_REDIS_URL") or "redis://127.0.0.1:6379/15"
ROOT = Path(__file__).parents[2]
EXAMPLE = "docs/examples/auth-consumer"
SHOWN_BROKER = "amqp://guest:guest@127.0.0.1:5672/%2f"
HALF_AN_HOUR = 150  # seconds; people read as well
ENVELOPE = {"specversion", "id", "source", "type", "time", "subject", "datacontenttype", "data"}
DATA = {
    "user_id",
    "version",
    "tokens_from_version",
    "revoke_before",
    "subscription_id",
    "reason",
    "invoice_guid",
    "subscriptions",
}
RIGHT = {"subscription_id", "plan", "features", "from", "until", "auto_renew", "status"}
SETTLED = 90.0  # seconds: both sides of a broker that was away rest up to half a minute between two tries


@pytest.fixture(scope="module")
def on_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Listener]]:
    with empty_database() as database_url, vhost_of_our_own() as amqp_url:
        listener = Listener(amqp_url)
        folder = tmp_path_factory.mktemp("servers")
        with running(folder, DATABASE_URL=database_url, AMQP_URL=amqp_url, QUEUE_URL=REDIS) as demo:
            yield demo, listener


@pytest.mark.xdist_group("demo on servers")
def test_another_service_hears_of_every_purchase_as_the_contract_says(
    on_servers: tuple[Demo, Listener], visit: Visit
) -> None:
    demo, listener = on_servers
    bought = _buy_as_the_readme_says(demo, visit)
    visit(demo, "alice").buy("sport")
    visit(demo, "boris").buy("standard")

    until(lambda: sum(map(len, listener.versions().values())) == 3, 30, "three events")
    assert listener.versions() == {"alice": [1, 2], "boris": [1]}
    for heard in listener.heard:
        assert_is_of_the_contract(heard, demo)
    assert listener.heard[0].body["data"]["invoice_guid"] == bought


@pytest.mark.xdist_group("demo on servers")
def test_the_first_half_hour_works_as_its_page_says(on_servers: tuple[Demo, Listener], tmp_path: Path) -> None:
    """In a copy, because its consumer is installed anew and writes beside itself."""
    demo, _ = on_servers
    shutil.copytree(
        ROOT / EXAMPLE, tmp_path / EXAMPLE, ignore=shutil.ignore_patterns("node_modules"), copy_function=shutil.copy
    )
    typed = "".join(re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "first-half-hour.md").read_text(), re.DOTALL))
    for shown, ours in (("http://127.0.0.1:8000", demo.origin), (SHOWN_BROKER, demo.environ["AMQP_URL"])):
        assert typed.count(shown) == 1
        typed = typed.replace(shown, ours)

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", typed], cwd=tmp_path, capture_output=True, text=True, timeout=HALF_AN_HOUR
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "The film answers 200\n" in done.stdout
    assert done.stdout.endswith("The film is closed\n")
    kept = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"clara"')]
    assert [(one["clara"]["version"], len(one["clara"]["rights"])) for one in kept] == [(1, 1), (2, 0)]


def _buy_as_the_readme_says(demo: Demo, visit: Visit) -> str:
    alice, boris = visit(demo, "alice"), visit(demo, "boris")
    order = alice.order("premium").raise_for_status().json()
    alice.pay(order["redirect_url"])
    until(lambda: alice.state(order["invoice_guid"]) == "paid", 3, "the invoice is paid")
    until(lambda: alice.check() == 401, 5, "the old token is refused")
    alice.refresh()
    assert [right["plan"] for right in alice.claims["subscriptions"]] == ["premium"]
    assert alice.get("/cinema/second-moon").status_code == 200
    assert boris.get("/cinema/second-moon").status_code == 403
    return str(order["invoice_guid"])


def assert_is_of_the_contract(heard: Heard, demo: Demo) -> None:
    body, properties = heard.body, heard.properties
    assert (properties.delivery_mode, properties.content_type) == (2, "application/cloudevents+json")
    assert properties.message_id == body["id"]
    assert heard.routing_key == body["type"] == "subscription.activated"
    assert set(body) == ENVELOPE
    assert (body["specversion"], body["datacontenttype"]) == ("1.0", "application/json")
    assert body["source"].startswith(demo.origin)
    assert UUID(body["id"])
    assert datetime.fromisoformat(body["time"]).utcoffset() is not None
    data = body["data"]
    assert set(data) == DATA
    assert body["subject"] == data["user_id"]
    assert data["tokens_from_version"] == data["version"]
    assert datetime.fromisoformat(data["revoke_before"]) >= datetime.fromisoformat(body["time"])
    assert all(set(right) == RIGHT for right in data["subscriptions"])


@contextmanager
def a_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("broker") / "node")
    try:
        broker.start()
        yield broker
    finally:
        broker.forget()


@pytest.mark.fault("B1")
@pytest.mark.xdist_group("demo on a broker that dies")
def test_a_broker_killed_during_two_purchases_loses_nothing_and_nothing_is_applied_twice(
    tmp_path_factory: pytest.TempPathFactory, visit: Visit
) -> None:
    """Once more where the broker itself has lost a queue by its death: then there is nothing to deliver to."""
    try:
        _kill_it_during_two_purchases(tmp_path_factory, visit)
    except QueuesGone:
        _kill_it_during_two_purchases(tmp_path_factory, visit)


def _kill_it_during_two_purchases(tmp_path_factory: pytest.TempPathFactory, visit: Visit) -> None:
    with a_broker(tmp_path_factory) as broker, running(tmp_path_factory.mktemp("dying"), AMQP_URL=broker.url) as demo:
        listener = Listener(broker.url)
        alice, boris = visit(demo, "alice"), visit(demo, "boris")
        alice.buy("standard")
        until(lambda: listener.versions() == {"alice": [1]}, SETTLED, "the first event")

        order = boris.order("premium").raise_for_status().json()
        broker.keep(listener.queue)
        broker.kill()
        boris.pay(order["redirect_url"])
        until(lambda: boris.state(order["invoice_guid"]) == "paid", 10, "the invoice is paid")
        alice.buy("sport", seconds=20)
        assert boris.check() == 200
        assert len(demo.rows("SELECT seq FROM outbox WHERE published_at IS NULL")) == 2
        broker.revive(listener.queue)

        until(lambda: listener.versions() == {"alice": [1, 2], "boris": [1]}, SETTLED, "every event")
        until(lambda: len(applied(demo)) == 3, SETTLED, "Auth applied every event")
        assert sorted(applied(demo)) == [("alice", 1), ("alice", 2), ("boris", 1)]
        assert demo.rows("SELECT seq FROM outbox WHERE published_at IS NULL") == []
        until(lambda: boris.check() == 401, 5, "the old token is refused")


def applied(demo: Demo) -> list[tuple[str, int]]:
    found = demo.rows("SELECT user_id, version FROM auth_deliveries WHERE result = 'applied'", "auth_database")
    return [(row["user_id"], row["version"]) for row in found]
