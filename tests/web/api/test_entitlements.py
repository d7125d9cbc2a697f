"""What other services read of a user's rights, and with which token."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

import pytest

from portal.config import Misconfigured, load_settings
from tests.world import Caller, World


def test_the_endpoint_carries_what_the_last_event_carried(world: World, service: Caller) -> None:
    world.bought("alice")

    answer = service.get("/users/alice/entitlements")

    assert answer.status_code == 200
    told = json.loads(world.auth.sent[-1].body)["data"]
    for name in ("user_id", "version", "tokens_from_version", "subscriptions"):
        assert answer.json[name] == told[name]
    assert answer.json["subscriptions"] == [
        {
            "subscription_id": told["subscription_id"],
            "plan": "standard",
            "features": answer.json["subscriptions"][0]["features"],
            "from": "2027-01-10T09:00:00Z",
            "until": "2027-02-17T09:00:00Z",
            "auto_renew": True,
            "status": "active",
        }
    ]


def test_an_unknown_user_has_version_0_and_nothing(service: Caller) -> None:
    answer = service.get("/users/nobody|we/know/entitlements")

    assert answer.status_code == 200
    assert answer.json == {
        "user_id": "nobody|we/know",
        "version": 0,
        "tokens_from_version": 0,
        "subscriptions": [],
    }


def test_an_id_with_a_line_break_is_refused_like_any_that_cannot_be_one(world: World, service: Caller) -> None:
    for path in ("/users/a%0Ab/entitlements", "/users/%0A/entitlements", "/users/a%09b/entitlements"):
        answer = service.get(path)
        assert (answer.status_code, answer.json["error_id"]) == (400, "invalid_request"), path
        assert world.app.test_client().get(f"/api/v1{path}").status_code == 401


def test_somebody_who_never_paid_has_version_0_and_nothing(world: World, alice: Caller, service: Caller) -> None:
    world.buy(alice)

    answer = service.get("/users/alice/entitlements").json

    assert (answer["version"], answer["subscriptions"]) == (0, [])


def test_every_live_subscription_is_there_and_no_ended_one(world: World, alice: Caller, service: Caller) -> None:
    world.bought("alice", "standard")
    world.bought("alice", "sport")
    plans = {row["plan"] for row in service.get("/users/alice/entitlements").json["subscriptions"]}
    assert plans == {"standard", "sport"}

    sport = next(one for one in alice.get("/subscriptions").json if one["product_id"] == "sport")
    alice.post(f"/subscriptions/{sport['subscription_id']}/cancel", {"when": "now"})

    answer = service.get("/users/alice/entitlements").json
    assert [row["plan"] for row in answer["subscriptions"]] == ["standard"]
    assert answer["version"] == 3


def test_access_that_has_run_out_is_gone_before_any_event(world: World, service: Caller) -> None:
    world.bought("alice")
    world.clock.at += timedelta(days=60)

    assert service.get("/users/alice/entitlements").json["subscriptions"] == []


def test_only_a_service_gets_an_answer(world: World) -> None:
    client = world.app.test_client()

    for header in (None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic cinema-test-token", "cinema-test-token"):
        headers = {} if header is None else {"Authorization": header}
        answer = client.get("/api/v1/users/alice/entitlements", headers=headers)
        assert (answer.status_code, answer.json["error_id"]) == (401, "unauthorized"), header
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_persons_token_is_no_services_token_and_the_other_way_round(alice: Caller, service: Caller) -> None:
    assert alice.get("/users/alice/entitlements").status_code == 401
    assert service.get("/subscriptions").status_code == 401


def test_knowing_a_digest_opens_nothing(world: World) -> None:
    digest = world.settings.services[0][1]

    assert Caller(world.app.test_client(), digest).get("/users/alice/entitlements").status_code == 401


def test_a_service_may_have_two_tokens_while_one_is_replaced(make_world: Callable[..., World]) -> None:
    tokens = ",".join(f"auth:{sha256(token).hexdigest().upper()}" for token in (b"old", b"new"))
    client = make_world(service_tokens=tokens).app.test_client()

    assert [Caller(client, token).get("/users/x/entitlements").status_code for token in ("old", "new")] == [200, 200]


def test_a_token_taken_out_of_the_settings_opens_nothing_any_more_and_the_others_do(
    make_world: Callable[..., World],
) -> None:
    pairs = [f"{name}:{sha256(name.encode()).hexdigest()}" for name in ("cinema", "auth", "support-desk")]

    def opens(world: World) -> list[int]:
        names = ("cinema", "auth", "support-desk")
        return [Caller(world.app.test_client(), name).get("/users/x/entitlements").status_code for name in names]

    assert opens(make_world(service_tokens=", ".join(pairs))) == [200, 200, 200]
    assert opens(make_world(service_tokens=", ".join((pairs[0], pairs[2])))) == [200, 401, 200]


def test_without_service_tokens_nobody_asks(make_world: Callable[..., World]) -> None:
    client = make_world(service_tokens="").app.test_client()

    assert Caller(client, "").get("/users/alice/entitlements").status_code == 401


def test_what_cannot_be_an_id_is_refused(service: Caller) -> None:
    for id_ in ("a%00b", "a%7fb", "x" * 256):
        answer = service.get(f"/users/{id_}/entitlements")
        assert (answer.status_code, answer.json["error_id"]) == (400, "invalid_request")


@pytest.mark.parametrize("value", ["cinema", "cinema:secret", f":{'0' * 64}", f"cinema:{'0' * 63}", f"a b:{'0' * 64}"])
def test_a_half_written_setting_refuses_to_start_with_one_line(value: str) -> None:
    with pytest.raises(Misconfigured, match=r"^matinee: set SERVICE_TOKENS to name:sha256 pairs"):
        load_settings(_env_file=None, app_env="test", service_tokens=value)
