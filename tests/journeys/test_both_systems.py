"""One customer's whole life over HTTP, the same with every payment system behind the portal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from portal.audit.run import violations
from portal.config import Settings
from portal.demo.sandbox.cards import BY_NAME
from portal.services.audit import Books
from tests.conftest import settings_for
from tests.journeys.serving import served
from tests.journeys.shopper import Shopper
from tests.journeys.waiting import free_port
from tests.services.promise import uuid_of
from tests.stripe_wire.world import StripeWorld, stripe_world
from tests.world import World, csrf_of

MONTH = timedelta(days=32)
FILM, PREMIERE = "lighthouse", "second-moon"


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture(params=["sandbox", "stripe"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, database_url: str, secrets_template: Path) -> Iterator[World]:
    shutil.copytree(secrets_template, tmp_path / "secrets", dirs_exist_ok=True)
    with opened(request.param, tmp_path, database_url) as world:
        yield world


@contextmanager
def opened(system: str, folder: Path, database_url: str) -> Iterator[World]:
    """The portal at an address of its own; the payment system is called, and calls back, over sockets."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"

    def make(**more: object) -> Settings:
        return settings_for(folder, database_url, public_url=origin, **more)

    with ExitStack() as stack:
        if system == "stripe":
            world: World = stack.enter_context(stripe_world(folder, make))
        else:
            world = World(make(sandbox_url=f"{origin}/sandbox"))
            stack.callback(world.close)
            world.seed()
        world.deliverer.close()
        world.deliverer = _webhooks(world, f"{origin}/webhooks/{system}")
        stack.enter_context(served(world.app, port))
        yield world


def _webhooks(world: World, door: str) -> Any:
    return world.stripe.teller(door) if isinstance(world, StripeWorld) else world.sandbox.deliverer(door)


class Customer(Shopper):
    """A browser and an app of one person."""

    def __init__(self, world: World, login: str) -> None:
        super().__init__(world.settings.origin, login)
        self._world = world

    def call(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self.http.post(f"/api/v1{path}", json=body, headers={"Authorization": f"Bearer {self.access}"})

    def buys(self, plan: str, card: str = "good") -> str:
        self.refresh()
        order = self.order(plan).raise_for_status().json()
        self.fills_in(order["redirect_url"], card)
        assert self.state(order["invoice_guid"]) == "paid"
        return str(order["invoice_guid"])

    def fills_in(self, page: str, card: str) -> None:
        """Which takes a minute."""
        self._world.pass_time(timedelta(minutes=1))
        led_to = self.pay(page, BY_NAME[card].number).headers["Location"]
        if led_to.endswith("/confirm"):
            self.confirms(httpx.URL(page).join(led_to))
        self._world.drain()

    def confirms(self, page: httpx.URL | str) -> None:
        """To their bank that it is they who pay."""
        assert self.http.post(page, data={"decision": "confirm"}).status_code == 303
        self._world.drain()

    def adds_card(self, card: str) -> None:
        form = {"csrf_token": csrf_of(self.page("/cabinet/methods/add")), "renewal": "on"}
        answer = self.http.post("/cabinet/methods/add", data=form)
        self.fills_in(answer.headers["Location"], card)
        self._world.run_jobs()
        self._world.drain()

    def page(self, path: str) -> str:
        self.refresh()
        self.http.cookies.set(self._world.settings.auth_cookie, self.access)
        answer = self.http.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def watches(self, film: str) -> bool:
        self.refresh()
        return self.get(f"/cinema/{film}").status_code == 200

    def subscription(self) -> dict[str, Any]:
        """The newest."""
        self.refresh()
        found: list[dict[str, Any]] = self.get("/api/v1/subscriptions").raise_for_status().json()
        return found[0]


def test_one_life_is_the_same_with_every_payment_system(shop: World) -> None:
    alice = Customer(shop, "alice")
    alice.buys("standard")
    assert alice.watches(FILM)
    assert not alice.watches(PREMIERE)

    shop.pass_time(MONTH)  # renewed
    assert (alice.subscription()["status"], len(taken(shop))) == ("active", 2)

    alice.adds_card("once")  # good on the page, declined at every renewal
    shop.pass_time(MONTH)
    assert (alice.subscription()["status"], len(taken(shop))) == ("past_due", 2)
    assert alice.watches(FILM)  # grace
    alice.adds_card("good")
    assert (alice.subscription()["status"], len(taken(shop))) == ("active", 3)

    alice.adds_card("always_asks")
    shop.pass_time(MONTH)
    assert len(taken(shop)) == 3
    asked = shop.one("SELECT invoice_id, redirect_url FROM payments WHERE state = 'requires_action'")
    waiting = f"/payments/{uuid_of(asked['invoice_id'])}"
    assert waiting in alice.page("/cabinet")
    assert asked["redirect_url"] in alice.page(waiting)
    alice.confirms(f"{asked['redirect_url']}/confirm")
    assert (alice.subscription()["status"], len(taken(shop))) == ("active", 4)

    alice.adds_card("good")
    shop.pass_time(timedelta(minutes=1))
    changing = f"/subscriptions/{alice.subscription()['subscription_id']}/change"
    quoted = alice.call(f"{changing}/preview", {"product_id": "premium"}).raise_for_status().json()
    changed = alice.call(changing, {"product_id": "premium", "quote": quoted["quote"]}).raise_for_status().json()
    shop.drain()
    assert alice.watches(PREMIERE)

    offers = alice.get(f"/api/v1/invoices/{changed['invoice_guid']}/refund-offers").raise_for_status().json()
    assert offers
    given = alice.call("/refunds", {"invoice_guid": changed["invoice_guid"], "price": offers[0]["price"]})
    given.raise_for_status()
    shop.drain()
    assert alice.get(f"/api/v1/refunds/{given.json()['refund_guid']}").json()["state"] == "succeeded"

    boris = Customer(shop, "boris")
    disputed = boris.buys("standard", "disputed")
    shop.pass_time(timedelta(days=7))
    assert [row["state"] for row in shop.rows("SELECT state FROM disputes")] == ["open"]
    boris.refresh()
    wanted = {"invoice_guid": disputed, "price": {"amount": 100, "currency": "RUB"}}
    assert boris.call("/refunds", wanted).status_code == 409
    assert boris.watches(FILM)
    ended = boris.call(f"/subscriptions/{boris.subscription()['subscription_id']}/cancel", {"when": "now"})
    assert ended.json()["status"] == "ended"
    shop.drain()
    assert not boris.watches(FILM)

    alice.close()
    boris.close()
    with shop.app.app_context():
        assert list(violations(now=shop.clock.now(), provider=Books(), auth=shop.rights)) == []


def taken(world: World) -> list[dict[str, Any]]:
    """What the payment system's own book says was taken."""
    book = world.stripe.book if isinstance(world, StripeWorld) else world.sandbox.book
    return book.charges()
