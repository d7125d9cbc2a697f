"""Who calls too often is told so, in real time; webhooks and health never are."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from werkzeug.test import TestResponse

from portal.config import Settings
from tests.world import Caller, World


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def limited(make_world: Callable[..., World]) -> Callable[..., World]:
    def make(**settings: int) -> World:
        world = make_world(**settings)
        world.seed()
        return world

    return make


def write(who: Caller) -> int:
    return who.post("/purchases", {"product_id": "nothing", "product_count": 1}).status_code


@pytest.mark.fault("N8")
def test_a_user_who_writes_too_often_waits_and_nobody_else_does(limited: Callable[..., World]) -> None:
    world = limited(writes_per_minute=3)
    alice, boris = world.sign_in("alice"), world.sign_in("boris")
    assert [write(alice) for _ in range(4)] == [400, 400, 400, 429]
    answer = alice.post("/purchases", {"product_id": "standard", "product_count": 1})
    assert (answer.status_code, answer.json["error_id"]) == (429, "rate_limited")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert set(answer.json) == {"error_id", "error_desc", "request_id"}
    assert write(boris) == 400
    assert alice.get("/purchases").status_code == 200
    assert world.count("invoices") == 0


def test_pages_are_counted_with_the_same_user_and_answered_with_a_page(limited: Callable[..., World]) -> None:
    world = limited(writes_per_minute=2)
    assert [write(world.sign_in("alice")) for _ in range(2)] == [400, 400]
    answer = world.browser("alice").post("/language", data={"lang": "en"})
    assert answer.status_code in (400, 429)
    browser = world.browser("alice")
    token = browser.get("/").text.partition('name="csrf_token" value="')[2].partition('"')[0]
    answer = browser.post("/language", data={"lang": "en", "csrf_token": token})
    assert answer.status_code == 429
    assert "Too many tries" in answer.text


@pytest.mark.fault("N8")
def test_who_has_no_good_token_is_counted_by_the_address(limited: Callable[..., World]) -> None:
    world = limited(writes_per_minute=2)
    for token, status in (("x", 401), ("y", 401), ("z", 429)):
        assert write(Caller(world.app.test_client(), token)) == status
    assert write(world.sign_in("alice")) == 400


def test_an_address_that_calls_too_often_waits_whatever_it_reads(limited: Callable[..., World]) -> None:
    world = limited(calls_per_minute=3)
    alice = world.sign_in("alice")
    assert [alice.get("/plans").status_code for _ in range(4)] == [200, 200, 200, 429]
    client = world.app.test_client()
    assert client.get("/plans", environ_base={"REMOTE_ADDR": "192.0.2.77"}).status_code != 429
    assert [client.get("/healthz").status_code for _ in range(5)] == [200] * 5
    told = [client.post("/webhooks/sandbox", data=b"{}").status_code for _ in range(5)]
    assert told == [400] * 5  # the proof is missing, and nothing else is


def test_the_api_says_of_each_limit_how_much_is_left(limited: Callable[..., World]) -> None:
    world = limited(writes_per_minute=2, calls_per_minute=50)
    alice = world.sign_in("alice")
    assert 0 < left_of(alice.get("/plans"))["calls"] < 50
    told = [alice.post("/purchases", {}) for _ in range(3)]
    assert [answer.status_code for answer in told] == [400, 400, 429]
    assert told[0].headers["RateLimit-Policy"] == '"calls";q=50;w=60, "writes";q=2;w=60'
    assert [left_of(answer)["writes"] for answer in told] == [1, 0, 0]
    assert left_of(world.sign_in("boris").post("/purchases", {}))["writes"] == 1
    page = world.browser("alice").get("/")
    assert page.status_code == 200
    assert "RateLimit" not in page.headers


def test_nobody_is_told_to_wait_longer_than_the_window(
    limited: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    just_begun = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)  # the limiter's clock counts whole minutes
    monkeypatch.setattr("time.time", just_begun.timestamp)
    monkeypatch.setattr("portal.web.limits.real_now", lambda: just_begun)
    alice = limited(writes_per_minute=1).sign_in("alice")
    told = [alice.post("/purchases", {}) for _ in range(2)]
    assert [answer.headers["RateLimit"].partition('"writes";')[2] for answer in told] == ["r=0;t=60"] * 2
    assert told[1].headers["Retry-After"] == "60"


def left_of(answer: TestResponse) -> dict[str, int]:
    """By the limit's name, as the field says it; each names the seconds until there is more, too."""
    found = re.findall(r'"(\w+)";r=(\d+);t=(\d+)(?:, |$)', answer.headers["RateLimit"])
    assert all(0 <= int(seconds) <= 60 for _, _, seconds in found)
    return {name: int(left) for name, left, _ in found}


def test_the_defaults_are_no_tighter_than_what_clients_were_promised() -> None:
    settings = Settings(_env_file=None)
    assert settings.writes_per_minute >= 60
    assert settings.calls_per_minute >= 1200


@pytest.mark.fault("D10")
def test_a_storage_that_is_away_holds_nobody_up(limited: Callable[..., World]) -> None:
    world = limited(ratelimit_storage_uri="redis://127.0.0.1:1/0", writes_per_minute=2)
    assert [write(world.sign_in("alice")) for _ in range(3)] == [400, 400, 429]
    assert left_of(world.sign_in("alice").get("/plans"))["calls"] > 0


@pytest.mark.fault("D10")
def test_a_storage_that_goes_away_between_counting_and_telling_costs_the_headers_only(
    limited: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise ConnectionError("gone")

    alice = limited().sign_in("alice")
    monkeypatch.setattr("limits.strategies.SlidingWindowCounterRateLimiter.get_window_stats", away)
    answer = alice.get("/plans")
    assert answer.status_code == 200
    assert "RateLimit" not in answer.headers


def test_behind_a_proxy_each_caller_is_counted_and_none_hides_behind_a_made_up_address(
    limited: Callable[..., World],
) -> None:
    def statuses(world: World, *forwarded: str) -> list[int]:
        client, proxy = world.app.test_client(), {"REMOTE_ADDR": "192.0.2.1"}
        headers = [{"X-Forwarded-For": one} for one in forwarded]
        return [client.get("/api/v1/plans", headers=one, environ_base=proxy).status_code for one in headers]

    one, another = "203.0.113.7", "203.0.113.8"
    behind = limited(calls_per_minute=2, trusted_proxies=1)
    assert statuses(behind, one, one, one, another) == [200, 200, 429, 200]
    made_up = [f"198.51.100.{number}, {another}" for number in range(3)]
    assert statuses(behind, *made_up) == [200, 429, 429]

    open_to_all = limited(calls_per_minute=2)
    assert statuses(open_to_all, "198.51.100.1", "198.51.100.2", "198.51.100.3") == [200, 200, 429]


def test_a_consent_is_recorded_as_given_from_the_customers_own_address(limited: Callable[..., World]) -> None:
    world = limited(trusted_proxies=1)
    order = {"product_id": "standard", "product_count": 1}
    world.sign_in("alice").post("/purchases", order, headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"})
    assert {row["address"] for row in world.rows("SELECT address FROM consents")} == {"203.0.113.7"}
